package load

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// patience is how long a run may take that ends by its count.
const patience = time.Minute

func TestRun(t *testing.T) {
	body := strings.Repeat("x", 100_000)
	serve := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/chunked" {
			w.(http.Flusher).Flush()
		}
		if r.URL.Path == "/short" {
			w.Header().Set("Content-Length", "3")
			_, _ = io.WriteString(w, body[:3])
			return
		}
		if r.URL.Path == "/missing" {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(w, body)
	}
	plain := httptest.NewServer(http.HandlerFunc(serve))
	defer plain.Close()
	secure := httptest.NewTLSServer(http.HandlerFunc(serve))
	defer secure.Close()

	for _, c := range []struct {
		name, path, want string
		server           *httptest.Server
	}{
		{"length", "/", "", plain},
		{"chunked", "/chunked", "", plain},
		{"TLS", "/", "", secure},
		{"chunked over TLS", "/chunked", "", secure},
		{"status", "/missing", `answer "HTTP/1.1 404 Not Found"`, plain},
		{"wrong length", "/short", "answer of 3 bytes, want 100000", plain},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := Options{
				Port: port(t, c.server), Connections: 4, Length: len(body),
				Requests: [][]byte{[]byte("GET " + c.path + " HTTP/1.1\r\nHost: x\r\n\r\n")},
			}
			if c.server == secure {
				o.TLS = &tls.Config{InsecureSkipVerify: true} // a test's own certificate
			}
			l, err := Dial(o)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			r, err := l.Run(patience, 50)
			switch {
			case c.want != "":
				if err == nil || err.Error() != c.want {
					t.Errorf("error %v, want %s", err, c.want)
				}
			case err != nil:
				t.Error(err)
			case r.Answers != 50 || r.P50 > r.P99:
				t.Errorf("%+v", r)
			}
		})
	}
}

func port(t *testing.T, s *httptest.Server) int {
	t.Helper()
	address, err := netip.ParseAddrPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return int(address.Port())
}

// TestAnswer reads each answer whole, byte by byte, and with bytes behind it.
func TestAnswer(t *testing.T) {
	for _, c := range []struct {
		text string
		body int
		bad  bool
	}{
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 5, false},
		{"HTTP/1.1 200 OK\r\nX: y\r\ncontent-length:0\r\n\r\n", 0, false},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", 15, false},
		{"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", 0, true},
		{"HTTP/1.1 200 OK\r\n\r\n", 0, true},
		{"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 0, true},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 0, true},
	} {
		for name, reader := range map[string]io.Reader{
			"whole": strings.NewReader(c.text), "bytes": iotest.OneByteReader(strings.NewReader(c.text)),
		} {
			var a answer
			done, err := feed(&a, reader)
			if (err != nil) != c.bad || !c.bad && (!done || a.body != c.body) {
				t.Errorf("%s %q: done %t, body %d, error %v", name, c.text, done, a.body, err)
			}
		}
		if !c.bad {
			var a answer
			if _, err := a.take([]byte(c.text + "HTTP")); err == nil {
				t.Errorf("%q: bytes behind it are accepted", c.text)
			}
		}
	}
}

// feed gives an answer what a reader gives, read by read.
func feed(a *answer, r io.Reader) (done bool, err error) {
	buffer := make([]byte, 512)
	for err == nil {
		n, end := r.Read(buffer)
		if end != nil {
			break
		}
		done, err = a.take(buffer[:n])
	}
	return done, err
}
