package server

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/triptych-bff/triptych/shared/framing"
	"github.com/triptych-bff/triptych/shared/problem"
)

const (
	// minRate is how many bytes of a body must come in a second, in the long run.
	minRate = 1 << 10
	// rearm is how much later a body's deadline must be to be worth setting.
	rearm = time.Second
)

// pace bounds how slowly the client may send a body and take an answer, and tells
// it to leave while the server drains.
func (s *Server) pace(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-s.health.draining: // HTTP/2 makes a GOAWAY of it
			w.Header().Set("Connection", "close")
		default:
		}
		if r.Body != nil && r.Body != http.NoBody {
			b := newPacedBody(r.Body, http.NewResponseController(w).SetReadDeadline, s.config.BodyTimeout)
			ctx, end := b.context(r.Context())
			defer end()
			r = r.WithContext(ctx)
			r.Body = b
		}
		paced := &pacedWriter{ResponseWriter: w, stall: s.config.WriteTimeout, conn: watchedConn(r), http2: r.ProtoMajor == 2}
		next.ServeHTTP(paced, unframed(r))
		paced.end()
	})
}

// A pacedBody moves the connection's read deadline along with what arrives. The
// deadline also holds while nobody reads, for net/http reads up what a handler
// has left. At the end of the body net/http takes it back.
type pacedBody struct {
	io.ReadCloser
	setDeadline func(time.Time) error
	limit       time.Time // by which the first byte must have come
	read        int64
	armed       atomic.Int64 // the deadline, in nanoseconds since 1970
}

func newPacedBody(body io.ReadCloser, setDeadline func(time.Time) error, timeout time.Duration) *pacedBody {
	b := &pacedBody{ReadCloser: body, setDeadline: setDeadline, limit: time.Now().Add(timeout)}
	b.arm()
	return b
}

// arm does nothing where deadlines are not supported: what serves the handler
// then is no connection.
func (b *pacedBody) arm() {
	deadline := b.limit.Add(time.Duration(b.read) * time.Second / minRate)
	if deadline.Sub(time.Unix(0, b.armed.Load())) >= rearm {
		b.armed.Store(deadline.UnixNano())
		_ = b.setDeadline(deadline)
	}
}

func (b *pacedBody) late() bool { return time.Now().UnixNano() >= b.armed.Load() }

// context is the client's, but that a body which comes too slowly does not end it:
// net/http takes the deadline for the client's leaving, while the client waits to
// be told. It is to be ended with the request.
func (b *pacedBody) context(client context.Context) (ctx context.Context, end func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(client))
	follow := func() {
		if client.Err() != nil && !b.late() {
			cancel()
		}
	}
	stop := context.AfterFunc(client, follow)
	return bodyContext{ctx, follow}, func() { stop(); cancel() }
}

// A bodyContext says at once that the client has left, and does not wait for the
// goroutine that notices it: whoever could not read on asks why.
type bodyContext struct {
	context.Context
	follow func()
}

// Err implements [context.Context].
func (c bodyContext) Err() error {
	c.follow()
	return c.Context.Err()
}

// Read implements [io.Reader].
func (b *pacedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	switch {
	case err == nil:
		b.arm()
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = problem.RequestTimeout.Wrap(err, "The body came too slowly.")
	}
	return n, err
}

// A pacedWriter gives each piece of the answer its time, and pauses between them
// any: only what is being sent is timed.
type pacedWriter struct {
	http.ResponseWriter
	stall time.Duration
	armed time.Time
	conn  *framing.Conn // nil with HTTP/2 over TLS
	http2 bool
	taken bool // the connection is another's
}

// Unwrap is for [http.ResponseController].
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// arm sets the deadline anew when an eighth of it has passed: not for each piece.
func (w *pacedWriter) arm() {
	if now := time.Now(); now.Sub(w.armed) >= w.stall/8 {
		w.armed = now
		_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(now.Add(w.stall))
	}
}

// disarm comes before a pause. A deadline of HTTP/1 does not matter while nothing is
// sent, but one of HTTP/2 ends the stream as soon as it is over.
func (w *pacedWriter) disarm() {
	if w.http2 {
		w.armed = time.Time{}
		_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Time{})
	}
}

// end gives what the server still has to send its time, behind a pause as well.
func (w *pacedWriter) end() {
	if !w.taken {
		w.arm()
	}
}

// Hijack gives the connection away. What is said on it from here on is not HTTP.
func (w *pacedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.conn != nil {
		w.conn.TakeOver()
	}
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	w.taken = err == nil
	return conn, rw, err
}

// WriteHeader implements [http.ResponseWriter]. A final head is sent with what
// comes behind it.
func (w *pacedWriter) WriteHeader(status int) {
	if status < http.StatusOK {
		w.arm()
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [io.Writer].
func (w *pacedWriter) Write(p []byte) (int, error) {
	w.arm()
	return w.ResponseWriter.Write(p)
}

// FlushError is for [http.ResponseController]. Who flushes is about to pause.
func (w *pacedWriter) FlushError() error {
	w.arm()
	defer w.disarm()
	return http.NewResponseController(w.ResponseWriter).Flush()
}
