package main

import (
	"bytes"
	"testing"

	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

// TestFilmContract is what the services answer and what becomes of it; make record
// writes both anew. What is recorded of an unknown film stays, since the first 404
// cancels the other calls.
func TestFilmContract(t *testing.T) {
	gatewaytest.Screen{
		App: app(), As: member, Ask: "GET /v1/films/pulp-fiction-1994",
		Record: "testdata/film", Golden: "testdata/film.golden.json", MaxBytes: firstRoundTrip,
	}.Run(t, gatewaytest.Cases{
		"without what is beside it": {
			Stop:    []string{"playback", "reviews", "recommendations"},
			Missing: []string{"watch", "opinions", "similar"},
		},
		"without the catalog": {Stop: []string{"catalog"}, Status: 502, Code: "unreachable"},
		"without users":       {Stop: []string{"users"}, Missing: []string{"opinions"}}, // it may be a child
		"for a child": {
			Answer: map[string]gatewaytest.Reply{"users": {Body: `{"preferences":{"maturity":"kids"}}`}},
			Calls:  map[string]int{"reviews": 0},
			Check:  without("opinions"),
		},
		"in few fields": {
			Ask:    "GET /v1/films/pulp-fiction-1994?fields=film(id,offers(price)),similar(items(film(title)))",
			Golden: "testdata/film-fields.golden.json",
			Calls:  map[string]int{"catalog": 2, "users": 0, "reviews": 0, "playback": 0},
		},
		"in fields that there are not": {
			Ask: "GET /v1/films/pulp-fiction-1994?fields=film(id,budget)", Status: 400, Code: "bad-request",
			Calls: map[string]int{"catalog": 0},
		},
		"unknown": {
			Ask: "GET /v1/films/no-such-film", Record: "testdata/film_unknown",
			Status: 404, Code: "not-found",
		},
	})
}

// without is a screen that lacks a part, and says nothing of it.
func without(part string) func(testing.TB, gatewaytest.Answer) {
	return func(t testing.TB, a gatewaytest.Answer) {
		if bytes.Contains(a.Body, []byte(`"`+part+`"`)) {
			t.Errorf("there is %s: %s", part, a.Body)
		}
	}
}
