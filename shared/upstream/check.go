package upstream

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/triptych-bff/triptych/shared/http1"
)

// This is the last place before the wire: what a client could have slipped into
// a value of the request is refused here, whoever put the request together.

var (
	errRelative  = errors.New("path does not begin with a slash")
	errCharacter = errors.New("path has a character that must be escaped")
	errEscape    = errors.New("path has a malformed escape")
	errHidden    = errors.New("path hides a slash, a backslash or a control character in an escape")
	errSegment   = errors.New("path has an empty or a dot segment")
	errQuery     = errors.New("query has a character that must be escaped")
)

// checkPath accepts an escaped path that every server reads in the same way:
// pchars and slashes (RFC 3986 §3.3), whole segments, none of them empty but the
// last, none of them a step up or down, and no separator behind an escape.
func checkPath(path string) error {
	if path == "" || path[0] != '/' {
		return errRelative
	}
	length, dots := 0, 0 // of the segment so far
	for i := 1; i < len(path); i++ {
		c := path[i]
		if c == '/' {
			if length == dots && length <= 2 {
				return errSegment
			}
			length, dots = 0, 0
			continue
		}
		if c == '%' {
			var err error
			if c, err = unescape(path[i:]); err != nil {
				return err
			}
			i += 2
		} else if !pchar(c) {
			return errCharacter
		}
		length++
		if c == '.' {
			dots++
		}
	}
	if length == dots && (length == 1 || length == 2) {
		return errSegment
	}
	return nil
}

// unescape reads the escape at the start of s.
func unescape(s string) (byte, error) {
	if len(s) < 3 || !hexDigit(s[1]) || !hexDigit(s[2]) {
		return 0, errEscape
	}
	c := hexValue(s[1])<<4 | hexValue(s[2])
	if c == '/' || c == '\\' || c < 0x20 || c == 0x7f {
		return 0, errHidden
	}
	return c, nil
}

func pchar(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	default:
		return strings.IndexByte("-._~!$&'()*+,;=:@", c) >= 0
	}
}

func hexDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func hexValue(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	default:
		return c - 'a' + 10
	}
}

func checkQuery(query string) error {
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c >= 0x7f || c == '#' {
			return errQuery
		}
	}
	return nil
}

// checkHeader accepts names and values that cannot end a line or say how the
// message is framed.
func checkHeader(h http1.Fields) error {
	for _, f := range h {
		if !httpguts.ValidHeaderFieldName(f.Name) || reserved(http.CanonicalHeaderKey(f.Name)) {
			return fmt.Errorf("header %q is not the caller's to set", f.Name)
		}
		if !httpguts.ValidHeaderFieldValue(f.Value) {
			return fmt.Errorf("header %s has a malformed value", f.Name)
		}
	}
	return nil
}

// reserved are the headers that frame a message or belong to its connection.
func reserved(canonical string) bool {
	switch canonical {
	case "Connection", "Content-Length", "Expect", "Host", "Keep-Alive", "Proxy-Connection",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	default:
		return false
	}
}

// printable is what gRPC metadata may hold; headers may hold more.
func printable(value string) bool {
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return false
		}
	}
	return true
}
