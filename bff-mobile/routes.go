package main

import "github.com/triptych-bff/triptych/shared/aggregation"

// routes is everything that the phone app can ask for, beside the pass-through
// routes of config.yaml.
func routes(up upstreams) []aggregation.Endpoint {
	return []aggregation.Endpoint{
		home(up),
		film(up),
		rentals(up),
		rent(up),
	}
}
