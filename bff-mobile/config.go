package main

import (
	"github.com/triptych-bff/triptych/shared/aggregation"
	"github.com/triptych-bff/triptych/shared/gateway"
)

// Config is the gateway's configuration and what only this client has.
type Config struct {
	gateway.Config
}

// Endpoints implements [gateway.Settings].
func (c *Config) Endpoints() []aggregation.Endpoint { return routes(connect()) }
