package proxy

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/triptych-bff/triptych/shared/routing"
	"github.com/triptych-bff/triptych/shared/telemetry"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// BenchmarkGet is a small answer through the proxy, beside the standard
// library's with nothing added. Client and service are part of both.
func BenchmarkGet(b *testing.B) {
	const answer = `{"id":42,"name":"Ada"}`
	target := serve(b, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	})
	b.Run("proxy", func(b *testing.B) {
		pool := upstream.NewPool(telemetry.Discard())
		defer pool.Close()
		service, err := pool.Service("users", upstream.Config{URL: target, Breaker: calm}, nil)
		if err != nil {
			b.Fatal(err)
		}
		measure(b, New(service, routing.Rewrite{StripPrefix: "/api"}, Config{}), answer)
	})
	b.Run("httputil", func(b *testing.B) {
		origin, err := url.Parse(target)
		if err != nil {
			b.Fatal(err)
		}
		transport := &http.Transport{MaxIdleConnsPerHost: 128, DisableCompression: true}
		defer transport.CloseIdleConnections()
		measure(b, &httputil.ReverseProxy{
			Transport:     transport,
			Rewrite:       func(pr *httputil.ProxyRequest) { pr.SetURL(origin); pr.SetXForwarded() },
			FlushInterval: -1,
		}, answer)
	})
}

func measure(b *testing.B, h http.Handler, answer string) {
	b.Helper()
	front := httptest.NewServer(h)
	defer front.Close()
	req, err := http.NewRequestWithContext(b.Context(), "GET", front.URL+"/api/users/42?a=1", nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header = http.Header{
		"Accept": {"application/json"}, "User-Agent": {"bench"}, "Cookie": {"a=b"}, "Accept-Language": {"en"}, "X-Custom": {"1"},
	}
	transport := front.Client().Transport
	b.ReportAllocs()
	for b.Loop() {
		resp, err := transport.RoundTrip(req)
		if err != nil {
			b.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || string(body) != answer {
			b.Fatalf("%q, %v", body, err)
		}
	}
}
