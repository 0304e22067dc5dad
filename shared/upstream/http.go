package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"syscall"

	"github.com/triptych-bff/triptych/shared/http1"
)

const (
	// maxHead is how long the head of an answer may be.
	maxHead = 64 << 10

	userAgent = "triptych"
)

// newHTTP is a client without connections.
func newHTTP(to target, encrypted *tls.Config) *http1.Client {
	origin := url.URL{Host: to.address}
	options := http1.Options{
		Address: net.JoinHostPort(origin.Hostname(), origin.Port()),
		Connect: to.connect, Idle: to.idle, MaxConns: to.maxConns,
		Answer: http1.Limits{Head: maxHead},
	}
	if origin.Port() == "" {
		options.Address = net.JoinHostPort(origin.Hostname(), map[string]string{"http": "80", "https": "443"}[to.scheme])
	}
	if to.scheme == "https" {
		encrypted.ServerName = origin.Hostname()
		options.TLS = encrypted
	}
	return http1.NewClient(options)
}

// transportError is what went wrong on the wire, as an Error. What is neither a
// time-out nor a broken connection is an answer that makes no sense.
func transportError(err error) *Error {
	var known *Error
	var unsent *http1.UnsentError
	var malformed *http1.RequestError
	var network *net.OpError
	if errors.As(err, &unsent) {
		err = unsent.Err
	}
	e := &Error{Code: BadAnswer, Cause: err, Unsent: unsent != nil}
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &malformed):
		e.Code, e.Unsent = BadRequest, true
	case errors.Is(err, http1.ErrTooLarge):
		e.Code = TooLarge
	case errors.As(err, &network) && network.Op == "dial":
		e.Code = Unreachable
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		e.Code = Timeout
	case errors.Is(err, io.ErrUnexpectedEOF):
	case broken(err):
		e.Code = Unreachable
	}
	return e
}

// broken tells a connection that failed from one on which nonsense arrived.
func broken(err error) bool {
	var network *net.OpError
	var number syscall.Errno
	var record tls.RecordHeaderError
	var alert tls.AlertError
	return errors.As(err, &network) || errors.As(err, &number) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed)
}
