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
	log := e.tel.Log
	if !log.Enabled(r.Context(), level) {
		return
	}
	attrs := append(make([]slog.Attr, 0, 20),
		slog.String("method", clip(r.Method)),
		slog.String("route", x.Route),
		slog.String("path", clip(r.URL.Path)),
		slog.Int("status", end.status),
		slog.Int64("bytes", rec.bytes),
		slog.Float64("ms", float64(end.took.Microseconds())/1000),
		slog.String("client", x.Client.String()),
		slog.String("protocol", r.Proto),
		slog.String("request_id", x.ID),
		slog.String("trace_id", x.Trace.TraceID()),
	)
	encoding := x.Encoding
	if encoding == "" {
		encoding = rec.Header().Get("Content-Encoding")
	}
	for _, a := range [...]slog.Attr{
		slog.String("subject", x.Subject), slog.String("app", x.App), slog.String("code", x.Code),
		slog.String("missing", x.Missing), slog.String("cache", x.Cache), slog.String("encoding", encoding),
	} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	if x.Err != nil {
		attrs = append(attrs, slog.String("err", x.Err.Error()))
	}
	if end.aborted {
		attrs = append(attrs, slog.Bool("aborted", true))
	}
	log.LogAttrs(r.Context(), level, "request", attrs...)
}

func clip(s string) string { return s[:min(len(s), maxLogged)] }

// gone reports whether the client has left before its answer.
func (rec *recorder) gone() bool { return errors.Is(rec.client.Err(), context.Canceled) }
