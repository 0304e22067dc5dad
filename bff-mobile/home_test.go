package main

import (
	"net/http"
	"strings"
	"testing"
)

// TestHomeContract is what the services answer and what becomes of it; make record
// writes both anew.
func TestHomeContract(t *testing.T) {
	g, _, token := start(t, "ada", "testdata/home")
	complete(t, g.Get("/v1/home", token), http.StatusOK, "testdata/home.golden.json")
}

// TestHomeIsSmall keeps the phone's promise: a screen fits into the first
// round trip of a connection.
func TestHomeIsSmall(t *testing.T) {
	g, _, token := start(t, "ada", "testdata/home")
	const limit = 4 << 10
	if answer := g.Get("/v1/home", token); len(answer.Body) > limit {
		t.Errorf("%d bytes before compression; the screen's limit is %d", len(answer.Body), limit)
	}
	answer := g.Get("/v1/home", token, "Accept-Encoding", "gzip, zstd")
	if got := answer.Header.Get("Content-Encoding"); got != "zstd" {
		t.Errorf("content coding %q; the phone prefers zstd", got)
	}
}

func TestHomeWithoutOrders(t *testing.T) {
	g, services, token := start(t, "ada", "testdata/home")
	services.Stop("orders")
	answer := g.Get("/v1/home", token)
	if got := answer.Header.Get("BFF-Completeness"); answer.Status != http.StatusOK || got != `partial, missing=("rentals")` {
		t.Errorf("status %d, completeness %q", answer.Status, got)
	}
}

func TestHomeWithoutRecommendations(t *testing.T) {
	g, services, token := start(t, "ada", "testdata/home")
	services.Stop("recommendations")
	answer := g.Get("/v1/home", token)
	if answer.Status != http.StatusOK || answer.Header.Get("BFF-Completeness") != `partial, missing=("picks")` {
		t.Fatalf("status %d, completeness %q", answer.Status, answer.Header.Get("BFF-Completeness"))
	}
	if !strings.Contains(string(answer.Body), `"_meta":{"completeness":"partial","errors":[{"part":"picks","source":"recommendations"`) {
		t.Errorf("the body does not name what is missing: %s", answer.Body)
	}
	if answer.Header.Get("ETag") != "" || answer.Header.Get("Cache-Control") != "no-store" {
		t.Error("a partial answer can be stored")
	}
}

func TestHomeWithoutUsers(t *testing.T) {
	g, services, token := start(t, "ada", "testdata/home")
	services.Stop("users")
	refused(t, g.Get("/v1/home", token), http.StatusBadGateway, "unreachable")
}

func TestHomeNeverWaitsForAHungService(t *testing.T) {
	g, services, token := start(t, "ada", "testdata/home")
	services.Hang("users")
	refused(t, g.Get("/v1/home", token), http.StatusGatewayTimeout, "upstream-timeout")
}
