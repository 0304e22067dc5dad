package aggregation

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/projection"
)

// mostVariants are kept of an endpoint: clients ask for the same few again and again.
const mostVariants = 64

// Narrow is the plan of what a client has chosen (the value of ?fields=), made once
// for each choice. The error is a [problem.Problem] with a pointer to the field that
// the endpoint does not offer.
func (p *Plan) Narrow(fields string) (*Plan, error) {
	chosen, err := projection.ParseSelection(fields)
	if err != nil {
		return nil, unknownField("", err.Error())
	}
	return p.variant("fields "+chosen.String(), func(parts []part) ([]part, error) { return p.chosen(parts, chosen) })
}

// Only is the plan of one member of the response and what it depends on, as a repair
// link asks for it. It is nil where the endpoint has no such member.
func (p *Plan) Only(name string) *Plan {
	v, err := p.variant("only "+name, func(parts []part) ([]part, error) {
		parts = slices.DeleteFunc(parts, func(one part) bool { return one.name != name })
		if len(parts) == 0 || !p.repairable() {
			return nil, errNoMember
		}
		return parts, nil
	})
	if err != nil {
		return nil
	}
	return v
}

var errNoMember = errors.New("aggregation: no such member")

// repairable is whether a member can be fetched alone.
func (p *Plan) repairable() bool { return p.Method == http.MethodGet && p.compose == nil }

// variant is the plan of some parts, out of the memory or made by pick.
func (p *Plan) variant(scope string, pick func([]part) ([]part, error)) (*Plan, error) {
	scope = p.scope + "\x00" + scope
	p.variants.mu.Lock()
	have := p.variants.made[scope]
	p.variants.mu.Unlock()
	if have != nil {
		return have, nil
	}
	parts, err := pick(slices.Clone(p.parts))
	if err != nil {
		return nil, err
	}
	v := p.of(parts)
	v.scope = scope
	p.variants.mu.Lock()
	defer p.variants.mu.Unlock()
	if len(p.variants.made) >= mostVariants {
		clear(p.variants.made) // what is still asked for comes back
	}
	p.variants.made[scope] = v
	return v, nil
}

// of is the plan of these parts: calls that they do not need are not made.
func (p *Plan) of(parts []part) *Plan {
	v := *p
	v.parts, v.calls = parts, slices.Clone(p.calls)
	needed := make([]bool, len(v.calls))
	for i := range parts {
		v.need(needed, parts[i].call)
		if parts[i].join != nil {
			v.need(needed, parts[i].join.from)
		}
	}
	for i := range v.calls {
		c := &v.calls[i]
		if !needed[i] {
			c.needs = -1
		}
		c.dependents = slices.DeleteFunc(slices.Clone(c.dependents), func(e edge) bool { return !needed[e.to] })
	}
	v.wire()
	return &v
}

// need marks a call and all that it waits for.
func (p *Plan) need(needed []bool, i int) {
	if needed[i] {
		return
	}
	needed[i] = true
	for k := range p.calls {
		if slices.ContainsFunc(p.calls[k].dependents, func(e edge) bool { return e.to == i }) {
			p.need(needed, k)
		}
	}
}

// chosen are the parts that the client wants, with masks that show what it wants of
// them. A part in whose elements nothing is wanted of another answer does without it.
func (p *Plan) chosen(parts []part, s *projection.Selection) ([]part, error) {
	for _, name := range s.Names() {
		if !slices.ContainsFunc(parts, func(one part) bool { return one.name == name }) {
			return nil, unknownField(name, "is not offered")
		}
	}
	parts = slices.DeleteFunc(parts, func(one part) bool { return !slices.Contains(s.Names(), one.name) })
	for _, m := range p.members {
		if len(m.parts) > 1 && s.Sub(m.name) != nil {
			return nil, unknownField(m.name, "is offered only whole")
		}
	}
	for i := range parts {
		if err := parts[i].choose(s.Sub(parts[i].name)); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// choose narrows a part; nil wants all of it.
func (one *part) choose(s *projection.Selection) error {
	if s == nil {
		return nil
	}
	mask := one.mask
	if mask == nil {
		mask = projection.Whole()
	}
	mask, err := mask.Narrow(s)
	var unknown *projection.UnknownFieldError
	switch {
	case errors.As(err, &unknown):
		return unknownField(strings.Join(append([]string{one.name}, unknown.Path...), "/"), "is not offered")
	case err != nil:
		return unknownField(one.name, err.Error())
	}
	one.mask, one.join = mask, one.join.wanted(mask)
	return nil
}

// wanted is the join, or nil where the mask shows nothing of what it puts in.
func (j *join) wanted(mask *projection.Mask) *join {
	if j == nil || !shows(mask, j.at, j.as) {
		return nil
	}
	return j
}

// unknownField is the problem of a choice that cannot be met.
func unknownField(field, detail string) *problem.Problem {
	p := problem.BadRequest.New("The fields that are asked for are not those of this answer.")
	pointer := "?fields"
	if field != "" {
		pointer = "?fields=" + field
	}
	p.Fields = []problem.Field{{Pointer: pointer, Detail: detail}}
	return p
}
