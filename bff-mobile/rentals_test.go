package main

import (
	"testing"

	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

// TestRentalsContract: without its orders or its pictures there is no screen.
func TestRentalsContract(t *testing.T) {
	gatewaytest.Screen{
		App: app(), As: member, Ask: "GET /v1/rentals",
		Record: "testdata/rentals", Golden: "testdata/rentals.golden.json",
	}.Run(t, gatewaytest.Cases{
		"without orders":      {Stop: []string{"orders"}, Status: 502, Code: "unreachable"},
		"without the catalog": {Stop: []string{"catalog"}, Status: 502, Code: "unreachable"},
		"for customers":       {As: visitor, Status: 403, Code: "insufficient-scope", Calls: map[string]int{"orders": 0}},
		"for members":         {Anonymous: true, Status: 401, Code: "unauthenticated", Calls: map[string]int{"orders": 0}},
	})
}

// TestRentContract rents as ben, whose orders nobody else records.
func TestRentContract(t *testing.T) {
	gatewaytest.Screen{
		App: app(), As: ben, Ask: "POST /v1/rentals", Body: `{"film_id":"fight-club-1999"}`,
		Record: "testdata/rent", Golden: "testdata/rent.golden.json", Status: 201,
		Header: map[string]string{"RateLimit-Policy": `"user";q=600;w=60, "purchases";q=20;w=60`},
	}.Run(t, gatewaytest.Cases{
		"without orders": {Stop: []string{"orders"}, Status: 502, Code: "unreachable"},
		// The rental may have been made, and the answer says so.
		"when orders hang": {Hang: []string{"orders"}, Status: 502, Code: "outcome-unknown", Calls: map[string]int{"orders": 1}},
		"of nothing":       {Body: `{"film":"fight-club-1999"}`, Status: 400, Code: "bad-request", Calls: map[string]int{"orders": 0}},
		"of no JSON":       {Body: `film_id=fight-club-1999`, Status: 400, Code: "bad-request", Calls: map[string]int{"orders": 0}},
		"for buyers":       {As: reader, Status: 403, Code: "insufficient-scope", Calls: map[string]int{"catalog": 0, "orders": 0}},
	})
}

// TestRentKnownContract: a film that is rented already is not paid twice. The Dark
// Knight is among ben's rentals.
func TestRentKnownContract(t *testing.T) {
	gatewaytest.Screen{
		App: app(), As: ben, Ask: "POST /v1/rentals", Body: `{"film_id":"the-dark-knight-2008"}`,
		Record: "testdata/rent_known", Status: 409, Code: "conflict",
	}.Run(t, nil)
}

// TestRentUnknownContract: what the catalog does not know is not asked of orders.
func TestRentUnknownContract(t *testing.T) {
	gatewaytest.Screen{
		App: app(), As: ben, Ask: "POST /v1/rentals", Body: `{"film_id":"no-such-film"}`,
		Record: "testdata/rent_unknown", Status: 404, Code: "not-found", Calls: map[string]int{"orders": 0},
	}.Run(t, nil)
}
