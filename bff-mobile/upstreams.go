package main

import "github.com/triptych-bff/triptych/shared/aggregation"

// upstreams are the services that the phone app's screens are made of, by the
// names that they have in the configuration.
type upstreams struct {
	Users           aggregation.REST
	Orders          aggregation.REST
	Reviews         aggregation.REST
	Playback        aggregation.REST
	Catalog         aggregation.GRPC
	Recommendations aggregation.GRPC
}

func connect() upstreams {
	return upstreams{
		Users:           aggregation.HTTP("users"),
		Orders:          aggregation.HTTP("orders"),
		Reviews:         aggregation.HTTP("reviews"),
		Playback:        aggregation.HTTP("playback"),
		Catalog:         aggregation.RPC("catalog", "filmstore.catalog.v1.Catalog"),
		Recommendations: aggregation.RPC("recommendations", "filmstore.recommendations.v1.Recommendations"),
	}
}
