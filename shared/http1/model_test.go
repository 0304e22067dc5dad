package http1

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A turn is what a service does with one request, and what the client does
// meanwhile. Together they say what has to come of it.
type turn struct {
	Framing string // counted, chunked, ending, none
	Status  int
	Interim int   // answers before
	Length  int   // of the body
	Chunk   int   // of chunks
	Pieces  []int // how the bytes are cut up for the wire
	Fault   string
	At      int  // where the fault is, in thousandths of the answer
	Goes    bool // the service ends the connection behind the answer, and says so
	Method  string
	Upload  int    // bytes of the request's body
	Client  string // whole, streamed, leaves, cancels
	After   int    // pieces that a client reads that leaves
}

var turns = rapid.Custom(func(t *rapid.T) turn {
	return turn{
		Framing: rapid.SampledFrom([]string{"counted", "chunked", "ending", "none"}).Draw(t, "framing"),
		Status:  rapid.SampledFrom([]int{200, 201, 404, 500, 503}).Draw(t, "status"),
		Interim: rapid.IntRange(0, 3).Draw(t, "interim"),
		Length:  rapid.OneOf(rapid.IntRange(0, 300), rapid.IntRange(0, 100_000)).Draw(t, "length"),
		Chunk:   rapid.IntRange(1, 5000).Draw(t, "chunk"),
		Pieces:  rapid.SliceOfN(rapid.IntRange(1, 5000), 1, 4).Draw(t, "pieces"),
		Fault:   rapid.SampledFrom([]string{"", "", "", "cut", "reset", "stall", "surplus", "later", "garbage"}).Draw(t, "fault"),
		At:      rapid.IntRange(0, 999).Draw(t, "at"),
		Goes:    rapid.Bool().Draw(t, "goes"),
		Method:  rapid.SampledFrom([]string{"GET", "GET", "POST", "HEAD"}).Draw(t, "method"),
		Upload:  rapid.OneOf(rapid.Just(0), rapid.IntRange(0, 60_000)).Draw(t, "upload"),
		Client:  rapid.SampledFrom([]string{"whole", "streamed", "leaves", "cancels"}).Draw(t, "client"),
		After:   rapid.IntRange(0, 3).Draw(t, "after"),
	}
})

// body is what belongs to this request alone.
func (u turn) body(id string) string {
	text := id + "|" + strconv.Itoa(u.Length) + "|"
	for len(text) < u.Length {
		text += text
	}
	return text[:max(u.Length, len(id)+1)]
}

// answer is the bytes on the wire, without their fault.
func (u turn) answer(id string) string {
	var b strings.Builder
	for range u.Interim {
		b.WriteString("HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n")
	}
	fmt.Fprintf(&b, "HTTP/1.1 %d X\r\nX-Id: %s\r\n", u.Status, id)
	if u.ends() {
		b.WriteString("Connection: close\r\n")
	}
	body := u.body(id)
	switch u.Framing {
	case "counted":
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(body))
	case "chunked":
		b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
	case "ending":
		b.WriteString("\r\n")
	default:
		b.WriteString("Content-Length: 0\r\n\r\n")
		body = ""
	}
	if u.Method == "HEAD" {
		return b.String()
	}
	if u.Framing != "chunked" {
		return b.String() + body
	}
	for len(body) > 0 {
		n := min(u.Chunk, len(body))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	return b.String() + "0\r\n\r\n"
}

func (u turn) ends() bool { return u.Goes || u.Framing == "ending" && u.Method != "HEAD" }

// want is the body that a client must get that waits for it, and whether it may
// have to be satisfied with an error.
func (u turn) want(id string) (body string, mayFail, mustFail bool) {
	if u.Framing != "none" && u.Method != "HEAD" {
		body = u.body(id)
	}
	switch u.Fault {
	case "":
	case "cut", "reset": // of an answer that ends with the connection nobody can tell
		return body, true, u.Framing != "ending" || u.Method == "HEAD"
	case "surplus", "later": // which may be seen, or not; and behind an answer that ends with the connection it is a part of it
		return body, true, false
	default:
		mustFail = true
	}
	return body, mustFail, mustFail
}

// serveTurn speaks, and tells when it has said everything.
func (u turn) serveTurn(conn net.Conn, id string) (goesOn bool) {
	text := u.answer(id)
	at := len(text) * u.At / 1000
	switch u.Fault {
	case "cut", "reset", "stall":
		text = text[:at]
	case "garbage":
		text = "\x00" + text
	case "surplus":
		text += "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
	}
	for i := 0; text != ""; i++ {
		n := min(u.Pieces[i%len(u.Pieces)], len(text))
		if _, err := io.WriteString(conn, text[:n]); err != nil {
			return false
		}
		text = text[n:]
	}
	switch u.Fault {
	case "cut":
		return false
	case "reset":
		reset(conn)
		return false
	case "stall":
		hang(conn)
		return false
	case "later":
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
	}
	return !u.ends()
}

// A play is a service that has a turn for every request, by its target.
type play struct {
	turns []turn
	said  []chan struct{} // closed when a turn was spoken to its end
	once  []sync.Once
}

func (p *play) serve(conn net.Conn, r *bufio.Reader) {
	for {
		req, body, err := request(r)
		if err != nil {
			return
		}
		i, _ := strconv.Atoi(strings.TrimPrefix(req.URL.Path, "/"))
		u := p.turns[i]
		goesOn := len(body) == u.Upload && u.serveTurn(conn, req.URL.Path)
		p.once[i].Do(func() { close(p.said[i]) })
		if !goesOn {
			return
		}
	}
}

// exchange does the client's part of a turn and compares.
func (u turn) exchange(t *rapid.T, c *Client, id string) {
	within := patience
	if u.Fault == "stall" {
		within = 20 * time.Millisecond
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	req := &Request{Method: u.Method, Host: "service", Target: id, Body: []byte(long(u.Upload))}
	var body string
	var err error
	switch u.Client {
	case "cancels":
		c.Start(ctx, time.Now().Add(within), req).Cancel()
		return
	case "whole":
		var a *Answer
		if a, err = c.Start(ctx, time.Now().Add(within), req).Wait(1 << 20); err == nil {
			body = string(a.Body)
			if got := a.Fields.Get("X-Id"); got != id {
				t.Errorf("%s got the head of %s", id, got)
			}
			a.Release()
		}
	default:
		if u.Upload > 0 {
			req.Stream, req.Length, req.Body = strings.NewReader(string(req.Body)), int64(u.Upload)-int64(u.At%2)*int64(u.Upload+1), nil
		}
		var s *Stream
		if s, err = c.Open(ctx, req, Patience{within, within}, nil); err == nil {
			defer s.Close()
			if got := s.Head.Fields.Get("X-Id"); got != id {
				t.Errorf("%s got the head of %s", id, got)
			}
			if u.Client == "leaves" {
				for range u.After {
					piece, _ := s.Next()
					body += string(piece)
				}
				if want, _, _ := u.want(id); !strings.HasPrefix(want, body) && u.Framing != "ending" {
					t.Errorf("%s got %q", id, body)
				}
				cancel()
				return
			}
			body, err = read(s)
		}
	}
	want, mayFail, mustFail := u.want(id)
	switch {
	case err == nil && mustFail:
		t.Errorf("%s got %q of a broken answer: %+v", id, body, u)
	case err != nil && !mayFail:
		t.Errorf("%s got %v: %+v", id, err, u)
	case err == nil && body != want && (u.Framing != "ending" || u.Fault == ""):
		t.Errorf("%s got %q: %+v", id, body, u)
	}
}

// TestAnyExchanges plays random turns on a few connections: whatever the service
// and the clients do, everybody gets the own answer or an error, and a connection
// is kept only where the answer was whole.
func TestAnyExchanges(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := &play{turns: rapid.SliceOfN(turns, 1, 8).Draw(rt, "turns")}
		p.said, p.once = make([]chan struct{}, len(p.turns)), make([]sync.Once, len(p.turns))
		for i := range p.said {
			p.said[i] = make(chan struct{})
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			rt.Fatal(err)
		}
		s := &service{Listener: l, serve: p.serve}
		s.all.Go(s.accept)
		c := NewClient(Options{Address: l.Addr().String(), Connect: patience, Idle: patience, MaxConns: 4})
		for i, u := range p.turns {
			u.exchange(rt, c, fmt.Sprintf("/%d", i))
			if u.Client == "whole" || u.Client == "streamed" {
				<-p.said[i] // or what comes later would come when nobody can tell any more
			}
			if s := c.Stats(); s.Open < s.Idle || s.Open > 4 {
				rt.Errorf("%+v", s)
			}
		}
		c.Close()
		_ = l.Close()
		s.all.Wait()
		for c.Stats().Open > 0 {
			time.Sleep(time.Millisecond)
		}
	})
}

// TestClientsThatLeave leaves many exchanges at random moments, from many
// goroutines: none of them, and no connection, is left over.
func TestClientsThatLeave(t *testing.T) {
	exchanges := 5000
	if testing.Short() {
		exchanges = 500
	}
	leave(t, exchanges)
}

// leave has eight clients leave.
func leave(t *testing.T, exchanges int) {
	c := newClient(t, listen(t, func(conn net.Conn, r *bufio.Reader) {
		for {
			req, _, err := request(r)
			if err != nil {
				return
			}
			if n := len(req.RequestURI); n%3 == 0 {
				time.Sleep(time.Duration(n) * 10 * time.Microsecond)
			}
			own(conn, req.RequestURI)
		}
	}))
	c.options.MaxConns = 16
	var clients sync.WaitGroup
	for n := range 8 {
		clients.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(n)))
			for range exchanges / 8 {
				target := "/" + long(random.IntN(100))
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(random.IntN(500))*time.Microsecond)
				switch random.IntN(3) {
				case 0:
					x := c.Start(ctx, time.Now().Add(patience), get(target))
					if random.IntN(2) == 0 {
						time.Sleep(time.Duration(random.IntN(200)) * time.Microsecond)
					}
					x.Cancel()
				case 1:
					if a, err := c.Start(ctx, time.Now().Add(patience), get(target)).Wait(1000); err == nil && string(a.Body) != target {
						t.Errorf("%s got %s", target, a.Body)
					}
				default:
					s, err := c.Open(ctx, get(target), Patience{patience, patience}, nil)
					if err != nil {
						break
					}
					if body, err := read(s); err == nil && body != target {
						t.Errorf("%s got %s", target, body)
					}
					s.Close()
				}
				cancel()
			}
		})
	}
	clients.Wait()
}
