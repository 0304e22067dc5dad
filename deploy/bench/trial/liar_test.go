package trial

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

// A service speaks raw HTTP/1.1. Requests for /next are answered in order; what
// happens to others is what the test says.
type service struct {
	address string
	asked   atomic.Int32 // requests for anything but /next
	served  atomic.Int32 // connections
}

// An exchange is one request as a service sees it.
type exchange struct {
	net.Conn
	*http.Request
	in    *bufio.Reader
	asked int // the first request is 1
}

func (x *exchange) say(text string) bool {
	_, err := io.WriteString(x.Conn, text)
	return err == nil
}

// serve answers with speak, which tells whether the connection goes on.
func serve(t testing.TB, speak func(*exchange) bool) *service {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &service{address: listener.Addr().String()}
	var running sync.WaitGroup
	var mu sync.Mutex
	open := make(map[net.Conn]bool)
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.served.Add(1)
			mu.Lock()
			open[conn] = true
			mu.Unlock()
			running.Go(func() {
				defer conn.Close()
				s.converse(conn, speak)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		for conn := range open {
			_ = conn.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return s
}

func (s *service) converse(conn net.Conn, speak func(*exchange) bool) {
	in := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		x := &exchange{Conn: conn, Request: req, in: in}
		if req.URL.Path == "/next" {
			x.say("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nits own")
			continue
		}
		x.asked = int(s.asked.Add(1))
		if !speak(x) {
			return
		}
	}
}

// answer is text, again and again where it is endless.
func answer(text string, endless, cut bool) func(*exchange) bool {
	return func(x *exchange) bool {
		_, _ = io.Copy(io.Discard, x.Body)
		for x.say(text) && endless {
			continue
		}
		return !cut
	}
}

// hang waits until the other side closes the connection.
func hang(x *exchange) bool {
	_, _ = x.in.ReadByte()
	return false
}

func times(n int32) string {
	switch n {
	case 0:
		return ", never sent"
	case 1:
		return ""
	}
	return fmt.Sprintf(", sent %d times", n)
}

func receive[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("no %s", what)
		panic("unreachable")
	}
}
