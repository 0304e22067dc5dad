package http1

import (
	"bytes"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// Limits bound a head. Zero is no bound.
type Limits struct {
	Head   int // bytes from the first line to the empty one, both included
	Line   int // bytes of the first line, without its end
	Field  int // bytes of one header line, without its end
	Fields int // header lines
}

// A Field is a header line. The name is as it was sent; the value has no white
// space around it.
type Field struct{ Name, Value string }

// Is compares the name without regard to case.
func (f Field) Is(name string) bool { return isWord(f.Name, name) }

// Fields are header lines in the order in which they were sent.
type Fields []Field

// Get is the value of the first of that name, or "".
func (f Fields) Get(name string) string {
	for i := range f {
		if f[i].Is(name) {
			return f[i].Value
		}
	}
	return ""
}

// Values are all of that name, each line its own.
func (f Fields) Values(name string) (values []string) {
	for i := range f {
		if f[i].Is(name) {
			values = append(values, f[i].Value)
		}
	}
	return values
}

// A Head is a request's or an answer's first line and headers. Its strings are
// pieces of the text that it was parsed from. It is parsed over and over without
// allocating, as soon as Fields has room.
type Head struct {
	Method, Target string // of a request
	Status         int    // of an answer, from 100 to 599
	Reason         string // of an answer; may be empty
	Minor          int    // of the version HTTP/1.x
	Fields         Fields

	Length     int64 // Content-Length; -1 where there is none
	Chunked    bool  // Transfer-Encoding is chunked
	Close      bool  // Connection has the option close
	Connection bool  // there is a Connection header
	Continue   bool  // a request expects 100-continue

	hosts, lengths, codings int
}

// KeepAlive is whether the sender lets the connection go on behind this message
// (RFC 9112 §9.3). HTTP/1.0's keep-alive is not taken up (appendix C.2.2).
func (h *Head) KeepAlive() bool { return h.Minor > 0 && !h.Close }

// A Finder finds the end of a head that comes in pieces. The zero value is ready
// for the first.
type Finder struct {
	seen int // how much has been searched
	line int // where the last, unfinished line begins
}

// End is how long the head at the beginning of b is, with its empty line; zero
// while that has not come. Between two calls b only grows. What can be told of an
// unfinished head is told at once: a first byte that begins none, a line that ends
// with LF alone, and too great a length.
func (f *Finder) End(b []byte, limits Limits) (int, error) {
	if len(b) > 0 && !isToken[b[0]] {
		return 0, StartLine
	}
	end := 0
	for end == 0 {
		i := bytes.IndexByte(b[f.seen:], '\n')
		if i < 0 {
			f.seen = len(b)
			break
		}
		at := f.seen + i
		switch {
		case b[at-1] != '\r':
			return 0, LineEnd
		case at-1 == f.line:
			end = at + 1
		}
		f.seen, f.line = at+1, at+1
	}
	if most := limits.Head; most > 0 && (end > most || end == 0 && len(b) > most) {
		if bytes.IndexByte(b[:most], '\n') < 0 {
			return 0, LineTooLong
		}
		return 0, HeadTooLong
	}
	return end, nil
}

// ParseRequest reads a whole head, which ends with an empty line (RFC 9112 §3).
func (h *Head) ParseRequest(text string, limits Limits) error {
	h.reset()
	line, rest, err := firstLine(text, limits)
	if err != nil {
		return err
	}
	if err := h.requestLine(line); err != nil {
		return err
	}
	if err := h.fields(rest, limits); err != nil {
		return err
	}
	if h.hosts > 1 || h.hosts == 0 && h.Minor > 0 {
		return HostField
	}
	return h.framing()
}

// ParseResponse reads a whole head, which ends with an empty line (RFC 9112 §4).
func (h *Head) ParseResponse(text string, limits Limits) error {
	h.reset()
	line, rest, err := firstLine(text, limits)
	if err != nil {
		return err
	}
	if err := h.statusLine(line); err != nil {
		return err
	}
	if err := h.fields(rest, limits); err != nil {
		return err
	}
	if (h.Status < 200 || h.Status == http.StatusNoContent) && (h.Chunked || h.Length > 0) {
		return NoBodyAllowed // which some would read, and others take for the next answer
	}
	return h.framing()
}

// firstLine takes the first line off, which may be so long.
func firstLine(text string, limits Limits) (line, rest string, err error) {
	line, rest, err = cutLine(text)
	if err == nil && limits.Line > 0 && len(line) > limits.Line {
		err = LineTooLong
	}
	return line, rest, err
}

func (h *Head) reset() { *h = Head{Fields: h.Fields[:0], Length: -1} }

// framing is what no message may say of its end (RFC 9112 §6.1, §6.3).
func (h *Head) framing() error {
	switch {
	case h.codings > 0 && h.lengths > 0:
		return LengthAndCoding
	case h.codings > 0 && h.Minor == 0:
		return CodingIn10
	}
	return nil
}

// cutLine takes a line off, without its CRLF.
func cutLine(text string) (line, rest string, err error) {
	at := strings.IndexByte(text, '\n')
	if at < 1 || text[at-1] != '\r' {
		return "", "", LineEnd
	}
	return text[:at-1], text[at+1:], nil
}

// version is the minor one of HTTP/1.x.
func version(text string) (minor int, ok bool) {
	const major = "HTTP/1."
	if len(text) != len(major)+1 || text[:len(major)] != major || text[len(major)] < '0' || text[len(major)] > '9' {
		return 0, false
	}
	return int(text[len(major)] - '0'), true
}

// requestLine is method, target and version with one space between.
func (h *Head) requestLine(line string) error {
	first, last := strings.IndexByte(line, ' '), strings.LastIndexByte(line, ' ')
	if first <= 0 || last == first || !all(line[:first], &isToken) {
		return StartLine
	}
	minor, ok := version(line[last+1:])
	if !ok {
		return Version
	}
	h.Method, h.Target, h.Minor = line[:first], line[first+1:last], minor
	return checkTarget(h.Target, h.Method == http.MethodConnect)
}

// statusLine is version and status, and a reason behind another space. Where
// there is no reason, the space may be missing too, as it often is.
func (h *Head) statusLine(line string) error {
	first, rest, found := strings.Cut(line, " ")
	minor, ok := version(first)
	switch {
	case !found:
		return StartLine
	case !ok:
		return Version
	case len(rest) < 3 || len(rest) > 3 && rest[3] != ' ':
		return StatusCode
	}
	for _, c := range []byte(rest[:3]) {
		if c < '0' || c > '9' {
			return StatusCode
		}
		h.Status = h.Status*10 + int(c-'0')
	}
	if h.Status < 100 || h.Status > 599 {
		return StatusCode
	}
	h.Minor, h.Reason = minor, rest[min(4, len(rest)):]
	if !all(h.Reason, &isValue) {
		return Reason
	}
	return nil
}

// fields reads header lines up to the empty one, behind which nothing stands.
func (h *Head) fields(text string, limits Limits) error {
	for {
		line, rest, err := cutLine(text)
		switch {
		case err != nil:
			return err
		case line == "" && rest == "":
			return nil
		case limits.Field > 0 && len(line) > limits.Field:
			return FieldTooLong
		case limits.Fields > 0 && len(h.Fields) == limits.Fields:
			return TooManyFields
		}
		f, err := parseField(line)
		if err != nil {
			return err
		}
		if err := h.note(f); err != nil {
			return err
		}
		h.Fields = append(h.Fields, f)
		text = rest
	}
}

// parseField reads a header line (RFC 9112 §5).
func parseField(line string) (Field, error) {
	if line == "" {
		return Field{}, FieldName
	}
	if line[0] == ' ' || line[0] == '\t' {
		return Field{}, Folded
	}
	colon := strings.IndexByte(line, ':')
	if colon <= 0 || !all(line[:colon], &isToken) {
		return Field{}, FieldName
	}
	value := line[colon+1:]
	if !isText(value) {
		return Field{}, FieldValue
	}
	return Field{line[:colon], trim(value)}, nil
}

// note looks at the headers that decide where a message ends, whom it is for, and
// what becomes of the connection.
func (h *Head) note(f Field) error {
	switch len(f.Name) {
	case len("Host"):
		if f.Is("Host") {
			h.hosts++
			if h.Method != "" && !httpguts.ValidHostHeader(f.Value) {
				return HostField
			}
		}
	case len("Expect"):
		if f.Is("Expect") && h.Method != "" {
			if h.Continue || !isWord(f.Value, "100-continue") {
				return Expectation
			}
			h.Continue = true
		}
	case len("Trailer"):
		if f.Is("Trailer") && !announces(f.Value) {
			return TrailerField
		}
	case len("Connection"):
		if f.Is("Connection") {
			h.Connection = true
			h.Close = h.Close || hasOption(f.Value, "close")
		}
	case len("Content-Length"):
		if f.Is("Content-Length") {
			return h.noteLength(f.Value)
		}
	case len("Transfer-Encoding"):
		if f.Is("Transfer-Encoding") {
			if h.codings++; h.codings > 1 || !isWord(f.Value, "chunked") {
				return CodingField // RFC 9112 §6.1 would have a server say 501, of a fault that is not its own
			}
			h.Chunked = true
		}
	}
	return nil
}

// noteLength takes digits only, and few enough of them for any size there is.
func (h *Head) noteLength(value string) error {
	if h.lengths++; h.lengths > 1 || value == "" || len(value) > 18 {
		return LengthField
	}
	h.Length = 0
	for _, c := range []byte(value) {
		if c < '0' || c > '9' {
			return LengthField
		}
		h.Length = h.Length*10 + int64(c-'0')
	}
	return nil
}

// announces is whether a Trailer header's names may all stand behind a body.
func announces(value string) bool {
	for name := range strings.SplitSeq(value, ",") {
		if forbidden(trim(name)) {
			return false
		}
	}
	return true
}

// hasOption is whether a list of tokens has this one (RFC 9110 §7.6.1).
func hasOption(list, option string) bool {
	for token := range strings.SplitSeq(list, ",") {
		if isWord(trim(token), option) {
			return true
		}
	}
	return false
}

// isWord compares ASCII without regard to case. Beyond it there are letters that
// are taken for ones of ASCII, such as the Kelvin sign for a K; all of them are
// longer.
func isWord(s, word string) bool { return len(s) == len(word) && strings.EqualFold(s, word) }

// trim takes off the white space that may stand around a value (RFC 9110 §5.6.3).
func trim(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

func all(s string, class *[256]bool) bool {
	for i := range len(s) {
		if !class[s[i]] {
			return false
		}
	}
	return true
}

// The classes of bytes.
var (
	// isToken is tchar (RFC 9110 §5.6.2).
	isToken = class(func(c byte) bool { return isAlphanumeric(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0 })
	// isValue is what a field value may hold: text, spaces and tabs (RFC 9110 §5.5).
	isValue = class(func(c byte) bool { return c == '\t' || c >= ' ' && c != 0x7f })
	// isVisible is what a request target is made of. Bytes beyond ASCII are not
	// allowed in it, but sent, and read by all as what they are.
	isVisible = class(func(c byte) bool { return c > ' ' && c != 0x7f })
	isHex     = class(func(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' })
)

func class(has func(c byte) bool) (all [256]bool) {
	for i := range all {
		all[i] = has(byte(i))
	}
	return all
}
