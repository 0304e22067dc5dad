package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
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

// BenchmarkProxy is the proxy alone: nothing is allocated by the service, and
// hardly anything by whoever asks.
func BenchmarkProxy(b *testing.B) {
	for _, test := range []struct{ name, method, body, answer string }{
		{"json", "GET", "", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nETag: \"1\"\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nServer: x\r\nContent-Length: 1024\r\n\r\n" + strings.Repeat("x", 1024)},
		{"post", "POST", strings.Repeat("x", 500), "HTTP/1.1 201 Created\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"},
	} {
		b.Run(test.name, func(b *testing.B) {
			pool := upstream.NewPool(telemetry.Discard())
			defer pool.Close()
			service, err := pool.Service("users", upstream.Config{URL: parrot(b, test.answer), Breaker: calm}, nil)
			if err != nil {
				b.Fatal(err)
			}
			h := New(service, routing.Rewrite{StripPrefix: "/api"}, Config{})
			r, err := http.NewRequestWithContext(b.Context(), test.method, "http://a.example/api/users/42?a=1", nil)
			if err != nil {
				b.Fatal(err)
			}
			r.Header = http.Header{
				"Accept": {"application/json"}, "User-Agent": {"bench"}, "Cookie": {"a=b"}, "Accept-Language": {"en"}, "X-Custom": {"1"},
			}
			r = r.WithContext(telemetry.NewContext(r.Context(), &telemetry.Exchange{ID: "r1", Route: "/*"}))
			r.ContentLength = int64(len(test.body))
			w := &sink{header: make(http.Header)}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				r.Body = http.NoBody
				if test.body != "" {
					r.Body = io.NopCloser(strings.NewReader(test.body))
				}
				h.ServeHTTP(w, r)
			}
		})
	}
}

type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
func (s *sink) WriteHeader(int)             {}
func (s *sink) FlushError() error           { return nil }

// parrot is a service that says the same to everything.
func parrot(tb testing.TB, answer string) (url string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r, text, length := bufio.NewReader(c), []byte(answer), 0
				for {
					line, err := r.ReadSlice('\n')
					switch {
					case err != nil:
						return
					case string(line) == "Content-Length: 500\r\n":
						length = 500
					case len(line) == 2:
						_, _ = r.Discard(length)
						_, _ = c.Write(text)
						length = 0
					}
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}
