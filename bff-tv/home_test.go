package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

// start runs the gateway against recorded services.
func start(t *testing.T) (*gatewaytest.Gateway, *gatewaytest.Services, string) {
	t.Helper()
	services := gatewaytest.Replay(t, app(), "testdata/home")
	issuer := gatewaytest.NewIssuer(t, "bff-tv", "tv-app")
	g := gatewaytest.Start(t, app(), services, issuer)
	return g, services, issuer.Token("ada", "films:read")
}

// TestHomeContract is what the services answer and what becomes of it; make record
// writes both anew.
func TestHomeContract(t *testing.T) {
	g, _, token := start(t)
	answer := g.Get("/v1/home", token)
	if answer.Status != http.StatusOK || answer.Header.Get("BFF-Completeness") != "full" {
		t.Fatalf("status %d, completeness %q: %s", answer.Status, answer.Header.Get("BFF-Completeness"), answer.Body)
	}
	gatewaytest.Golden(t, "testdata/home.golden.json", answer.Body)
}

// TestHomeSuitsOldSets keeps the promises to a set that cannot be updated: a
// length is always given, gzip is the only coding, and the answer is small.
func TestHomeSuitsOldSets(t *testing.T) {
	g, _, token := start(t)
	const limit = 60 << 10
	answer := g.Get("/v1/home", token)
	if len(answer.Body) > limit {
		t.Errorf("%d bytes; a home has at most %d", len(answer.Body), limit)
	}
	if answer.Header.Get("Content-Length") == "" {
		t.Error("no Content-Length")
	}
	for offered, want := range map[string]string{"gzip, zstd, br": "gzip", "zstd, br": ""} {
		if got := g.Get("/v1/home", token, "Accept-Encoding", offered).Header.Get("Content-Encoding"); got != want {
			t.Errorf("offered %q: content coding %q, want %q", offered, got, want)
		}
	}
}

func TestHomeWithoutRecommendations(t *testing.T) {
	g, services, token := start(t)
	services.Stop("recommendations")
	answer := g.Get("/v1/home", token)
	if answer.Status != http.StatusOK || answer.Header.Get("BFF-Completeness") != `partial, missing=("hero" "picks")` {
		t.Fatalf("status %d, completeness %q", answer.Status, answer.Header.Get("BFF-Completeness"))
	}
	if !strings.Contains(string(answer.Body), `"_meta":{"completeness":"partial","errors":[{"part":"hero","source":"recommendations"`) {
		t.Errorf("the body does not name what is missing: %s", answer.Body)
	}
	if answer.Header.Get("ETag") != "" || answer.Header.Get("Cache-Control") != "no-store" {
		t.Error("a partial answer can be stored")
	}
}

// TestRowsWithoutItemsAreNotThere: whatever is in a row can take the focus.
func TestRowsWithoutItemsAreNotThere(t *testing.T) {
	for want, parts := range map[string]map[string]string{
		`{"first_focus":{"row":0,"index":0},"rows":[{"id":"picks","title":"For you","layout":"poster","items":[{"id":1}]},{"id":"best","title":"Best of all time","layout":"poster","items":[{"id":2},{"id":3}]}]}`: {
			"hero": `{"items":[]}`, "continue": `null`, "picks": `{"items":[{"id":1}]}`, "best": `{"items":[{"id":2},{"id":3}]}`,
		},
		`{"first_focus":null,"rows":[]}`: {"hero": `{}`, "picks": `{"items":null}`},
	} {
		got, err := rows(nil, func(name string) []byte { return []byte(parts[name]) })
		if err != nil || string(got) != want {
			t.Errorf("got  %s, %v\nwant %s", got, err, want)
		}
	}
}

// TestHomeWithoutCatalog: pictures and titles come from there, so nothing is
// left to show.
func TestHomeWithoutCatalog(t *testing.T) {
	g, services, token := start(t)
	services.Stop("catalog")
	if answer := g.Get("/v1/home", token); answer.Status != http.StatusBadGateway {
		t.Fatalf("status %d: %s", answer.Status, answer.Body)
	}
}

func TestHomeNeverWaitsForAHungService(t *testing.T) {
	g, services, token := start(t)
	services.Hang("orders")
	answer := g.Get("/v1/home", token)
	if answer.Status != http.StatusOK || answer.Header.Get("BFF-Completeness") != `partial, missing=("continue")` {
		t.Errorf("status %d, completeness %q: %s", answer.Status, answer.Header.Get("BFF-Completeness"), answer.Body)
	}
}
