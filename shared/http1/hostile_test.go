package http1

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// slow is the time of an exchange with a service that never comes to an end.
const slow = 200 * time.Millisecond

// lies are what a service can answer that is no answer.
var lies = []struct {
	name string
	say  string
	then func(net.Conn) // nil: it goes on as if nothing were wrong
	want error
}{
	{name: "nothing", then: closes, want: errStale},
	{name: "nothing, ever", then: hang, want: os.ErrDeadlineExceeded},
	{name: "a reset", then: reset, want: errStale},
	{name: "half a status line", say: "HTTP/1.1 20", then: closes, want: io.ErrUnexpectedEOF},
	{name: "half a head, ever", say: "HTTP/1.1 200 OK\r\nA: ", then: hang, want: os.ErrDeadlineExceeded},
	{name: "a head of 1 MB", say: "HTTP/1.1 200 OK\r\nA: " + long(1<<20) + "\r\n\r\n", then: hang, want: HeadTooLong},
	{name: "10,000 headers", say: "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 10000) + "\r\n", then: hang, want: TooManyFields},
	{name: "HTTP/0.9", say: "<html>hello</html>\r\n\r\n", want: StartLine},
	{name: "HTTP/2", say: "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", want: Version},
	{name: "SSH", say: "SSH-2.0-OpenSSH_9.6\r\n", then: hang, want: os.ErrDeadlineExceeded},
	{name: "an empty line before", say: "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", want: StartLine},
	{name: "a status of two digits", say: "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", want: StatusCode},
	{name: "a status of four digits", say: "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", want: StatusCode},
	{name: "status 600", say: "HTTP/1.1 600 Party\r\nContent-Length: 0\r\n\r\n", want: StatusCode},
	{name: "a bare LF", say: "HTTP/1.1 200 OK\nContent-Length: 0\n\n", want: LineEnd},
	{name: "a bare CR", say: "HTTP/1.1 200 OK\r\nA: b\rContent-Length: 5\r\nContent-Length: 0\r\n\r\n", want: FieldValue},
	{name: "NUL", say: "HTTP/1.1 200 OK\r\nA: \x00\r\nContent-Length: 0\r\n\r\n", want: FieldValue},
	{name: "a folded line", say: "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n", want: Folded},
	{name: "a space before the colon", say: "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", want: FieldName},
	{name: "two lengths", say: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", want: LengthField},
	{name: "the same length twice", say: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", want: LengthField},
	{name: "a list of lengths", say: "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok", want: LengthField},
	{name: "a negative length", say: "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", want: LengthField},
	{name: "a length and chunks", say: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", want: LengthAndCoding},
	{name: "gzip, chunked", say: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", want: CodingField},
	{name: "chunked twice", say: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", want: CodingField},
	{name: "chunks in HTTP/1.0", say: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", want: CodingIn10},
	{name: "204 with a body", say: "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok", want: NoBodyAllowed},
	{name: "304 with a body", say: "HTTP/1.1 304 Not Modified\r\n\r\nok", want: ErrSurplus},
	{name: "a body shorter than announced", say: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", then: closes, want: io.ErrUnexpectedEOF},
	{name: "a body shorter than announced, ever", say: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", then: hang, want: os.ErrDeadlineExceeded},
	{name: "a body longer than announced", say: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokay", want: ErrSurplus},
	{name: "two answers", say: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison", want: ErrSurplus},
	{name: "an answer behind chunks", say: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison", want: ErrSurplus},
	{name: "chunks cut", say: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", then: closes, want: io.ErrUnexpectedEOF},
	{name: "a chunk size with a sign", say: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+2\r\nok\r\n0\r\n\r\n", want: ChunkSize},
	{name: "a chunk size with 0x", say: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nok\r\n0\r\n\r\n", want: ChunkSize},
	{name: "a chunk size with a space", say: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 \r\nok\r\n0\r\n\r\n", want: ChunkSize},
	{name: "a chunk size that overflows", say: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000002\r\nok\r\n0\r\n\r\n", want: ChunkSize},
	{name: "a chunk longer than its size", say: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n", want: ChunkEnd},
	{name: "a bare LF behind a chunk size", say: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nok\r\n0\r\n\r\n", want: ChunkSize},
	{name: "endless extensions", say: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;" + long(9000), then: hang, want: ChunkExtension},
	{name: "endless trailers", say: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("A: b\r\n", 9000), then: hang, want: TrailersTooLong},
	{name: "a trailer that reframes", say: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n", want: Trailers},
	{name: "a switch of protocols unasked", say: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", then: hang, want: ErrSwitched},
	{name: "an interim answer with a body", say: "HTTP/1.1 103 Early Hints\r\nContent-Length: 2\r\n\r\nok", then: hang, want: NoBodyAllowed},
	{name: "an interim answer and nothing more", say: "HTTP/1.1 100 Continue\r\n\r\n", then: hang, want: os.ErrDeadlineExceeded},
	{name: "an interim answer and the end", say: "HTTP/1.1 100 Continue\r\n\r\n", then: closes, want: io.ErrUnexpectedEOF},
	{name: "endless interim answers", then: repeats("HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n"), want: ErrInterim},
}

func closes(net.Conn) {}

// reset ends the connection without a word.
func reset(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }

// repeats says the same until the other side has had enough.
func repeats(text string) func(net.Conn) {
	return func(c net.Conn) {
		for {
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
		}
	}
}

// TestLies has a service lie, and then go on as if nothing had happened: nothing
// of the lie is an answer, neither to whom it was told nor to whoever comes next.
func TestLies(t *testing.T) {
	for _, lie := range lies {
		t.Run(lie.name, func(t *testing.T) {
			t.Parallel()
			both(t, slow, func(t *testing.T, exchange func(*Client, *Request) (string, error)) {
				c := newClient(t, listen(t, func(conn net.Conn, r *bufio.Reader) {
					for {
						req, _, err := request(r)
						if err != nil {
							return
						}
						if strings.HasPrefix(req.RequestURI, "/own/") {
							own(conn, req.RequestURI)
							continue
						}
						_, _ = io.WriteString(conn, lie.say)
						if lie.then != nil {
							lie.then(conn)
							return
						}
					}
				}))
				for range 3 {
					getsItsOwn(t, c, exchange)
					if body, err := exchange(c, get("/lie")); !errors.Is(err, lie.want) {
						t.Errorf("%q, %v; want %v", body, err, lie.want)
					}
				}
				getsItsOwn(t, c, exchange)
			})
		})
	}
}

// TestALieThatComesLater is seen before the connection is used again.
func TestALieThatComesLater(t *testing.T) {
	for name, lie := range map[string]string{
		"another answer": "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison",
		"a byte":         "x",
		"408":            "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			both(t, patience, func(t *testing.T, exchange func(*Client, *Request) (string, error)) {
				told, tell := make(chan bool), make(chan bool)
				c := newClient(t, listen(t, func(conn net.Conn, r *bufio.Reader) {
					for {
						req, _, err := request(r)
						if err != nil {
							return
						}
						own(conn, req.RequestURI)
						if req.RequestURI == "/lie" {
							<-tell
							_, _ = io.WriteString(conn, lie)
							told <- true
						}
					}
				}))
				for range 3 {
					if body, err := exchange(c, get("/lie")); err != nil || body != "/lie" {
						t.Fatalf("%q, %v", body, err)
					}
					tell <- true
					<-told
					getsItsOwn(t, c, exchange)
				}
				if n := c.Stats().Stale; n != 3 {
					t.Errorf("%d connections were found stale, want 3", n)
				}
			})
		})
	}
}

// TestEveryByteAlone has an answer come in the smallest pieces there are.
func TestEveryByteAlone(t *testing.T) {
	for name, answer := range map[string]string{
		"counted": "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 5\r\n\r\nhello",
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhe\r\n003\r\nllo\r\n0\r\nA: b\r\n\r\n",
		"to end":  "HTTP/1.0 200 OK\r\n\r\nhello",
	} {
		t.Run(name, func(t *testing.T) {
			both(t, patience, func(t *testing.T, exchange func(*Client, *Request) (string, error)) {
				c := newClient(t, listen(t, func(conn net.Conn, r *bufio.Reader) {
					for {
						req, _, err := request(r)
						if err != nil {
							return
						}
						if req.RequestURI != "/bytes" {
							own(conn, req.RequestURI)
							continue
						}
						for i := range len(answer) {
							_, _ = io.WriteString(conn, answer[i:i+1])
						}
						if strings.HasPrefix(answer, "HTTP/1.0") {
							return
						}
					}
				}))
				for range 3 {
					if body, err := exchange(c, get("/bytes")); err != nil || body != "hello" {
						t.Errorf("%q, %v", body, err)
					}
					getsItsOwn(t, c, exchange)
				}
			})
		})
	}
}

// TestAnAnswerBeforeTheRequestIsRead is a good one. Where the request was not
// taken whole, the connection is not used again.
func TestAnAnswerBeforeTheRequestIsRead(t *testing.T) {
	c := newClient(t, listen(t, func(conn net.Conn, r *bufio.Reader) {
		line, _ := r.ReadString('\n')
		if strings.HasPrefix(line, "GET /own/") {
			own(conn, strings.Fields(line)[1])
		} else {
			_, _ = io.WriteString(conn, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno!")
		}
		hang(conn)
	}))
	both(t, patience, func(t *testing.T, exchange func(*Client, *Request) (string, error)) {
		body, err := exchange(c, &Request{Method: "POST", Host: "service", Target: "/", Body: []byte(long(8 << 20))})
		if err != nil || body != "no!" {
			t.Errorf("%q, %v", body, err)
		}
		if n := c.Stats().Idle; n != 0 {
			t.Errorf("%d connections wait for another request", n)
		}
	})
	endless := func() io.Reader { return io.LimitReader(zeros{}, 1<<40) }
	for _, length := range []int64{-1, 1 << 40} {
		s, err := c.Open(t.Context(), &Request{Method: "POST", Host: "service", Target: "/", Stream: endless(), Length: length}, Patience{patience, patience}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := read(s); err != nil || body != "no!" {
			t.Errorf("%q, %v", body, err)
		}
		s.Close()
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// TestEndlessBodies are cut off where they are read whole, and where nobody reads
// on they do no harm.
func TestEndlessBodies(t *testing.T) {
	for name, test := range map[string]struct {
		head, piece string
		want        error
	}{
		"chunks":     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1000\r\n" + long(4096) + "\r\n", ErrTooLarge},
		"one byte":   {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", strings.Repeat("1\r\nx\r\n", 1000), ErrTooLarge},
		"extensions": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1;" + long(200) + "\r\nx\r\n", ChunkExtension},
		"to the end": {"HTTP/1.1 200 OK\r\n\r\n", long(4096), ErrTooLarge},
		"announced":  {fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", 1<<40), long(4096), ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, listen(t, func(conn net.Conn, r *bufio.Reader) {
				if _, _, err := request(r); err == nil {
					_, _ = io.WriteString(conn, test.head)
					repeats(test.piece)(conn)
				}
			}))
			if a, err := wait(c, get("/")); !errors.Is(err, test.want) {
				t.Errorf("%v, %v", a, err)
			}
			s, err := c.Open(t.Context(), get("/"), Patience{patience, patience}, nil)
			if err != nil {
				t.Fatal(err)
			}
			for range 100 {
				if _, err := s.Next(); err != nil {
					if !errors.Is(err, test.want) {
						t.Error(err)
					}
					break
				}
			}
			s.Close()
		})
	}
}
