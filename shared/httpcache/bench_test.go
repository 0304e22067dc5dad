package httpcache

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/triptych-bff/triptych/shared/telemetry"
	"github.com/triptych-bff/triptych/shared/upstream"
)

func BenchmarkHit(b *testing.B) {
	cache := New(Config{}, telemetry.Discard())
	defer cache.Close()
	header := public.Clone()
	for i := range 8 {
		header[fmt.Sprintf("X-%d", i)] = []string{"value"}
	}
	c := cache.Wrap(&origin{answer: ok(header)})
	ctx := context.Background()
	req := shared()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Start(ctx, req).Wait(); err != nil {
			b.Fatal(err)
		}
	}
}

// watchful does at once what a call over HTTP/1.1 does with its context, and
// nothing else: beside it the cost of a flight shows.
type watchful struct{ response *upstream.Response }

func (w *watchful) Name() string { return "users" }

func (w *watchful) Start(ctx context.Context, _ *upstream.Request) upstream.Pending {
	return &watched{service: w, stop: context.AfterFunc(ctx, func() {})}
}

type watched struct {
	service *watchful
	stop    func() bool
}

func (w *watched) Wait() (*upstream.Response, error) { w.stop(); return w.service.response, nil }
func (w *watched) Ready() bool                       { return false }
func (w *watched) Cancel()                           { w.stop() }

// BenchmarkLeader is a call that nobody follows, beside one that nobody could.
func BenchmarkLeader(b *testing.B) {
	benchmarkLeader(b, &watchful{&upstream.Response{Status: 200}})
}

// BenchmarkLeaderOfARealCall is the same over HTTP/1.1.
func BenchmarkLeaderOfARealCall(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }))
	defer server.Close()
	pool := upstream.NewPool(telemetry.Discard())
	defer pool.Close()
	service, err := pool.Service("users", upstream.Config{URL: server.URL}, nil)
	if err != nil {
		b.Fatal(err)
	}
	benchmarkLeader(b, service)
}

func benchmarkLeader(b *testing.B, service Service) {
	cache := New(Config{}, telemetry.Discard())
	defer cache.Close()
	c := cache.Wrap(service)
	for _, kind := range []string{"straight", "leader"} {
		b.Run(kind, func(b *testing.B) {
			ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
			defer cancel()
			defer context.AfterFunc(ctx, func() {})() // so that the context has its list of those who watch it
			req := reads()
			req.Reads = kind == "leader"
			b.ReportAllocs()
			for b.Loop() {
				resp, err := c.Start(ctx, req).Wait()
				if err != nil {
					b.Fatal(err)
				}
				resp.Release()
			}
		})
	}
}
