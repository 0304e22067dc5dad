package httpcache

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/triptych-bff/triptych/shared/upstream"
)

// A follower is one who waits for a call that another began.
type follower struct {
	flight *flight
	ctx    context.Context
	req    *upstream.Request
	begun  time.Time
	again  bool // it is the second that is waited for
	left   atomic.Bool
}

// Wait is the flight's answer, unless the follower's own time is over before.
func (w *follower) Wait() (*upstream.Response, error) {
	ctx := w.ctx
	if w.req.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, w.begun.Add(w.req.Timeout))
		defer cancel()
	}
	defer w.leave()
	f := w.flight
	select {
	case <-f.landed:
	case <-ctx.Done():
		return nil, w.over(ctx.Err())
	}
	switch f.outcome {
	case private:
		return f.key.next.Start(ctx, w.req).Wait()
	case hurried:
		return w.ask(ctx)
	default:
		return f.response, f.err
	}
}

// ask makes the call anew, after one whose leader had less time. All who followed
// that do so now: they follow one of them, and only then no other.
func (w *follower) ask(ctx context.Context) (*upstream.Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, w.over(err)
	}
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return nil, w.over(context.DeadlineExceeded) // as the context is about to say
	}
	f := w.flight
	if w.again {
		return f.key.next.Start(ctx, w.req).Wait()
	}
	p, _ := f.cache.join(ctx, f.key, w.req, f.keeps, true)
	return p.Wait()
}

// Ready is whether the flight has brought an answer.
func (w *follower) Ready() bool {
	select {
	case <-w.flight.landed:
		return w.flight.outcome == forAll
	default:
		return false
	}
}

func (w *follower) over(err error) error {
	code := upstream.Cancelled
	if errors.Is(err, context.DeadlineExceeded) {
		code = upstream.Timeout
	}
	return &upstream.Error{Service: w.flight.key.next.Name(), Code: code, Cause: err}
}

// Cancel leaves the flight to the others.
func (w *follower) Cancel() { w.leave() }

func (w *follower) leave() {
	if w.left.CompareAndSwap(false, true) {
		w.flight.leave()
	}
}
