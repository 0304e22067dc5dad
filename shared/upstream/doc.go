// Package upstream is one service behind the gateway, and the one way to call
// it: Start, then Wait or Cancel.
//
// A [Service] is an immutable view for one snapshot of the configuration: where
// the service is, and how long and how much it may answer. What has state
// stands in the [Pool], by the service's name, and outlives snapshots: the
// connections, and the breaker. So a reload that moves a service keeps its
// breaker, and calls that an old snapshot has started end undisturbed.
//
// Behind [Service.Start] there are two carriers: HTTP/1.1 over net/http, whose
// answer is read once, whole, into one buffer; and gRPC, whose messages are
// described by descriptors and come back as JSON. [Service.RoundTrip] streams an
// HTTP exchange through the same connections and the same breaker instead.
//
// Every call has a deadline, is tried once, follows no redirect, and passes the
// request's id and trace on. Its answer is bounded by MaxResponse; a stream is
// bounded by time only: it may be of any length, but not stall.
//
// Not here yet: retries, hedging and balancing over several addresses of an
// HTTP service, and client certificates.
package upstream
