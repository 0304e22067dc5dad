package telemetry

import (
	"context"
	"net/netip"
	"time"
)

// An Exchange is what is noted about one request and its answer while they
// travel. It belongs to the goroutine of the handler; others read it only
// after that has ended. It is never reused.
type Exchange struct {
	ID     string     // the request id, ours or a trusted peer's
	Trace  Trace      // our place in the distributed trace
	Start  time.Time  // when the request's head was read
	Client netip.Addr // the client's address, behind trusted proxies

	// Set on the way, once known. Empty means that the request did not get there.
	Route    string // the matched route's pattern: a label of bounded cardinality
	Subject  string // who is calling
	App      string // through which client app
	Code     string // the problem's code, for answers that are problems
	Missing  string // parts that an answer lacks, comma separated; of those that are shown otherwise, how: "picks:stale"
	Cache    string // hit, miss or empty
	Encoding string // content coding of the answer
	Err      error  // why, for the operator
}

type exchangeKey struct{}

// NewContext is ctx with the exchange.
func NewContext(ctx context.Context, x *Exchange) context.Context {
	return context.WithValue(ctx, exchangeKey{}, x)
}

// FromContext is the exchange of ctx. It is never nil: outside a request it is
// an empty one that nobody reads.
func FromContext(ctx context.Context) *Exchange {
	if x, ok := ctx.Value(exchangeKey{}).(*Exchange); ok {
		return x
	}
	return &Exchange{}
}
