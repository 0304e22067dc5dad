// Package gateway assembles a backend-for-frontend gateway out of the packages
// below it. It is the only one that knows the web framework.
//
// An [App] is what one gateway brings: a name, an embedded configuration and
// its aggregation endpoints. [New] loads and checks it, and [Gateway.Run]
// serves until its context ends.
//
// Two things stand behind a running gateway. The runtime holds what has state,
// by name: connections, breakers, limiters, key sets, the cache. A snapshot is
// built from one configuration and never changes: routes, policies, compiled
// endpoints. [Gateway.Reload] builds a new snapshot beside the serving one and
// swaps one pointer, so that a reload loses no request and no state, and a
// configuration with a fault changes nothing.
package gateway
