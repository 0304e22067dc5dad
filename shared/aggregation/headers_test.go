package aggregation

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
)

// says is a service that answers with these headers, in pairs.
func says(body string, headers ...string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			rw.Header().Add(headers[i], headers[i+1])
		}
		fmt.Fprint(rw, body)
	}
}

// TestWhatAllAnswersAllow is what the response may do: the least of everything.
func TestWhatAllAnswersAllow(t *testing.T) {
	fresh := says(`{"id":1,"items":[{"id":1}]}`, "Cache-Control", "public, max-age=600", "Vary", "Accept-Language")
	for name, test := range map[string]struct {
		other   http.HandlerFunc // which the answer of the first is joined with
		control string
		vary    []string
	}{
		"the least freshness": {says(`{}`, "Cache-Control", "max-age=60", "Age", "20"), "private, max-age=40", []string{"Accept-Language"}},
		"a union of Vary":     {says(`{}`, "Cache-Control", "max-age=900", "Vary", "X-Device, accept-language", "Vary", "X-Area"), "private, max-age=600", []string{"Accept-Language", "X-Area", "X-Device"}},
		"everything":          {says(`{}`, "Cache-Control", "max-age=900", "Vary", "*"), "private, no-cache", []string{"*"}},
		"no-store":            {says(`{}`, "Cache-Control", "no-store"), "no-store", []string{"Accept-Language"}},
		"no-cache":            {says(`{}`, "Cache-Control", "no-cache, max-age=9"), "private, no-cache", []string{"Accept-Language"}},
		"must-revalidate":     {says(`{}`, "Cache-Control", "max-age=900, must-revalidate"), "private, max-age=600, must-revalidate", []string{"Accept-Language"}},
		"nothing said":        {says(`{}`), "private, no-cache", []string{"Accept-Language"}},
		"stale already":       {says(`{}`, "Cache-Control", "max-age=5", "Age", "7"), "private, max-age=0", []string{"Accept-Language"}},
		"a failure left out":  {status(http.StatusInternalServerError), "no-store", []string{"Accept-Language"}},
		"a refusal with Vary": {func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Vary", "X-A")
			rw.WriteHeader(http.StatusForbidden)
		}, "no-store", []string{"Accept-Language"}},
		"encodings do not add": {says(`{}`, "Cache-Control", "max-age=900", "Vary", "Accept-Encoding"), "private, max-age=600", []string{"Accept-Language"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.http("users", fresh)
			w.http("orders", test.other)
			user, other := users.Get("/me"), orders.Get("/")
			for _, table := range [][]Part{
				{{Name: "user", From: user}, {Name: "orders", From: other, Else: Omit}},
				{{Name: "user", From: user.Join("items.id", other, "items.id", "x").Optional()}},
				{{Name: "user", From: user.ForEach("items", "x", func(it Item) *Call { return orders.Get("/", Query{"id": it.Value("id")}) }).Max(2)}},
				{{Name: "user", From: user}, {Name: "static", From: Constant(`1`).When(Has(other.Value("id").Or(1)))}}, // it decides
			} {
				a, err := w.compile(Endpoint{Parts: table}).Run(t.Context(), ada())
				if err != nil {
					t.Fatal(err)
				}
				if decides := len(table) == 2 && table[1].Name == "static"; decides && len(a.Flaws) == 0 && test.control == "no-store" && name != "no-store" {
					continue // of what failed there is nothing in the answer
				}
				if a.CacheControl != test.control || !slices.Equal(a.Vary, test.vary) {
					t.Errorf("%d parts: %s, Vary %v; want %s, %v", len(table), a.CacheControl, a.Vary, test.control, test.vary)
				}
			}
		})
	}
}

// TestTheResponseVariesWithWhatCallsUse of the request's headers, once and only those
// that are used.
func TestTheResponseVariesWithWhatCallsUse(t *testing.T) {
	w := newWorld(t)
	w.http("users", says(`{}`, "Vary", "Accept-Language", "Cache-Control", "max-age=60"))
	w.http("orders", says(`{}`, "Cache-Control", "max-age=60"))
	w.http("any", says(`{}`, "Cache-Control", "max-age=60", "Vary", "*"))
	p := w.compile(Endpoint{Fields: true, Parts: []Part{
		{Name: "user", From: users.Get("/", Headers{"Accept-Language": HeaderField("accept-language").Or("en"), "X-Area": HeaderField("X-Area").Or("x")})},
		{Name: "orders", From: orders.Get("/", Query{"d": HeaderField("x-device").Or("")})},
		{Name: "more", From: orders.Get("/more").When(Any(Eq(HeaderField("X-More"), "1"), Not(Has(HeaderField("X-Less")))))},
		{Name: "any", From: HTTP("any").Get("/", Headers{"X-Any": HeaderField("X-Any").Or("x")})},
	}})
	for fields, want := range map[string][]string{
		"user":             {"Accept-Language", "X-Area"},
		"orders":           {"X-Device"},
		"more":             {"X-Less", "X-More"},
		"user,orders":      {"Accept-Language", "X-Area", "X-Device"},
		"user,any":         {"*"},
		"user,orders,more": {"Accept-Language", "X-Area", "X-Device", "X-Less", "X-More"},
	} {
		narrow, err := p.Narrow(fields)
		if err != nil {
			t.Fatal(err)
		}
		a, err := narrow.Run(t.Context(), ada())
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Sorted(slices.Values(a.Vary)); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", fields, got, want)
		}
	}
}

// TestOnlyNamedCookies of parts that are shown as they are reach the client.
func TestOnlyNamedCookies(t *testing.T) {
	w := newWorld(t)
	w.http("users", says(`{"items":[{"id":1}]}`, "Set-Cookie", "a=1; Secure; HttpOnly", "Set-Cookie", "b=2", "Set-Cookie", " a =3; Path=/", "Set-Cookie", "aa=4", "Set-Cookie", "=5", "Set-Cookie", "a"))
	w.http("orders", says(`{"no":"list"}`, "Set-Cookie", "a=6", "Set-Cookie", "c=7"))
	w.http("gone", status(http.StatusInternalServerError))
	w.http("refusing", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Set-Cookie", "a=8")
		rw.WriteHeader(http.StatusForbidden)
	})
	user := users.Get("/")
	for name, test := range map[string]struct {
		parts []Part
		want  []string
	}{
		"none named":     {[]Part{{Name: "u", From: user}}, nil},
		"one":            {[]Part{{Name: "u", From: user, Cookies: []string{"a"}}}, []string{"a=1; Secure; HttpOnly", "a =3; Path=/", "a"}},
		"two":            {[]Part{{Name: "u", From: user, Cookies: []string{"b", "a", "z"}}}, []string{"a=1; Secure; HttpOnly", "b=2", "a =3; Path=/", "a"}},
		"two parts":      {[]Part{{Name: "u", From: user, Cookies: []string{"b"}}, {Name: "o", From: orders.Get("/"), Cookies: []string{"c"}}}, []string{"b=2", "c=7"}},
		"not of another": {[]Part{{Name: "u", From: user, Cookies: []string{"c"}}, {Name: "o", From: orders.Get("/")}}, nil},
		"a default":      {[]Part{{Name: "u", From: user}, {Name: "o", From: orders.Get("/"), Limit: Limit{Bytes: 1}, Else: Default(`1`), Cookies: []string{"a"}}}, nil},
		"left out":       {[]Part{{Name: "u", From: user}, {Name: "o", From: orders.Get("/"), Limit: Limit{Bytes: 1}, Else: Omit, Cookies: []string{"a"}}}, nil},
		"refused":        {[]Part{{Name: "u", From: user}, {Name: "o", From: HTTP("refusing").Get("/"), Else: Omit, Cookies: []string{"a"}}}, nil},
		"unfit":          {[]Part{{Name: "u", From: Constant(`[1]`)}, {Name: "u", From: orders.Get("/"), Merge: Concat, Else: Omit, Cookies: []string{"a"}}}, nil},
		"incomplete":     {[]Part{{Name: "u", From: user.Join("items.id", HTTP("gone").Get("/"), "items.id", "x").Optional(), Cookies: []string{"b"}}}, []string{"b=2"}},
	} {
		a, err := w.compile(Endpoint{Parts: test.parts}).Run(t.Context(), ada())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a.Cookies, test.want) {
			t.Errorf("%s: %q, want %q", name, a.Cookies, test.want)
		}
	}
}
