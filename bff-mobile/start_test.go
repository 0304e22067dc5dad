package main

import "github.com/triptych-bff/triptych/shared/gatewaytest"

// Who asks. Members may do everything that the phone app can; nobody else records
// what ben has ordered.
var (
	member  = gatewaytest.Caller{Subject: "ada", Scopes: "films:read orders:read orders:write"}
	ben     = gatewaytest.Caller{Subject: "ben", Scopes: member.Scopes}
	reader  = gatewaytest.Caller{Subject: "ada", Scopes: "films:read orders:read"}
	visitor = gatewaytest.Caller{Subject: "ada", Scopes: "films:read"}
)

// firstRoundTrip is the phone's promise: a screen fits into the first round trip
// of a connection.
const firstRoundTrip = 4 << 10
