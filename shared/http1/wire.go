package http1

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// A wire is a connection that can also be read without waiting: for what has come
// by now, and to see that nothing has.
type wire struct {
	net.Conn
	raw  syscall.RawConn
	once bool // a Read takes what is there and never waits
	over bool // a Read has found the end

	// Of the Read under way, for try, which is made once.
	p   []byte
	n   int
	err error
	try func(fd uintptr) bool
}

func newWire(c net.Conn) (*wire, error) {
	w := &wire{Conn: c}
	if s, ok := c.(syscall.Conn); ok {
		raw, err := s.SyscallConn()
		if err != nil {
			return nil, err
		}
		w.raw = raw
	}
	w.try = func(fd uintptr) bool {
		w.n, w.err = readNow(fd, w.p)
		return true
	}
	return w, nil
}

// Read implements [io.Reader]. With once, it fails with
// [os.ErrDeadlineExceeded] where nothing is there: crypto/tls knows that error
// and goes on after it.
func (w *wire) Read(p []byte) (n int, err error) {
	if w.once {
		n, err = w.readNow(p)
	} else {
		n, err = w.Conn.Read(p)
	}
	w.over = errors.Is(err, io.EOF)
	return n, err
}

func (w *wire) readNow(p []byte) (int, error) {
	w.p, w.n, w.err = p, 0, nil
	err := w.raw.Read(w.try)
	w.p = nil
	switch {
	case err != nil:
		return 0, err
	case w.err != nil:
		return 0, w.err
	case w.n == 0:
		return 0, io.EOF
	}
	return w.n, nil
}

// A conn is a connection to a service.
type conn struct {
	wire   *wire
	stream net.Conn // TLS over the wire, or the wire itself
	used   bool     // an exchange has ended well on it

	idleUntil time.Time // while nobody uses it
	deadline  time.Time // for both ways, as it was set last
}

func (c *conn) setDeadline(t time.Time) {
	c.deadline = t
	_ = c.wire.SetDeadline(t) // fails only when closed, as does what comes next
}

// read is Read that, when the deadline is over, still takes what has come by
// then: a deadline bounds waiting, and whoever was busy elsewhere has not waited.
func (c *conn) read(p []byte) (int, error) {
	n, err := c.stream.Read(p)
	if err != nil && n == 0 && !c.wire.once && errors.Is(err, os.ErrDeadlineExceeded) && c.wire.raw != nil {
		_ = c.wire.SetReadDeadline(time.Time{})
		c.wire.once = true
		if n, now := c.stream.Read(p); n > 0 || !errors.Is(now, errors.ErrUnsupported) {
			return n, now
		}
	}
	return n, err
}

// readNow is Read that fails with [os.ErrDeadlineExceeded] where it would wait, or
// where nobody can tell.
func (c *conn) readNow(p []byte) (int, error) {
	if c.wire.raw == nil {
		return 0, os.ErrDeadlineExceeded
	}
	c.wire.once = true
	n, err := c.stream.Read(p)
	c.wire.once = false
	return n, err
}

// quiet is whether nothing has come unasked: neither the end nor bytes that the
// next request would get for an answer.
func (c *conn) quiet() bool {
	var one [1]byte
	n, err := c.readNow(one[:])
	return n == 0 && errors.Is(err, os.ErrDeadlineExceeded)
}

// close ends the connection at once. TLS is not told, since that could wait.
func (c *conn) close() { _ = c.wire.Close() }

// A session is TLS over a wire. An end that TLS does not announce is errTorn: anybody
// on the way can bring it about.
type session struct {
	*tls.Conn
	wire *wire
}

var errTorn = fmt.Errorf("http1: the connection ended, and TLS did not say so: %w", io.EOF)

func (s *session) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if errors.Is(err, io.EOF) && s.wire.over {
		err = errTorn
	}
	return n, err
}

// handshake puts TLS over the wire.
func (c *conn) handshake(ctx context.Context, config *tls.Config) error {
	secure := tls.Client(c.wire, config)
	c.stream = &session{secure, c.wire}
	return secure.HandshakeContext(ctx)
}
