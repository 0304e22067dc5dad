package framing

import (
	"errors"
	"sync"
	"unsafe"

	"github.com/triptych-bff/triptych/shared/http1"
	"github.com/triptych-bff/triptych/shared/problem"
)

// A body is what is left of a request behind its head.
type body struct {
	left    int64 // bytes that Content-Length has counted
	chunked bool  // instead, and not at its end
	chunks  http1.Chunked
}

// heads are shared by all connections: between two requests, which is most of the
// time, none needs one.
var heads = sync.Pool{New: func() any { return new(http1.Head) }}

// behind checks a head and makes b what comes behind it. The parser sees the
// bytes themselves as a string. That is sound while nobody writes to them, which
// nobody does before this function returns, and as long as none of the parser's
// strings is left then: so the Head is cleared, and errors hold no text.
func (b *body) behind(head []byte) error {
	h := heads.Get().(*http1.Head)
	defer heads.Put(h)
	err := h.ParseRequest(unsafe.String(unsafe.SliceData(head), len(head)), http1.Limits{})
	b.left, b.chunked = max(h.Length, 0), h.Chunked
	if b.chunked {
		b.chunks = http1.Chunked{}
	}
	clear(h.Fields)
	*h = http1.Head{Fields: h.Fields[:0]}
	return err
}

func (b *body) open() bool { return b.left > 0 || b.chunked }

// follow goes through the bytes of the body at the beginning of p. It returns how
// many there are, and what is wrong with the next one.
func (b *body) follow(p []byte) (n int, err error) {
	if !b.chunked {
		n = int(min(int64(len(p)), b.left))
		b.left -= int64(n)
		return n, nil
	}
	for n < len(p) && !b.chunks.Done() {
		skip, data, err := b.chunks.Next(p[n:])
		if n += skip + data; err != nil {
			return n, err
		}
	}
	b.chunked = !b.chunks.Done()
	return n, nil
}

// refusal is what the client is told of the rule that it has broken.
func refusal(err error) *problem.Problem {
	kind := problem.BadRequest
	switch {
	case errors.Is(err, http1.LineTooLong):
		kind = problem.URITooLong
	case errors.Is(err, http1.HeadTooLong), errors.Is(err, http1.FieldTooLong), errors.Is(err, http1.TooManyFields):
		kind = problem.HeadersTooLarge
	case errors.Is(err, http1.Expectation):
		kind = problem.ExpectationFailed
	case errors.Is(err, http1.Escape):
		kind = problem.InvalidPath
	}
	return kind.New(err.Error())
}
