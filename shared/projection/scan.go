package projection

import (
	"errors"
	"fmt"
	"math/bits"
	"unicode/utf8"
	"unsafe"
)

// MaxDepth is how many arrays and objects may be open at once in a document.
const MaxDepth = 512

// A DocumentError says why a document was refused and where.
type DocumentError struct {
	Offset  int    // the byte at which the fault was noticed, counted from 0
	Message string // what is wrong, without any content of the document
	Limit   bool   // it may be a document, but goes beyond a limit: the error is ErrLimit
}

// ErrLimit is what a [*DocumentError] is whose document nests too deep, or holds
// an array that is too long.
var ErrLimit = errors.New("projection: the document goes beyond a limit")

// Is reports whether target is what e is: [ErrLimit] or not.
func (e *DocumentError) Is(target error) bool { return e.Limit && target == ErrLimit }

func (e *DocumentError) Error() string {
	return fmt.Sprintf("projection: %s at byte %d of the document", e.Message, e.Offset)
}

// Valid reports whether src is one valid JSON text (RFC 8259) of valid UTF-8 that
// nests at most [MaxDepth] deep. The error is a [*DocumentError].
func Valid(src []byte) error {
	s := scanner{src: src, depth: MaxDepth}
	return s.finish(s.skip(s.space(0), 0))
}

// A scanner validates JSON and finds the ends of its tokens. Its methods take
// the index to read at and return the index behind what they read, or -1 when
// the document is at fault; then err says why.
type scanner struct {
	src []byte
	err *DocumentError

	spaced bool // white space was met since this was last cleared
	keyEnd int  // the closing quote of the key that was read last

	depth  int            // how many containers may be open, at most MaxDepth
	items  int            // how many elements an array may have; 0: nobody counts
	counts *[MaxDepth]int // of the arrays that are open; nil: nobody counts

	outer [MaxDepth]byte // the closing byte of each open container around the innermost
}

// at is src[i], or 0 behind the end. No rule of the grammar wants a NUL byte, so
// the end of the document needs no test of its own.
func at(src []byte, i int) byte {
	if uint(i) < uint(len(src)) {
		return src[i]
	}
	return 0
}

// near is the last index at which a window is still within the document.
func (s *scanner) near() int { return len(s.src) - window }

func (s *scanner) start() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(s.src)) }

func (s *scanner) fail(i int, message string) int {
	if s.err == nil {
		if i >= len(s.src) {
			i, message = len(s.src), "unexpected end"
		}
		s.err = &DocumentError{Offset: i, Message: message}
	}
	return -1
}

const (
	tooDeep = "nesting too deep"
	tooMany = "too many elements in an array"
	noEnd   = "expected ',' or the end of the array or object"
)

func (s *scanner) limit(i int, message string) int {
	s.fail(i, message)
	s.err.Limit = true
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

// text reads a string from behind its opening quote, eight bytes at a time.
func (s *scanner) text(i int) int {
	start, last := s.start(), len(s.src)-window
	for i <= last {
		m := marks(load8(start, i))
		if m == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(m) >> 3
		switch c := byteAt(start, i); {
		case c == '"':
			return i + 1
		case c == '\\' && shortEscape[byteAt(start, i+1)]:
			i += 2
		default:
			if i = s.special(i); i < 0 {
				return -1
			}
		}
	}
	return s.textTail(i)
}

// shortEscape says which bytes make an escape sequence of two bytes.
var shortEscape = [256]bool{'"': true, '\\': true, '/': true, 'b': true, 'f': true, 'n': true, 'r': true, 't': true}

// special reads what is no plain byte of a string, and does not end it.
func (s *scanner) special(i int) int {
	switch c := s.src[i]; {
	case c == '\\':
		return s.escape(i + 1)
	case c >= utf8.RuneSelf:
		return s.unicode(i)
	}
	return s.fail(i, control)
}

// textTail is text for the last bytes of the document, one at a time.
func (s *scanner) textTail(i int) int {
	for i >= 0 && i < len(s.src) {
		switch c := s.src[i]; {
		case c == '"':
			return i + 1
		case c == '\\' || c >= utf8.RuneSelf || c < ' ':
			i = s.special(i)
		default:
			i++
		}
	}
	return s.fail(i, "unexpected end")
}

// unicode reads a run of code points over 127 in UTF-8.
func (s *scanner) unicode(i int) int {
	for start := s.start(); i <= len(s.src)-4; {
		w := load4(start, i)
		switch {
		case w&0x80 == 0:
			return i
		case w&0xc0e0 == 0x80c0 && w&0x1e != 0: // not overlong
			i += 2
		case w&0xc0c0f0 == 0x8080e0 && w&0x200f != 0 && w&0x200f != 0x200d: // no surrogate either
			i += 3
		case w&0xc0c0c0f8 == 0x808080f0 && w&0x3007 != 0 && (w&4 == 0 || w&0x3003 == 0): // and at most U+10FFFF
			i += 4
		default:
			return s.fail(i, invalidUTF8)
		}
	}
	for at(s.src, i) >= utf8.RuneSelf {
		r, n := utf8.DecodeRune(s.src[i:])
		if r == utf8.RuneError && n == 1 {
			return s.fail(i, invalidUTF8)
		}
		i += n
	}
	return i
}

const (
	invalidUTF8 = "invalid UTF-8"
	control     = "control byte in a string"
)

// escape reads the rest of an escape sequence from behind its backslash.
func (s *scanner) escape(i int) int {
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
	c := at(s.src, i)
	if c > '9' || c < '-' {
		return s.literal(i)
	}
	if c == '-' {
		i++
		c = at(s.src, i)
	}
	end := s.digits(i)
	if c == '0' {
		end = i + 1
	}
	if end == i {
		return s.fail(i, "expected a value")
	}
	if at(s.src, end) == '.' {
		i = end + 1
		if end = s.digits(i); end == i {
			return s.fail(i, "expected a digit behind the decimal point")
		}
	}
	if at(s.src, end)|0x20 == 'e' {
		return s.exponent(end + 1)
	}
	return end
}

func (s *scanner) exponent(i int) int {
	if c := at(s.src, i); c == '+' || c == '-' {
		i++
	}
	end := s.digits(i)
	if end == i {
		return s.fail(i, "expected a digit in the exponent")
	}
	return end
}

// digits returns the index behind a run of digits.
func (s *scanner) digits(i int) int {
	for start := s.start(); i <= len(s.src)-8; i += 8 {
		if m := nonDigits(load8(start, i)); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for at(s.src, i)-'0' <= 9 {
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
	s.keyEnd = i - 1
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
	start, near := s.start(), s.near()
	depth := base
	closer := byte(0) // of the innermost open container
value:
	for ; ; i = s.space(i) {
		if closer == '}' {
			end := 0 // of the key
			if i <= near && byteAt(start, i) == '"' {
				end = quickKey(start, i+1)
			}
			if end == 0 {
				if end = s.key(i); end < 0 {
					return -1
				}
			}
			i = s.space(end)
		}
		switch c := at(s.src, i); c {
		case '"':
			i = s.text(i + 1)
		case '{', '[':
			if depth == s.depth {
				return s.limit(i, tooDeep)
			}
			if s.counts != nil {
				s.counts[depth&(MaxDepth-1)] = 1
			}
			s.outer[depth&(MaxDepth-1)] = closer
			depth++
			closer = c + 2 // ASCII: '{'+2 is '}', '['+2 is ']'
			i = s.space(i + 1)
			if at(s.src, i) != closer {
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
				if closer == ']' && s.counts != nil {
					if i = s.count(i, depth-1); i < 0 {
						return -1
					}
				}
				continue value
			}
			if c != closer {
				return s.fail(i, noEnd)
			}
			i++
			depth--
			closer = s.outer[depth&(MaxDepth-1)]
		}
		return i
	}
}

// count adds an element to the array that stands in depth open containers.
func (s *scanner) count(i, depth int) int {
	if s.counts[depth&(MaxDepth-1)] == s.items {
		return s.limit(s.space(i), tooMany)
	}
	s.counts[depth&(MaxDepth-1)]++
	return i
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
	return s.fail(i, noEnd), false
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
