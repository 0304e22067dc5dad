package main

import (
	"testing"

	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

// TestDashboardContract is what the services answer and what becomes of it; make
// record writes both anew. What others say is of the first recommendation, and gone
// with it.
func TestDashboardContract(t *testing.T) {
	gatewaytest.Screen{
		App: app(), As: member, Ask: "GET /api/dashboard",
		Record: "testdata/dashboard", Golden: "testdata/dashboard.golden.json",
	}.Run(t, gatewaytest.Cases{
		"without orders":          {Stop: []string{"orders"}, Missing: []string{"orders"}},
		"without recommendations": {Stop: []string{"recommendations"}, Missing: []string{"recommendations", "talk"}},
		"without reviews":         {Stop: []string{"reviews"}, Missing: []string{"reviews", "talk"}},
		"without the catalog":     {Stop: []string{"catalog"}, Missing: []string{"orders", "recommendations"}},
		"without users":           {Stop: []string{"users"}, Status: 502, Code: "unreachable"},
		"when users hang":         {Hang: []string{"users"}, Status: 504, Code: "upstream-timeout"},
	})
}
