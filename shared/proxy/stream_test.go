package proxy

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/triptych-bff/triptych/shared/upstream"
)

func TestEventsArriveOneByOne(t *testing.T) {
	next := make(chan string)
	f := open(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		for event := range next {
			fmt.Fprintf(w, "data: %s\n\n", event)
			w.(http.Flusher).Flush()
		}
	}), setup{})
	resp, err := f.Client().Get(f.URL) // returns: the head is here before any event
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for _, event := range []string{"one", "two", "three"} {
		next <- event
		line, err := lines.ReadString('\n') // returns: the service is waiting for the next
		if err != nil || line != "data: "+event+"\n" {
			t.Fatalf("%q, %v", line, err)
		}
		_, _ = lines.ReadString('\n')
	}
	close(next)
	if rest, err := io.ReadAll(lines); err != nil || len(rest) != 0 {
		t.Errorf("%q, %v", rest, err)
	}
}

// A body of known length is not held back either, unless it is small.
func TestAKnownLengthIsNotHeldBack(t *testing.T) {
	more := make(chan struct{})
	url, _ := wire(t, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\nab", smallAnswer+1), func(c net.Conn) {
		<-more
		_, _ = c.Write(make([]byte, smallAnswer-1))
	})
	f := open(t, url, setup{})
	resp, err := f.Client().Get(f.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	begin := make([]byte, 2)
	if _, err := io.ReadFull(resp.Body, begin); err != nil || string(begin) != "ab" {
		t.Errorf("%q, %v", begin, err)
	}
	close(more)
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) != smallAnswer-1 {
		t.Errorf("%d more, %v", len(rest), err)
	}
}

// What is there at once goes out at once, head and body together.
func TestAnswersInOnePiece(t *testing.T) {
	for name, answer := range map[string]string{
		"small":   ok,
		"larger":  "HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n" + strings.Repeat("x", 3000),
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n3\r\nyes\r\n0\r\n\r\n",
		"empty":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, _ := wire(t, answer, nil)
			f := open(t, url, setup{})
			var pieces atomic.Int32
			inner := f.Config.Handler
			f.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				inner.ServeHTTP(&flushes{w, &pieces}, r)
			})
			f.exchange(t, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
			if n := pieces.Load(); n != 0 {
				t.Errorf("flushed %d times", n)
			}
		})
	}
}

type flushes struct {
	http.ResponseWriter
	n *atomic.Int32
}

func (f *flushes) FlushError() error {
	f.n.Add(1)
	return http.NewResponseController(f.ResponseWriter).Flush()
}

func TestAClientThatLeavesEndsTheCall(t *testing.T) {
	for name, begin := range map[string]bool{"before the answer": false, "amid the answer": true} {
		t.Run(name, func(t *testing.T) {
			arrived, ended := make(chan struct{}), make(chan struct{})
			f := open(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
				if begin {
					w.(http.Flusher).Flush()
				}
				close(arrived)
				<-r.Context().Done()
				close(ended)
			}), setup{})
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			req, err := http.NewRequestWithContext(ctx, "GET", f.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() {
				resp, err := f.transport().RoundTrip(req)
				if err == nil {
					_, err = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
				done <- err
			}()
			receive(t, arrived, "request")
			leave()
			receive(t, ended, "end of the call")
			if err := receive(t, done, "result"); err == nil {
				t.Error("the client got a whole answer")
			}
			if x := receive(t, f.noted, "note"); x.Code != "client-closed" {
				t.Errorf("noted %q, %v", x.Code, x.Err)
			}
		})
	}
}

func TestLargeBodiesStreamBothWays(t *testing.T) {
	const size = 10 << 20
	f := open(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.New()
		n, _ := io.Copy(sum, r.Body)
		w.Header().Set("X-Received", fmt.Sprintf("%d %x", n, sum.Sum(nil)))
		_, _ = io.Copy(w, random(size))
	}), setup{})
	sum := sha256.New()
	_, _ = io.Copy(sum, random(size))
	want := fmt.Sprintf("%d %x", size, sum.Sum(nil))
	for name, length := range map[string]int64{"known length": size, "chunked": -1} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", f.URL, random(size))
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = length
		resp, err := f.transport().RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		sum.Reset()
		n, err := io.Copy(sum, resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.Header.Get("X-Received") != want || fmt.Sprintf("%d %x", n, sum.Sum(nil)) != want {
			t.Errorf("%s: sent %s, received %d, %v", name, resp.Header.Get("X-Received"), n, err)
		}
	}
}

// random is the same n bytes each time.
func random(n int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{1}), n)
}

// A service may answer before it has read the request: its answer is not kept
// until the client is done, and not cut because the client is not.
func TestBothDirectionsAtOnce(t *testing.T) {
	for name, request := range map[string]struct{ framing, piece string }{
		"known length": {"Content-Length: 100000", "x"},
		"chunked":      {"Transfer-Encoding: chunked", "1\r\nx\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			next := make(chan string)
			url, _ := wire(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", func(c net.Conn) {
				for chunk := range next {
					_, _ = io.WriteString(c, chunk)
				}
				hang(c)
			})
			f := open(t, url, setup{})
			conn, r := f.dial(t, "POST / HTTP/1.1\r\nHost: a\r\n"+request.framing+"\r\n\r\n")
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			body := bufio.NewReader(resp.Body)
			for range 3 {
				next <- "2\r\nab\r\n"
				if _, err := io.ReadFull(body, make([]byte, 2)); err != nil {
					t.Fatal(err)
				}
				if _, err := io.WriteString(conn, request.piece); err != nil {
					t.Fatal(err)
				}
			}
			next <- "0\r\n\r\n"
			close(next)
			if rest, err := io.ReadAll(body); err != nil || len(rest) != 0 {
				t.Errorf("%q, %v", rest, err)
			}
			_ = conn.Close()
		})
	}
}

// What is left of a request that was answered early is no other request, nor
// does it disturb one: its connection closes behind the answer.
func TestAfterAnEarlyAnswer(t *testing.T) {
	smuggled := strings.Repeat("GET /x HTTP/1.1\r\nHost: a\r\n\r\n", smallBody/28+1)
	url, _ := wire(t, "HTTP/1.1 409 Conflict\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", func(net.Conn) {})
	for _, request := range []struct{ framing, body string }{
		{fmt.Sprint("Content-Length: ", len(smuggled)), smuggled},
		{"Transfer-Encoding: chunked", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(smuggled), smuggled)},
	} {
		f := open(t, url, setup{})
		conn, r := f.dial(t, "POST / HTTP/1.1\r\nHost: a\r\n"+request.framing+"\r\n\r\n")
		last(t, r, "409")
		_, _ = io.WriteString(conn, request.body+smuggled)
		if rest, _ := io.ReadAll(r); string(rest) != "{}" {
			t.Errorf("%s: then %q", request.framing, rest)
		}
		receive(t, f.noted, "note")
		if len(f.noted) != 0 {
			t.Errorf("%s: there was another request", request.framing)
		}
	}
}

// So does that of an upload that fails on its way.
func TestAfterAFailedUpload(t *testing.T) {
	url, _ := wire(t, "", func(net.Conn) {})
	f := open(t, url, setup{})
	conn, r := f.dial(t, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n")
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for piece := make([]byte, 1024); ; {
			if _, err := conn.Write(piece); err != nil {
				return // the connection is closed
			}
		}
	}()
	last(t, r, "502")
	receive(t, sent, "end of the connection")
}

// last reads an answer's head that says that it is the connection's last.
func last(t *testing.T, r *bufio.Reader, status string) {
	t.Helper()
	head, err := readHead(r)
	if err != nil || !strings.HasPrefix(head, "HTTP/1.1 "+status+" ") || !strings.Contains(head, "\r\nConnection: close\r\n") {
		t.Errorf("%s, %v", head, err)
	}
}

// One that has been read to its end leaves the connections in order.
func TestUploadsReuseTheirConnections(t *testing.T) {
	from := make(chan string, 100)
	f := open(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		from <- r.RemoteAddr
		_, _ = io.Copy(w, r.Body)
	}), setup{})
	_, r := f.dial(t, strings.Repeat("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"+
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", 20))
	service := map[string]bool{}
	for range 40 {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "ab" {
			t.Fatalf("%q, %v", body, err)
		}
		service[receive(t, from, "request")] = true
	}
	if len(service) != 1 {
		t.Errorf("the service had %d connections", len(service))
	}
}

func TestWebSocket(t *testing.T) {
	f := open(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "a=b")
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"chat"}})
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.CloseNow() }()
		for {
			kind, message, err := conn.Read(r.Context())
			if err != nil {
				return
			}
			if err := conn.Write(r.Context(), kind, append([]byte("echo "), message...)); err != nil {
				return
			}
		}
	}), setup{headers: http.Header{"X-Request-Id": {"r1"}}})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, resp, err := websocket.Dial(ctx, f.URL+"/chat", &websocket.DialOptions{HTTPClient: f.Client(), Subprotocols: []string{"chat"}})
	if err != nil {
		t.Fatal(err)
	}
	if resp.Header.Get("X-Request-Id") != "r1" || resp.Header.Get("Set-Cookie") != "" || conn.Subprotocol() != "chat" {
		t.Errorf("answered with %v", resp.Header)
	}
	for _, message := range []string{"hello", strings.Repeat("x", 30000)} {
		if err := conn.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := conn.Read(ctx); err != nil || string(got) != "echo "+message {
			t.Fatalf("%.20q, %v", got, err)
		}
	}
	if err := conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
	receive(t, f.noted, "end of the tunnel")
}

const handshake = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

// Nothing is sent before the service has agreed: whatever else it answers is an
// answer like any other, and the first thing that the client reads.
func TestAWebSocketIsUpToTheService(t *testing.T) {
	agree := make(chan struct{})
	url, heads := wire(t, "", func(c net.Conn) {
		<-agree
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-User-Id: 1\r\n\r\nhi")
	})
	f := open(t, url, setup{})
	_, r := f.dial(t, handshake)
	receive(t, heads, "request")
	close(agree)
	head, err := readHead(r)
	if err != nil || head != "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" {
		t.Errorf("%q, %v", head, err)
	}
	// The service has ended the tunnel, so it ends, though this client stays.
	if rest, err := io.ReadAll(r); err != nil || string(rest) != "hi" {
		t.Errorf("%q, %v", rest, err)
	}
	receive(t, f.noted, "end of the tunnel")

	url, _ = wire(t, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", nil)
	f = open(t, url, setup{})
	_, r = f.dial(t, handshake)
	if head, err := readHead(r); err != nil || !strings.HasPrefix(head, "HTTP/1.1 403 ") {
		t.Errorf("%q, %v", head, err)
	}
}

func TestAClientThatLeavesAWebSocket(t *testing.T) {
	gone := make(chan struct{})
	url, _ := wire(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", func(c net.Conn) {
		hang(c)
		close(gone)
	})
	f := open(t, url, setup{})
	conn, r := f.dial(t, handshake)
	if _, err := readHead(r); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	receive(t, gone, "end of the tunnel at the service")
	receive(t, f.noted, "end of the tunnel")
}

// Who sends before the service has agreed speaks another protocol than WebSocket.
func TestASwitchHasNoLength(t *testing.T) {
	url, _ := wire(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n", func(net.Conn) {})
	if answer := open(t, url, setup{}).exchange(t, handshake); !strings.HasPrefix(answer, "HTTP/1.1 101 ") || strings.Contains(answer, "Content-Length") {
		t.Error(answer)
	}
}

func TestAClientThatDoesNotWaitForAWebSocket(t *testing.T) {
	received := make(chan string, 1)
	url, _ := wire(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", func(c net.Conn) {
		all, _ := io.ReadAll(c)
		received <- string(all)
	})
	f := open(t, url, setup{})
	if answer := f.exchange(t, handshake+"GET /admin HTTP/1.1\r\nHost: a\r\n\r\n"); answer != "" {
		t.Errorf("answered %q", answer)
	}
	if got := receive(t, received, "end of the tunnel"); got != "" {
		t.Errorf("the service got %q", got)
	}
	if x := receive(t, f.noted, "note"); !errors.Is(x.Err, errForward) {
		t.Errorf("noted %v", x.Err)
	}
}

// Silence, and a client that takes nothing, are bounded.
func TestAWebSocketThatStalls(t *testing.T) {
	for name, service := range map[string]func(net.Conn){
		"silent": hang,
		"taking nothing": func(c net.Conn) {
			for piece := make([]byte, 1<<20); ; {
				if _, err := c.Write(piece); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gone := make(chan struct{})
			url, _ := wire(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", func(c net.Conn) {
				service(c)
				close(gone)
			})
			f := open(t, url, setup{upstream: upstream.Config{Stall: 200 * time.Millisecond}})
			f.dial(t, handshake)
			receive(t, gone, "end of the tunnel at the service")
			receive(t, f.noted, "end of the tunnel")
		})
	}
}

// So is a client that does not even take the switch.
func TestAWebSocketThatNobodyTakes(t *testing.T) {
	url, _ := wire(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", hang)
	f := open(t, url, setup{upstream: upstream.Config{Stall: 200 * time.Millisecond}})
	inner := f.Config.Handler
	f.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		here, there := net.Pipe() // holds nothing, as a connection whose buffers are full
		defer there.Close()
		inner.ServeHTTP(given{w, here}, r)
	})
	f.dial(t, handshake)
	if x := receive(t, f.noted, "end of the tunnel"); !errors.Is(x.Err, os.ErrDeadlineExceeded) {
		t.Errorf("noted %v", x.Err)
	}
}

// A given connection is taken over in place of the client's.
type given struct {
	http.ResponseWriter
	conn net.Conn
}

func (g given) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return g.conn, bufio.NewReadWriter(bufio.NewReader(g.conn), bufio.NewWriter(g.conn)), nil
}

// Without a connection to give away, a switched one must not be left over.
func TestAWebSocketThatCannotBe(t *testing.T) {
	url, _ := wire(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", hang)
	f := open(t, url, setup{})
	inner := f.Config.Handler
	f.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
	})
	if answer := f.exchange(t, handshake); answer != "" {
		t.Errorf("%q", answer)
	}
	if x := receive(t, f.noted, "note"); x.Err == nil {
		t.Error("nothing is noted")
	}
}
