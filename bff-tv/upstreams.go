package main

import "github.com/triptych-bff/triptych/shared/aggregation"

// upstreams are the services that the television app's screens are made of, by the
// names that they have in the configuration.
type upstreams struct {
	Orders          aggregation.REST
	Playback        aggregation.REST
	Catalog         aggregation.GRPC
	Recommendations aggregation.GRPC
}

func connect() upstreams {
	return upstreams{
		Orders:          aggregation.HTTP("orders"),
		Playback:        aggregation.HTTP("playback"),
		Catalog:         aggregation.RPC("catalog", "filmstore.catalog.v1.Catalog"),
		Recommendations: aggregation.RPC("recommendations", "filmstore.recommendations.v1.Recommendations"),
	}
}
