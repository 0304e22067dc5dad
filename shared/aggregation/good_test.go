package aggregation

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/triptych-bff/triptych/shared/httpcache"
	"github.com/triptych-bff/triptych/shared/identity"
	"github.com/triptych-bff/triptych/shared/problem"
)

// A clock is moved by its test.
type clock struct{ now time.Time }

// keeping is an environment that keeps what was good, and the clock that it goes by.
func keeping(t *testing.T) (Env, *clock) {
	c := &clock{time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	kept := httpcache.NewKept(1 << 20)
	t.Cleanup(kept.Close)
	return Env{Kept: kept, Now: func() time.Time { return c.now }}, c
}

// mood is a service that says what it was asked, and fails when it is told to.
type mood struct {
	bad   atomic.Bool
	asked atomic.Int64
}

func (m *mood) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if m.bad.Load() {
		rw.WriteHeader(http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Cache-Control", "max-age=100")
	fmt.Fprintf(rw, `{"n":%d,"asked":%q}`, m.asked.Add(1), r.RequestURI+r.Header.Get("X-Value"))
}

// as is a request of somebody.
func as(subject string, scopes ...string) Input {
	return Input{Identity: &identity.Identity{
		Issuer: "i", Client: "c", Subject: subject, Scopes: scopes, Claims: fmt.Appendf(nil, `{"sub":%q}`, subject),
	}}
}

// TestWhatWasGoodLast is shown within its time, says how old it is, and is no part of
// what makes an answer partial.
func TestWhatWasGoodLast(t *testing.T) {
	w, m := newWorld(t), &mood{}
	w.http("users", m.ServeHTTP)
	in, clock := keeping(t)
	p := w.compileIn(in, Endpoint{Parts: []Part{
		{Name: "user", From: users.Get("/u"), Mask: `{n}`, Else: LastGood(time.Minute)}, {Name: "one", From: Constant(`1`)},
	}})
	if got := mustRun(t, p, as("ada")); got != `{"user":{"n":1},"one":1,"_meta":{"completeness":"full"}}` {
		t.Error(got)
	}
	m.bad.Store(true)
	clock.now = clock.now.Add(40*time.Second + 900*time.Millisecond)
	a := answer(t, p, as("ada"))
	want := `{"user":{"n":1},"one":1,"_meta":{"completeness":"stale","errors":[{"part":"user","state":"stale","source":"users","code":"bad-upstream","stale_age_s":40}]}}`
	if string(a.Body) != want || a.Completeness() != `stale=("user")` || a.Partial() || a.CacheControl != "private, max-age=60" {
		t.Errorf("got  %s %s %s\nwant %s", a.Body, a.Completeness(), a.CacheControl, want)
	}
	clock.now = clock.now.Add(19*time.Second + 100*time.Millisecond) // a minute to the second
	if got := answer(t, p, as("ada")).Completeness(); got != `stale=("user")` {
		t.Error(got)
	}
	clock.now = clock.now.Add(1) // what is shown again is not good anew
	a = answer(t, p, as("ada"))
	if got := string(a.Body); !strings.Contains(got, `"errors":[{"part":"user","source":"users","code":"bad-upstream"}]`) || strings.Contains(got, `"n"`) {
		t.Error(got)
	}
	m.bad.Store(false)
	if got := mustRun(t, p, as("ada")); !strings.HasPrefix(got, `{"user":{"n":2},`) {
		t.Error(got)
	}
	m.bad.Store(true)
	if got := mustRun(t, p, as("ada")); !strings.HasPrefix(got, `{"user":{"n":2},`) {
		t.Error(got)
	}
}

// TestNeverAnothersBytes: what is kept is for the same caller, with the same rights,
// and the same values of the request, whatever these are made of.
func TestNeverAnothersBytes(t *testing.T) {
	w, m := newWorld(t), &mood{}
	w.http("users", m.ServeHTTP)
	with := func(in Input, query, header string) Input {
		in.RawQuery, in.Header = query, http.Header{"X-Value": {header}}
		return in
	}
	other := func(change func(*identity.Identity)) Input {
		in := as("ada", "read")
		change(in.Identity)
		return with(in, "q=1", "h")
	}
	ada := with(as("ada", "read"), "q=1", "h")
	for name, eve := range map[string]Input{
		"subject": with(as("eve", "read"), "q=1", "h"), "scopes": with(as("ada"), "q=1", "h"), "more scopes": with(as("ada", "read", "write"), "q=1", "h"),
		"issuer": other(func(id *identity.Identity) { id.Issuer = "j" }), "client": other(func(id *identity.Identity) { id.Client = "d" }),
		"shifted": other(func(id *identity.Identity) { id.Issuer, id.Subject = "ia", "da" }), "anonymous": with(Input{}, "q=1", "h"),
		"query": with(as("ada", "read"), "q=2", "h"), "header": with(as("ada", "read"), "q=1", "i"), "no query": with(as("ada", "read"), "", "h"),
		"shifted values": with(as("ada", "read"), "q=1h", ""), "condition": with(as("ada", "read"), "q=1&c=2", "h"),
		"path": {Param: func(string) string { return "p2" }, Identity: ada.Identity, RawQuery: "q=1", Header: ada.Header},
	} {
		t.Run(name, func(t *testing.T) {
			in, _ := keeping(t)
			list := Constant(`{"items":[{"id":1}]}`)
			call := users.Get("/u/{}", PathParam("id"), Query{"q": QueryParam("q").Or("none")}, Headers{"X-Value": HeaderField("x-value").Or("none")}).
				When(Not(Eq(QueryParam("c"), "1")))
			p := w.compileIn(in, Endpoint{Route: "GET /v1/{id}", Parts: []Part{
				{Name: "a", From: call, Else: LastGood(time.Hour)},
				{Name: "b", From: users.Get("/x", Query{"of": call.Value("asked")}), Else: LastGood(time.Hour)},
				{Name: "c", From: list.Join("items.id", call, "a.b", "it"), Else: LastGood(time.Hour)},
				{Name: "d", From: list.ForEach("items", "it", func(it Item) *Call { return users.Get("/{}", it.Value("id"), Query{"of": call.Value("asked")}) }).Max(3), Else: LastGood(time.Hour)},
				{Name: "one", From: Constant(`1`)},
			}})
			if ada.Param == nil {
				ada.Param = func(string) string { return "p" }
			}
			if eve.Param == nil {
				eve.Param = ada.Param
			}
			m.bad.Store(false)
			good := parts(mustRun(t, p, ada))
			m.bad.Store(true)
			if a := answer(t, p, ada); parts(string(a.Body)) != good || a.Partial() {
				t.Errorf("of her own, she got %s", a.Body)
			}
			if a := answer(t, p, eve); strings.Contains(string(a.Body), "asked") || a.Completeness() != `partial, missing=("a" "b" "c" "d")` {
				t.Errorf("another got %s", a.Body)
			}
		})
	}
}

// TestWhatIsPublicIsKeptForAll, if all of it is public.
func TestWhatIsPublicIsKeptForAll(t *testing.T) {
	w, m := newWorld(t), &mood{}
	w.http("users", m.ServeHTTP)
	in, _ := keeping(t)
	p := w.compileIn(in, Endpoint{Parts: []Part{
		{Name: "all", From: users.Get("/all").Public(), Mask: `{n}`, Else: LastGood(time.Hour)},
		{Name: "half", From: users.Get("/half", Query{"of": users.Get("/own").Value("n")}).Public(), Mask: `{n}`, Else: LastGood(time.Hour)},
		{Name: "decided", From: users.Get("/if").Public().When(Has(users.Get("/own").Value("n"))), Mask: `{n}`, Else: LastGood(time.Hour)},
		{Name: "asked", From: users.Get("/asked/{}", Claim("sub")).Public(), Mask: `{n}`, Else: LastGood(time.Hour)},
		{Name: "one", From: Constant(`1`)},
	}})
	mustRun(t, p, as("ada"))
	m.bad.Store(true)
	if got := answer(t, p, as("eve")).Completeness(); got != `partial, missing=("half" "decided" "asked"), stale=("all")` {
		t.Error(got)
	}
	if got := answer(t, p, as("ada")).Completeness(); got != `stale=("all" "half" "decided" "asked")` {
		t.Error(got)
	}
}

// TestGoodOrDefault has a second choice.
func TestGoodOrDefault(t *testing.T) {
	w, m := newWorld(t), &mood{}
	w.http("users", m.ServeHTTP)
	in, clock := keeping(t)
	for _, in := range []Env{in, {Now: in.Now}} { // and one that keeps nothing
		m.bad.Store(true)
		p := w.compileIn(in, Endpoint{Parts: []Part{{Name: "user", From: users.Get("/u"), Mask: `{asked}`, Else: LastGood(time.Minute).OrDefault(`[]`)}}})
		a := answer(t, p, as("ada"))
		if parts(string(a.Body)) != `{"user":[]}` || a.Completeness() != `partial, default=("user")` || a.Flaws[0].StaleAge != 0 {
			t.Errorf("%s", a.Body)
		}
		m.bad.Store(false)
		mustRun(t, p, as("ada"))
		m.bad.Store(true)
		want := `{"user":[]}`
		if in.Kept != nil {
			want = `{"user":{"asked":"/u"}}`
		}
		if got := parts(mustRun(t, p, as("ada"))); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		clock.now = clock.now.Add(time.Hour)
	}
}

// TestOnlyWhatIsWholeIsKept: neither defaults, nor what lacks something within, nor
// what was skipped.
func TestOnlyWhatIsWholeIsKept(t *testing.T) {
	w := newWorld(t)
	bad := false
	w.http("users", func(rw http.ResponseWriter, _ *http.Request) {
		if bad {
			rw.WriteHeader(http.StatusInternalServerError)
		}
		fmt.Fprint(rw, `{"items":[{"id":1}]}`)
	})
	w.http("orders", status(http.StatusInternalServerError))
	in, _ := keeping(t)
	list := users.Get("/list")
	p := w.compileIn(in, Endpoint{Parts: []Part{
		{Name: "join", From: list.Join("items.id", orders.Get("/o"), "items.id", "it").Optional(), Else: LastGood(time.Hour)},
		{Name: "each", From: list.ForEach("items", "it", func(it Item) *Call { return orders.Get("/{}", it.Value("id")) }).Max(3), Else: LastGood(time.Hour)},
		{Name: "off", From: Constant(`1`).When(Has(list.Value("none"))), Else: LastGood(time.Hour)},
		{Name: "default", From: orders.Get("/"), Else: LastGood(time.Hour).OrDefault(`1`)},
		{Name: "one", From: Constant(`1`)},
	}})
	if got := answer(t, p, as("ada")).Completeness(); got != `partial, default=("default"), incomplete=("join" "each")` {
		t.Error(got)
	}
	bad = true
	if got := answer(t, p, as("ada")).Completeness(); got != `partial, missing=("join" "each" "off"), default=("default")` {
		t.Error(got)
	}
}

// TestHowLongAnOldAnswerMayBeKept depends on all that it was made from.
func TestHowLongAnOldAnswerMayBeKept(t *testing.T) {
	w, m := newWorld(t), &mood{}
	w.http("users", m.ServeHTTP)
	w.http("orders", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Cache-Control", "no-store")
		rw.Header().Set("Vary", "X-Zone")
		if m.bad.Load() {
			rw.WriteHeader(http.StatusInternalServerError)
		}
		fmt.Fprint(rw, `{}`)
	})
	in, clock := keeping(t)
	p := w.compileIn(in, Endpoint{Parts: []Part{
		{Name: "x", From: users.Get("/u").Join("items.id", orders.Get("/o"), "items.id", "it"), Else: LastGood(time.Hour)}, {Name: "one", From: Constant(`1`)},
	}})
	mustRun(t, p, as("ada"))
	m.bad.Store(true)
	clock.now = clock.now.Add(10 * time.Second)
	if a := answer(t, p, as("ada")); a.CacheControl != "no-store" || strings.Join(a.Vary, " ") != "X-Zone" || a.Partial() {
		t.Errorf("%q, vary %q: %s", a.CacheControl, a.Vary, a.Body)
	}
}

// TestWhatIsKeptIsNotWhatWasSent: the memory of the answer is used again.
func TestWhatIsKeptIsNotWhatWasSent(t *testing.T) {
	w, m := newWorld(t), &mood{}
	w.http("users", m.ServeHTTP)
	in, _ := keeping(t)
	p := w.compileIn(in, Endpoint{Parts: []Part{{Name: "user", From: users.Get("/u/{}", Claim("sub")), Mask: `{asked}`, Else: LastGood(time.Hour)}}})
	for i := range 20 {
		answer(t, p, as(fmt.Sprint("subject", i))).Release()
	}
	m.bad.Store(true)
	for i := range 20 {
		a := answer(t, p, as(fmt.Sprint("subject", i)))
		if got := parts(string(a.Body)); got != fmt.Sprintf(`{"user":{"asked":"/u/subject%d"}}`, i) {
			t.Error(got)
		}
		a.Release()
	}
}

// TestADifferentScreenKeepsItsOwn: the same call under another mask, route or choice
// of fields.
func TestADifferentScreenKeepsItsOwn(t *testing.T) {
	w, m := newWorld(t), &mood{}
	w.http("users", m.ServeHTTP)
	in, _ := keeping(t)
	screen := func(route, name, mask string) *Plan {
		return w.compileIn(in, Endpoint{Route: route, Fields: true, Parts: []Part{
			{Name: name, From: users.Get("/u"), Mask: mask, Else: LastGood(time.Hour)}, {Name: "one", From: Constant(`1`)},
		}})
	}
	p := screen("GET /a", "user", `{n}`)
	mustRun(t, p, as("ada"))
	m.bad.Store(true)
	narrow, err := p.Narrow("user(n),one")
	if err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]*Plan{
		"route": screen("GET /b", "user", `{n}`), "part": screen("GET /a", "user2", `{n}`), "mask": screen("GET /a", "user", `{n,asked}`), "fields": narrow,
	} {
		if got := answer(t, other, as("ada")); !got.Partial() {
			t.Errorf("%s: %s", name, got.Body)
		}
	}
	if got := answer(t, screen("GET /a", "user", `{n}`), as("ada")); got.Partial() { // as after a reload
		t.Errorf("%s", got.Body)
	}
}

// TestARequestThatFailsKeepsNothing, and what is kept does not save a required part.
func TestARequestThatFailsKeepsNothing(t *testing.T) {
	w, m := newWorld(t), &mood{}
	w.http("users", m.ServeHTTP)
	in, _ := keeping(t)
	fails := true
	f := Func("required", func(context.Context, struct{}) (int, error) {
		if fails {
			return 0, errors.New("out of luck")
		}
		return 1, nil
	}).Call(nil)
	p := w.compileIn(in, Endpoint{Parts: []Part{
		{Name: "user", From: users.Get("/u"), Mask: `{n}`, Else: LastGood(time.Hour)}, {Name: "required", From: f},
	}})
	if _, err := p.Run(t.Context(), as("ada")); err == nil || problem.From(err).Kind != problem.Internal {
		t.Error(err)
	}
	fails = false
	m.bad.Store(true)
	if a := answer(t, p, as("ada")); !a.Partial() {
		t.Errorf("%s", a.Body)
	}
}
