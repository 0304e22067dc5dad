package aggregation

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/triptych-bff/triptych/shared/upstream"
)

// TestABreachIsThePartsAlone: other parts of the same answer, what is joined from it and
// calls that use its values do without the limit.
func TestABreachIsThePartsAlone(t *testing.T) {
	for name, limit := range map[string]Limit{"bytes": {Bytes: 20}, "depth": {Depth: 2}, "items": {Items: 2}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.json("users", `{"id":"u1","items":[{"id":1},{"id":2},{"id":3}]}`)
			w.http("orders", func(rw http.ResponseWriter, r *http.Request) { fmt.Fprintf(rw, `%q`, r.URL.RequestURI()) })
			user := users.Get("/me")
			p := w.compile(Endpoint{Parts: []Part{
				{Name: "tight", From: user, Limit: limit, Else: Omit},
				{Name: "loose", From: user, Mask: `{id}`},
				{Name: "one", From: orders.Get("/{}", user.Value("id"))},
				{Name: "all", From: orders.Get("/", Query{"ids": user.Each("items.id").Max(5)})},
				{Name: "itself", From: user.Join("items.id", user, "items.id", "it"), Mask: `{items[]{it}}`},
				{Name: "after", From: user, Limit: limit, Else: Default(`0`)},
			}})
			a, err := p.Run(t.Context(), ada())
			if err != nil {
				t.Fatal(err)
			}
			want := `{"loose":{"id":"u1"},"one":"/u1","all":"/?ids=1,2,3","itself":{"items":[{"it":{"id":1}},{"it":{"id":2}},{"it":{"id":3}}]},"after":0}`
			if got := parts(string(a.Body)); got != want || a.Completeness() != `partial, missing=("tight"), default=("after")` {
				t.Errorf("got  %s, %s\nwant %s", got, a.Completeness(), want)
			}
			if text := a.Flaws[0].Err.Error(); a.Flaws[0].Code != "bad-upstream" || !strings.Contains(text, "part tight from users: ") {
				t.Error(text)
			}
		})
	}
}

// TestLimitsAreExact: what reaches one is within it.
func TestLimitsAreExact(t *testing.T) {
	w := newWorld(t)
	w.json("static", `1`)
	const body = `{"a":[1,[2,3],{"b":[4,5,6]}]}`
	w.json("users", body)
	for limit, fits := range map[Limit]bool{
		{}:                      true,
		{Bytes: len(body)}:      true,
		{Bytes: len(body) - 1}:  false,
		{Depth: 4}:              true,
		{Depth: 3}:              false,
		{Items: 3}:              true,
		{Items: 2}:              false,
		{Items: 3, Depth: 3}:    false,
		{Bytes: 1000, Items: 9}: true,
	} {
		for _, mask := range []string{"", `{x}`} { // what is not shown counts as well
			p := w.compile(Endpoint{Parts: []Part{
				{Name: "x", From: users.Get("/"), Mask: mask, Limit: limit, Else: Omit},
				{Name: "static", From: HTTP("static").Get("/")},
			}})
			a, err := p.Run(t.Context(), ada())
			if err != nil {
				t.Fatal(err)
			}
			if got := len(a.Flaws) == 0; got != fits {
				t.Errorf("%+v, mask %q: fits %v, want %v", limit, mask, got, fits)
			}
		}
	}
}

// TestAnEndlessAnswerTakesNoMemory: the service's limit ends it, and not one part more.
func TestAnEndlessAnswerTakesNoMemory(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{"id":1}`)
	s := httptest.NewServer(http.HandlerFunc(endless))
	t.Cleanup(s.Close)
	service, err := w.pool.Service("endless", upstream.Config{URL: s.URL, MaxResponse: 1 << 20, Timeout: time.Minute}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.by["endless"] = Binding{Caller: service}
	list := users.Get("/items")
	p := w.compile(Endpoint{Budget: time.Minute, Parts: []Part{
		{Name: "user", From: list},
		{Name: "endless", From: HTTP("endless").Get("/"), Else: Omit},
		{Name: "after", From: users.Get("/{}", HTTP("endless").Get("/").Value("x")), Else: Default(`1`)},
	}})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 5 {
		a, err := p.Run(t.Context(), ada())
		if err != nil {
			t.Fatal(err)
		}
		if got := parts(string(a.Body)); got != `{"user":{"id":1},"after":1}` {
			t.Fatal(got)
		}
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 100<<20 { // of which most is the test's own service
		t.Errorf("%d bytes", took)
	}
}

// TestAnAnswerThatIsDeeperThanAnybodyReads fails its part, not the process.
func TestAnAnswerThatIsDeeperThanAnybodyReads(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{"id":1}`)
	w.json("deep", strings.Repeat(`[`, 1<<18)+strings.Repeat(`]`, 1<<18))
	w.json("open", strings.Repeat(`{"a":`, 1<<18))
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "user", From: users.Get("/")},
		{Name: "deep", From: HTTP("deep").Get("/"), Else: Omit},
		{Name: "masked", From: HTTP("open").Get("/"), Mask: `{a{a}}`, Else: Omit},
		{Name: "joined", From: users.Get("/x").Join("items.id", HTTP("deep").Get("/"), "items.id", "x").Optional()},
	}})
	a, err := p.Run(t.Context(), ada())
	if err != nil {
		t.Fatal(err)
	}
	if got := a.Completeness(); got != `partial, missing=("deep" "masked"), incomplete=("joined")` {
		t.Error(got)
	}
}

// A recorder notes what is asked of a service that has answered already.
type recorder struct {
	body string
	mu   sync.Mutex
	reqs []*upstream.Request
}

func (r *recorder) Start(_ context.Context, req *upstream.Request) upstream.Pending {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reqs = append(r.reqs, req)
	return ready{[]byte(r.body)}
}

// TestOnlyReadingCallsSayThatTheyRead, so that nobody makes two changes one.
func TestOnlyReadingCallsSayThatTheyRead(t *testing.T) {
	w := newWorld(t)
	w.books(func(string) string { return `{}` }) // for its descriptors
	for name, test := range map[string]struct {
		call          *Call
		reads, shared bool
	}{
		"GET":                {users.Get("/a"), true, false},
		"public GET":         {users.Get("/a").Public(), true, true},
		"POST":               {users.Post("/a", Fields{"x": 1}), false, false},
		"PUT":                {users.Put("/a"), false, false},
		"PATCH":              {users.Patch("/a"), false, false},
		"DELETE":             {users.Delete("/a"), false, false},
		"gRPC":               {shelf.Call("BatchGetBooks"), true, false},
		"public gRPC":        {shelf.Call("BatchGetBooks").Public(), true, true},
		"gRPC that changes":  {shelf.Call("BatchGetBooks").Changes(), false, false},
		"a GET that changes": {users.Get("/a").Changes(), false, false},
	} {
		r := &recorder{body: `{}`}
		services := func(service string) (Binding, bool) { return Binding{Caller: r, Files: w.by[service].Files}, true }
		e := Endpoint{Route: "POST /x", Policy: "p", Budget: time.Minute, Parts: []Part{{Name: "x", From: test.call}}}
		p, err := Compile(e, env(services))
		if err != nil {
			t.Fatal(name, err)
		}
		mustRun(t, p, ada())
		if len(r.reqs) != 1 || r.reqs[0].Reads != test.reads || r.reqs[0].Shared != test.shared {
			t.Errorf("%s: %+v", name, r.reqs)
		}
	}
	// and so do those that are made for each element
	r := &recorder{body: `{"items":[{"id":1},{"id":2}]}`}
	p, err := Compile(Endpoint{Route: "GET /x", Policy: "p", Budget: time.Minute, Parts: []Part{
		{Name: "x", From: orders.Get("/").ForEach("items", "it", func(it Item) *Call { return users.Get("/{}", it.Value("id")) }).Max(2)},
	}}, env(func(string) (Binding, bool) { return Binding{Caller: r}, true }))
	if err != nil {
		t.Fatal(err)
	}
	if got := mustRun(t, p, ada()); !json.Valid([]byte(got)) || len(r.reqs) != 3 {
		t.Errorf("%s, %d requests", got, len(r.reqs))
	}
	for _, req := range r.reqs {
		if !req.Reads {
			t.Errorf("%+v", req)
		}
	}
}
