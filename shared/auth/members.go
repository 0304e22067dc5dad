package auth

import (
	"bytes"
	"iter"
)

// members are the names and values of a JSON object, as they are written. The
// object must be valid JSON, as what reaches an UnmarshalJSON method is: that
// is why this is short, and why it cannot run past the end.
func members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for rest := blank(object[1:]); rest[0] != '}'; {
			name := rest[:stringEnd(rest)]
			rest = blank(blank(rest[len(name):])[1:]) // past the colon
			value := rest[:valueEnd(rest)]
			rest = blank(rest[len(value):])
			if rest[0] == ',' {
				rest = blank(rest[1:])
			}
			if !yield(name, value) {
				return
			}
		}
	}
}

func blank(s []byte) []byte { return bytes.TrimLeft(s, " \t\r\n") }

// stringEnd is the length of the string that s begins with.
func stringEnd(s []byte) int {
	i := 1
	for ; s[i] != '"'; i++ {
		if s[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// valueEnd is the length of the value that s begins with.
func valueEnd(s []byte) int {
	switch s[0] {
	case '"':
		return stringEnd(s)
	case '{', '[':
		return nestedEnd(s)
	default:
		return bytes.IndexAny(s, ",} \t\r\n") // the object goes on, or ends
	}
}

// nestedEnd is the length of the object or array that s begins with.
func nestedEnd(s []byte) int {
	for i, depth := 0, 0; ; i++ {
		switch s[i] {
		case '"':
			i += stringEnd(s[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
}
