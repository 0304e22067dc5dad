package aggregation

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/triptych-bff/triptych/shared/problem"
)

// A Section is a member of a response that is sent as soon as it is there.
type Section struct {
	Name  string
	Body  []byte // its JSON, valid until send returns; nil where there is none
	Flaws []Flaw // of its parts
}

// Streams is whether the endpoint has a streamed form: its parts are shown as they
// are, nothing is changed, and no part sets a cookie, for which it would be too late.
func (p *Plan) Streams() bool {
	sets := func(one part) bool { return len(one.cookies) > 0 }
	return p.compose == nil && p.Method == http.MethodGet && !slices.ContainsFunc(p.parts, sets)
}

// Stream is [Plan.Run] in another form: each member of the response is given to send
// as soon as all its parts are in, on the goroutine that has called Stream. The answer
// has no Body. An error of send ends the request; it is returned as it is.
//
// A required part that fails ends it as well: what was sent until then is no answer.
func (p *Plan) Stream(ctx context.Context, in Input, send func(Section) error) (*Answer, error) {
	var failed error
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	answer, err := p.run(ctx, in, func(s Section) error {
		if failed == nil {
			if failed = send(s); failed != nil {
				stop()
			}
		}
		return failed
	})
	if failed != nil {
		return nil, failed
	}
	return answer, err
}

// sendMember sends a member whose parts are all done.
func (r *run) sendMember(name string) {
	if r.send == nil || r.fatal != nil || errors.Is(r.ctx.Err(), context.Canceled) {
		return
	}
	for i := range r.plan.members {
		if m := &r.plan.members[i]; m.name == name && r.complete(m) {
			if err := r.merge(i); err != nil {
				r.fatal = problem.From(err)
				return
			}
			s := Section{Name: name, Body: r.member(i)}
			for _, k := range m.parts {
				if r.parts[k].missing != nil {
					s.Flaws = append(s.Flaws, r.flaw(k))
				}
			}
			r.readApart() // a client that is slow to take it keeps nobody from reading what others may wait for
			_ = r.send(s) // which ends the request, if it fails
		}
	}
}

func (r *run) complete(m *member) bool {
	for _, k := range m.parts {
		if !r.parts[k].done {
			return false
		}
	}
	return true
}

// Meta is what a streamed answer says of itself at its end, as the member _meta of
// one that is sent whole.
func (a *Answer) Meta() []byte { return a.meta(nil) }
