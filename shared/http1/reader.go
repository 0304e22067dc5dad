package http1

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
)

// errStale says that a connection ended before anything came.
var errStale = errors.New("http1: the connection ended before an answer began")

// A reader reads one answer.
type reader struct {
	read    func(p []byte) (int, error)
	limits  Limits
	request *Request

	buffer   *buffer
	from, to int // what has come and was not looked at
	interim  int
}

// more reads what comes next behind what there is; there is room.
func (r *reader) more() error {
	n, err := r.read(r.buffer.b[r.to:])
	r.to += n
	if n > 0 {
		return nil
	}
	return err
}

// head reads the next head, an interim one or the final one.
func (r *reader) head(h *Head) error {
	var f Finder
	for {
		end, err := f.End(r.buffer.b[r.from:r.to], r.limits)
		if err != nil {
			return err
		}
		if end > 0 {
			text := string(r.buffer.b[r.from : r.from+end])
			r.from += end
			h.Fields = make(Fields, 0, strings.Count(text, "\n"))
			return h.ParseResponse(text, r.limits)
		}
		if r.to == len(r.buffer.b) {
			r.makeRoom()
		}
		if err := r.more(); err != nil {
			return r.broken(err)
		}
	}
}

// makeRoom moves what is left to the front, or into a larger buffer.
func (r *reader) makeRoom() {
	if r.from == 0 {
		r.buffer = r.buffer.grown(r.to, 0)
		return
	}
	r.to = copy(r.buffer.b, r.buffer.b[r.from:r.to])
	r.from = 0
}

// broken is why a head does not come.
func (r *reader) broken(err error) error {
	switch {
	case ended(err) && r.to == 0 && r.interim == 0:
		return &staleError{err}
	case errors.Is(err, io.EOF):
		return errIncomplete
	}
	return err
}

// ended is whether the service has ended the connection.
func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// staleError is errStale with its reason.
type staleError struct{ err error }

func (e *staleError) Error() string   { return errStale.Error() + ": " + e.err.Error() }
func (e *staleError) Unwrap() []error { return []error{errStale, e.err} }

// final reads interim answers and gives them to inform, where there is one, and
// then the final one. 100 is between the service and us.
func (r *reader) final(h *Head, inform func(*Head)) error {
	for {
		if err := r.head(h); err != nil {
			return err
		}
		switch {
		case h.Status >= 200:
			return nil
		case h.Minor == 0:
			return ErrDeclined
		case h.Status == http.StatusSwitchingProtocols:
			if r.request.Upgrade == "" {
				return ErrSwitched
			}
			return nil
		}
		if r.interim++; r.interim > maxInterim {
			return ErrInterim
		}
		if inform != nil && h.Status != http.StatusContinue {
			inform(h)
		}
	}
}

// answer reads a whole one; size is how long the last was.
func (r *reader) answer(size, most int) (*Answer, error) {
	r.buffer = getBuffer(size)
	a := new(Answer)
	err := r.final(&a.Head, nil)
	if err == nil {
		err = r.whole(a, most)
	}
	if err != nil {
		r.buffer.put()
		return nil, err
	}
	a.buffer, a.size = r.buffer, r.to
	return a, nil
}

// whole reads the body, behind which nothing may stand.
func (r *reader) whole(a *Answer, most int) (err error) {
	end := r.from
	switch {
	case !hasBody(r.request.method(), a.Status):
		a.Close = a.Close || a.Status == http.StatusSwitchingProtocols // no connection of HTTP any more
		if r.to > r.from {
			err = ErrSurplus
		}
	case a.Chunked:
		end, err = r.chunks(a, most)
	case a.Length >= 0:
		end, err = r.counted(a.Length, most)
	default:
		a.Close = true
		end, err = r.rest(most)
	}
	if err == nil {
		a.Body = r.buffer.b[r.from:end]
	}
	return err
}

// counted reads a body of known length.
func (r *reader) counted(length int64, most int) (end int, err error) {
	if length > int64(most) {
		return 0, ErrTooLarge
	}
	end = r.from + int(length)
	if r.to > end {
		return 0, ErrSurplus
	}
	if end > len(r.buffer.b) {
		r.buffer = r.buffer.grown(r.to, end)
	}
	for r.to < end {
		n, err := r.read(r.buffer.b[r.to:]) // also what must not be there
		if r.to += n; n == 0 {
			return 0, cut(err)
		}
		if r.to > end {
			return 0, ErrSurplus
		}
	}
	return end, nil
}

// complete is whether a body that lasts as long as its connection has come to its
// end, which over TLS the service says (RFC 9112 §9.8).
func complete(err error) bool { return errors.Is(err, io.EOF) && !errors.Is(err, errTorn) }

// rest reads a body that ends with the connection.
func (r *reader) rest(most int) (end int, err error) {
	for {
		if r.to-r.from > most {
			return 0, ErrTooLarge
		}
		if r.to == len(r.buffer.b) {
			r.buffer = r.buffer.grown(r.to, 0)
		}
		n, err := r.read(r.buffer.b[r.to:])
		r.to += n
		switch {
		case n > 0:
		case complete(err):
			return r.to, nil
		default:
			return 0, cut(err)
		}
	}
}

// chunks reads a chunked body and moves its content together.
func (r *reader) chunks(a *Answer, most int) (end int, err error) {
	var c Chunked
	begin, at := r.from, r.from // the content ends where the next of it goes; what was not looked at begins
	end = begin
	for {
		for at < r.to && !c.Done() {
			skip, data, err := c.Next(r.buffer.b[at:r.to])
			if err != nil {
				return 0, err
			}
			at += skip
			if data > 0 {
				end += copy(r.buffer.b[end:], r.buffer.b[at:at+data])
				at += data
			}
			if end-begin > most {
				return 0, ErrTooLarge
			}
		}
		if c.Done() {
			break
		}
		at, r.to = end, end // everything was looked at
		if r.to == len(r.buffer.b) {
			r.buffer = r.buffer.grown(r.to, 0)
		}
		n, err := r.read(r.buffer.b[r.to:])
		if r.to += n; n == 0 {
			return 0, cut(err)
		}
	}
	if at < r.to {
		return 0, ErrSurplus
	}
	a.Trailer = c.Trailer
	r.to = end
	return end, nil
}

// cut is why a body does not go on.
func cut(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return errIncomplete
	}
	return err
}
