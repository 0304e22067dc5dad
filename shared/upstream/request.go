package upstream

import (
	"context"
	"net/http"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/triptych-bff/triptych/shared/protojson"
)

// A Request is one call of a service. It is HTTP when RPC is nil, and gRPC
// otherwise. Once it is started nobody changes it, nor what it refers to: parts
// of it may still be on their way to the service after the call has ended.
type Request struct {
	// Operation names what is called, for metrics: a template such as
	// "GET /users/{id}" or a method's full name, never a value out of a request.
	Operation string

	Method string      // HTTP; empty is GET
	Path   string      // HTTP; escaped and canonical, begins with a slash
	Query  string      // HTTP; encoded, without the question mark
	Header http.Header // HTTP headers, or gRPC metadata; may be nil
	Body   []byte      // HTTP body; or the gRPC request as JSON where Message is nil

	RPC     *protojson.Method // the gRPC method
	Message proto.Message     // its request

	// Timeout bounds this call. The service's own time-out and the context's
	// deadline bound it as well: the earliest holds. Zero adds no bound.
	Timeout time.Duration

	// Shared says that the answer is the same whoever asks, so that one answer
	// may serve several callers at once and be kept. The zero value shares nothing.
	Shared bool
}

// A Response is a whole answer. It belongs to all who hold it: nobody changes
// it, and nothing of it is ever reused.
type Response struct {
	Status int         // HTTP; for gRPC the HTTP mapping of the status (google/rpc/code.proto)
	Header http.Header // HTTP headers, or gRPC metadata; may be nil
	Body   []byte      // as received; for gRPC the message as JSON, or nil where the status is not OK
	Detail string      // the gRPC status message: for the log, never for clients
}

// A Caller starts calls.
type Caller interface {
	// Start begins a call and does not block. Every Pending that it returns is
	// waited for or cancelled. A call that cannot begin says so in Wait.
	Start(ctx context.Context, req *Request) Pending
}

// A Pending is a call under way. Exactly one of its methods is called, exactly
// once, by any goroutine.
type Pending interface {
	// Wait is the answer. Any status is an answer, also 404 and 500; the error
	// is always an [*Error], and says that there was none.
	Wait() (*Response, error)

	// Cancel gives the call up, and does not block. The service's breaker counts
	// it neither as a success nor as a failure.
	Cancel()
}
