package aggregation

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/resilience"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// resting adds a service that is at rest from its first failure on.
func (w *world) resting(name string, h http.HandlerFunc) {
	w.t.Helper()
	s := httptest.NewServer(h)
	w.t.Cleanup(s.Close)
	service, err := w.pool.Service(name, upstream.Config{
		URL: s.URL, Timeout: 10 * time.Second, Breaker: resilience.BreakerConfig{Failures: 1, OpenFor: time.Hour},
	}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.by[name] = Binding{Caller: service}
}

// TestWhatTheClientIsTold of a required part that cannot be had, as it is sent.
func TestWhatTheClientIsTold(t *testing.T) {
	for name, test := range map[string]struct {
		service http.HandlerFunc
		budget  time.Duration
		status  int
		code    string
	}{
		"not found":       {status(http.StatusNotFound), 0, 404, "not-found"},
		"gone":            {status(http.StatusGone), 0, 404, "not-found"},
		"unauthenticated": {status(http.StatusUnauthorized), 0, 401, "unauthenticated"},
		"forbidden":       {status(http.StatusForbidden), 0, 403, "forbidden"},
		"bad request":     {status(http.StatusBadRequest), 0, 502, "bad-upstream"},
		"conflict":        {status(http.StatusConflict), 0, 502, "bad-upstream"},
		"redirect":        {status(http.StatusFound), 0, 502, "bad-upstream"},
		"not modified":    {status(http.StatusNotModified), 0, 502, "bad-upstream"},
		"too many":        {status(http.StatusTooManyRequests), 0, 503, "overloaded"},
		"error":           {status(http.StatusInternalServerError), 0, 502, "bad-upstream"},
		"unavailable":     {status(http.StatusServiceUnavailable), 0, 502, "bad-upstream"},
		"time-out of it":  {status(http.StatusGatewayTimeout), 0, 502, "bad-upstream"},
		"garbage":         {write(`{"secret":`), 0, 502, "bad-upstream"},
		"time":            {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 50 * time.Millisecond, 504, "upstream-timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.http("users", test.service)
			p := w.compile(Endpoint{Budget: test.budget, Parts: []Part{{Name: "user", From: users.Get("/secret")}, {Name: "one", From: Constant(`1`)}}})
			_, err := p.Run(t.Context(), ada())
			rw := httptest.NewRecorder()
			problem.From(err).Write(rw, problem.Ref{})
			if rw.Code != test.status || !strings.Contains(rw.Body.String(), `"code":"`+test.code+`"`) || strings.Contains(rw.Body.String(), "secret") {
				t.Errorf("%d %s", rw.Code, rw.Body)
			}
		})
	}
}

// TestAServiceAtRest: the client is told when to come back.
func TestAServiceAtRest(t *testing.T) {
	w := newWorld(t)
	w.resting("users", status(http.StatusInternalServerError))
	required := w.compile(Endpoint{Parts: []Part{{Name: "user", From: users.Get("/me")}}})
	if _, err := required.Run(t.Context(), ada()); problem.From(err).Kind != problem.BadUpstream {
		t.Error(err)
	}
	_, err := required.Run(t.Context(), ada())
	rw := httptest.NewRecorder()
	problem.From(err).Write(rw, problem.Ref{})
	if rw.Code != http.StatusServiceUnavailable || rw.Header().Get("Retry-After") != "3600" {
		t.Errorf("%d %v", rw.Code, rw.Header())
	}
	a := answer(t, w.compile(Endpoint{Parts: []Part{{Name: "user", From: users.Get("/me"), Else: Omit}, {Name: "one", From: Constant(`1`)}}}), ada())
	if len(a.Flaws) != 1 || a.Flaws[0].Code != "breaker-open" || a.Flaws[0].RetryAfter <= 3_500_000 || a.Flaws[0].RetryAfter > 3_600_000 ||
		!strings.Contains(string(a.Body), fmt.Sprintf(`"retry_after_ms":%d`, a.Flaws[0].RetryAfter)) {
		t.Errorf("%s", a.Body)
	}
	// elements are told of as the parts are
	list := Constant(`{"items":[{"id":1}]}`).ForEach("items", "it", func(it Item) *Call { return users.Get("/{}", it.Value("id")) }).Max(3)
	a = answer(t, w.compile(Endpoint{Parts: []Part{{Name: "x", From: list}}}), ada())
	if len(a.Flaws) != 1 || a.Flaws[0].Code != "breaker-open" || a.Flaws[0].RetryAfter == 0 {
		t.Errorf("%s", a.Body)
	}
}

// TestDefaults are shown as they are, behind any mask, and say so.
func TestDefaults(t *testing.T) {
	w := newWorld(t)
	w.http("orders", status(http.StatusInternalServerError))
	w.json("users", `{"items":[{"id":1}]}`)
	failed := orders.Get("/o")
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "a", From: failed, Mask: `{x}`, Else: Default(`{"items":[ 1 ]}`)},
		{Name: "b", From: users.Get("/x/{}", failed.Value("id")), Else: Default(`null`)},
		{Name: "c", From: users.Get("/").Join("items.id", failed, "a.b", "it"), Else: Default(`[]`)},
		{Name: "d", From: users.Get("/"), Mask: `[]{id}`, Else: Default(`"d"`)},
		{Name: "e", From: users.Get("/").Join("items.id", failed, "a.b", "it").Optional(), Else: Default(`[]`)},
		{Name: "f", From: failed, Else: Omit},
	}})
	a := answer(t, p, ada())
	want := `{"a":{"items":[1]},"b":null,"c":[],"d":"d","e":{"items":[{"id":1}]},"_meta":{"completeness":"partial","errors":[` +
		`{"part":"a","state":"default","source":"orders","code":"bad-upstream"},{"part":"b","state":"default","source":"orders","code":"bad-upstream"},` +
		`{"part":"c","state":"default","source":"orders","code":"bad-upstream"},{"part":"d","state":"default","source":"users","code":"bad-upstream"},` +
		`{"part":"e","state":"incomplete","source":"orders","code":"bad-upstream"},{"part":"f","source":"orders","code":"bad-upstream"}]}}`
	if string(a.Body) != want {
		t.Errorf("got  %s\nwant %s", a.Body, want)
	}
	if got := a.Completeness(); got != `partial, missing=("f"), default=("a" "b" "c" "d"), incomplete=("e")` || a.CacheControl != "no-store" {
		t.Error(got, a.CacheControl)
	}
	if !json.Valid(a.Body) {
		t.Error("no JSON")
	}
}

// TestOnlyDefaults: an answer of defaults is one.
func TestOnlyDefaults(t *testing.T) {
	w := newWorld(t)
	w.http("orders", status(http.StatusInternalServerError))
	p := w.compile(Endpoint{Parts: []Part{{Name: "a", From: orders.Get("/"), Else: Default(`1`)}}})
	if got := parts(mustRun(t, p, ada())); got != `{"a":1}` {
		t.Error(got)
	}
}

func TestFaultsOfContracts(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{}`)
	for want, e := range map[string]Endpoint{
		`else: expected JSON, not "{"`:       {Route: "GET /x", Parts: []Part{{Else: Default(`{`)}}},
		`else: expected JSON, not ""`:        {Route: "GET /x", Parts: []Part{{Else: Default(``)}}},
		`else: expected JSON, not "x"`:       {Route: "GET /x", Parts: []Part{{Else: LastGood(time.Hour).OrDefault(`x`)}}},
		`else: expected a time, not -1s`:     {Route: "GET /x", Parts: []Part{{Else: LastGood(-time.Second)}}},
		`else: expected a time, not 0s`:      {Route: "GET /x", Parts: []Part{{Else: LastGood(0)}}},
		`else: what was good last is for a `: {Route: "POST /x", Parts: []Part{{Else: LastGood(time.Second)}}},
		`limit: expected numbers`:            {Route: "GET /x", Parts: []Part{{Limit: Limit{Bytes: -1}}}},
		`limit: expected numbers, `:          {Route: "GET /x", Parts: []Part{{Limit: Limit{Depth: 1 << 20}}}},
	} {
		e.Policy, e.Budget, e.Parts[0].Name, e.Parts[0].From = "p", time.Second, "x", users.Get("/")
		_, err := Compile(e, env(w.lookup))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestLimitsOfAPart are breached by the part alone: others show the same answer.
func TestLimitsOfAPart(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{"items":[[1],[2],[3]],"id":7}`)
	orders, user := w.echo("orders"), users.Get("/me")
	for name, limit := range map[string]Limit{"bytes": {Bytes: 10}, "depth": {Depth: 2}, "items": {Items: 2}} {
		p := w.compile(Endpoint{Parts: []Part{
			{Name: "limited", From: user, Mask: `{id}`, Limit: limit, Else: Omit},
			{Name: "user", From: user, Mask: `{id}`},
			{Name: "order", From: HTTP("orders").Get("/{}", user.Value("id"))},
		}})
		a := answer(t, p, ada())
		if got := parts(string(a.Body)); got != `{"user":{"id":7},"order":{}}` || a.Completeness() != `partial, missing=("limited")` {
			t.Errorf("%s: %s", name, a.Body)
		}
		if got := orders.take(); len(got) != 1 || got[0] != "GET /7" {
			t.Errorf("%s: asked %q", name, got)
		}
	}
}

// TestCookies of a part are its own answer's, those that are named, and only if it is
// shown.
func TestCookiesOfParts(t *testing.T) {
	w := newWorld(t)
	bake := func(body string) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header()["Set-Cookie"] = []string{"a=1; Path=/", "b=2", " a =3", "ab=4", "a"}
			fmt.Fprint(rw, body)
		}
	}
	w.http("users", bake(`{"items":[]}`))
	w.http("orders", bake(`{`))
	p := w.compile(Endpoint{Parts: []Part{{Name: "x", From: users.Get("/"), Cookies: []string{"a"}}, {Name: "y", From: orders.Get("/"), Cookies: []string{"b"}, Else: Default(`1`)}}})
	if got := strings.Join(answer(t, p, ada()).Cookies, "|"); got != "a=1; Path=/|a =3|a" {
		t.Error(got)
	}
}

// TestNothingAskedForbidsNothing: a call that was not made says nothing of how long the
// answer may be kept.
func TestNothingAskedForbidsNothing(t *testing.T) {
	w := newWorld(t)
	w.http("users", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Cache-Control", "max-age=60")
		fmt.Fprint(rw, `{"items":[]}`)
	})
	w.http("orders", func(http.ResponseWriter, *http.Request) { t.Error("called") })
	list := users.Get("/list")
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "list", From: list},
		{Name: "none", From: orders.Get("/", Query{"ids": list.Each("items.id").Max(3)})},
		{Name: "skipped", From: orders.Get("/").When(Has(QueryParam("x")))},
		{Name: "each", From: list.ForEach("items", "it", func(it Item) *Call { return orders.Get("/{}", it.Value("id")) }).Max(3)},
	}})
	if a := answer(t, p, ada()); a.CacheControl != "private, max-age=60" {
		t.Error(a.CacheControl)
	}
}
