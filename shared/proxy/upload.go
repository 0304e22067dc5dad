package proxy

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
)

// An upload is a request's body on its way to the service, which may answer
// before it has come to its end.
//
// Behind its end it is not read again. net/http does that, to see whether more
// comes than was announced; by then an answer may have ended the exchange, and
// the read's failure would cut the answer or its connection.
type upload struct {
	io.ReadCloser
	state atomic.Int32
}

// The states of an upload.
const (
	untouched int32 = iota
	reading
	ended
)

func (u *upload) Read(p []byte) (int, error) {
	if !u.state.CompareAndSwap(untouched, reading) && u.state.Load() == ended {
		return 0, io.EOF
	}
	n, err := u.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		u.state.Store(ended)
	}
	return n, err
}

// watch lets the answer begin while the request's body is still coming.
// Otherwise net/http would read what is left of the body before it sends the
// head, and then take the body from the call that is still sending it.
func (a *answer) watch(out *http.Request) {
	if out.Body == nil {
		return
	}
	a.upload = &upload{ReadCloser: out.Body}
	out.Body = a.upload
	_ = http.NewResponseController(a.ResponseWriter).EnableFullDuplex() // HTTP/2 always allows it
}

// abandon keeps a body that nobody has begun to read from being read later.
func (a *answer) abandon() {
	if a.upload != nil {
		a.upload.state.CompareAndSwap(untouched, ended)
	}
}

// closeIfEarly makes an answer that overtakes its request the last one on the
// connection. When it is over, net/http breaks off the read of the body that is
// under way, and with it the context of every later request there.
func (a *answer) closeIfEarly() {
	if a.request.ProtoMajor == 1 && a.upload != nil && a.upload.state.Load() != ended {
		a.ResponseWriter.Header()["Connection"] = []string{"close"}
	}
}
