package trial

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"
)

// Driven is fasthttp's pool, writer and parsers under a round trip of our own,
// which does what fasthttp's cannot be told to: it ends a call from outside, closes
// a connection with something left over, and repeats a request once at most, and
// only where nothing was answered on a connection that had been idle. What the
// parsers take, it takes.
type Driven struct {
	client *fasthttp.HostClient
	inline bool // the request is sent by Start and the answer read by Wait: no goroutine
}

// NewDriven is a carrier with a goroutine per call, or without one.
func NewDriven(address string, inline bool) *Driven {
	d := &Driven{newHostClient(address), inline}
	d.client.DialTimeout = dialWatched
	return d
}

// Close closes the connections that are idle.
func (d *Driven) Close() { d.client.CloseIdleConnections() }

// Start begins a GET.
func (d *Driven) Start(ctx context.Context, path string) Pending {
	c := d.call("GET", path)
	c.stop = context.AfterFunc(ctx, c.Cancel)
	if !d.inline {
		c.done = make(chan struct{})
		go func() { c.err = c.run(); close(c.done) }()
		return c
	}
	c.err = c.send()
	return c
}

func (d *Driven) call(method, path string) *drivenCall {
	c := &drivenCall{client: d.client, req: newRequest(d.client.Addr, path), resp: fasthttp.AcquireResponse(), deadline: time.Now().Add(timeout)}
	c.req.Header.SetMethod(method)
	return c
}

type drivenCall struct {
	client   *fasthttp.HostClient
	req      *fasthttp.Request
	resp     *fasthttp.Response
	deadline time.Time
	stop     func() bool   // ends the watch over the context
	done     chan struct{} // nil: inline
	err      error

	let    func(reuse bool) // lets go of the connection, whose type has no name
	reused bool

	mu       sync.Mutex
	conn     net.Conn
	canceled bool
}

var (
	errCanceled = errors.New("the call was cancelled")
	errStale    = errors.New("the connection was closed before an answer began")
)

// run is the whole exchange.
func (c *drivenCall) run() error {
	if err := c.send(); err != nil {
		return err
	}
	return c.receive()
}

// send puts the request on a connection on which nothing is left over.
func (c *drivenCall) send() error {
	for {
		if err := c.connect(); err != nil {
			return err
		}
		if c.reused && !c.conn.(*watched).quiet() {
			c.finish(false)
			continue // not sent before, so any request may be
		}
		break
	}
	bw := c.client.AcquireWriter(c.conn)
	err := c.req.Write(bw)
	if err == nil {
		err = bw.Flush()
	}
	c.client.ReleaseWriter(bw)
	if err != nil {
		c.finish(false)
	}
	return err
}

func (c *drivenCall) connect() error {
	cc, err := c.client.AcquireConn(time.Until(c.deadline), false)
	if err != nil {
		return err
	}
	c.reused = !cc.LastUseTime().IsZero()
	c.let = func(reuse bool) {
		if reuse {
			c.client.ReleaseConn(cc)
			return
		}
		c.client.CloseConn(cc)
	}
	c.mu.Lock()
	c.conn = cc.Conn()
	canceled := c.canceled
	c.mu.Unlock()
	if canceled {
		c.finish(false)
		return errCanceled
	}
	return c.conn.SetDeadline(c.deadline)
}

func (c *drivenCall) receive() error {
	err := c.read()
	if errors.Is(err, errStale) && c.reused && idempotent(c.req) {
		if err := c.send(); err != nil {
			return err
		}
		err = c.read()
	}
	return err
}

func (c *drivenCall) read() error {
	br := c.client.AcquireReader(c.conn)
	defer c.client.ReleaseReader(br)
	if _, err := br.Peek(1); err != nil {
		c.finish(false)
		if c.wasCanceled() {
			return errCanceled
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return fasthttp.ErrTimeout
		}
		return errStale
	}
	c.resp.SkipBody = c.req.Header.IsHead()
	err := c.resp.ReadLimitBody(br, c.client.MaxResponseBodySize)
	switched := c.resp.StatusCode() == fasthttp.StatusSwitchingProtocols
	c.finish(err == nil && br.Buffered() == 0 && !c.resp.ConnectionClose() && !switched)
	if c.wasCanceled() {
		return errCanceled
	}
	return err
}

func (c *drivenCall) finish(reuse bool) {
	c.mu.Lock()
	c.conn = nil
	reuse = reuse && !c.canceled
	c.mu.Unlock()
	c.let(reuse)
}

// Cancel ends the call, from any goroutine.
func (c *drivenCall) Cancel() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.canceled = true
	if c.conn != nil {
		_ = c.conn.SetDeadline(time.Unix(1, 0))
	}
}

func (c *drivenCall) wasCanceled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.canceled
}

// Wait is the answer.
func (c *drivenCall) Wait() (status int, body []byte, err error) {
	switch {
	case c.done != nil:
		<-c.done
	case c.err == nil:
		c.err = c.receive()
	}
	c.stop()
	return c.resp.StatusCode(), c.resp.Body(), c.err
}

// Release gives the buffers back.
func (c *drivenCall) Release() {
	fasthttp.ReleaseRequest(c.req)
	fasthttp.ReleaseResponse(c.resp)
}

// A watched connection can tell whether something has arrived on it unasked.
type watched struct {
	net.Conn
	raw syscall.RawConn
}

func dialWatched(address string, timeout time.Duration) (net.Conn, error) {
	dialer := net.Dialer{Timeout: timeout}
	conn, err := dialer.DialContext(context.Background(), "tcp", address) // fasthttp passes no context on
	if err != nil {
		return nil, err
	}
	raw, err := conn.(*net.TCPConn).SyscallConn()
	return &watched{conn, raw}, err
}

// quiet is false where bytes, or the end, wait to be read.
func (w *watched) quiet() bool {
	var waiting error
	err := w.raw.Control(func(fd uintptr) {
		var one [1]byte
		_, _, waiting = syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	})
	return err == nil && errors.Is(waiting, syscall.EAGAIN)
}
