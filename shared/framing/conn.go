package framing

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/triptych-bff/triptych/shared/http1"
	"github.com/triptych-bff/triptych/shared/problem"
)

// Limits bound a head. All are set.
type Limits struct {
	Head     int           // how many bytes it may have
	HeadTime time.Duration // how long it may take from its first byte
	H2C      bool          // whether the connection may begin with HTTP/2's preface and go on unwatched
}

// A Conn is a connection of which net/http reads only requests that have one
// reading. As net/http does, it expects one Read at a time.
type Conn struct {
	net.Conn
	limits Limits

	raw     atomic.Bool // it speaks another protocol now
	refusal atomic.Pointer[problem.Problem]
	failed  atomic.Bool // the body is not what it should be
	closing atomic.Bool

	out     []byte       // may be read
	in      []byte       // has come and may not be read yet
	finder  http1.Finder // of the end of the head that has begun
	body    body
	begun   bool // a head has come
	dropped int  // bytes behind what was refused

	mu       sync.Mutex
	deadline time.Time // for reads, as net/http wants it
	headBy   time.Time // for the rest of a head that has begun
}

// New watches a connection from its beginning.
func New(c net.Conn, l Limits) *Conn { return &Conn{Conn: c, limits: l} }

// placeholder stands in the place of a refused head. It ends the connection.
const (
	placeholder       = placeholderMethod + " / HTTP/1.1\r\nHost: refused\r\nConnection: close\r\n\r\n"
	placeholderMethod = "REFUSED"
)

// preface begins a connection of HTTP/2 (RFC 9113 §3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// Refusal is what to answer to a request that stands in the place of a refused
// one, and nil for all others.
func (c *Conn) Refusal(r *http.Request) *problem.Problem {
	if r.Method != placeholderMethod {
		return nil
	}
	return c.refusal.Load()
}

// TakeOver is called before the connection is hijacked: what comes from here on
// is not HTTP.
func (c *Conn) TakeOver() { c.raw.Store(true) }

var errEarly = errors.New("framing: the client went on before the protocol was switched")

// Read implements [io.Reader].
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		switch {
		case c.raw.Load() && c.refusal.Load() != nil:
			return 0, errEarly
		case len(c.out) > 0:
			n := copy(p, c.out)
			c.out = c.out[n:]
			return n, nil
		case c.raw.Load():
			if len(c.in) == 0 {
				return c.Conn.Read(p)
			}
			c.out, c.in = c.in, nil
			continue
		case c.refusal.Load() != nil, c.failed.Load():
			return c.drop(p)
		}
		n, err := c.fetch(p)
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// fetch reads from the connection: into p while nothing is held back, so that
// the usual request is never copied, else into in. It returns how much of p may
// be read.
func (c *Conn) fetch(p []byte) (int, error) {
	if len(c.in) > 0 {
		return 0, c.fetchMore()
	}
	n, err := c.Conn.Read(p)
	if n == 0 {
		return 0, err
	}
	good, rest := c.scan(p[:n])
	c.hold(rest)
	return len(good), nil
}

func (c *Conn) fetchMore() error {
	if len(c.in) == cap(c.in) {
		grown := make([]byte, len(c.in), 2*cap(c.in)+2048)
		copy(grown, c.in)
		c.in = grown
	}
	n, err := c.Conn.Read(c.in[len(c.in):cap(c.in)])
	if n == 0 {
		return err
	}
	good, rest := c.scan(c.in[:len(c.in)+n])
	c.out = append(good[:len(good):len(good)], c.out...) // a placeholder stands behind
	c.hold(rest)
	return nil
}

// hold keeps what may not be read yet, and gives a head that has begun its time.
func (c *Conn) hold(rest []byte) {
	if c.refusal.Load() != nil || c.failed.Load() || len(rest) == 0 {
		c.in = nil
		c.expect(false)
		return
	}
	if len(c.in) > 0 {
		c.in = rest
	} else {
		c.in = bytes.Clone(rest)
	}
	c.expect(true)
}

// scan divides b, at whose beginning the last scan has ended, into what may be
// read and the rest.
func (c *Conn) scan(b []byte) (good, rest []byte) {
	at := 0
	for at < len(b) {
		if c.body.open() {
			n, err := c.body.follow(b[at:])
			if at += n; err != nil {
				c.fail()
				break
			}
			continue
		}
		if b = skipEmptyLines(b, at); at == len(b) {
			break
		}
		n, err := c.head(b[at:])
		if err != nil {
			c.refuse(refusal(err))
		}
		if n == 0 {
			break
		}
		at += n
	}
	return b[:at], b[at:]
}

// skipEmptyLines takes out of b the empty lines that stand where a head should:
// old clients send them behind a body (RFC 9112 §2.2).
func skipEmptyLines(b []byte, at int) []byte {
	end := at
	for end+1 < len(b) && b[end] == '\r' && b[end+1] == '\n' {
		end += 2
	}
	return append(b[:at], b[end:]...)
}

// refuse puts the placeholder behind everything that may be read.
func (c *Conn) refuse(p *problem.Problem) {
	c.out = []byte(placeholder)
	c.refusal.Store(p)
}

// fail puts something behind the body that net/http cannot read as its rest: it
// then fails the body and closes the connection after the answer, whereas an error
// of the connection itself would mean that the client has gone.
func (c *Conn) fail() {
	c.out = []byte(c.body.chunks.Spoil())
	c.failed.Store(true)
}

// head is the length of the head at the beginning of b, zero while it is not
// whole.
func (c *Conn) head(b []byte) (int, error) {
	if c.limits.H2C && !c.begun && b[0] == preface[0] {
		switch got := string(b[:min(len(b), len(preface))]); {
		case got == preface:
			c.raw.Store(true)
			return len(b), nil
		case got == preface[:len(got)]:
			return 0, nil
		}
	}
	if b[0] == '\r' && len(b) == 1 {
		return 0, nil // perhaps of an empty line
	}
	n, err := c.finder.End(b, http1.Limits{Head: c.limits.Head})
	if n == 0 || err != nil {
		return 0, err
	}
	if err := c.body.behind(b[:n]); err != nil {
		return 0, err
	}
	c.begun, c.finder = true, http1.Finder{}
	return n, nil
}

// maxDropped is how much is read behind what was refused, so that the client can
// read the refusal: closing a connection with unread bytes resets it.
const maxDropped = 256 << 10

// drop reads on without a word until the client closes.
func (c *Conn) drop(p []byte) (int, error) {
	var room [512]byte
	if len(p) < len(room) {
		p = room[:]
	}
	for c.dropped < maxDropped {
		n, err := c.Conn.Read(p)
		if c.dropped += n; err != nil {
			return 0, err
		}
	}
	return 0, io.EOF
}

// linger is how long a connection is read on after a refusal was sent, as
// net/http does after an early answer.
const linger = 500 * time.Millisecond

// Close implements [net.Conn]. After a refusal it lets the client read it.
func (c *Conn) Close() error {
	if (c.refusal.Load() != nil || c.failed.Load()) && !c.closing.Swap(true) {
		_ = c.CloseWrite()
		_ = c.Conn.SetReadDeadline(time.Now().Add(linger))
		_, _ = io.CopyN(io.Discard, c.Conn, maxDropped)
	}
	return c.Conn.Close()
}

// CloseWrite ends what we send: net/http wants it before it closes connections
// that still receive.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// SetReadDeadline implements [net.Conn].
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	return c.Conn.SetReadDeadline(c.earliest())
}

// SetDeadline implements [net.Conn].
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetWriteDeadline(t); err != nil {
		return err
	}
	return c.SetReadDeadline(t)
}

// expect bounds the time of a head that has begun: net/http, which has seen none
// of it, believes the connection to be idle.
func (c *Conn) expect(head bool) {
	head = head && !c.body.open()
	c.mu.Lock()
	defer c.mu.Unlock()
	if head != c.headBy.IsZero() {
		return // it has its time already, or needs none
	}
	c.headBy = time.Time{}
	if head {
		c.headBy = time.Now().Add(c.limits.HeadTime)
	}
	_ = c.Conn.SetReadDeadline(c.earliest())
}

func (c *Conn) earliest() time.Time {
	if c.headBy.IsZero() || !c.deadline.IsZero() && c.deadline.Before(c.headBy) {
		return c.deadline
	}
	return c.headBy
}
