// Package load asks a server for the same things again and again, on a fixed
// number of connections that each wait for an answer before they send the next
// request. It speaks HTTP/1.1 with keep-alive, plain or over TLS 1.3.
//
// It runs on one thread and uses sockets and epoll directly, because it shares
// its core with the services: a goroutine for each connection would cost as much
// as the gateways that are measured. For the same reason it does not look at an
// answer more than it must: its status, where it ends, and whether its body is as
// long as it should be. The first answer that is not ends the run, without a
// result.
package load

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Options say what is sent where.
type Options struct {
	Port        int         // on 127.0.0.1
	TLS         *tls.Config // nil for none
	Connections int
	Requests    [][]byte // whole requests; each connection sends them in turn
	Length      int      // of every answer's body
}

// Result is what came back in one run.
type Result struct {
	Answers int
	Took    time.Duration
	P50     time.Duration // of the time from a request to the end of its answer
	P99     time.Duration
}

// A Load is a set of open connections.
type Load struct {
	options     Options
	epoll       int
	connections []*connection
	buffer      []byte
	next        int // request
	times       histogram
}

// silence is how long a server may give no answer at all.
const silence = 10 * time.Second

// Dial opens the connections. Close closes them.
func Dial(o Options) (*Load, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	l := &Load{options: o, epoll: epoll, buffer: make([]byte, 256<<10)}
	for i := range o.Connections {
		c, err := dial(o)
		if err != nil {
			l.Close()
			return nil, err
		}
		l.connections = append(l.connections, c)
		event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)} // Fd is ours to use
		if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, int(c.socket), &event); err != nil {
			l.Close()
			return nil, fmt.Errorf("epoll: %w", err)
		}
	}
	return l, nil
}

// Close closes all connections.
func (l *Load) Close() {
	for _, c := range l.connections {
		_ = unix.Close(int(c.socket))
	}
	_ = unix.Close(l.epoll)
}

// Run sends requests until the time is over or count of them are sent, and waits
// for all answers.
func (l *Load) Run(limit time.Duration, count int) (Result, error) {
	l.times.reset()
	begin := time.Now()
	end := begin.Add(limit)
	sent, answers := 0, 0
	for _, c := range l.connections {
		if sent < count {
			if err := l.send(c, begin); err != nil {
				return Result{}, err
			}
			sent++
		}
	}
	events := make([]unix.EpollEvent, len(l.connections))
	now := begin
	for answers < sent {
		n, err := l.wait(events)
		if err != nil {
			return Result{}, err
		}
		for _, event := range events[:n] {
			c := l.connections[event.Fd]
			done, err := c.receive(l.buffer)
			if err != nil {
				return Result{}, err
			}
			if !done {
				continue
			}
			if c.body != l.options.Length {
				return Result{}, fmt.Errorf("answer of %d bytes, want %d", c.body, l.options.Length)
			}
			now = time.Now()
			l.times.add(now.Sub(c.sent))
			answers++
			if sent < count && now.Before(end) {
				if err := l.send(c, now); err != nil {
					return Result{}, err
				}
				sent++
			}
		}
	}
	return Result{Answers: answers, Took: now.Sub(begin), P50: l.times.quantile(0.50), P99: l.times.quantile(0.99)}, nil
}

// wait returns how many events there are: one at least.
func (l *Load) wait(events []unix.EpollEvent) (int, error) {
	for {
		n, err := unix.EpollWait(l.epoll, events, int(silence.Milliseconds()))
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 0, fmt.Errorf("epoll: %w", err)
		case n == 0:
			return 0, fmt.Errorf("no answer in %s", silence)
		default:
			return n, nil
		}
	}
}

func (l *Load) send(c *connection, now time.Time) error {
	request := l.options.Requests[l.next]
	l.next = (l.next + 1) % len(l.options.Requests)
	c.sent = now
	c.expect()
	if _, err := c.stream.Write(request); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	return nil
}
