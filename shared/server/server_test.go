package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A running is a server on free ports.
type running struct {
	*Server
	stop func() error // drains, and returns what Serve returned
}

func run(t testing.TB, c Config, conf *tls.Config, h http.Handler) *running {
	t.Helper()
	c.Listen = "127.0.0.1:0"
	s, err := New(c, AdminConfig{Listen: "127.0.0.1:0"}, h, conf, telemetry.Discard())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	r := &running{Server: s, stop: sync.OnceValue(func() error { cancel(); return <-done })}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// client is one without shared connections.
func client(t testing.TB, tr *http.Transport) *http.Client {
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func get(t testing.TB, c *http.Client, url string) (*http.Response, string) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func protocol(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }

// certificate is a TLS configuration that httptest makes, and a client's for it.
func certificate(t testing.TB) (server *tls.Config, tr *http.Transport) {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	return &tls.Config{Certificates: s.TLS.Certificates, MinVersion: tls.VersionTLS12}, s.Client().Transport.(*http.Transport).Clone()
}

func TestProtocols(t *testing.T) {
	conf, tr := certificate(t)
	encrypted := run(t, Config{}, conf, http.HandlerFunc(protocol))
	open := run(t, Config{H2C: true}, nil, http.HandlerFunc(protocol))
	closed := run(t, Config{}, nil, http.HandlerFunc(protocol))

	tr1, tr2 := tr.Clone(), tr.Clone()
	tr1.Protocols, tr2.Protocols = new(http.Protocols), new(http.Protocols)
	tr1.Protocols.SetHTTP1(true)
	tr2.Protocols.SetHTTP2(true)
	h2c := &http.Transport{Protocols: new(http.Protocols)}
	h2c.Protocols.SetUnencryptedHTTP2(true)

	for _, tt := range []struct {
		name string
		tr   *http.Transport
		url  string
		want string
	}{
		{"TLS, 1.1", tr1, "https://" + encrypted.Addr().String(), "HTTP/1.1"},
		{"TLS, 2", tr2, "https://" + encrypted.Addr().String(), "HTTP/2.0"},
		{"plain, 1.1", &http.Transport{}, "http://" + open.Addr().String(), "HTTP/1.1"},
		{"plain, 2", h2c, "http://" + open.Addr().String(), "HTTP/2.0"},
	} {
		if _, got := get(t, client(t, tt.tr), tt.url); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	if resp, err := client(t, h2c).Get("http://" + closed.Addr().String()); err == nil {
		resp.Body.Close()
		t.Error("HTTP/2 without TLS is served although it is not configured")
	}
}

func TestOptionsOfTheWholeServerReachTheHandler(t *testing.T) {
	s := run(t, Config{}, nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	conn := dial(t, s)
	_, _ = io.WriteString(conn, "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != http.StatusTeapot {
		t.Errorf("%v, %v", resp, err)
	}
}

func dial(t testing.TB, s *running) net.Conn {
	t.Helper()
	return dialAddr(t, s.Addr())
}

func dialAddr(t testing.TB, addr net.Addr) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// cut reads until the other end closes. The test's own deadline ends a server
// that never does.
func cut(t testing.TB, conn net.Conn) string {
	t.Helper()
	answer, err := io.ReadAll(conn)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Fatal(err)
	}
	return string(answer)
}

const soon = 50 * time.Millisecond

func TestSlowClientsAreCut(t *testing.T) {
	conf, _ := certificate(t)
	quick := Config{HeaderTimeout: soon, BodyTimeout: soon, IdleTimeout: soon, H2C: true}
	plain := run(t, quick, nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			problem.From(err).Write(w, problem.Ref{})
		}
	}))
	encrypted := run(t, quick, conf, http.NotFoundHandler())
	for _, tt := range []struct {
		name   string
		s      *running
		send   string
		answer string
	}{
		{"silent", plain, "", ""},
		{"half a head", plain, "GET / HTTP/1.1\r\nHost: h\r\nA: b", ""},
		{"half an HTTP/2 preface", plain, "PRI * HTTP/2.0\r\n", ""},
		{"half a body", plain, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n123", "HTTP/1.1 408 "},
		{"idle", plain, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 "},
		{"half a handshake", encrypted, "\x16\x03\x01", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn := dial(t, tt.s)
			_, _ = io.WriteString(conn, tt.send)
			if got := cut(t, conn); !strings.HasPrefix(got, tt.answer) {
				t.Errorf("answer %q, want %q", got, tt.answer)
			}
		})
	}
}

// TestWhoeverIsSlowHasNotLeft: else nobody would tell the client why it is cut.
func TestWhoeverIsSlowHasNotLeft(t *testing.T) {
	left := make(chan error, 1)
	staying := func(long time.Duration) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, end := context.WithTimeout(r.Context(), long)
			defer end()
			_, _ = io.ReadAll(r.Body)
			<-ctx.Done() // until the client leaves
			left <- ctx.Err()
		})
	}
	conn := dial(t, run(t, Config{BodyTimeout: soon}, nil, staying(4*soon)))
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n123")
	if err := <-left; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a slow client: %v", err)
	}
	conn = dial(t, run(t, Config{}, nil, staying(time.Minute)))
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n1")
	_ = conn.Close()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("a client that has left: %v", err)
	}
}

// A client that leaves amid its body is told from one that sends nonsense.
func TestWhoeverLeavesHasLeft(t *testing.T) {
	left := make(chan error, 1)
	s := run(t, Config{}, nil, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		left <- r.Context().Err()
	}))
	for range 20 {
		conn := dial(t, s)
		_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
		_ = conn.Close()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Fatalf("the context's error is %v", err)
		}
	}
}

func TestUnreadSlowBodyIsCut(t *testing.T) {
	s := run(t, Config{BodyTimeout: soon}, nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	conn := dial(t, s)
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n123")
	if got := cut(t, conn); !strings.HasPrefix(got, "HTTP/1.1 200 ") {
		t.Errorf("%q", got)
	}
}

func TestSlowBodyOverHTTP2(t *testing.T) {
	s := run(t, Config{BodyTimeout: soon, H2C: true}, nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			problem.From(err).Write(w, problem.Ref{})
		}
	}))
	h2c := &http.Transport{Protocols: new(http.Protocols)}
	h2c.Protocols.SetUnencryptedHTTP2(true)
	body, unfinished := io.Pipe()
	defer unfinished.Close()
	resp, err := client(t, h2c).Post("http://"+s.Addr().String(), "text/plain", body)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestTimeout {
		t.Errorf("%d", resp.StatusCode)
	}
}

// A body that keeps coming, and a stream that keeps going, outlive the time-outs
// that would end them if they stood still.
func TestSteadyExchangesLive(t *testing.T) {
	s := run(t, Config{HeaderTimeout: soon, BodyTimeout: 4 * soon, WriteTimeout: 8 * soon, IdleTimeout: soon}, nil,
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			piece := make([]byte, 2<<10)
			for {
				if _, err := io.ReadFull(r.Body, piece); err != nil {
					if !errors.Is(err, io.EOF) {
						t.Error(err)
					}
					break
				}
			}
			for range 8 { // in all longer than every time-out
				select {
				case <-time.After(2 * soon):
				case <-r.Context().Done():
					t.Error("the stream was given up")
				}
				_, _ = io.WriteString(w, "piece ")
				_ = http.NewResponseController(w).Flush()
			}
		}))
	conn := dial(t, s)
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 12288\r\n\r\n")
	tick := time.NewTicker(soon)
	defer tick.Stop()
	for range 6 {
		<-tick.C
		_, _ = conn.Write(make([]byte, 2<<10))
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || strings.Count(string(body), "piece") != 8 {
		t.Errorf("%q, %v", body, err)
	}
}

// A client has its time for each piece, and the handler any between two of them and
// before the end.
func TestPausesOutliveTheWriteTimeout(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range 2 {
			_, _ = io.WriteString(w, "piece ")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-time.After(3 * soon):
			case <-r.Context().Done():
				t.Error("the stream was given up")
			}
		}
	})
	conf, tr := certificate(t)
	tr.ForceAttemptHTTP2 = true
	c := client(t, tr)
	for _, url := range []string{
		"http://" + run(t, Config{WriteTimeout: soon}, nil, h).Addr().String(),
		"https://" + run(t, Config{WriteTimeout: soon}, conf, h).Addr().String(),
	} {
		if resp, body := get(t, c, url); body != "piece piece " {
			t.Errorf("%s: %q", resp.Proto, body)
		}
	}
}

func TestBodyTimeoutEndsWithTheBody(t *testing.T) {
	s := run(t, Config{BodyTimeout: soon}, nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-time.After(3 * soon):
		case <-r.Context().Done():
			t.Error("the time-out of the body ends the answer")
		}
	}))
	resp, err := client(t, &http.Transport{}).Post("http://"+s.Addr().String(), "text/plain", strings.NewReader("abc"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

func TestClientThatTakesNothingIsCut(t *testing.T) {
	failed := make(chan error, 1)
	s := run(t, Config{WriteTimeout: soon}, nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for block := make([]byte, 1<<20); ; {
			if _, err := w.Write(block); err != nil {
				failed <- err
				return
			}
		}
	}))
	conn := dial(t, s)
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	<-failed
}

func TestHeadLimit(t *testing.T) {
	s := run(t, Config{MaxHead: 1 << 10}, nil, refusing(t))
	conn := dial(t, s)
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\nA: "+strings.Repeat("a", 16<<10)+"\r\n\r\n")
	if got := cut(t, conn); !strings.HasPrefix(got, "HTTP/1.1 431 ") {
		t.Errorf("%q", got)
	}
}

// refusing answers refused requests as the contract says, and all others with
// their protocol.
func refusing(t *testing.T) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := problem.FromContext(r.Context()); p != nil {
			if r.Method != "" || r.URL.Path != "" || r.Host != "" {
				t.Errorf("a refused request has %q %q %q", r.Method, r.URL.Path, r.Host)
			}
			p.Write(w, problem.Ref{})
			return
		}
		protocol(w, r)
	})
}

// TestWhatHasTwoReadingsIsRefused: in order, over plain connections and encrypted
// ones, and what stands behind is not read as a request.
func TestWhatHasTwoReadingsIsRefused(t *testing.T) {
	conf, tr := certificate(t)
	plain, encrypted := run(t, Config{}, nil, refusing(t)), run(t, Config{}, conf, refusing(t))
	const good, bad = "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
	for name, conn := range map[string]net.Conn{
		"plain": dial(t, plain), "encrypted": tls.Client(dial(t, encrypted), &tls.Config{RootCAs: tr.TLSClientConfig.RootCAs, ServerName: "example.com"}),
		"operators'": dialAddr(t, plain.AdminAddr()),
	} {
		_, _ = io.WriteString(conn, strings.ReplaceAll(good+bad+good, "Host: h", "Host: localhost"))
		in := bufio.NewReader(conn)
		for i, want := range []int{0, http.StatusBadRequest} {
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatalf("%s: answer %d: %v", name, i, err)
			}
			body, _ := io.ReadAll(resp.Body)
			if want != 0 && (resp.StatusCode != want || !resp.Close || !strings.Contains(string(body), `"code":"bad-request"`)) {
				t.Errorf("%s: %d, close %v: %s", name, resp.StatusCode, resp.Close, body)
			}
		}
		if rest, err := io.ReadAll(in); len(rest) > 0 || err != nil {
			t.Errorf("%s: behind it %q, %v", name, rest, err)
		}
	}
}

func TestPlainTextOnATLSPort(t *testing.T) {
	conf, _ := certificate(t)
	s := run(t, Config{}, conf, http.NotFoundHandler())
	conn := dial(t, s)
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	if got := cut(t, conn); !strings.HasPrefix(got, "HTTP/1.1 400 ") || !strings.Contains(got, problem.MediaType) {
		t.Errorf("%q", got)
	}
}

func TestRequestsOverTLSAreMarkedSo(t *testing.T) {
	conf, tr := certificate(t)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.TLS != nil && r.TLS.HandshakeComplete) })
	encrypted, plain := run(t, Config{}, conf, h), run(t, Config{}, nil, h)
	tr.Protocols = new(http.Protocols)
	tr.Protocols.SetHTTP1(true)
	if _, got := get(t, client(t, tr), "https://"+encrypted.Addr().String()); got != "true" {
		t.Error("a request over TLS does not say so")
	}
	if _, got := get(t, client(t, &http.Transport{}), "http://"+plain.Addr().String()); got != "false" {
		t.Error("a request without TLS says that it has it")
	}
}

// TestAnEarlyAnswerIsReadable: a client that is still sending must be able to read
// why it should stop.
func TestAnEarlyAnswerIsReadable(t *testing.T) {
	s := run(t, Config{}, nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w.(*pacedWriter).ResponseWriter, r.Body, 10)
		if _, err := io.ReadAll(r.Body); err != nil {
			problem.From(err).Write(w, problem.Ref{})
		}
	}))
	conn := dial(t, s)
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n")
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = io.Copy(conn, io.LimitReader(zeros{}, 0xfffff))
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("%v, %v", resp, err)
	}
	_ = conn.Close()
	<-sent
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestConnectionLimits(t *testing.T) {
	s := run(t, Config{MaxConnectionsPerAddress: 1}, nil, http.HandlerFunc(protocol))
	first := dial(t, s)
	_, _ = io.WriteString(first, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	if _, err := http.ReadResponse(bufio.NewReader(first), nil); err != nil {
		t.Fatal(err)
	}
	if got := cut(t, dial(t, s)); got != "" {
		t.Errorf("a second connection was answered %q", got)
	}

	s = run(t, Config{MaxConnections: 1}, nil, http.HandlerFunc(protocol))
	first, second := dial(t, s), dial(t, s)
	answered := make(chan error)
	go func() {
		_, _ = io.WriteString(second, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		_, err := http.ReadResponse(bufio.NewReader(second), nil)
		answered <- err
	}()
	_, _ = io.WriteString(first, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	cut(t, first) // the first is served; only then has the second a place
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

func TestPortTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	for key, c := range map[string][2]string{
		"server.listen": {address, "127.0.0.1:0"},
		"admin.listen":  {"127.0.0.1:0", address},
	} {
		s, err := New(Config{Listen: c[0]}, AdminConfig{Listen: c[1]}, nil, nil, telemetry.Discard())
		if err != nil {
			t.Fatal(err)
		}
		err = s.Listen()
		want := fmt.Sprintf("%s: another process listens on %s", key, address)
		if !errors.Is(err, syscall.EADDRINUSE) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		if key == "admin.listen" {
			again, err := net.Listen("tcp", s.Addr().String())
			if err != nil {
				t.Errorf("the public listener stays open: %v", err)
				continue
			}
			again.Close()
		}
	}
}

func TestAdminIsLocalUnlessMeant(t *testing.T) {
	for address, local := range map[string]bool{
		"127.0.0.1:0": true, "127.9.9.9:0": true, "[::1]:0": true, "localhost:0": true, "[::ffff:127.0.0.1]:0": true,
		":0": false, "0.0.0.0:0": false, "[::]:0": false, "10.0.0.1:0": false, "example.com:0": false,
	} {
		_, err := New(Config{}, AdminConfig{Listen: address}, nil, nil, telemetry.Discard())
		if (err == nil) != local {
			t.Errorf("%s: %v", address, err)
		}
		if _, err := New(Config{}, AdminConfig{Listen: address, AllowRemote: true}, nil, nil, telemetry.Discard()); err != nil {
			t.Errorf("%s, meant: %v", address, err)
		}
	}
}

func TestAdminRefusesForeignNames(t *testing.T) {
	s := run(t, Config{}, nil, http.NotFoundHandler())
	c := client(t, &http.Transport{})
	for host, want := range map[string]int{"localhost": 200, "127.0.0.1:9": 200, "[::1]": 200, "[::1]:9": 200, "evil.example.com": 403} {
		r, _ := http.NewRequest(http.MethodGet, "http://"+s.AdminAddr().String()+"/livez", nil)
		r.Host = host
		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", host, resp.StatusCode, want)
		}
	}
}

func TestHealth(t *testing.T) {
	c := client(t, &http.Transport{})
	leave, inside := make(chan struct{}), make(chan struct{})
	s := run(t, Config{}, nil, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(inside)
		<-leave
	}))
	admin := "http://" + s.AdminAddr().String()
	readyz := func(want int) report {
		t.Helper()
		resp, body := get(t, c, admin+"/readyz")
		var r report
		if err := json.Unmarshal([]byte(body), &r); err != nil || resp.StatusCode != want {
			t.Fatalf("%d %s, want %d", resp.StatusCode, body, want)
		}
		return r
	}
	if got, want := readyz(200), (report{Ready: true, State: serving, Reasons: []reason{}}); !cmp.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	s.SetReason("configuration", "the last reload failed")
	want := report{Ready: true, State: serving, Reasons: []reason{{"configuration", "the last reload failed"}}}
	if got := readyz(200); !cmp.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	s.SetReason("configuration", "")
	if got := readyz(200); len(got.Reasons) != 0 {
		t.Errorf("%+v", got)
	}
	if _, body := get(t, c, admin+"/metrics"); !strings.Contains(body, "http_connections_open 0") {
		t.Errorf("metrics: %s", body)
	}
	if resp, body := get(t, c, admin+"/other"); resp.StatusCode != 404 || !strings.Contains(body, `"code":"no-route"`) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if resp, _ := get(t, c, admin+"//readyz"); resp.StatusCode != 404 {
		t.Errorf("another path: %d", resp.StatusCode)
	}
	resp, err := c.Post(admin+"/readyz", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %v", resp.StatusCode, resp.Header)
	}

	go func() {
		resp, err := http.Get("http://" + s.Addr().String())
		if err == nil {
			resp.Body.Close()
		}
	}()
	<-inside
	go s.stop()
	<-s.Draining()
	if got := readyz(503); got.Ready || got.State != draining {
		t.Errorf("%+v", got)
	}
	if resp, _ := get(t, c, admin+"/livez"); resp.StatusCode != 200 {
		t.Errorf("a draining server is not alive: %d", resp.StatusCode)
	}
	close(leave)
	http.DefaultClient.CloseIdleConnections()
}

func TestNotReadyBeforeServing(t *testing.T) {
	s, err := New(Config{}, AdminConfig{}, nil, nil, telemetry.Discard())
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	s.operators(AdminConfig{AllowRemote: true}).ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
	if w.Code != 503 || !strings.Contains(w.Body.String(), `"state":"starting"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestDrainLosesNoRequest keeps clients asking until the server is seen to drain:
// not one request may fail.
func TestDrainLosesNoRequest(t *testing.T) {
	conf, tr := certificate(t)
	tr.ForceAttemptHTTP2 = true
	for _, tt := range []struct {
		name, scheme string
		conf         *tls.Config
		tr           *http.Transport
	}{
		{"HTTP/1.1", "http", nil, &http.Transport{MaxIdleConnsPerHost: 16}},
		{"HTTP/2", "https", conf, tr},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var served atomic.Int64
			warm := make(chan struct{})
			s := run(t, Config{DrainDelay: 4 * soon}, tt.conf, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if served.Add(1) == 200 {
					close(warm)
				}
				protocol(w, r)
			}))
			c := client(t, tt.tr)
			var clients sync.WaitGroup
			for range 8 {
				clients.Go(func() {
					for {
						select {
						case <-s.Draining(): // as a balancer does that has asked /readyz
							return
						default:
						}
						resp, err := c.Get(tt.scheme + "://" + s.Addr().String())
						if err != nil {
							t.Error(err)
							return
						}
						if _, err := io.Copy(io.Discard, resp.Body); err != nil {
							t.Error(err)
						}
						resp.Body.Close()
					}
				})
			}
			<-warm
			if err := s.stop(); err != nil {
				t.Error(err)
			}
			clients.Wait()
		})
	}
}

func TestDrainFinishesWhatIsUnderWay(t *testing.T) {
	inside, leave := make(chan struct{}), make(chan struct{})
	s := run(t, Config{}, nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(inside)
		<-leave
		_, _ = io.WriteString(w, "whole")
	}))
	conn := dial(t, s)
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	<-inside
	go s.stop()
	<-s.Draining()
	close(leave)
	if got := cut(t, conn); !strings.HasSuffix(got, "whole") {
		t.Errorf("%q", got)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

func TestClientsAreAskedToLeaveWhileDraining(t *testing.T) {
	inside, leave := make(chan struct{}, 1), make(chan struct{})
	s := run(t, Config{}, nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/held" {
			inside <- struct{}{}
			<-leave
		}
	}))
	held := dial(t, s)
	_, _ = io.WriteString(held, "GET /held HTTP/1.1\r\nHost: h\r\n\r\n")
	<-inside
	w := httptest.NewRecorder()
	h := s.pace(http.NotFoundHandler())
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if got := w.Header().Get("Connection"); got != "" {
		t.Errorf("Connection: %s before the drain", got)
	}
	go s.stop()
	<-s.Draining()
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if got := w.Header().Get("Connection"); got != "close" {
		t.Errorf("Connection: %q while draining", got)
	}
	close(leave)
	cut(t, held)
}

func TestDrainWaitsForTakenOverConnectionsAndCutsThemInTheEnd(t *testing.T) {
	taken := make(chan net.Conn, 1)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		taken <- conn
	})
	t.Run("waits", func(t *testing.T) {
		s := run(t, Config{}, nil, h)
		conn := dial(t, s)
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		inner := <-taken
		go s.stop()
		<-s.Draining()
		_, _ = io.WriteString(inner, "goodbye")
		_ = inner.Close()
		if got := cut(t, conn); got != "goodbye" {
			t.Errorf("%q", got)
		}
	})
	t.Run("cuts", func(t *testing.T) {
		s := run(t, Config{DrainTimeout: soon}, nil, h)
		conn := dial(t, s)
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		<-taken // and never closed
		go s.stop()
		cut(t, conn)
	})
}

func TestStuckHandlerDoesNotHoldTheProcess(t *testing.T) {
	inside, leave := make(chan struct{}), make(chan struct{})
	s := run(t, Config{DrainTimeout: soon}, nil, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(inside)
		<-leave
	}))
	conn := dial(t, s)
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	<-inside
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	cut(t, conn)
	close(leave)
}

func TestConfig(t *testing.T) {
	load := func(dst any, yaml string) error {
		_, err := config.Load(dst, config.Source{Name: "x.yaml", Data: []byte(yaml)})
		return err
	}
	var c Config
	var a AdminConfig
	if err := errors.Join(load(&c, "{}"), load(&a, "{}")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Config{}.withDefaults(), c) + cmp.Diff(AdminConfig{}.withDefaults(), a); diff != "" {
		t.Errorf("the tags and the zero value differ: %s", diff)
	}
	for _, bad := range []string{"listen: nowhere", "header_timeout: -1s", "max_connections: -1"} {
		if load(&c, bad) == nil {
			t.Errorf("%s passes", bad)
		}
	}
	for yaml, ok := range map[string]bool{
		"listen: 0.0.0.0:9090": false, "{listen: '0.0.0.0:9090', allow_remote: true}": true, "listen: x": false,
	} {
		if err := load(&a, yaml); (err == nil) != ok {
			t.Errorf("%s: %v", yaml, err)
		}
		a = AdminConfig{}
	}
}

func BenchmarkPace(b *testing.B) {
	s := &Server{config: Config{}.withDefaults(), health: newHealth()}
	h := s.pace(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(nil) }))
	w := httptest.NewRecorder()
	w.Body = new(bytes.Buffer)
	r := httptest.NewRequest("GET", "/", nil)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}
