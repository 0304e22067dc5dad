package edge

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/triptych-bff/triptych/shared/telemetry"
)

// observe writes the request's line and counts it, when it has ended.
func (e *edge) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &recorder{ResponseWriter: w, client: r.Context(), id: w.Header()[requestID]}
		x := telemetry.FromContext(r.Context())
		e.metrics.inFlight.Inc()
		aborted := true
		defer func() {
			e.metrics.inFlight.Dec()
			took := time.Since(x.Start)
			status := rec.final(aborted)
			e.metrics.count(x.Route, r.Method, status, took)
			e.log(r, x, rec, ending{status, took, aborted})
		}()
		next.ServeHTTP(rec, r)
		aborted = false
	})
}

// An ending is how a request ended. It was aborted when its connection or stream
// was cut instead of finishing the answer.
type ending struct {
	status  int
	took    time.Duration
	aborted bool
}

// maxLogged bounds what a client can make the log hold.
const maxLogged = 1024

// log writes what the operator wants to know and nothing that is secret: no
// query, which may carry a token, and no header.
func (e *edge) log(r *http.Request, x *telemetry.Exchange, rec *recorder, end ending) {
	level := slog.LevelInfo
	if end.status >= 500 || end.aborted && !rec.gone() {
		level = slog.LevelError
	}
	line := e.tel.Line(level, "request")
	if line == nil {
		return
	}
	line.Text("method", clip(r.Method))
	line.Text("route", x.Route)
	line.Text("path", clip(r.URL.Path))
	line.Int("status", int64(end.status))
	line.Int("bytes", rec.bytes)
	line.Milliseconds("ms", end.took)
	line.Text("client", x.Client.String())
	line.Text("protocol", r.Proto)
	line.Text("request_id", x.ID)
	line.Text("trace_id", x.Trace.TraceID())
	encoding := x.Encoding
	if encoding == "" {
		encoding = rec.Header().Get("Content-Encoding")
	}
	for _, f := range [...]struct{ name, value string }{
		{"subject", x.Subject},
		{"app", x.App},
		{"code", x.Code},
		{"missing", x.Missing},
		{"cache", x.Cache},
		{"encoding", encoding},
	} {
		if f.value != "" {
			line.Text(f.name, f.value)
		}
	}
	if x.Err != nil {
		line.Text("err", x.Err.Error())
	}
	if end.aborted {
		line.True("aborted")
	}
	line.End()
}

func clip(s string) string { return s[:min(len(s), maxLogged)] }

// gone reports whether the client has left before its answer.
func (rec *recorder) gone() bool { return errors.Is(rec.client.Err(), context.Canceled) }
