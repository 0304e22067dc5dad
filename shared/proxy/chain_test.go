package proxy

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/triptych-bff/triptych/shared/compression"
	"github.com/triptych-bff/triptych/shared/edge"
	"github.com/triptych-bff/triptych/shared/routing"
	"github.com/triptych-bff/triptych/shared/server"
	"github.com/triptych-bff/triptych/shared/telemetry"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// chain is a proxy behind everything that stands before it in a gateway: the
// server with its pace, framing, the edge and compression.
func chain(t *testing.T, url string) (address string) {
	t.Helper()
	tel := telemetry.Discard()
	pool := upstream.NewPool(tel)
	service, err := pool.Service("users", upstream.Config{URL: url, Breaker: calm}, nil)
	if err != nil {
		t.Fatal(err)
	}
	coder, err := compression.New(compression.Config{Encodings: []string{"gzip"}, MinSize: 1 << 10})
	if err != nil {
		t.Fatal(err)
	}
	h := edge.New(edge.Config{}, edge.NewMetrics(tel), tel, rand.Reader, coder.Handler(New(service, routing.Rewrite{}, Config{})))
	s, err := server.New(server.Config{Listen: "127.0.0.1:0", DrainDelay: time.Nanosecond}, server.AdminConfig{Listen: "127.0.0.1:0"}, h, nil, tel)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := pool.Unfinished(); n != 0 {
			t.Errorf("%d calls are left over", n)
		}
		pool.Close()
	})
	return s.Addr().String()
}

func dial(t *testing.T, address, request string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

// An early answer ends the connection, though the client neither goes on with its
// body nor leaves.
func TestAnEarlyAnswerToAClientThatPauses(t *testing.T) {
	url, _ := wire(t, "HTTP/1.1 409 Conflict\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", func(net.Conn) {})
	address := chain(t, url)
	for _, framing := range []string{"Content-Length: 100000", "Transfer-Encoding: chunked"} {
		_, r := dial(t, address, "POST / HTTP/1.1\r\nHost: a\r\n"+framing+"\r\n\r\n")
		last(t, r, "409")
		if rest, err := io.ReadAll(r); err != nil || string(rest) != "{}" {
			t.Errorf("%s: then %q, %v", framing, rest, err)
		}
	}
}

func TestUploadsOnTheChain(t *testing.T) {
	address := chain(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	}))
	_, r := dial(t, address, strings.Repeat("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"+
		fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4e20\r\n%s\r\n0\r\n\r\n", strings.Repeat("x", 20000))+
		fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n%s", strings.Repeat("x", 20000)), 5))
	for i := range 15 {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if want := []int{2, 20000, 20000}[i%3]; err != nil || len(body) != want || resp.Close {
			t.Fatalf("%d: %d bytes, %v, last: %v", i, len(body), err, resp.Close)
		}
	}
}

func TestEncodedEventsOnTheChain(t *testing.T) {
	next := make(chan struct{})
	address := chain(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		for range next {
			_, _ = io.WriteString(w, "event\n")
			w.(http.Flusher).Flush()
		}
	}))
	_, r := dial(t, address, "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
	next <- struct{}{}
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("%v, %v", resp, err)
	}
	plain, err := gzip.NewReader(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(plain)
	for range 3 {
		if line, err := lines.ReadString('\n'); err != nil || line != "event\n" {
			t.Fatalf("%q, %v", line, err)
		}
		next <- struct{}{}
	}
	close(next)
	if rest, err := io.ReadAll(lines); err != nil || string(rest) != "event\n" {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestAWebSocketOnTheChain(t *testing.T) {
	url, _ := wire(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", func(c net.Conn) { _, _ = io.Copy(c, c) })
	conn, r := dial(t, chain(t, url), handshake)
	if head, err := readHead(r); err != nil || !strings.HasPrefix(head, "HTTP/1.1 101 ") || !strings.Contains(head, "\r\nX-Request-Id: ") {
		t.Fatalf("%s, %v", head, err)
	}
	for range 3 {
		if _, err := io.WriteString(conn, "GET / HTTP/1.0\n"); err != nil { // what would be no request here
			t.Fatal(err)
		}
		if line, err := r.ReadString('\n'); err != nil || line != "GET / HTTP/1.0\n" {
			t.Fatalf("%q, %v", line, err)
		}
	}
}
