// Package proxy passes a request through to one HTTP service and the service's
// answer back: of any length, as it comes, decoded nowhere.
//
// [New] is the end of a pass-through route. The path that the service sees is
// the canonical one behind the route's rewrite, escaped once; the query is the
// client's, byte for byte, so that what was checked is what is forwarded.
// Event streams, informational answers, trailers and WebSockets pass; a client that
// leaves ends the call.
//
// What has come of an answer is sent before more of it is waited for, and is not
// sent piece by piece while there is no need to wait. Answers of a known length of
// up to 2 KiB are sent whole in any case. A request's body of a known length of up
// to 16 KiB is read whole before the service is called; others are sent on as they
// come, and the answer need not wait for them. A client that wants to be told to go
// on is told so by the gateway, and the service is called when it does.
//
// # What the service does not see
//
// Headers of the connection and those that its Connection header names (RFC 9110
// §7.6.1), cookies, and the token unless [Config] forwards it. Whatever names
// an identity, an address or another request is said by the gateway or not at
// all. A name with a character other than a letter, a digit or a dash is
// dropped, because services behind CGI-like interfaces read X_User as X-User.
// Trailers of the request are dropped, since they come after every check.
//
// # What the client does not see
//
// Set-Cookie: services share the gateway's origin, and one client's cookie must
// not reach another through a cache. Software names, the same managed names as
// above, and what speaks for the whole origin, such as Strict-Transport-Security.
// Where the gateway has set a header already, its value stays; Vary is joined. A
// Content-Type that the service has not sent is not made up.
//
// A failure (5xx) becomes a problem of the gateway's. A refusal (4xx) keeps its
// body if that is JSON; other bodies, which are mostly pages of some framework,
// give way to a problem of the same status, or to nothing where there is no such
// problem. Everything else, redirects among it, passes as it is and is not followed.
//
// # What it does not do
//
// Of all protocols that a client may ask to switch to, only websocket passes;
// h2c above all would be a tunnel past every check. Nothing goes through the tunnel
// before the service has agreed: a client that sends earlier is cut off. The side
// that ends first ends it; both may be silent for the service's Stall, and the
// client may take nothing for as long.
package proxy
