package upstream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/resilience"
)

// outgoing is a request as a proxy makes it.
func outgoing(method, target string, body io.Reader) *Outgoing {
	path, query, _ := strings.Cut(target, "?")
	return &Outgoing{Method: method, Path: path, Query: query, Body: body, Length: -1}
}

// open passes an exchange through, whose body is then a reader.
func open(ctx context.Context, s *Service, out *Outgoing) (*passed, error) {
	stream, err := s.Open(ctx, out, nil)
	if err != nil {
		return nil, err
	}
	return &passed{Stream: stream}, nil
}

type passed struct {
	*Stream
	piece []byte
}

func (p *passed) Read(b []byte) (n int, err error) {
	if len(p.piece) == 0 {
		if p.piece, err = p.Next(); err != nil {
			return 0, err
		}
	}
	n = copy(b, p.piece)
	p.piece = p.piece[n:]
	return n, nil
}

func TestOpen(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "X-Sum")
		fmt.Fprintf(w, "%s %s %s %q %q", r.Method, r.RequestURI, r.Host, r.Header.Get("X-Api-Key"), body)
		w.Header().Set("X-Sum", "42")
	})
	p := newPool(t)
	s := service(t, p, Config{URL: server.URL + "/base", MaxResponse: 1, Secrets: map[string]config.Secret{"x-api-key": config.NewSecret("k")}})
	resp, err := open(t.Context(), s, outgoing("POST", "/a%20b?x=1", strings.NewReader("hello")))
	if err != nil {
		t.Fatal(err)
	}
	if p.Unfinished() != 1 {
		t.Errorf("%d are unfinished while the body is", p.Unfinished())
	}
	body, err := io.ReadAll(resp)
	host := strings.TrimPrefix(server.URL, "http://")
	want := fmt.Sprintf(`POST /base/a%%20b?x=1 %s "k" "hello"`, host)
	if err != nil || string(body) != want {
		t.Errorf("%q, %v, want %q", body, err, want)
	}
	if resp.Trailer().Get("X-Sum") != "42" {
		t.Errorf("trailer is %v", resp.Trailer())
	}
	if p.Unfinished() != 0 {
		t.Errorf("%d are unfinished at the body's end", p.Unfinished())
	}
	resp.Close()
}

// first opens at the first failure.
var first = resilience.BreakerConfig{Failures: 1, MinRequests: 1000, OpenFor: time.Hour}

func TestWhatAStreamTellsTheBreaker(t *testing.T) {
	chunked := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"
	read := func(t *testing.T, s *Service, req *Outgoing) error {
		resp, err := open(t.Context(), s, req)
		if err != nil {
			return err
		}
		defer resp.Close()
		_, err = io.Copy(io.Discard, resp)
		return err
	}
	for _, test := range []struct {
		name  string
		speak func(net.Conn)
		run   func(*testing.T, *Service, *Outgoing) error
		want  Code // where there is an error
		fails bool
		open  bool
	}{
		{name: "a whole answer", speak: say(chunked + "0\r\n\r\n"), run: read},
		{name: "a refusal", speak: say("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), run: read},
		{name: "a failure", speak: say("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"), run: read, open: true},
		{name: "a cut answer", speak: say(chunked), run: read, fails: true, want: BadAnswer, open: true},
		{name: "a reset answer", speak: func(c net.Conn) { say(chunked)(c); reset(c) }, run: read, fails: true, want: Unreachable, open: true},
		{name: "no answer", speak: func(net.Conn) {}, run: read, fails: true, want: Unreachable, open: true},
		{name: "no head in time", speak: hang, run: read, fails: true, want: Timeout, open: true},
		{name: "a stalled answer", speak: func(c net.Conn) { say(chunked)(c); hang(c) }, run: read, fails: true, want: Timeout, open: true},
		{
			name: "an answer nobody reads to its end", speak: func(c net.Conn) { say(chunked)(c); hang(c) },
			run: func(_ *testing.T, s *Service, req *Outgoing) error {
				resp, err := open(t.Context(), s, req)
				if err == nil {
					resp.Close()
				}
				return err
			},
		},
		{
			name: "a client that leaves", speak: func(c net.Conn) { say(chunked)(c); hang(c) },
			run: func(t *testing.T, s *Service, req *Outgoing) error {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				resp, err := open(ctx, s, req)
				if err != nil {
					return err
				}
				defer resp.Close()
				_, _ = io.ReadFull(resp, make([]byte, 2))
				cancel()
				_, err = io.Copy(io.Discard, resp)
				return err
			}, fails: true, want: Cancelled,
		},
		{
			name: "a client whose body breaks off", speak: hang,
			run: func(t *testing.T, s *Service, _ *Outgoing) error {
				err := read(t, s, outgoing("POST", "/", io.MultiReader(strings.NewReader("half"), brokenBody{})))
				if !errors.Is(err, errBroken) {
					t.Errorf("the error hides the client's: %v", err)
				}
				return err
			}, fails: true, want: Cancelled,
		},
		{
			name: "a client whose body breaks off behind the head of the answer", speak: func(c net.Conn) { say(chunked)(c); _, _ = io.Copy(io.Discard, c) },
			run: func(t *testing.T, s *Service, _ *Outgoing) error { return breakOff(t, s) }, fails: true, want: Cancelled,
		},
		{
			name: "a path that is not canonical", speak: hang,
			run: func(t *testing.T, s *Service, _ *Outgoing) error {
				return read(t, s, outgoing("GET", "/a/%2e%2e/b", nil))
			}, fails: true, want: BadRequest,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := service(t, newPool(t), Config{
				URL: wire(t, test.speak), Breaker: first,
				Timeout: timeoutFor(test.want), Stall: timeoutFor(test.want),
			})
			err := test.run(t, s, outgoing("GET", "/", nil))
			switch {
			case (err != nil) != test.fails:
				t.Errorf("error is %v", err)
			case err != nil && codeOf(t, err) != test.want:
				t.Errorf("%v, want %v", err, test.want)
			}
			if open := s.guard.State() == resilience.Open; open != test.open {
				t.Errorf("open is %v, want %v", open, test.open)
			}
			quiet(t, s)
		})
	}
}

var errBroken = errors.New("the client broke off")

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, errBroken }

// breakOff ends the request's body when the answer has begun.
func breakOff(t *testing.T, s *Service) error {
	body, client := io.Pipe()
	resp, err := open(t.Context(), s, outgoing("POST", "/", body))
	if err != nil {
		return err
	}
	defer resp.Close()
	client.CloseWithError(errBroken)
	_, err = io.Copy(io.Discard, resp)
	if !errors.Is(err, errBroken) {
		t.Errorf("the error hides the client's: %v", err)
	}
	return err
}

// An event stream has no end at which the breaker could learn of it: one that
// is a probe closes the breaker with its head.
func TestAnEndlessStreamIsASuccessAtItsHead(t *testing.T) {
	failed := false
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if !failed {
			failed = true
			w.WriteHeader(500)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	breaker := first
	breaker.OpenFor = time.Nanosecond
	s := service(t, newPool(t), Config{URL: server.URL, Breaker: breaker})
	if resp, err := open(t.Context(), s, outgoing("GET", "/", nil)); err != nil {
		t.Fatal(err)
	} else {
		resp.Close()
	}
	resp, err := open(t.Context(), s, outgoing("GET", "/events", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Close()
	if state := s.guard.State(); state != resilience.Closed {
		t.Errorf("the breaker is %v", state)
	}
}

// While a client pauses within its body, the service is not late.
func TestASlowUploadIsNotTheServicesFault(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	s := service(t, newPool(t), Config{URL: server.URL, Breaker: first, Timeout: 500 * time.Millisecond})
	slow := &parts{next: func(n int) (string, error) {
		if n == 2 {
			return "", io.EOF
		}
		<-time.After(time.Duration(n) * 700 * time.Millisecond) // longer than the time-out
		return "part", nil
	}}
	resp, err := open(t.Context(), s, outgoing("POST", "/", slow))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Close()
	if body, err := io.ReadAll(resp); err != nil || string(body) != "partpart" {
		t.Errorf("%q, %v", body, err)
	}
}

// While a client pauses within the answer, the service does not stall.
func TestASlowReaderIsNotTheServicesFault(t *testing.T) {
	const length = 1 << 20
	s := service(t, newPool(t), Config{Stall: 500 * time.Millisecond, URL: wire(t, say(
		fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", length)+strings.Repeat("x", length)))})
	resp, err := open(t.Context(), s, outgoing("GET", "/", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Close()
	n, err := io.ReadFull(resp, make([]byte, 10))
	if err != nil {
		t.Fatal(err)
	}
	<-time.After(700 * time.Millisecond) // longer than it may stall
	rest, err := io.Copy(io.Discard, resp)
	if err != nil || int64(n)+rest != length {
		t.Errorf("%d bytes, %v", int64(n)+rest, err)
	}
}

// parts is a body that comes in parts.
type parts struct {
	n    int
	next func(int) (string, error)
}

func (r *parts) Read(p []byte) (int, error) {
	text, err := r.next(r.n)
	r.n++
	return copy(p, text), err
}

func TestAStreamOfAnyLength(t *testing.T) {
	const total = 64 << 20
	s := service(t, newPool(t), Config{URL: wire(t, func(c net.Conn) {
		say(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", total))(c)
		part := make([]byte, 1<<20)
		for range total / len(part) {
			if _, err := c.Write(part); err != nil {
				return
			}
		}
	}), MaxResponse: 1024})
	resp, err := open(t.Context(), s, outgoing("GET", "/", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Close()
	if n, err := io.Copy(io.Discard, resp); err != nil || n != total {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestAnotherProtocol(t *testing.T) {
	p := newPool(t)
	s := service(t, p, Config{URL: wire(t, func(c net.Conn) {
		say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")(c)
		_, _ = io.Copy(c, c)
	}), Stall: 100 * time.Millisecond})
	req := outgoing("GET", "/", nil)
	req.Upgrade = "echo"
	resp, err := open(t.Context(), s, req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Close()
	if resp.Status != 101 {
		t.Fatalf("status %d", resp.Status)
	}
	both := resp.Tunnel()
	lines := bufio.NewReader(both)
	for range 3 {
		if _, err := io.WriteString(both, "hello\n"); err != nil {
			t.Fatal(err)
		}
		if line, err := lines.ReadString('\n'); err != nil || line != "hello\n" {
			t.Fatalf("%q, %v", line, err)
		}
	}
	_, err = lines.ReadByte() // nothing comes: it stalls
	if codeOf(t, err) != Timeout {
		t.Errorf("error is %v", err)
	}
	resp.Close()
	if p.Unfinished() != 0 {
		t.Error("it is unfinished")
	}
}

func TestAStreamThroughAnOpenBreaker(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	s := service(t, newPool(t), Config{URL: server.URL, Breaker: first})
	_, _ = get(s, "/")
	if _, err := open(t.Context(), s, outgoing("POST", "/", strings.NewReader("x"))); codeOf(t, err) != BreakerOpen {
		t.Error(err)
	}
}
