// Package trial is the evidence for a choice: what carries our calls to HTTP/1.1
// services. It puts the candidates before services that lie, stall and break off
// (testdata/probe.txt is what they did), and measures what one aggregated screen
// costs over each.
//
// The table is kept as it is found, so the test fails when a library changes: then
// it is time to look at the choice again. TRIPTYCH_UPDATE=1 writes it anew.
//
// # What fasthttp's client cannot be told (v1.78.0)
//
// Its parsers are not ours to set. They take Content-Length beside
// Transfer-Encoding, Transfer-Encoding in HTTP/1.0, folded lines, a bare LF, a space
// in a name or before a colon, white space behind a chunk's size, chunk extensions
// of any length, an empty line before the status line, HTTP/2.0 for a version, and
// as many header lines as the read buffer has room for.
//
// Its round trip takes no context: a call ends by its deadline only. It gives a
// connection back to the pool without looking at what came behind the answer, also
// behind 101, and hands it out without looking at what has come since: the next
// request gets that for its answer. A request can be repeated by method and error,
// not by whether its connection had been idle. The answer is not read before the
// request's body is sent, and the deadline does not end a Read of that body.
// Informational answers are not shown, and the connection behind 101 is not.
//
// What can be put right around it is done by [Driven], from fasthttp's pool, writer
// and parsers; that leaves the parsers. Reading each head and each chunk before them
// would be a client of our own in front of another.
//
// What fasthttp does well: deadlines, the bounds of heads and bodies, streamed and
// kept bodies, trailers, TLS, and limits per host.
package trial
