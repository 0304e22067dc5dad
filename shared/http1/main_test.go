package http1

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen. It is never waited for
// where the code is right.
const patience = 10 * time.Second

// newClient is a client of the service at that address. When the test is over it
// has no connection, and nobody waits for one.
func newClient(t testing.TB, address string) *Client {
	c := NewClient(Options{Address: address, Connect: patience, Idle: patience})
	t.Cleanup(func() {
		c.Close()
		for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) { // one that is being made ends in its own time
			switch s := c.Stats(); {
			case s.Open == 0 && s.Idle == 0 && s.Waiting == 0:
				return
			case time.Now().After(end):
				t.Errorf("connections are left over: %+v", s)
				return
			}
		}
	})
	return c
}

// A service is a listener that does with every connection what serve does.
type service struct {
	net.Listener
	serve func(c net.Conn, r *bufio.Reader)
	all   sync.WaitGroup
}

func listen(t testing.TB, serve func(c net.Conn, r *bufio.Reader)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &service{Listener: l, serve: serve}
	s.all.Go(s.accept)
	t.Cleanup(func() { _ = l.Close(); s.all.Wait() })
	return l.Addr().String()
}

func (s *service) accept() {
	for {
		c, err := s.Accept()
		if err != nil {
			return
		}
		s.all.Go(func() {
			defer c.Close()
			s.serve(c, bufio.NewReader(c))
		})
	}
}

// request reads a request with its body.
func request(r *bufio.Reader) (*http.Request, string, error) {
	req, err := http.ReadRequest(r)
	if err != nil {
		return nil, "", err
	}
	body, err := io.ReadAll(req.Body)
	return req, string(body), err
}

// honest answers every request with its own target, until the client leaves.
func honest(c net.Conn, r *bufio.Reader) {
	for {
		req, _, err := request(r)
		if err != nil {
			return
		}
		own(c, req.RequestURI)
	}
}

// own answers with the target of the request.
func own(c net.Conn, target string) {
	_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(target), target)
}

// hang keeps the connection until the other side closes it.
func hang(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// wait is the whole answer.
func wait(c *Client, req *Request) (*Answer, error) {
	return c.Start(context.Background(), time.Now().Add(patience), req).Wait(1 << 20)
}

// get is a request for that target.
func get(target string) *Request { return &Request{Host: "service", Target: target} }

// read is what is left of a stream, and how it ended.
func read(s *Stream) (string, error) {
	var all bytes.Buffer
	for {
		piece, err := s.Next()
		all.Write(piece)
		if err == io.EOF {
			return all.String(), nil
		}
		if err != nil {
			return all.String(), err
		}
	}
}

// both runs a test with an answer that is read whole, and with one that is
// streamed: exchange is the body, or why there is none.
func both(t *testing.T, within time.Duration, test func(t *testing.T, exchange func(*Client, *Request) (string, error))) {
	t.Run("whole", func(t *testing.T) {
		test(t, func(c *Client, req *Request) (string, error) {
			a, err := c.Start(t.Context(), time.Now().Add(within), req).Wait(1 << 20)
			if err != nil {
				return "", err
			}
			defer a.Release()
			return string(a.Body), nil
		})
	})
	t.Run("streamed", func(t *testing.T) {
		test(t, func(c *Client, req *Request) (string, error) {
			s, err := c.Open(t.Context(), req, Patience{Head: within, Stall: within}, nil)
			if err != nil {
				return "", err
			}
			defer s.Close()
			return read(s)
		})
	})
}

// getsItsOwn is what the next requests must still do, whatever came before.
func getsItsOwn(t *testing.T, c *Client, exchange func(*Client, *Request) (string, error)) {
	t.Helper()
	for i := range 3 {
		target := fmt.Sprintf("/own/%d", i)
		if body, err := exchange(c, get(target)); err != nil || body != target {
			t.Errorf("the request for %s got %q, %v", target, body, err)
		}
	}
}

func long(n int) string { return strings.Repeat("x", n) }
