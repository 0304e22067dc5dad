package main

import (
	"slices"

	"github.com/triptych-bff/triptych/shared/aggregation"
)

// routes is everything that the television app can ask for, beside the
// pass-through routes of config.yaml.
func routes(up upstreams) []aggregation.Endpoint {
	return slices.Concat(
		[]aggregation.Endpoint{
			home(up),
			film(up),
		},
		alone(up), // GET /v1/rows/…
	)
}
