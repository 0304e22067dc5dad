package upstream

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/http1"
	"github.com/triptych-bff/triptych/shared/resilience"
)

// serveHTTP2 is a service that speaks nothing else, with TLS or without.
func serveHTTP2(t *testing.T, secure bool, handler http.HandlerFunc) (server *httptest.Server, c Config) {
	t.Helper()
	server = httptest.NewUnstartedServer(handler)
	server.Config.Protocols = new(http.Protocols)
	if secure {
		server.Config.Protocols.SetHTTP2(true)
		server.EnableHTTP2 = true
		server.StartTLS()
	} else {
		server.Config.Protocols.SetUnencryptedHTTP2(true)
		server.Start()
	}
	t.Cleanup(server.Close)
	c = Config{URL: server.URL + "/base", HTTP2: true, Secrets: map[string]config.Secret{"x-api-key": config.NewSecret("k")}}
	if secure {
		c.CA = certificateOf(t, server)
	}
	return server, c
}

func TestHTTP2(t *testing.T) {
	for name, secure := range map[string]bool{"with TLS": true, "by prior knowledge": false} {
		t.Run(name, func(t *testing.T) {
			server, c := serveHTTP2(t, secure, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				w.Header().Set("Trailer", "X-Sum")
				fmt.Fprintf(w, "%s %s %s %s %q %q", r.Proto, r.Method, r.RequestURI, r.Host, r.Header.Get("X-Api-Key"), body)
				w.Header().Set("X-Sum", "42")
			})
			p := newPool(t)
			s := service(t, p, c)
			want := fmt.Sprintf(`HTTP/2.0 POST /base/a%%20b?x=1 %s "k" "hello"`, server.Listener.Addr())
			for range 2 {
				resp, err := s.Start(t.Context(), &Request{Method: "POST", Path: "/a%20b", Query: "x=1", Body: []byte("hello")}).Wait()
				if err != nil || string(resp.Body) != want {
					t.Errorf("%+v, %v", resp, err)
				}
				stream, err := open(t.Context(), s, outgoing("POST", "/a%20b?x=1", strings.NewReader("hello")))
				if err != nil {
					t.Fatal(err)
				}
				if body, err := io.ReadAll(stream); err != nil || string(body) != want || stream.Trailer().Get("X-Sum") != "42" {
					t.Errorf("%q, %v, %v", body, stream.Trailer(), err)
				}
				stream.Close()
			}
			if _, err := s.Start(t.Context(), &Request{Path: "/"}).Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWhatGoesWrongOverHTTP2(t *testing.T) {
	asked := make(chan bool, 10)
	_, c := serveHTTP2(t, false, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/base/hang":
			asked <- true
			<-r.Context().Done()
		case "/base/cut":
			_, _ = io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case "/base/stall":
			_, _ = io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		case "/base/long":
			_, _ = io.WriteString(w, strings.Repeat("x", 2000))
		}
	})
	c.Timeout, c.Stall, c.MaxResponse, c.Breaker = timeoutFor(Timeout), timeoutFor(Timeout), 1000, calmBreaker
	s := service(t, newPool(t), c)
	for path, want := range map[string]Code{"/hang": Timeout, "/cut": BadAnswer, "/stall": Timeout, "/long": TooLarge} {
		if _, err := get(s, path); codeOf(t, err) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
	for path, want := range map[string]Code{"/hang": Timeout, "/cut": BadAnswer, "/stall": Timeout} {
		stream, err := open(t.Context(), s, outgoing("GET", path, nil))
		if err == nil {
			_, err = io.ReadAll(stream)
			stream.Close()
		}
		if codeOf(t, err) != want {
			t.Errorf("%s, streamed: %v", path, err)
		}
	}
	for len(asked) > 0 {
		<-asked
	}
	ctx, cancel := context.WithCancel(t.Context())
	pending := s.Start(ctx, &Request{Path: "/hang"})
	<-asked
	cancel()
	if _, err := pending.Wait(); codeOf(t, err) != Cancelled {
		t.Error(err)
	}
	quiet(t, s)
}

// A body that breaks off behind the head of the answer is not the service's fault.
func TestABrokenUploadOverHTTP2(t *testing.T) {
	_, c := serveHTTP2(t, false, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		_, _ = io.Copy(io.Discard, r.Body)
	})
	c.Breaker = first
	s := service(t, newPool(t), c)
	if err := breakOff(t, s); codeOf(t, err) != Cancelled {
		t.Error(err)
	}
	if s.guard.State() == resilience.Open {
		t.Error("the breaker is open")
	}
	quiet(t, s)
}

// TestAsNetHTTPDoes compares the two HTTP/1.1 clients: whatever a well-meaning
// service answers, both understand the same.
func TestAsNetHTTPDoes(t *testing.T) {
	type answer struct {
		Status  int
		Length  int
		Flushes int
		Header  string
		Method  string
	}
	answers := rapid.Custom(func(t *rapid.T) answer {
		return answer{
			Status:  rapid.SampledFrom([]int{200, 201, 204, 304, 302, 404, 500}).Draw(t, "status"),
			Length:  rapid.IntRange(0, 20_000).Draw(t, "length"),
			Flushes: rapid.IntRange(0, 3).Draw(t, "flushes"),
			Header:  rapid.StringMatching(`[!-~][ -~]{0,20}[!-~]`).Draw(t, "header"),
			Method:  rapid.SampledFrom([]string{"GET", "HEAD", "POST", "DELETE"}).Draw(t, "method"),
		}
	})
	var next atomic.Pointer[answer]
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		next, body := next.Load(), new(strings.Builder)
		_, _ = io.Copy(body, r.Body)
		w.Header().Set("X-Any", next.Header)
		w.Header()["Date"] = nil
		w.WriteHeader(next.Status)
		for range next.Flushes {
			w.(http.Flusher).Flush()
			_, _ = io.WriteString(w, body.String())
		}
		_, _ = io.WriteString(w, strings.Repeat("x", next.Length))
	})
	p := newPool(t)
	ours := service(t, p, Config{URL: server.URL, Breaker: calmBreaker})
	theirs, err := p.Service("oracle", Config{URL: server.URL, Breaker: calmBreaker}, nil)
	if err != nil {
		t.Fatal(err)
	}
	theirs.link.client = nil
	theirs.link.carrier = newNet(theirs.link.target, nil, func(p *http.Protocols) { p.SetHTTP1(true) })
	t.Cleanup(theirs.link.carrier.close)
	seen := func(s *Service, stream bool) string {
		if !stream {
			resp, err := s.Start(t.Context(), &Request{Method: next.Load().Method, Path: "/", Body: []byte("hello")}).Wait()
			if err != nil {
				return err.Error()
			}
			return fmt.Sprint(resp.Status, sorted(resp.Header), len(resp.Body), string(resp.Body))
		}
		resp, err := open(t.Context(), s, outgoing(next.Load().Method, "/", strings.NewReader("hello")))
		if err != nil {
			return err.Error()
		}
		defer resp.Close()
		body, err := io.ReadAll(resp)
		return fmt.Sprint(resp.Status, sorted(resp.Header), len(body), string(body), err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		drawn := answers.Draw(rt, "answer")
		next.Store(&drawn)
		for _, stream := range []bool{false, true} {
			if a, b := seen(ours, stream), seen(theirs, stream); a != b {
				rt.Errorf("ours: %.300s\ntheirs: %.300s", a, b)
			}
		}
	})
}

// sorted is what both clients show of a header: net/http keeps some lines to itself.
func sorted(h http1.Fields) []string {
	var all []string
	for _, f := range h {
		if name := http.CanonicalHeaderKey(f.Name); name != "Transfer-Encoding" && name != "Connection" {
			all = append(all, name+": "+f.Value)
		}
	}
	slices.Sort(all)
	return all
}
