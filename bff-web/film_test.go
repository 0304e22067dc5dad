package main

import (
	"testing"

	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

// TestFilmContract is what the services answer and what becomes of it; make record
// writes both anew. The page is rich, and yet no more than one page shows.
func TestFilmContract(t *testing.T) {
	gatewaytest.Screen{
		App: app(), As: member, Ask: "GET /api/pages/films/jackie-brown-1997",
		Record: "testdata/film", Golden: "testdata/film.golden.json", MaxBytes: 20 << 10,
	}.Run(t, gatewaytest.Cases{
		"without reviews": {Stop: []string{"reviews"}, Missing: []string{"reviews"}},
		"for a child": {
			Answer: map[string]gatewaytest.Reply{"users": {Body: `{"preferences":{"maturity":"kids"}}`}},
			Calls:  map[string]int{"reviews": 0},
		},
		"without recommendations": {Stop: []string{"recommendations"}, Missing: []string{"similar"}},
		"without playback":        {Stop: []string{"playback"}, Missing: []string{"watch"}},
		"without orders":          {Stop: []string{"orders"}, Missing: []string{"mine"}},
		"without the catalog":     {Stop: []string{"catalog"}, Status: 502, Code: "unreachable"},
		// Reviews are the same for everybody, and the service says for how long.
		"a second time": {Before: 1, Calls: map[string]int{"reviews": 1, "orders": 2}},
		// There is no page of it, whatever the other services say.
		"of an unknown film": {
			Ask: "GET /api/pages/films/nosferatu-1922", Record: "testdata/unknown",
			Status: 404, Code: "not-found",
		},
		"for members": {Anonymous: true, Status: 401, Code: "unauthenticated"},
	})
}
