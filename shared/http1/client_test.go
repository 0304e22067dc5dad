package http1

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestWhatIsSent compares the bytes of requests.
func TestWhatIsSent(t *testing.T) {
	lines, err := Prepare(Fields{{"User-Agent", "x"}, {"X-A", "1"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		req  Request
		want string
	}{
		{"a GET", Request{Target: "/a%20b?c=d"}, "GET /a%20b?c=d HTTP/1.1\r\nHost: service:80\r\n\r\n"},
		{"headers", Request{Target: "/", Lines: lines, Fields: Fields{{"X-B", "2"}, {"x-b", ""}}}, "GET / HTTP/1.1\r\nHost: service:80\r\nUser-Agent: x\r\nX-A: 1\r\nX-B: 2\r\nx-b: \r\n\r\n"},
		{"a body", Request{Method: "PUT", Target: "/", Body: []byte("hello")}, "PUT / HTTP/1.1\r\nHost: service:80\r\nContent-Length: 5\r\n\r\nhello"},
		{"no body where there usually is one", Request{Method: "POST", Target: "/"}, "POST / HTTP/1.1\r\nHost: service:80\r\nContent-Length: 0\r\n\r\n"},
		{"no body where there usually is none", Request{Method: "DELETE", Target: "/"}, "DELETE / HTTP/1.1\r\nHost: service:80\r\n\r\n"},
		{"OPTIONS *", Request{Method: "OPTIONS", Target: "*"}, "OPTIONS * HTTP/1.1\r\nHost: service:80\r\n\r\n"},
		{"a stream of known length", Request{Method: "POST", Target: "/", Stream: strings.NewReader("hello!"), Length: 5}, "POST / HTTP/1.1\r\nHost: service:80\r\nContent-Length: 5\r\n\r\nhello"},
		{"a stream", Request{Method: "POST", Target: "/", Stream: io.MultiReader(strings.NewReader("hello"), strings.NewReader(long(17))), Length: -1}, "POST / HTTP/1.1\r\nHost: service:80\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n11\r\n" + long(17) + "\r\n0\r\n\r\n"},
		{"an empty stream", Request{Method: "POST", Target: "/", Stream: strings.NewReader(""), Length: -1}, "POST / HTTP/1.1\r\nHost: service:80\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{"an upgrade", Request{Target: "/", Upgrade: "websocket"}, "GET / HTTP/1.1\r\nHost: service:80\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			sent := make(chan string, 1)
			c := newClient(t, listen(t, func(conn net.Conn, _ *bufio.Reader) {
				b := make([]byte, len(test.want))
				_, _ = io.ReadFull(conn, b)
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
				rest, _ := io.ReadAll(conn)
				sent <- string(b) + string(rest)
			}))
			test.req.Host = "service:80"
			s, err := c.Open(t.Context(), &test.req, Patience{patience, patience}, nil)
			if err != nil {
				t.Fatal(err)
			}
			s.Close()
			if got := <-sent; got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestWhatIsNeverSent(t *testing.T) {
	c := newClient(t, listen(t, honest))
	for name, req := range map[string]Request{
		"a method with a space":   {Method: "GET /", Target: "/"},
		"CONNECT":                 {Method: "CONNECT", Target: "/"},
		"no host":                 {Target: "/", Host: " "},
		"a target with a space":   {Target: "/ HTTP/1.1\r\nA:"},
		"a target without a path": {Target: "http://other/"},
		"a header that ends":      {Target: "/", Fields: Fields{{"A", "b\r\nC: d"}}},
		"a header without a name": {Target: "/", Fields: Fields{{"", "b"}}},
		"a name with a colon":     {Target: "/", Fields: Fields{{"A: b", "c"}}},
		"a length":                {Target: "/", Fields: Fields{{"content-length", "3"}}},
		"a coding":                {Target: "/", Fields: Fields{{"Transfer-Encoding", "chunked"}}},
		"a connection":            {Target: "/", Fields: Fields{{"Connection", "close"}}},
		"an upgrade that ends":    {Target: "/", Upgrade: "a\r\nB: c"},
	} {
		if req.Host == "" {
			req.Host = "service"
		}
		var wrong *RequestError
		if _, err := wait(c, &req); !errors.As(err, &wrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Prepare(Fields{{"Host", "b"}}); err == nil {
		t.Error("a host can be prepared")
	}
}

// empty is an answer without a body.
const empty = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

// TestReplay has a service end connections on which it was asked before: a
// request is sent once more only where that can do no harm.
func TestReplay(t *testing.T) {
	for _, test := range []struct {
		name, method string
		body         []byte
		said         string // before it ends
		replayed     bool
	}{
		{name: "GET", method: "GET", replayed: true},
		{name: "HEAD", method: "HEAD", replayed: true},
		{name: "a long OPTIONS", method: "OPTIONS", body: []byte(long(1 << 20)), replayed: true},
		{name: "PUT", method: "PUT", body: []byte("x")},
		{name: "a long PUT", method: "PUT", body: []byte(long(1 << 20))},
		{name: "DELETE", method: "DELETE"},
		{name: "POST", method: "POST"},
		{name: "PATCH", method: "PATCH", body: []byte("x")},
		{name: "GET with a byte answered", method: "GET", said: "H"},
		{name: "GET with an interim answer", method: "GET", said: "HTTP/1.1 103 Early Hints\r\n\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var asked atomic.Int32
			c := newClient(t, listen(t, func(conn net.Conn, r *bufio.Reader) {
				if _, _, err := request(r); err != nil {
					return
				}
				_, _ = io.WriteString(conn, empty)
				if _, err := r.Peek(1); err == nil && asked.Add(1) == 1 {
					_, _, _ = request(r)
					_, _ = io.WriteString(conn, test.said)
					return
				}
				for {
					if _, _, err := request(r); err != nil {
						return
					}
					_, _ = io.WriteString(conn, empty)
				}
			}))
			if _, err := wait(c, get("/")); err != nil {
				t.Fatal(err)
			}
			a, err := wait(c, &Request{Method: test.method, Host: "service", Target: "/", Body: test.body})
			if (err == nil) != test.replayed || c.Stats().Replayed != map[bool]int64{true: 1}[test.replayed] {
				t.Errorf("%+v, %v; %+v", a, err, c.Stats())
			}
		})
	}
}

// TestAReplayThatFindsNobody says nothing of the first try, which was sent.
func TestAReplayThatFindsNobody(t *testing.T) {
	both(t, patience, func(t *testing.T, exchange func(*Client, *Request) (string, error)) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		defer all.Wait()
		defer l.Close()
		all.Go(func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			defer l.Close() // before the connection ends
			r := bufio.NewReader(conn)
			if _, _, err := request(r); err == nil {
				_, _ = io.WriteString(conn, empty)
				_, _, _ = request(r)
			}
		})
		c := newClient(t, l.Addr().String())
		if _, err := exchange(c, get("/")); err != nil {
			t.Fatal(err)
		}
		_, err = exchange(c, get("/"))
		var unsent *UnsentError
		if err == nil || errors.As(err, &unsent) || c.Stats().Failed != 1 {
			t.Errorf("%v; %+v", err, c.Stats())
		}
	})
}

// TestANewConnectionIsNotReplayed: the service has just taken it, so it means it.
func TestANewConnectionIsNotReplayed(t *testing.T) {
	var asked atomic.Int32
	c := newClient(t, listen(t, func(_ net.Conn, r *bufio.Reader) {
		if _, _, err := request(r); err == nil {
			asked.Add(1)
		}
	}))
	if _, err := wait(c, get("/")); err == nil || asked.Load() != 1 {
		t.Errorf("asked %d times, %v", asked.Load(), err)
	}
}

// TestAnAnswerStaysAsItIs while others come, unless it is released.
func TestAnAnswerStaysAsItIs(t *testing.T) {
	c := newClient(t, listen(t, honest))
	var kept []*Answer
	var want []string
	for i := range 200 {
		target := fmt.Sprintf("/%d/%s", i, long(i*37))
		a, err := wait(c, get(target))
		if err != nil {
			t.Fatal(err)
		}
		if room := cap(a.Body) - len(a.Body); room < 64 {
			t.Fatalf("there are %d bytes of room behind the body, want 64", room)
		}
		if i%2 == 0 {
			a.Release()
			continue
		}
		kept, want = append(kept, a), append(want, target)
	}
	for i, a := range kept {
		if string(a.Body) != want[i] || a.Fields.Get("content-length") != fmt.Sprint(len(want[i])) {
			t.Errorf("answer %d has become %q, %v", i, a.Body, a.Fields)
		}
	}
}

func TestMostConnections(t *testing.T) {
	const most, exchanges = 3, 50
	var now, peak atomic.Int32
	c := newClient(t, listen(t, func(conn net.Conn, r *bufio.Reader) {
		peak.Store(max(peak.Load(), now.Add(1)))
		defer now.Add(-1)
		honest(conn, r)
	}))
	c.options.MaxConns = most
	var started []*Exchange
	for i := range exchanges {
		started = append(started, c.Start(t.Context(), time.Now().Add(patience), get(fmt.Sprintf("/%d", i))))
	}
	answered := make(chan string)
	for _, x := range started {
		go func() {
			a, err := x.Wait(100)
			if err != nil {
				answered <- err.Error()
				return
			}
			answered <- string(a.Body)
		}()
	}
	var got []string
	for range started {
		got = append(got, <-answered)
	}
	slices.Sort(got)
	if len(slices.Compact(got)) != exchanges || !strings.HasPrefix(got[0], "/") {
		t.Errorf("the answers are %q", got)
	}
	if peak.Load() > most {
		t.Errorf("there were %d connections, want %d", peak.Load(), most)
	}
}

// TestAConnectionThatIsFreeMeanwhile became so between the look for one and the
// wait for one.
func TestAConnectionThatIsFreeMeanwhile(t *testing.T) {
	c := newClient(t, listen(t, honest))
	c.options.MaxConns = 1
	deadline := time.Now().Add(patience)
	first := c.Start(t.Context(), deadline, get("/"))
	if c.take(deadline) != nil {
		t.Fatal("there is one already")
	}
	if _, err := first.Wait(100); err != nil {
		t.Fatal(err)
	}
	cn, err := c.connect(t.Context(), deadline)
	if err != nil {
		t.Fatal(err)
	}
	c.drop(cn)
}

// TestWaitingForAConnection ends with its time, or with whoever waits, and says
// that nothing was sent.
func TestWaitingForAConnection(t *testing.T) {
	c := newClient(t, listen(t, func(conn net.Conn, _ *bufio.Reader) { hang(conn) }))
	c.options.MaxConns = 1
	first := c.Start(t.Context(), time.Now().Add(patience), get("/"))
	for c.Stats().Dialled == 0 {
		time.Sleep(time.Millisecond)
	}
	var unsent *UnsentError
	if _, err := c.Start(t.Context(), time.Now().Add(50*time.Millisecond), get("/")).Wait(1); !errors.As(err, &unsent) || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	second := c.Start(ctx, time.Now().Add(patience), get("/"))
	cancel()
	if _, err := second.Wait(1); !errors.As(err, &unsent) || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	third := c.Start(t.Context(), time.Now().Add(patience), get("/"))
	third.Cancel()
	first.Cancel()
}

// TestGivenUp is every way in which an exchange ends early: the connection goes
// with it, and the next exchange has its own.
func TestGivenUp(t *testing.T) {
	for name, giveUp := range map[string]func(cancel context.CancelFunc, x *Exchange) error{
		"cancelled": func(_ context.CancelFunc, x *Exchange) error { x.Cancel(); return context.Canceled },
		"by its context": func(cancel context.CancelFunc, x *Exchange) error {
			cancel()
			_, err := x.Wait(1)
			return err
		},
		"by its context, while it waits": func(cancel context.CancelFunc, x *Exchange) error {
			ended := make(chan error)
			go func() { _, err := x.Wait(1); ended <- err }()
			time.Sleep(time.Millisecond)
			cancel()
			return <-ended
		},
	} {
		t.Run(name, func(t *testing.T) {
			gone := make(chan bool, 1)
			c := newClient(t, listen(t, func(conn net.Conn, r *bufio.Reader) {
				for {
					req, _, err := request(r)
					if err != nil {
						return
					}
					if req.RequestURI == "/hang" {
						hang(conn)
						gone <- true
						return
					}
					own(conn, req.RequestURI)
				}
			}))
			for range 3 {
				if _, err := wait(c, get("/a")); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				if err := giveUp(cancel, c.Start(ctx, time.Now().Add(patience), get("/hang"))); err == nil {
					t.Error("there was an answer")
				}
				cancel()
				<-gone
				if a, err := wait(c, get("/b")); err != nil || string(a.Body) != "/b" {
					t.Errorf("%v, %v", a, err)
				}
			}
		})
	}
}

// TestADeadlineBoundsWaiting: what has come in time is an answer, however late it
// is looked at.
func TestADeadlineBoundsWaiting(t *testing.T) {
	answered := make(chan bool)
	c := newClient(t, listen(t, func(conn net.Conn, r *bufio.Reader) {
		for {
			req, _, err := request(r)
			if err != nil {
				return
			}
			own(conn, req.RequestURI)
			answered <- true
		}
	}))
	for range 2 { // on a new connection, and on one that was used
		x := c.Start(t.Context(), time.Now().Add(100*time.Millisecond), get("/a"))
		<-answered
		time.Sleep(150 * time.Millisecond)
		if a, err := x.Wait(100); err != nil || string(a.Body) != "/a" {
			t.Errorf("%v, %v", a, err)
		}
	}
	if s := c.Stats(); s.Dialled != 1 {
		t.Errorf("%+v", s)
	}
}

// TestIdleConnections end in their own time, or in what the service says.
func TestIdleConnections(t *testing.T) {
	for name, test := range map[string]struct {
		idle time.Duration
		hint string
		kept bool
	}{
		"for long":               {patience, "", true},
		"not for long":           {20 * time.Millisecond, "", false},
		"as the service says":    {patience, "Keep-Alive: timeout=5, max=100\r\n", true},
		"a second, says service": {patience, "Keep-Alive: timeout=1\r\n", false},
		"nonsense":               {patience, "Keep-Alive: timeout=x\r\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan bool, 1)
			c := newClient(t, listen(t, func(conn net.Conn, r *bufio.Reader) {
				if _, _, err := request(r); err != nil {
					return
				}
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n"+test.hint+"Content-Length: 0\r\n\r\n")
				hang(conn)
				ended <- true
			}))
			c.options.Idle = test.idle
			if _, err := wait(c, get("/")); err != nil {
				t.Fatal(err)
			}
			if test.kept {
				if c.Stats().Idle != 1 {
					t.Error("it was not kept")
				}
				return
			}
			<-ended
		})
	}
}

func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.RequestURI)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	c := newClient(t, server.Listener.Addr().String())
	c.options.TLS = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	c.options.TLS.ServerName = "example.com"
	both(t, patience, func(t *testing.T, exchange func(*Client, *Request) (string, error)) { getsItsOwn(t, c, exchange) })
	if s := c.Stats(); s.Dialled != 1 || s.Reused != 5 {
		t.Errorf("%+v", s)
	}
	c.options.TLS = &tls.Config{ServerName: "example.org", RootCAs: c.options.TLS.RootCAs}
	c.Close()
	c.Reopen()
	var unsent *UnsentError
	if _, err := wait(c, get("/")); !errors.As(err, &unsent) {
		t.Errorf("another's certificate will do: %v", err)
	}
}

// TestATornAnswer is not whole where only the connection's end says where it ends:
// that can be anybody's doing.
func TestATornAnswer(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	t.Cleanup(server.Close)
	both(t, patience, func(t *testing.T, exchange func(*Client, *Request) (string, error)) {
		c := newClient(t, listen(t, func(conn net.Conn, _ *bufio.Reader) {
			secure := tls.Server(conn, server.TLS)
			req, _, err := request(bufio.NewReader(secure))
			if err != nil {
				return
			}
			_, _ = io.WriteString(secure, "HTTP/1.1 200 OK\r\n\r\nhalf")
			if req.RequestURI == "/whole" {
				_ = secure.Close()
			}
		}))
		c.options.TLS = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
		c.options.TLS.ServerName = "example.com"
		if body, err := exchange(c, get("/whole")); body != "half" || err != nil {
			t.Errorf("%q, %v", body, err)
		}
		if body, err := exchange(c, get("/torn")); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q, %v", body, err)
		}
	})
}

// TestTLSThatEndsUnasked is noticed before a request is put on it.
func TestTLSThatEndsUnasked(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	t.Cleanup(server.Close)
	c := newClient(t, server.Listener.Addr().String())
	c.options.TLS = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	c.options.TLS.ServerName = "example.com"
	post := func() *Request { return &Request{Method: "POST", Host: "service", Target: "/"} }
	for range 3 {
		if _, err := wait(c, post()); err != nil {
			t.Fatal(err)
		}
		server.CloseClientConnections()
	}
	if s := c.Stats(); s.Stale != 2 || s.Dialled != 3 {
		t.Errorf("%+v", s)
	}
}

func TestInterimAnswersAndTrailers(t *testing.T) {
	c := newClient(t, listen(t, func(conn net.Conn, r *bufio.Reader) {
		if _, _, err := request(r); err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"+
				"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 42\r\nx-sum: 43\r\n\r\n")
		}
	}))
	var informed []string
	s, err := c.Open(t.Context(), get("/"), Patience{patience, patience}, func(h *Head) {
		informed = append(informed, fmt.Sprint(h.Status, h.Fields))
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if body, err := read(s); err != nil || body != "ok" {
		t.Errorf("%q, %v", body, err)
	}
	if want := []string{"103 [{Link <a>}]", "102 []"}; !slices.Equal(informed, want) {
		t.Errorf("informed of %q, want %q", informed, want)
	}
	if got := fmt.Sprint(s.Trailer()); got != "[{X-Sum 42} {x-sum 43}]" {
		t.Errorf("the trailers are %v", got)
	}
}

// TestTunnel speaks another protocol behind the head, of which the first words
// may have come with it.
func TestTunnel(t *testing.T) {
	c := newClient(t, listen(t, func(conn net.Conn, r *bufio.Reader) {
		if _, _, err := request(r); err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello\n")
			_, _ = io.Copy(conn, conn)
		}
	}))
	req := get("/")
	req.Upgrade = "echo"
	s, err := c.Open(t.Context(), req, Patience{patience, 100 * time.Millisecond}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tunnel := s.Tunnel()
	lines := bufio.NewReader(tunnel)
	for _, want := range []string{"hello\n", "a\n", "b\n"} {
		if line, err := lines.ReadString('\n'); err != nil || line != want {
			t.Fatalf("%q, %v", line, err)
		}
		if _, err := io.WriteString(tunnel, map[string]string{"hello\n": "a\n", "a\n": "b\n"}[want]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := lines.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("silence ends with %v", err)
	}
}

// TestASwitchIsTheLast answer on a connection also where nobody opens a tunnel.
func TestASwitchIsTheLast(t *testing.T) {
	c := newClient(t, listen(t, func(conn net.Conn, r *bufio.Reader) {
		if _, _, err := request(r); err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
			hang(conn)
		}
	}))
	a, err := wait(c, &Request{Host: "service", Target: "/", Upgrade: "echo"})
	if err != nil || a.Status != http.StatusSwitchingProtocols || c.Stats().Open != 0 {
		t.Errorf("%+v, %v; %+v", a, err, c.Stats())
	}
}

// TestABodyThatFails ends the exchange: the service must not take a part for the
// whole.
func TestABodyThatFails(t *testing.T) {
	broken := errors.New("broken")
	for name, length := range map[string]int64{"chunked": -1, "counted": 100} {
		t.Run(name, func(t *testing.T) {
			whole := make(chan error, 1)
			c := newClient(t, listen(t, func(_ net.Conn, r *bufio.Reader) {
				_, _, err := request(r)
				whole <- err
			}))
			var own *BodyError
			_, err := c.Open(t.Context(), &Request{
				Method: "POST", Host: "service", Target: "/", Length: length,
				Stream: io.MultiReader(strings.NewReader("half"), failing{broken}),
			}, Patience{patience, patience}, nil)
			if !errors.As(err, &own) || !errors.Is(err, broken) {
				t.Error(err)
			}
			if <-whole == nil {
				t.Error("the service has taken it for whole")
			}
		})
	}
	t.Run("too short", func(t *testing.T) {
		c := newClient(t, listen(t, honest))
		var own *BodyError
		if _, err := c.Open(t.Context(), &Request{Method: "POST", Host: "service", Target: "/", Stream: strings.NewReader("half"), Length: 5}, Patience{patience, patience}, nil); !errors.As(err, &own) {
			t.Error(err)
		}
	})
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestWaits asks whether more has come: what only frames content does not count.
func TestWaits(t *testing.T) {
	more := make(chan string)
	c := newClient(t, listen(t, func(conn net.Conn, r *bufio.Reader) {
		if _, _, err := request(r); err != nil {
			return
		}
		for text := range more {
			_, _ = io.WriteString(conn, text)
		}
	}))
	go func() { more <- "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2;x=y\r" }()
	s, err := c.Open(t.Context(), get("/"), Patience{patience, patience}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Waits() {
		t.Error("what has come is waited for")
	}
	if piece, err := s.Next(); err != nil || string(piece) != "ab" {
		t.Fatalf("%q, %v", piece, err)
	}
	if !s.Waits() || s.Ended() {
		t.Error("half a chunk's size is content, or the end")
	}
	more <- "\ncd\r\n0\r\n\r\n"
	if piece, err := s.Next(); err != nil || string(piece) != "cd" {
		t.Fatalf("%q, %v", piece, err)
	}
	if s.Waits() || !s.Ended() {
		t.Error("the end is waited for")
	}
	close(more)
	if _, err := s.Next(); err != io.EOF {
		t.Error(err)
	}
}

// TestLongBodies reads what comes in many pieces.
func TestLongBodies(t *testing.T) {
	for _, length := range []int{5 << 10, 100 << 10, 3<<20 + 17} {
		want := long(length)
		c := newClient(t, listen(t, func(conn net.Conn, r *bufio.Reader) {
			for {
				if _, _, err := request(r); err != nil {
					return
				}
				own(conn, want)
			}
		}))
		for range 2 {
			s, err := c.Open(t.Context(), get("/"), Patience{patience, patience}, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for !s.Ended() {
				piece, err := s.Next()
				if err != nil {
					t.Fatal(err)
				}
				got.Write(piece)
			}
			s.Close()
			if got.String() != want {
				t.Errorf("%d bytes of %d, or others", got.Len(), length)
			}
		}
		if s := c.Stats(); s.Dialled != 1 {
			t.Errorf("%+v", s)
		}
	}
}

// canned answers whatever comes in one piece, and allocates nothing.
func canned(answer string) func(net.Conn, *bufio.Reader) {
	return func(c net.Conn, _ *bufio.Reader) {
		room, text := make([]byte, 4096), []byte(answer)
		for {
			if _, err := c.Read(room); err != nil {
				return
			}
			if _, err := c.Write(text); err != nil {
				return
			}
		}
	}
}

func BenchmarkWait(b *testing.B) {
	for _, size := range []int{1500, 40_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			c := newClient(b, listen(b, canned(fmt.Sprintf(
				"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Tue, 24 Nov 2026 12:00:00 GMT\r\nServer: x\r\nContent-Length: %d\r\n\r\n%s", size, long(size)))))
			req := get("/users/1")
			req.Fields = Fields{{"Traceparent", long(55)}, {"X-Request-Id", long(26)}}
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			b.ReportAllocs()
			for b.Loop() {
				a, err := c.Start(ctx, time.Now().Add(patience), req).Wait(1 << 20)
				if err != nil {
					b.Fatal(err)
				}
				a.Release()
			}
		})
	}
}
