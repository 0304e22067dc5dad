package main

import (
	"net/http"
	"testing"

	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

// TestDashboardContract is what the services answer and what becomes of it; make record
// writes both anew.
func TestDashboardContract(t *testing.T) {
	g, _, token := start(t, "testdata/dashboard")
	answer := g.Get("/api/dashboard", token)
	wantFull(t, answer)
	gatewaytest.Golden(t, "testdata/dashboard.golden.json", answer.Body)
}

// TestDashboardWithout: what others say is of the first recommendation, and gone
// with it.
func TestDashboardWithout(t *testing.T) {
	for service, parts := range map[string][]string{
		"orders":          {"orders"},
		"recommendations": {"recommendations", "talk"},
		"reviews":         {"reviews", "talk"},
		"catalog":         {"orders", "recommendations"},
	} {
		t.Run(service, func(t *testing.T) {
			g, services, token := start(t, "testdata/dashboard")
			services.Stop(service)
			wantWithout(t, g.Get("/api/dashboard", token), service, parts...)
		})
	}
}

func TestDashboardWithoutUsers(t *testing.T) {
	g, services, token := start(t, "testdata/dashboard")
	services.Stop("users")
	wantProblem(t, g.Get("/api/dashboard", token), http.StatusBadGateway, "unreachable")
}

func TestDashboardNeverWaitsForAHungService(t *testing.T) {
	g, services, token := start(t, "testdata/dashboard")
	services.Hang("users")
	wantProblem(t, g.Get("/api/dashboard", token), http.StatusGatewayTimeout, "upstream-timeout")
}
