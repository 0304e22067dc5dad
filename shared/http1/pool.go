package http1

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Options say where a [Client] calls, and within which bounds. Address, Connect
// and Idle are set; other zeros have their defaults.
type Options struct {
	Address string      // host:port
	TLS     *tls.Config // nil speaks without TLS

	Connect time.Duration // for connecting, and again for the TLS handshake
	Idle    time.Duration // how long an unused connection is kept; best shorter than the service keeps it

	MaxConns int    // connections at once, 512 by default; who finds none waits for one
	Answer   Limits // of an answer's head; its Head is 64 KiB by default
}

const (
	defaultConns  = 512
	defaultHead   = 64 << 10
	defaultFields = 256
)

// A Client keeps connections to one address and exchanges requests for answers on
// them, one at a time on each. A connection is used again only after an answer
// that was whole and well-formed, and only where nothing has come behind it.
type Client struct {
	options Options
	dialer  net.Dialer
	size    atomic.Int64 // of the last answer that was read whole, head and body
	counts  counts

	mu      sync.Mutex
	idle    []*conn // the one used last is the last
	open    int     // connections, idle ones and those being made included
	waiting []chan *conn
	closed  bool
	reaper  *time.Timer // nil while no connection is idle
}

// counts are what a client has done since it was made.
type counts struct{ dialled, failed, reused, stale, replayed atomic.Int64 }

// Stats is what a client has and has done.
type Stats struct {
	Open, Idle int   // connections
	Waiting    int   // exchanges that wait for one because there are MaxConns
	Dialled    int64 // connections made
	Failed     int64 // connections that could not be made
	Reused     int64 // exchanges that found a connection
	Stale      int64 // connections that had ended, or had something unasked, when they were wanted again
	Replayed   int64 // requests sent once more because their connection had just ended
}

// NewClient connects to nothing before it is used.
func NewClient(o Options) *Client {
	if o.MaxConns <= 0 {
		o.MaxConns = defaultConns
	}
	if o.Answer.Head <= 0 {
		o.Answer.Head = defaultHead
	}
	if o.Answer.Fields <= 0 {
		o.Answer.Fields = defaultFields
	}
	return &Client{options: o, dialer: net.Dialer{Timeout: o.Connect, KeepAlive: 15 * time.Second}}
}

// Stats is the client's state now.
func (c *Client) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Stats{
		Open: c.open, Idle: len(c.idle), Waiting: len(c.waiting),
		Dialled: c.counts.dialled.Load(), Failed: c.counts.failed.Load(),
		Reused: c.counts.reused.Load(), Stale: c.counts.stale.Load(), Replayed: c.counts.replayed.Load(),
	}
}

// Close ends idle connections, and the others when their exchange ends. The
// client can be used again: it then connects anew, and keeps nothing.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.dropIdle(len(c.idle))
}

// Reopen lets a closed client keep connections again.
func (c *Client) Reopen() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = false
}

// take is an idle connection with its deadline set, or nil.
func (c *Client) take(deadline time.Time) *conn {
	for {
		cn := c.pop()
		if cn == nil {
			return nil
		}
		if usable := c.checked(cn, deadline); usable != nil {
			return usable
		}
		c.drop(nil)
	}
}

// checked is the connection with its deadline set; or nil, and then it is closed
// and still counted. Nil, which is the right to make one, stays nil.
func (c *Client) checked(cn *conn, deadline time.Time) *conn {
	if cn == nil {
		return nil
	}
	cn.setDeadline(deadline)
	if time.Now().Before(cn.idleUntil) && cn.quiet() {
		c.counts.reused.Add(1)
		return cn
	}
	c.counts.stale.Add(1)
	cn.close()
	return nil
}

func (c *Client) pop() *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.popLocked()
}

func (c *Client) popLocked() *conn {
	last := len(c.idle) - 1
	if last < 0 {
		return nil
	}
	cn := c.idle[last]
	c.idle[last] = nil
	c.idle = c.idle[:last]
	return cn
}

// connect is a connection that is made now, or one that is given back while
// there are as many as there may be. Errors say that nothing was sent.
func (c *Client) connect(ctx context.Context, deadline time.Time) (*conn, error) {
	cn, err := c.room(ctx, deadline)
	if cn != nil || err != nil {
		return cn, err
	}
	cn, err = c.dial(ctx, deadline)
	if err != nil {
		c.counts.failed.Add(1)
		c.drop(nil)
		return nil, &UnsentError{err}
	}
	c.counts.dialled.Add(1)
	return cn, nil
}

// room waits until there may be one more connection, and then is nil; or until
// one is free. One may have become so since take found none, and then nobody would
// hand it over.
func (c *Client) room(ctx context.Context, deadline time.Time) (*conn, error) {
	c.mu.Lock()
	if c.open < c.options.MaxConns {
		c.open++
		c.mu.Unlock()
		return nil, nil
	}
	if cn := c.popLocked(); cn != nil {
		c.mu.Unlock()
		return c.checked(cn, deadline), nil
	}
	turn := make(chan *conn, 1)
	c.waiting = append(c.waiting, turn)
	c.mu.Unlock()

	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	var err error
	select {
	case cn := <-turn:
		return c.checked(cn, deadline), nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = os.ErrDeadlineExceeded
	}
	c.leave(turn)
	return nil, &UnsentError{err}
}

// leave takes a waiter out of the queue, or passes on what it was given meanwhile.
func (c *Client) leave(turn chan *conn) {
	c.mu.Lock()
	i := slices.Index(c.waiting, turn)
	if i >= 0 {
		c.waiting = slices.Delete(c.waiting, i, i+1)
	}
	c.mu.Unlock()
	if i >= 0 {
		return
	}
	if cn := <-turn; cn != nil {
		c.keep(cn, cn.idleUntil)
	} else {
		c.drop(nil)
	}
}

func (c *Client) dial(ctx context.Context, deadline time.Time) (*conn, error) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	raw, err := c.dialer.DialContext(ctx, "tcp", c.options.Address)
	if err != nil {
		return nil, err
	}
	w, err := newWire(raw)
	if err != nil {
		_ = raw.Close()
		return nil, err
	}
	cn := &conn{wire: w, stream: w}
	if c.options.TLS != nil {
		ctx, cancel := context.WithTimeout(ctx, c.options.Connect)
		defer cancel()
		if err := cn.handshake(ctx, c.options.TLS); err != nil {
			cn.close()
			return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: raw.RemoteAddr(), Err: err}
		}
	}
	cn.setDeadline(deadline)
	return cn, nil
}

// keep has a connection wait for its next exchange, until then at most.
func (c *Client) keep(cn *conn, until time.Time) {
	cn.used, cn.wire.once, cn.idleUntil = true, false, until
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case len(c.waiting) > 0 && !c.closed:
		turn := c.waiting[0]
		c.waiting = slices.Delete(c.waiting, 0, 1)
		turn <- cn
	case c.closed:
		c.dropLocked(cn)
	default:
		c.idle = append(c.idle, cn)
		if c.reaper == nil {
			c.reaper = time.AfterFunc(time.Until(until), c.reap)
		}
	}
}

// reap ends what was not used for too long, and comes again for the rest.
func (c *Client) reap() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, next, kept := time.Now(), time.Time{}, c.idle[:0]
	for _, cn := range c.idle {
		if !cn.idleUntil.After(now) {
			c.dropLocked(cn)
			continue
		}
		kept = append(kept, cn)
		if next.IsZero() || cn.idleUntil.Before(next) {
			next = cn.idleUntil
		}
	}
	clear(c.idle[len(kept):])
	c.idle, c.reaper = kept, nil
	if len(kept) > 0 {
		c.reaper = time.AfterFunc(next.Sub(now), c.reap)
	}
}

// drop ends a connection, or gives up one that was to be made.
func (c *Client) drop(cn *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropLocked(cn)
}

// dropLocked lets whoever waits first make one in its place.
func (c *Client) dropLocked(cn *conn) {
	if cn != nil {
		cn.close()
	}
	if len(c.waiting) > 0 {
		turn := c.waiting[0]
		c.waiting = slices.Delete(c.waiting, 0, 1)
		turn <- nil
		return
	}
	c.open--
}

func (c *Client) dropIdle(n int) {
	for _, cn := range c.idle[:n] {
		c.dropLocked(cn)
	}
	c.idle = slices.Delete(c.idle, 0, n)
	if len(c.idle) == 0 && c.reaper != nil {
		c.reaper.Stop()
		c.reaper = nil
	}
}

// An UnsentError says that nothing of a request has reached the service.
type UnsentError struct{ Err error }

func (e *UnsentError) Error() string { return "http1: not sent: " + e.Err.Error() }

// Unwrap is why.
func (e *UnsentError) Unwrap() error { return e.Err }
