package main

import "github.com/triptych-bff/triptych/shared/gatewaytest"

// member may do everything that the browser app can.
var member = gatewaytest.Caller{Subject: "ada", Scopes: "films:read"}
