// Package meter counts what a service answers, and tells it: in all, and for
// each trace. The demo's point is the difference between the bytes that services
// send and the bytes that a client gets, so what is counted is bodies: of HTTP
// answers as written, of gRPC answers as encoded messages.
//
// A request belongs to the trace that its traceparent names, a header of HTTP
// and a key of gRPC's metadata (W3C Trace Context). The last thousand traces are
// kept, with their first hundred calls each.
package meter

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Meter counts requests and answer bytes. Its zero value is ready.
type Meter struct {
	requests atomic.Int64
	bytes    atomic.Int64
	traces   traces
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

// Handler counts what passes next. A byte is counted before it is sent, so that
// whoever has an answer finds it counted; and so is the call in its trace.
func (m *Meter) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.requests.Add(1)
		counted := &writer{
			ResponseWriter: w, meter: m, head: r.Method == http.MethodHead,
			call: m.begin(r.Header.Values("Traceparent"), r.Method+" "+r.URL.Path),
		}
		defer counted.end()
		next.ServeHTTP(counted, r)
		if counted.call.Status == 0 {
			counted.WriteHeader(http.StatusOK) // as the server would
		}
	})
}

// writer counts an answer on its way.
type writer struct {
	http.ResponseWriter
	meter *Meter
	call  *call
	head  bool // what is written is not sent
}

func (w *writer) WriteHeader(status int) {
	if w.call.Status == 0 && status >= http.StatusOK {
		w.call.Status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(p []byte) (int, error) {
	if w.call.Status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.head {
		return w.ResponseWriter.Write(p)
	}
	w.count(len(p))
	if w.Header().Get("Content-Length") == strconv.FormatInt(w.call.Bytes, 10) {
		w.end()
	}
	n, err := w.ResponseWriter.Write(p)
	w.count(n - len(p))
	return n, err
}

func (w *writer) count(n int) {
	w.meter.bytes.Add(int64(n))
	w.meter.traces.count(w.call, int64(n))
}

func (w *writer) end() { w.meter.traces.end(w.call) }

// Unwrap lets [http.ResponseController] through to the connection.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// RPC returns the interceptor that counts the calls of services whose full name
// begins with prefix: health checks and reflection are no requests. It must be
// the outermost, because it counts what goes out, before that is sent.
func (m *Meter) RPC(prefix string) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		if !strings.HasPrefix(info.FullMethod, "/"+prefix) {
			return next(ctx, req)
		}
		m.requests.Add(1)
		c := m.begin(metadata.ValueFromIncomingContext(ctx, "traceparent"), short(info.FullMethod))
		answer, err := next(ctx, req)
		c.Status = int(status.Code(err))
		if message, ok := answer.(proto.Message); ok && err == nil {
			size := int64(proto.Size(message))
			m.bytes.Add(size)
			m.traces.count(c, size)
		}
		m.traces.end(c)
		return answer, err
	}
}

// short is a method without the package of its service: Catalog/GetFilm.
func short(method string) string {
	service, name, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/")
	return service[strings.LastIndexByte(service, '.')+1:] + "/" + name
}

// Trace returns what the trace of that id has asked for so far.
func (m *Meter) Trace(id string) Trace { return m.traces.read(id) }

// longest is how much of a call's name is kept.
const longest = 200

func (m *Meter) begin(traceparent []string, name string) *call {
	c := &call{Call: Call{Call: name[:min(longest, len(name))]}, begun: time.Now()}
	if len(traceparent) == 1 {
		c.id = traceID(traceparent[0])
	}
	return c
}
