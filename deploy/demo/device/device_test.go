package device

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// screen is an answer's body that is worth compressing.
var screen = []byte(`{"items":[` + strings.Repeat(`{"id":"pulp-fiction-1994","title":"Pulp Fiction"},`, 200) + `{}]}`)

func gzipped(t testing.TB, plain []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zstandard(t testing.TB, plain []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(plain, nil)
}

// gateway answers in every way that HTTP/1.1 has. It picks the coding by what the
// device asks for.
func gateway(t *testing.T) *httptest.Server {
	t.Helper()
	encoded := map[string][]byte{"zstd": zstandard(t, screen), "gzip": gzipped(t, screen)}
	body := func(w http.ResponseWriter, r *http.Request) []byte {
		w.Header().Set("Content-Type", "application/json")
		first, _, _ := strings.Cut(r.Header.Get("Accept-Encoding"), ",")
		if encoded[first] == nil {
			return screen
		}
		w.Header().Set("Content-Encoding", first)
		return encoded[first]
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/known", func(w http.ResponseWriter, r *http.Request) {
		b := body(w, r)
		w.Header().Set("Content-Length", fmt.Sprint(len(b)))
		_, _ = w.Write(b)
	})
	mux.HandleFunc("/chunks", func(w http.ResponseWriter, r *http.Request) {
		b := body(w, r)
		w.Header().Set("Trailer", "Checked")
		for part := range 5 {
			_, _ = w.Write(b[len(b)*part/5 : len(b)*(part+1)/5])
			_ = http.NewResponseController(w).Flush()
		}
		w.Header().Set("Checked", "yes")
	})
	mux.HandleFunc("/hints", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</app/app.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		_, _ = w.Write(body(w, r))
	})
	mux.HandleFunc("/none", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/last", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		_, _ = w.Write(body(w, r))
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, io.MultiReader(strings.NewReader(r.Method+" "+r.Header.Get("Traceparent")+" "), r.Body))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func start(t *testing.T, at, accepts string) *Device {
	t.Helper()
	d := New("Test/1.0", strings.TrimPrefix(at, "http://"), accepts)
	t.Cleanup(d.Close)
	return d
}

// TestCountsAreThoseOfARawSocket: whatever the coding and the framing, head and body
// are as long as a connection says that knows nothing of HTTP.
func TestCountsAreThoseOfARawSocket(t *testing.T) {
	g := gateway(t)
	for _, accepts := range []string{"zstd, gzip", "gzip", "identity"} {
		d := start(t, g.URL, accepts)
		for _, path := range []string{"/known", "/chunks", "/hints", "/none", "/last"} {
			wantHead, wantBody := raw(t, g.Listener.Addr().String(), path, accepts)
			for range 2 { // on a new connection and on a kept one
				a, err := d.Do(t.Context(), http.MethodGet, path, nil, nil)
				if err != nil {
					t.Fatalf("%s, %s: %v", accepts, path, err)
				}
				if a.Head != wantHead || a.Body != wantBody {
					t.Errorf("%s, %s: %d and %d bytes, a raw socket got %d and %d", accepts, path, a.Head, a.Body, wantHead, wantBody)
				}
				if path != "/none" && !bytes.Equal(a.Plain, screen) {
					t.Errorf("%s, %s: the body is not what was sent: %d bytes, not %d", accepts, path, len(a.Plain), len(screen))
				}
				if a.Took <= 0 {
					t.Errorf("%s, %s: it took %v", accepts, path, a.Took)
				}
			}
		}
	}
}

// raw asks over a plain connection and splits what comes at the empty line that
// ends the head of the last answer.
func raw(t *testing.T, address, path, accepts string) (head, body int64) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: Test/1.0\r\nAccept-Encoding: %s\r\n\r\n", path, address, accepts)
	if err := c.(*net.TCPConn).CloseWrite(); err != nil { // nothing follows, so that the server closes
		t.Fatal(err)
	}
	text, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	for end := 0; ; {
		at := bytes.Index(text[end:], []byte("\r\n\r\n"))
		if at < 0 {
			t.Fatalf("no empty line in %q", text)
		}
		interim := bytes.HasPrefix(text[end:], []byte("HTTP/1.1 1"))
		end += at + len("\r\n\r\n")
		if !interim {
			return int64(end), int64(len(text) - end)
		}
	}
}

func TestSendsWhatItIsGiven(t *testing.T) {
	d := start(t, gateway(t).URL, "gzip")
	header := http.Header{"Traceparent": {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}
	a, err := d.Do(t.Context(), http.MethodPost, "/echo?a=b", header, []byte(`{"film_id":"x"}`))
	if want := `POST 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 {"film_id":"x"}`; err != nil || string(a.Plain) != want {
		t.Errorf("%+v, %v", a, err)
	}
	if len(header) != 1 {
		t.Errorf("the caller's header has become %v", header)
	}
}

func TestConnectionsAreKeptAndBounded(t *testing.T) {
	var dialed, open, most, waiting atomic.Int64
	release := make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			if waiting.Add(1) == MostConnections {
				close(release)
			}
			<-release
		}
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			dialed.Add(1)
			most.Store(max(most.Load(), open.Add(1)))
		case http.StateClosed:
			open.Add(-1)
		}
	}
	server.Start()
	defer server.Close()
	d := start(t, server.URL, "gzip")
	for range 10 {
		if _, err := d.Do(t.Context(), http.MethodGet, "/", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if dialed.Load() != 1 {
		t.Errorf("%d connections for ten requests in turn", dialed.Load())
	}
	var wait sync.WaitGroup
	for range 4 * MostConnections {
		wait.Go(func() {
			if _, err := d.Do(t.Context(), http.MethodGet, "/wait", nil, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if most.Load() != MostConnections {
		t.Errorf("%d connections at a time, want %d", most.Load(), MostConnections)
	}
}

// TestAKeptConnectionMayBeClosed: what may be repeated is, what may not is an error.
func TestAKeptConnectionMayBeClosed(t *testing.T) {
	g := gateway(t)
	d := start(t, g.URL, "gzip")
	for _, test := range []struct {
		method string
		fails  bool
	}{{http.MethodGet, false}, {http.MethodPut, false}, {http.MethodDelete, false}, {http.MethodPost, true}, {http.MethodPatch, true}} {
		if _, err := d.Do(t.Context(), http.MethodGet, "/known", nil, nil); err != nil {
			t.Fatal(err)
		}
		g.CloseClientConnections()
		_, err := d.Do(t.Context(), test.method, "/echo", nil, []byte("x"))
		if test.fails != errors.Is(err, errStale) || (err != nil) != test.fails {
			t.Errorf("%s: %v", test.method, err)
		}
	}
}

// answers serves every connection with the same bytes, whatever is asked, and waits
// for the client to close it.
func answers(t *testing.T, text string, more func(net.Conn)) (address string, connections *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	connections = new(atomic.Int64)
	wait.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			wait.Go(func() {
				defer c.Close()
				request := make([]byte, 4096)
				for {
					if _, err := c.Read(request); err != nil {
						return
					}
					if _, err := io.WriteString(c, text); err != nil {
						return
					}
					if more != nil {
						more(c)
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		wait.Wait()
	})
	return l.Addr().String(), connections
}

func TestBadAnswers(t *testing.T) {
	zeros := bytes.Repeat([]byte{0}, MostPlain+1)
	flood := func(c net.Conn) {
		for line := []byte(strings.Repeat("X-A: b\r\n", 1000)); ; {
			if _, err := c.Write(line); err != nil {
				return
			}
		}
	}
	known := func(coding string, body []byte) string {
		return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s", coding, len(body), body)
	}
	for name, test := range map[string]struct {
		text string
		more func(net.Conn)
		says string
	}{
		"no HTTP":             {"hello\r\n\r\n", nil, "malformed"},
		"an endless head":     {"HTTP/1.1 200 OK\r\n", flood, errTooLong.Error()},
		"an endless body":     {"HTTP/1.1 200 OK\r\n\r\n", flood, errTooLong.Error()},
		"hints without end":   {strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 100), nil, "interim"},
		"a body cut short":    {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", func(net.Conn) {}, "unexpected EOF"},
		"a chunk cut short":   {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nabc", func(net.Conn) {}, "unexpected EOF"},
		"no gzip":             {known("gzip", []byte("hello hello")), nil, "gzip"},
		"half a gzip":         {known("gzip", gzipped(t, screen)[:40]), nil, "gzip"},
		"half a zstd":         {known("zstd", zstandard(t, screen)[:40]), nil, "zstd"},
		"a bomb of gzip":      {known("gzip", gzipped(t, zeros)), nil, "longer than"},
		"a bomb of zstd":      {known("zstd", zstandard(t, zeros)), nil, "longer than"},
		"a coding of its own": {known("br", []byte("x")), nil, `"br"`},
	} {
		address, _ := answers(t, test.text, test.more)
		if a, err := start(t, address, "zstd, gzip").Do(t.Context(), http.MethodGet, "/", nil, nil); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %+v, %v; want an error with %q", name, a, err, test.says)
		}
	}
}

// TestWhatComesUnasked: a connection on which more comes than was asked for is not
// used again, so that nothing is taken for the next answer.
func TestWhatComesUnasked(t *testing.T) {
	address, connections := answers(t, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb", nil)
	d := start(t, address, "gzip")
	for range 2 {
		if a, err := d.Do(t.Context(), http.MethodGet, "/", nil, nil); err != nil || string(a.Plain) != "a" {
			t.Errorf("%+v, %v", a, err)
		}
	}
	if connections.Load() != 2 {
		t.Errorf("%d connections for two requests, want 2", connections.Load())
	}
}

func TestNobodyAnswers(t *testing.T) {
	address, _ := answers(t, "", nil)
	d := start(t, address, "gzip")
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := d.Do(short, http.MethodGet, "/", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a time limit: %v", err)
	}
	left, leave := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, leave)
	if _, err := d.Do(left, http.MethodGet, "/", nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who leaves: %v", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := start(t, l.Addr().String(), "gzip").Do(t.Context(), http.MethodGet, "/", nil, nil); !errors.Is(err, ErrUnreachable) {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestClosedKeepsNothing(t *testing.T) {
	g := gateway(t)
	d := New("Test/1.0", g.Listener.Addr().String(), "gzip")
	for range 2 { // before and after: both end without a connection, or the test of leaks fails
		if _, err := d.Do(t.Context(), http.MethodGet, "/known", nil, nil); err != nil {
			t.Fatal(err)
		}
		d.Close()
	}
	if len(d.idle) != 0 {
		t.Errorf("%d connections are kept", len(d.idle))
	}
}
