package main

import (
	"testing"

	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

// TestHomeContract is what the services answer and what becomes of it; make record
// writes both anew.
func TestHomeContract(t *testing.T) {
	gatewaytest.Screen{
		App: app(), As: member, Ask: "GET /v1/home",
		Record: "testdata/home", Golden: "testdata/home.golden.json", MaxBytes: firstRoundTrip,
	}.Run(t, gatewaytest.Cases{
		"without orders":   {Stop: []string{"orders"}, Missing: []string{"rentals"}},
		"without playback": {Stop: []string{"playback"}, Incomplete: []string{"rentals"}},
		"with one rental alone": { // whose place nobody knows
			Answer:     map[string]gatewaytest.Reply{"playback": {To: "GET /positions/ada/memento-2001", Status: 500}},
			Incomplete: []string{"rentals"},
			Golden:     "testdata/home-incomplete.golden.json",
		},
		"without recommendations": {Stop: []string{"recommendations"}, Missing: []string{"picks"}},
		"without users":           {Stop: []string{"users"}, Status: 502, Code: "unreachable"},
		"when users hang":         {Hang: []string{"users"}, Status: 504, Code: "upstream-timeout"},
		"compressed":              {Send: map[string]string{"Accept-Encoding": "gzip, zstd"}, Header: map[string]string{"Content-Encoding": "zstd"}},
	})
}
