// Package http1 is HTTP/1.1 on the wire (RFC 9112), read strictly: the heads of
// requests and answers, chunked bodies, and a client.
package http1
