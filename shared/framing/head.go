package framing

import (
	"bytes"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/triptych-bff/triptych/shared/problem"
)

// A head is what framing must know of a request's head.
type head struct {
	minor    byte // of the version HTTP/1.x
	hosts    int
	lengths  int
	length   uint64
	codings  int
	expected int
}

// What the client is told.
const (
	textLine     = "The request line is malformed."
	textVersion  = "The protocol is not HTTP/1.1."
	textTarget   = "The request target is malformed."
	textBareLF   = "A line ends with LF alone."
	textName     = "A header's name is missing or malformed."
	textFold     = "A header is folded over several lines."
	textValue    = "A header's value has a character that none may have."
	textHost     = "The Host header is missing, malformed or given twice."
	textLength   = "Content-Length is malformed or given twice."
	textCoding   = "Transfer-Encoding is not chunked, or given twice."
	textBoth     = "Content-Length and Transfer-Encoding exclude each other."
	textOld      = "HTTP/1.0 has no Transfer-Encoding."
	textTrailer  = "The Trailer header names one that none may be."
	textExpect   = "The only expectation that can be met is 100-continue."
	textLongHead = "The head of the request is too long."
	textLongURL  = "The request line is too long."
)

func bad(detail string) *problem.Problem { return problem.BadRequest.New(detail) }

// parseHead checks a whole head, which ends with an empty line.
func parseHead(text []byte) (h head, wrong *problem.Problem) {
	line, rest := cutLine(text)
	if wrong = h.requestLine(line); wrong != nil {
		return h, wrong
	}
	for {
		if line, rest = cutLine(rest); len(line) == 0 {
			return h, h.check()
		}
		if wrong = h.field(line); wrong != nil {
			return h, wrong
		}
	}
}

// cutLine takes a line off, without its CRLF. Every LF of a head has a CR before it.
func cutLine(b []byte) (line, rest []byte) {
	at := bytes.IndexByte(b, '\n')
	return b[:at-1], b[at+1:]
}

// requestLine is method, target and version with one space between (RFC 9112 §3).
func (h *head) requestLine(line []byte) *problem.Problem {
	first, last := bytes.IndexByte(line, ' '), bytes.LastIndexByte(line, ' ')
	switch {
	case first <= 0 || last == first || !all(line[:first], isToken):
		return bad(textLine)
	case len(line)-last != len(" HTTP/1.1") || string(line[last+1:last+8]) != "HTTP/1." || line[last+8] < '0' || line[last+8] > '9':
		return bad(textVersion)
	}
	h.minor = line[last+8] - '0'
	return checkTarget(line[first+1:last], string(line[:first]) == "CONNECT")
}

// checkTarget refuses what net/http cannot parse.
func checkTarget(target []byte, connect bool) *problem.Problem {
	if len(target) == 0 || !all(target, isVisible) {
		return bad(textTarget)
	}
	if target[0] == '/' {
		path, _, _ := bytes.Cut(target, []byte("?"))
		if !escaped(path) {
			return problem.InvalidPath.New(`the path has a "%" that two hexadecimal digits do not follow`)
		}
		return nil
	}
	text := string(target)
	if connect {
		text = "http://" + text
	}
	if _, err := url.ParseRequestURI(text); err != nil {
		return bad(textTarget)
	}
	return nil
}

func escaped(path []byte) bool {
	for {
		i := bytes.IndexByte(path, '%')
		switch {
		case i < 0:
			return true
		case i+2 >= len(path) || !isHex[path[i+1]] || !isHex[path[i+2]]:
			return false
		}
		path = path[i+3:]
	}
}

// field is a header line (RFC 9112 §5).
func (h *head) field(line []byte) *problem.Problem {
	if line[0] == ' ' || line[0] == '\t' {
		return bad(textFold)
	}
	colon := bytes.IndexByte(line, ':')
	switch {
	case colon <= 0 || !all(line[:colon], isToken):
		return bad(textName)
	case !all(line[colon+1:], isValue):
		return bad(textValue)
	}
	return h.note(line[:colon], line[colon+1:])
}

// note looks at the headers that decide where a request ends and whom it is for.
func (h *head) note(name, value []byte) *problem.Problem {
	switch len(name) {
	case len("Host"):
		if is(name, "host") {
			h.hosts++
			if !httpguts.ValidHostHeader(string(bytes.Trim(value, " \t"))) {
				return bad(textHost)
			}
		}
	case len("Expect"):
		if is(name, "expect") {
			if h.expected++; h.expected > 1 || !is(bytes.Trim(value, " \t"), "100-continue") {
				return problem.ExpectationFailed.New(textExpect)
			}
		}
	case len("Trailer"):
		if is(name, "trailer") && !allowedTrailers(string(value)) {
			return bad(textTrailer)
		}
	case len("Content-Length"):
		if is(name, "content-length") {
			return h.noteLength(bytes.Trim(value, " \t"))
		}
	case len("Transfer-Encoding"):
		if is(name, "transfer-encoding") {
			if h.codings++; h.codings > 1 || !is(bytes.Trim(value, " \t"), "chunked") {
				return bad(textCoding) // RFC 9112 §6.1 would have 501, which tells operators of a fault that is not theirs
			}
		}
	}
	return nil
}

// noteLength takes digits only, and few enough of them for any size there is.
func (h *head) noteLength(value []byte) *problem.Problem {
	if h.lengths++; h.lengths > 1 || len(value) == 0 || len(value) > 18 {
		return bad(textLength)
	}
	for _, c := range value {
		if c < '0' || c > '9' {
			return bad(textLength)
		}
		h.length = h.length*10 + uint64(c-'0')
	}
	return nil
}

// allowedTrailers refuses the names that net/http does not announce.
func allowedTrailers(value string) bool {
	for name := range strings.SplitSeq(value, ",") {
		switch name = strings.Trim(name, " \t"); {
		case strings.EqualFold(name, "Transfer-Encoding"), strings.EqualFold(name, "Content-Length"), strings.EqualFold(name, "Trailer"):
			return false
		}
	}
	return true
}

func (h *head) check() *problem.Problem {
	switch {
	case h.codings > 0 && h.lengths > 0:
		return bad(textBoth)
	case h.codings > 0 && h.minor == 0:
		return bad(textOld)
	case h.hosts > 1 || h.hosts == 0 && h.minor > 0:
		return bad(textHost)
	}
	return nil
}

// is compares without regard to case; want is lower case.
func is(b []byte, want string) bool {
	if len(b) != len(want) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != want[i] {
			return false
		}
	}
	return true
}

func all(b []byte, class *[256]bool) bool {
	for _, c := range b {
		if !class[c] {
			return false
		}
	}
	return true
}

// The classes of bytes.
var (
	// isToken is tchar (RFC 9110 §5.6.2).
	isToken = class(func(c byte) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
	})
	// isValue is what a field value may hold: text, spaces and tabs.
	isValue = class(func(c byte) bool { return c == '\t' || c >= ' ' && c != 0x7f })
	// isVisible is what a request target is made of. Bytes beyond ASCII are not
	// allowed in it, but sent, and read by all as what they are.
	isVisible = class(func(c byte) bool { return c > ' ' && c != 0x7f })
	isHex     = class(func(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' })
)

func class(has func(c byte) bool) *[256]bool {
	var all [256]bool
	for i := range all {
		all[i] = has(byte(i))
	}
	return &all
}
