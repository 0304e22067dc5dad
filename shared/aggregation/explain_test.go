package aggregation

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/triptych-bff/triptych/shared/identity"
)

// rich is an endpoint of everything that there is to explain. Nobody is to be called.
func rich(t *testing.T) *Plan {
	w := newWorld(t)
	for _, name := range []string{"users", "orders", "shop"} {
		w.http(name, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("called: %s %s", r.Method, r.URL) })
	}
	w.books(func(request string) string {
		t.Errorf("called: %s", request)
		return `{}`
	})
	shop := HTTP("shop")
	user := users.Get("/users/{}/{}", Claim("sub"), PathParam("id"), Headers{"Accept-Language": HeaderField("Accept-Language").Or("en"), "X-From": "home"})
	list := orders.Get("/orders", Query{"user": Claim("sub"), "page": QueryParam("page").Or(1), "open": true}).Within(150 * time.Millisecond)
	books := shelf.Call("BatchGetBooks", Fields{"ids": list.Each("items.book").Max(20), "edition": 2}).Public()
	stock := list.ForEach("items", "stock", func(it Item) *Call {
		return shop.Get("/stock/{}", it.Value("book"))
	}).Max(5).AtOnce(2)
	tips := shop.Get("/tips", Query{"of": user.Value("kind").Or("all")}).
		When(All(In(user.Value("kind"), "a", "b"), Not(Has(QueryParam("brief"))), Any(Eq(Claim("org"), 7), Test(never, user.Value("age")))))
	offers := shop.Get("/offers/{}", QueryParam("offer")).When(Has(QueryParam("offer")))
	after := shop.Get("/after/{}", offers.Value("next"))
	sum := Func("sum", func(context.Context, map[string]any) (int, error) {
		t.Error("called: sum")
		return 0, nil
	}).Call(Fields{"of": Fields{"org": Claim("org")}})
	return w.compile(Endpoint{
		Route: "GET /v1/home/{id}", Limits: []string{"screens", "all"}, Budget: 900 * time.Millisecond, Fields: true,
		Parts: []Part{
			{Name: "user", From: user, Mask: `{id,called:name}`},
			{Name: "orders", From: list.Join("items.book", books, "books.id", "book").Optional(), Mask: `{items[:3]{id,book{title}}}`, Else: LastGood(time.Hour).OrDefault(`{"items":[]}`)},
			{Name: "stocked", From: stock, Else: Omit},
			{Name: "tips", From: tips, Else: Default(`[]`)},
			{Name: "offers", From: offers, Else: Omit},
			{Name: "after", From: after, Else: LastGood(time.Minute)},
			{Name: "sum", From: sum, Else: Omit},
			{Name: "links", From: Constant(`{"self":"/"}`)},
			{Name: "links", From: Constant(`{"next":"/2"}`), Merge: Deep},
		},
	})
}

// asking is a request of the rich endpoint.
func asking() Input {
	return Input{
		Identity: &identity.Identity{Subject: "ada", Claims: []byte(`{"sub":"ada","org":7,"email":"ada@example.org"}`)},
		Param:    func(string) string { return "a b" },
		RawQuery: "page=2",
		Header:   http.Header{"Accept-Language": {"de"}, "Authorization": {"Bearer secret"}},
	}
}

// TestExplain compares with testdata/explain.txt; with TRIPTYCH_UPDATE=1 it writes it.
func TestExplain(t *testing.T) {
	p := rich(t)
	narrow, err := p.Narrow("user(id),orders(items(id))")
	if err != nil {
		t.Fatal(err)
	}
	more := asking()
	more.RawQuery = "offer=%2F&page=3"
	var b strings.Builder
	for _, one := range []struct {
		title string
		e     *Explanation
	}{
		{"The plan", p.Explain()},
		{"A request", p.ExplainRequest(asking())},
		{"A request for more", p.ExplainRequest(more)},
		{"A request of nobody", p.ExplainRequest(Input{Param: func(string) string { return ".." }})},
		{"?fields=user(id),orders(items(id))", narrow.Explain()},
	} {
		b.WriteString("# " + one.title + "\n\n" + one.e.String() + "\n")
	}
	file := filepath.Join("testdata", "explain.txt")
	if os.Getenv("TRIPTYCH_UPDATE") != "" {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || b.String() != string(want) {
		t.Errorf("%s is not what the plan says (%v); with TRIPTYCH_UPDATE=1 this test writes it anew:\n%s", file, err, b.String())
	}
}

// TestExplainedForMachines says the same as JSON.
func TestExplainedForMachines(t *testing.T) {
	p := rich(t)
	text, err := json.Marshal(p.ExplainRequest(asking()))
	if err != nil {
		t.Fatal(err)
	}
	var e struct {
		Route, Policy, Budget string
		Limits                []string
		Cost                  int
		Fields, Streams       bool
		Calls                 []map[string]any
		Parts                 []map[string]any
	}
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatal(err)
	}
	if e.Route != "GET /v1/home/{id}" || e.Budget != "900ms" || len(e.Limits) != 2 || !e.Fields || !e.Streams || e.Cost != p.Cost() || len(e.Parts) != 9 {
		t.Errorf("%s", text)
	}
	now := map[string]any{}
	for _, c := range e.Calls {
		now[c["name"].(string)] = c["now"]
	}
	for call, want := range map[string]string{
		"users GET /users/{}/{}": "made", "orders GET /orders": "made", "library library.v1.Library/BatchGetBooks": "later",
		"shop GET /stock/{}": "later", "shop GET /offers/{}": "skipped", "shop GET /after/{}": "skipped", "sum": "made", "constant #2": "made",
	} {
		if now[call] != want {
			t.Errorf("%s: %v, want %s", call, now[call], want)
		}
	}
	for _, secret := range []string{"ada@example.org", "Bearer"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("it shows %s: %s", secret, text)
		}
	}
}

// TestWhatCannotBeMadeIsExplained with its reason, and so is what comes after it.
func TestWhatCannotBeMadeIsExplained(t *testing.T) {
	w := newWorld(t)
	w.http("users", func(http.ResponseWriter, *http.Request) { t.Error("called") })
	first := users.Get("/a/{}", QueryParam("id"))
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "a", From: first},
		{Name: "b", From: users.Get("/b/{}", first.Value("id"))},
		{Name: "c", From: users.Get("/c/{}", first.Value("id").Or("none")), Else: Omit},
		{Name: "d", From: users.Get("/d/{}", first.Value("id")).When(Has(QueryParam("d"))), Else: Omit},
	}})
	e := p.ExplainRequest(ada())
	for i, want := range []string{"fails: bad-request", "fails: bad-request", "later", "skipped"} {
		if got := e.Calls[i].Now; !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", e.Calls[i].Name, got, want)
		}
	}
}
