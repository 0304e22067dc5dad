package upstream

import (
	"bufio"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/triptych-bff/triptych/shared/resilience"
	"github.com/triptych-bff/triptych/shared/telemetry"
)

func TestMain(m *testing.M) {
	log.SetOutput(io.Discard) // net/http tells what misbehaves in the tests on purpose
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for what must happen. It is never waited
// for where the code is right.
const patience = 10 * time.Second

func newPool(t testing.TB) *Pool {
	t.Helper()
	p := NewPool(telemetry.Discard())
	t.Cleanup(func() {
		if n := p.Unfinished(); n != 0 {
			t.Errorf("%d calls are neither awaited nor cancelled", n)
		}
		p.Close()
	})
	return p
}

func service(t testing.TB, p *Pool, c Config) *Service {
	t.Helper()
	s, err := p.Service("users", c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// serve is a service that answers with handler. It is gone, with all of its
// goroutines, when the test ends.
func serve(t testing.TB, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

// wire is a service that does with a connection what speak does, after it has
// read the head of one request.
func wire(t testing.TB, speak func(net.Conn)) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
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
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					speak(conn)
				}
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

// calmBreaker never opens on the failures of one test.
var calmBreaker = resilience.BreakerConfig{Failures: 1000, MinRequests: 1000}

// certificateOf is a file with the server's certificate.
func certificateOf(t *testing.T, server *httptest.Server) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(path, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func say(text string) func(net.Conn) {
	return func(c net.Conn) { _, _ = c.Write([]byte(text)) }
}

// hang keeps the connection until the other side closes it.
func hang(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

func get(s *Service, path string) (*Response, error) {
	return s.Start(context.Background(), &Request{Operation: "GET /", Path: path}).Wait()
}

// codeOf is the code of a call's error. No error is no code.
func codeOf(t testing.TB, err error) Code {
	t.Helper()
	var failed *Error
	if !errors.As(err, &failed) {
		t.Fatalf("error is %v (%T), want an Error", err, err)
	}
	if failed.Service != "users" {
		t.Errorf("the error names service %q", failed.Service)
	}
	return failed.Code
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
