package http1

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// A Request is what is sent. While its exchange lasts nobody changes it, nor what
// it refers to; a body may still be on its way when the answer is there.
type Request struct {
	Method string // empty is GET
	Host   string
	Target string // the path, escaped, and perhaps a query; of OPTIONS also "*"
	Lines  Lines  // headers that many requests have
	Fields Fields // headers of this one

	// At most one of them is set. Headers that frame a message are written here,
	// and stand in neither Lines nor Fields.
	Body   []byte
	Stream io.Reader
	Length int64 // of Stream; negative where nobody knows, and then it is chunked

	// Upgrade asks for another protocol on the connection (RFC 9110 §7.8).
	Upgrade string
}

// Lines are headers that were checked and written once.
type Lines struct{ text string }

// Prepare writes headers that are sent with many requests. The error is a
// [*RequestError].
func Prepare(fields Fields) (Lines, error) {
	text, err := appendFields(nil, fields)
	return Lines{string(text)}, err
}

// A RequestError is a request that cannot be sent as it is.
type RequestError struct{ Rule Rule }

func (e *RequestError) Error() string { return "http1: the request: " + e.Rule.Error() }

// Unwrap is the rule that the request would break.
func (e *RequestError) Unwrap() error { return e.Rule }

func (r *Request) method() string {
	if r.Method == "" {
		return http.MethodGet
	}
	return r.Method
}

// repeatable requests may be sent once more when nobody knows what has become of
// them: those that change nothing (RFC 9110 §9.2.1). PUT and DELETE may be, too
// (§9.2.2), but the answer to the second could be that there is nothing to delete,
// as if the first had done nothing.
func (r *Request) repeatable() bool {
	switch r.method() {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return r.Stream == nil && r.Upgrade == ""
	}
	return false
}

// appendHead writes the head, and refuses what would be read differently from
// what it says.
func (r *Request) appendHead(dst []byte) ([]byte, error) {
	method := r.method()
	switch {
	case !all(method, &isToken) || method == http.MethodConnect:
		return dst, &RequestError{StartLine}
	case r.Host == "" || !all(r.Host, &isVisible):
		return dst, &RequestError{HostField}
	case !strings.HasPrefix(r.Target, "/") && (r.Target != "*" || method != http.MethodOptions), !all(r.Target, &isVisible):
		return dst, &RequestError{Target}
	case r.Upgrade != "" && !all(r.Upgrade, &isToken):
		return dst, &RequestError{FieldValue}
	}
	dst = append(append(append(dst, method...), ' '), r.Target...)
	dst = append(append(append(dst, " HTTP/1.1\r\nHost: "...), r.Host...), "\r\n"...)
	dst = append(dst, r.Lines.text...)
	dst, err := appendFields(dst, r.Fields)
	if err != nil {
		return dst, err
	}
	if r.Upgrade != "" {
		dst = append(append(append(dst, "Connection: Upgrade\r\nUpgrade: "...), r.Upgrade...), "\r\n"...)
	}
	return append(r.appendFraming(dst), "\r\n"...), nil
}

// appendFraming says where the body ends (RFC 9112 §6). That there is none is
// said only of methods that usually have one (RFC 9110 §8.6).
func (r *Request) appendFraming(dst []byte) []byte {
	length := int64(len(r.Body))
	if r.Stream != nil {
		length = r.Length
	}
	switch method := r.method(); {
	case length < 0:
		return append(dst, "Transfer-Encoding: chunked\r\n"...)
	case length > 0, r.Stream != nil, method == http.MethodPost, method == http.MethodPut, method == http.MethodPatch:
		dst = strconv.AppendInt(append(dst, "Content-Length: "...), length, 10)
		return append(dst, "\r\n"...)
	}
	return dst
}

func appendFields(dst []byte, fields Fields) ([]byte, error) {
	for _, f := range fields {
		switch {
		case f.Name == "" || !all(f.Name, &isToken) || ours(f.Name):
			return dst, &RequestError{FieldName}
		case !all(f.Value, &isValue):
			return dst, &RequestError{FieldValue}
		}
		dst = append(append(append(append(dst, f.Name...), ": "...), f.Value...), "\r\n"...)
	}
	return dst, nil
}

// ours are headers of the connection, which belong to whoever has it.
func ours(name string) bool {
	switch len(name) {
	case len("Upgrade"):
		return strings.EqualFold(name, "Upgrade")
	case len("Keep-Alive"):
		return strings.EqualFold(name, "Keep-Alive") || strings.EqualFold(name, "Connection")
	}
	return forbidden(name)
}

// heads keep room to write requests in.
var heads = sync.Pool{New: func() any { b := make([]byte, 0, 2<<10); return &b }}

// oneWrite is how long a body may be that is written together with its head. It
// finds room in the buffer of any socket, so that writing it does not wait.
const oneWrite = 16 << 10

// send writes the head and, where it is short, the body.
func (r *Request) send(c *conn) (whole bool, err error) {
	room := heads.Get().(*[]byte)
	defer heads.Put(room)
	b, err := r.appendHead((*room)[:0])
	if err != nil {
		return false, err
	}
	whole = r.Stream == nil && len(r.Body) <= oneWrite
	if whole {
		b = append(b, r.Body...)
	}
	*room = b
	_, err = c.stream.Write(b)
	return whole, err
}

var errShort = errors.New("http1: the body is shorter than its length says")

// sendBody writes what send has left. Before each piece of a stream is fetched,
// and before it is written, it tells so; the last is one behind which nothing is
// fetched.
func (r *Request) sendBody(c *conn, fetch func(), write func(last bool)) error {
	if r.Stream == nil {
		_, err := c.stream.Write(r.Body)
		return err
	}
	room := getBuffer(16 << 10)
	defer room.put()
	const before, behind = 8, 2 // of a chunk: its size, which fits four digits, and its end
	left := r.Length
	for left != 0 {
		piece := room.b[before : len(room.b)-behind]
		if left > 0 {
			piece = piece[:min(int64(len(piece)), left)]
		}
		fetch()
		n, err := r.Stream.Read(piece)
		write(err == io.EOF || int64(n) == left)
		if n > 0 {
			if left > 0 {
				left -= int64(n)
				_, werr := c.stream.Write(piece[:n])
				if werr != nil {
					return werr
				}
			} else if werr := writeChunk(c, room.b, before, n); werr != nil {
				return werr
			}
		}
		switch {
		case err == nil:
		case err != io.EOF:
			return &BodyError{err}
		case left > 0:
			return &BodyError{errShort}
		case left < 0:
			_, err := io.WriteString(c.stream, "0\r\n\r\n")
			return err
		}
	}
	return nil
}

// writeChunk sends n bytes at b[at:] as a chunk, in one piece.
func writeChunk(c *conn, b []byte, at, n int) error {
	size := strconv.AppendInt(make([]byte, 0, 16), int64(n), 16)
	from := at - len(size) - 2
	copy(b[from:], size)
	copy(b[at-2:], "\r\n")
	end := at + n + copy(b[at+n:], "\r\n")
	_, err := c.stream.Write(b[from:end])
	return err
}

// A BodyError is one of the request's own body, not of the connection.
type BodyError struct{ Err error }

func (e *BodyError) Error() string { return "http1: the request's body: " + e.Err.Error() }

// Unwrap is what the body's Read failed with.
func (e *BodyError) Unwrap() error { return e.Err }
