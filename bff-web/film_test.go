package main

import (
	"net/http"
	"testing"

	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

const jackieBrown = "/api/pages/films/jackie-brown-1997"

// TestFilmContract is what the services answer and what becomes of it; make record
// writes both anew.
func TestFilmContract(t *testing.T) {
	g, _, token := start(t, "testdata/film")
	answer := g.Get(jackieBrown, token)
	wantFull(t, answer)
	gatewaytest.Golden(t, "testdata/film.golden.json", answer.Body)
}

// TestFilmIsOnePage: rich, and yet no more than a page shows.
func TestFilmIsOnePage(t *testing.T) {
	g, _, token := start(t, "testdata/film")
	const limit = 20 << 10
	if answer := g.Get(jackieBrown, token); len(answer.Body) > limit {
		t.Errorf("%d bytes before compression; the page's limit is %d", len(answer.Body), limit)
	}
}

func TestFilmWithout(t *testing.T) {
	for service, part := range map[string]string{
		"reviews": "reviews", "recommendations": "similar", "playback": "watch", "orders": "mine",
	} {
		t.Run(service, func(t *testing.T) {
			g, services, token := start(t, "testdata/film")
			services.Stop(service)
			wantWithout(t, g.Get(jackieBrown, token), service, part)
		})
	}
}

func TestFilmWithoutCatalog(t *testing.T) {
	g, services, token := start(t, "testdata/film")
	services.Stop("catalog")
	wantProblem(t, g.Get(jackieBrown, token), http.StatusBadGateway, "unreachable")
}

// TestUnknownFilm: there is no page of it, whatever the other services say.
func TestUnknownFilm(t *testing.T) {
	g, _, token := start(t, "testdata/unknown")
	wantProblem(t, g.Get("/api/pages/films/nosferatu-1922", token), http.StatusNotFound, "not-found")
}

// TestReviewsOfAFilmAreKept: they are the same for everybody, and the service says
// for how long.
func TestReviewsOfAFilmAreKept(t *testing.T) {
	g, services, token := start(t, "testdata/film")
	for range 2 {
		wantFull(t, g.Get(jackieBrown, token))
	}
	if reviews, orders := services.Calls("reviews"), services.Calls("orders"); reviews != 1 || orders != 2 {
		t.Errorf("reviews of the film were asked for %d times, and orders of the member %d times", reviews, orders)
	}
}

func TestFilmIsForMembers(t *testing.T) {
	g, _, _ := start(t, "testdata/film")
	wantProblem(t, g.Get(jackieBrown, ""), http.StatusUnauthorized, "unauthenticated")
}
