// Package httpcache keeps public answers of services for as long as they say,
// and lets callers who ask for the same thing at the same time share one call.
//
// [Cache.Wrap] puts a cache before a service. It keeps answers only of calls that
// their plan calls shared, and of these only of HTTP GETs without a body, without
// credentials, and without headers that ask for a part or for a newer answer.
// It keeps what RFC 9111 lets a shared cache keep, and less: a 200 that says
// public and how long it is fresh, sets no cookie and varies on nothing but its
// coding. What it has kept is served until that time is over, with its Age, and
// never after.
//
// Calls that only read are joined while they are under way: HTTP GETs without a
// body and gRPC calls whose request says so (Reads), and those that may be kept.
// Two are the same if service, path or method, query, all headers and the body
// are; and, unless the answer is the same whoever asks, the caller's identity, as
// the one value that stands for one verified token. Callers of whom nothing is
// known share among themselves.
//
// Whoever asks first leads, and waits as if it were alone; only its deadline is
// the call's for all. It may leave: the call goes on for those who follow, and is
// given up when all have left. A follower waits no longer than its own deadline
// lets it, and shares a failure as well as an answer, but for two cases. When the
// leader's time was over and the follower's is not, it asks again; and an answer
// that turns out to be private is not shared with others than one known caller.
// The service sees the leader's request id and trace.
//
// Validation (304), stale answers, answers kept without being declared public
// and a second level are not here yet.
package httpcache
