package routing

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// conflicts are the pairs of routes that tie: of one shape, one host and as many
// headers, so that some request would match both. That is also the only way to be
// shadowed by one route, because everything else that comes first asks for more.
func (t *Table) conflicts() []Conflict {
	type pair struct{ a, b int }
	shared := map[pair][]string{} // methods
	for _, method := range slices.Sorted(maps.Keys(t.methods)) {
		for i, c := range t.methods[method] {
			for _, d := range t.methods[method][i+1:] {
				if c.compare(d) != 0 {
					break // sorted: no later one ties either
				}
				if !c.implied && c.compatible(d) {
					key := pair{min(c.route, d.route), max(c.route, d.route)}
					shared[key] = append(shared[key], method)
				}
			}
		}
	}
	var found []Conflict
	for p, methods := range shared {
		found = append(found, Conflict{A: p.a, B: p.b, Reason: t.reason(p.a, p.b, methods)})
	}
	slices.SortFunc(found, func(x, y Conflict) int { return cmp.Or(x.A-y.A, x.B-y.B) })
	return found
}

// compatible reports whether one request can have the headers of both.
func (c *candidate) compatible(d *candidate) bool {
	for _, a := range c.headers {
		for _, b := range d.headers {
			if a.name == b.name && a.value != b.value {
				return false
			}
		}
	}
	return true
}

func (t *Table) reason(a, b int, methods []string) string {
	first, second := t.find(methods[0], a), t.find(methods[0], b)
	what := strings.Join(methods, ", ") + " " + first.pattern.text
	if first.pattern.text != second.pattern.text {
		what += " and " + second.pattern.text + ", which match the same paths,"
	}
	switch {
	case !slices.Equal(first.headers, second.headers):
		return fmt.Sprintf("%s: a request with the headers of both routes would match both; let one ask for more", what)
	case len(methods) < t.explicit(b):
		return fmt.Sprintf("%s: both routes match; the second is reached by its other methods only", what)
	}
	return fmt.Sprintf("%s: both routes match; the second is never reached", what)
}

func (t *Table) find(method string, route int) *candidate {
	i := slices.IndexFunc(t.methods[method], func(c *candidate) bool { return c.route == route })
	return t.methods[method][i]
}

// explicit is how many methods the route asks for.
func (t *Table) explicit(route int) int {
	n := 0
	for _, candidates := range t.methods {
		for _, c := range candidates {
			if c.route == route && !c.implied {
				n++
			}
		}
	}
	return n
}
