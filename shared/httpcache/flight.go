package httpcache

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/triptych-bff/triptych/shared/identity"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// A flight is one call that several may wait for. Its leader is who began it, and
// is all there is to most flights: it waits in the call itself, no goroutine does.
// Followers wait for what the leader brings. The flight is also what the leader
// holds of it, its [upstream.Pending].
//
// A leader who leaves while there are followers goes on waiting for them, within
// its own deadline, which is the flight's: nobody waits for longer than it may.
type flight struct {
	lifetime // what the call runs in

	cache *Cache
	key   key
	keeps bool // its answer may be kept
	begun time.Time
	most  time.Duration // how long the leader's own time-out is; zero is none

	call    upstream.Pending
	unwatch func() bool // ends the watch over the leader's context; nil where that has no end

	// Under cache.mu.
	listed    bool // others may join
	cancelled bool // by the leader
	left      bool // the leader wants no answer any more
	followers int
	limit     *time.Timer // keeps the deadline, where the leader's context no longer does

	landed   chan struct{} // made for the first follower, under cache.mu
	response *upstream.Response
	err      error   // this and what stands around it is there when landed is closed
	outcome  outcome // what it is to the followers
}

// A key is what two calls have in common that may be made once.
type key struct {
	question
	next   Service            // the view that the call goes through: another snapshot may call another address
	caller *identity.Identity // nil where nobody is known
	shared bool               // the answer is the same whoever asks
}

// An outcome is what an answer, or that there is none, is to the followers.
type outcome uint8

const (
	forAll  outcome = iota // theirs as well
	private                // the leader's alone: they ask themselves
	hurried                // nothing, since the leader had little time: who has more asks again
)

// join waits for the call that is under way, or begins it. Only once is another
// call waited for that others began.
func (c *Cache) join(ctx context.Context, k key, req *upstream.Request, keeps, again bool) (p upstream.Pending, first bool) {
	c.mu.Lock()
	if f := c.flights[k]; f != nil {
		f.followers++
		if f.landed == nil {
			f.landed = make(chan struct{})
		}
		c.mu.Unlock()
		return &follower{flight: f, ctx: ctx, req: req, begun: time.Now(), again: again}, false
	}
	f := &flight{lifetime: lifetime{leader: ctx}, cache: c, key: k, keeps: keeps, most: req.Timeout, listed: true}
	c.flights[k] = f
	c.mu.Unlock()
	f.begin(req)
	return f, true
}

// begin starts the call, for which others may wait already.
func (f *flight) begin(req *upstream.Request) {
	defer func() {
		if fault := recover(); fault != nil {
			f.call = known{err: f.panicked(fault)}
		}
	}()
	f.begun = time.Now()
	if f.leader.Done() != nil {
		f.unwatch = context.AfterFunc(f.leader, f.depart)
	}
	f.call = f.key.next.Start(&f.lifetime, req)
}

// panicked is the error of a call that has panicked: an answer to all.
func (f *flight) panicked(fault any) error {
	cause := fmt.Errorf("panic: %v\n%s", fault, debug.Stack())
	return &upstream.Error{Service: f.key.next.Name(), Code: upstream.BadAnswer, Cause: cause}
}

// depart is the end of the leader's context. Those who follow keep the call going
// until its deadline.
func (f *flight) depart() {
	f.cache.mu.Lock()
	defer f.cache.mu.Unlock()
	if !f.listed {
		return
	}
	f.left = true
	err := f.leader.Err()
	if f.followers == 0 || errors.Is(err, context.DeadlineExceeded) {
		f.giveUp(err)
		return
	}
	if deadline, ok := f.leader.Deadline(); ok {
		f.limit = time.AfterFunc(time.Until(deadline), func() { f.end(context.DeadlineExceeded) })
	}
}

// giveUp ends the call. It is called with cache.mu held.
func (f *flight) giveUp(err error) {
	f.unlist()
	f.end(err)
}

// unlist lets nobody join any more. It is called with cache.mu held.
func (f *flight) unlist() {
	if f.listed {
		f.listed = false
		delete(f.cache.flights, f.key)
	}
}

// Wait is the call's answer.
func (f *flight) Wait() (*upstream.Response, error) {
	resp, err := f.await()
	f.land(resp, err)
	return resp, err
}

func (f *flight) await() (resp *upstream.Response, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			resp, err = nil, f.panicked(fault)
		}
	}()
	return f.call.Wait()
}

// land hands the answer to the followers. Without any, it is the leader's alone,
// who may release it.
func (f *flight) land(resp *upstream.Response, err error) {
	f.settle()
	if f.keeps && err == nil {
		f.cache.keep(f.key.question, f.begun, resp)
	}
	f.cache.mu.Lock()
	f.unlist()
	followed := f.followers > 0
	if f.limit != nil {
		f.limit.Stop()
	}
	f.cache.mu.Unlock()
	if !followed {
		return
	}
	if err == nil {
		resp.Keep()
	}
	f.response, f.err, f.outcome = resp, err, f.judge(resp, err)
	close(f.landed)
}

// settle ends the watch over the leader.
func (f *flight) settle() {
	if f.unwatch != nil {
		f.unwatch()
	}
}

// judge says what the followers make of it. What a service calls private is
// handed round among calls of one caller only: nobody knows whether two who have
// not said who they are are one.
func (f *flight) judge(resp *upstream.Response, err error) outcome {
	switch {
	case err != nil && f.hurried(err):
		return hurried
	case err == nil && f.key.caller == nil:
		if control, ok := parseControl(resp.Header.Values("Cache-Control")); !ok || !sharable(resp, control) {
			return private
		}
	}
	return forAll
}

// hurried is whether the call has failed for want of the leader's own time.
func (f *flight) hurried(err error) bool {
	var failed *upstream.Error
	if !errors.As(err, &failed) || failed.Code != upstream.Timeout {
		return false
	}
	now := time.Now()
	deadline, bounded := f.leader.Deadline()
	return bounded && !now.Before(deadline) || f.most > 0 && !now.Before(f.begun.Add(f.most))
}

// Ready is whether the call has ended.
func (f *flight) Ready() bool { return f.call.Ready() }

// Cancel gives the call up, unless others want its answer: then a goroutine waits
// for it in the leader's place.
func (f *flight) Cancel() {
	f.cache.mu.Lock()
	again, followed := f.cancelled, f.followers > 0
	f.cancelled, f.left = true, true
	if !followed {
		f.unlist()
	}
	f.cache.mu.Unlock()
	switch {
	case again:
	case followed:
		go func() { f.land(f.await()) }()
	default:
		f.settle()
		f.call.Cancel()
	}
}

// leave is called once by every follower. The last one out ends the call, if the
// leader has left as well.
func (f *flight) leave() {
	f.cache.mu.Lock()
	defer f.cache.mu.Unlock()
	if f.followers--; f.followers == 0 && f.left {
		f.giveUp(context.Canceled)
	}
}
