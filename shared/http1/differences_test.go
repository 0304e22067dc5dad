package http1

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"slices"
	"strings"
	"testing"
)

// A difference is what package http1 and net/http do not both accept, or read
// differently. All of them stand in one table, and fuzzing finds no other ones.
type difference struct {
	place   place
	what    string
	reason  error  // what we say of it; of what we accept, notes what is read differently
	section string // what is for us
	why     string // we are as we are
	example string
}

// A place is where a difference shows.
type place string

const (
	inRequest  place = "a request's head"
	inResponse place = "an answer's head"
	inChunks   place = "a chunked body"
	inExchange place = "an answer"
)

// errKept notes an HTTP/1.0 connection that net/http keeps, and we do not.
var errKept = errors.New("kept")

// Heads that lack their last line.
const (
	aRequest = "GET / HTTP/1.1\r\nHost: h\r\n"
	anAnswer = "HTTP/1.1 200 OK\r\n"
)

// net/http is the more lenient one throughout: all that it refuses we refuse. What
// we accept beyond the grammar, it accepts too: bytes beyond ASCII and a few marks
// in a request target (RFC 3986 §3.3 has them escaped), as browsers send them.
var differences = []difference{
	{inRequest, "the first line or a header ends with LF alone", LineEnd, "RFC 9112 §2.2", "a recipient may take it, so that some see a line where others see a byte: a way to smuggle", "GET / HTTP/1.1\nHost: h\n\n"},
	{inRequest, "a version beyond HTTP/1", Version, "RFC 9112 §2.3", "it says that the rest is read by other rules", "GET / HTTP/3.0\r\nHost: h\r\n\r\n"},
	{inRequest, "a URL without a host, or with one that is none", Target, "RFC 9112 §3.2.2", "nobody knows whom it is for", "GET mailto:a HTTP/1.1\r\nHost: h\r\n\r\n"},
	{inRequest, "bytes beyond ASCII in the host of a URL", Target, "RFC 3986 §3.2.2", "some make a name of them and some do not", "GET http://\xc3\xa9/ HTTP/1.1\r\nHost: h\r\n\r\n"},
	{inRequest, "CONNECT without a port", Target, "RFC 9110 §9.3.6", "it must be rejected", "CONNECT h HTTP/1.1\r\nHost: h\r\n\r\n"},
	{inRequest, "a space in front of the colon", FieldName, "RFC 9112 §5.1", "it must be rejected: some drop the space, and some the header", aRequest + "Content-Length : 1\r\n\r\n"},
	{inRequest, "a header that is folded", Folded, "RFC 9112 §5.2", "it must be rejected, or the fold replaced", aRequest + "A: b\r\n c\r\n\r\n"},
	{inRequest, "no Host, or one with other characters than hosts have", HostField, "RFC 9112 §3.2", "it must be rejected; net/http does so later, in its server", "GET / HTTP/1.1\r\n\r\n"},
	{inRequest, "Content-Length twice, with the same value", LengthField, "RFC 9110 §8.6", "it may be rejected: what sends it is broken", aRequest + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"},
	{inRequest, "a Content-Length of more than 18 digits", LengthField, "RFC 9110 §8.6", "an overflow must not be possible, and nothing is that long", aRequest + "Content-Length: 0000000000000000001\r\n\r\n"},
	{inRequest, "Transfer-Encoding in HTTP/1.0", CodingIn10, "RFC 9112 §6.1", "its framing is to be treated as faulty; net/http does not look at the header", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
	{inRequest, "a Transfer-Encoding that is not chunked, in HTTP/1.0", CodingField, "RFC 9112 §6.1", "the same", "POST / HTTP/1.0\r\nTransfer-Encoding: gzip\r\n\r\n"},
	{inRequest, "both Content-Length and Transfer-Encoding", LengthAndCoding, "RFC 9112 §6.3", "it ought to be handled as an error: the first way to smuggle", aRequest + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
	{inRequest, "a Trailer header with a name that says how to read the message", TrailerField, "RFC 9110 §6.5.1", "it must not be sent; net/http knows fewer such names, and looks only at chunked messages", aRequest + "Trailer: Host\r\n\r\n"},
	{inRequest, "an expectation other than 100-continue", Expectation, "RFC 9110 §10.1.1", "417 may be answered; net/http does so later, in its server", aRequest + "Expect: tea\r\n\r\n"},
	{inRequest, "HTTP/1.0 with keep-alive", errKept, "RFC 9112 §9.3", "it need not be kept, and old proxies pass the header on unread (appendix C.2.2)", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"},

	{inResponse, "the first line or a header ends with LF alone", LineEnd, "RFC 9112 §2.2", "as in requests", "HTTP/1.1 200 OK\n\n"},
	{inResponse, "a version beyond HTTP/1", Version, "RFC 9112 §2.3", "as in requests", "HTTP/3.0 200 OK\r\n\r\n"},
	{inResponse, "several spaces in front of the status, or a sign", StatusCode, "RFC 9112 §4", "the grammar has one space and three digits", "HTTP/1.1 +20 OK\r\n\r\n"},
	{inResponse, "a status below 100 or above 599", StatusCode, "RFC 9110 §15", "it has no class, so that nobody knows what it means, nor whether it has a body", "HTTP/1.1 600 OK\r\n\r\n"},
	{inResponse, "a control character in the reason", Reason, "RFC 9112 §4", "the grammar has none, and a CR in it is a line end to some", "HTTP/1.1 200 O\rK\r\n\r\n"},
	{inResponse, "a space in front of the colon", FieldName, "RFC 9112 §5.1", "a proxy must remove it; we are no proxy to whoever sends it", anAnswer + "Content-Length : 1\r\n\r\n"},
	{inResponse, "a header that is folded", Folded, "RFC 9112 §5.2", "nobody needs it any more", anAnswer + "A: b\r\n c\r\n\r\n"},
	{inResponse, "Content-Length twice, with the same value", LengthField, "RFC 9110 §8.6", "as in requests", anAnswer + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"},
	{inResponse, "Transfer-Encoding in HTTP/1.0", CodingIn10, "RFC 9112 §6.1", "as in requests", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
	{inResponse, "a Transfer-Encoding that is not chunked, in HTTP/1.0", CodingField, "RFC 9112 §6.1", "as in requests", "HTTP/1.0 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"},
	{inResponse, "both Content-Length and Transfer-Encoding", LengthAndCoding, "RFC 9112 §6.3", "as in requests", anAnswer + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
	{inResponse, "a body announced by 1xx or 204", NoBodyAllowed, "RFC 9112 §6.1, RFC 9110 §8.6", "it must not be: whoever sent one would have it taken for the next answer", "HTTP/1.1 204 None\r\nContent-Length: 1\r\n\r\n"},
	{inResponse, "a Trailer header with a name that says how to read the message", TrailerField, "RFC 9110 §6.5.1", "as in requests", anAnswer + "Trailer: Host\r\n\r\n"},
	{inResponse, "HTTP/1.0 with keep-alive", errKept, "RFC 9112 §9.3", "as in requests", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n"},

	{inChunks, "white space behind the size", ChunkSize, "RFC 9112 §7.1", "the grammar has none", "1 \r\na\r\n0\r\n\r\n"},
	{inChunks, "a size of 16 digits", ChunkSize, "RFC 9112 §7.1", "an overflow must not be possible, and nothing is that long", "0000000000000001\r\na\r\n0\r\n\r\n"},
	{inChunks, "control characters in an extension, and long ones", ChunkExtension, "RFC 9112 §7.1.1", "the grammar has none, and length ought to be limited", "1;\x00\r\na\r\n0\r\n\r\n"},
	{inChunks, "a trailer that ends with LF alone", Trailers, "RFC 9112 §2.2", "as in heads", "0\r\na: b\n\r\n\r\n"},
	{inChunks, "a trailer that is folded, has a space in front of its colon, or says how to read the message", Trailers, "RFC 9110 §6.5.1", "it must not be sent, and not be merged", "0\r\nContent-Length: 1\r\n\r\n"},
	{inChunks, "more than 8 KiB of trailers", TrailersTooLong, "RFC 9110 §6.5", "they wait in memory; net/http's own bound is its buffer", "0\r\na: " + strings.Repeat("b", maxTrailers) + "\r\n\r\n"},

	{inExchange, "bytes behind the answer", ErrSurplus, "RFC 9112 §9.3.3, §11.1", "nobody has asked for them: they would be the answer to the next request", anAnswer + "Content-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"},
	{inExchange, "another protocol, unasked", ErrSwitched, "RFC 9110 §7.8", "it must not be switched to", "HTTP/1.1 101 Go\r\n\r\n"},
	{inExchange, "an interim answer of HTTP/1.0", ErrDeclined, "RFC 9110 §15.2", "HTTP/1.0 has none", "HTTP/1.0 103 Wait\r\n\r\n" + anAnswer + "\r\n"},
	{inExchange, "more than 16 interim answers", ErrInterim, "RFC 9110 §15.2", "there is no end of them; net/http's client has a bound on their bytes", strings.Repeat("HTTP/1.1 103 Wait\r\n\r\n", maxInterim+1) + anAnswer + "\r\n"},
}

// find is whether such a difference is known.
func find(in place, reason error) bool {
	return slices.ContainsFunc(differences, func(d difference) bool { return d.place == in && errors.Is(reason, d.reason) })
}

// TestDifferences: every one of them is one.
func TestDifferences(t *testing.T) {
	for _, d := range differences {
		ours, theirs := verdicts[d.place](d.example)
		if d.reason == errKept {
			ours, theirs = readDifferently(t, d), nil
		}
		if !errors.Is(ours, d.reason) || theirs != nil {
			t.Errorf("%s: %s: we say %v and not %v; net/http says %v", d.place, d.what, ours, d.reason, theirs)
		}
		if d.section == "" || d.why == "" {
			t.Errorf("%s: %s: why?", d.place, d.what)
		}
	}
}

// readDifferently is errKept where we end the connection, and net/http does not.
func readDifferently(t *testing.T, d difference) error {
	t.Helper()
	h, err := parse[d.place](d.example)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := parseTheirs[d.place](d.example)
	if err != nil {
		t.Fatal(err)
	}
	if !h.KeepAlive() && !theirs.close {
		return errKept
	}
	return nil
}

// verdicts are what we and net/http say of a message.
var verdicts = map[place]func(text string) (ours, theirs error){
	inRequest:  headVerdicts(inRequest),
	inResponse: headVerdicts(inResponse),
	inChunks: func(text string) (ours, theirs error) {
		_, ours = ourChunks(text, len(text))
		_, theirs = theirChunks(text)
		return ours, theirs
	},
	inExchange: func(text string) (ours, theirs error) {
		_, ours = ourAnswer("GET", text, len(text))
		_, theirs = theirAnswer("GET", text)
		return ours, theirs
	},
}

func headVerdicts(in place) func(string) (ours, theirs error) {
	return func(text string) (ours, theirs error) {
		_, ours = parse[in](text)
		_, theirs = parseTheirs[in](text)
		return ours, theirs
	}
}

// parse finds and reads the head at the beginning of a text, and parseTheirs has
// net/http do so.
var (
	parse = map[place]func(text string) (*Head, error){
		inRequest:  func(text string) (*Head, error) { return parseBy((*Head).ParseRequest, text) },
		inResponse: func(text string) (*Head, error) { return parseBy((*Head).ParseResponse, text) },
	}
	parseTheirs = map[place]func(text string) (theirHead, error){inRequest: theirRequest, inResponse: theirResponse}
)

func parseBy(read func(*Head, string, Limits) error, text string) (*Head, error) {
	var f Finder
	var h Head
	n, err := f.End([]byte(text), Limits{})
	if err == nil && n == 0 {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		err = read(&h, text[:n], Limits{})
	}
	return &h, err
}

// A theirHead is a head as net/http reads it.
type theirHead struct {
	first  string // line, as we have it
	host   string // of a request
	fields map[string][]string
	length int64
	chunk  bool
	close  bool
}

func theirRequest(text string) (theirHead, error) {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		return theirHead{}, err
	}
	h := theirHead{first: r.Method + " " + r.RequestURI + " " + r.Proto, host: r.Host, fields: r.Header, length: r.ContentLength, close: r.Close}
	h.chunk = len(r.TransferEncoding) > 0
	return h, nil
}

// theirResponse reads it as an answer to HEAD, of which all headers are looked at
// but nothing is said of the connection that a body would say.
func theirResponse(text string) (theirHead, error) {
	r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(text)), &http.Request{Method: "HEAD"})
	if err != nil {
		return theirHead{}, err
	}
	h := theirHead{first: r.Proto + " " + r.Status, fields: r.Header, length: r.ContentLength, close: r.Close}
	h.chunk = len(r.TransferEncoding) > 0
	return h, nil
}

// sameFields is whether net/http has the same headers, names in any case, each
// name's values in order. It takes some out that it has read, and adds one that
// HTTP/1.0 did not have.
func sameFields(ours []Field, theirs map[string][]string) error {
	taken := map[string]bool{"Host": true, "Transfer-Encoding": true, "Trailer": true, "Connection": true}
	all := make(map[string][]string)
	for _, f := range ours {
		name := textproto.CanonicalMIMEHeaderKey(f.Name)
		all[name] = append(all[name], f.Value)
	}
	for name, values := range all {
		if got, present := theirs[name]; !slices.Equal(got, values) && (present || !taken[name]) {
			return fmt.Errorf("%s is %q, and net/http's %q", name, values, got)
		}
	}
	for name := range theirs {
		if _, present := all[name]; !present && (name != "Cache-Control" || all["Pragma"] == nil) {
			return fmt.Errorf("only net/http has %s", name)
		}
	}
	return nil
}

// A content is what came of a body.
type content struct {
	text    string
	trailer []Field // of net/http in the order of sortByName
	rest    string  // what is left behind the message
}

// ourChunks reads a chunked body that comes in two pieces, the first of that length.
func ourChunks(text string, first int) (c content, err error) {
	var chunks Chunked
	at := 0
	for _, end := range []int{first, len(text)} {
		for at < end && !chunks.Done() {
			skip, data, err := chunks.Next([]byte(text[at:end]))
			at += skip
			c.text += text[at : at+data]
			at += data
			if err != nil {
				return c, err
			}
			if skip+data == 0 {
				return c, errors.New("nothing was taken")
			}
		}
	}
	if !chunks.Done() {
		return c, io.ErrUnexpectedEOF
	}
	c.trailer, c.rest = chunks.Trailer, text[at:]
	return c, nil
}

// theirChunks has net/http read the same, for content also by the reader that
// proxies use.
func theirChunks(text string) (content, error) {
	_, c, err := theirExchange("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+text)
	if err != nil {
		return c, err
	}
	only, err := io.ReadAll(httputil.NewChunkedReader(strings.NewReader(text)))
	if err == nil && string(only) != c.text {
		err = fmt.Errorf("net/http contradicts itself: %q and %q", c.text, only)
	}
	return c, err
}

// A byPieces reader gives as many bytes at once.
type byPieces struct {
	text string
	size int
}

func (p *byPieces) Read(b []byte) (int, error) {
	if p.text == "" {
		return 0, io.EOF
	}
	n := copy(b, p.text[:min(p.size, len(p.text))])
	p.text = p.text[n:]
	return n, nil
}

// ourAnswer reads an answer that comes in pieces.
func ourAnswer(method, text string, size int) (*Answer, error) {
	a, _, err := ourExchange(method, text, size)
	return a, err
}

func ourExchange(method, text string, size int) (*Answer, content, error) {
	in := &byPieces{text, max(size, 1)}
	r := reader{read: in.Read, request: &Request{Method: method}}
	a, err := r.answer(0, 1<<20)
	if err != nil {
		return nil, content{}, err
	}
	return a, content{string(a.Body), a.Trailer, in.text}, nil
}

func theirAnswer(method, text string) (content, error) {
	_, c, err := theirExchange(method, text)
	return c, err
}

// theirExchange reads an answer, and those of 1xx before it, as net/http's client
// does. It also tells whether the connection ends with it.
func theirExchange(method, text string) (closes bool, c content, err error) {
	in := bufio.NewReaderSize(strings.NewReader(text), max(len(text)+1, 4096))
	r := new(http.Response)
	for r.StatusCode < 200 && r.StatusCode != http.StatusSwitchingProtocols {
		if r, err = http.ReadResponse(in, &http.Request{Method: method}); err != nil {
			return false, c, err
		}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return false, c, err
	}
	rest, err := io.ReadAll(in)
	c = content{text: string(body), rest: string(rest)}
	for name, values := range r.Trailer {
		for _, value := range values {
			c.trailer = append(c.trailer, Field{name, value})
		}
	}
	sortByName(c.trailer)
	return r.Close, c, err
}

// sortByName keeps the order of each name's values.
func sortByName(fields []Field) {
	for i := range fields {
		fields[i].Name = textproto.CanonicalMIMEHeaderKey(fields[i].Name)
	}
	slices.SortStableFunc(fields, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
}
