package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

// TestDashboardContract is what the services answer and what becomes of it; make record
// writes both anew.
func TestDashboardContract(t *testing.T) {
	g, _, token := start(t, "testdata/dashboard")
	answer := g.Get("/api/dashboard", token)
	if answer.Status != http.StatusOK || answer.Header.Get("BFF-Completeness") != "full" {
		t.Fatalf("status %d, completeness %q: %s", answer.Status, answer.Header.Get("BFF-Completeness"), answer.Body)
	}
	gatewaytest.Golden(t, "testdata/dashboard.golden.json", answer.Body)
}

func TestDashboardWithoutRecommendations(t *testing.T) {
	g, services, token := start(t, "testdata/dashboard")
	services.Stop("recommendations")
	answer := g.Get("/api/dashboard", token)
	if answer.Status != http.StatusOK || answer.Header.Get("BFF-Completeness") != `partial, missing=("recommendations" "talk")` {
		t.Fatalf("status %d, completeness %q", answer.Status, answer.Header.Get("BFF-Completeness"))
	}
	if !strings.Contains(string(answer.Body), `"_meta":{"completeness":"partial","errors":[{"part":"recommendations","source":"recommendations"`) {
		t.Errorf("the body does not name what is missing: %s", answer.Body)
	}
	if answer.Header.Get("ETag") != "" || answer.Header.Get("Cache-Control") != "no-store" {
		t.Error("a partial answer can be stored")
	}
}

func TestDashboardWithoutUsers(t *testing.T) {
	g, services, token := start(t, "testdata/dashboard")
	services.Stop("users")
	answer := g.Get("/api/dashboard", token)
	if answer.Status != http.StatusBadGateway || answer.Header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("status %d, %s: %s", answer.Status, answer.Header.Get("Content-Type"), answer.Body)
	}
}

func TestDashboardNeverWaitsForAHungService(t *testing.T) {
	g, services, token := start(t, "testdata/dashboard")
	services.Hang("users")
	if answer := g.Get("/api/dashboard", token); answer.Status != http.StatusGatewayTimeout {
		t.Errorf("status %d: %s", answer.Status, answer.Body)
	}
}
