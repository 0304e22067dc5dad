// Package routing decides which route a request takes.
//
// It is pure: no sockets, no clock, no web framework. [Canonical] turns the path
// of a request into the one form that routing, authorisation, limits, caches and
// the services behind see, or refuses it. [Compile] turns the configured routes
// into a [Table] and reports every pair that cannot both be meant. A [Rewrite]
// says which path the service behind a route sees.
//
// # Patterns
//
// A pattern is "/" and segments. "{name}" stands for one non-empty segment, "*"
// at the end for the rest, which may be empty; every other segment stands for
// itself, in decoded form. "/orders/*" is all that begins with "/orders/", and
// not "/orders".
//
// # Precedence
//
// Of the routes that match a request, the first of this order serves it:
//
//  1. By path, segment for segment: a literal before a parameter before the
//     wildcard. So an exact path comes first, then the longest literal prefix.
//  2. By host: an exact host, then the longest "*.suffix", then any host.
//  3. By headers: the route that asks for more of them.
//
// A route that does not match falls through to the next, whatever made it fail.
// Two routes that tie are a [Conflict], never a matter of their order.
package routing

// A Route is what a request must look like to take it.
type Route struct {
	// Methods are upper case. None means GET, HEAD, POST, PUT, PATCH and DELETE.
	// A route for GET also serves HEAD (RFC 9110 §9.3.2) unless another one asks for it.
	Methods []string
	// Host is "api.example.com", or "*.example.com" for all names below it.
	// Case and port do not count. Empty is any host.
	Host string
	// Path is a pattern such as "/orders/*" or "/books/{id}".
	Path string
	// Headers must all be present with exactly this value; names in any case.
	Headers map[string]string
}

// A Conflict says why a route cannot stand as it is: A and B are indexes of the
// routes given to [Compile]. B is -1 when A is at fault by itself.
type Conflict struct {
	A, B   int
	Reason string
}
