package edge

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/telemetry"
)

func TestAccessLog(t *testing.T) {
	w := serve(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		x := telemetry.FromContext(r.Context())
		x.Route, x.Subject, x.App, x.Missing, x.Cache = "/books/{id}", "ada", "shop", "reviews", "hit"
		w.Header().Set("Content-Encoding", "zstd")
		_, _ = io.WriteString(w, "12345")
	})
	resp, _ := w.get(t, "/books/a%20b?token=secret", http.Header{
		"Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}, "Authorization": {"Bearer secret"},
	})
	line := w.log.next(t)
	if text := fmt.Sprint(line); strings.Contains(text, "secret") {
		t.Errorf("the log holds a secret: %s", text)
	}
	if line["request_id"] != resp.Header.Get("X-Request-Id") || line["request_id"] == "" {
		t.Errorf("id %v in the log, %q in the answer", line["request_id"], resp.Header.Get("X-Request-Id"))
	}
	if ms, ok := line["ms"].(float64); !ok || ms < 0 {
		t.Errorf("duration %v", line["ms"])
	}
	for _, changing := range []string{"time", "ms", "request_id"} {
		delete(line, changing)
	}
	want := map[string]any{
		"level": "INFO", "msg": "request", "program": "", "method": "GET", "route": "/books/{id}", "path": "/books/a b",
		"status": 200.0, "bytes": 5.0, "client": "127.0.0.1", "protocol": "HTTP/1.1",
		"trace_id": "0af7651916cd43dd8448eb211c80319c", "subject": "ada", "app": "shop", "missing": "reviews",
		"cache": "hit", "encoding": "zstd",
	}
	if diff := cmp.Diff(want, line); diff != "" {
		t.Error(diff)
	}
}

func TestMetrics(t *testing.T) {
	w := serve(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		telemetry.FromContext(r.Context()).Route = "/books/{id}"
		w.WriteHeader(http.StatusCreated)
	})
	w.get(t, "/books/1", nil)
	w.log.next(t)
	w.get(t, "/..%2f", nil)
	w.log.next(t)
	r, _ := http.NewRequest("BREW", w.URL+"/books/1", nil)
	w.do(t, r)
	w.log.next(t)
	want := `
# HELP http_requests_total Requests that have ended, by the pattern of their route, method and status.
# TYPE http_requests_total counter
http_requests_total{method="GET",route="/books/{id}",status="201"} 1
http_requests_total{method="GET",route="none",status="400"} 1
http_requests_total{method="other",route="/books/{id}",status="201"} 1
# HELP http_requests_in_flight Requests under way.
# TYPE http_requests_in_flight gauge
http_requests_in_flight 0
`
	err := testutil.GatherAndCompare(w.tel.Metrics, strings.NewReader(want), "http_requests_total", "http_requests_in_flight")
	if err != nil {
		t.Error(err)
	}
	if n := testutil.CollectAndCount(w.metrics.seconds); n != 2 {
		t.Errorf("%d histograms, want one a route", n)
	}
}

func TestRequestID(t *testing.T) {
	ours := regexp.MustCompile(`^[0-9a-f]{32}$`)
	const theirs = "their-id_1.2"
	for _, tt := range []struct {
		name string
		c    Config
		sent string
		kept bool
	}{
		{"nobody is trusted", Config{}, theirs, false},
		{"trusted", trusted("127.0.0.0/8"), theirs, true},
		{"trusted, malformed", trusted("127.0.0.0/8"), "a b", false},
		{"trusted, uri", trusted("127.0.0.0/8"), "x:y", false},
		{"trusted, long", trusted("127.0.0.0/8"), strings.Repeat("x", 129), false},
		{"trusted, none", trusted("127.0.0.0/8"), "", false},
		{"another is trusted", trusted("10.0.0.0/8"), theirs, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := serve(t, tt.c, func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("X-Request-Id") != "" {
					t.Error("the id is also a request header")
				}
				w.Header().Set("X-Request-Id", "of the service behind")
				w.WriteHeader(http.StatusEarlyHints)
				_, _ = io.WriteString(w, telemetry.FromContext(r.Context()).ID)
			})
			resp, body := w.get(t, "/", http.Header{"X-Request-Id": {tt.sent}})
			id := resp.Header.Get("X-Request-Id")
			if tt.kept && id != theirs || !tt.kept && !ours.MatchString(id) {
				t.Errorf("id %q", id)
			}
			if id != body || len(resp.Header.Values("X-Request-Id")) != 1 {
				t.Errorf("answer says %q, request %q", resp.Header.Values("X-Request-Id"), body)
			}
		})
	}
}

func TestWithoutRandomnessNothingIsServed(t *testing.T) {
	tel := telemetry.Discard()
	h := New(Config{}, NewMetrics(tel), tel, strings.NewReader(""), http.NotFoundHandler())
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 500 || code(t, w.Body.String()) != "internal" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestPanicBeforeTheAnswer(t *testing.T) {
	w := serve(t, Config{}, func(http.ResponseWriter, *http.Request) { panic("database password is 1234") })
	resp, body := w.get(t, "/", nil)
	text := w.log.all()
	line := w.log.next(t)
	if resp.StatusCode != 500 || code(t, body) != "internal" || strings.Contains(body, "1234") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if !strings.Contains(text, "edge_test.go") || !strings.Contains(text, `"msg":"panic"`) {
		t.Errorf("no stack in the log: %s", text)
	}
	if line["level"] != "ERROR" || line["status"] != 500.0 || line["code"] != "internal" {
		t.Errorf("%v", line)
	}
}

func TestFailureAfterTheAnswerHasBegun(t *testing.T) {
	for name, fail := range map[string]func(http.ResponseWriter, *http.Request){
		"panic":   func(http.ResponseWriter, *http.Request) { panic("late") },
		"abort":   func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"wrapped": func(http.ResponseWriter, *http.Request) { panic(fmt.Errorf("copy: %w", http.ErrAbortHandler)) },
		"error":   func(w http.ResponseWriter, r *http.Request) { WriteError(w, r, errors.New("late")) },
	} {
		t.Run(name, func(t *testing.T) {
			w := serve(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, "a part")
				_ = http.NewResponseController(w).Flush()
				fail(w, r)
			})
			resp, err := w.Client().Get(w.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if body, err := io.ReadAll(resp.Body); err == nil {
				t.Errorf("the client takes %q for the whole", body)
			}
			line := w.log.next(t)
			if line["aborted"] != true || line["level"] != "ERROR" || line["status"] != 200.0 {
				t.Errorf("%v", line)
			}
		})
	}
}

func TestAbortWithoutAnswerIsNoSuccess(t *testing.T) {
	w := serve(t, Config{}, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if resp, err := w.Client().Get(w.URL); err == nil {
		resp.Body.Close()
		t.Error("an answer")
	}
	if line := w.log.next(t); line["status"] != 500.0 || line["aborted"] != true {
		t.Errorf("%v", line)
	}
}

func TestClientThatLeaves(t *testing.T) {
	begun := make(chan struct{})
	w := serve(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		// What a call reports when it is cancelled with the client.
		WriteError(w, r, problem.BadUpstream.Wrap(r.Context().Err(), "no answer"))
	})
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, w.URL, nil)
	go func() { <-begun; leave() }()
	if resp, err := w.Client().Do(r); err == nil {
		resp.Body.Close()
		t.Error("an answer")
	}
	if line := w.log.next(t); line["status"] != 499.0 || line["code"] != "client-closed" || line["level"] != "INFO" {
		t.Errorf("%v", line)
	}
}

func TestOurOwnCancellationIsNotTheClients(t *testing.T) {
	w := serve(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		cancel()
		WriteError(w, r.WithContext(ctx), context.Canceled)
	})
	if resp, body := w.get(t, "/", nil); resp.StatusCode != 500 || code(t, body) != "internal" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

// wrapper is a response writer as a framework wraps it.
type wrapper struct{ http.ResponseWriter }

func (w wrapper) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestWriteErrorThroughWrappers(t *testing.T) {
	w := serve(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		WriteError(wrapper{wrapper{w}}, r, fmt.Errorf("books: %w", problem.NotFound.New("no such book")))
	})
	resp, body := w.get(t, "/", nil)
	line := w.log.next(t)
	if resp.StatusCode != 404 || resp.Header.Get("Content-Type") != problem.MediaType {
		t.Errorf("%d %s", resp.StatusCode, resp.Header)
	}
	for _, part := range []string{`"instance":"` + resp.Header.Get("X-Request-Id") + `"`, `"trace_id":"` + line["trace_id"].(string) + `"`} {
		if !strings.Contains(body, part) {
			t.Errorf("%s lacks %s", body, part)
		}
	}
	if line["code"] != "not-found" || line["err"] != "books: not-found: no such book" || line["level"] != "INFO" {
		t.Errorf("%v", line)
	}
}

func TestInformationalStatusIsNotTheFinalOne(t *testing.T) {
	w := serve(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		WriteError(w, r, problem.NotFound.New(""))
	})
	if resp, _ := w.get(t, "/", nil); resp.StatusCode != 404 {
		t.Errorf("%d", resp.StatusCode)
	}
	if line := w.log.next(t); line["status"] != 404.0 {
		t.Errorf("%v", line)
	}
}

func TestHijack(t *testing.T) {
	w := serve(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nhello")
	})
	conn, err := net.Dial("tcp", w.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
	if all, err := io.ReadAll(conn); err != nil || !strings.HasSuffix(string(all), "hello") {
		t.Errorf("%q, %v", all, err)
	}
	if line := w.log.next(t); line["status"] != 101.0 {
		t.Errorf("%v", line)
	}
}

func TestShedding(t *testing.T) {
	inside, leave := make(chan struct{}, 1), make(chan struct{})
	w := serve(t, Config{MaxInFlight: 1, NeverShed: []string{"/health"}}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			inside <- struct{}{}
			<-leave
		}
	})
	slow := make(chan int)
	go func() {
		resp, err := w.Client().Get(w.URL + "/slow")
		if err != nil {
			close(slow)
			return
		}
		resp.Body.Close()
		slow <- resp.StatusCode
	}()
	<-inside
	resp, body := w.get(t, "/", nil)
	if resp.StatusCode != 503 || code(t, body) != "overloaded" || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("%d %v %s", resp.StatusCode, resp.Header, body)
	}
	if resp, _ := w.get(t, "/health", nil); resp.StatusCode != 200 {
		t.Errorf("health is shed: %d", resp.StatusCode)
	}
	close(leave)
	if got := <-slow; got != 200 {
		t.Errorf("the admitted request got %d", got)
	}
	for range 3 {
		w.log.next(t)
	}
	if resp, _ := w.get(t, "/", nil); resp.StatusCode != 200 {
		t.Errorf("places are not given back: %d", resp.StatusCode)
	}
	if n := testutil.ToFloat64(w.metrics.shed); n != 1 {
		t.Errorf("%v shed, want 1", n)
	}
}

func TestBodyLimit(t *testing.T) {
	w := serve(t, Config{MaxBody: 10}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/upload" {
			LimitBody(w, r, 20)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			WriteError(w, r, fmt.Errorf("read: %w", err))
			return
		}
		fmt.Fprint(w, len(body))
	})
	for _, tt := range []struct {
		path string
		body io.Reader // a strings.Reader announces its length, others are chunked
		want int
	}{
		{"/", strings.NewReader("0123456789"), 200},
		{"/", strings.NewReader("0123456789a"), 413},
		{"/", io.MultiReader(strings.NewReader("0123456789")), 200},
		{"/", io.MultiReader(strings.NewReader("0123456789a")), 413},
		{"/upload", strings.NewReader("0123456789abcdefghij"), 200},
		{"/upload", io.MultiReader(strings.NewReader("0123456789abcdefghijk")), 413},
		{"/", nil, 200},
	} {
		r, _ := http.NewRequest(http.MethodPost, w.URL+tt.path, tt.body)
		resp, body := w.do(t, r)
		if resp.StatusCode != tt.want || tt.want == 413 && code(t, body) != "payload-too-large" {
			t.Errorf("%s: %d %s, want %d", tt.path, resp.StatusCode, body, tt.want)
		}
	}
}

func TestUnreadBodyClosesTheConnection(t *testing.T) {
	w := serve(t, Config{MaxBody: 10}, func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		WriteError(w, r, err)
	})
	resp := raw(t, w, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n01234567890123456789\r\n")
	if resp.StatusCode != 413 || !resp.Close {
		t.Errorf("%d, close %v: what follows would be read as a request", resp.StatusCode, resp.Close)
	}
}

// raw sends bytes and reads one answer.
func raw(t testing.TB, w *world, request string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", w.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(strings.NewReader(string(body)))
	return resp
}

func BenchmarkEdge(b *testing.B) {
	tel := telemetry.Discard()
	h := New(trusted("10.0.0.0/8"), NewMetrics(tel), tel, zeros{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		telemetry.FromContext(r.Context()).Route = "/books/{id}"
		w.WriteHeader(http.StatusNoContent)
	}))
	r := httptest.NewRequest("GET", "http://api.example.com/books/42?full=1", nil)
	r.Header = http.Header{
		"User-Agent": {"bench"}, "Accept": {"application/json"}, "Accept-Encoding": {"zstd, gzip"},
		"Authorization": {"Bearer x"}, "X-App-Version": {"1.2.3"}, "If-None-Match": {`"x"`},
	}
	w := discard{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}
