// Package framing reads along with HTTP/1 connections and lets no request in
// that two servers could take for different ones.
//
// net/http is lenient where others are strict: it takes a request with both
// Content-Length and Transfer-Encoding, joins folded headers, and ends lines at a
// bare LF. Each is allowed by RFC 9112 to a server that stands alone. Before a
// gateway there is often a proxy, and what the two read differently is how a
// request is smuggled past the one to the other (RFC 9112 §11.2). What net/http
// does refuse, it answers in plain text, past the log and the metrics.
//
// A [Conn] therefore stands between the socket and net/http, and reads along with
// the parser of package http1, which is strict. It holds a request's head back
// until it is whole and has only one reading, and follows the body to its end, so
// that it knows where the next head begins. A head that is refused never reaches
// net/http: a placeholder takes its place, and nothing after it is read as a
// request. Whoever handles the placeholder asks [Conn.Refusal] what to answer, so
// that a refusal is answered in order, logged and counted like any other. A body
// that is refused is spoilt, so that net/http fails it.
//
// The usual head, which comes in one piece and alone, is looked at where net/http
// wants to have it and is not copied.
package framing
