package proxy

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/triptych-bff/triptych/shared/upstream"
)

// smallBody is how long a body may be that is read to its end before the service
// is called: head and body then go out in one piece, without a goroutine, and the
// service never waits for a slow client. Its answer cannot come early, but hardly
// any client that sends so little would look for that.
const smallBody = 16 << 10

func readWhole(r *http.Request) ([]byte, error) {
	body := make([]byte, r.ContentLength)
	if _, err := io.ReadFull(r.Body, body); err != nil {
		return nil, &upstream.Error{Code: upstream.Cancelled, Cause: err, Unsent: true}
	}
	return body, nil
}

// An upload is a request's body on its way to the service, which may answer
// before it has come to its end. It is read by a goroutine of the call's, which
// may want more of it when the request is already over; but by then the body is
// net/http's again, and its connection perhaps another request's.
type upload struct {
	body  io.Reader
	left  int64  // negative where nobody knows
	first []byte // what has been read ahead
	state atomic.Int32
	read  sync.Mutex // held by a Read
}

// The states of an upload.
const (
	untouched int32 = iota
	reading
	ended     // all of it has been read
	abandoned // nothing more of it will be read
)

var errAbandoned = errors.New("the request is over")

func newUpload(r *http.Request) *upload { return &upload{body: r.Body, left: r.ContentLength} }

// Read implements [io.Reader]. Behind the announced length it reads no more, but
// says that this was all: a carrier may ask, to see whether more comes.
func (u *upload) Read(p []byte) (int, error) {
	u.read.Lock()
	defer u.read.Unlock()
	u.state.CompareAndSwap(untouched, reading)
	switch state := u.state.Load(); {
	case state == abandoned:
		return 0, errAbandoned
	case len(u.first) > 0:
		n := copy(p, u.first)
		u.first = u.first[n:]
		return n, nil
	case state == ended:
		return 0, io.EOF
	}
	n, err := u.body.Read(p)
	if u.left > 0 {
		u.left -= int64(n)
	}
	if u.left == 0 || err == io.EOF {
		u.state.CompareAndSwap(reading, ended)
	}
	return n, err
}

// begin waits for the first of a body that the client sends when it is told to go
// on (RFC 9110 §10.1.1). net/http tells it so on the goroutine that reads first,
// and that must not be another than the one that writes the answer.
func (u *upload) begin() error {
	room := make([]byte, 4<<10)
	n, err := u.Read(room)
	if err != nil && !errors.Is(err, io.EOF) {
		return &upstream.Error{Code: upstream.Cancelled, Cause: err, Unsent: true}
	}
	u.first = room[:n]
	return nil
}

// early is whether an answer that begins now overtakes the body.
func (u *upload) early() bool { return u.state.Load() < ended }

// abandon keeps a body that nobody has begun to read from being read later.
func (u *upload) abandon() { u.state.CompareAndSwap(untouched, abandoned) }

// linger is how long net/http may read on, behind an early answer, what the client
// is still sending: closing a connection with unread bytes resets it, and the
// client would lose the answer.
const linger = 500 * time.Millisecond

// end comes before the request is over: from then on nobody reads the body, and
// a Read under way has been broken off. Where anything is left of the body, the
// client has been told that the connection ends.
func (u *upload) end(client *http.ResponseController) {
	if u.state.Swap(abandoned) >= ended || client.SetReadDeadline(time.Unix(1, 0)) != nil {
		return
	}
	u.read.Lock()
	defer u.read.Unlock()
	_ = client.SetReadDeadline(time.Now().Add(linger))
}

// allowEarly lets the answer begin while the request's body is still coming.
// Otherwise net/http would read what is left of the body before it sends the
// head, and so take it from the call that is still sending it.
func (a *answer) allowEarly() {
	_ = http.NewResponseController(a.w).EnableFullDuplex() // HTTP/2 always allows it
}

// closeIfEarly makes an answer that overtakes its request the last one on the
// connection: when it is over, a read of the body may have to be broken off, and
// with it the context of every later request there.
func (a *answer) closeIfEarly() {
	if a.request.ProtoMajor == 1 && a.upload != nil && a.upload.early() {
		a.w.Header()["Connection"] = []string{"close"}
	}
}
