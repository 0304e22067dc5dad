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
		case !call.changes:
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
		if p := &c.plan.parts[i]; !p.otherwise.optional {
			if p.merge.canFail() {
				c.fault("part \""+p.name+"\"", "its merge could still fail when the change is made; make it aggregation.Omit")
			}
			shown = c.before(unsafe, p) || shown
		}
	}
	if !shown {
		c.fault(call.place(), "what a request changes is a part that is required")
	}
}

// before puts the calls of a required part before the unsafe one, unless they
// are it: then the part is its own. What needs its answer cannot come before it, and
// is only allowed where it may be lacking in the change's own part.
func (c *compiler) before(unsafe int, p *part) (own bool) {
	c.precedes(unsafe, p, p.call, true)
	j := p.join
	if j == nil {
		return p.call == unsafe
	}
	if !j.optional || p.call != unsafe {
		c.precedes(unsafe, p, j.from, !j.optional)
	}
	return p.call == unsafe || j.from == unsafe && !j.optional
}

// precedes has the unsafe call wait for another one of a part.
func (c *compiler) precedes(unsafe int, p *part, i int, fails bool) {
	dependents := &c.plan.calls[i].dependents
	switch {
	case i == unsafe:
	case c.follows(i, unsafe):
		c.fault("part \""+p.name+"\"", "comes after the change and could still fail; make it aggregation.Omit")
	case !slices.ContainsFunc(*dependents, func(e edge) bool { return e.to == unsafe }):
		*dependents = append(*dependents, edge{to: unsafe, fails: fails})
		c.plan.calls[unsafe].needs++
	}
}

// follows says whether call i waits, directly or not, for another one.
func (c *compiler) follows(i, other int) bool {
	return slices.ContainsFunc(c.plan.calls[other].dependents, func(next edge) bool {
		return next.to == i || c.follows(i, next.to)
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
	p := upstream.Problem(err)
	if p.Kind == problem.BadRequest && refused(err) && !c.given {
		return problem.BadUpstream.Wrap(err, "") // a service gave the value that makes no request
	}
	return p
}

// refused says whether the request was none, and so was not sent.
func refused(err error) bool {
	var failed *upstream.Error
	return errors.As(err, &failed) && failed.Code == upstream.BadRequest
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
	return !errors.As(err, &failed) || !failed.Unsent && !refused(err)
}

// unknown is the problem of a change that was begun and whose end nobody knows.
func unknown(err error) *problem.Problem {
	return problem.OutcomeUnknown.Wrap(err, "It is not known whether this was carried out: look before you repeat it.")
}
