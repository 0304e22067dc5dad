package main

import (
	"net/http"
	"testing"
)

const pulpFiction = "/v1/films/pulp-fiction-1994"

func TestFilmContract(t *testing.T) {
	g, _, token := start(t, "ada", "testdata/film")
	complete(t, g.Get(pulpFiction, token), http.StatusOK, "testdata/film.golden.json")
}

// TestFilmIsSmall keeps the phone's promise, as the first screen does.
func TestFilmIsSmall(t *testing.T) {
	g, _, token := start(t, "ada", "testdata/film")
	const limit = 4 << 10
	if answer := g.Get(pulpFiction, token); len(answer.Body) > limit {
		t.Errorf("%d bytes before compression; the screen's limit is %d", len(answer.Body), limit)
	}
}

func TestFilmWithoutWhatIsBesideIt(t *testing.T) {
	g, services, token := start(t, "ada", "testdata/film")
	for _, name := range []string{"playback", "reviews", "recommendations"} {
		services.Stop(name)
	}
	answer := g.Get(pulpFiction, token)
	const missing = `partial, missing=("watch" "opinions" "similar")`
	if got := answer.Header.Get("BFF-Completeness"); answer.Status != http.StatusOK || got != missing {
		t.Errorf("status %d, completeness %q: %s", answer.Status, got, answer.Body)
	}
}

func TestFilmWithoutTheCatalog(t *testing.T) {
	g, services, token := start(t, "ada", "testdata/film")
	services.Stop("catalog")
	refused(t, g.Get(pulpFiction, token), http.StatusBadGateway, "unreachable")
}

// TestFilmUnknown: the record is not made anew, since the first 404 cancels the
// other calls.
func TestFilmUnknown(t *testing.T) {
	g, _, token := start(t, "ada", "testdata/film_unknown")
	refused(t, g.Get("/v1/films/no-such-film", token), http.StatusNotFound, "not-found")
}
