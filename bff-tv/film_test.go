package main

import (
	"net/http"
	"testing"

	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

const jackieBrown = "/v1/films/jackie-brown-1997"

// TestFilmContract is what the services answer and what becomes of it; make record
// writes both anew.
func TestFilmContract(t *testing.T) {
	g, _, token := start(t, "testdata/film")
	answer := g.Get(jackieBrown, token)
	wantFull(t, answer)
	gatewaytest.Golden(t, "testdata/film.golden.json", answer.Body)
}

func TestFilmIsSmall(t *testing.T) {
	g, _, token := start(t, "testdata/film")
	const limit = 4 << 10
	if answer := g.Get(jackieBrown, token); len(answer.Body) > limit {
		t.Errorf("%d bytes; a film has at most %d", len(answer.Body), limit)
	}
}

// TestFilmWithout: whatever else is missing, there is a screen of the film.
func TestFilmWithout(t *testing.T) {
	for service, parts := range map[string][]string{
		"playback":        {"play", "manifest"},
		"recommendations": {"similar"},
	} {
		t.Run(service, func(t *testing.T) {
			g, services, token := start(t, "testdata/film")
			services.Stop(service)
			wantWithout(t, g.Get(jackieBrown, token), service, parts...)
		})
	}
}

func TestFilmWithoutCatalog(t *testing.T) {
	g, services, token := start(t, "testdata/film")
	services.Stop("catalog")
	wantProblem(t, g.Get(jackieBrown, token), http.StatusBadGateway, "unreachable")
}

// TestUnknownFilm: there is no screen of it, whatever the other services say.
func TestUnknownFilm(t *testing.T) {
	g, _, token := start(t, "testdata/unknown")
	wantProblem(t, g.Get("/v1/films/nosferatu-1922", token), http.StatusNotFound, "not-found")
}

// TestStreamsAreKept: they are the same for everybody, and the service says for
// how long; a position is the member's own.
func TestStreamsAreKept(t *testing.T) {
	g, services, token := start(t, "testdata/film")
	for range 2 {
		wantFull(t, g.Get(jackieBrown, token))
	}
	if got := services.Calls("playback"); got != 3 {
		t.Errorf("playback was called %d times, not once for the streams and twice for the position", got)
	}
}

func TestFilmIsForMembers(t *testing.T) {
	g, _, _ := start(t, "testdata/film")
	wantProblem(t, g.Get(jackieBrown, ""), http.StatusUnauthorized, "unauthenticated")
}

// TestFilmScreen: two parts make a member, and one of them makes less of it.
func TestFilmScreen(t *testing.T) {
	for want, parts := range map[string]map[string]string{
		`{"film":{"id":"x","poster":"/p"},"play":{"percent":7,"manifest":"/m"},"similar":{"items":[]}}`: {
			"film": `{"id":"x"}`, "poster": `{"poster":"/p"}`,
			"play": `{"percent":7}`, "manifest": `{"manifest":"/m"}`, "similar": `{"items":[]}`,
		},
		`{"film":{"id":"x"},"play":{"manifest":"/m"}}`: {"film": `{"id":"x"}`, "poster": `{}`, "manifest": `{"manifest":"/m"}`},
		`{"film":{"id":"x"}}`:                          {"film": `{"id":"x"}`, "play": `{}`, "similar": `null`},
	} {
		got, err := filmScreen(nil, func(name string) []byte { return []byte(parts[name]) })
		if err != nil || string(got) != want {
			t.Errorf("got  %s, %v\nwant %s", got, err, want)
		}
	}
}
