package routing

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// What [Canonical] refuses, in words that may be shown to the client.
var (
	ErrNotAbsolute  = errors.New(`the path does not begin with "/"`)
	ErrEscape       = errors.New(`the path has a "%" that two hexadecimal digits do not follow`)
	ErrEncoded      = errors.New("the path has an encoded character that servers read differently: / \\ % ? # ; or a control character")
	ErrCharacter    = errors.New("the path has a character that must not stand in one: \\ ? # ; or a control character")
	ErrUTF8         = errors.New("the path is not valid UTF-8")
	ErrDotSegment   = errors.New(`the path has a "." or ".." segment`)
	ErrEmptySegment = errors.New(`the path has an empty segment ("//")`)
)

// Canonical is the decoded form of an escaped path, or the reason why there is
// no single one. What two servers could read differently is refused rather than
// repaired, because whatever stands before or behind the gateway may repair it
// otherwise (RFC 3986 §7.3): encoded separators and controls, dot segments, empty
// segments, ";" parameters, bad escapes, bad UTF-8. A path of plain characters
// costs no allocation.
//
// Canonical(Escape(p)) is p for every p that Canonical has returned.
func Canonical(escaped string) (string, error) {
	if escaped == "" || escaped[0] != '/' {
		return "", ErrNotAbsolute
	}
	path, err := decode(escaped)
	if err != nil {
		return "", err
	}
	return path, checkSegments(path)
}

// decode resolves the escapes, once.
func decode(escaped string) (string, error) {
	plain, ascii := true, true
	for i := range len(escaped) {
		switch c := escaped[i]; {
		case c == '%':
			plain = false
		case forbidden(c):
			return "", ErrCharacter
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	if plain {
		if !ascii && !utf8.ValidString(escaped) {
			return "", ErrUTF8
		}
		return escaped, nil
	}
	return decodeEscapes(escaped)
}

func decodeEscapes(escaped string) (string, error) {
	path := make([]byte, 0, len(escaped))
	for i := 0; i < len(escaped); i++ {
		c := escaped[i]
		if c == '%' {
			if i+2 >= len(escaped) {
				return "", ErrEscape
			}
			high, low := unhex(escaped[i+1]), unhex(escaped[i+2])
			if high|low > 15 {
				return "", ErrEscape
			}
			if c = high<<4 | low; c == '/' || c == '%' || forbidden(c) {
				return "", ErrEncoded
			}
			i += 2
		}
		path = append(path, c)
	}
	if !utf8.Valid(path) {
		return "", ErrUTF8
	}
	return string(path), nil
}

// forbidden are the bytes that no path may hold, encoded or not: separators of
// other parts of a URL, the separator of another system, and controls.
func forbidden(c byte) bool {
	return c < ' ' || c == 0x7f || c == '\\' || c == ';' || c == '?' || c == '#'
}

// unhex is the value of a hexadecimal digit, or 255.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// checkSegments refuses segments that a server might resolve or merge away. A
// slash at the end is no empty segment: "/a/" and "/a" are two paths.
func checkSegments(path string) error {
	for rest := path[1:]; ; {
		segment, after, more := strings.Cut(rest, "/")
		switch {
		case segment == "." || segment == "..":
			return ErrDotSegment
		case segment == "" && more:
			return ErrEmptySegment
		case !more:
			return nil
		}
		rest = after
	}
}

// Escape is a canonical path as it stands in a request line: what a path segment
// may not hold is percent-encoded in upper case (RFC 3986 §3.3), and so is ";",
// which a canonical path never has. A path of plain characters is returned as it is.
func Escape(path string) string {
	escapes := 0
	for i := range len(path) {
		if !pathByte(path[i]) {
			escapes++
		}
	}
	if escapes == 0 {
		return path
	}
	const digits = "0123456789ABCDEF"
	out := make([]byte, 0, len(path)+2*escapes)
	for i := range len(path) {
		if c := path[i]; pathByte(c) {
			out = append(out, c)
		} else {
			out = append(out, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(out)
}

// EscapeSegment is any text as one segment of a path: like [Escape], and "/" is
// encoded too.
func EscapeSegment(s string) string {
	return strings.ReplaceAll(Escape(s), "/", "%2F")
}

// pathByte is pchar or "/" of RFC 3986 §3.3, without ";".
func pathByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c < utf8.RuneSelf && strings.IndexByte("/-._~!$&'()*+,=:@", c) >= 0
}
