// Package httpcache keeps public answers of services for as long as they say,
// and lets callers who ask for the same thing at the same time share one call.
//
// [Cache.Wrap] puts a cache before a service. It only acts on calls that their
// plan calls shared, and of these on HTTP GETs without a body, without
// credentials, and without headers that ask for a part or for a newer answer.
// It keeps what RFC 9111 lets a shared cache keep, and less: a 200 that says
// public and how long it is fresh, sets no cookie and varies on nothing but its
// coding. What it has kept is served until that time is over, with its Age, and
// never after.
//
// Two calls are the same if service, path, query and all headers are. Whoever
// asks first is not in charge: the call ends early only when all who wait for it
// have left, and each waits no longer than its own deadline lets it. An answer
// that turns out to be private is not shared with those who waited; they ask
// themselves.
//
// Validation (304), stale answers, answers kept without being declared public
// and a second level are not here yet.
package httpcache
