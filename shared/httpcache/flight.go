package httpcache

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/triptych-bff/triptych/shared/upstream"
)

// A flight is one call that several wait for. It belongs to none of them: its
// context is cut off from that of whoever began it, and is cancelled when the
// last of them has left.
type flight struct {
	cache   *Cache
	key     string
	waiting int // under cache.mu
	cancel  context.CancelFunc

	done     chan struct{}
	response *upstream.Response // the rest is there when done is closed
	err      error
	private  bool // the answer is for whoever began the flight
}

// join waits for the call that is under way for the key, or begins it.
func (c *Cache) join(ctx context.Context, next Service, key string, req *upstream.Request) upstream.Pending {
	w := &waiter{ctx: ctx, next: next, req: req, begun: time.Now()}
	c.mu.Lock()
	if f := c.flights[key]; f != nil {
		f.waiting++
		c.mu.Unlock()
		w.flight = f
		c.lookups.WithLabelValues(joined).Inc()
		return w
	}
	apart, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &flight{cache: c, key: key, waiting: 1, cancel: cancel, done: make(chan struct{})}
	c.flights[key] = f
	c.mu.Unlock()
	w.flight, w.first = f, true
	c.lookups.WithLabelValues(miss).Inc()
	go f.land(w.begun, next.Start(apart, unhurried(req)))
	return w
}

// unhurried is the request without the time-out of whoever began it: others may
// have more time. The service's own time-out bounds the call.
func unhurried(req *upstream.Request) *upstream.Request {
	if req.Timeout == 0 {
		return req
	}
	r := *req
	r.Timeout = 0
	return &r
}

// land waits for the answer and hands it out.
func (f *flight) land(asked time.Time, pending upstream.Pending) {
	defer f.cancel()
	f.response, f.err = pending.Wait()
	if f.err == nil {
		f.response.Keep() // several may hold it
		control, ok := parseControl(f.response.Header.Values("Cache-Control"))
		f.private = !ok || !sharable(f.response, control)
		f.cache.keep(f.key, asked, f.response)
	}
	f.cache.mu.Lock()
	f.remove()
	f.cache.mu.Unlock()
	close(f.done)
}

// remove lets nobody join any more. It is called with cache.mu held.
func (f *flight) remove() {
	if f.cache.flights[f.key] == f {
		delete(f.cache.flights, f.key)
	}
}

// leave is called once by everyone who joined. The last one out ends the call.
func (f *flight) leave() {
	f.cache.mu.Lock()
	defer f.cache.mu.Unlock()
	if f.waiting--; f.waiting == 0 {
		f.remove()
		f.cancel()
	}
}

// A waiter is one of those who wait for a flight.
type waiter struct {
	flight *flight
	ctx    context.Context
	next   Service
	req    *upstream.Request
	begun  time.Time
	first  bool // it began the flight
	left   atomic.Bool
}

// Wait is the flight's answer, unless the waiter's own time is over before.
func (w *waiter) Wait() (*upstream.Response, error) {
	ctx := w.ctx
	if w.req.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, w.begun.Add(w.req.Timeout))
		defer cancel()
	}
	defer w.leave()
	select {
	case <-w.flight.done:
	case <-ctx.Done():
		return nil, w.over(ctx.Err())
	}
	if w.flight.private && !w.first {
		return w.next.Start(ctx, w.req).Wait()
	}
	return w.flight.response, w.flight.err
}

// Ready is whether the flight has ended.
func (w *waiter) Ready() bool {
	select {
	case <-w.flight.done:
		return w.first || !w.flight.private
	default:
		return false
	}
}

func (w *waiter) over(err error) error {
	code := upstream.Cancelled
	if errors.Is(err, context.DeadlineExceeded) {
		code = upstream.Timeout
	}
	return &upstream.Error{Service: w.next.Name(), Code: code, Cause: err}
}

// Cancel leaves the flight to the others.
func (w *waiter) Cancel() { w.leave() }

func (w *waiter) leave() {
	if w.left.CompareAndSwap(false, true) {
		w.flight.leave()
	}
}
