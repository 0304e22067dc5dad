package httpcache

import (
	"math"
	"strings"
	"time"
)

// control is what a Cache-Control header says about a response, as far as
// anything here heeds it.
type control struct {
	public, private, noStore, noCache bool
	mustRevalidate, noTransform       bool
	maxAge, sMaxAge                   time.Duration // -1: not said
	whileRevalidate, ifError          time.Duration // RFC 5861; -1: not said
}

// silent is what no Cache-Control header says.
var silent = control{maxAge: -1, sMaxAge: -1, whileRevalidate: -1, ifError: -1}

// parseControl reads all Cache-Control lines of a response (RFC 9111 §5.2). It
// is strict: what is malformed, or says an age twice, is no permission to keep
// anything (§4.2.1 allows to treat such a response as stale). Directives that it
// does not know are skipped, as they must be.
func parseControl(lines []string) (c control, ok bool) {
	c = silent
	for _, line := range lines {
		if !c.read(line) {
			return control{}, false
		}
	}
	return c, true
}

// read takes one more line. Where it is not ok, nothing that c says counts.
func (c *control) read(line string) bool {
	for rest := line; rest != ""; {
		var name, argument string
		var given, ok bool
		if name, argument, given, rest, ok = directive(rest); !ok || !c.take(name, argument, given) {
			return false
		}
	}
	return true
}

// take notes one directive. The forms of private and no-cache that name fields
// are taken for the whole response (§5.2.2.4, §5.2.2.7).
func (c *control) take(name, argument string, given bool) bool {
	switch name {
	case "public":
		c.public = true
	case "private":
		c.private = true
	case "no-store":
		c.noStore = true
	case "no-cache":
		c.noCache = true
	case "must-revalidate":
		c.mustRevalidate = true
	case "no-transform":
		c.noTransform = true
	case "max-age":
		return given && age(&c.maxAge, argument)
	case "s-maxage":
		return given && age(&c.sMaxAge, argument)
	case "stale-while-revalidate":
		return given && age(&c.whileRevalidate, argument)
	case "stale-if-error":
		return given && age(&c.ifError, argument)
	}
	return true
}

// age reads delta-seconds (§1.2.2) into an age that was not said before.
func age(into *time.Duration, text string) bool {
	seconds, ok := deltaSeconds(text)
	if !ok || *into >= 0 {
		return false
	}
	*into = seconds
	return true
}

// deltaSeconds reads a number of seconds. One too great to count is a very long
// time, and still a number.
func deltaSeconds(text string) (time.Duration, bool) {
	if text == "" {
		return 0, false
	}
	n := int64(0)
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
		n = min(n*10+int64(text[i]-'0'), math.MaxInt32)
	}
	return time.Duration(n) * time.Second, true
}

// directive reads the first member of a list of directives, token or
// token=argument, and what follows its comma. Empty members are allowed in
// lists (RFC 9110 §5.6.1.2) and come back without a name.
func directive(s string) (name, argument string, given bool, rest string, ok bool) {
	s = strings.TrimLeft(s, " \t")
	n := tokenLength(s)
	name, s = strings.ToLower(s[:n]), s[n:]
	if strings.HasPrefix(s, "=") {
		if name == "" {
			return "", "", false, "", false
		}
		given = true
		if argument, s, ok = value(s[1:]); !ok {
			return "", "", false, "", false
		}
	}
	s = strings.TrimLeft(s, " \t")
	if s == "" {
		return name, argument, given, "", true
	}
	if s[0] != ',' {
		return "", "", false, "", false
	}
	return name, argument, given, s[1:], true
}

// value reads a token or a quoted string (RFC 9110 §5.6).
func value(s string) (text, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		n := tokenLength(s)
		return s[:n], s[n:], n > 0
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], true
		case c == '\\' && i+1 < len(s) && quotable(s[i+1]):
			i++
			b.WriteByte(s[i])
		case c == '\\' || !quotable(c):
			return "", "", false
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

func quotable(c byte) bool { return c == '\t' || c >= ' ' && c != 0x7f }

// tokenLength is how many bytes at the start of s are a token's (RFC 9110 §5.6.2).
func tokenLength(s string) int {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return i
		}
	}
	return len(s)
}
