package http1

import (
	"strings"
	"testing"
)

// A breach is a message that breaks a rule.
type breach struct {
	rule   Rule
	text   string
	limits Limits
}

var hundred = strings.Repeat("a", 100)

// brokenRequests and brokenAnswers are heads, and brokenChunks bodies.
var (
	brokenRequests = []breach{
		{rule: StartLine, text: "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: StartLine, text: "\n"},
		{rule: StartLine, text: " / HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: StartLine, text: "GET\r\n\r\n"},
		{rule: StartLine, text: "GET /\r\n\r\n"},
		{rule: StartLine, text: "G(T / HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: StartLine, text: "GET\t/\tHTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: StartLine, text: "\x16\x03\x01\x02\x00"},
		{rule: Version, text: "GET / HTTP/2.0\r\nHost: h\r\n\r\n"},
		{rule: Version, text: "GET / HTTP/1.11\r\nHost: h\r\n\r\n"},
		{rule: Version, text: "GET / HTTP/1.a\r\nHost: h\r\n\r\n"},
		{rule: Version, text: "GET / http/1.1\r\nHost: h\r\n\r\n"},
		{rule: Version, text: "GET / \r\nHost: h\r\n\r\n"},
		{rule: Version, text: "GET / HTTP/1.1 \r\nHost: h\r\n\r\n"},
		{rule: Target, text: "GET  HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Target, text: "GET  / HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Target, text: "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Target, text: "GET /\x00 HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Target, text: "GET /\x7f HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Target, text: "GET /\r HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Target, text: "GET a HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Target, text: "GET h:80 HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Target, text: "GET ** HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Target, text: "GET mailto:a HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Target, text: "GET 1://h/ HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Target, text: "GET http:///a HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Target, text: "GET http://h:a/ HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Target, text: "GET http://h%41/ HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Target, text: "GET http://[::1/ HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Target, text: "GET http://[::1]80/ HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Target, text: "GET http://[1.2.3.4]/ HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Target, text: "GET http://[fe80::1%25a]/ HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Target, text: "GET http://a@b@h/ HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Target, text: "GET http://%@h/ HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Target, text: "GET http://h#a HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Target, text: "CONNECT h HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Target, text: "CONNECT h: HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Target, text: "CONNECT * HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Target, text: "CONNECT http://h/ HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Escape, text: "GET /% HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Escape, text: "GET /%4?%41 HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: Escape, text: "GET http://h/%4g HTTP/1.1\r\nHost: h\r\n\r\n"},
		{rule: LineEnd, text: "GET / HTTP/1.1\n"},
		{rule: LineEnd, text: "GET / HTTP/1.1\r\nHost: h\n\r\n"},
		{rule: LineEnd, text: "GET / HTTP/1.1\r\nHost: h\r\n\n"},
		{rule: FieldName, text: "GET / HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n"},
		{rule: FieldName, text: "GET / HTTP/1.1\r\nHost: h\r\n: b\r\n\r\n"},
		{rule: FieldName, text: "GET / HTTP/1.1\r\nHost: h\r\nA\r\n\r\n"},
		{rule: FieldName, text: "GET / HTTP/1.1\r\nHost: h\r\n\xc3\xa9: b\r\n\r\n"},
		{rule: Folded, text: "GET / HTTP/1.1\r\n A: b\r\nHost: h\r\n\r\n"},
		{rule: Folded, text: "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\t\r\n\r\n"},
		{rule: FieldValue, text: "GET / HTTP/1.1\r\nHost: h\r\nA: b\x00\r\n\r\n"},
		{rule: FieldValue, text: "GET / HTTP/1.1\r\nHost: h\r\nA: " + hundred + "\r" + hundred + "\r\n\r\n"},
		{rule: FieldValue, text: "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\r\n\r\n"},
		{rule: HostField, text: "GET / HTTP/1.1\r\n\r\n"},
		{rule: HostField, text: "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n"},
		{rule: HostField, text: "GET / HTTP/1.0\r\nHost: h\r\nhost: h\r\n\r\n"},
		{rule: HostField, text: "GET / HTTP/1.1\r\nHost: h/\r\n\r\n"},
		{rule: HostField, text: "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n"},
		{rule: LengthField, text: "GET / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n"},
		{rule: LengthField, text: "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\n"},
		{rule: LengthField, text: "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\n"},
		{rule: LengthField, text: "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\ncontent-length: 1\r\n\r\n"},
		{rule: LengthField, text: "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000000000000\r\n\r\n"},
		{rule: CodingField, text: "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"},
		{rule: CodingField, text: "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chun\u212aed\r\n\r\n"},
		{rule: CodingField, text: "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{rule: LengthAndCoding, text: "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"},
		{rule: CodingIn10, text: "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{rule: TrailerField, text: "GET / HTTP/1.1\r\nHost: h\r\nTrailer: A,\tHOST\r\n\r\n"},
		{rule: TrailerField, text: "GET / HTTP/1.1\r\nHost: h\r\nTrailer: A\r\nTrailer: transfer-encoding\r\n\r\n"},
		{rule: Expectation, text: "GET / HTTP/1.1\r\nHost: h\r\nExpect:\r\n\r\n"},
		{rule: Expectation, text: "GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nExpect: 100-continue\r\n\r\n"},
		{LineTooLong, "GET /" + hundred, Limits{Head: 50}},
		{LineTooLong, "GET /" + hundred + " HTTP/1.1\r\nHost: h\r\n\r\n", Limits{Line: 113}},
		{HeadTooLong, "GET / HTTP/1.1\r\nHost: h\r\nA: " + hundred, Limits{Head: 50}},
		{HeadTooLong, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", Limits{Head: 26}},
		{FieldTooLong, "GET / HTTP/1.1\r\nHost: h\r\nA: " + hundred + "\r\n\r\n", Limits{Field: 102}},
		{TooManyFields, "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n", Limits{Fields: 1}},
	}
	brokenAnswers = []breach{
		{rule: StartLine, text: "\r\n\r\n"},
		{rule: StartLine, text: "\x00"},
		{rule: StartLine, text: "HTTP/1.1\r\n\r\n"},
		{rule: Version, text: "HTTP/2 200 OK\r\n\r\n"},
		{rule: Version, text: "HTTP/2.0 200 OK\r\n\r\n"},
		{rule: Version, text: "ICY 200 OK\r\n\r\n"},
		{rule: StatusCode, text: "HTTP/1.1 \r\n\r\n"},
		{rule: StatusCode, text: "HTTP/1.1 20\r\n\r\n"},
		{rule: StatusCode, text: "HTTP/1.1  200 OK\r\n\r\n"},
		{rule: StatusCode, text: "HTTP/1.1 2000 OK\r\n\r\n"},
		{rule: StatusCode, text: "HTTP/1.1 200\tOK\r\n\r\n"},
		{rule: StatusCode, text: "HTTP/1.1 +20 OK\r\n\r\n"},
		{rule: StatusCode, text: "HTTP/1.1 099 OK\r\n\r\n"},
		{rule: StatusCode, text: "HTTP/1.1 600 OK\r\n\r\n"},
		{rule: Reason, text: "HTTP/1.1 200 O\x00K\r\n\r\n"},
		{rule: Reason, text: "HTTP/1.1 200 OK\r\r\n\r\n"},
		{rule: LineEnd, text: "HTTP/1.1 200 OK\n\n"},
		{rule: LineEnd, text: "HTTP/1.1 200 OK\r\nA: b\n"},
		{rule: FieldName, text: "HTTP/1.1 200 OK\r\nA : b\r\n\r\n"},
		{rule: Folded, text: "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"},
		{rule: FieldValue, text: "HTTP/1.1 200 OK\r\nA: \x7f\r\n\r\n"},
		{rule: LengthField, text: "HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n\r\n"},
		{rule: LengthField, text: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"},
		{rule: CodingField, text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n"},
		{rule: LengthAndCoding, text: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{rule: CodingIn10, text: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{rule: NoBodyAllowed, text: "HTTP/1.1 100 Continue\r\nContent-Length: 1\r\n\r\n"},
		{rule: NoBodyAllowed, text: "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{rule: TrailerField, text: "HTTP/1.1 200 OK\r\nTrailer: Content-Length\r\n\r\n"},
		{LineTooLong, "HTTP/1.1 200 " + hundred, Limits{Head: 50}},
		{LineTooLong, "HTTP/1.1 200 OK\r\n\r\n", Limits{Line: 14}},
		{HeadTooLong, "HTTP/1.1 200 OK\r\nA: " + hundred, Limits{Head: 50}},
		{FieldTooLong, "HTTP/1.1 200 OK\r\nA: b\r\n\r\n", Limits{Field: 3}},
		{TooManyFields, "HTTP/1.1 200 OK\r\nA: b\r\nA: b\r\nA: b\r\n\r\n", Limits{Fields: 2}},
	}
	brokenChunks = []breach{
		{rule: ChunkSize, text: "\r\n"},
		{rule: ChunkSize, text: "x\r\n"},
		{rule: ChunkSize, text: "+1\r\n"},
		{rule: ChunkSize, text: "0x1\r\n"},
		{rule: ChunkSize, text: " 1\r\n"},
		{rule: ChunkSize, text: "1 \r\n"},
		{rule: ChunkSize, text: "1\na\r\n"},
		{rule: ChunkSize, text: ";a\r\n"},
		{rule: ChunkSize, text: "0000000000000001\r\n"},
		{rule: ChunkSize, text: "1\r\na\r\n-1\r\n"},
		{rule: LineEnd, text: "1\ra"},
		{rule: LineEnd, text: "0\r\n\rX"},
		{rule: LineEnd, text: "0\r\nA: b\rX"},
		{rule: ChunkExtension, text: "1;a\n"},
		{rule: ChunkExtension, text: "1;\x00\r\n"},
		{rule: ChunkExtension, text: "1;" + strings.Repeat("a", maxExtension+1)},
		{rule: ChunkExtension, text: strings.Repeat("1;"+strings.Repeat("a", maxExtension)+"\r\na\r\n", maxExtensions/maxExtension) + "1;a"},
		{rule: ChunkEnd, text: "1\r\nab"},
		{rule: ChunkEnd, text: "1\r\na\n"},
		{rule: ChunkEnd, text: "1\r\na\r1"},
		{rule: Trailers, text: "0\r\n A: b\r\n"},
		{rule: Trailers, text: "0\r\n: b\r\n"},
		{rule: Trailers, text: "0\r\nA: b\r\n c\r\n"},
		{rule: Trailers, text: "0\r\nA: b\n"},
		{rule: Trailers, text: "0\r\nA: b\x00\r\n"},
		{rule: Trailers, text: "0\r\nA\r\n"},
		{rule: Trailers, text: "0\r\nA : b\r\n"},
		{rule: Trailers, text: "0\r\nHost: b\r\n"},
		{rule: Trailers, text: "0\r\ntrailer: b\r\n"},
		{rule: Trailers, text: "0\r\nCONNECTION: b\r\n"},
		{rule: Trailers, text: "0\r\nContent-length: b\r\n"},
		{rule: Trailers, text: "0\r\ntransfer-Encoding: b\r\n"},
		{rule: TrailersTooLong, text: "0\r\nA:" + strings.Repeat("a", maxTrailers/2-2) + "\r\nB:" + strings.Repeat("b", maxTrailers/2-1)},
	}
)

func TestRules(t *testing.T) {
	for _, b := range brokenRequests {
		b.check(t, (*Head).ParseRequest)
	}
	for _, b := range brokenAnswers {
		b.check(t, (*Head).ParseResponse)
	}
	for _, b := range brokenChunks {
		if _, err := ourChunks(b.text, len(b.text)); err != b.rule {
			t.Errorf("%.80q: %v, not %v", b.text, err, b.rule)
		}
	}
}

func (b breach) check(t *testing.T, parse func(*Head, string, Limits) error) {
	t.Helper()
	var f Finder
	n, err := f.End([]byte(b.text), b.limits)
	if err == nil && n > 0 {
		err = parse(new(Head), b.text[:n], b.limits)
	}
	if err != b.rule {
		t.Errorf("%.80q: %v, not %v", b.text, err, b.rule)
	}
}

// TestEveryRuleIsBroken: none is without a test, and each says what it is.
func TestEveryRuleIsBroken(t *testing.T) {
	broken := make(map[Rule]bool)
	for _, all := range [][]breach{brokenRequests, brokenAnswers, brokenChunks} {
		for _, b := range all {
			broken[b.rule] = true
		}
	}
	for r := Rule(1); int(r) < len(rules); r++ {
		if !broken[r] {
			t.Errorf("nothing breaks rule %d: %v", r, r)
		}
		if r.Error() == "" || !strings.HasPrefix(r.Section(), "RFC ") {
			t.Errorf("rule %d says %q and stands in %q", r, r.Error(), r.Section())
		}
	}
}
