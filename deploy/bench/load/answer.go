package load

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// answer reads along with one response of HTTP/1.1 and counts its body.
type answer struct {
	body  int // bytes of it so far
	state state
	left  int    // of the body or the chunk
	line  []byte // the head, or the line of a chunk, as far as it has come
}

type state uint8

const (
	head    state = iota
	content       // of known length
	size          // the line before a chunk
	chunk         // and the line break behind it
	trailer
	whole
)

// expect begins the next response.
func (a *answer) expect() {
	a.body, a.state, a.left, a.line = 0, head, 0, a.line[:0]
}

const maxLine = 16 << 10

// take reads the next bytes and reports whether the response is whole.
func (a *answer) take(p []byte) (done bool, err error) {
	for len(p) > 0 && err == nil {
		if len(a.line) > maxLine {
			return false, errors.New("an answer with an endless line or head")
		}
		switch a.state {
		case head:
			if p, done = a.until(p, "\r\n\r\n"); done {
				err = a.readHead()
			}
		case content:
			n := min(a.left, len(p))
			p, a.left, a.body = p[n:], a.left-n, a.body+n
			if a.left == 0 {
				a.state = whole
			}
		case size:
			if p, done = a.until(p, "\r\n"); done {
				err = a.readSize()
			}
		case chunk:
			n := min(a.left, len(p))
			p, a.left = p[n:], a.left-n
			if a.left == 0 {
				a.state = size
			}
		case trailer:
			if p, done = a.until(p, "\r\n"); done {
				a.state = whole // nobody here sends fields in it
			}
		case whole:
			err = errors.New("more than one answer to a request")
		}
	}
	return a.state == whole, err
}

// until moves p into the line up to its end and reports whether that has come.
func (a *answer) until(p []byte, end string) (rest []byte, done bool) {
	had := len(a.line)
	a.line = append(a.line, p...)
	from := max(0, had-len(end)+1)
	i := bytes.Index(a.line[from:], []byte(end))
	if i < 0 {
		return nil, false
	}
	length := from + i + len(end)
	a.line = a.line[:length]
	return p[length-had:], true
}

var (
	ok        = []byte("HTTP/1.1 200 ")
	lengthIs  = []byte("\r\ncontent-length:")
	chunkedIs = []byte("\r\ntransfer-encoding: chunked")
)

func (a *answer) readHead() error {
	if !bytes.HasPrefix(a.line, ok) {
		first, _, _ := bytes.Cut(a.line, []byte("\r\n"))
		return fmt.Errorf("answer %q", first)
	}
	lower := bytes.ToLower(a.line)
	a.line = a.line[:0]
	if _, after, found := bytes.Cut(lower, lengthIs); found {
		value, _, _ := bytes.Cut(after, []byte("\r\n"))
		n, err := strconv.Atoi(string(bytes.TrimSpace(value)))
		if err != nil || n < 0 {
			return fmt.Errorf("content-length %q", value)
		}
		a.state, a.left = content, n
		if n == 0 {
			a.state = whole
		}
		return nil
	}
	if !bytes.Contains(lower, chunkedIs) {
		return errors.New("an answer without a length")
	}
	a.state = size
	return nil
}

// readSize reads the line before a chunk (RFC 9112 §7.1).
func (a *answer) readSize() error {
	digits, _, _ := bytes.Cut(bytes.TrimRight(a.line, "\r\n"), []byte(";"))
	n, err := strconv.ParseInt(string(digits), 16, 32)
	if err != nil {
		return fmt.Errorf("chunk of size %q", a.line)
	}
	a.line = a.line[:0]
	a.state = trailer
	if n > 0 {
		a.state, a.left = chunk, int(n)+len("\r\n")
		a.body += int(n)
	}
	return nil
}
