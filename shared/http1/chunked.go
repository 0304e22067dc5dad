package http1

import "strings"

// Chunked finds the content in a chunked body (RFC 9112 §7.1) that comes in
// pieces. The zero value stands before the first chunk.
type Chunked struct {
	Trailer Fields // what came behind the last chunk, once Done

	part  part
	left  uint64 // bytes of the chunk that have not come
	size  int    // digits of its size so far, or bytes of its extensions
	extra int    // bytes of all extensions, or of all trailers
	line  []byte // of a trailer, so far
}

// A part is what the next byte belongs to.
type part uint8

const (
	chunkSize    part = iota // hexadecimal digits
	chunkExt                 // extensions, up to CR
	chunkLF                  // LF behind the size
	chunkData                // as many bytes as the size says
	chunkDataCR              // CR behind them
	chunkDataLF              // LF behind them
	trailerStart             // the first byte of a trailer line, or of the last CRLF
	trailer                  // the rest of the line, up to CR
	trailerLF                // LF behind it
	lastLF                   // LF of the last CRLF
	done
)

const (
	maxSizeDigits = 15 // so that a size fits any integer
	maxExtension  = 256
	maxExtensions = 16 << 10 // of all chunks: nobody uses them
	maxTrailers   = 8 << 10
)

// Done is whether the body has ended.
func (c *Chunked) Done() bool { return c.part == done }

// Next goes through b: skip bytes around the content, and data bytes of content
// behind them. Both are zero only when b is empty or the body has ended; what
// stands behind skip+data is for the next call. A body that is malformed stays so.
func (c *Chunked) Next(b []byte) (skip, data int, err error) {
	for skip < len(b) && c.part != done {
		if c.part == chunkData {
			taken := min(uint64(len(b)-skip), c.left)
			if c.left -= taken; c.left == 0 {
				c.part = chunkDataCR
			}
			return skip, int(taken), nil
		}
		before := c.part
		if err := c.step(b[skip]); err != nil {
			c.part = before
			return skip, 0, err
		}
		skip++
	}
	return skip, 0, nil
}

// step takes one byte around the content.
func (c *Chunked) step(b byte) error {
	switch c.part {
	case chunkSize:
		return c.digit(b)
	case chunkExt:
		return c.extension(b)
	case chunkLF:
		c.part = chunkData
		if c.left == 0 {
			c.part, c.extra = trailerStart, 0
		}
		return must(b == '\n', LineEnd)
	case chunkDataCR:
		c.part = chunkDataLF
		return must(b == '\r', ChunkEnd)
	case chunkDataLF:
		c.part, c.size = chunkSize, 0
		return must(b == '\n', ChunkEnd)
	case trailerStart:
		if b == '\r' {
			c.part = lastLF
			return nil
		}
		c.part = trailer
		if !isToken[b] {
			return Trailers
		}
		return c.trailer(b)
	case trailer:
		return c.trailer(b)
	case trailerLF:
		c.part = trailerStart
		if b != '\n' {
			return LineEnd
		}
		return c.keepTrailer()
	default: // lastLF
		c.part = done
		return must(b == '\n', LineEnd)
	}
}

func must(holds bool, r Rule) error {
	if holds {
		return nil
	}
	return r
}

// digit takes a digit of a size, or what ends them.
func (c *Chunked) digit(b byte) error {
	switch {
	case isHex[b]:
		if c.size == maxSizeDigits {
			return ChunkSize
		}
		c.size++
		c.left = c.left<<4 | uint64(hexValue(b))
	case c.size == 0:
		return ChunkSize
	case b == '\r':
		c.part = chunkLF
	case b == ';':
		c.part, c.size = chunkExt, 0
	default:
		return ChunkSize
	}
	return nil
}

func hexValue(b byte) byte {
	switch {
	case b <= '9':
		return b - '0'
	case b <= 'F':
		return b - 'A' + 10
	}
	return b - 'a' + 10
}

func (c *Chunked) extension(b byte) error {
	if b == '\r' {
		c.part = chunkLF
		return nil
	}
	c.size++
	c.extra++
	return must(isValue[b] && c.size <= maxExtension && c.extra <= maxExtensions, ChunkExtension)
}

// trailer takes a byte of a trailer line up to its CR.
func (c *Chunked) trailer(b byte) error {
	switch {
	case b == '\r':
		c.part = trailerLF
		return nil
	case !isValue[b]:
		return Trailers
	case c.extra == maxTrailers:
		return TrailersTooLong
	}
	c.extra++
	c.line = append(c.line, b)
	return nil
}

// keepTrailer reads a line that has ended.
func (c *Chunked) keepTrailer() error {
	f, err := parseField(string(c.line))
	if err != nil || forbidden(f.Name) {
		return Trailers
	}
	c.Trailer = append(c.Trailer, f)
	c.line = c.line[:0]
	return nil
}

// forbidden are names that say how a message is read, so that they come too late
// behind it (RFC 9110 §6.5.1).
func forbidden(name string) bool {
	switch len(name) {
	case len("Host"):
		return strings.EqualFold(name, "Host")
	case len("Trailer"):
		return strings.EqualFold(name, "Trailer")
	case len("Connection"):
		return strings.EqualFold(name, "Connection")
	case len("Content-Length"):
		return strings.EqualFold(name, "Content-Length")
	case len("Transfer-Encoding"):
		return strings.EqualFold(name, "Transfer-Encoding")
	}
	return false
}

// Spoil is what can stand nowhere behind what Next has gone through, so that no
// reader takes the body for a whole one.
func (c *Chunked) Spoil() string {
	switch c.part {
	case chunkExt:
		return "\r!\r\n"
	case trailer:
		return "\r\n!\r\n\r\n" // a line without a colon
	case trailerLF:
		return "\n!\r\n\r\n"
	default:
		return "!\r\n\r\n"
	}
}
