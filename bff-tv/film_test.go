package main

import (
	"testing"

	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

// TestFilmContract is what the services answer and what becomes of it; make record
// writes both anew. Whatever is missing beside it, there is a screen of the film.
func TestFilmContract(t *testing.T) {
	gatewaytest.Screen{
		App: app(), As: member, Ask: "GET /v1/films/jackie-brown-1997",
		Record: "testdata/film", Golden: "testdata/film.golden.json", MaxBytes: 4 << 10,
	}.Run(t, gatewaytest.Cases{
		"without playback":        {Stop: []string{"playback"}, Missing: []string{"play"}},
		"without recommendations": {Stop: []string{"recommendations"}, Missing: []string{"similar"}},
		"without the catalog":     {Stop: []string{"catalog"}, Status: 502, Code: "unreachable"},
		// What to play is enough to play it, from the start.
		"without a position": {
			Answer:     map[string]gatewaytest.Reply{"playback": {To: "GET /positions/", Status: 500}},
			Incomplete: []string{"play"},
			Members:    map[string]string{"play": `{"manifest":"https://play.example.com/m/jackie-brown-1997/uhd.mpd"}`},
		},
		// Streams are the same for everybody, and the service says for how long; a
		// position is the member's own.
		"a second time": {Before: 1, Calls: map[string]int{"playback": 3}},
		// There is no screen of it, whatever the other services say.
		"of an unknown film": {
			Ask: "GET /v1/films/nosferatu-1922", Record: "testdata/unknown",
			Status: 404, Code: "not-found",
		},
		"for members": {Anonymous: true, Status: 401, Code: "unauthenticated"},
	})
}
