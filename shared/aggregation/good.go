package aggregation

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/triptych-bff/triptych/shared/http1"
	"github.com/triptych-bff/triptych/shared/httpcache"
)

// good is how a part is kept for [LastGood].
type good struct {
	name    string // what no other part of any endpoint has
	private bool   // for one caller only
	slots   []int  // of the request's values that its calls use
}

// again is how old what is kept may be before it is kept anew: a part that is good
// with every request need not be copied with every request.
const again = time.Second

// good finds out what a part depends on.
func (c *compiler) good(from *Part, p *part) *good {
	if !from.Else.keeps {
		return nil
	}
	g := &good{name: c.endpoint.Route + "\x00" + from.Name + "\x00" + from.Mask}
	seen := make([]bool, len(c.plan.calls))
	c.depends(g, seen, p.call)
	if p.join != nil {
		c.depends(g, seen, p.join.from)
	}
	return g
}

func (c *compiler) depends(g *good, seen []bool, i int) {
	if seen[i] {
		return
	}
	seen[i] = true
	call := &c.plan.calls[i]
	g.private = g.private || !call.public // a function may have looked who is calling
	for _, v := range c.order[i].values() {
		if v.ofRequest() {
			if slot := c.slot(c.order[i], v); !slices.Contains(g.slots, slot) {
				g.slots = append(g.slots, slot)
			}
		}
		if v.call != nil {
			c.depends(g, seen, c.index[v.call])
		}
	}
	if call.perItem != nil {
		c.depends(g, seen, call.perItem.of)
	}
}

// key is what the part is kept by in this request: everything that it depends on.
func (r *run) key(g *good) string {
	b := make([]byte, 0, 256)
	b = append(append(b, g.name...), r.plan.scope...)
	if id := r.in.Identity; g.private && id != nil {
		b = append(append(b, 0, 1), id.Issuer...)
		b = append(append(b, 0), id.Subject...)
		b = append(append(b, 0), id.Client...)
		b = append(append(b, 0), strings.Join(id.Scopes, " ")...)
	}
	for _, slot := range g.slots {
		b = append(b, 0)
		for _, raw := range r.known(slot) {
			b = append(b, raw...)
		}
	}
	return string(b)
}

// lastGood is what was good last of a part, unless that is too long ago.
func (r *run) lastGood(p *part) (httpcache.Good, bool) {
	if p.good == nil {
		return httpcache.Good{}, false
	}
	kept, ok := r.plan.env.Kept.Get(r.key(p.good))
	return kept, ok && r.plan.env.Now().Sub(kept.At) <= p.otherwise.lastGood
}

// keepGood keeps the parts that are good and whole, for those to come.
func (r *run) keepGood() {
	for k := range r.plan.parts {
		part, p := &r.plan.parts[k], &r.parts[k]
		if part.good == nil || !p.there || p.instead != itself || part.good.private && r.in.Identity == nil {
			continue
		}
		key, now := r.key(part.good), r.plan.env.Now()
		if have, ok := r.plan.env.Kept.Get(key); ok && now.Sub(have.At) < again {
			continue
		}
		r.plan.env.Kept.Keep(key, httpcache.Good{
			Body: bytes.Clone(r.json(k)), Header: r.freshness(part), At: now, Within: part.otherwise.lastGood,
		})
	}
}

// freshness is what the answers that a part was made from say together of how long it
// may be used.
func (r *run) freshness(part *part) http1.Fields {
	var mix httpcache.Mix
	r.mix(&mix, part.call)
	if part.join != nil && part.join.from != part.call {
		r.mix(&mix, part.join.from)
	}
	kept := http1.Fields{{Name: "Cache-Control", Value: mix.CacheControl()}}
	if vary := mix.Vary(); len(vary) > 0 {
		kept = append(kept, http1.Field{Name: "Vary", Value: strings.Join(vary, ", ")})
	}
	return kept
}
