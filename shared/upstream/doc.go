// Package upstream is one service behind the gateway, and the one way to call
// it: Start, then Wait or Cancel.
//
// A [Service] is an immutable view for one snapshot of the configuration: where
// the service is, and how long and how much it may answer. What has state
// stands in the [Pool], by the service's name, and outlives snapshots: the
// connections, and the breaker. So a reload that moves a service keeps its
// breaker, and calls that an old snapshot has started end undisturbed.
//
// Behind [Service.Start] there are three carriers: HTTP/1.1 by package http1, whose
// answer is read once, whole, into one buffer; HTTP/2 by net/http; and gRPC, whose
// messages are described by descriptors and come back as JSON. [Service.Open]
// streams an HTTP exchange through the same connections and the same breaker
// instead.
//
// Every call has a deadline, follows no redirect, and passes the request's id and
// trace on. It is tried once; only one that changes nothing is sent once more,
// where its connection turns out to have ended. Its answer is bounded by
// MaxResponse; a stream is bounded by time only: it may be of any length, but not
// stall. What remains of a call's time is sent along: gRPC does so itself
// (grpc-timeout), and an HTTP service is told in the header that its
// configuration names.
//
// Not here yet: retries, hedging and balancing over several addresses of an
// HTTP service, and client certificates.
package upstream
