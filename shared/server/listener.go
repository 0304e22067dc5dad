package server

import (
	"context"
	"net"
	"net/netip"
	"sync"
)

// A listener bounds how many connections are open and knows them all, also those
// that a handler has taken over.
type listener struct {
	net.Listener

	slots  chan struct{} // a place for each connection
	closed chan struct{}
	once   sync.Once

	perAddress int
	mu         sync.Mutex
	conns      map[*conn]struct{}
	addresses  map[netip.Addr]int
	left       chan struct{} // told when a connection has been closed
}

func newListener(most, perAddress int) *listener {
	return &listener{
		slots: make(chan struct{}, most), closed: make(chan struct{}), left: make(chan struct{}, 1),
		perAddress: perAddress, conns: map[*conn]struct{}{}, addresses: map[netip.Addr]int{},
	}
}

// Accept waits for a place before it accepts: what does not fit queues in the
// kernel, where it costs nothing.
func (l *listener) Accept() (net.Conn, error) {
	for {
		select {
		case l.slots <- struct{}{}:
		case <-l.closed:
			return nil, net.ErrClosed
		}
		inner, err := l.Listener.Accept()
		if err != nil {
			<-l.slots
			return nil, err
		}
		if c := l.admit(inner); c != nil {
			return c, nil
		}
		_ = inner.Close()
		<-l.slots
	}
}

// admit is nil for a connection of an address that has enough of them.
func (l *listener) admit(inner net.Conn) *conn {
	c := &conn{Conn: inner, listener: l}
	if ap, err := netip.ParseAddrPort(inner.RemoteAddr().String()); err == nil {
		c.address = ap.Addr().Unmap()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.perAddress > 0 && l.addresses[c.address] >= l.perAddress {
		return nil
	}
	l.addresses[c.address]++
	l.conns[c] = struct{}{}
	return c
}

func (l *listener) leave(c *conn) {
	l.mu.Lock()
	delete(l.conns, c)
	if l.addresses[c.address]--; l.addresses[c.address] == 0 {
		delete(l.addresses, c.address)
	}
	l.mu.Unlock()
	<-l.slots
	select {
	case l.left <- struct{}{}:
	default:
	}
}

// Close stops accepting. Connections stay open.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

func (l *listener) open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

// wait returns when no connection is open, or ctx has ended.
func (l *listener) wait(ctx context.Context) {
	for l.open() > 0 {
		select {
		case <-l.left:
		case <-ctx.Done():
			return
		}
	}
}

// cut closes what is open.
func (l *listener) cut() {
	l.mu.Lock()
	var all []*conn
	for c := range l.conns {
		all = append(all, c)
	}
	l.mu.Unlock()
	for _, c := range all {
		_ = c.Close()
	}
}

// A conn gives its place back when it is closed.
type conn struct {
	net.Conn
	listener *listener
	address  netip.Addr
	once     sync.Once
}

// Close implements [net.Conn].
func (c *conn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { c.listener.leave(c) })
	return err
}

// CloseWrite ends what is sent, while the rest of what comes can still be read.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
