package http1

import (
	"slices"
	"strconv"
	"strings"
)

// The reference reads messages slowly and plainly: first it cuts them into lines
// and lines into their parts, then it looks at each part as the grammar of RFC
// 9112, RFC 9110 and RFC 3986 has it, then at what their text says of the whole.
// Package http1 must accept exactly what it accepts, and read the same. It shares
// no code with it but the bounds.

const (
	digits     = "0123456789"
	letters    = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	hexDigits  = digits + "ABCDEFabcdef"
	tchar      = "!#$%&'*+-.^_`|~" + digits + letters
	unreserved = letters + digits + "-._~"
	subDelims  = "!$&'()*+,;="
)

// only is whether s has no other characters.
func only(s, characters string) bool { return strings.Trim(s, characters) == "" }

func isRefToken(s string) bool { return s != "" && only(s, tchar) }

// textLength is how long the text at the beginning of s is: VCHAR, obs-text, SP and
// HTAB.
func textLength(s string) int {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
			return i
		}
	}
	return len(s)
}

func isRefText(s string) bool { return textLength(s) == len(s) }

// refField is field-line, without white space around the value.
func refField(line string) (Field, bool) {
	name, value, found := strings.Cut(line, ":")
	return Field{name, strings.Trim(value, " \t")}, found && isRefToken(name) && isRefText(value)
}

// refMinor is HTTP-version.
func refMinor(version string) (int, bool) {
	minor, found := strings.CutPrefix(version, "HTTP/1.")
	if !found || len(minor) != 1 || !only(minor, digits) {
		return 0, false
	}
	return refNumber(minor), true
}

// isPercentEncoded is whether every percent sign begins pct-encoded.
func isPercentEncoded(s string) bool {
	for i, part := range strings.Split(s, "%") {
		if i > 0 && (len(part) < 2 || !only(part[:2], hexDigits)) {
			return false
		}
	}
	return true
}

// refTarget is request-target, and whom it names, if anybody. It may hold any byte
// but controls and spaces, for it is sent so (see differences).
func refTarget(method, target string) (authority string, ok bool) {
	if target == "" || strings.Contains(target, "\t") || strings.Contains(target, " ") || !isRefText(target) {
		return "", false
	}
	path, _, _ := strings.Cut(target, "?")
	switch {
	case strings.HasPrefix(target, "/"): // origin-form
		return "", isPercentEncoded(path)
	case method == "CONNECT": // authority-form
		return target, isRefAuthority(target) && only(target[len(target)-1:], digits) && strings.Contains(target[strings.LastIndex(target, "]")+1:], ":")
	case target == "*": // asterisk-form
		return "", true
	}
	scheme, rest, found := strings.Cut(path, "://") // absolute-form
	authority, path, _ = strings.Cut(rest, "/")
	user, host, named := strings.Cut(authority, "@")
	if !named {
		user, host = "", authority
	}
	return host, found && scheme != "" && only(scheme[:1], letters) && only(scheme, letters+digits+"+-.") &&
		only(user, unreserved+subDelims+":%") && isPercentEncoded(user) && isRefAuthority(host) && isPercentEncoded(path)
}

// isRefAuthority is uri-host [ ":" port ].
func isRefAuthority(s string) bool {
	if rest, bracket := strings.CutPrefix(s, "["); bracket {
		address, port, closed := strings.Cut(rest, "]")
		return closed && isIPv6(address) && (port == "" || port[0] == ':' && only(port[1:], digits))
	}
	host, port, _ := strings.Cut(s, ":")
	return host != "" && only(host, unreserved+subDelims) && only(port, digits)
}

// isIPv6 is IPv6address: eight groups, or fewer where "::" stands for the others.
func isIPv6(s string) bool {
	before, behind, short := strings.Cut(s, "::")
	if !short {
		return groups(s, true) == 8
	}
	first, last := groups(before, false), groups(behind, true)
	return first >= 0 && last >= 0 && first+last <= 7
}

// groups counts h16, of which the last two may be an IPv4address; it is negative
// where there are others.
func groups(s string, v4 bool) int {
	if s == "" {
		return 0
	}
	all := strings.Split(s, ":")
	for i, group := range all {
		switch {
		case v4 && i == len(all)-1 && isIPv4(group):
			return len(all) + 1
		case group == "" || len(group) > 4 || !only(group, hexDigits):
			return -1
		}
	}
	return len(all)
}

func isIPv4(s string) bool {
	octets := strings.Split(s, ".")
	for _, octet := range octets {
		if octet == "" || len(octet) > 3 || !only(octet, digits) || octet != strconv.Itoa(refNumber(octet)) || refNumber(octet) > 255 {
			return false
		}
	}
	return len(octets) == 4
}

// A refHead is what a head says.
type refHead struct {
	method, target, authority string
	status                    int
	reason                    string
	minor                     int
	fields                    []Field
	length                    int64
	chunked, close, expects   bool
}

// refRequest reads a whole head.
func refRequest(text string) (h refHead, ok bool) {
	lines, ok := refLines(text)
	if !ok {
		return h, false
	}
	line := strings.Split(lines[0], " ") // request-line
	if len(line) != 3 || !isRefToken(line[0]) {
		return h, false
	}
	h.method, h.target = line[0], line[1]
	if h.authority, ok = refTarget(h.method, h.target); !ok {
		return h, false
	}
	if h.minor, ok = refMinor(line[2]); !ok {
		return h, false
	}
	if !h.readFields(lines[1:]) || !h.framed() {
		return h, false
	}
	hosts := h.values("host")
	if len(hosts) > 1 || len(hosts) == 0 && h.minor > 0 || len(hosts) == 1 && !only(hosts[0], unreserved+subDelims+"%:[]") {
		return h, false
	}
	if h.authority == "" && len(hosts) == 1 {
		h.authority = hosts[0]
	}
	expected := h.values("expect")
	h.expects = len(expected) > 0
	return h, !h.expects || len(expected) == 1 && refLower(expected[0]) == "100-continue"
}

// refResponse reads a whole head.
func refResponse(text string) (h refHead, ok bool) {
	lines, ok := refLines(text)
	if !ok {
		return h, false
	}
	line := strings.SplitN(lines[0], " ", 3) // status-line
	if len(line) < 2 || len(line[1]) != 3 || !only(line[1], digits) || !isRefText(lines[0]) {
		return h, false
	}
	if h.minor, ok = refMinor(line[0]); !ok {
		return h, false
	}
	if h.status = refNumber(line[1]); h.status < 100 || h.status > 599 {
		return h, false
	}
	h.reason = strings.Join(line[2:], " ")
	if !h.readFields(lines[1:]) || !h.framed() {
		return h, false
	}
	return h, h.status >= 200 && h.status != 204 || !h.chunked && h.length <= 0
}

// refLines are the lines of a head, which ends with an empty one.
func refLines(text string) (lines []string, ok bool) {
	text, ok = strings.CutSuffix(text, "\r\n\r\n")
	return strings.Split(text, "\r\n"), ok
}

func (h *refHead) readFields(lines []string) bool {
	for _, line := range lines {
		f, ok := refField(line)
		if !ok {
			return false
		}
		h.fields = append(h.fields, f)
	}
	return true
}

// framed is whether the headers leave no doubt about where the message ends.
func (h *refHead) framed() bool {
	lengths, codings := h.values("content-length"), h.values("transfer-encoding")
	h.length = -1
	switch {
	case len(lengths)+len(codings) > 1:
		return false
	case len(lengths) == 1 && (lengths[0] == "" || len(lengths[0]) > 18 || !only(lengths[0], digits)):
		return false
	case len(lengths) == 1:
		h.length = int64(refNumber(lengths[0]))
	case len(codings) == 1 && (refLower(codings[0]) != "chunked" || h.minor == 0):
		return false
	}
	h.chunked = len(codings) == 1
	h.close = slices.Contains(refList(h.values("connection")), "close")
	return !slices.ContainsFunc(refList(h.values("trailer")), refForbidden)
}

func (h *refHead) values(name string) (values []string) {
	for _, f := range h.fields {
		if refLower(f.Name) == name {
			values = append(values, f.Value)
		}
	}
	return values
}

// refList are the elements of a list, in small letters.
func refList(values []string) (elements []string) {
	for _, value := range values {
		for _, element := range strings.Split(value, ",") {
			elements = append(elements, refLower(strings.Trim(element, " \t")))
		}
	}
	return elements
}

func refForbidden(name string) bool {
	return slices.Contains([]string{"host", "trailer", "connection", "content-length", "transfer-encoding"}, name)
}

// refLower leaves all but ASCII alone.
func refLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func refNumber(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		panic(err)
	}
	return n
}

// refBody is what came of a body.
type refBody struct {
	content string
	trailer []Field
	used    int  // bytes of the message
	done    bool // it has ended,
	bad     bool // or cannot end any more; else its rest is missing
}

// refChunked reads a chunked body (RFC 9112 §7.1). Of extensions only the
// characters are looked at, since nobody looks at more. Bounds on them and on the
// trailers are ours.
func refChunked(text string) (b refBody) {
	extensions := 0
	for {
		rest := text[b.used:]
		size := rest[:len(rest)-len(strings.TrimLeft(rest, hexDigits))] // chunk-size
		if rest = rest[len(size):]; len(size) > 15 || size == "" && rest != "" {
			b.bad = true
			return b
		}
		if rest == "" {
			return b
		}
		b.used += len(size)
		if rest[0] == ';' { // chunk-ext
			length := textLength(rest)
			b.used += length
			if extensions += length - 1; length-1 > 256 || extensions > maxExtensions {
				b.bad = true
				return b
			}
		}
		if !b.line(text) {
			return b
		}
		n, err := strconv.ParseInt(size, 16, 64)
		if err != nil {
			panic(err)
		}
		if n == 0 {
			b.readTrailer(text)
			return b
		}
		data := text[b.used:] // chunk-data
		data = data[:min(n, int64(len(data)))]
		b.content += data
		b.used += len(data)
		if int64(len(data)) < n || !b.line(text) {
			return b
		}
	}
}

// line reads CRLF.
func (b *refBody) line(text string) bool {
	found := strings.HasPrefix(text[b.used:], "\r\n")
	if found {
		b.used += 2
	} else {
		b.bad = text[b.used:] != "" && text[b.used:] != "\r"
	}
	return found
}

func (b *refBody) readTrailer(text string) {
	trailers := 0
	for {
		rest := text[b.used:]
		switch {
		case rest == "":
			return
		case rest[0] == '\r':
			b.done = b.line(text)
			return
		case !isRefToken(rest[:1]):
			b.bad = true
			return
		}
		line := rest[:textLength(rest)]
		if trailers += len(line); trailers > maxTrailers {
			b.bad = true
			return
		}
		b.used += len(line)
		if !b.line(text) {
			return
		}
		f, ok := refField(line)
		if !ok || refForbidden(refLower(f.Name)) {
			b.bad = true
			return
		}
		b.trailer = append(b.trailer, f)
	}
}

// refExchange reads the answer to a request of that method, behind which the
// connection ends (RFC 9112 §6.3). Interim answers come before it; there may be
// few, none of HTTP/1.0, and no switch of protocols, for nobody has asked for one.
func refExchange(method, text string) (h refHead, b refBody) {
	for range maxInterim + 1 {
		end := strings.Index(text[b.used:], "\r\n\r\n") + 4
		if end < 4 {
			return h, b
		}
		head := text[b.used : b.used+end]
		b.used += end
		var ok bool
		if h, ok = refResponse(head); !ok || h.status == 101 || h.status < 200 && h.minor == 0 {
			b.bad = true
			return h, b
		}
		if h.status >= 200 {
			return h, refContent(method, h, text, b.used)
		}
	}
	b.bad = true
	return h, b
}

// refContent reads the body behind the head, which ends at the byte from.
func refContent(method string, h refHead, text string, from int) refBody {
	rest := text[from:]
	b := refBody{done: true}
	switch {
	case method == "HEAD" || h.status == 204 || h.status == 304:
	case h.chunked:
		b = refChunked(rest)
	case h.length >= 0 && int64(len(rest)) < h.length:
		b = refBody{content: rest, used: len(rest)}
	case h.length >= 0:
		b.content, b.used = rest[:h.length], int(h.length)
	default:
		b.content, b.used = rest, len(rest)
	}
	b.used += from
	return b
}
