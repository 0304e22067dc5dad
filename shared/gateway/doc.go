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
//
// # Screens
//
// An aggregation endpoint is served as one JSON object, or, to a client whose Accept
// prefers application/x-ndjson or text/event-stream to application/json, in pieces:
// each a line, or an event's data, that is sent as soon as it is known.
//
//	{"type":"shell","members":["user","orders"]}
//	{"type":"section","name":"orders","errors":[{"part":"orders","code":"unreachable",…}]}
//	{"type":"section","name":"user","body":{"id":"ada"}}
//	{"type":"end","completeness":"partial","errors":[…]}
//
// The shell comes before any service has answered. Sections come in no particular
// order; one without a body has nothing to show. Where a required part fails, a piece
// of the type problem has the problem document, and the end says "failed"; the status,
// which was sent before, is 200. A stream without the piece of the type end was cut:
// what it had is not all, and may be asked for again. A page that reads events closes
// its EventSource at the end, which would otherwise ask for everything once more.
// Cookies cannot be set by a stream, so a screen that sets some is never streamed, nor
// is one that is composed or changes something.
//
// Where an endpoint lets its clients choose, ?fields=user(name),orders asks for less,
// and calls that nothing needs then are not made.
//
// A part that an answer lacks, or shows in another way than it should, is named with a
// link, "repair", where the screen consists of plain parts: the same request for this
// member only. The link goes the way of every request, is good for the same caller,
// path and query and for the time that is configured, and is a path: a client resolves
// it against the URL that it asked for. A screen with such parts cannot use a query
// parameter named repair, and one with choosable fields none named fields.
package gateway
