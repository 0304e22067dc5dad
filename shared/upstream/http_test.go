package upstream

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/http1"
	"github.com/triptych-bff/triptych/shared/resilience"
	"github.com/triptych-bff/triptych/shared/telemetry"
)

// TestWhatIsSent looks at the bytes that a service gets.
func TestWhatIsSent(t *testing.T) {
	heads := make(chan string, 1)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		buffer := make([]byte, 4096)
		n, _ := io.ReadAtLeast(conn, buffer, 1)
		heads <- string(buffer[:n])
		say("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")(conn)
	}()

	s := service(t, newPool(t), Config{
		URL:     "http://" + listener.Addr().String() + "/base/",
		Headers: map[string]string{"x-caller": "gateway"},
		Secrets: map[string]config.Secret{"X-Api-Key": config.NewSecret("s3cret")},
	})
	ctx := telemetry.NewContext(context.Background(), &telemetry.Exchange{
		ID: "req-1", Client: netip.MustParseAddr("192.0.2.1"),
		Trace: telemetry.Trace{ID: [16]byte{1}, Span: [8]byte{2}, Flags: 1, State: "a=b"},
	})
	resp, err := s.Start(ctx, &Request{
		Operation: "POST /users/{id}", Method: "POST", Path: "/users/a%20b", Query: "x=%2F&y",
		Header: http1.Fields{{Name: "Accept", Value: "application/json"}, {Name: "X-Caller", Value: "somebody else"}},
		Body:   []byte(`{"a":1}`),
	}).Wait()
	if err != nil {
		t.Fatal(err)
	}
	if resp.Status != 204 || resp.Body != nil {
		t.Errorf("%+v", resp)
	}
	lines := strings.Split(receive(t, heads, "request"), "\r\n")
	want := []string{
		"POST /base/users/a%20b?x=%2F&y HTTP/1.1",
		"Host: " + listener.Addr().String(),
		"X-Api-Key: s3cret",
		"X-Caller: gateway",
		"User-Agent: triptych",
		"Accept-Encoding: identity",
		"Accept: application/json",
		"Traceparent: 00-01000000000000000000000000000000-0200000000000000-01",
		"Tracestate: a=b",
		"X-Request-Id: req-1",
		"Content-Length: 7",
		"",
		`{"a":1}`,
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
}

func TestEveryStatusIsAnAnswer(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var status int
		_, _ = fmt.Sscan(strings.TrimPrefix(r.URL.Path, "/"), &status)
		w.Header().Set("Location", "/200")
		w.WriteHeader(status)
		if status != 204 && status != 304 {
			_, _ = io.WriteString(w, r.Method)
		}
	})
	s := service(t, newPool(t), Config{URL: server.URL})
	for _, status := range []int{200, 201, 204, 301, 302, 304, 307, 400, 404, 429, 500, 503} {
		resp, err := get(s, fmt.Sprintf("/%d", status))
		if err != nil {
			t.Fatalf("%d: %v", status, err)
		}
		want := "GET"
		if status == 204 || status == 304 {
			want = ""
		}
		if resp.Status != status || string(resp.Body) != want {
			t.Errorf("%d: status %d, body %q", status, resp.Status, resp.Body)
		}
	}
}

func TestHeadHasNoBody(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "1000") })
	s := service(t, newPool(t), Config{URL: server.URL})
	resp, err := s.Start(context.Background(), &Request{Method: "HEAD", Path: "/"}).Wait()
	if err != nil || resp.Body != nil || resp.Header.Get("Content-Length") != "1000" {
		t.Errorf("%+v, %v", resp, err)
	}
}

// endlessly writes chunks until the other side has had enough.
func endlessly(c net.Conn) {
	say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")(c)
	chunk := []byte("10000\r\n" + strings.Repeat("x", 1<<16) + "\r\n")
	for range 10 << 30 / (1 << 16) { // ten gigabytes
		if _, err := c.Write(chunk); err != nil {
			return
		}
	}
}

func reset(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }

func TestHostileServices(t *testing.T) {
	for _, test := range []struct {
		name  string
		speak func(net.Conn)
		want  Code
	}{
		{"hangs before the head", hang, Timeout},
		{"hangs within the head", func(c net.Conn) { say("HTTP/1.1 200 OK\r\nX-A: b")(c); hang(c) }, Timeout},
		{"hangs within the body", func(c net.Conn) { say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")(c); hang(c) }, Timeout},
		{"closes before the head", func(net.Conn) {}, Unreachable},
		{"closes within the head", say("HTTP/1.1 200 OK\r\nX-A: b"), BadAnswer},
		{"resets before the head", reset, Unreachable},
		{"resets within the body", func(c net.Conn) { say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")(c); reset(c) }, Unreachable},
		{"sends less than announced", say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"), BadAnswer},
		{"announces and sends nothing", say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), BadAnswer},
		{"cuts a chunk", say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), BadAnswer},
		{"leaves out the last chunk", say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"), BadAnswer},
		{"sends a malformed chunk", say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n"), BadAnswer},
		{"announces too much", say("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nab"), TooLarge},
		{"announces one byte too much", say("HTTP/1.1 200 OK\r\nContent-Length: 1025\r\n\r\n" + strings.Repeat("x", 1025)), TooLarge},
		{"sends ten gigabytes", endlessly, TooLarge},
		{"sends one byte too much", say("HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 1025)), TooLarge},
		{"has two lengths", say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"), BadAnswer},
		{"has a negative length", say("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), BadAnswer},
		{"speaks no HTTP", say("220 mail.example.org ESMTP\r\n"), BadAnswer},
		{"has an endless head", say("HTTP/1.1 200 OK\r\nX-A: " + strings.Repeat("x", 1<<20)), BadAnswer},
		{"switches protocols", func(c net.Conn) {
			say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")(c)
			hang(c)
		}, BadAnswer},
		{"compresses unasked", say("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nab"), BadAnswer},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := service(t, newPool(t), Config{URL: wire(t, test.speak), MaxResponse: 1024, Timeout: timeoutFor(test.want)})
			resp, err := get(s, "/")
			if err == nil {
				t.Fatalf("it is taken for an answer: %+v", resp)
			}
			if got := codeOf(t, err); got != test.want {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
}

// timeoutFor is short only where it must run out.
func timeoutFor(want Code) time.Duration {
	if want == Timeout {
		return 50 * time.Millisecond
	}
	return patience
}

func TestBoundsAreInclusive(t *testing.T) {
	for name, answer := range map[string]string{
		"announced": "HTTP/1.1 200 OK\r\nContent-Length: 1024\r\n\r\n" + strings.Repeat("x", 1024),
		"to close":  "HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 1024),
		"chunked":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n" + strings.Repeat("x", 1024) + "\r\n0\r\n\r\n",
		"grown":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" + strings.Repeat("x", 1000) + "\r\n18\r\n" + strings.Repeat("x", 24) + "\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			resp, err := get(service(t, newPool(t), Config{URL: wire(t, say(answer)), MaxResponse: 1024}), "/")
			if err != nil || string(resp.Body) != strings.Repeat("x", 1024) {
				t.Errorf("%+v, %v", resp, err)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	_, err = get(service(t, newPool(t), Config{URL: "http://" + listener.Addr().String()}), "/")
	if codeOf(t, err) != Unreachable {
		t.Error(err)
	}
}

// What a service sends beyond its Content-Length is no answer to whoever comes
// next; and where it shows, the service does not say what it means.
func TestMoreThanAnnouncedIsNobodysAnswer(t *testing.T) {
	for name, extra := range map[string]string{
		"whole":        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison",
		"without body": "HTTP/1.1 204 No Content\r\nX: poison\r\n\r\n",
		"half a head":  "HTTP/1.1 200 OK\r\nX: poison",
		"half a body":  "HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\npoison",
		"nonsense":     "poison",
		"much":         "HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + strings.Repeat("poison", 1500),
	} {
		t.Run(name, func(t *testing.T) {
			url := wire(t, func(c net.Conn) {
				say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + extra)(c)
				if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
					say("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond")(c)
				}
			})
			s := service(t, newPool(t), Config{URL: url, Timeout: patience, Breaker: resilience.BreakerConfig{Failures: 1000, MinRequests: 1000}})
			for range 50 {
				_, err := s.Start(context.Background(), &Request{Method: "POST", Path: "/", Body: []byte("x")}).Wait()
				if codeOf(t, err) != BadAnswer || !errors.Is(err, http1.ErrSurplus) {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestConnectionsAreReused(t *testing.T) {
	var opened atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	s := service(t, newPool(t), Config{URL: server.URL, Timeout: patience})
	long := bytes.Repeat([]byte("x"), 1<<17)
	for range 200 {
		for _, body := range [][]byte{nil, []byte("short"), long[:5000], long[:0]} {
			resp, err := s.Start(context.Background(), &Request{Method: "PUT", Path: "/", Body: body}).Wait()
			if err != nil || !bytes.Equal(resp.Body, body) {
				t.Fatal(err)
			}
		}
	}
	if resp, err := s.Start(context.Background(), &Request{Method: "PUT", Path: "/", Body: long}).Wait(); err != nil || !bytes.Equal(resp.Body, long) {
		t.Fatal(err)
	}
	if n := opened.Load(); n > 3 { // net/http gives one up now and then when it is not scheduled for long
		t.Errorf("%d connections were opened for 801 requests", n)
	}
}

func TestWhatIsNeverSent(t *testing.T) {
	server := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	s := service(t, newPool(t), Config{URL: server.URL})
	for _, req := range []*Request{
		{Path: "/users/../admin"},
		{Path: "users"},
		{Path: "/", Query: "a b"},
		{Path: "/", Method: "GET /x HTTP/1.1\r\n"},
		{Path: "/", Header: http1.Fields{{Name: "X-A", Value: "a\r\nb"}}},
		{Path: "/", Header: http1.Fields{{Name: "Transfer-Encoding", Value: "chunked"}}},
	} {
		_, err := s.Start(context.Background(), req).Wait()
		if codeOf(t, err) != BadRequest {
			t.Errorf("%+v: %v", req, err)
		}
	}
}

func TestTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer server.Close()
	ca := certificateOf(t, server)
	p := newPool(t)
	resp, err := get(service(t, p, Config{URL: server.URL, CA: ca}), "/")
	if err != nil || string(resp.Body) != "HTTP/1.1" {
		t.Errorf("with the CA: %+v, %v", resp, err)
	}
	_, err = get(service(t, p, Config{URL: server.URL}), "/")
	if codeOf(t, err) != Unreachable {
		t.Errorf("without the CA: %v", err)
	}
	if _, err := p.Service("users", Config{URL: server.URL, CA: ca + "x"}, nil); err == nil {
		t.Error("a CA file that is not there is no error")
	}
}

// Start does not wait for anything: all calls are under way before one is answered.
func TestStartDoesNotBlock(t *testing.T) {
	const calls = 50
	var arrived sync.WaitGroup
	arrived.Add(calls)
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		arrived.Done()
		arrived.Wait() // nobody is answered before all have come
		_, _ = io.WriteString(w, "ok")
	})
	p := newPool(t)
	s := service(t, p, Config{URL: server.URL, Timeout: patience})
	pending := make([]Pending, calls)
	for i := range pending {
		pending[i] = s.Start(context.Background(), &Request{Path: "/"})
	}
	if got := p.Unfinished(); got != calls {
		t.Errorf("%d calls are unfinished, want %d", got, calls)
	}
	for _, call := range pending {
		if resp, err := call.Wait(); err != nil || string(resp.Body) != "ok" {
			t.Errorf("%+v, %v", resp, err)
		}
	}
}
