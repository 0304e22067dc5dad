package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// piped is a conn whose other end the test holds.
func piped(t *testing.T) (*conn, net.Conn) {
	inner, far := net.Pipe()
	t.Cleanup(func() { _ = inner.Close(); _ = far.Close() })
	return newConn(inner), far
}

func TestARequestIsHeldUntilTheBufferIsEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, far := piped(t)
		c.hold()
		written := false
		go func() {
			_, _ = c.Write([]byte("request"))
			written = true
		}()
		go func() { _, _ = far.Read(make([]byte, 100)) }()
		synctest.Wait()
		if written || !c.holds() {
			t.Fatal("it was sent though nobody reads")
		}
		go func() { _, _ = c.Read(make([]byte, bufferSize)) }()
		synctest.Wait()
		if !written || c.holds() {
			t.Fatal("it was not sent though the buffer is empty")
		}
		_, _ = far.Write([]byte("answer"))
	})
}

func TestALeftoverEndsTheConnection(t *testing.T) {
	for name, provoke := range map[string]func(c *conn, far net.Conn) (int, error){
		"in the buffer": func(c *conn, _ net.Conn) (int, error) {
			c.hold()
			return c.Read(make([]byte, bufferSize-1))
		},
		"on its way": func(c *conn, far net.Conn) (int, error) {
			go func() {
				c.hold()
				_, _ = far.Write([]byte("unasked"))
			}()
			return c.Read(make([]byte, bufferSize))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, far := piped(t)
			if n, err := provoke(c, far); n != 0 || !errors.Is(err, errUnsolicited) {
				t.Errorf("%d, %v", n, err)
			}
			if _, err := c.Write([]byte("request")); !errors.Is(err, net.ErrClosed) {
				t.Errorf("it can still be sent: %v", err)
			}
		})
	}
}

func TestAHeldRequestEndsWithItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := piped(t)
		c.hold()
		ended := make(chan error, 1)
		go func() {
			_, err := c.Write([]byte("request"))
			ended <- err
		}()
		synctest.Wait()
		_ = c.Close()
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

// worst brings about the worst moment by the hooks of net/http's trace: the next
// request, made with the context second, has the connection before net/http
// looks at what is left on it.
func worst(t *testing.T) (s *Service, poisoned Pending, second context.Context) {
	t.Helper()
	s = service(t, newPool(t), Config{Timeout: patience, URL: wire(t, say(
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"+"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"))})
	idle, taken := make(chan struct{}), make(chan struct{})
	first := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{PutIdleConn: func(error) {
		close(idle)
		<-taken
		<-time.After(20 * time.Millisecond) // for what follows the hook until the request is on its way
	}})
	second = httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
		if got.Reused {
			close(taken)
		}
	}})
	poisoned = s.Start(first, &Request{Path: "/"})
	receive(t, idle, "idle connection")
	return s, poisoned, second
}

func TestALeftoverAtTheWorstMoment(t *testing.T) {
	for name, body := range map[string][]byte{"without a body": nil, "with a body": []byte("x")} {
		t.Run(name, func(t *testing.T) {
			s, first, ctx := worst(t)
			second := s.Start(ctx, &Request{Method: http.MethodPost, Path: "/", Body: body})
			for _, call := range []Pending{first, second} {
				if resp, err := call.Wait(); err != nil || string(resp.Body) != "ok" {
					t.Errorf("%+v, %v", resp, err)
				}
			}
		})
	}
	t.Run("with a body that may be gone", func(t *testing.T) {
		s, first, ctx := worst(t)
		req := request(t, http.MethodPost, "/", struct{ io.Reader }{strings.NewReader("x")})
		resp, err := s.RoundTrip(req.WithContext(ctx))
		if err == nil {
			t.Errorf("it was answered with %+v", resp)
			_ = resp.Body.Close()
		} else if code := codeOf(t, err); code != BadAnswer && code != Unreachable {
			t.Error(err)
		}
		if _, err := first.Wait(); err != nil {
			t.Error(err)
		}
	})
}
