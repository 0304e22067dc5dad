package main

import (
	"net/http"
	"testing"

	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

// TestHomeContract is what the services answer and what becomes of it; make record
// writes both anew.
func TestHomeContract(t *testing.T) {
	g, _, token := start(t, "testdata/home")
	answer := g.Get("/api/pages/home", token)
	wantFull(t, answer)
	gatewaytest.Golden(t, "testdata/home.golden.json", answer.Body)
}

// TestHomeIsOnePage: rich, and yet no more than a page shows.
func TestHomeIsOnePage(t *testing.T) {
	g, _, token := start(t, "testdata/home")
	const limit = 36 << 10
	if answer := g.Get("/api/pages/home", token); len(answer.Body) > limit {
		t.Errorf("%d bytes before compression; the page's limit is %d", len(answer.Body), limit)
	}
	answer := g.Get("/api/pages/home", token, "Accept-Encoding", "gzip, deflate, br, zstd")
	if got := answer.Header.Get("Content-Encoding"); got != "zstd" {
		t.Errorf("content coding %q; a browser of today reads zstd", got)
	}
}

func TestHomeWithout(t *testing.T) {
	for service, parts := range map[string][]string{
		"orders":          {"continue"},
		"recommendations": {"recommendations"},
		"reviews":         {"reviews"},
		"catalog":         {"continue", "recommendations", "best"},
	} {
		t.Run(service, func(t *testing.T) {
			g, services, token := start(t, "testdata/home")
			services.Stop(service)
			wantWithout(t, g.Get("/api/pages/home", token), service, parts...)
		})
	}
}

func TestHomeWithoutUsers(t *testing.T) {
	g, services, token := start(t, "testdata/home")
	services.Stop("users")
	wantProblem(t, g.Get("/api/pages/home", token), http.StatusBadGateway, "unreachable")
}

func TestHomeNeverWaitsForAHungService(t *testing.T) {
	g, services, token := start(t, "testdata/home")
	services.Hang("reviews")
	wantWithout(t, g.Get("/api/pages/home", token), "reviews", "reviews")
}

func TestHomeIsForMembers(t *testing.T) {
	g, services, _ := start(t, "testdata/home")
	wantProblem(t, g.Get("/api/pages/home", ""), http.StatusUnauthorized, "unauthenticated")
	if n := services.Calls("users"); n > 0 {
		t.Errorf("%d calls for somebody unknown", n)
	}
}

// TestHomeHead: what is not there is not fetched early, and makes no page fail.
func TestHomeHead(t *testing.T) {
	for part, want := range map[string]int{
		`{"items":[{"film":{"posters":[{"url":"/small","layout":"poster"},{"url":"/wide","layout":"hero"}]}},{}]}`: 1,
		`{"items":[{"film":{"posters":[{"url":"/small","layout":"poster"}]}}]}`:                                    0,
		`{"items":[{"film_id":"not-in-the-catalog"}]}`:                                                             0,
		`{"items":[]}`: 0,
		`null`:         0,
		``:             0,
	} {
		h, err := homeHead(func(string) []byte {
			if part == "" {
				return nil
			}
			return []byte(part)
		})
		if err != nil || h.Hints.Preload == nil || len(h.Hints.Preload) != want || want > 0 && h.Hints.Preload[0] != (preload{"/wide", "image"}) {
			t.Errorf("%s: %+v, %v", part, h.Hints.Preload, err)
		}
	}
}
