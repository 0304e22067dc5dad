package routing

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// A Table holds compiled routes. It is immutable; its methods may be called
// side by side.
type Table struct {
	patterns []*Pattern              // by route; nil for a faulty one
	methods  map[string][]*candidate // in order of precedence
	groups   []*Group
}

// A candidate is one route as one method sees it.
type candidate struct {
	route   int
	pattern *Pattern
	host    host
	headers []header
	implied bool // serves HEAD because it serves GET
}

type header struct{ name, value string }

// A Group is everything that one entry of a router by method and path has to
// choose from: the routes of that very pattern, and then those of wider patterns
// that take what the first ones leave.
type Group struct {
	Method  string
	Pattern string // as one of its routes writes it; the others' parameters may have other names

	candidates []*candidate
}

// Compile makes a table of the routes. Routes at fault are left out of it, and
// each is told in a Conflict; a table with conflicts is for diagnosis only.
func Compile(routes []Route) (*Table, []Conflict) {
	t := &Table{patterns: make([]*Pattern, len(routes)), methods: map[string][]*candidate{}}
	var faults []Conflict
	for i, route := range routes {
		if err := t.add(i, route); err != nil {
			faults = append(faults, Conflict{A: i, B: -1, Reason: err.Error()})
		}
	}
	for _, candidates := range t.methods {
		slices.SortStableFunc(candidates, (*candidate).compare)
	}
	faults = append(faults, t.conflicts()...)
	t.group()
	return t, faults
}

func (t *Table) add(index int, route Route) error {
	pattern, err := ParsePattern(route.Path)
	if err != nil {
		return err
	}
	host, err := parseHost(route.Host)
	if err != nil {
		return err
	}
	headers, err := parseHeaders(route.Headers)
	if err != nil {
		return err
	}
	methods, err := parseMethods(route.Methods)
	if err != nil {
		return err
	}
	t.patterns[index] = pattern
	for _, method := range methods {
		t.put(method, candidate{route: index, pattern: pattern, host: host, headers: headers})
	}
	if slices.Contains(methods, http.MethodGet) && !slices.Contains(methods, http.MethodHead) {
		t.put(http.MethodHead, candidate{route: index, pattern: pattern, host: host, headers: headers, implied: true})
	}
	return nil
}

func (t *Table) put(method string, c candidate) { t.methods[method] = append(t.methods[method], &c) }

func parseMethods(methods []string) ([]string, error) {
	if len(methods) == 0 {
		return []string{
			http.MethodGet, http.MethodHead, http.MethodPost,
			http.MethodPut, http.MethodPatch, http.MethodDelete,
		}, nil
	}
	for i, m := range methods {
		switch {
		case m == http.MethodConnect || m == http.MethodTrace:
			return nil, fmt.Errorf("method %s is never routed", m)
		case m == "" || strings.Trim(m, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "":
			return nil, fmt.Errorf("method %q is not an upper-case name such as GET", m)
		case slices.Contains(methods[:i], m):
			return nil, fmt.Errorf("method %s is listed twice", m)
		}
	}
	return methods, nil
}

func parseHeaders(predicates map[string]string) ([]header, error) {
	var headers []header
	for _, name := range slices.Sorted(maps.Keys(predicates)) {
		value, canonical := predicates[name], http.CanonicalHeaderKey(name)
		twice := slices.ContainsFunc(headers, func(h header) bool { return h.name == canonical })
		switch {
		case canonical == "Host":
			return nil, fmt.Errorf("a host is asked for by the route's host, not by a header")
		case name == "" || strings.ContainsAny(name, " \t:"):
			return nil, fmt.Errorf("%q is not the name of a header", name)
		case value == "":
			return nil, fmt.Errorf("header %s: the value to ask for is empty", name)
		case twice:
			return nil, fmt.Errorf("header %s is listed twice", canonical)
		}
		headers = append(headers, header{canonical, value})
	}
	slices.SortFunc(headers, func(a, b header) int { return strings.Compare(a.name, b.name) })
	return headers, nil
}

// compare is the precedence that the package comment states.
func (c *candidate) compare(d *candidate) int {
	return cmp.Or(
		c.pattern.compare(d.pattern),
		c.host.compare(d.host),
		len(d.headers)-len(c.headers),
		boolOrder(c.implied, d.implied),
	)
}

func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func (c *candidate) matches(host, path string, h http.Header) bool {
	if !c.pattern.matches(path) {
		return false
	}
	if c.host.name != "" && !c.host.matches(CanonicalHost(host)) {
		return false
	}
	for _, want := range c.headers {
		if !slices.Contains(h[want.name], want.value) {
			return false
		}
	}
	return true
}

func first(candidates []*candidate, host, path string, h http.Header) (int, bool) {
	for _, c := range candidates {
		if c.matches(host, path, h) {
			return c.route, true
		}
	}
	return -1, false
}

// Match is the index of the route that serves the request, by looking at all
// routes of the method one after the other: for explanations, and to check a
// router against. host may carry a port; path is canonical.
func (t *Table) Match(method, host, path string, h http.Header) (route int, ok bool) {
	return first(t.methods[method], host, path, h)
}

// Allowed are the methods for which the request would be served, sorted: the
// Allow header of a 405 (RFC 9110 §15.5.6). Empty means 404.
func (t *Table) Allowed(host, path string, h http.Header) []string {
	var allowed []string
	for method, candidates := range t.methods {
		if _, ok := first(candidates, host, path, h); ok {
			allowed = append(allowed, method)
		}
	}
	slices.Sort(allowed)
	return allowed
}

// Pattern is the compiled path of a route, or nil for one at fault.
func (t *Table) Pattern(route int) *Pattern { return t.patterns[route] }

// Groups are what a router by method and path needs to know, one entry for each
// method and each set of paths, sorted by method and precedence.
func (t *Table) Groups() []*Group { return t.groups }

// Match is the index of the route that serves the request which a router has
// brought to this group. The path is matched again, because routers are lenient
// about empty segments at the end.
func (g *Group) Match(host, path string, h http.Header) (route int, ok bool) {
	return first(g.candidates, host, path, h)
}

// group makes the groups. A router that has found a path does not look for a wider
// one when the method is not there, so a method has a group for every set of paths
// that is known for any method, where it has something to choose from.
func (t *Table) group() {
	var all []*Pattern
	for _, p := range t.patterns {
		if p != nil {
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, (*Pattern).compare)
	all = slices.CompactFunc(all, func(p, q *Pattern) bool { return p.shape() == q.shape() })
	for _, method := range slices.Sorted(maps.Keys(t.methods)) {
		for _, p := range all {
			if g := t.newGroup(method, p); len(g.candidates) > 0 {
				t.groups = append(t.groups, g)
			}
		}
	}
}

// newGroup keeps the order of precedence, so the routes of the pattern itself
// need not come first: a narrower one that shares paths with it precedes them,
// as it does in a router.
func (t *Table) newGroup(method string, p *Pattern) *Group {
	g := &Group{Method: method, Pattern: p.text}
	named := false
	for _, c := range t.methods[method] {
		if !c.pattern.mayShare(p) {
			continue
		}
		g.candidates = append(g.candidates, c)
		if !named && c.pattern.shape() == p.shape() {
			g.Pattern, named = c.pattern.text, true
		}
	}
	return g
}
