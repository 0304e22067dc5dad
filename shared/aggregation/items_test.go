package aggregation

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/triptych-bff/triptych/shared/problem"
)

// rows is a list of n elements with ids out of so many distinct ones.
func rows(n, distinct int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`{"id":"b%d","n":%d}`, i%distinct, i)
	}
	return `{"items":[` + strings.Join(list, ",") + `]}`
}

// stock is a part with a call for each element of the users' list.
func stock(max, atOnce int, mask string) Part {
	return Part{Name: "x", Mask: mask, From: users.Get("/list").ForEach("items", "stock", func(it Item) *Call {
		return orders.Get("/stock/{}", it.Value("id"))
	}).Max(max).AtOnce(atOnce)}
}

// TestACallForEachElement: fifty elements with twenty ids are twenty calls, never more
// at once than allowed, and every element has its own answer, in the old order.
func TestACallForEachElement(t *testing.T) {
	w := newWorld(t)
	w.json("users", rows(50, 20))
	var total, now, most atomic.Int64
	full := make(chan struct{})
	var once sync.Once
	w.http("orders", func(rw http.ResponseWriter, r *http.Request) {
		total.Add(1)
		n := now.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		if n == 5 {
			once.Do(func() { close(full) }) // as many at once as are allowed
		}
		<-full
		now.Add(-1)
		fmt.Fprintf(rw, ` {"of":%q} `, strings.TrimPrefix(r.URL.Path, "/stock/"))
	})
	p := w.compile(Endpoint{Parts: []Part{stock(50, 5, "")}})
	var got struct {
		X struct {
			Items []struct {
				ID    string
				N     int
				Stock struct{ Of string }
			}
		}
	}
	if err := json.Unmarshal([]byte(mustRun(t, p, ada())), &got); err != nil {
		t.Fatal(err)
	}
	for i, item := range got.X.Items {
		if item.N != i || item.ID != fmt.Sprint("b", i%20) || item.Stock.Of != item.ID {
			t.Errorf("%d: %+v", i, item)
		}
	}
	if len(got.X.Items) != 50 || total.Load() != 20 || most.Load() != 5 {
		t.Errorf("%d elements, %d calls, %d at once", len(got.X.Items), total.Load(), most.Load())
	}
	if p.Cost() != 51 {
		t.Errorf("costs %d", p.Cost())
	}
}

// TestOneCallForAllElements over HTTP and over gRPC.
func TestOneCallForAllElements(t *testing.T) {
	w := newWorld(t)
	w.json("users", rows(50, 20))
	var got seen
	reply := func() string {
		list := make([]string, 20)
		for i := range list {
			list[i] = fmt.Sprintf(`{"id":"b%d","title":"t%d"}`, i, i)
		}
		slices.Reverse(list)
		return `{"books":[` + strings.Join(list, ",") + `]}`
	}
	ids := make([]string, 20)
	for i := range ids {
		ids[i] = fmt.Sprint("b", i)
	}
	w.http("orders", func(rw http.ResponseWriter, r *http.Request) {
		got.add(r.URL.Query().Get("ids"))
		fmt.Fprint(rw, reply())
	})
	w.books(func(request string) string {
		got.add(strings.NewReplacer(`{"ids":["`, "", `"],"edition":"0"}`, "", `"]}`, "", `","`, ",").Replace(request))
		return reply()
	})
	list := users.Get("/list")
	for name, books := range map[string]*Call{
		"HTTP": orders.Get("/books", Query{"ids": list.Each("items.id").Max(50)}),
		"gRPC": shelf.Call("BatchGetBooks", Fields{"ids": list.Each("items.id").Max(50)}),
	} {
		p := w.compile(Endpoint{Parts: []Part{{Name: "x", From: list.Join("items.id", books, "books.id", "book"), Mask: `{items[]{n,title:book.title}}`}}})
		body := mustRun(t, p, ada())
		for i := range 50 {
			if !strings.Contains(body, fmt.Sprintf(`{"n":%d,"title":"t%d"}`, i, i%20)) {
				t.Errorf("%s: %d is missing in %s", name, i, body)
			}
		}
		if asked := got.take(); len(asked) != 1 || asked[0] != strings.Join(ids, ",") {
			t.Errorf("%s: asked %q", name, asked)
		}
	}
}

// TestListsOfOtherKinds: of what is no element nothing is asked, and it stays.
func TestListsOfOtherKinds(t *testing.T) {
	for name, test := range map[string]struct{ list, want, asked string }{
		"empty":           {`{"items":[]}`, `{"items":[]}`, ``},
		"null":            {`{"items":null}`, `{"items":null}`, ``},
		"none":            {`{"a":1}`, `{"a":1}`, ``},
		"no object":       {`[1,2]`, `[1,2]`, ``},
		"null as a whole": {`null`, `null`, ``},
		"an object":       {`{"items":{"id":1}}`, `{"items":{"id":1}}`, ``},
		"scalars":         {`{"items":["a",1,null,true,[{"id":9}]]}`, `{"items":["a",1,null,true,[{"id":9}]]}`, ``},
		"mixed": {
			`{"items":[1,{"id":2},{},{ },{"id":null},{"id":{"a":1}},{"id":3,"more":[{"id":4}]}]}`,
			`{"items":[1,{"id":2,"stock":{}},{},{},{"id":null},{"id":{"a":1}},{"id":3,"more":[{"id":4}],"stock":{}}]}`, `GET /stock/2 GET /stock/3`,
		},
		"beyond the bound": {
			`{"items":[{"id":1},{"id":2},{"id":3},{"id":4},{"id":5},{"id":6},{"id":7},{"id":8},{"id":9}]}`,
			`{"items":[{"id":1,"stock":{}},{"id":2,"stock":{}},{"id":3,"stock":{}},{"id":4,"stock":{}},{"id":5,"stock":{}},{"id":6,"stock":{}},{"id":7,"stock":{}},{"id":8},{"id":9}]}`,
			`GET /stock/1 GET /stock/2 GET /stock/3 GET /stock/4 GET /stock/5 GET /stock/6 GET /stock/7`,
		},
		"escapes": {
			`{"items":[{"id":"a\u0020b"},{"id":"a b"},{"id":"\u00fc"}]}`, `{"items":[{"id":"a\u0020b","stock":{}},{"id":"a b","stock":{}},{"id":"\u00fc","stock":{}}]}`,
			`GET /stock/%C3%BC GET /stock/a%20b`,
		},
		"numbers": {
			`{"items":[{"id":9007199254740993},{"id":9007199254740992},{"id":1e3}]}`,
			`{"items":[{"id":9007199254740993,"stock":{}},{"id":9007199254740992,"stock":{}},{"id":1e3,"stock":{}}]}`,
			`GET /stock/1e3 GET /stock/9007199254740992 GET /stock/9007199254740993`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.json("users", test.list)
			orders := w.echo("orders")
			a := answer(t, w.compile(Endpoint{Parts: []Part{stock(7, 0, "")}}), ada())
			if got, want := parts(string(a.Body)), `{"x":`+test.want+`}`; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			asked := orders.take()
			slices.Sort(asked)
			if got := strings.Join(asked, " "); got != test.asked {
				t.Errorf("asked %s\nwant  %s", got, test.asked)
			}
			if wrong := name == "mixed"; wrong != a.Partial() || wrong && (len(a.Flaws) != 1 || !slices.Equal(a.Flaws[0].Items, []int{5})) {
				t.Errorf("%+v", a.Flaws)
			}
		})
	}
}

// TestAnElementFailsAlone whatever its service does: the part is there, and the
// response says which elements lack their answer.
func TestAnElementFailsAlone(t *testing.T) {
	left := make(chan struct{}, 2)
	for name, test := range map[string]struct {
		service http.HandlerFunc
		code    string
		budget  time.Duration
	}{
		"status":  {status(http.StatusInternalServerError), "bad-upstream", 0},
		"garbage": {write(`{"x":}`), "bad-upstream", 0},
		"no JSON": {write(`<html>`), "bad-upstream", 0},
		"nothing": {write(``), "bad-upstream", 0},
		"two":     {write(`{}{}`), "bad-upstream", 0},
		"cut": {func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Length", "100")
			fmt.Fprint(rw, `{"items":[]}`)
		}, "bad-upstream", 0},
		"reset": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "unreachable", 0},
		"huge":  {endless, "bad-upstream", 0},
		"hang":  {hang(left), "upstream-timeout", 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.json("users", `{"items":[{"id":"a"},{"id":"bad"},{"id":"c"},{},{"id":"bad"},{"id":".."}]}`)
			w.http("orders", func(rw http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/stock/bad" {
					test.service(rw, r)
					return
				}
				fmt.Fprint(rw, `{"n":1}`)
			})
			p := w.compile(Endpoint{Budget: test.budget, Parts: []Part{stock(9, 2, `{items[]{id,n:stock.n}}`)}})
			a := answer(t, p, ada())
			want := `{"x":{"items":[{"id":"a","n":1},{"id":"bad"},{"id":"c","n":1},{},{"id":"bad"},{"id":".."}]},` +
				`"_meta":{"completeness":"partial","errors":[{"part":"x","state":"incomplete","source":"orders","code":"` + test.code + `","items":[1,4,5]}]}}`
			if got := string(a.Body); got != want || a.Completeness() != `partial, incomplete=("x")` || a.CacheControl != "no-store" {
				t.Errorf("got  %s %s\nwant %s", got, a.Completeness(), want)
			}
			if name == "hang" {
				<-left
			}
		})
	}
}

// TestAnElementThatNobodyKnows lacks nothing: neither a service nor a function has it.
func TestAnElementThatNobodyKnows(t *testing.T) {
	w := newWorld(t)
	w.json("users", rows(2, 2))
	w.http("orders", func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stock/b1" {
			rw.WriteHeader(http.StatusNotFound)
		}
		fmt.Fprint(rw, `{}`)
	})
	find := Func("find", func(_ context.Context, in struct{ ID string }) (string, error) {
		if in.ID == "b1" {
			return "", problem.NotFound.New("")
		}
		return in.ID, nil
	})
	y := users.Get("/list").ForEach("items", "it", func(it Item) *Call { return find.Call(Fields{"id": it.Value("id")}) }).Max(3)
	p := w.compile(Endpoint{Parts: []Part{stock(9, 0, `{items[]{id,stock}}`), {Name: "y", From: y, Mask: `{items[]{it}}`}}})
	want := `{"x":{"items":[{"id":"b0","stock":{}},{"id":"b1"}]},"y":{"items":[{"it":"b0"},{}]},"_meta":{"completeness":"full"}}`
	if got := mustRun(t, p, ada()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestAllElementsFail: still the list can be shown.
func TestAllElementsFail(t *testing.T) {
	w := newWorld(t)
	w.json("users", rows(3, 3))
	w.http("orders", status(http.StatusInternalServerError))
	a := answer(t, w.compile(Endpoint{Parts: []Part{stock(9, 0, `{items[]{id,stock}}`)}}), ada())
	if len(a.Flaws) != 1 || !slices.Equal(a.Flaws[0].Items, []int{0, 1, 2}) || parts(string(a.Body)) != `{"x":{"items":[{"id":"b0"},{"id":"b1"},{"id":"b2"}]}}` {
		t.Errorf("%s", a.Body)
	}
}

// TestTheListFails: there are no elements to ask for.
func TestTheListFails(t *testing.T) {
	w := newWorld(t)
	w.http("users", status(http.StatusNotFound))
	w.http("orders", func(http.ResponseWriter, *http.Request) { t.Error("called") })
	_, err := w.compile(Endpoint{Parts: []Part{stock(9, 0, "")}}).Run(t.Context(), ada())
	if got := problem.From(err); err == nil || got.Kind != problem.NotFound || got.Detail != "x could not be had from users" {
		t.Error(err)
	}
}

// TestElementsWithValuesOfOthers: of the request, and of another call, for which they
// wait.
func TestElementsWithValuesOfOthers(t *testing.T) {
	w := newWorld(t)
	w.json("users", rows(2, 2))
	orders := w.echo("orders")
	for name, test := range map[string]struct {
		other string
		query string
		asked []string
		want  string // or the code of the problem
	}{
		"all there": {`{"zone":"z 1","ids":[7,8]}`, "q=1", []string{"GET /stock/b0?ids=7,8&q=1&zone=z+1 ada", "GET /stock/b1?ids=7,8&q=1&zone=z+1 ada"}, `{"x":{"items":[{"id":"b0","stock":{}},{"id":"b1","stock":{}}]}}`},
		"no answer": {`{"ids":[7]}`, "q=1", nil, "bad-upstream"},
		"no list":   {`{"zone":1,"ids":[]}`, "q=1", nil, `{"x":{"items":[{"id":"b0"},{"id":"b1"}]}}`},
		"no query":  {`{"zone":1,"ids":[7]}`, "", nil, "bad-request"},
		"unfit":     {`{"zone":{},"ids":[7]}`, "q=1", nil, `{"x":{"items":[{"id":"b0"},{"id":"b1"}]}}`},
		"garbage":   {`{"zone":`, "q=1", nil, "bad-upstream"},
	} {
		t.Run(name, func(t *testing.T) {
			w.json("other", test.other)
			other := HTTP("other").Get("/")
			p := w.compile(Endpoint{Parts: []Part{{Name: "x", Mask: `{items[]{id,stock}}`, From: users.Get("/list").ForEach("items", "stock", func(it Item) *Call {
				return HTTP("orders").Get("/stock/{}", it.Value("id"), Headers{"X-Value": Claim("sub")},
					Query{"zone": other.Value("zone"), "ids": other.Each("ids[]").Max(3), "q": QueryParam("q")})
			}).Max(9).AtOnce(1)}}})
			in := ada()
			in.RawQuery = test.query
			a, err := p.Run(t.Context(), in)
			got := ""
			if err != nil {
				got = problem.From(err).Kind.Code()
			} else {
				got = parts(string(a.Body))
				if a.Partial() != (name == "unfit") {
					t.Errorf("%+v", a.Flaws)
				}
			}
			if asked := orders.take(); got != test.want || !slices.Equal(asked, test.asked) {
				t.Errorf("got %s, asked %q", got, asked)
			}
		})
	}
}

// TestCallsThatDifferOnlyInTheirHeaders are different.
func TestCallsThatDifferOnlyInTheirHeaders(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{"items":[{"id":"a"},{"id":"b"},{"id":"a"},{"id":""}]}`)
	w.http("orders", func(rw http.ResponseWriter, r *http.Request) { fmt.Fprintf(rw, `%q`, r.Header.Get("X-Id")) })
	p := w.compile(Endpoint{Parts: []Part{{Name: "x", From: users.Get("/list").ForEach("items", "stock", func(it Item) *Call {
		return orders.Get("/stock", Headers{"X-Id": it.Value("id")})
	}).Max(9)}}})
	if got := parts(mustRun(t, p, ada())); got != `{"x":{"items":[{"id":"a","stock":"a"},{"id":"b","stock":"b"},{"id":"a","stock":"a"},{"id":"","stock":""}]}}` {
		t.Error(got)
	}
}

// TestElementsOfFunctionsAndConstants: not only services are called for each.
func TestElementsOfFunctionsAndGRPC(t *testing.T) {
	w := newWorld(t)
	w.books(func(request string) string { return `{"books":[{"id":` + string(jsonText(request)) + `}]}` })
	list := Constant(`{"items":[{"id":1},{"id":2},{"id":1},{"id":3}]}`)
	var calls atomic.Int64
	square := Func("square", func(_ context.Context, in struct{ ID int }) (int, error) {
		calls.Add(1)
		if in.ID == 3 {
			panic("out of luck")
		}
		return in.ID * in.ID, nil
	})
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "f", From: list.ForEach("items", "sq", func(it Item) *Call { return square.Call(Fields{"id": it.Value("id")}) }).Max(9)},
		{Name: "c", From: list.ForEach("items", "book", func(it Item) *Call {
			return shelf.Call("BatchGetBooks", Fields{"edition": it.Value("id")})
		}).Max(2), Mask: `{items[]{it:book.books[0].id}}`},
	}})
	a := answer(t, p, ada())
	want := `{"f":{"items":[{"id":1,"sq":1},{"id":2,"sq":4},{"id":1,"sq":1},{"id":3}]},` +
		`"c":{"items":[{"it":"{\"ids\":[],\"edition\":\"1\"}"},{"it":"{\"ids\":[],\"edition\":\"2\"}"},{},{}]}}`
	if got := parts(string(a.Body)); got != want || calls.Load() != 3 {
		t.Errorf("got  %s\nwant %s, %d calls", got, want, calls.Load())
	}
	if len(a.Flaws) != 1 || a.Flaws[0].Code != "internal" || !slices.Equal(a.Flaws[0].Items, []int{3}) {
		t.Errorf("%+v", a.Flaws)
	}
}

// TestElementsInListsOfLists are one list, in their order.
func TestElementsInListsOfLists(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{"rows":[{"items":[{"id":"a"},{"id":"b"}]},{"items":[]},{"items":[{"id":"c"}]}]}`)
	w.http("orders", func(rw http.ResponseWriter, r *http.Request) { fmt.Fprintf(rw, `%q`, r.URL.Path) })
	p := w.compile(Endpoint{Parts: []Part{{Name: "x", From: users.Get("/list").ForEach("rows.items", "s", func(it Item) *Call {
		return orders.Get("/{}", it.Value("id"))
	}).Max(9)}}})
	if got := parts(mustRun(t, p, ada())); got != `{"x":{"rows":[{"items":[{"id":"a","s":"/a"},{"id":"b","s":"/b"}]},{"items":[]},{"items":[{"id":"c","s":"/c"}]}]}}` {
		t.Error(got)
	}
}

// TestJoinsByKey finds elements whatever their keys are written like.
func TestJoinsByKey(t *testing.T) {
	for name, test := range map[string]struct{ into, other, mask, want string }{
		"escapes":        {`{"items":[{"id":"\u0061"},{"id":"b\""}]}`, `{"books":[{"id":"a","t":1},{"id":"b\u0022","t":2}]}`, `{items[]{t:it.t}}`, `{"items":[{"t":1},{"t":2}]}`},
		"numbers":        {`{"items":[{"id":7},{"id":"8"},{"id":9007199254740993}]}`, `{"books":[{"id":"7","t":1},{"id":8,"t":2},{"id":9007199254740992,"t":3}]}`, `{items[]{t:it.t}}`, `{"items":[{"t":1},{"t":2},{}]}`},
		"two of one key": {`{"items":[{"id":1},{"id":1}]}`, `{"books":[{"id":1,"t":1},{"id":1,"t":2}]}`, `{items[]{t:it.t}}`, `{"items":[{"t":2},{"t":2}]}`},
		"no key":         {`{"items":[{},{"id":null},{"id":""},{"id":1}]}`, `{"books":[{"t":1},{"id":null,"t":2},{"id":"","t":3}]}`, `{items[]{t:it.t}}`, `{"items":[{},{},{"t":3},{}]}`},
		"true":           {`{"items":[{"id":true}]}`, `{"books":[{"id":"true","t":1}]}`, `{items[]{t:it.t}}`, `{"items":[{"t":1}]}`},
		"no objects":     {`{"items":[1,"a",null,[{"id":1}],{"id":1}]}`, `{"books":[2,null,{"id":1,"t":1}]}`, ``, `{"items":[1,"a",null,[{"id":1}],{"id":1,"it":{"id":1,"t":1}}]}`},
		"no list":        {`{"items":null}`, `{"books":null}`, `{items[]{it}}`, `{"items":null}`},
		"null":           {`null`, `null`, `{items[]{it}}`, `null`},
		"spaces":         {"{ \"items\" : [ { } , { \"id\" : 1 } ] }\n", "{ \"books\" : [ { \"id\" : 1 , \"t\" : [ 1 ] } ] }", ``, `{"items":[{},{"id":1,"it":{"id":1,"t":[1]}}]}`},
		"rename":         {`{"items":[{"id":1,"t":0}]}`, `{"books":[{"id":1,"t":{"u":[{"v":5}]}}]}`, `{list:items[]{id,v:it.t.u[0].v}}`, `{"list":[{"id":1,"v":5}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.json("users", test.into)
			w.json("orders", test.other)
			p := w.compile(Endpoint{Parts: []Part{{Name: "x", From: users.Get("/").Join("items.id", orders.Get("/"), "books.id", "it"), Mask: test.mask}}})
			if got, want := parts(mustRun(t, p, ada())), `{"x":`+test.want+`}`; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// TestManyKeys are found in a map as few are one after the other.
func TestManyKeys(t *testing.T) {
	for _, n := range []int{fewKeys - 1, fewKeys, fewKeys + 1, 300} {
		w := newWorld(t)
		w.json("users", rows(n, n))
		w.json("orders", strings.Replace(rows(n, n), "items", "books", 1))
		p := w.compile(Endpoint{Parts: []Part{{Name: "x", From: users.Get("/").Join("items.id", orders.Get("/"), "books.id", "it"), Mask: `{items[]{n,m:it.n}}`}}})
		got := mustRun(t, p, ada())
		for i := range n {
			if !strings.Contains(got, fmt.Sprintf(`{"n":%d,"m":%d}`, i, i)) {
				t.Errorf("%d of %d is missing", i, n)
			}
		}
	}
}

// TestTheOtherHalfOfAJoin cannot be had: the part neither, unless it may be incomplete.
func TestTheOtherHalfOfAJoin(t *testing.T) {
	for name, service := range map[string]http.HandlerFunc{
		"status": status(http.StatusInternalServerError), "garbage": write(`{"books":[`), "unusable keys": write(`{"books":[{"id":{}}]}`),
		"two of one name": write(`{"books":[{"id":1,"id":2}]}`),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.json("users", `{"items":[{"id":1}]}`)
			w.http("orders", service)
			joined := users.Get("/").Join("items.id", orders.Get("/"), "books.id", "it")
			p := w.compile(Endpoint{Parts: []Part{{Name: "x", From: joined}}})
			if _, err := p.Run(t.Context(), ada()); err == nil || problem.From(err).Kind != problem.BadUpstream {
				t.Error(err)
			}
			p = w.compile(Endpoint{Parts: []Part{{Name: "x", From: joined.Optional(), Mask: `{items[]{id,it}}`}}})
			want := `{"x":{"items":[{"id":1}]},"_meta":{"completeness":"partial","errors":[{"part":"x","state":"incomplete","source":"orders","code":"bad-upstream"}]}}`
			if got := mustRun(t, p, ada()); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// TestAJoinWithItself fails as a whole, optional or not.
func TestAJoinWithItself(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{"items":[{"id":1,"of":2},{"id":2}]}`)
	w.http("orders", status(http.StatusInternalServerError))
	user, failed := users.Get("/"), orders.Get("/")
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "x", From: user.Join("items.of", user, "items.id", "it")},
		{Name: "y", From: failed.Join("items.of", failed, "items.id", "it").Optional(), Else: Omit},
	}})
	want := `{"x":{"items":[{"id":1,"of":2,"it":{"id":2}},{"id":2}]},"_meta":{"completeness":"partial","errors":[{"part":"y","source":"orders","code":"bad-upstream"}]}}`
	if got := mustRun(t, p, ada()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestAChangeWaitsForElements of other required parts: a problem after it would say
// that nothing was changed.
func TestAChangeWaitsForElements(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{"items":[{"id":1}]}`)
	s := &shop{}
	w.http("orders", s.ServeHTTP)
	w.json("bad", `{"a":1,"a":2}`)
	list, order := users.Get("/list"), orders.Post("/orders")
	for name, test := range map[string]struct {
		part Part
		want problem.Kind
	}{
		"a value is missing": {Part{Name: "x", From: list.ForEach("items", "it", func(it Item) *Call {
			return users.Get("/{}", it.Value("id"), Query{"q": QueryParam("q")})
		}).Max(3)}, problem.BadRequest},
		"the mask does not fit": {Part{Name: "x", Mask: `{items[]{it{a}}}`, From: list.ForEach("items", "it", func(it Item) *Call {
			return HTTP("bad").Get("/{}", it.Value("id"))
		}).Max(3)}, problem.BadUpstream},
		"the mask does not fit what is joined": {Part{Name: "x", Mask: `{items[]{it{a}}}`, From: list.Join("items.id", HTTP("worse").Get("/"), "items.id", "it").Optional()}, problem.BadUpstream},
	} {
		t.Run(name, func(t *testing.T) {
			w.json("worse", `{"items":[{"id":1,"a":1,"a":2}]}`)
			p := w.compile(Endpoint{Route: "POST /x", Parts: []Part{{Name: "order", From: order}, test.part}})
			_, err := p.Run(t.Context(), ada())
			if err != nil && (problem.From(err).Kind != test.want || s.asked.Load() != 0) {
				t.Errorf("%v, asked %d times", err, s.asked.Load())
			}
			if err == nil {
				t.Error("no problem")
			}
		})
	}
	for name, source := range map[string]Source{
		"optional": list.Join("items.id", users.Get("/{}", order.Value("id")), "x.id", "it").Optional(),
		"for each": list.ForEach("items", "it", func(it Item) *Call { return users.Get("/{}/{}", it.Value("id"), order.Value("id")) }).Max(3),
	} {
		_, err := Compile(Endpoint{Route: "POST /x", Policy: "p", Budget: time.Second, Parts: []Part{{Name: "order", From: order}, {Name: "x", From: source}}}, env(w.lookup))
		if err == nil || !strings.Contains(err.Error(), "comes after the change and could still fail") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAnOptionalHalfBeforeAChange may fail without keeping it from being made.
func TestAnOptionalHalfBeforeAChange(t *testing.T) {
	w, s := newWorld(t), &shop{}
	w.json("users", `{"items":[{"id":1}]}`)
	w.http("bad", status(http.StatusInternalServerError))
	w.http("orders", s.ServeHTTP)
	list := users.Get("/list")
	p := w.compile(Endpoint{Route: "POST /x", Parts: []Part{
		{Name: "order", From: orders.Post("/orders"), Mask: `{id}`},
		{Name: "x", From: list.Join("items.id", HTTP("bad").Get("/"), "items.id", "it").Optional()},
		{Name: "y", From: list.ForEach("items", "it", func(it Item) *Call { return HTTP("bad").Get("/{}", it.Value("id")) }).Max(3)},
	}})
	a := answer(t, p, ada())
	if got := parts(string(a.Body)); got != `{"order":{"id":7},"x":{"items":[{"id":1}]},"y":{"items":[{"id":1}]}}` || a.Completeness() != `partial, incomplete=("x" "y")` {
		t.Errorf("%s", a.Body)
	}
}

func TestFaultsOfElements(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{}`)
	w.json("orders", `{}`)
	w.books(func(string) string { return `{}` })
	list := users.Get("/list")
	per := func(it Item) *Call { return orders.Get("/{}", it.Value("id")) }
	plain := list.ForEach("items", "it", per).Max(3)
	for want, source := range map[string]Source{
		"needs a bound from 1 to 1000":     list.ForEach("items", "it", per),
		"needs a bound from 1 to 1000 ":    list.ForEach("items", "it", per).Max(1001),
		"at once -1":                       list.ForEach("items", "it", per).Max(3).AtOnce(-1),
		"expected a call":                  list.ForEach("items", "it", func(Item) *Call { return nil }).Max(3),
		"uses nothing of the element":      list.ForEach("items", "it", func(Item) *Call { return orders.Get("/") }).Max(3),
		"is made once":                     list.ForEach("items", "it", func(it Item) *Call { return orders.Post("/{}", it.Value("id")) }).Max(3),
		"needs a name":                     list.ForEach("items", "", per).Max(3),
		"has no one answer":                plain.call.Join("a.b", list, "c.d", "e"),
		"for the elements of another list": list.ForEach("items", "it", func(Item) *Call { return list }).Max(3),
		"titel":                            shelf.Call("BatchGetBooks", nil).ForEach("books", "it", func(it Item) *Call { return orders.Get("/{}", it.Value("titel")) }).Max(3),
		"a member \"title\" of their own":  shelf.Call("BatchGetBooks", nil).ForEach("books", "title", func(it Item) *Call { return orders.Get("/{}", it.Value("id")) }).Max(3),
	} {
		_, err := Compile(Endpoint{Route: "POST /x", Policy: "p", Budget: time.Second, Parts: []Part{{Name: "x", From: source}, {Name: "plain", From: plain}}}, env(w.lookup))
		if err == nil || !strings.Contains(err.Error(), strings.TrimSpace(want)) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
