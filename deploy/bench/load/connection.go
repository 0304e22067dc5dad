package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// connection is one keep-alive connection.
type connection struct {
	socket socket
	stream io.ReadWriter // the socket, or TLS on it
	sent   time.Time     // when the request under way was sent
	answer
}

// handshake is how long opening a connection may take.
const handshake = 5 * time.Second

// dial connects, waiting, and leaves a connection that never waits.
func dial(o Options) (*connection, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	c := &connection{socket: socket(fd), stream: socket(fd)}
	if err := c.open(o); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return c, nil
}

func (c *connection) open(o Options) error {
	fd := int(c.socket)
	limit := unix.NsecToTimeval(handshake.Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return err
	}
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: o.Port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	if o.TLS != nil {
		secure := tls.Client(c.socket, o.TLS)
		if err := secure.HandshakeContext(context.Background()); err != nil { // bounded by the socket
			return err
		}
		c.stream = secure
	}
	return unix.SetNonblock(fd, true)
}

// receive takes what has come and reports whether the answer is whole.
func (c *connection) receive(buffer []byte) (done bool, err error) {
	for !done {
		n, err := c.stream.Read(buffer)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return false, nil
		case errors.Is(err, io.EOF):
			return false, errors.New("the server has closed a connection")
		case err != nil:
			return false, fmt.Errorf("receiving: %w", err)
		}
		if done, err = c.take(buffer[:n]); err != nil {
			return false, err
		}
		if c.stream == c.socket && n < len(buffer) {
			break // there was no more; TLS may have more in store
		}
	}
	return done, nil
}

// socket reads and writes without Go's scheduler. As a [net.Conn] it is just
// enough for TLS, which goes on after EAGAIN, since that is a temporary error.
type socket int

func (s socket) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(int(s), p)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// Write sends all of p or fails: a request always fits into an idle
// connection's buffers.
func (s socket) Write(p []byte) (int, error) {
	n, err := unix.Write(int(s), p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return max(n, 0), err
}

func (socket) Close() error                     { return nil } // Load.Close does
func (socket) LocalAddr() net.Addr              { return nil }
func (socket) RemoteAddr() net.Addr             { return nil }
func (socket) SetDeadline(time.Time) error      { return nil }
func (socket) SetReadDeadline(time.Time) error  { return nil }
func (socket) SetWriteDeadline(time.Time) error { return nil }
