package upstream

import (
	"bytes"
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/triptych-bff/triptych/shared/http1"
	"github.com/triptych-bff/triptych/shared/protojson"
)

// A Request is one call of a service. It is HTTP when RPC is nil, and gRPC
// otherwise. Once it is started nobody changes it, nor what it refers to: parts
// of it may still be on their way to the service after the call has ended.
type Request struct {
	// Operation names what is called, for metrics: a template such as
	// "GET /users/{id}" or a method's full name, never a value out of a request.
	Operation string

	Method string       // HTTP; empty is GET
	Path   string       // HTTP; escaped and canonical, begins with a slash
	Query  string       // HTTP; encoded, without the question mark
	Header http1.Fields // HTTP headers, or gRPC metadata; may be nil
	Body   []byte       // HTTP body; or the gRPC request as JSON where Message is nil

	RPC     *protojson.Method // the gRPC method
	Message proto.Message     // its request

	// Timeout bounds this call. The service's own time-out and the context's
	// deadline bound it as well: the earliest holds. Zero adds no bound.
	Timeout time.Duration

	// Reads says that the call changes nothing, so that calls of one caller that
	// are identical and under way at once may be made once. The zero value is made
	// on its own.
	Reads bool

	// Shared says that the answer is the same whoever asks, so that one answer
	// may serve several callers at once and be kept. The zero value shares nothing.
	Shared bool
}

// A Response is a whole answer. It belongs to all who hold it: nobody changes
// it, and nothing of it is used again unless it is released.
type Response struct {
	Status int          // HTTP; for gRPC the HTTP mapping of the status (google/rpc/code.proto)
	Header http1.Fields // HTTP headers with all lines of each, or gRPC metadata; stay when the body is released; may be nil
	Body   []byte       // as received; for gRPC the message as JSON, or nil where the status is not OK
	Detail string       // the gRPC status message: for the log, never for clients

	answer *http1.Answer // whose body it is; nil where Release does nothing
}

// Release gives the body's memory back, for another answer. Whoever alone holds
// the response may call it, and uses neither Body nor a piece of it afterwards;
// Header is no piece of it, and stays.
// Nobody has to.
func (r *Response) Release() {
	if r.answer != nil {
		r.answer.Release()
		r.answer, r.Body = nil, nil
	}
}

// Keep makes the response one that several may hold: Release does nothing from
// here on, and Body takes no more room than it is long. It is called before
// anybody else has the response.
func (r *Response) Keep() {
	if r.answer != nil {
		body := bytes.Clone(r.Body)
		r.Release()
		r.Body = body
	}
}

// A Caller starts calls.
type Caller interface {
	// Start begins a call and does not block. Every Pending that it returns is
	// waited for or cancelled. A call that cannot begin says so in Wait.
	Start(ctx context.Context, req *Request) Pending
}

// A Pending is a call under way. Either Wait or Cancel is called, exactly once,
// by any goroutine.
type Pending interface {
	// Wait is the answer. Any status is an answer, also 404 and 500; the error
	// is always an [*Error], and says that there was none. It returns when the
	// time of the call is over, or its context, at the latest.
	Wait() (*Response, error)

	// Ready is whether Wait would return at once. It may be called before Wait.
	Ready() bool

	// Cancel gives the call up, and does not block. The service's breaker counts
	// it neither as a success nor as a failure.
	Cancel()
}
