package aggregation

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// change finds the one call that changes something, and puts it behind
// everything that can still refuse the request: it waits for the calls of all
// required parts but its own. What comes after it can only be left out. So a
// problem means that nothing was changed; where that is not known, it says so.
func (c *compiler) change() {
	unsafe := -1
	for i, call := range c.order {
		switch {
		case !call.unsafe():
		case unsafe >= 0:
			c.fault(call.place(), "an endpoint has one call that changes something, and there is %s", c.order[unsafe].place())
		default:
			unsafe = i
		}
	}
	if unsafe < 0 {
		return
	}
	call := c.order[unsafe]
	if c.plan.Method == http.MethodGet {
		c.fault(call.place(), "a GET changes nothing; expected a route with another method")
	}
	if c.plan.compose != nil {
		c.fault(call.place(), "compose could still fail when the change is made; show the parts as they are")
	}
	if call.public {
		c.fault(call.place(), "a call that changes something is nobody else's; take Public away")
	}
	shown := false
	for i := range c.plan.parts {
		if p := &c.plan.parts[i]; !p.omit {
			shown = c.before(unsafe, p) || shown
		}
	}
	if !shown {
		c.fault(call.place(), "what a request changes is a part that is required")
	}
}

// before puts the calls of a required part before the unsafe one, unless they
// are it: then the part is its own. What needs its answer cannot come before it.
func (c *compiler) before(unsafe int, p *part) (own bool) {
	calls := []int{p.call}
	if p.join != nil {
		calls = append(calls, p.join.from)
	}
	for _, i := range calls {
		dependents := &c.plan.calls[i].dependents
		switch {
		case i == unsafe:
			own = true
		case c.follows(i, unsafe):
			c.fault("part \""+p.name+"\"", "comes after the change and could still fail; make it aggregation.Omit")
		case !slices.Contains(*dependents, unsafe):
			*dependents = append(*dependents, unsafe)
			c.plan.calls[unsafe].needs++
		}
	}
	return own
}

// follows says whether call i waits, directly or not, for another one.
func (c *compiler) follows(i, other int) bool {
	return slices.ContainsFunc(c.plan.calls[other].dependents, func(next int) bool {
		return next == i || c.follows(i, next)
	})
}

// lifetime is the context of a call. A call that changes something is not given
// up when the client leaves: it would be half done.
func (r *run) lifetime(c *call) (context.Context, context.CancelFunc) {
	if !c.unsafe {
		return r.ctx, func() {}
	}
	deadline, _ := r.ctx.Deadline()
	return context.WithDeadline(context.WithoutCancel(r.ctx), deadline)
}

// outcome is what the client is told of a call that had no answer.
func (c *call) outcome(err error) *problem.Problem {
	if c.unsafe && sent(err) {
		return unknown(err)
	}
	return upstream.Problem(err)
}

// nonsense is what the client is told of an answer that cannot be used.
func (c *call) nonsense(err error) *problem.Problem {
	if c.unsafe {
		return unknown(err)
	}
	return problem.BadUpstream.Wrap(err, "")
}

// sent says whether the service may have received the request.
func sent(err error) bool {
	var failed *upstream.Error
	return !errors.As(err, &failed) || !failed.Unsent
}

// unknown is the problem of a change that was begun and whose end nobody knows.
func unknown(err error) *problem.Problem {
	return problem.OutcomeUnknown.Wrap(err, "It is not known whether this was carried out: look before you repeat it.")
}
