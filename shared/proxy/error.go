package proxy

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/triptych-bff/triptych/shared/http1"
	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// fail answers with the problem that err is. Where an answer has begun it cannot
// be taken back, and the client must not take a part for the whole.
func (a *answer) fail(err error) {
	p := classify(err, a.gone())
	a.note(p, err)
	if a.begun {
		panic(http.ErrAbortHandler)
	}
	ref := problem.Ref{Instance: a.exchange.ID}
	if a.exchange.Trace.ID != [16]byte{} {
		ref.TraceID = a.exchange.Trace.TraceID()
	}
	if a.upload != nil && unsent(err) {
		a.upload.abandon()
	}
	a.closeIfEarly()
	p.Write(a.w, ref)
}

// unsent errors come before anybody began to read the body, so that net/http may.
func unsent(err error) bool {
	var failed *upstream.Error
	return errors.As(err, &failed) && failed.Unsent
}

func (a *answer) note(p *problem.Problem, err error) {
	a.exchange.Code, a.exchange.Err = p.Kind.Code(), err
}

func (a *answer) gone() bool { return errors.Is(a.request.Context().Err(), context.Canceled) }

// classify tells apart who gave up. When the client has gone, failures are its
// leaving; when it has not, a cancelled call is due to its body, which could
// not be read to the end.
func classify(err error, gone bool) *problem.Problem {
	p := upstream.Problem(err)
	switch {
	case gone && p.Kind.Status() >= 500:
		return problem.ClientClosed.Wrap(err, "")
	case !gone && p.Kind == problem.ClientClosed:
		return problem.BadRequest.Wrap(err, "The request's body could not be read.")
	}
	return p
}

func unusable(cause error) *problem.Problem {
	return problem.BadUpstream.Wrap(cause, "A service that this answer needs gave none that can be used.")
}

// refusal is the problem that stands for an answer of the service, or nil where
// the answer passes; hollow is whether it does so without its body.
func refusal(status int, h http1.Fields) (instead *problem.Problem, hollow bool) {
	if status < 400 {
		return nil, false
	}
	cause := fmt.Errorf("the service answered %d", status)
	if status >= 500 {
		return failure(status, h, cause), false
	}
	if isJSON(h.Get("Content-Type")) {
		return nil, false
	}
	kind, ok := refusals[status]
	if !ok {
		return nil, true
	}
	p := kind.Wrap(cause, "")
	p.Header = only(h, "Allow", "Www-Authenticate")
	p.RetryAfter = retryAfter(h)
	return p, false
}

// refusals are the problems whose status a service uses in the same sense.
var refusals = map[int]problem.Kind{
	http.StatusBadRequest:                  problem.BadRequest,
	http.StatusUnauthorized:                problem.Unauthenticated,
	http.StatusForbidden:                   problem.Forbidden,
	http.StatusNotFound:                    problem.NotFound,
	http.StatusMethodNotAllowed:            problem.MethodNotAllowed,
	http.StatusNotAcceptable:               problem.NotAcceptable,
	http.StatusRequestTimeout:              problem.RequestTimeout,
	http.StatusConflict:                    problem.Conflict,
	http.StatusRequestEntityTooLarge:       problem.PayloadTooLarge,
	http.StatusRequestURITooLong:           problem.URITooLong,
	http.StatusUnsupportedMediaType:        problem.UnsupportedMediaType,
	http.StatusTooManyRequests:             problem.RateLimited,
	http.StatusRequestHeaderFieldsTooLarge: problem.HeadersTooLarge,
}

func failure(status int, h http1.Fields, cause error) *problem.Problem {
	switch status {
	case http.StatusNotImplemented:
		return problem.NotSupported.Wrap(cause, "")
	case http.StatusServiceUnavailable:
		p := problem.Overloaded.Wrap(cause, "A service that this answer needs is overloaded.")
		p.RetryAfter = retryAfter(h)
		return p
	case http.StatusGatewayTimeout:
		return problem.UpstreamTimeout.Wrap(cause, "A service that this answer needs took too long.")
	default:
		return problem.BadUpstream.Wrap(cause, "A service that this answer needs failed.")
	}
}

func isJSON(contentType string) bool {
	kind, _, _ := mime.ParseMediaType(contentType)
	return kind == "application/json" || kind == problem.MediaType
}

// empty takes out of a head what describes the body that it has lost.
func empty(h http.Header) {
	for _, name := range []string{"Content-Type", "Content-Encoding", "Content-Language", "Etag", "Last-Modified"} {
		delete(h, name)
	}
	h["Content-Length"] = []string{"0"}
}

func only(h http1.Fields, names ...string) http.Header {
	some := make(http.Header)
	for _, name := range names {
		if values := h.Values(name); len(values) > 0 {
			some[name] = values
		}
	}
	return some
}

// maxRetryAfter is as long as clients are sent away for on a service's word.
const maxRetryAfter = 5 * time.Minute

// retryAfter reads seconds or a date (RFC 9110 §10.2.3). A date is measured by
// the service's own clock, which the Date header shows.
func retryAfter(h http1.Fields) time.Duration {
	value := h.Get("Retry-After")
	wait := time.Duration(0)
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if until, err := http.ParseTime(value); err == nil {
		if now, err := http.ParseTime(h.Get("Date")); err == nil {
			wait = until.Sub(now)
		}
	}
	return min(max(wait, 0), maxRetryAfter)
}
