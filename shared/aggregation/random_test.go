package aggregation

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/triptych-bff/triptych/shared/identity"
	"github.com/triptych-bff/triptych/shared/problem"
)

// A heap is pieces of tables, good and bad, of which endpoints are made at random.
type heap struct {
	t     *rapid.T
	bad   bool // some pieces are
	posts bool // the request has a body
	calls []*Call
	items []Item
}

func (h *heap) pick(label string, list ...string) string { return oneOf(h, label, list, nil) }

// oneOf is one of the good pieces, or of the bad ones where there are to be some.
func oneOf[T any](h *heap, label string, good, bad []T) T {
	if len(bad) > 0 && h.bad && h.once(4) {
		return rapid.SampledFrom(bad).Draw(h.t, label)
	}
	return rapid.SampledFrom(good).Draw(h.t, label)
}

// once in so many times.
func (h *heap) once(in int) bool { return rapid.IntRange(1, in).Draw(h.t, "once in") == 1 }

func (h *heap) path() string {
	return oneOf(h, "path", []string{"id", "items.id", "n.x", "items[].id", "items[0].id"}, []string{"items", "[].id", "books.id", "", "a..b", "items[", "*"})
}

func (h *heap) call() *Call {
	if len(h.calls) == 0 {
		h.calls = append(h.calls, HTTP("s").Get("/first"))
	}
	if h.bad && h.once(10) {
		return nil
	}
	return rapid.SampledFrom(h.calls).Draw(h.t, "call")
}

func (h *heap) value() (v Value) {
	switch rapid.IntRange(0, 9).Draw(h.t, "value") {
	case 0:
		v = Claim(oneOf(h, "claim", []string{"sub", "org.id"}, []string{"", "x["}))
	case 1:
		v = PathParam(oneOf(h, "param", []string{"id"}, []string{"other", ""}))
	case 2:
		v = QueryParam(oneOf(h, "query", []string{"q"}, []string{""}))
	case 3:
		v = HeaderField(oneOf(h, "header", []string{"X-A"}, []string{"", "a b"}))
	case 4:
		if h.posts || h.bad {
			v = BodyValue(h.path())
			break
		}
		v = h.call().Value("id")
	case 5:
		v = Claim("sub")
		if h.bad {
			v = Body()
		}
	case 6:
		v = h.call().Value("n.x")
		if h.bad {
			v = append(h.items, Item{})[0].Value(h.path())
		}
	case 7:
		v = h.call().Each(h.path()).Max(oneOf(h, "max", []int{1, 3}, []int{0, 5000}))
	default:
		v = h.call().Value(h.path())
	}
	if h.once(3) {
		v = v.Or(oneOf(h, "or", []any{"x", 1, true}, []any{nil, []int{1}, make(chan int)}))
	}
	return v
}

func (h *heap) any(depth int) any {
	switch rapid.IntRange(0, 9).Draw(h.t, "any") {
	case 0, 1:
		return oneOf(h, "constant", []any{1, true, "x"}, []any{1.5, int64(7), []string{"a"}, struct{}{}, []Value{{}}, map[string]any{}})
	case 2, 3:
		if depth < 3 {
			return h.fields(depth + 1)
		}
	case 4:
		if depth < 3 {
			return []any{h.any(depth + 1), h.any(depth + 1)}
		}
	}
	return h.value()
}

func (h *heap) fields(depth int) Fields {
	f := Fields{}
	for range rapid.IntRange(0, 2).Draw(h.t, "members") {
		f[oneOf(h, "member", []string{"ids", "edition"}, []string{"x", "", `a"b`})] = h.any(depth)
	}
	return f
}

func (h *heap) condition(depth int) Condition {
	switch rapid.IntRange(0, 7).Draw(h.t, "condition") {
	case 0, 1:
		if h.bad && h.once(4) {
			return Condition{}
		}
		return Test(func(v [][]byte) bool { return len(v) > 0 && v[0] != nil }, h.value())
	case 2, 3:
		return Eq(h.value(), h.pick("want", "1", "a", ""))
	case 4:
		if depth < 3 {
			return All(h.condition(depth+1), Not(h.condition(depth+1)))
		}
	case 5:
		if depth < 3 {
			return Any(h.condition(depth + 1))
		}
	}
	return Has(h.value())
}

// scalar is what a query or a header takes, mostly.
func (h *heap) scalar() any {
	if h.bad {
		return h.any(2)
	}
	if h.once(3) {
		return h.pick("text", "x", "y z")
	}
	return h.value()
}

// args are as many values as the target has places, and more.
func (h *heap) args(target string) (list []Arg) {
	for range strings.Count(target, "{}") {
		list = append(list, h.call().Value("id").Or("x"))
	}
	if h.once(2) {
		list = append(list, Query{oneOf(h, "name", []string{"q", "ids"}, []string{""}): h.scalar()})
	}
	if h.once(4) {
		list = append(list, Headers{oneOf(h, "name", []string{"X-A", "X-B"}, []string{"host", "", "x y"}): h.scalar()}, nil)
	}
	if h.bad {
		list = append(list, h.fields(0), h.value())
	}
	return list
}

func (h *heap) newCall() *Call {
	target := oneOf(h, "target", []string{"/a", "/b", "/a/{}", "/{}/{}"}, []string{"", "a", "/a?b", "/{id}", "/é"})
	at := HTTP(oneOf(h, "service", []string{"s"}, []string{"library", "nobody"}))
	switch rapid.IntRange(0, 11).Draw(h.t, "kind") {
	case 0:
		if h.bad {
			return at.Post(target, append(h.args(target), h.fields(0))...)
		}
	case 1:
		if h.bad {
			return at.Delete(target, h.args(target)...)
		}
	case 2, 3:
		return shelf.Call(oneOf(h, "method", []string{"BatchGetBooks"}, []string{"Nothing", ""}), h.fields(0))
	case 4:
		return Constant(oneOf(h, "constant", []string{`{"items":[{"id":1}]}`, `1`}, []string{``, `{`}))
	case 5:
		return Func("f", func(_ context.Context, in map[string]any) (map[string]any, error) { return in, nil }).Call(h.fields(0))
	}
	return at.Get(target, h.args(target)...)
}

// change says more of a call, or of one that was made before: so circles come about.
func (h *heap) change() {
	c := h.call()
	if c == nil {
		return
	}
	switch rapid.IntRange(0, 4).Draw(h.t, "change") {
	case 0:
		c.Within(oneOf(h, "within", []time.Duration{time.Second}, []time.Duration{time.Hour, -1}))
	case 1:
		if h.bad {
			c.Public().Changes()
		}
	case 2:
		if h.bad {
			c.When(h.condition(0)) // which may come after it
		}
	}
}

func (h *heap) source() Source {
	switch rapid.IntRange(0, 7).Draw(h.t, "source") {
	case 0:
		j := h.call().Join(oneOf(h, "at", []string{"items.id"}, []string{h.path()}), h.call(), oneOf(h, "key", []string{"items.id", "[].id", "n.x"}, []string{h.path()}), oneOf(h, "as", []string{"it"}, []string{"", "a.b"}))
		if h.once(2) {
			j = j.Optional()
		}
		return j
	case 1, 2:
		return h.call().ForEach(oneOf(h, "list", []string{"items", "", "items[]", "n"}, []string{"a["}), "it", func(it Item) *Call {
			h.items = append(h.items, it)
			if h.bad && h.once(4) {
				return h.call()
			}
			c := HTTP("s").Get("/each/{}", it.Value("id"))
			if h.bad {
				h.calls = append(h.calls, c)
			} else if h.once(3) {
				c.When(Eq(it.Value("id"), 1))
			}
			return c
		}).Max(oneOf(h, "max", []int{1, 3}, []int{0})).AtOnce(oneOf(h, "at once", []int{0, 1}, []int{-1}))
	case 3:
		if h.bad {
			return nil
		}
	}
	return h.call()
}

func (h *heap) part() Part {
	return Part{
		Name:    oneOf(h, "name", []string{"a", "b", "c", "d", "e"}, []string{"", "_meta", `x"`}),
		From:    h.source(),
		Mask:    oneOf(h, "mask", []string{"", "", "{items[:2]{id,it}}", "{-id}", "{items}"}, []string{"{id}", "[]{id}", "{items[]{*}}", "{"}),
		Else:    oneOf(h, "else", []Else{{}, Omit, Omit, Default(`[1]`)}, []Else{Default(``), LastGood(time.Hour), LastGood(0)}),
		Limit:   oneOf(h, "limit", []Limit{{}, {}, {Bytes: 50}, {Items: 1}, {Depth: 2}}, []Limit{{Depth: -1}}),
		Cookies: oneOf(h, "cookies", [][]string{nil, {"c"}}, [][]string{{""}}),
	}
}

func (h *heap) endpoint() Endpoint {
	h.bad = h.once(4)
	posts := h.once(4)
	h.posts = posts
	for range rapid.IntRange(0, 5).Draw(h.t, "calls") {
		h.calls = append(h.calls, h.newCall())
		if h.once(3) {
			h.change()
		}
	}
	e := Endpoint{
		Route:  oneOf(h, "route", []string{"GET /x/{id}"}, []string{"GET /x", "POST /x/{id}", "", "FETCH"}),
		Policy: oneOf(h, "policy", []string{"p"}, []string{""}),
		Budget: oneOf(h, "budget", []time.Duration{10 * time.Second}, []time.Duration{0}),
	}
	if posts {
		e.Route = "POST /x/{id}"
		e.Parts = append(e.Parts, Part{Name: "change", From: HTTP("s").Post("/change", h.fields(0)), Else: Else{}})
	} else {
		e.Fields = h.once(2)
	}
	for range rapid.IntRange(1, 4).Draw(h.t, "parts") {
		p := h.part()
		if h.bad || slices.ContainsFunc(e.Parts, func(q Part) bool { return q.Name == p.Name }) {
			p.Merge = oneOf(h, "merge", []Merge{Deep, Concat, First, Last, UniqueBy("id"), JoinBy("id")}, []Merge{{}, JoinBy("")})
		}
		if posts && !h.bad {
			p.Else = Omit
		}
		e.Parts = append(e.Parts, p)
	}
	if !posts && !e.Fields && h.once(4) {
		e.Compose = func(dst []byte, part func(string) []byte) ([]byte, error) {
			return fmt.Appendf(dst, `{"a":%s}`, append([]byte("0"), part("no")...)), nil
		}
	}
	return e
}

// anything answers each path with something of its own, and sometimes with nothing.
func anything(rw http.ResponseWriter, r *http.Request) {
	sum := fnv.New32a()
	fmt.Fprint(sum, r.Method, r.URL)
	list := []string{
		`{"id":1,"items":[{"id":1},{"id":"1"},{"id":{}},7,null,{}],"n":{"x":"y"}}`, `[{"id":1},{"id":null,"it":2},[{"id":3}]]`,
		`{"items":{"id":[1,2]},"n":[{"x":1},{"x":2}]}`, `{}`, `null`, ` "text" `, `{"id":`, ``, `[[[[]]]]`, `{"id":1,"id":2}`,
		`{"items":[{"id":"a/../b"},{"id":""},{"id":".."}],"id":"\u0000\r\n"}`,
	}
	switch n := int(sum.Sum32()>>3) % (len(list) + 3); n {
	case len(list):
		rw.WriteHeader(http.StatusInternalServerError)
	case len(list) + 1:
		rw.WriteHeader(http.StatusNotFound)
	case len(list) + 2:
		rw.WriteHeader(http.StatusNoContent)
	default:
		fmt.Fprint(rw, list[n])
	}
}

// TestTablesOfRandomPieces: whatever a table is made of, it is a plan or it has faults,
// and whatever the services answer, a plan makes JSON of it or a problem. Nothing panics.
func TestTablesOfRandomPieces(t *testing.T) {
	w := newWorld(t)
	w.http("s", anything)
	w.books(func(string) string { return `{"books":[{"id":"b1","title":"Emma"}]}` })
	plans := 0
	rapid.Check(t, func(rt *rapid.T) {
		h := &heap{t: rt}
		p, err := Compile(h.endpoint(), env(w.lookup))
		if (p == nil) == (err == nil) {
			rt.Fatalf("plan %v, %v", p, err)
		}
		if err != nil {
			if strings.Contains(err.Error(), "%!") || strings.Contains(err.Error(), "panic") {
				rt.Fatal(err)
			}
			return
		}
		plans++
		in := Input{
			Identity: &identity.Identity{Subject: "ada", Claims: []byte(`{"sub":"ada"}`)},
			Param:    func(string) string { return "7" },
			RawQuery: h.pick("query", "", "q=1", "q=%2F..%2F&q=2", "q=%zz"),
			Header:   http.Header{"X-A": {"a"}},
			Body:     []byte(h.pick("body", `{"id":1,"items":[{"id":2}]}`, `null`, `[]`)),
			Timing:   true,
			Repair:   func(part string) string { return "/" + part },
		}
		check(rt, p, in)
		if narrow, err := p.Narrow(h.pick("fields", "a", "b(id)", "a,b,c", "c(items(it))", "d(")); err == nil {
			check(rt, narrow, in)
		}
		if only := p.Only("a"); only != nil {
			check(rt, only, in)
		}
	})
	if plans == 0 {
		t.Error("no table was a plan")
	}
}

func check(t *rapid.T, p *Plan, in Input) {
	for _, e := range []*Explanation{p.Explain(), p.ExplainRequest(in)} {
		if text, err := json.Marshal(e); err != nil || e.String() == "" {
			t.Fatalf("%s, %v", text, err)
		}
	}
	a, err := p.Run(context.Background(), in)
	if err != nil {
		if problem.From(err).Kind == problem.Internal {
			t.Fatal(err)
		}
		return
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(a.Body, &members); err != nil || members["_meta"] == nil {
		t.Fatalf("%v: %s", err, a.Body)
	}
	if strings.ContainsAny(a.Completeness(), "\r\n") {
		t.Fatal(a.Completeness())
	}
	for _, f := range a.Flaws {
		if f.Part == "" || f.Code == "" || f.Code == "internal" || f.Err == nil {
			t.Fatalf("%+v", f)
		}
	}
}
