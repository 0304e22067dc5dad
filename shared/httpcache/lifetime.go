package httpcache

import (
	"context"
	"sync"
	"time"
)

// A lifetime is the context that a flight's call runs in. It has its leader's
// values and deadline, but the flight says when it is over. Most calls ask it for
// nothing but AfterFunc, which package context looks for and which costs less
// than what package context offers to cut a context off.
type lifetime struct {
	leader context.Context

	mu   sync.Mutex
	err  error         // why it is over; nil while it is not
	done chan struct{} // made when somebody asks for it
	then []func()      // what runs when it is over; nil where it was taken back
	room [1]func()     // for then: most calls have one
}

// Deadline is the leader's.
func (l *lifetime) Deadline() (time.Time, bool) { return l.leader.Deadline() }

// Value is the leader's.
func (l *lifetime) Value(key any) any { return l.leader.Value(key) }

// Done is closed when the call is not wanted any more.
func (l *lifetime) Done() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done == nil {
		l.done = make(chan struct{})
		if l.err != nil {
			close(l.done)
		}
	}
	return l.done
}

// Err is why the call is not wanted any more, or nil.
func (l *lifetime) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// AfterFunc is what [context.AfterFunc] does for other contexts.
func (l *lifetime) AfterFunc(f func()) (stop func() bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		go f()
		return func() bool { return false }
	}
	if l.then == nil {
		l.then = l.room[:0]
	}
	at := len(l.then)
	l.then = append(l.then, f)
	return func() bool { return l.forget(at) }
}

// forget is whether what was to run has not been started, and then never will be.
func (l *lifetime) forget(at int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil || l.then[at] == nil {
		return false
	}
	l.then[at] = nil
	return true
}

// end is the end of the lifetime, of which the first counts.
func (l *lifetime) end(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return
	}
	l.err = err
	if l.done != nil {
		close(l.done)
	}
	for _, f := range l.then {
		if f != nil {
			go f()
		}
	}
	l.then = nil
}
