package upstream

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/resilience"
)

// A Code says why a call had no answer. Its names are a promise to clients.
type Code uint8

// The codes.
const (
	BadAnswer   Code = iota // the service answered what is no valid answer
	Timeout                 // no answer within the time that the call had
	Unreachable             // no connection, or it broke before the answer was complete
	BreakerOpen             // not even tried, because the service has failed too often lately
	TooLarge                // the answer is longer than the service's MaxResponse
	Cancelled               // the caller left
	BadRequest              // never sent: the request's path, headers or message are malformed
)

// String is the code's stable name.
func (c Code) String() string {
	switch c {
	case Timeout:
		return "timeout"
	case Unreachable:
		return "unreachable"
	case BreakerOpen:
		return "breaker-open"
	case TooLarge:
		return "too-large"
	case Cancelled:
		return "cancelled"
	case BadRequest:
		return "bad-request"
	default:
		return "bad-answer"
	}
}

// An Error is a call without an answer.
type Error struct {
	Service string // the service's name in the configuration
	Code    Code
	Cause   error // for the operator; may be nil
	Unsent  bool  // nothing of the request has reached the service
}

// Error is for the log: it includes the cause.
func (e *Error) Error() string {
	if e.Cause == nil {
		return fmt.Sprintf("upstream %s: %s", e.Service, e.Code)
	}
	return fmt.Sprintf("upstream %s: %s: %v", e.Service, e.Code, e.Cause)
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Problem is what a client is told about a call without an answer, with err as
// the cause for the operator. It names neither the service nor its address. An
// error that is a problem already stays that problem; it is nil for nil.
func Problem(err error) *problem.Problem {
	var known *problem.Problem
	var long *http.MaxBytesError
	var failed *Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &long):
		return problem.PayloadTooLarge.Wrap(err, fmt.Sprintf("The body may be at most %d bytes long.", long.Limit))
	case errors.As(err, &failed):
		return failed.problem(err)
	default:
		return problem.From(err)
	}
}

func (e *Error) problem(cause error) *problem.Problem {
	switch e.Code {
	case Timeout:
		return problem.UpstreamTimeout.Wrap(cause, "A service that this answer needs took too long.")
	case Unreachable:
		return problem.Unreachable.Wrap(cause, "A service that this answer needs cannot be reached.")
	case BreakerOpen:
		p := problem.BreakerOpen.Wrap(cause, "A service that this answer needs is failing and is given a rest.")
		var open *resilience.OpenError
		if errors.As(e.Cause, &open) {
			p.RetryAfter = open.RetryAfter
		}
		return p
	case Cancelled:
		return problem.ClientClosed.Wrap(cause, "")
	case BadRequest:
		return problem.BadRequest.Wrap(cause, "The request cannot be passed on as it is.")
	default:
		return problem.BadUpstream.Wrap(cause, "A service that this answer needs gave none that can be used.")
	}
}
