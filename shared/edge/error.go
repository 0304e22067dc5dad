package edge

import (
	"context"
	"errors"
	"net/http"

	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/telemetry"
)

// WriteError answers the request with the problem that err is, and notes it for
// the log. Where an answer has begun it cannot be taken back: then the connection
// or stream is cut, by panicking with [http.ErrAbortHandler], so that the client
// does not take a part for the whole.
//
// When the client has gone, failures are its leaving and not ours: they are noted
// as [problem.ClientClosed].
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	p, x := note(w, r, err)
	if rec := recorderOf(w); rec != nil && rec.status != 0 {
		panic(http.ErrAbortHandler)
	}
	p.Write(w, reference(x))
}

// Document is the problem document that err is, and notes it for the log as
// [WriteError] does. It is for an answer that has begun and has a place for one.
func Document(w http.ResponseWriter, r *http.Request, err error) []byte {
	p, x := note(w, r, err)
	return p.Document(reference(x))
}

func note(w http.ResponseWriter, r *http.Request, err error) (*problem.Problem, *telemetry.Exchange) {
	client := r.Context()
	if rec := recorderOf(w); rec != nil {
		client = rec.client
	}
	p := classify(err, errors.Is(client.Err(), context.Canceled))
	x := telemetry.FromContext(r.Context())
	x.Code, x.Err = p.Kind.Code(), err
	return p, x
}

// classify tells apart who gave up: a cancelled context is the client's leaving
// only if the client has left, and otherwise a fault of the gateway.
func classify(err error, gone bool) *problem.Problem {
	p := problem.From(err)
	switch {
	case gone && p.Kind.Status() >= 500:
		return problem.ClientClosed.Wrap(err, "")
	case !gone && p.Kind == problem.ClientClosed:
		return problem.Internal.Wrap(err, "")
	}
	return p
}

func reference(x *telemetry.Exchange) problem.Ref {
	ref := problem.Ref{Instance: x.ID}
	if x.Trace.ID != [16]byte{} {
		ref.TraceID = x.Trace.TraceID()
	}
	return ref
}
