package http1

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// What an answer can be beside malformed. Rules and these are the service's
// fault; errors of package net and io.ErrUnexpectedEOF say that the connection
// broke, and os.ErrDeadlineExceeded that the time was over.
var (
	ErrTooLarge   = errors.New("http1: the answer is longer than allowed")
	ErrSurplus    = errors.New("http1: something stands behind the answer")
	ErrSwitched   = errors.New("http1: the protocol was switched unasked")
	ErrInterim    = errors.New("http1: too many interim answers")
	ErrDeclined   = errors.New("http1: an interim answer of HTTP/1.0")
	errIncomplete = io.ErrUnexpectedEOF
)

// maxInterim answers may come before the final one (RFC 9110 §15.2).
const maxInterim = 16

// An Exchange is a request under way. One of Wait and Cancel is called, once.
type Exchange struct {
	client   *Client
	request  *Request
	ctx      context.Context
	deadline time.Time
	stop     func() bool        // ends the watch over ctx
	abort    context.CancelFunc // of connecting; nil where there was a connection

	sent chan struct{} // closed when the request is on its way; nil: it was when Start returned
	body chan error    // what became of a body that is sent meanwhile; nil where there is none
	err  error         // why there is no connection

	mu   sync.Mutex
	conn *conn
	gone bool // given up: the connection is closed, or will be when there is one
}

// Start sends a request and does not block. Where it would have to, because there
// is no connection or the body is long, a goroutine goes on. The exchange ends
// by the deadline, or when ctx is over.
func (c *Client) Start(ctx context.Context, deadline time.Time, req *Request) *Exchange {
	x := &Exchange{client: c, request: req, ctx: ctx, deadline: deadline}
	if cn := c.take(deadline); cn != nil {
		x.conn = cn
		x.stop = watch(ctx, x.giveUp)
		x.err = x.send()
		return x
	}
	ctx, x.abort = context.WithCancel(ctx)
	x.stop = context.AfterFunc(ctx, x.giveUp)
	x.sent = make(chan struct{})
	go func() {
		defer close(x.sent)
		x.err = x.connect(ctx)
	}()
	return x
}

// watch is [context.AfterFunc]. A context that has a way of its own, which package
// context would wrap, is asked directly: that is cheaper.
func watch(ctx context.Context, f func()) (stop func() bool) {
	if own, ok := ctx.(interface {
		AfterFunc(f func()) (stop func() bool)
	}); ok {
		return own.AfterFunc(f)
	}
	return context.AfterFunc(ctx, f)
}

// connect sends the request on a connection that was not there when it was wanted.
func (x *Exchange) connect(ctx context.Context) error {
	if err := x.attach(ctx); err != nil {
		return err
	}
	return x.send()
}

// send sends the head, and has the rest follow.
func (x *Exchange) send() error {
	whole, err := x.request.send(x.conn)
	switch {
	case err != nil && x.conn.used && ended(err):
		return &staleError{err}
	case err == nil && !whole && x.request.Stream == nil:
		x.sendBody()
	}
	return err
}

// sendBody sends a long body while the answer, which may come early, is awaited.
func (x *Exchange) sendBody() {
	cn, sent := x.conn, make(chan error, 1)
	x.body = sent
	go func() {
		defer close(sent)
		sent <- x.request.sendBody(cn, func() {}, func(bool) {})
	}()
}

// giveUp ends the connection, whatever it is doing.
func (x *Exchange) giveUp() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.gone = true
	if x.abort != nil {
		x.abort()
	}
	if x.conn != nil {
		x.conn.close()
	}
}

// Cancel gives the exchange up and does not block.
func (x *Exchange) Cancel() {
	x.giveUp()
	if x.sent == nil {
		x.end(nil)
		return
	}
	go func() { // the connection that is being made has to be counted
		<-x.sent
		x.end(nil)
	}()
}

// Wait is the answer, whose body is at most that long.
func (x *Exchange) Wait(most int) (*Answer, error) {
	if x.sent != nil {
		<-x.sent
	}
	a, err := x.receive(most)
	if err != nil && x.replayable(err) {
		a, err = x.replay(most)
	}
	if err != nil {
		x.end(nil)
		return nil, err
	}
	if !x.end(&a.Head) {
		a.Release()
		return nil, x.ctx.Err()
	}
	return a, nil
}

func (x *Exchange) receive(most int) (*Answer, error) {
	if x.err != nil {
		return nil, x.err
	}
	r := reader{read: x.conn.read, limits: x.client.options.Answer, request: x.request}
	a, err := r.answer(int(x.client.size.Load()), most)
	if err == nil {
		x.client.size.Store(int64(min(a.size, 1<<mostBits))) // one large answer says nothing of the next
	}
	return a, err
}

// replayable is whether the request may be sent once more: the connection was
// used before and ended before anything was answered, as a service does that has
// waited too long for the next request (RFC 9112 §9.3.1).
func (x *Exchange) replayable(err error) bool {
	return x.conn != nil && x.conn.used && errors.Is(err, errStale) && x.request.repeatable() && x.ctx.Err() == nil
}

func (x *Exchange) replay(most int) (*Answer, error) {
	x.detach()
	if x.err = sentBefore(x.connect(x.ctx)); x.err != nil {
		return nil, x.err
	}
	return x.receive(most)
}

// sentBefore is the error of a request that is sent once more: the service may
// have had it on the connection before.
func sentBefore(err error) error {
	var unsent *UnsentError
	if errors.As(err, &unsent) {
		return unsent.Err
	}
	return err
}

// attach takes a connection, usually one that nobody had before.
func (x *Exchange) attach(ctx context.Context) error {
	cn, err := x.client.connect(ctx, x.deadline)
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.conn = cn
	if x.gone {
		cn.close()
	}
	return nil
}

// detach lets go of a connection that has ended, for the request to be replayed.
func (x *Exchange) detach() {
	x.client.counts.replayed.Add(1)
	x.awaitBody()
	x.client.drop(x.conn)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.conn, x.body = nil, nil
}

// awaitBody ends the connection and waits until nobody sends on it.
func (x *Exchange) awaitBody() {
	if x.body != nil {
		x.conn.close()
		for range x.body { // why it failed, the connection's end explains
		}
	}
}

// end lets go of the connection: it is kept behind an answer that lets it go on.
// It is false when the exchange was given up meanwhile.
func (x *Exchange) end(answer *Head) bool {
	ours := x.stop()
	if x.abort != nil {
		x.abort()
	}
	if x.conn == nil {
		return ours
	}
	if !ours || answer == nil || !answer.KeepAlive() || !x.bodySent() {
		x.awaitBody()
		x.client.drop(x.conn)
		return ours
	}
	x.client.keep(x.conn, x.client.idleUntil(answer))
	return true
}

// bodySent is whether nothing of the request is left to send.
func (x *Exchange) bodySent() bool {
	if x.body == nil {
		return true
	}
	select {
	case err := <-x.body:
		x.body = nil
		return err == nil
	default:
		return false
	}
}

// idleUntil is how long a connection may wait, which the service may say (RFC
// 9112 §9.3, Keep-Alive's parameter timeout): a second before it would end it.
func (c *Client) idleUntil(answer *Head) time.Time {
	idle := c.options.Idle
	if hint := answer.Fields.Get("Keep-Alive"); hint != "" {
		for param := range strings.SplitSeq(hint, ",") {
			name, value, _ := strings.Cut(trim(param), "=")
			if seconds, err := strconv.ParseUint(value, 10, 31); err == nil && strings.EqualFold(name, "timeout") {
				idle = min(idle, time.Duration(seconds)*time.Second-time.Second)
			}
		}
	}
	return time.Now().Add(idle)
}

// An Answer was read whole. It is the caller's, and stays as it is until it is
// released, if ever.
type Answer struct {
	Head
	Body    []byte // its capacity is at least 64 bytes larger; the room behind it means nothing
	Trailer Fields

	size   int // of head and body
	buffer *buffer
}

// Release gives the body's memory back. It may be called once, by whoever alone
// has the answer; Body, and every piece of it, is not to be used behind it.
func (a *Answer) Release() {
	if a.buffer != nil {
		a.buffer.put()
		a.buffer, a.Body = nil, nil
	}
}

// hasBody is whether an answer has a body, whatever its head says of one (RFC
// 9112 §6.3).
func hasBody(method string, status int) bool {
	return method != http.MethodHead && status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}
