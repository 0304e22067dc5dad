package framing

// A body is what is left of a request behind its head.
type body struct {
	part part
	left uint64 // bytes of the body, or of the chunk
	size int    // digits of a chunk's size, or bytes of a line, so far
}

// A part is what the next byte of a body belongs to (RFC 9112 §7.1).
type part uint8

const (
	none         part = iota // the body has ended
	counted                  // as many bytes as Content-Length says
	chunkSize                // hexadecimal digits
	chunkExt                 // extensions, up to CR
	chunkLF                  // LF behind the size
	chunkData                // as many bytes as the size says
	chunkDataCR              // CR behind them
	chunkDataLF              // LF behind them
	trailerStart             // the first byte of a trailer line, or of the last CRLF
	trailer                  // the rest of the line, up to CR
	trailerLF                // LF behind it
	lastLF                   // LF of the last CRLF
)

// spoil is what can stand nowhere behind the beginning of this part.
func (p part) spoil() string {
	switch p {
	case chunkExt:
		return "\r!\r\n"
	case trailer:
		return "\r\n!\r\n\r\n" // a line without a colon
	case trailerLF:
		return "\n!\r\n\r\n"
	}
	return "!\r\n\r\n"
}

const (
	maxSizeDigits = 15  // so that a size fits any integer
	maxExtension  = 256 // nobody uses extensions
	maxTrailer    = 8 << 10
)

func bodyOf(h head) body {
	switch {
	case h.codings > 0:
		return body{part: chunkSize}
	case h.length > 0:
		return body{part: counted, left: h.length}
	}
	return body{}
}

// follow goes through the bytes of the body at the beginning of b. It returns
// how many there are, and whether they are as they must be.
func (f *body) follow(b []byte) (n int, ok bool) {
	for n < len(b) && f.part != none {
		if f.part == counted || f.part == chunkData {
			n += f.skip(len(b) - n)
			continue
		}
		if before := f.part; !f.next(b[n]) {
			f.part = before
			return n, false
		}
		n++
	}
	return n, true
}

// skip takes up to n bytes of content.
func (f *body) skip(n int) int {
	taken := min(uint64(n), f.left)
	if f.left -= taken; f.left == 0 {
		if f.part == counted {
			f.part = none
		} else {
			f.part = chunkDataCR
		}
	}
	return int(taken)
}

// next takes one byte around the content.
func (f *body) next(c byte) bool {
	switch f.part {
	case chunkSize:
		return f.sizeDigit(c)
	case chunkExt:
		return f.text(c, chunkLF, maxExtension)
	case chunkLF:
		f.part, f.size = chunkData, 0
		if f.left == 0 {
			f.part = trailerStart
		}
		return c == '\n'
	case chunkDataCR:
		f.part = chunkDataLF
		return c == '\r'
	case chunkDataLF:
		f.part, f.size = chunkSize, 0
		return c == '\n'
	case trailerStart:
		if c == '\r' {
			f.part = lastLF
			return true
		}
		f.part = trailer
		return isToken[c] // a name: no folded lines, no empty names
	case trailer:
		return f.text(c, trailerLF, maxTrailer)
	case trailerLF:
		f.part = trailerStart
		return c == '\n'
	default: // lastLF
		f.part = none
		return c == '\n'
	}
}

// sizeDigit takes a digit, or what ends them.
func (f *body) sizeDigit(c byte) bool {
	switch {
	case isHex[c]:
		f.size++
		f.left = f.left<<4 | uint64(digit(c))
		return f.size <= maxSizeDigits
	case f.size == 0:
		return false
	case c == '\r':
		f.part = chunkLF
		return true
	case c == ';':
		f.part, f.size = chunkExt, 0
		return true
	}
	return false
}

func digit(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}

// text takes a byte of a line up to its CR. The limit is on all lines of the kind.
func (f *body) text(c byte, then part, most int) bool {
	if c == '\r' {
		f.part = then
		return true
	}
	f.size++
	return isValue[c] && f.size <= most
}
