package routing

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParsePatternRefuses(t *testing.T) {
	for _, text := range []string{
		"", "users", "/a//b", "/*/b", "/a*", "/{}", "/{1}", "/{a", "/a}", "/x{a}", "/{a}x", "/{a}/{a}",
		"/..", "/a;b", "/a%20b", "/a?b", "/{a b}", "/\xff",
	} {
		if p, err := ParsePattern(text); err == nil {
			t.Errorf("ParsePattern(%q) = %v, want an error", text, p.Names())
		}
	}
}

func TestPatternMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, path string
		want          []string
		no            bool
	}{
		{pattern: "/", path: "/"},
		{pattern: "/", path: "/a", no: true},
		{pattern: "/a b", path: "/a b"},
		{pattern: "/users", path: "/users/", no: true},
		{pattern: "/users/", path: "/users/"},
		{pattern: "/users/*", path: "/users", no: true},
		{pattern: "/users/*", path: "/users/", want: []string{""}},
		{pattern: "/users/*", path: "/users/1/a", want: []string{"1/a"}},
		{pattern: "/users/*", path: "/usersx/1", no: true},
		{pattern: "/*", path: "/", want: []string{""}},
		{pattern: "/books/{id}", path: "/books/42", want: []string{"42"}},
		{pattern: "/books/{id}", path: "/books/", no: true},
		{pattern: "/books/{id}", path: "/books/42/", no: true},
		{pattern: "/books/{id}", path: "/books/42/x", no: true},
		{pattern: "/books/{id}/", path: "/books/42/", want: []string{"42"}},
		{pattern: "/{a}/x/{b}/*", path: "/1/x/2/3/4", want: []string{"1", "2", "3/4"}},
		{pattern: "/{a}/x", path: "/1/y", no: true},
		{pattern: "/books:batchGet", path: "/books:batchGet"},
	} {
		p, err := ParsePattern(tt.pattern)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := p.Match(tt.path, nil)
		if ok == tt.no || !slices.Equal(got, tt.want) {
			t.Errorf("%q matches %q: %v %q, want %v %q", tt.pattern, tt.path, ok, got, !tt.no, tt.want)
		}
		if ok && len(got) != len(p.Names()) {
			t.Errorf("%q: %d values for the names %q", tt.pattern, len(got), p.Names())
		}
	}
}

func compile(t testing.TB, routes ...Route) *Table {
	t.Helper()
	table, conflicts := Compile(routes)
	if len(conflicts) > 0 {
		t.Fatalf("conflicts: %+v", conflicts)
	}
	return table
}

func TestPrecedence(t *testing.T) {
	routes := []Route{
		0:  {Path: "/*"},
		1:  {Path: "/v1/*"},
		2:  {Path: "/v1/books/{id}"},
		3:  {Path: "/v1/books/new", Methods: []string{"GET"}},
		4:  {Path: "/v1/{kind}/{id}"},
		5:  {Path: "/v1/books/{id}", Host: "*.example.com"},
		6:  {Path: "/v1/books/{id}", Host: "*.eu.example.com"},
		7:  {Path: "/v1/books/{id}", Host: "api.example.com"},
		8:  {Path: "/v1/books/{id}", Headers: map[string]string{"x-beta": "1"}},
		9:  {Path: "/v1/books/{id}", Headers: map[string]string{"x-beta": "1", "x-canary": "1"}},
		10: {Path: "/admin", Host: "admin.example.com"},
		11: {Path: "/v1/books/*", Methods: []string{"DELETE"}},
	}
	table := compile(t, routes...)
	for _, tt := range []struct {
		request string // METHOD host path [header=value …]
		want    int
	}{
		{"GET h /", 0},
		{"GET h /v1/", 1},
		{"GET h /v1/a/b/c", 1},
		{"GET h /v1/books/42", 2},
		{"GET h /v1/books/42/", 1},
		{"GET h /v1/books/", 1},
		{"GET h /v1/books/new", 3},
		{"HEAD h /v1/books/new", 3},
		{"POST h /v1/books/new", 2},
		{"GET h /v1/users/42", 4},
		{"GET shop.example.com /v1/books/42", 5},
		{"GET a.eu.example.com /v1/books/42", 6},
		{"GET api.example.com /v1/books/42", 7},
		{"GET API.Example.com.:8443 /v1/books/42", 7},
		{"GET example.com /v1/books/42", 2},
		{"GET evilexample.com /v1/books/42", 2},
		{"GET h /v1/books/42 X-Beta=1", 8},
		{"GET h /v1/books/42 X-Beta=2", 2},
		{"GET h /v1/books/42 X-Beta=1 X-Canary=1", 9},
		{"GET api.example.com /v1/books/42 X-Beta=1", 7},
		{"GET admin.example.com /admin", 10},
		{"GET h /admin", 0},
		{"DELETE h /v1/books/a/b", 11},
		{"DELETE h /v1/books/a", 2},
		{"OPTIONS h /v1/books/a", -1},
	} {
		method, host, path, h := parseRequest(tt.request)
		got, ok := table.Match(method, host, path, h)
		if got != tt.want || ok != (tt.want >= 0) {
			t.Errorf("%s goes to %d, want %d", tt.request, got, tt.want)
		}
		if g := route(table, method, path); g != nil {
			if got, _ := g.Match(host, path, h); got != tt.want {
				t.Errorf("%s: the group %s %s says %d, want %d", tt.request, g.Method, g.Pattern, got, tt.want)
			}
		}
	}
}

func parseRequest(s string) (method, host, path string, h http.Header) {
	f := strings.Fields(s)
	h = http.Header{}
	for _, pair := range f[3:] {
		name, value, _ := strings.Cut(pair, "=")
		h.Add(name, value)
	}
	return f[0], f[1], f[2], h
}

// route does what a router by method and path does: the first group by
// precedence whose pattern matches.
func route(table *Table, method, path string) *Group {
	for _, g := range table.Groups() {
		p, _ := ParsePattern(g.Pattern)
		if g.Method == method && p.matches(path) {
			return g
		}
	}
	return nil
}

func TestOneGroupForPatternsThatDifferInNamesOnly(t *testing.T) {
	table := compile(t,
		Route{Path: "/books/{id}", Methods: []string{"GET"}},
		Route{Path: "/books/{name}", Methods: []string{"GET"}, Host: "names.example.com"},
		Route{Path: "/books/{id}/pages", Methods: []string{"POST"}},
	)
	var got []string
	for _, g := range table.Groups() {
		got = append(got, g.Method+" "+g.Pattern)
	}
	// The host comes first, and with it its route's spelling.
	want := []string{"GET /books/{name}", "HEAD /books/{name}", "POST /books/{id}/pages"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if values, _ := table.Pattern(0).Match("/books/7", nil); !slices.Equal(values, []string{"7"}) {
		t.Errorf("values by the route's own pattern: %q", values)
	}
}

// TestAWiderRouteTakesOtherMethods: a router stops at the narrowest path that it
// knows, so the group there has the wider route's method as well.
func TestAWiderRouteTakesOtherMethods(t *testing.T) {
	table := compile(t,
		Route{Path: "/api/*"},
		Route{Path: "/api/books/*", Methods: []string{"POST"}},
	)
	g := route(table, "GET", "/api/books/7")
	if g == nil || g.Pattern != "/api/books/*" {
		t.Fatalf("%+v", g)
	}
	if i, ok := g.Match("", "/api/books/7", nil); i != 0 || !ok {
		t.Errorf("route %d, %v", i, ok)
	}
}

func TestAllowed(t *testing.T) {
	table := compile(t,
		Route{Path: "/books", Methods: []string{"GET", "POST"}},
		Route{Path: "/books", Methods: []string{"DELETE"}, Host: "admin.example.com"},
		Route{Path: "/files/*"},
	)
	for _, tt := range []struct{ host, path, want string }{
		{"h", "/books", "GET HEAD POST"},
		{"admin.example.com:1", "/books", "DELETE GET HEAD POST"},
		{"h", "/files/x", "DELETE GET HEAD PATCH POST PUT"},
		{"h", "/none", ""},
	} {
		if got := strings.Join(table.Allowed(tt.host, tt.path, nil), " "); got != tt.want {
			t.Errorf("%s%s allows %q, want %q", tt.host, tt.path, got, tt.want)
		}
	}
}

func TestConflicts(t *testing.T) {
	get := []string{"GET"}
	beta := map[string]string{"X-Beta": "1"}
	for _, tt := range []struct {
		name   string
		routes []Route
		a, b   int
		reason string
	}{
		{"same", []Route{{Path: "/a"}, {Path: "/b"}, {Path: "/a"}}, 0, 2, "DELETE, GET, HEAD, PATCH, POST, PUT /a: both routes match; the second is never reached"},
		{"one method", []Route{{Path: "/a", Methods: get}, {Path: "/a"}}, 0, 1, "GET /a: both routes match; the second is reached by its other methods only"},
		{"contained", []Route{{Path: "/a"}, {Path: "/a", Methods: get}}, 0, 1, "GET /a: both routes match; the second is never reached"},
		{"names", []Route{{Path: "/a/{x}", Methods: get}, {Path: "/a/{y}", Methods: get}}, 0, 1, "GET /a/{x} and /a/{y}, which match the same paths,: both"},
		{"host case", []Route{{Path: "/a", Methods: get, Host: "A.example.com"}, {Path: "/a", Methods: get, Host: "a.EXAMPLE.com."}}, 0, 1, "never reached"},
		{"headers tie", []Route{{Path: "/a", Methods: get, Headers: beta}, {Path: "/a", Methods: get, Headers: map[string]string{"X-Other": "1"}}}, 0, 1, "would match both"},
		{"header case", []Route{{Path: "/a", Methods: get, Headers: beta}, {Path: "/a", Methods: get, Headers: map[string]string{"x-beta": "1"}}}, 0, 1, "never reached"},

		{"pattern", []Route{{Path: "a"}}, 0, -1, `does not begin with "/"`},
		{"host", []Route{{Path: "/a", Host: "a.*"}}, 0, -1, "neither a name"},
		{"host url", []Route{{Path: "/a", Host: "http://a"}}, 0, -1, "neither a name"},
		{"host port", []Route{{Path: "/a", Host: "a.example.com:80"}}, 0, -1, "has a port"},
		{"method", []Route{{Path: "/a", Methods: []string{"get"}}}, 0, -1, "not an upper-case name"},
		{"trace", []Route{{Path: "/a", Methods: []string{"TRACE"}}}, 0, -1, "never routed"},
		{"twice", []Route{{Path: "/a", Methods: []string{"GET", "GET"}}}, 0, -1, "listed twice"},
		{"header twice", []Route{{Path: "/a", Headers: map[string]string{"X-A": "1", "x-a": "2"}}}, 0, -1, "listed twice"},
		{"header empty", []Route{{Path: "/a", Headers: map[string]string{"X-A": ""}}}, 0, -1, "is empty"},
		{"header host", []Route{{Path: "/a", Headers: map[string]string{"host": "a"}}}, 0, -1, "by the route's host"},
	} {
		_, got := Compile(tt.routes)
		if len(got) != 1 || got[0].A != tt.a || got[0].B != tt.b || !strings.Contains(got[0].Reason, tt.reason) {
			t.Errorf("%s: %+v, want one between %d and %d: %s", tt.name, got, tt.a, tt.b, tt.reason)
		}
	}
}

func TestNoConflict(t *testing.T) {
	compile(t,
		Route{Path: "/a", Methods: []string{"GET"}},
		Route{Path: "/a", Methods: []string{"HEAD"}},
		Route{Path: "/a", Methods: []string{"GET"}, Headers: map[string]string{"X-V": "1"}},
		Route{Path: "/a", Methods: []string{"GET"}, Headers: map[string]string{"X-V": "2"}},
		Route{Path: "/a", Methods: []string{"GET"}, Host: "*.example.com"},
		Route{Path: "/a/"},
		Route{Path: "/{x}"},
		Route{Path: "/*"},
	)
}

func TestExplicitHeadComesBeforeGet(t *testing.T) {
	table := compile(t,
		Route{Path: "/a", Methods: []string{"GET"}},
		Route{Path: "/a", Methods: []string{"HEAD"}},
	)
	if got, _ := table.Match("HEAD", "", "/a", nil); got != 1 {
		t.Errorf("HEAD goes to %d", got)
	}
}

// TestGroupsAgreeWithTheTable holds a router's choice of group, even a wrong one
// at the end of the path, against the whole table.
func TestGroupsAgreeWithTheTable(t *testing.T) {
	seg := rapid.SampledFrom([]string{"a", "b", "{x}"})
	last := rapid.SampledFrom([]string{"/a", "/{y}", "/*", "/", ""})
	pattern := rapid.Custom(func(t *rapid.T) string {
		s := "/" + strings.Join(rapid.SliceOfNDistinct(seg, 0, 2, rapid.ID).Draw(t, "segments"), "/")
		return strings.Replace(s+last.Draw(t, "last"), "//", "/", 1)
	})
	rapid.Check(t, func(t *rapid.T) {
		var routes []Route
		for i := range rapid.IntRange(1, 6).Draw(t, "routes") {
			routes = append(routes, Route{
				Path:    pattern.Draw(t, fmt.Sprint("pattern", i)),
				Methods: rapid.SampledFrom([][]string{nil, {"GET"}, {"POST"}}).Draw(t, "methods"),
				Host:    rapid.SampledFrom([]string{"", "h", "*.h"}).Draw(t, "host"),
			})
		}
		table, _ := Compile(routes)
		path := "/" + strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3).Draw(t, "path"), "/")
		if len(path) > 1 && rapid.Bool().Draw(t, "slash") {
			path += "/"
		}
		host := rapid.SampledFrom([]string{"h", "x.h", "other"}).Draw(t, "asked")
		method := rapid.SampledFrom([]string{"GET", "HEAD", "POST"}).Draw(t, "method")
		want, _ := table.Match(method, host, path, nil)
		for _, lenient := range []string{path, strings.TrimSuffix(path, "/"), path + "x"} {
			if g := route(table, method, lenient); g != nil {
				if got, _ := g.Match(host, path, nil); got != want {
					t.Fatalf("%v %s: by group %s %d, by table %d", routes, path, g.Pattern, got, want)
				}
			}
		}
	})
}

func TestCanonicalHost(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "a.example.com": "a.example.com", "A.example.com:80": "a.example.com", "a.": "a",
		"a.:443": "a", "[::1]": "[::1]", "[::1]:80": "[::1]", "127.0.0.1:1": "127.0.0.1",
	} {
		if got := CanonicalHost(in); got != want {
			t.Errorf("CanonicalHost(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	g, h := benchmarkGroup(t)
	if n := testing.AllocsPerRun(100, func() { g.Match("api.example.com:443", "/v1/books/42", h) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func benchmarkGroup(t testing.TB) (*Group, http.Header) {
	table := compile(t,
		Route{Path: "/v1/books/{id}", Host: "api.example.com"},
		Route{Path: "/v1/books/{id}", Host: "api.example.com", Headers: map[string]string{"X-Beta": "1"}},
		Route{Path: "/v1/*"},
	)
	return route(table, "GET", "/v1/books/42"), http.Header{"X-Beta": {"0"}}
}

func BenchmarkMatch(b *testing.B) {
	g, h := benchmarkGroup(b)
	b.ReportAllocs()
	for b.Loop() {
		g.Match("api.example.com:443", "/v1/books/42", h)
	}
}

func FuzzParsePattern(f *testing.F) {
	for _, s := range []string{"/", "/a/{b}/*", "/{a}/{b}", "/books:get", "/a/"} {
		f.Add(s, "/a/b/c")
	}
	f.Fuzz(func(t *testing.T, text, path string) {
		p, err := ParsePattern(text)
		if err != nil {
			return
		}
		if values, ok := p.Match(path, nil); ok && len(values) != len(p.Names()) {
			t.Fatalf("%q matches %q with %q for %q", text, path, values, p.Names())
		}
		// What a literal pattern matches is itself, and that is a canonical path.
		if len(p.Names()) == 0 {
			if got, err := Canonical(Escape(text)); err != nil || got != text {
				t.Fatalf("pattern %q can never match: %q, %v", text, got, err)
			}
		}
	})
}
