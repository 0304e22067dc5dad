package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log"
	"net"
	"net/http"
	"sync"

	"github.com/triptych-bff/triptych/shared/framing"
	"github.com/triptych-bff/triptych/shared/problem"
)

// A watched listener puts package framing between its connections and net/http.
type watched struct {
	net.Listener
	limits framing.Limits
}

// Accept implements [net.Listener].
func (l watched) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return framing.New(c, l.limits), nil
}

// An encrypted listener finishes handshakes before it hands connections over:
// those on which HTTP/1 is spoken are watched on the inside, and those for HTTP/2
// go to net/http as they are, which has its own way of telling requests apart.
type encrypted struct {
	net.Listener
	conf   *tls.Config
	limits framing.Limits
	log    *log.Logger

	done    chan accepted
	ctx     context.Context
	cancel  context.CancelFunc
	working sync.WaitGroup
}

type accepted struct {
	conn net.Conn
	err  error
}

func newEncrypted(l net.Listener, conf *tls.Config, limits framing.Limits, log *log.Logger) *encrypted {
	e := &encrypted{Listener: l, conf: conf, limits: limits, log: log, done: make(chan accepted)}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	e.working.Go(e.work)
	return e
}

func (e *encrypted) work() {
	for {
		raw, err := e.Listener.Accept()
		if err != nil {
			if !e.hand(accepted{err: err}) {
				return
			}
			continue
		}
		e.working.Go(func() { e.shake(raw) })
	}
}

// hand is false when nobody accepts any more.
func (e *encrypted) hand(a accepted) bool {
	select {
	case e.done <- a:
		return true
	case <-e.ctx.Done():
		return false
	}
}

func (e *encrypted) shake(raw net.Conn) {
	ctx, cancel := context.WithTimeout(e.ctx, e.limits.HeadTime)
	defer cancel()
	c := tls.Server(raw, e.conf)
	if err := c.HandshakeContext(ctx); err != nil {
		e.log.Printf("http: TLS handshake error from %s: %v", raw.RemoteAddr(), err)
		sayPlain(err)
		_ = raw.Close()
		return
	}
	var conn net.Conn = c
	if state := c.ConnectionState(); state.NegotiatedProtocol != "h2" {
		conn = secure{framing.New(c, e.limits), state}
	}
	if !e.hand(accepted{conn: conn}) {
		_ = c.Close()
	}
}

// sayPlain tells a client that has not begun with TLS why it is not served.
func sayPlain(err error) {
	var record tls.RecordHeaderError
	if errors.As(err, &record) && record.Conn != nil {
		_, _ = record.Conn.Write([]byte("HTTP/1.1 400 Bad Request\r\nContent-Type: " + problem.MediaType + "\r\nConnection: close\r\n\r\n" +
			`{"type":"about:blank","title":"Bad Request","status":400,"detail":"Here TLS is spoken.","code":"bad-request","retryable":false}`))
	}
}

// Accept implements [net.Listener].
func (e *encrypted) Accept() (net.Conn, error) {
	select {
	case a := <-e.done:
		return a.conn, a.err
	case <-e.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener]. Handshakes under way are given up.
func (e *encrypted) Close() error {
	e.cancel()
	err := e.Listener.Close()
	e.working.Wait()
	return err
}

// secure is a watched connection of which net/http can tell that it is encrypted.
type secure struct {
	*framing.Conn
	state tls.ConnectionState
}

// ConnectionState is what net/http asks for.
func (s secure) ConnectionState() tls.ConnectionState { return s.state }

type connKey struct{}

// remember puts a watched connection into the context of its requests.
func remember(ctx context.Context, c net.Conn) context.Context {
	switch c := c.(type) {
	case *framing.Conn:
		return context.WithValue(ctx, connKey{}, c)
	case secure:
		return context.WithValue(ctx, connKey{}, c.Conn)
	}
	return ctx
}

func watchedConn(r *http.Request) *framing.Conn {
	c, _ := r.Context().Value(connKey{}).(*framing.Conn)
	return c
}

// unframed marks the request that stands in the place of one which could not be
// told from others: it has no method and no path, and its context says with which
// problem it is to be answered.
func unframed(r *http.Request) *http.Request {
	c := watchedConn(r)
	if c == nil {
		return r
	}
	p := c.Refusal(r)
	if p == nil {
		return r
	}
	r = r.WithContext(problem.NewContext(r.Context(), p))
	r.Method, r.URL.Path, r.RequestURI, r.Host = "", "", "", ""
	return r
}
