// Package problem is the one error that a client may see: a problem document
// (RFC 9457) with a stable code.
//
// A [Problem] has two readers. The client reads its kind, its detail and its
// field errors; the operator reads its cause, which never leaves the gateway.
// Handlers return errors, and one place turns them into an answer with [From]
// and [Problem.Write]. An error that is no Problem is an internal one: its text
// is for the log only.
package problem

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// MediaType is the content type of a problem document (RFC 9457 §6.1).
const MediaType = "application/problem+json"

// A Problem is what went wrong with one request. The zero value is an internal
// error that says nothing.
type Problem struct {
	Kind       Kind
	Detail     string        // for the client: what happened this time, and what would help
	Fields     []Field       // for the client: which parts of the request are at fault
	Header     http.Header   // set on the answer, such as WWW-Authenticate or Allow
	RetryAfter time.Duration // sent in whole seconds, rounded up; zero sends nothing
	Cause      error         // for the operator; never sent
}

// A Field names one part of the request that is at fault.
type Field struct {
	Pointer string `json:"pointer"` // JSON Pointer (RFC 6901) into the body, or "?name" for a query parameter
	Detail  string `json:"detail"`
}

// New is a problem of this kind with a detail for the client.
func (k Kind) New(detail string) *Problem { return &Problem{Kind: k, Detail: detail} }

// Wrap is a problem of this kind with a detail for the client and the cause for
// the operator.
func (k Kind) Wrap(cause error, detail string) *Problem {
	return &Problem{Kind: k, Detail: detail, Cause: cause}
}

// Error is for the log: it includes the cause.
func (p *Problem) Error() string {
	text := p.Kind.Code()
	if p.Detail != "" {
		text += ": " + p.Detail
	}
	if p.Cause != nil {
		text += ": " + p.Cause.Error()
	}
	return text
}

// Unwrap is the cause.
func (p *Problem) Unwrap() error { return p.Cause }

// From is the problem that an error is or wraps. A body that is longer than
// allowed is [PayloadTooLarge], a cancelled context is [ClientClosed], one whose
// deadline has passed is [UpstreamTimeout], and everything else is [Internal]
// with the error as its cause. It is nil for nil.
func From(err error) *Problem {
	var p *Problem
	var long *http.MaxBytesError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &p):
		return p
	case errors.As(err, &long):
		return PayloadTooLarge.Wrap(err, fmt.Sprintf("The body may be at most %d bytes long.", long.Limit))
	case errors.Is(err, context.Canceled):
		return ClientClosed.Wrap(err, "")
	case errors.Is(err, context.DeadlineExceeded):
		return UpstreamTimeout.Wrap(err, "")
	default:
		return Internal.Wrap(err, "")
	}
}

// Ref ties an answer to the logs and traces of its request.
type Ref struct {
	Instance string // the request's id, as a URI reference
	TraceID  string // W3C trace id, 32 hexadecimal digits
}

// document is a Problem on the wire.
type document struct {
	Type      string  `json:"type"`
	Title     string  `json:"title"`
	Status    int     `json:"status"`
	Detail    string  `json:"detail,omitempty"`
	Instance  string  `json:"instance,omitempty"`
	Code      string  `json:"code"`
	TraceID   string  `json:"trace_id,omitempty"`
	Retryable bool    `json:"retryable"`
	Errors    []Field `json:"errors,omitempty"`
}

// Document is the problem as JSON (RFC 9457 §3), without a line end.
func (p *Problem) Document(ref Ref) []byte {
	kind := p.Kind.info()
	body, err := json.Marshal(document{
		Type: kind.uri, Title: kind.title, Status: kind.status, Detail: p.Detail,
		Instance: ref.Instance, Code: kind.code, TraceID: ref.TraceID,
		Retryable: kind.retryable, Errors: p.Fields,
	})
	if err != nil { // strings and numbers only: cannot happen
		body = []byte(`{"type":"about:blank","status":500,"code":"internal"}`)
	}
	return body
}

// Write sends the problem as the whole answer. Nothing may have been written
// to w before; headers that describe a body that will not be sent are removed.
func (p *Problem) Write(w http.ResponseWriter, ref Ref) {
	body := p.Document(ref)
	h := w.Header()
	for _, stale := range []string{"Content-Encoding", "ETag", "Last-Modified", "Content-Range"} {
		h.Del(stale)
	}
	for name, values := range p.Header {
		h[name] = values
	}
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.RetryAfter.Seconds()))))
	}
	h.Set("Content-Type", MediaType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(p.Kind.Status())
	_, _ = w.Write(body) // a client that has gone reads nothing; there is nobody to tell
}
