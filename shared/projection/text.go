package projection

import (
	"bytes"
	"encoding/json"
	"errors"
)

// ErrNoText says that a value has no text: it is null, an array or an object.
var ErrNoText = errors.New("projection: null, an array or an object has no text")

// Text returns the string behind a raw JSON scalar: of a string what it means,
// of a number and of true and false the bytes as they are. null, arrays and
// objects give [ErrNoText], because nobody wants them in a path or a key; what
// is not one JSON value gives a [*DocumentError]. An escape sequence of half a
// surrogate pair becomes U+FFFD, as encoding/json has it.
func Text(raw []byte) (string, error) {
	s := scanner{src: raw, depth: MaxDepth}
	i := s.space(0)
	end := s.skip(i, 0)
	if err := s.finish(end); err != nil {
		return "", err
	}
	switch raw[i] {
	case 'n', '[', '{':
		return "", ErrNoText
	case '"':
		if bytes.IndexByte(raw, '\\') >= 0 {
			return unquote(raw)
		}
		return string(raw[i+1 : end-1]), nil
	}
	return string(raw[i:end]), nil
}

func unquote(raw []byte) (text string, err error) {
	err = json.Unmarshal(raw, &text)
	return text, err
}

// equalEscaped reports whether raw, the valid inside of a JSON string, means name.
// A name is made of letters, digits, '_' and '-', so the only escape sequences
// that can match are those by number.
func equalEscaped(raw []byte, name string) bool {
	i := 0
	for k := range len(name) {
		c := rune(at(raw, i))
		i++
		if c == '\\' {
			if at(raw, i) != 'u' {
				return false
			}
			c = hex(raw[i+1])<<12 | hex(raw[i+2])<<8 | hex(raw[i+3])<<4 | hex(raw[i+4])
			i += 5
		}
		if c != rune(name[k]) {
			return false
		}
	}
	return i == len(raw)
}
