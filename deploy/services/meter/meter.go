// Package meter counts what a service answers, and tells it on a listener of
// its own: GET /stats and GET /healthz. The demo's point is the difference
// between the bytes that services send and the bytes that a client gets, so
// what is counted is bodies: of HTTP answers as written, of gRPC answers as
// encoded messages.
package meter

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc/stats"

	"github.com/triptych-bff/triptych/deploy/services/rest"
)

// Meter counts requests and answer bytes. Its zero value is ready.
type Meter struct {
	requests atomic.Int64
	bytes    atomic.Int64
}

// Counts is a reading.
type Counts struct {
	Requests int64 `json:"requests"`
	Bytes    int64 `json:"bytes"`
}

// Read returns the counts so far.
func (m *Meter) Read() Counts {
	return Counts{Requests: m.requests.Load(), Bytes: m.bytes.Load()}
}

// Handler counts what passes next. A byte is counted before it is sent, so
// that whoever has an answer finds it counted.
func (m *Meter) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.requests.Add(1)
		if r.Method == http.MethodHead {
			next.ServeHTTP(w, r) // what is written is not sent
			return
		}
		next.ServeHTTP(&writer{ResponseWriter: w, meter: m}, r)
	})
}

type writer struct {
	http.ResponseWriter
	meter *Meter
}

func (w *writer) Write(p []byte) (int, error) {
	w.meter.bytes.Add(int64(len(p)))
	n, err := w.ResponseWriter.Write(p)
	w.meter.bytes.Add(int64(n - len(p)))
	return n, err
}

// RPC returns the gRPC handler that counts the calls of services whose full
// name begins with prefix: health checks and reflection are no requests.
func (m *Meter) RPC(prefix string) stats.Handler { return &rpc{meter: m, prefix: "/" + prefix} }

type rpc struct {
	meter  *Meter
	prefix string
}

type counted struct{}

// TagRPC marks the calls that count.
func (s *rpc) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	if strings.HasPrefix(info.FullMethodName, s.prefix) {
		return context.WithValue(ctx, counted{}, true)
	}
	return ctx
}

// HandleRPC counts the call when it begins, and each message before the status
// that ends the answer is sent.
func (s *rpc) HandleRPC(ctx context.Context, event stats.RPCStats) {
	if ctx.Value(counted{}) == nil {
		return
	}
	switch e := event.(type) {
	case *stats.Begin:
		s.meter.requests.Add(1)
	case *stats.OutPayload:
		s.meter.bytes.Add(int64(e.Length))
	}
}

// TagConn and HandleConn are not needed; [stats.Handler] asks for them.
func (*rpc) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (*rpc) HandleConn(context.Context, stats.ConnStats)                       {}

// Ops returns the handler of the ops listener. What a service serves beside
// its API has a meter of its own in others, and stands in /stats by its name.
func Ops(service string, m *Meter, others map[string]*Meter) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		rest.Answer(w, rest.NoStore, map[string]string{"service": service, "status": "ok"})
	})
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) {
		reading := struct {
			Service string `json:"service"`
			Counts
			Others map[string]Counts `json:"others,omitempty"`
		}{Service: service, Counts: m.Read(), Others: map[string]Counts{}}
		for name, other := range others {
			reading.Others[name] = other.Read()
		}
		rest.Answer(w, rest.NoStore, reading)
	})
	return rest.Handler(mux)
}
