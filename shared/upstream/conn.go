package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

// A service that sends more than it announced leaves bytes on its connection,
// and net/http may hand the connection to the next request before it notices:
// that request would get the leftover as its answer. A conn prevents it. Between
// the moment a request is given the connection and its first byte it holds the
// request back until net/http is seen reading with an empty buffer, which it
// does at once where nothing is left over; and what arrives before that first
// byte ends the connection.

// bufferSize is net/http's read buffer. A read into less of it has a leftover in
// front of it.
const bufferSize = 4 << 10

// attempts bound how often a request that found a leftover is put on another
// connection. It was not sent before, so any request may be.
const attempts = 3

var errUnsolicited = errors.New("the service sent more than it announced, or unasked")

type conn struct {
	net.Conn

	mu      sync.Mutex
	turn    sync.Cond
	held    bool // a request has the connection and is not on it yet
	reading bool // net/http waits with an empty buffer
	closed  bool
}

func newConn(inner net.Conn) *conn {
	c := &conn{Conn: inner}
	c.turn.L = &c.mu
	return c
}

// hold is called when a request is given the connection.
func (c *conn) hold() {
	c.mu.Lock()
	c.held = true
	c.mu.Unlock()
}

// holds tells whether the request has still not been sent.
func (c *conn) holds() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held
}

func (c *conn) Read(p []byte) (int, error) {
	c.mu.Lock()
	if c.held && len(p) < bufferSize {
		c.mu.Unlock()
		return 0, c.refuse()
	}
	c.reading = len(p) >= bufferSize
	c.turn.Broadcast()
	c.mu.Unlock()

	n, err := c.Conn.Read(p)

	c.mu.Lock()
	c.reading = false
	early := c.held && n > 0
	c.mu.Unlock()
	if early {
		return 0, c.refuse()
	}
	return n, err
}

func (c *conn) refuse() error {
	_ = c.Close()
	return errUnsolicited
}

func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	for c.held && !c.reading && !c.closed {
		c.turn.Wait()
	}
	closed := c.closed
	if !closed {
		c.held = false
	}
	c.mu.Unlock()
	if closed {
		return 0, net.ErrClosed
	}
	return c.Conn.Write(p)
}

func (c *conn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.turn.Broadcast()
	c.mu.Unlock()
	return c.Conn.Close()
}

// dial connects, with TLS where encrypted is given.
func (h *httpCarrier) dial(ctx context.Context, network, address string, encrypted *tls.Config) (net.Conn, error) {
	inner, err := h.dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if encrypted == nil {
		return newConn(inner), nil
	}
	ctx, cancel := context.WithTimeout(ctx, h.dialer.Timeout)
	defer cancel()
	secure := tls.Client(inner, encrypted)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = inner.Close()
		return nil, &net.OpError{Op: "dial", Net: network, Addr: inner.RemoteAddr(), Err: err}
	}
	return newConn(secure), nil
}

// roundTrip is the transport's, on a connection that has nothing left over.
func (h *httpCarrier) roundTrip(ctx context.Context, req *http.Request) (*http.Response, error) {
	for range attempts {
		var on *conn
		trace := &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
			on = got.Conn.(*conn)
			on.hold()
		}}
		resp, err := h.transport.RoundTrip(req.WithContext(httptrace.WithClientTrace(ctx, trace)))
		if err != nil || !on.holds() {
			return resp, err
		}
		_ = on.Close()
		_ = resp.Body.Close()
		if req.GetBody == nil {
			if req.Body != nil {
				break // it may have been read
			}
			continue
		}
		if req.Body, err = req.GetBody(); err != nil {
			break
		}
	}
	return nil, &Error{Code: BadAnswer, Cause: errUnsolicited}
}

func newTransport(h *httpCarrier, to target, encrypted *tls.Config) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:     nil, // services are reached directly, whatever the environment says
		Protocols: protocols,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return h.dial(ctx, network, address, nil)
		},
		DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return h.dial(ctx, network, address, encrypted)
		},
		ReadBufferSize:         bufferSize,
		DisableCompression:     true, // what a mask reads must be plain; what is passed through stays as it is
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        to.idle,
		MaxResponseHeaderBytes: maxHead,
	}
}

func newDialer(connect time.Duration) *net.Dialer {
	return &net.Dialer{Timeout: connect, KeepAlive: 15 * time.Second}
}
