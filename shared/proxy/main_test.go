package proxy

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/triptych-bff/triptych/shared/resilience"
	"github.com/triptych-bff/triptych/shared/routing"
	"github.com/triptych-bff/triptych/shared/telemetry"
	"github.com/triptych-bff/triptych/shared/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen. It is never waited
// for where the code is right.
const patience = 10 * time.Second

// calm never opens on the failures of one test.
var calm = resilience.BreakerConfig{Failures: 1000, MinRequests: 1000}

// A front is a gateway with one pass-through route, and what it noted.
type front struct {
	*httptest.Server
	noted chan *telemetry.Exchange // one when a request is over
}

type setup struct {
	config   Config
	rewrite  routing.Rewrite
	upstream upstream.Config
	http2    bool        // over TLS
	headers  http.Header // set by the gateway before the proxy has its turn
}

// open puts a proxy in front of the service, behind what package edge would do.
// It checks that no call is left over.
func open(t testing.TB, url string, s setup) *front {
	t.Helper()
	pool := upstream.NewPool(telemetry.Discard())
	s.upstream.URL = url
	if s.upstream.Breaker == (resilience.BreakerConfig{}) {
		s.upstream.Breaker = calm
	}
	service, err := pool.Service("users", s.upstream, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := &front{noted: make(chan *telemetry.Exchange, 100)}
	handler := New(service, s.rewrite, s.config)
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &telemetry.Exchange{ID: "r1", Client: netip.MustParseAddr("192.0.2.7"), Route: "/*"}
		x.Trace.ID, x.Trace.Span = [16]byte{1}, [8]byte{2}
		defer func() { f.noted <- x }()
		path, err := routing.Canonical(r.URL.EscapedPath())
		if err != nil {
			t.Errorf("%s is not canonical: %v", r.URL, err)
		}
		r.URL.Path, r.URL.RawPath = path, ""
		for name, values := range s.headers {
			w.Header()[name] = values
		}
		handler.ServeHTTP(w, r.WithContext(telemetry.NewContext(r.Context(), x)))
	}))
	f.Config.ErrorLog = log.New(io.Discard, "", 0)
	if s.http2 {
		f.EnableHTTP2 = true
		f.StartTLS()
	} else {
		f.Start()
	}
	t.Cleanup(func() {
		f.Close()
		if n := pool.Unfinished(); n != 0 {
			t.Errorf("%d calls are left over", n)
		}
		pool.Close()
	})
	return f
}

// serve is a service that is gone, with its goroutines, when the test ends.
func serve(t testing.TB, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// wire is a service that speaks for itself: to the head of every request it
// sends the answer as it is written here, and then does the rest, if any.
func wire(t testing.TB, answer string, rest func(net.Conn)) (url string, heads <-chan string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	received, done := make(chan string, 100), make(chan struct{})
	t.Cleanup(func() { _ = listener.Close(); <-done })
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				r := bufio.NewReader(conn)
				for {
					head, err := readHead(r)
					if err != nil {
						return
					}
					received <- head
					_, _ = io.WriteString(conn, answer)
					if rest != nil {
						rest(conn)
						return
					}
				}
			}()
		}
	}()
	return "http://" + listener.Addr().String(), received
}

// readHead reads lines up to the empty one.
func readHead(r *bufio.Reader) (string, error) {
	var head strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return head.String(), err
		}
		if line == "\r\n" {
			return head.String(), nil
		}
		head.WriteString(line)
	}
}

// hang keeps the connection until the other side closes it.
func hang(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// dial is a client that speaks for itself.
func (f *front) dial(t testing.TB, request string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", f.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

// exchange sends a request, as it is written here, and reads all that comes.
func (f *front) exchange(t testing.TB, request string) string {
	t.Helper()
	_, r := f.dial(t, request)
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}

// get follows no redirects.
func (f *front) get(t testing.TB, method, path string, body io.Reader) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, f.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := f.transport().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, all
}

func (f *front) transport() http.RoundTripper { return f.Client().Transport }

// problemOf is the code of a problem document, checked against the status.
func problemOf(t testing.TB, status int, body []byte) string {
	t.Helper()
	var p struct {
		Status   int
		Code     string
		Instance string
		TraceID  string `json:"trace_id"`
	}
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&p); err != nil {
		t.Fatalf("%q is no problem: %v", body, err)
	}
	if p.Status != status || p.Instance != "r1" || p.TraceID != "01000000000000000000000000000000" {
		t.Errorf("status %d with problem %s", status, body)
	}
	return p.Code
}

func receive[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case v := <-from:
		return v
	case <-ctx.Done():
		t.Fatalf("no %s", what)
		panic("unreachable")
	}
}
