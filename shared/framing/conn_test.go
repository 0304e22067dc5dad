package framing

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/triptych-bff/triptych/shared/http1"
	"github.com/triptych-bff/triptych/shared/problem"
)

// A script is a connection on which bytes come, piece by piece.
type script struct {
	net.Conn // nil: only what follows is used
	io.Reader
	closed bool
}

func (s *script) Read(p []byte) (int, error)     { return s.Reader.Read(p) }
func (*script) SetReadDeadline(time.Time) error  { return nil }
func (*script) SetWriteDeadline(time.Time) error { return nil }
func (s *script) Close() error                   { s.closed = true; return nil }

var usual = Limits{Head: 1 << 10, HeadTime: time.Hour}

// through is what net/http would read, and what became of the connection.
func through(r io.Reader, l Limits) (string, *Conn, error) {
	c := New(&script{Reader: r}, l)
	text, err := io.ReadAll(c)
	return string(text), c, err
}

// pieces are the ways in which the same bytes may come.
var pieces = map[string]func(io.Reader) io.Reader{
	"whole":    func(r io.Reader) io.Reader { return r },
	"by bytes": iotest.OneByteReader,
	"halves":   iotest.HalfReader,
}

const get = "GET /a?b=c HTTP/1.1\r\nHost: h\r\nX-A: b\r\n\r\n"

func TestGoodRequestsPassUnchanged(t *testing.T) {
	for _, text := range []string{
		"", get, get + get + get,
		"GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n",
		"GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET /%41?%zz HTTP/1.1\r\nHost: h\r\nEmpty:\r\nTab:\ta\tb \r\nHigh: \xff\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n\r\n\r\n\x00" + get,
		"POST / HTTP/1.1\r\nHost: h\r\ncontent-length:\t0 \r\n\r\n" + get,
		"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\nExpect: 100-Continue\r\n\r\n2\r\na\n\r\n00A;x=\"y\"\r\n0123456789\r\n0\r\n\r\n" + get,
		"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n\r\n0\r\nA: b\r\nC: d\r\n\r\n" + get,
	} {
		for name, cut := range pieces {
			if got, c, err := through(cut(strings.NewReader(text)), usual); got != text || err != nil || c.refusal.Load() != nil {
				t.Errorf("%s: %q became %q, %v", name, text, got, err)
			}
		}
	}
}

func TestEmptyLinesBeforeARequestAreDropped(t *testing.T) {
	const post = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\na"
	for name, cut := range pieces {
		got, _, err := through(cut(strings.NewReader("\r\n"+get+"\r\n\r\n"+post+"\r\n"+get+"\r\n")), usual)
		if got != get+post+get || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestRefusedHeads(t *testing.T) {
	const post = "POST / HTTP/1.1\r\nHost: h\r\n"
	for text, rule := range map[string]http1.Rule{
		post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n":          http1.LengthAndCoding,
		post + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n":                   http1.LengthField,
		post + "Content-Length: 1, 1\r\n\r\n":                                     http1.LengthField,
		post + "Content-Length: +1\r\n\r\n":                                       http1.LengthField,
		post + "Content-Length:\r\n\r\n":                                          http1.LengthField,
		post + "Content-Length: 1000000000000000000\r\n\r\n":                      http1.LengthField,
		post + "Transfer-Encoding: gzip, chunked\r\n\r\n":                         http1.CodingField,
		post + "Transfer-Encoding: identity\r\n\r\n":                              http1.CodingField,
		post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n": http1.CodingField,
		post + "Transfer-Encoding: chunked\r\nTrailer: A, content-length\r\n\r\n": http1.TrailerField,
		"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n":                   http1.CodingIn10,
		post + "Expect: tea\r\n\r\n":                                              http1.Expectation,
		post + "A : b\r\n\r\n":                                                    http1.FieldName,
		post + ": b\r\n\r\n":                                                      http1.FieldName,
		post + "A\r\n\r\n":                                                        http1.FieldName,
		post + "A: b\r\n c\r\n\r\n":                                               http1.Folded,
		post + "A: b\r\n\tc: d\r\n\r\n":                                           http1.Folded,
		post + "A: b\rc\r\n\r\n":                                                  http1.FieldValue,
		post + "A: b\x00\r\n\r\n":                                                 http1.FieldValue,
		post + "A: b\x7f\r\n\r\n":                                                 http1.FieldValue,
		post + "A: b\nC: d\r\n\r\n":                                               http1.LineEnd,
		"GET / HTTP/1.1\n":                                                        http1.LineEnd,
		"GET / HTTP/1.1\r\n\r\n":                                                  http1.HostField,
		post + "Host: h\r\n\r\n":                                                  http1.HostField,
		"GET / HTTP/1.1\r\nHost: h/\r\n\r\n":                                      http1.HostField,
		"GET /\r\n\r\n":                                                           http1.StartLine,
		"GET  / HTTP/1.1\r\nHost: h\r\n\r\n":                                      http1.Target,
		"GET / / HTTP/1.1\r\nHost: h\r\n\r\n":                                     http1.Target,
		"GET a HTTP/1.1\r\nHost: h\r\n\r\n":                                       http1.Target,
		"GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n":                                   http1.Target,
		"GET /%4 HTTP/1.1\r\nHost: h\r\n\r\n":                                     http1.Escape,
		"GET / HTTP/2.0\r\nHost: h\r\n\r\n":                                       http1.Version,
		"GET / http/1.1\r\nHost: h\r\n\r\n":                                       http1.Version,
		"GET / HTTP/1.11\r\nHost: h\r\n\r\n":                                      http1.Version,
		"G(T / HTTP/1.1\r\nHost: h\r\n\r\n":                                       http1.StartLine,
		"\x16\x03\x01":                                                            http1.StartLine,
		"\rGET":                                                                   http1.StartLine,
		"\n":                                                                      http1.StartLine,
		preface:                                                                   http1.Version,
		"GET /" + strings.Repeat("a", 2000):                                       http1.LineTooLong,
		post + strings.Repeat("A: b\r\n", 200):                                    http1.HeadTooLong,
		post + strings.Repeat("A: b\r\n", 200) + "\r\n":                           http1.HeadTooLong,
	} {
		for name, cut := range pieces {
			got, c, err := through(cut(strings.NewReader(get+text+get)), usual)
			if got != get+placeholder || err != nil {
				t.Errorf("%s: %q became %q, %v", name, text, got, err)
			}
			want := refusal(rule)
			r := &http.Request{Method: placeholderMethod}
			if p := c.Refusal(r); p == nil || p.Kind != want.Kind || p.Detail != want.Detail {
				t.Errorf("%s: %q: %v, not %v", name, text, p, want)
			}
			if c.Refusal(&http.Request{Method: "GET"}) != nil {
				t.Error("the request before it is refused too")
			}
		}
	}
}

func TestRulesAreProblems(t *testing.T) {
	kinds := map[http1.Rule]problem.Kind{
		http1.LineTooLong: problem.URITooLong, http1.HeadTooLong: problem.HeadersTooLarge, http1.FieldTooLong: problem.HeadersTooLarge,
		http1.TooManyFields: problem.HeadersTooLarge, http1.Expectation: problem.ExpectationFailed, http1.Escape: problem.InvalidPath,
		http1.StartLine: problem.BadRequest, http1.LengthAndCoding: problem.BadRequest,
	}
	for rule, kind := range kinds {
		if p := refusal(rule); p.Kind != kind || p.Detail != rule.Error() {
			t.Errorf("%v is %v", rule, p)
		}
	}
}

// TestNothingOfAHeadIsKept: the parser's strings are the reader's own bytes.
func TestNothingOfAHeadIsKept(t *testing.T) {
	for _, head := range []string{get, "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\nno colon\r\n\r\n"} {
		_ = new(body).behind([]byte(head))
		h := heads.Get().(*http1.Head)
		all := h.Fields[:cap(h.Fields)]
		h.Fields = nil
		if !reflect.DeepEqual(*h, http1.Head{}) {
			t.Errorf("%+v", h)
		}
		for _, f := range all {
			if f != (http1.Field{}) {
				t.Errorf("%q", f)
			}
		}
	}
}

func TestRefusedBodies(t *testing.T) {
	const post = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, body := range []string{
		"x\r\n", "+2\r\nab\r\n", " 2\r\nab\r\n", "2 \r\nab\r\n", "\r\n", ";a\r\n", "0x2\r\n", "1234567890123456\r\n",
		"2\nab\r\n", "2\rab", "2\r\nabc", "2\r\nab\n", "2\r\nab\r0", "2;a\n\r\nab\r\n", "2;" + strings.Repeat("a", 300) + "\r\n",
		"0\r\n a: b\r\n\r\n", "0\r\n: b\r\n\r\n", "0\r\na\rb\r\n\r\n", "1;\x00\r\na\r\n", "1;\ra\r\n", "0\r\n\ra", "0\r\na: b\n\r\n", "0\r\na: " + strings.Repeat("a", 9000) + "\r\n\r\n",
	} {
		for name, cut := range pieces {
			got, c, err := through(cut(strings.NewReader(post+body+get)), usual)
			if err != nil || c.refusal.Load() != nil || !c.failed.Load() {
				t.Errorf("%s: %q became %q, %v", name, body, got, err)
			}
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(got)))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, r.Body); err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: net/http takes %q for a body, or waits for more: %v", name, got, err)
			}
		}
	}
}

func TestOtherProtocolsPass(t *testing.T) {
	l := usual
	l.H2C = true
	for name, cut := range pieces {
		if got, _, err := through(cut(strings.NewReader(preface+"\x00\x01")), l); got != preface+"\x00\x01" || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if got, _, err := through(cut(strings.NewReader("PUT / HTTP/1.1\r\nHost: h\r\n\r\n"+preface)), l); got != "PUT / HTTP/1.1\r\nHost: h\r\n\r\n"+placeholder || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	c := New(&script{Reader: strings.NewReader(get + "\x00\x01")}, usual)
	if n, err := c.Read(make([]byte, 1<<10)); n != len(get) || err != nil {
		t.Fatal(n, err)
	}
	if c.TakeOver(); c.refusal.Load() == nil {
		t.Fatal("what came too early was not noticed")
	}
	if _, err := c.Read(make([]byte, 9)); !errors.Is(err, errEarly) {
		t.Error(err)
	}
	c = New(&script{Reader: io.MultiReader(strings.NewReader(get), strings.NewReader("\x00\x01"))}, usual)
	_, _ = io.ReadFull(c, make([]byte, len(get)))
	c.TakeOver()
	if rest, err := io.ReadAll(c); string(rest) != "\x00\x01" || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
}

// TestAHeadThatHasBegunHasItsTime: net/http believes the connection to be idle.
func TestAHeadThatHasBegunHasItsTime(t *testing.T) {
	l := usual
	l.HeadTime = time.Nanosecond
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	c := New(near, l)
	go func() { _, _ = io.WriteString(far, get+"G") }()
	if _, err := io.ReadFull(c, make([]byte, len(get))); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(time.Hour)) // as for idle connections
	var timeout net.Error
	if _, err := c.Read(make([]byte, 1)); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("the rest of the head was waited for: %v", err)
	}
}

func TestCloseLetsTheClientReadTheRefusal(t *testing.T) {
	s := &script{Reader: strings.NewReader(strings.Repeat("x", 100))}
	c := New(s, usual)
	c.refuse(refusal(http1.StartLine))
	if err := c.Close(); err != nil || !s.closed {
		t.Fatal(err)
	}
	if rest, _ := io.ReadAll(s.Reader); len(rest) != 0 {
		t.Errorf("%d bytes were not read", len(rest))
	}
}

// FuzzConn: whatever comes, net/http can parse what is let through, and ends every
// request where the Conn does.
func FuzzConn(f *testing.F) {
	f.Add([]byte(get+get), uint8(1))
	f.Add([]byte("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc\r\n"+get), uint8(7))
	f.Add([]byte("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2;a\r\nab\r\n0\r\nA: b\r\n\r\n"+get), uint8(3))
	f.Add([]byte("CONNECT h:1 HTTP/1.0\r\nExpect: 100-continue\r\n\r\n\x00"), uint8(0))
	f.Fuzz(func(t *testing.T, data []byte, size uint8) {
		c := New(&script{Reader: &chunks{data: bytes.Clone(data), size: int(size) + 1}}, usual)
		text, err := io.ReadAll(c)
		whole, _, errWhole := through(bytes.NewReader(bytes.Clone(data)), usual)
		if string(text) != whole || (err == nil) != (errWhole == nil) {
			t.Fatalf("in pieces %q, %v; whole %q, %v", text, err, whole, errWhole)
		}
		in := bufio.NewReader(bytes.NewReader(text))
		for heads := 0; ; heads++ {
			if _, err := in.Peek(1); err != nil {
				return
			}
			r, err := http.ReadRequest(in)
			if err != nil {
				t.Fatalf("net/http: %v: %q", err, text)
			}
			if _, bodyErr := io.Copy(io.Discard, r.Body); bodyErr != nil {
				return // cut in the middle, or more than net/http wants around chunks
			}
		}
	})
}

type chunks struct {
	data []byte
	size int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.data[:min(c.size, len(c.data))])
	c.data = c.data[n:]
	return n, nil
}

func BenchmarkRead(b *testing.B) {
	head := []byte("GET /v1/orders?state=active HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: app/5.12.0 (Android 16)\r\n" +
		"Accept: application/json\r\nAccept-Encoding: gzip, zstd\r\nAccept-Language: de-CH\r\nAuthorization: Bearer " + strings.Repeat("x", 600) + "\r\n\r\n")
	s := &script{Reader: endless{head}}
	c, p := New(s, usual), make([]byte, 4<<10)
	b.SetBytes(int64(len(head)))
	b.ReportAllocs()
	for b.Loop() {
		if n, err := c.Read(p); n != len(head) || err != nil {
			b.Fatal(n, err)
		}
	}
}

type endless struct{ head []byte }

func (e endless) Read(p []byte) (int, error) { return copy(p, e.head), nil }
