package aggregation

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/triptych-bff/triptych/shared/projection"
)

// part binds one part to the calls that it is made from.
func (c *compiler) part(from *Part) {
	c.partName(from)
	to := part{name: from.Name, limit: from.Limit, otherwise: c.contract(from), cookies: from.Cookies}
	var err error
	if to.merge, err = from.Merge.compile(); err != nil {
		c.fault(from.place(), "merge: %v", err)
	}
	if from.Mask != "" {
		if to.mask, err = projection.Compile(from.Mask); err != nil {
			c.fault(from.place(), "mask: %v", err)
		}
	}
	switch source := from.From.(type) {
	case *Call:
		to.call = c.index[source]
		c.checkMask(from, to.mask, source, nil)
	case Joined:
		to.call, to.join = c.index[source.into], c.join(from, source)
		c.checkMask(from, to.mask, source.into, &joined{listOf(source.at), source.as, source.from, listOf(source.key)})
	case *Each:
		to.call, to.join = c.index[source.of], c.perItem(from, source)
		c.checkMask(from, to.mask, source.of, &joined{source.list, source.as, source.call, ""})
	}
	if c.plan.calls[to.call].perItem != nil {
		c.fault(from.place(), "%s is made for each element, and has no one answer", c.order[to.call].place())
	}
	to.good = c.good(from, &to)
	c.plan.parts = append(c.plan.parts, to)
}

func (c *compiler) partName(from *Part) {
	if !isName(from.Name) || from.Name[0] == '_' {
		c.fault(from.place(), "a part has a name of letters, digits, '_' and '-', and none that begins with an underscore")
	}
	first := !slices.ContainsFunc(c.plan.parts, func(p part) bool { return p.name == from.Name })
	switch {
	case first && !from.Merge.isZero():
		c.fault(from.place(), "merge: there is no earlier part of this name")
	case !first && from.Merge.isZero():
		c.fault(from.place(), "the name stands twice; say with Merge what becomes of the two")
	}
}

// contract checks what is shown where the part cannot be had. A default is written
// as a part is, so that it can be merged with others.
func (c *compiler) contract(from *Part) Else {
	e := from.Else
	if e.defaults {
		text, _, err := projection.NewPass(projection.Whole(), nil, projection.Limits{}).Run(nil, []byte(e.fallback), nil)
		if err != nil {
			c.fault(from.place(), "else: expected JSON, not %q", e.fallback)
		}
		e.fallback = string(text)
	}
	if e.keeps && e.lastGood <= 0 {
		c.fault(from.place(), "else: expected a time, not %v", e.lastGood)
	}
	if e.keeps && c.plan.Method != http.MethodGet {
		c.fault(from.place(), "else: what was good last is for a GET")
	}
	for _, name := range from.Cookies {
		if !httpguts.ValidHeaderFieldName(name) { // what a cookie's name can be, too (RFC 6265 §4.1.1)
			c.fault(from.place(), "cookies: %q is no cookie's name", name)
		}
	}
	if l := from.Limit; l.Bytes < 0 || l.Items < 0 || l.Depth < 0 || l.Depth > projection.MaxDepth {
		c.fault(from.place(), "limit: expected numbers, and a depth of at most %d", projection.MaxDepth)
	}
	return e
}

// joined is what stands in the elements of a list.
type joined struct {
	list, as string
	of       *Call
	at       string // in its answer; empty for all of it
}

// checkMask reports fields that a gRPC answer cannot have. What lies within an
// element that was put in belongs to the other answer. It also reports a call that
// is joined for nothing.
func (c *compiler) checkMask(p *Part, mask *projection.Mask, of *Call, j *joined) {
	if mask == nil {
		return
	}
	if j != nil && !shows(mask, j.list, j.as) {
		c.fault(p.place(), "mask: shows nothing of %q, so that %s is made for nothing", j.as, j.of.place())
	}
	for _, path := range mask.Paths() {
		call := of
		if j != nil {
			if rest, ok := inside(j.list, j.as, path); ok {
				call, path = j.of, strings.Trim(j.at+"."+rest, ".")
			}
		}
		if path != "" {
			c.checkOutput(call, p.place()+": mask", path)
		}
	}
}

// shows is whether a mask shows something of the member that is put into the elements
// of a list.
func shows(mask *projection.Mask, list, as string) bool {
	names := strings.Split(list+"."+as, ".")
	for i := range names {
		names[i] = bare(names[i])
	}
	return mask.Shows(strings.TrimPrefix(strings.Join(names, "."), "."))
}

func (c *compiler) join(p *Part, j Joined) *join {
	to := &join{from: c.index[j.from], optional: j.optional, member: memberKey(j.as), at: listOf(j.at), as: j.as}
	to.list, to.key = c.listAndKey(p, "join at", j.into, j.at)
	to.fromList, to.fromKey = c.listAndKey(p, "join key", j.from, j.key)
	to.own = c.ownMember(p, j.into, listOf(j.at), j.as)
	if c.each[j.from] != nil || c.each[j.into] != nil {
		c.fault(p.place(), "join: a call that is made for each element has no one answer")
	}
	return to
}

func (c *compiler) perItem(p *Part, e *Each) *join {
	to := &join{from: c.index[e.of], perItem: true, member: memberKey(e.as), at: e.list, as: e.as}
	if e.call != nil {
		to.from = c.index[e.call]
		if each := c.plan.calls[to.from].perItem; each != nil {
			to.list = each.list
		}
	}
	to.own = c.ownMember(p, e.of, e.list, e.as)
	return to
}

// ownMember reports a name for the joined member that is none, or that the elements
// have already: an object cannot have two of one name. Where no schema says whether they
// do, it is which capture of the answer finds it; otherwise -1.
func (c *compiler) ownMember(p *Part, into *Call, list, as string) int {
	if !isName(as) {
		c.fault(p.place(), "join: the member that is joined needs a name of letters, digits, '_' and '-', not %q", as)
		return -1
	}
	if into.grpc == "" {
		return c.note(p.place(), into, list+"[]."+as)
	}
	if c.output(into, list) == nil && c.output(into, list+"."+as) == nil {
		if binding, _ := c.services(into.service); binding.Files != nil {
			c.fault(p.place(), "join: the elements have a member %q of their own", as)
		}
	}
	return -1
}

// listAndKey splits "items.book_id" into the list and the key in its elements.
func (c *compiler) listAndKey(p *Part, what string, call *Call, path string) (list, key int) {
	of := listOf(path)
	if of == "" && !strings.HasPrefix(path, "[].") {
		c.fault(p.place(), "%s %q: expected a list and a key in its elements, such as items.id", what, path)
		return 0, 0
	}
	c.checkOutput(call, p.place()+": "+what, of+"[]."+path[strings.LastIndexByte(path, '.')+1:])
	return c.note(p.place(), call, of+"[]"), c.note(p.place(), call, path)
}

// place names a part in a fault.
func (p *Part) place() string { return fmt.Sprintf("part %q", cmp.Or(p.Name, "?")) }
