package trial

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/triptych-bff/triptych/shared/http1"
)

// A situation is about the call more than about the answer's bytes.
type situation struct {
	name, rule, want string
	run              func(*testing.T, library) string
}

// notWritten stands where a round trip over fasthttp's parts could do it, and this
// one does not. It counts neither way.
const notWritten = "not written"

var calls = []situation{
	{"a silent service", "deadline", "timed out", silent},
	{"a silent service, canceled", "cancel", "canceled, connection closed", canceledAt("")},
	{"a body that stalls, canceled", "cancel", "canceled, connection closed", canceledAt(fixed + "\r\nhe")},
	{"no free connection, canceled", "cancel", "canceled", canceledInLine},
	{"GET on a connection that was closed meanwhile", "9112 §9.3.1", hello, stale("GET")},
	{"POST on a connection that was closed meanwhile", "9112 §9.3.1", "refused, never sent or " + hello, stale("POST")},
	{"GET is lost with an idle connection", "9110 §9.2.2", hello + ", sent 2 times", lost("GET", "")},
	{"POST is lost with an idle connection", "9110 §9.2.2", refused, lost("POST", "")},
	{"GET is lost behind the first byte of its answer", "9110 §9.2.2", refused, lost("GET", "H")},
	{"GET is lost with a new connection", "9110 §9.2.2", refused, lostAtOnce},
	{"an answer that comes before the request's body ends", "9110 §9.3", "413, while the body was being sent", early},
	{"a body that comes in pieces", "9112 §7.1", "each piece as it came", pieces},
	{"103 before an answer", "9110 §15.2", "seen", informed},
	{"a trailer, to be read", "9110 §6.5", "X-Sum: 1", trailer},
	{"101, to be taken over", "9110 §7.8", "taken over", switched},
	{"a body that is kept", "ownership", "unchanged, without a copy", kept},
}

var patient = http1.Patience{Head: far, Stall: far}

// nexts reads a stream's pieces.
type nexts struct{ stream *http1.Stream }

func (n *nexts) Read(p []byte) (int, error) {
	piece, err := n.stream.Next()
	return copy(p, piece), err // of few bytes here
}

func silent(t *testing.T, lib library) string {
	s := serve(t, hang)
	c := lib.open(s.address, near)
	defer c.close()
	return describe(c.do("GET", "/", "", nil)) + times(s.asked.Load())
}

// canceledAt cancels a call after the service has said something.
func canceledAt(text string) func(*testing.T, library) string {
	return func(t *testing.T, lib library) string {
		said, closed := make(chan struct{}), make(chan struct{})
		s := serve(t, func(x *exchange) bool {
			x.say(text)
			close(said)
			hang(x)
			close(closed)
			return false
		})
		c := lib.open(s.address, near)
		defer c.close()
		outcome := describe(c.do("GET", "/", "", said))
		<-closed
		return outcome + ", connection closed"
	}
}

// canceledInLine cancels a call that waits for the only connection.
func canceledInLine(t *testing.T, lib library) string {
	arrived, over := make(chan struct{}, 2), make(chan struct{})
	s := serve(t, func(x *exchange) bool { arrived <- struct{}{}; return hang(x) })
	c := lib.open(s.address, near)
	defer c.close()
	switch c := c.(type) {
	case netHTTPClient:
		c.transport.MaxConnsPerHost = 1
	case fastHTTPClient:
		c.MaxConns, c.MaxConnWaitTimeout = 1, 2*near
	case drivenClient:
		c.client.MaxConns, c.client.MaxConnWaitTimeout = 1, 2*near
	case ownClient:
		c.client = http1.NewClient(http1.Options{Address: s.address, Connect: far, Idle: time.Minute, MaxConns: 1})
	}
	go func() { defer close(over); _, _, _ = c.do("GET", "/", "", nil) }()
	<-arrived
	now := make(chan struct{})
	close(now)
	outcome := describe(c.do("GET", "/", "", now))
	<-over
	return outcome
}

// stale sends a second request on a connection that the service has closed.
func stale(method string) func(*testing.T, library) string {
	return func(t *testing.T, lib library) string {
		closed := make(chan struct{})
		s := serve(t, func(x *exchange) bool {
			_, _ = io.Copy(io.Discard, x.Body)
			x.say(fixed + "\r\nhello")
			if x.asked == 1 {
				_ = x.Conn.Close()
				close(closed)
			}
			return true
		})
		c := lib.open(s.address, far)
		defer c.close()
		_, _, _ = c.do("GET", "/", "", nil)
		<-closed
		outcome := describe(c.do(method, "/", "body", nil))
		if method == "POST" && lib.name == netHTTPName {
			return hello // or refused: it races its own reader
		}
		return outcome + times(s.asked.Load()-1)
	}
}

// lost closes an idle connection when the next request has come on it.
func lost(method, text string) func(*testing.T, library) string {
	return func(t *testing.T, lib library) string {
		s := serve(t, func(x *exchange) bool {
			_, _ = io.Copy(io.Discard, x.Body)
			if x.asked == 2 {
				x.say(text)
				return false
			}
			return x.say(fixed + "\r\nhello")
		})
		c := lib.open(s.address, far)
		defer c.close()
		_, _, _ = c.do("GET", "/", "", nil)
		outcome := describe(c.do(method, "/", "body", nil))
		return outcome + times(s.asked.Load()-1)
	}
}

func lostAtOnce(t *testing.T, lib library) string {
	s := serve(t, func(*exchange) bool { return false })
	c := lib.open(s.address, far)
	defer c.close()
	return describe(c.do("GET", "/", "", nil)) + times(s.asked.Load())
}

// early answers a request whose body goes on until the client has the answer.
func early(t *testing.T, lib library) string {
	s := serve(t, func(x *exchange) bool {
		x.say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
		_, _ = io.Copy(io.Discard, x.Body)
		return false
	})
	body, sender := io.Pipe()
	defer sender.Close()
	result := make(chan string, 1)
	c := lib.open(s.address, near)
	defer c.close()
	switch c := c.(type) {
	case netHTTPClient:
		go func() {
			req, _ := http.NewRequestWithContext(t.Context(), "POST", "http://"+s.address, body)
			resp, err := c.transport.RoundTrip(req)
			if err != nil {
				result <- refused
				return
			}
			_ = resp.Body.Close()
			result <- fmt.Sprint(resp.StatusCode)
		}()
	case fastHTTPClient:
		go func() {
			req, resp := newRequest(s.address, "/"), fasthttp.AcquireResponse()
			req.Header.SetMethod("POST")
			req.SetBodyStream(body, -1)
			if err := c.DoTimeout(req, resp, c.deadline); err != nil {
				result <- refused
				return
			}
			result <- fmt.Sprint(resp.StatusCode())
		}()
	case ownClient:
		go func() {
			got, err := c.client.Open(t.Context(), &http1.Request{Method: "POST", Host: s.address, Target: "/", Stream: body, Length: -1}, patient, nil)
			if err != nil {
				result <- refused
				return
			}
			got.Close()
			result <- fmt.Sprint(got.Head.Status)
		}()
	default:
		return notWritten
	}
	_, _ = io.WriteString(sender, "the first part")
	select {
	case status := <-result:
		return status + ", while the body was being sent"
	case <-time.After(2 * near): // of a call that may take one
		_ = sender.Close()
		return receive(t, result, "answer") + ", after the body's end, past the deadline"
	}
}

// pieces sends the second piece when the client has read the first.
func pieces(t *testing.T, lib library) string {
	seen := make(chan struct{})
	s := serve(t, func(x *exchange) bool {
		x.say(chunk + "5\r\nhello\r\n")
		<-seen
		return x.say("6\r\n world\r\n0\r\n\r\n")
	})
	c := lib.open(s.address, far)
	defer c.close()
	var body io.Reader
	switch c := c.(type) {
	case netHTTPClient:
		req, _ := http.NewRequestWithContext(t.Context(), "GET", "http://"+s.address, nil)
		resp, err := c.transport.RoundTrip(req)
		if err != nil {
			return refused
		}
		defer resp.Body.Close()
		body = resp.Body
	case fastHTTPClient:
		req, resp := newRequest(s.address, "/"), fasthttp.AcquireResponse()
		resp.StreamBody = true
		if err := c.DoTimeout(req, resp, c.deadline); err != nil {
			return refused
		}
		defer resp.CloseBodyStream()
		body = resp.BodyStream()
	case ownClient:
		got, err := c.client.Open(t.Context(), &http1.Request{Host: s.address, Target: "/"}, patient, nil)
		if err != nil {
			return refused
		}
		defer got.Close()
		body = &nexts{got}
	default:
		close(seen)
		return notWritten
	}
	first := make([]byte, 64)
	n, _ := body.Read(first)
	close(seen)
	rest, _ := io.ReadAll(body)
	if string(first[:n]) != "hello" || string(rest) != " world" {
		return fmt.Sprintf("%q, %q", first[:n], rest)
	}
	return "each piece as it came"
}

func informed(t *testing.T, lib library) string {
	s := serve(t, answer("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"+fixed+"\r\nhello", false, false))
	c := lib.open(s.address, far)
	defer c.close()
	switch c := c.(type) {
	case netHTTPClient:
		seen := "not seen"
		trace := &httptrace.ClientTrace{Got1xxResponse: func(int, textproto.MIMEHeader) error { seen = "seen"; return nil }}
		req, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "GET", "http://"+s.address, nil)
		resp, err := c.transport.RoundTrip(req)
		if err != nil {
			return refused
		}
		_ = resp.Body.Close()
		return seen
	case fastHTTPClient:
		req, resp := newRequest(s.address, "/"), fasthttp.AcquireResponse()
		if err := c.Do(req, resp); err != nil {
			return refused
		}
		if link := resp.Header.Peek("Link"); len(link) > 0 {
			return "seen"
		}
		return "not seen"
	case ownClient:
		seen := "not seen"
		got, err := c.client.Open(t.Context(), &http1.Request{Host: s.address, Target: "/"}, patient, func(*http1.Head) { seen = "seen" })
		if err != nil {
			return refused
		}
		got.Close()
		return seen
	default:
		return notWritten
	}
}

func trailer(t *testing.T, lib library) string {
	s := serve(t, answer(chunks("5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"), false, false))
	c := lib.open(s.address, far)
	defer c.close()
	switch c := c.(type) {
	case netHTTPClient:
		req, _ := http.NewRequestWithContext(t.Context(), "GET", "http://"+s.address, nil)
		resp, err := c.transport.RoundTrip(req)
		if err != nil {
			return refused
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return "X-Sum: " + resp.Trailer.Get("X-Sum")
	case fastHTTPClient:
		req, resp := newRequest(s.address, "/"), fasthttp.AcquireResponse()
		if err := c.Do(req, resp); err != nil {
			return refused
		}
		return "X-Sum: " + string(resp.Header.Peek("X-Sum"))
	case drivenClient:
		call := c.call("GET", "/")
		defer call.Release()
		if err := call.run(); err != nil {
			return refused
		}
		return "X-Sum: " + string(call.resp.Header.Peek("X-Sum"))
	case ownClient:
		got, err := c.client.Start(t.Context(), time.Now().Add(far), &http1.Request{Host: s.address, Target: "/"}).Wait(bound)
		if err != nil {
			return refused
		}
		return "X-Sum: " + got.Trailer.Get("X-Sum")
	}
	return notWritten
}

// switched asks for another protocol and speaks it, if it can.
func switched(t *testing.T, lib library) string {
	s := serve(t, func(x *exchange) bool {
		x.say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		line := make([]byte, 4)
		if _, err := io.ReadFull(x.in, line); err == nil {
			_, _ = x.Conn.Write(line)
		}
		return false
	})
	c := lib.open(s.address, far)
	defer c.close()
	switch c := c.(type) {
	case netHTTPClient:
		req, _ := http.NewRequestWithContext(t.Context(), "GET", "http://"+s.address, nil)
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", "echo")
		resp, err := c.transport.RoundTrip(req)
		if err != nil {
			return refused
		}
		defer resp.Body.Close()
		return echoed(resp.Body.(io.ReadWriter))
	case fastHTTPClient:
		req, resp := newRequest(s.address, "/"), fasthttp.AcquireResponse()
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", "echo")
		if err := c.Do(req, resp); err != nil {
			return refused
		}
		return fmt.Sprintf("no way to it; idle connections in the pool: %d", c.IdleConnsCount())
	case ownClient:
		got, err := c.client.Open(t.Context(), &http1.Request{Host: s.address, Target: "/", Upgrade: "echo"}, patient, nil)
		if err != nil {
			return refused
		}
		defer got.Close()
		return echoed(got.Tunnel())
	default:
		return notWritten
	}
}

func echoed(both io.ReadWriter) string {
	_, _ = io.WriteString(both, "ping")
	echo := make([]byte, 4)
	if _, err := io.ReadFull(both, echo); err != nil || string(echo) != "ping" {
		return fmt.Sprint(err)
	}
	return "taken over"
}

// kept is a body that is looked at again after ten more answers.
func kept(t *testing.T, lib library) string {
	s := serve(t, func(x *exchange) bool {
		return x.say(ok + "Content-Length: 1000\r\n\r\n" + string(bytes.Repeat([]byte{'a' + byte(x.asked)}, 1000)))
	})
	c := lib.open(s.address, far)
	defer c.close()
	body := func() []byte {
		req, resp := newRequest(s.address, "/"), fasthttp.AcquireResponse()
		defer fasthttp.ReleaseRequest(req)
		defer fasthttp.ReleaseResponse(resp)
		var text string
		var err error
		switch c := c.(type) {
		case fastHTTPClient:
			if err = c.Do(req, resp); err == nil {
				return resp.SwapBody(nil) // the buffer is ours now, and fasthttp makes another
			}
		case ownClient:
			_, kept, err := c.Start(t.Context(), "/").Wait()
			return append(kept, errorText(err)...)
		default:
			_, text, err = c.do("GET", "/", "", nil)
		}
		return append([]byte(text), errorText(err)...)
	}
	first := body()
	want := bytes.Clone(first)
	for range 10 {
		body()
	}
	if !bytes.Equal(first, want) || len(first) != 1000 {
		return fmt.Sprintf("changed: %d bytes", len(first))
	}
	return "unchanged, without a copy"
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
