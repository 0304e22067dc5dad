package upstream

import "fmt"

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
	default:
		return "bad-answer"
	}
}

// An Error is a call without an answer.
type Error struct {
	Service string // the service's name in the configuration
	Code    Code
	Cause   error // for the operator; may be nil
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
