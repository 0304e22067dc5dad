package aggregation

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/projection"
)

// piece is how far a part is.
type piece struct {
	lacking  int // how many of its calls are not in
	done     bool
	there    bool     // shown[from:to] is its JSON
	missing  *failure // why it cannot be had, or not in full
	items    []int    // the elements of it that failed alone
	from, to int      // where in run.shown
	instead  instead  // what is shown in its place
	kept     time.Time
	took     time.Duration
}

type instead uint8

const (
	itself    instead = iota
	nothing           // it is missing
	fallback          // a default
	lastGood          // what was good last, at the time kept
	itselfNot         // it lacks something within
)

// errTooLong is a breach of a part's own limit.
var errTooLong = errors.New("the answer is longer than the part allows")

// errOwnMember is an answer whose elements have what was to be put into them.
var errOwnMember = errors.New("the elements have a member of their own")

// display writes a part's JSON behind those that are there. A panic is the part's.
func (r *run) display(k int, pass *projection.Pass, src []byte) (err error) {
	from := len(r.shown)
	defer func() {
		if fault := recover(); fault != nil {
			r.shown, err = r.shown[:from], fmt.Errorf("panic: %v\n%s", fault, debug.Stack())
		}
	}()
	if most := r.plan.parts[k].limit.Bytes; most > 0 && len(src) > most {
		return errTooLong
	}
	r.shown, r.found, err = pass.Run(r.shown, src, r.found[:0])
	if err == nil {
		p := &r.parts[k]
		p.there, p.from, p.to = true, from, len(r.shown)
	}
	return err
}

// feed tells a part that one of its calls is in. The first required part that is
// missing decides what the client is told.
func (r *run) feed(k, call int) {
	p, part := &r.parts[k], &r.plan.parts[k]
	if p.done {
		return
	}
	p.lacking--
	state := &r.calls[call]
	switch join := part.join; {
	case state.failure == nil:
	case join != nil && call != part.call && join.optional:
		p.missing, p.instead = state.failure, itselfNot
	default:
		p.missing, p.instead = state.failure, itself
		r.finish(k)
		return
	}
	if p.lacking > 0 {
		return
	}
	if r.calls[part.call].skipped {
		p.missing, p.instead = nil, itself // of what is not there nothing is missing
		r.finish(k)
		return
	}
	if part.join != nil {
		r.displayJoined(k)
	}
	r.finish(k)
}

// displayJoined shows a part that is made from two answers.
func (r *run) displayJoined(k int) {
	part, p := &r.plan.parts[k], &r.parts[k]
	scratch := room()
	defer giveBack(scratch)
	src, f := r.joined(part, p, *scratch)
	if f == nil {
		if err := r.display(k, part.show, src); err != nil {
			f = r.unusable(r.blamed(part), err)
		}
	}
	if f != nil {
		p.missing, p.instead = f, itself
	}
}

// joined is the answer with the other's in its elements, made in dst.
func (r *run) joined(part *part, p *piece, dst []byte) ([]byte, *failure) {
	j := part.join
	into, other := r.answered(part.call), r.answered(j.from)
	switch {
	case len(into.at(j.list)) == 0:
		return into.body, nil
	case j.own >= 0 && len(into.at(j.own)) > 0:
		return nil, r.unusable(r.blamed(part), fmt.Errorf("join at %s: %w %q", j.at, errOwnMember, j.as))
	case j.perItem:
		return r.perItem(j, p, dst, into), nil
	case other.body == nil:
		return into.body, nil
	}
	found, err := newElements(other.body, other.at(j.fromList), other.at(j.fromKey))
	if err != nil {
		f := r.unusable(j.from, fmt.Errorf("join at %s: %w", j.at, err))
		if !j.optional {
			return nil, f
		}
		p.missing, p.instead = f, itselfNot
		return into.body, nil
	}
	out, err := j.put(dst, into, &found)
	if err != nil {
		return nil, r.unusable(r.blamed(part), fmt.Errorf("join at %s: %w", j.at, err))
	}
	return out, nil
}

// blamed is the call that answers for what two answers do not make: a change, of which
// nobody knows then what it did, or the one with the elements.
func (r *run) blamed(part *part) int {
	if from := part.join.from; r.plan.calls[from].unsafe {
		return from
	}
	return part.call
}

// unusable is the failure of a call whose answer is of no use.
func (r *run) unusable(call int, err error) *failure {
	c := &r.plan.calls[call]
	return &failure{c.service, c.nonsense(err)}
}

// answered is a call's answer, empty where it failed or was skipped.
func (r *run) answered(i int) answered {
	state := &r.calls[i]
	if state.response == nil {
		return answered{}
	}
	return answered{state.response.Body, state.spans}
}

// perItem puts the answer for each element into it, and notes which failed.
func (r *run) perItem(j *join, p *piece, dst []byte, into answered) []byte {
	it, element := r.calls[j.from].items, 0
	out, _ := j.insert(dst, into, func(projection.Span) ([]byte, error) {
		a := it.of(element)
		if a.failure != nil {
			p.items = append(p.items, element)
			if p.missing == nil {
				p.missing, p.instead = a.failure, itselfNot
			}
		}
		element++
		if a.response == nil {
			return nil, nil
		}
		return a.response.Body, nil // never an error
	})
	return out
}

// finish is the end of a part, once.
func (r *run) finish(k int) {
	p, part := &r.parts[k], &r.plan.parts[k]
	p.done = true
	r.open--
	if r.in.Timing {
		p.took = r.plan.env.Now().Sub(r.begun)
	}
	if p.missing != nil && p.instead != itselfNot {
		r.replace(k)
	}
	if p.instead == nothing && !part.otherwise.optional && r.fatal == nil {
		r.fatal = p.missing.fatal(part.name)
	}
	r.sendMember(part.name)
}

// replace shows what the part's contract says instead of it.
func (r *run) replace(k int) {
	p, part := &r.parts[k], &r.plan.parts[k]
	p.instead, p.there, p.items = nothing, false, nil
	var text []byte
	if good, ok := r.lastGood(part); ok && !p.missing.refused() {
		p.instead, p.kept, text = lastGood, good.At, good.Body
	} else if part.otherwise.defaults {
		p.instead, text = fallback, []byte(part.otherwise.fallback)
	}
	if p.instead != nothing {
		p.there, p.from = true, len(r.shown)
		r.shown = append(r.shown, text...)
		p.to = len(r.shown)
	}
}

// refused is whether a service has answered that the caller may not have the thing, or
// that there is none: what was good before is not shown again then (RFC 5861 §4 speaks
// only of errors).
func (f *failure) refused() bool {
	switch f.problem.Kind {
	case problem.NotFound, problem.Forbidden, problem.Unauthenticated:
		return true
	}
	return false
}

// json is what is shown of a part, or nil.
func (r *run) json(k int) []byte {
	if p := &r.parts[k]; p.done && p.there {
		return r.shown[p.from:p.to:p.to]
	}
	return nil
}

// fatal is the failure as the answer to the client.
func (f *failure) fatal(part string) *problem.Problem {
	p := *f.problem
	p.Cause = f.cause(part)
	if p.Detail == "" {
		p.Detail = fmt.Sprintf("%s could not be had from %s", part, f.source)
	}
	return &p
}

// cause is why the part is missing, for the operator.
func (f *failure) cause(part string) error {
	why := f.problem.Cause
	if why == nil {
		why = f.problem
	}
	return fmt.Errorf("part %s from %s: %w", part, f.source, why)
}
