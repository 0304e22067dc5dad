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
	issuer := gatewaytest.NewIssuer(t, "bff-mobile", "phone-app")
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

// TestHomeIsSmall keeps the phone's promise: a screen fits into the first
// round trip of a connection.
func TestHomeIsSmall(t *testing.T) {
	g, _, token := start(t)
	const limit = 4 << 10
	if answer := g.Get("/v1/home", token); len(answer.Body) > limit {
		t.Errorf("%d bytes before compression; the screen's limit is %d", len(answer.Body), limit)
	}
	answer := g.Get("/v1/home", token, "Accept-Encoding", "gzip, zstd")
	if got := answer.Header.Get("Content-Encoding"); got != "zstd" {
		t.Errorf("content coding %q; the phone prefers zstd", got)
	}
}

func TestHomeWithoutRecommendations(t *testing.T) {
	g, services, token := start(t)
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
	g, services, token := start(t)
	services.Stop("users")
	answer := g.Get("/v1/home", token)
	if answer.Status != http.StatusBadGateway || answer.Header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("status %d, %s: %s", answer.Status, answer.Header.Get("Content-Type"), answer.Body)
	}
}

func TestHomeNeverWaitsForAHungService(t *testing.T) {
	g, services, token := start(t)
	services.Hang("users")
	if answer := g.Get("/v1/home", token); answer.Status != http.StatusGatewayTimeout {
		t.Errorf("status %d: %s", answer.Status, answer.Body)
	}
}
