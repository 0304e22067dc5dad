package http1

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// An upload is a body that is read from somewhere while it is sent. While it is
// waited for, nobody waits for the service. All its methods but run do nothing
// where there is none.
type upload struct {
	conn     *conn
	patience Patience
	sent     chan struct{} // closed when nothing more is sent
	err      error         // of that, once it is closed
	last     atomic.Bool   // nothing more is fetched

	mu   sync.Mutex
	own  *BodyError
	head bool // the answer has begun, and the reader times itself
}

// run sends the body. Where the body fails, the connection is ended: what was
// sent is no request. Where the service does not want it, there may be an answer.
func (u *upload) run(r *Request) {
	defer close(u.sent)
	u.err = r.sendBody(u.conn, u.beforeFetch, u.beforeWrite)
	var own *BodyError
	if errors.As(u.err, &own) {
		u.mu.Lock()
		u.own = own
		u.mu.Unlock()
		u.conn.close()
	}
	u.deadline(time.Now().Add(u.patience.Head)) // the service has its time from here
}

func (u *upload) beforeFetch() { u.deadline(time.Time{}) }

func (u *upload) beforeWrite(last bool) {
	u.deadline(time.Now().Add(u.patience.Head))
	_ = u.conn.wire.SetWriteDeadline(time.Now().Add(u.patience.Stall))
	u.last.Store(last)
}

func (u *upload) deadline(t time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.head {
		_ = u.conn.wire.SetReadDeadline(t)
	}
}

// answered is called when the head is there.
func (u *upload) answered() {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.head = true
}

// whole is whether the body was sent to its end. A service that has answered in
// full usually has all of it, though its last write may not have returned here:
// that is waited for, but nothing else is written.
func (u *upload) whole() bool {
	if u == nil {
		return true
	}
	if u.last.Load() {
		_ = u.conn.wire.SetWriteDeadline(time.Unix(1, 0))
		<-u.sent
	}
	select {
	case <-u.sent:
		return u.err == nil
	default:
		return false
	}
}

// failure is why the body itself failed, if it did.
func (u *upload) failure() error {
	if u == nil {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.own == nil {
		return nil
	}
	return u.own
}
