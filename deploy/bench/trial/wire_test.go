package trial

import "strings"

// A lie is an answer on the wire and what a gateway's client has to make of it.
type lie struct {
	name string
	rule string // where it is said
	text string
	want string // refused, or the status and body, or either

	method  string // empty: GET
	endless bool   // text is sent until the connection is closed
	cut     bool   // the connection is closed behind it
	late    bool   // what is behind "|" arrives when the connection is idle
	waits   bool   // a library may wait for more until its deadline
	race    bool   // net/http's two goroutines race: what it does is not the same each time
}

const (
	refused = "refused"
	hello   = `200 "hello"`

	ok    = "HTTP/1.1 200 OK\r\n"
	fixed = ok + "Content-Length: 5\r\n"
	chunk = ok + "Transfer-Encoding: chunked\r\n\r\n"
	stray = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
)

// head is an answer with one more line.
func head(line string) string { return fixed + line + "\r\n\r\nhello" }

// chunks is an answer whose body is text as it stands.
func chunks(text string) string { return chunk + text }

var lies = []lie{
	// Which body it is.
	{name: "Content-Length beside Transfer-Encoding", rule: "9112 §6.3", text: fixed + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", want: refused},
	{name: "Transfer-Encoding beside Content-Length", rule: "9112 §6.3", text: ok + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n", want: refused},
	{name: "Content-Length twice, unequal", rule: "9112 §6.3", text: fixed + "Content-Length: 6\r\n\r\nhello", want: refused},
	{name: "Content-Length twice, equal", rule: "9112 §6.3", text: fixed + "Content-Length: 5\r\n\r\nhello", want: refused},
	{name: "Content-Length: 5, 5", rule: "9112 §6.3", text: ok + "Content-Length: 5, 5\r\n\r\nhello", want: refused},
	{name: "Content-Length: +5", rule: "9110 §8.6", text: ok + "Content-Length: +5\r\n\r\nhello", want: refused},
	{name: "Content-Length: -5", rule: "9110 §8.6", text: ok + "Content-Length: -5\r\n\r\nhello", want: refused},
	{name: "Content-Length: 0x5", rule: "9110 §8.6", text: ok + "Content-Length: 0x5\r\n\r\nhello", want: refused},
	{name: "Content-Length: 5 5", rule: "9110 §8.6", text: ok + "Content-Length: 5 5\r\n\r\nhello", want: refused},
	{name: "Content-Length, empty", rule: "9110 §8.6", text: ok + "Content-Length:\r\n\r\nhello", want: refused, cut: true},
	{name: "Content-Length, beyond 64 bits", rule: "9110 §8.6", text: ok + "Content-Length: 18446744073709551621\r\n\r\nhello", want: refused, cut: true},
	{name: "Transfer-Encoding: identity", rule: "9112 §7", text: ok + "Transfer-Encoding: identity\r\n\r\nhello", want: refused, cut: true},
	{name: "Transfer-Encoding: gzip, chunked", rule: "9112 §6.1", text: ok + "Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", want: refused},
	{name: "Transfer-Encoding: chunked, chunked", rule: "9112 §6.1", text: ok + "Transfer-Encoding: chunked, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", want: refused},
	{name: "Transfer-Encoding: chunked, twice", rule: "9112 §6.1", text: ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", want: refused},
	{name: "Transfer-Encoding: xchunked", rule: "9112 §6.1", text: ok + "Transfer-Encoding: xchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", want: refused, cut: true},
	{name: "Transfer-Encoding, empty", rule: "9112 §6.1", text: ok + "Transfer-Encoding:\r\nContent-Length: 5\r\n\r\nhello", want: refused},
	{name: "Transfer-Encoding: ChunKed", rule: "9112 §7", text: ok + "Transfer-Encoding: ChunKed\r\n\r\n5\r\nhello\r\n0\r\n\r\n", want: hello},
	{name: "Transfer-Encoding in HTTP/1.0", rule: "9112 §6.1", text: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", want: refused, cut: true},
	{name: "Transfer-Encoding and Content-Length in HTTP/1.0, kept alive", rule: "9112 §6.1", text: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello", want: refused, cut: true},

	// Lines of the head.
	{name: "a folded line", rule: "9112 §5.2", text: head("X-A: b\r\n c"), want: refused},
	{name: "a folded line that hides a header", rule: "9112 §5.2", text: ok + "X-A: b\r\n Content-Length: 3\r\nContent-Length: 5\r\n\r\nhello", want: refused},
	{name: "a folded first line", rule: "9112 §5.2", text: ok + " X-A: b\r\nContent-Length: 5\r\n\r\nhello", want: refused},
	{name: "LF for CR LF, in the head", rule: "9112 §2.2", text: ok + "X-A: b\nContent-Length: 5\r\n\r\nhello", want: refused},
	{name: "LF for CR LF, behind the status line", rule: "9112 §2.2", text: "HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\nhello", want: refused},
	{name: "LF for CR LF, everywhere", rule: "9112 §2.2", text: "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", want: refused, cut: true},
	{name: "LF LF inside of a head", rule: "9112 §2.2", text: ok + "Content-Length: 5\r\nX-A: b\n\nhello\r\n\r\n", want: refused},
	{name: "CR in a value", rule: "9112 §2.2", text: head("X-A: b\rc"), want: refused},
	{name: "CR CR LF", rule: "9112 §2.2", text: head("X-A: b\r"), want: refused},
	{name: "CR before a name", rule: "9112 §2.2", text: head("\rX-A: b"), want: refused},
	{name: "NUL in a value", rule: "9110 §5.5", text: head("X-A: b\x00c"), want: refused},
	{name: "a control byte in a value", rule: "9110 §5.5", text: head("X-A: b\x01c"), want: refused},
	{name: "DEL in a value", rule: "9110 §5.5", text: head("X-A: b\x7fc"), want: refused},
	{name: "NUL in a name", rule: "9110 §5.1", text: head("X-\x00A: b"), want: refused},
	{name: "a space in a name", rule: "9110 §5.1", text: head("X A: b"), want: refused},
	{name: "a bracket in a name", rule: "9110 §5.1", text: head("X(A): b"), want: refused},
	{name: "a letter beyond ASCII in a name", rule: "9110 §5.1", text: head("X-Ä: b"), want: refused},
	{name: "a letter beyond ASCII in a value", rule: "9110 §5.5", text: head("X-A: ä"), want: hello},
	{name: "a space before the colon", rule: "9112 §5.1", text: head("X-A : b"), want: refused},
	{name: "a space before the colon of Content-Length", rule: "9112 §5.1", text: ok + "Content-Length : 5\r\n\r\nhello", want: refused, cut: true},
	{name: "a space before the colon of Transfer-Encoding", rule: "9112 §5.1", text: ok + "Transfer-Encoding : chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", want: refused, cut: true},
	{name: "a tab before the colon", rule: "9112 §5.1", text: head("X-A\t: b"), want: refused},
	{name: "a line without a colon", rule: "9112 §5", text: head("X-A"), want: refused},
	{name: "a line without a name", rule: "9112 §5", text: head(": b"), want: refused},
	{name: "an empty line before the status line", rule: "9112 §2.2", text: "\r\n" + head("X-A: b"), want: refused},

	// The status line.
	{name: "HTTP/0.9", rule: "9112 §2.3", text: "hello", want: refused, cut: true},
	{name: "another protocol", rule: "9112 §4", text: "SSH-2.0-OpenSSH\r\n\r\n", want: refused, cut: true},
	{name: "ICY", rule: "9112 §4", text: "ICY 200 OK\r\nContent-Length: 5\r\n\r\nhello", want: refused},
	{name: "http/1.1", rule: "9112 §2.3", text: "http/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", want: refused},
	{name: "HTTP/2.0", rule: "9112 §2.3", text: "HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", want: refused},
	{name: "HTTP/1.10", rule: "9112 §2.3", text: "HTTP/1.10 200 OK\r\nContent-Length: 5\r\n\r\nhello", want: refused},
	{name: "two spaces", rule: "9112 §4", text: "HTTP/1.1  200 OK\r\nContent-Length: 5\r\n\r\nhello", want: refused},
	{name: "a tab for a space", rule: "9112 §4", text: "HTTP/1.1\t200 OK\r\nContent-Length: 5\r\n\r\nhello", want: refused},
	{name: "status 20", rule: "9112 §4", text: "HTTP/1.1 20 OK\r\nContent-Length: 5\r\n\r\nhello", want: refused},
	{name: "status 2000", rule: "9112 §4", text: "HTTP/1.1 2000 OK\r\nContent-Length: 5\r\n\r\nhello", want: refused},
	{name: "status +20", rule: "9112 §4", text: "HTTP/1.1 +20 OK\r\nContent-Length: 5\r\n\r\nhello", want: refused},
	{name: "status 000", rule: "9110 §15", text: "HTTP/1.1 000 OK\r\nContent-Length: 5\r\n\r\nhello", want: refused},
	{name: "a control byte in the reason", rule: "9112 §4", text: "HTTP/1.1 200 O\x01K\r\nContent-Length: 5\r\n\r\nhello", want: refused},
	{name: "no reason", rule: "9112 §4", text: "HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\nhello", want: hello},

	// Chunks.
	{name: "a chunk of size +5", rule: "9112 §7.1", text: chunks("+5\r\nhello\r\n0\r\n\r\n"), want: refused},
	{name: "a chunk of size -5", rule: "9112 §7.1", text: chunks("-5\r\nhello\r\n0\r\n\r\n"), want: refused},
	{name: "a chunk of size 0x5", rule: "9112 §7.1", text: chunks("0x5\r\nhello\r\n0\r\n\r\n"), want: refused},
	{name: "a chunk without a size", rule: "9112 §7.1", text: chunks("\r\nhello\r\n0\r\n\r\n"), want: refused},
	{name: "a space before the size", rule: "9112 §7.1", text: chunks(" 5\r\nhello\r\n0\r\n\r\n"), want: refused},
	{name: "a space behind the size", rule: "9112 §7.1", text: chunks("5 \r\nhello\r\n0\r\n\r\n"), want: refused},
	{name: "a tab behind the size", rule: "9112 §7.1", text: chunks("5\t\r\nhello\r\n0\r\n\r\n"), want: refused},
	{name: "a size beyond 64 bits", rule: "9112 §7.1", text: chunks("10000000000000005\r\nhello\r\n0\r\n\r\n"), want: refused},
	{name: "a size that overflows beside its CR LF", rule: "9112 §7.1", text: chunks("7fffffffffffffff\r\nhello\r\n0\r\n\r\n"), want: refused, cut: true},
	{name: "a size with LF", rule: "9112 §7.1", text: chunks("5\nhello\r\n0\r\n\r\n"), want: refused},
	{name: "an extension with LF", rule: "9112 §7.1.1", text: chunks("5;a\nhello\r\n0\r\n\r\n"), want: refused},
	{name: "an extension with CR", rule: "9112 §7.1.1", text: chunks("5;a\rb\r\nhello\r\n0\r\n\r\n"), want: refused},
	{name: "an extension with NUL", rule: "9112 §7.1.1", text: chunks("5;a\x00\r\nhello\r\n0\r\n\r\n"), want: refused},
	{name: "a small extension", rule: "9112 §7.1.1", text: chunks("5;a=b\r\nhello\r\n0\r\n\r\n"), want: hello},
	{name: "an extension of 100 KB", rule: "9112 §7.1.1", text: chunks("5;" + strings.Repeat("a", 100<<10) + "\r\nhello\r\n0\r\n\r\n"), want: refused},
	{name: "an extension without end", rule: "9112 §7.1.1", text: chunks("5;" + strings.Repeat("a", 1<<10)), want: refused, endless: true},
	{name: "small extensions of 1,000 chunks", rule: "9112 §7.1.1", text: chunks(strings.Repeat("1;"+strings.Repeat("a", 200)+"\r\nx\r\n", 1000) + "0\r\n\r\n"), want: refused},
	{name: "a chunk that is longer than its size", rule: "9112 §7.1", text: chunks("4\r\nhello\r\n0\r\n\r\n"), want: refused},
	{name: "LF behind a chunk", rule: "9112 §7.1", text: chunks("5\r\nhello\n0\r\n\r\n"), want: refused},

	// Trailers.
	{name: "a trailer", rule: "9112 §7.1.2", text: chunks("5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"), want: hello},
	{name: "Content-Length for a trailer", rule: "9110 §6.5.1", text: chunks("5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n"), want: refused},
	{name: "Transfer-Encoding for a trailer", rule: "9110 §6.5.1", text: chunks("5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"), want: refused},
	{name: "Set-Cookie for a trailer", rule: "9110 §6.5.1", text: chunks("5\r\nhello\r\n0\r\nSet-Cookie: a=b\r\n\r\n"), want: refused},
	{name: "Cache-Control for a trailer", rule: "9110 §6.5.1", text: chunks("5\r\nhello\r\n0\r\nCache-Control: public\r\n\r\n"), want: refused},
	{name: "a folded trailer", rule: "9112 §5.2", text: chunks("5\r\nhello\r\n0\r\nX-A: b\r\n c\r\n\r\n"), want: refused},
	{name: "a trailer with LF", rule: "9112 §2.2", text: chunks("5\r\nhello\r\n0\r\nX-A: b\n\r\n"), want: refused, waits: true},
	{name: "a trailer with NUL", rule: "9110 §5.5", text: chunks("5\r\nhello\r\n0\r\nX-A: \x00\r\n\r\n"), want: refused},
	{name: "a trailer without a colon", rule: "9112 §5", text: chunks("5\r\nhello\r\n0\r\nX-A\r\n\r\n"), want: refused},
	{name: "a space before a trailer's colon", rule: "9112 §5.1", text: chunks("5\r\nhello\r\n0\r\nX-A : b\r\n\r\n"), want: refused},

	// What stands behind an answer.
	{name: "an answer behind a body", rule: "9112 §9.3", text: fixed + "\r\nhello" + stray, want: refused + " or " + hello, race: true},
	{name: "an answer behind chunks", rule: "9112 §9.3", text: chunks("5\r\nhello\r\n0\r\n\r\n" + stray), want: refused + " or " + hello, race: true},
	{name: "an answer behind a body, later", rule: "9112 §9.3", text: fixed + "\r\nhello|" + stray, want: refused + " or " + hello, late: true, race: true},
	{name: "a body behind 204", rule: "9110 §15.3.5", text: "HTTP/1.1 204 No Content\r\n\r\n" + stray, want: refused + " or " + `204 ""`, race: true},
	{name: "a body behind 204, later", rule: "9110 §15.3.5", text: "HTTP/1.1 204 No Content\r\n\r\n|" + stray, want: refused + " or " + `204 ""`, late: true, race: true},
	{name: "a body behind 204, with its length", rule: "9110 §8.6", text: "HTTP/1.1 204 No Content\r\nContent-Length: 44\r\n\r\n|" + stray, want: refused + " or " + `204 ""`, late: true, race: true},
	{name: "a body behind 304", rule: "9110 §15.4.5", text: "HTTP/1.1 304 Not Modified\r\nContent-Length: 44\r\n\r\n" + stray, want: refused + " or " + `304 ""`, race: true},
	{name: "a body behind HEAD", rule: "9110 §9.3.2", method: "HEAD", text: ok + "Content-Length: 44\r\n\r\n" + stray, want: refused + " or " + `200 ""`, race: true},
	{name: "a body behind HEAD, later", rule: "9110 §9.3.2", method: "HEAD", text: ok + "Content-Length: 44\r\n\r\n|" + stray, want: refused + " or " + `200 ""`, late: true, race: true},
	{name: "chunks behind HEAD", rule: "9110 §9.3.2", method: "HEAD", text: chunks("5\r\nhello\r\n0\r\n\r\n"), want: refused + " or " + `200 ""`, race: true},
	{name: "101 unasked, and an answer behind it", rule: "9110 §15.2.2", text: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n|" + stray, want: refused + " or " + `101 ""`, late: true},

	// What ends too early, or never.
	{name: "a body without a length", rule: "9112 §6.3", text: ok + "\r\nhello", want: hello, cut: true},
	{name: "a body that is cut", rule: "9112 §8", text: ok + "Content-Length: 6\r\n\r\nhello", want: refused, cut: true},
	{name: "chunks that are cut in a chunk", rule: "9112 §8", text: chunks("6\r\nhello"), want: refused, cut: true},
	{name: "chunks that are cut behind a chunk", rule: "9112 §8", text: chunks("5\r\nhello\r\n"), want: refused, cut: true},
	{name: "chunks that are cut in a size", rule: "9112 §8", text: chunks("5\r\nhello\r\n0"), want: refused, cut: true},
	{name: "chunks without their last line", rule: "9112 §8", text: chunks("5\r\nhello\r\n0\r\n"), want: refused, cut: true},
	{name: "a head that is cut", rule: "9112 §8", text: fixed, want: refused, cut: true},
	{name: "a head of 100 KB in one line", rule: "9110 §17.5", text: head("X-A: " + strings.Repeat("a", 100<<10)), want: refused},
	{name: "a head of 8,000 lines", rule: "9110 §17.5", text: head(strings.TrimSuffix(strings.Repeat("a: b\r\n", 8000), "\r\n")), want: refused},
	{name: "a head without end", rule: "9110 §17.5", text: strings.Repeat("a: b\r\n", 1000), want: refused, endless: true},
	{name: "a trailer without end", rule: "9110 §17.5", text: chunks("0\r\n" + strings.Repeat("a: b\r\n", 100_000)), want: refused},
	{name: "a body that is announced too long", rule: "9110 §17.5", text: ok + "Content-Length: 65537\r\n\r\nhello", want: refused},
	{name: "chunks that become too long", rule: "9110 §17.5", text: chunks(strings.Repeat("1000\r\n"+strings.Repeat("a", 0x1000)+"\r\n", 17)), want: refused},
	{name: "chunks of one byte, too many", rule: "9110 §17.5", text: chunks(strings.Repeat("1\r\na\r\n", 70_000)), want: refused},
	{name: "a body without a length and without end", rule: "9110 §17.5", text: ok + "\r\n" + strings.Repeat("a", 70_000), want: refused},
	{name: "103 once", rule: "9110 §15.2", text: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + fixed + "\r\nhello", want: hello},
	{name: "100 unasked", rule: "9110 §15.2", text: "HTTP/1.1 100 Continue\r\n\r\n" + fixed + "\r\nhello", want: hello},
	{name: "103 without end", rule: "9110 §15.2", text: "HTTP/1.1 103 Early Hints\r\n\r\n", want: refused, endless: true},
}
