// Package http1 is HTTP/1.1 on the wire (RFC 9112), read strictly: the heads of
// requests and answers, chunked bodies, and a client that keeps connections to one
// service.
//
// # The parser
//
// A [Head] is parsed from one immutable string and points into it; [Finder] finds
// where it ends while it comes in pieces, and [Chunked] finds the content of a
// chunked body. There is one [Rule] for everything that a message can break, with
// the section where it stands. What another reader could take for something else
// is refused and not mended: two lengths, a length beside a coding, any coding but
// one chunked, folded lines, a bare CR or LF, control characters, a space before
// the colon, sizes with a sign or a blank, trailers that reframe, HTTP/0.9. The
// table in differences_test.go says where net/http decides otherwise, and why we do
// not; a slow parser written from the grammar, and fuzzing, hold the three against
// each other.
//
// # The client
//
// [Client.Start] writes a request on an idle connection and returns;
// [Exchange.Wait] reads the answer in the goroutine that waits for it. There is no
// goroutine, channel or timer for a call: deadlines are those of the connection, and
// whoever gives a call up closes it. Only where Start would have to wait (no idle
// connection, a long body) does a goroutine go on. [Client.Open] is the same for
// bodies of any length that are read while they come, and sent while they come, with
// interim answers, trailers, and the connection itself behind an answer 101.
//
// A connection is used again only when its answer was whole and well-formed, let it
// go on, and had nothing behind it; and when nothing has come by the time that it is
// wanted. So what a service sends too much is nobody's answer. A request is sent
// once more only when its method is safe, its connection had been used before, and
// that ended before a byte was answered.
//
// An answer that is read whole lies in one buffer, head and body, where the
// network's bytes were put; nothing of it is copied until a mask selects from it.
// [Answer.Release] lets the buffer serve another answer; without it the answer
// stays what it is for as long as anybody looks at it.
//
// A service that speaks HTTP/1.0 is understood, and its connection is used once.
//
// # Why not a library
//
// Before this was written, valyala/fasthttp v1.78.0 and net/http's Transport
// (go1.26.8) were put before 133 situations that a gateway must survive: services
// that lie about where an answer ends, cut, stall, answer twice or early, calls that
// are given up, connections that have just ended. net/http did what is wanted in 92,
// fasthttp in 88, this package in 131; the two left are trailers named Set-Cookie
// and Cache-Control, which it shows and nobody uses. fasthttp's parsers take a
// length beside a coding, folded lines, a bare LF, and a space before the colon;
// what comes behind an answer is the next request's; a call has a deadline but
// cannot be given up; interim answers are not shown, and the connection behind 101
// goes back to the pool. The round trip can be put right around it, the parsers
// cannot: each head and chunk would have to be read before fasthttp reads it.
//
// What an aggregate of five answers (69 KB in, 66 KB out) costs in CPU over each,
// taking turns in one process under net/http's server, on 24 November 2026: 344 µs
// over net/http, 203 over fasthttp with a goroutine for each call, 190 over this
// package, and 78 without any call. So this client is 7 % cheaper than fasthttp's (6
// to 14 % in five other runs, on a busy machine), less than the 15 % that would have
// decided by themselves; what decided is what a gateway must refuse.
//
// The evidence is kept where the benchmarks are, in deploy/bench/trial, and its test
// fails when a library changes: go test ./trial, and go test ./trial -run '^$'
// -bench SideBySide.
package http1
