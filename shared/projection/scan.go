package projection

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf8"
)

// MaxDepth is how many arrays and objects may be open at once in a document.
const MaxDepth = 512

// A DocumentError says why a document was refused and where.
type DocumentError struct {
	Offset  int    // the byte at which the fault was noticed, counted from 0
	Message string // what is wrong, without any content of the document
}

func (e *DocumentError) Error() string {
	return fmt.Sprintf("projection: %s at byte %d of the document", e.Message, e.Offset)
}

// Valid reports whether src is one valid JSON text (RFC 8259) of valid UTF-8 that
// nests at most [MaxDepth] deep. The error is a [*DocumentError].
func Valid(src []byte) error {
	s := scanner{src: src}
	return s.finish(s.skip(s.space(0), 0))
}

// A scanner validates JSON and finds the ends of its tokens. Its methods take
// the index to read at and return the index behind what they read, or -1 when
// the document is at fault; then err says why.
type scanner struct {
	src []byte
	err *DocumentError

	escaped bool // a string held a backslash since this was last cleared
	spaced  bool // white space was met since this was last cleared

	outer [MaxDepth]byte // the closing byte of each open container around the innermost
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// at is src[i], or 0 behind the end. No rule of the grammar wants a NUL byte, so
// the end of the document needs no test of its own.
func at(src []byte, i int) byte {
	if uint(i) < uint(len(src)) {
		return src[i]
	}
	return 0
}

func (s *scanner) fail(i int, message string) int {
	if s.err == nil {
		if i >= len(s.src) {
			i, message = len(s.src), "unexpected end"
		}
		s.err = &DocumentError{Offset: i, Message: message}
	}
	return -1
}

// finish takes the index behind the top value: only white space may follow.
func (s *scanner) finish(i int) error {
	if i >= 0 {
		if i = s.space(i); i < len(s.src) {
			s.fail(i, "unexpected byte behind the value")
		}
	}
	if s.err != nil {
		return s.err
	}
	return nil
}

// space skips white space. The common answer, none, is found without a loop.
func (s *scanner) space(i int) int {
	if at(s.src, i) > ' ' {
		return i
	}
	return s.spaces(i)
}

func (s *scanner) spaces(i int) int {
	from := i
	for i < len(s.src) && isSpace(s.src[i]) {
		i++
	}
	if i > from {
		s.spaced = true
	}
	return i
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// text reads a string from behind its opening quote, eight bytes at a time: m
// marks those that end a run of plain text, with their highest bits. Flipping bit
// 1 moves the quote, and no other byte, among the control bytes below '!', so one
// subtraction finds both; the other finds backslashes. Bytes over 127 are no
// marks. A borrow only runs upwards from a mark, so the lowest mark is exact.
func (s *scanner) text(i int) int {
	src, start := s.src, i
	high := uint64(0) // all words, or-ed: is any byte over 127?
	for i+8 <= len(src) {
		w := binary.LittleEndian.Uint64(src[i:])
		quoteOrControl := (w ^ 2*ones) - '!'*ones
		backslash := (w ^ '\\'*ones) - ones
		m := (quoteOrControl | backslash) &^ w & highs
		high |= w
		if m == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(m) >> 3
		switch src[i] {
		case '"':
			if high&highs != 0 {
				return s.unicode(start, i)
			}
			return i + 1
		case '\\':
			if i = s.escape(i + 1); i < 0 {
				return -1
			}
		default:
			return s.fail(i, "control byte in a string")
		}
	}
	return s.textTail(start, i)
}

// textTail is text for the last bytes of the document, one at a time.
func (s *scanner) textTail(start, i int) int {
	for i >= 0 && i < len(s.src) {
		switch c := s.src[i]; {
		case c == '"':
			return s.unicode(start, i)
		case c == '\\':
			i = s.escape(i + 1)
		case c < ' ':
			return s.fail(i, "control byte in a string")
		default:
			i++
		}
	}
	return s.fail(i, "unexpected end")
}

// unicode checks the string between its quotes, src[start:end].
func (s *scanner) unicode(start, end int) int {
	if text := s.src[start:end]; !utf8.Valid(text) {
		return s.fail(start+invalidUTF8(text), "invalid UTF-8")
	}
	return end + 1
}

// invalidUTF8 is the place of the first byte that is at fault.
func invalidUTF8(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(b)
}

// escape reads the rest of an escape sequence from behind its backslash.
func (s *scanner) escape(i int) int {
	s.escaped = true
	switch at(s.src, i) {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		for k := i + 1; k <= i+4; k++ {
			if hex(at(s.src, k)) < 0 {
				return s.fail(k, "bad hexadecimal digit in an escape sequence")
			}
		}
		return i + 5
	}
	return s.fail(i, "unknown escape sequence")
}

// hex is the value of a hexadecimal digit, or -1.
func hex(c byte) rune {
	switch {
	case c-'0' <= 9:
		return rune(c - '0')
	case (c|0x20)-'a' <= 5:
		return rune((c|0x20)-'a') + 10
	}
	return -1
}

// scalar reads a number, true, false or null.
func (s *scanner) scalar(i int) int {
	src := s.src
	c := at(src, i)
	if c > '9' || c < '-' {
		return s.literal(i)
	}
	if c == '-' {
		i++
		c = at(src, i)
	}
	switch {
	case c == '0':
		i++
	case c-'1' <= 8:
		i = digits(src, i+1)
	default:
		return s.fail(i, "expected a value")
	}
	if at(src, i) == '.' {
		if at(src, i+1)-'0' > 9 {
			return s.fail(i+1, "expected a digit behind the decimal point")
		}
		i = digits(src, i+2)
	}
	if at(src, i)|0x20 == 'e' {
		return s.exponent(i + 1)
	}
	return i
}

func (s *scanner) exponent(i int) int {
	if c := at(s.src, i); c == '+' || c == '-' {
		i++
	}
	if at(s.src, i)-'0' > 9 {
		return s.fail(i, "expected a digit in the exponent")
	}
	return digits(s.src, i+1)
}

func digits(src []byte, i int) int {
	for at(src, i)-'0' <= 9 {
		i++
	}
	return i
}

func (s *scanner) literal(i int) int {
	if i+4 <= len(s.src) {
		switch string(s.src[i : i+4]) {
		case "true", "null":
			return i + 4
		case "fals":
			if at(s.src, i+4) == 'e' {
				return i + 5
			}
		}
	}
	return s.fail(i, "expected a value")
}

// key reads a member's key and the colon behind it.
func (s *scanner) key(i int) int {
	if at(s.src, i) != '"' {
		return s.fail(i, "expected a key")
	}
	if i = s.text(i + 1); i < 0 {
		return -1
	}
	if at(s.src, i) == ':' {
		return i + 1
	}
	return s.colon(i)
}

func (s *scanner) colon(i int) int {
	if i = s.space(i); at(s.src, i) != ':' {
		return s.fail(i, "expected ':'")
	}
	return i + 1
}

// skip reads one value, of any kind, that stands in depth open containers.
func (s *scanner) skip(i, depth int) int {
	switch at(s.src, i) {
	case '"':
		return s.text(i + 1)
	case '{', '[':
		return s.container(i, depth)
	}
	return s.scalar(i)
}

// container is skip for arrays and objects. It keeps its own stack, because a
// recursion would let the document choose how much memory its nesting costs.
func (s *scanner) container(i, base int) int {
	depth := base
	closer := byte(0) // of the innermost open container
value:
	for {
		i = s.space(i)
		switch c := at(s.src, i); c {
		case '"':
			i = s.text(i + 1)
		case '{', '[':
			if depth == MaxDepth {
				return s.fail(i, "nesting too deep")
			}
			s.outer[depth&(MaxDepth-1)] = closer
			depth++
			closer = c + 2 // ASCII: '{'+2 is '}', '['+2 is ']'
			i = s.space(i + 1)
			if at(s.src, i) != closer {
				if c == '{' {
					i = s.key(i)
				}
				if i < 0 {
					return -1
				}
				continue value
			}
			i++
			depth--
			closer = s.outer[depth&(MaxDepth-1)]
		default:
			i = s.scalar(i)
		}
		if i < 0 {
			return -1
		}
		for depth > base {
			i = s.space(i)
			c := at(s.src, i)
			if c == ',' {
				i++
				if closer == '}' {
					if i = s.key(s.space(i)); i < 0 {
						return -1
					}
				}
				continue value
			}
			if c != closer {
				return s.fail(i, "expected ',' or the end of the array or object")
			}
			i++
			depth--
			closer = s.outer[depth&(MaxDepth-1)]
		}
		return i
	}
}

// next reads what follows an element or member in a container that ends with
// closer: more says that another one follows, and then i is its first byte.
func (s *scanner) next(i int, closer byte) (_ int, more bool) {
	i = s.space(i)
	switch c := at(s.src, i); c {
	case ',':
		return s.space(i + 1), true
	case closer:
		return i + 1, false
	}
	return s.fail(i, "expected ',' or the end of the array or object"), false
}

// appendCompact appends valid JSON without the white space between its tokens.
func appendCompact(dst, raw []byte) []byte {
	start, quoted := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\':
			i++ // only strings hold backslashes; the next byte cannot end one
		case !quoted && isSpace(c):
			dst = append(dst, raw[start:i]...)
			start = i + 1
		}
	}
	return append(dst, raw[start:]...)
}
