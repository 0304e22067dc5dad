package upstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
)

const (
	// maxIdle connections to a service are kept: more than a small machine has
	// calls under way to one service when nothing is wrong.
	maxIdle = 128
	// maxHead is how long the head of an answer may be.
	maxHead = 64 << 10
	// firstRead is what is read at first of an answer that does not say how long it is.
	firstRead = 4 << 10

	userAgent = "triptych"
)

// An httpCarrier carries calls over HTTP/1.1.
type httpCarrier struct {
	scheme, host string
	dialer       *net.Dialer
	transport    *http.Transport
}

func newHTTP(to target, encrypted *tls.Config) *httpCarrier {
	h := &httpCarrier{scheme: to.scheme, host: to.address, dialer: newDialer(to.connect)}
	encrypted.ServerName = (&url.URL{Host: to.address}).Hostname()
	h.transport = newTransport(h, to, encrypted)
	return h
}

func (h *httpCarrier) close() { h.transport.CloseIdleConnections() }

// carry uses the transport and not a client: nothing is redirected, and no
// cookies are kept.
func (h *httpCarrier) carry(c *call) (*Response, error) {
	resp, err := h.roundTrip(c.ctx, h.request(c))
	if err != nil {
		return nil, transportError(err)
	}
	defer resp.Body.Close()
	body, err := readAnswer(resp, int64(c.service.config.MaxResponse))
	if err != nil {
		return nil, err
	}
	return &Response{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

func (h *httpCarrier) request(c *call) *http.Request {
	req := c.req
	out := &http.Request{
		Method: req.Method,
		URL: &url.URL{
			Scheme: h.scheme, Host: h.host,
			Opaque:   c.service.prefix + req.Path, // sent as it is: escaping it again could only change it
			RawQuery: req.Query,
		},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Host:   h.host,
		Header: c.header(),
	}
	if len(req.Body) > 0 {
		out.ContentLength = int64(len(req.Body))
		out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(req.Body)), nil }
		out.Body, _ = out.GetBody()
	}
	return out
}

// header is the caller's, with the service's own and the request's names over it.
func (c *call) header() http.Header {
	h := make(http.Header, len(c.req.Header)+len(c.service.static)+5)
	h["User-Agent"] = []string{userAgent}
	h["Accept-Encoding"] = []string{"identity"}
	for name, values := range c.req.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
	for name, values := range c.service.static {
		h[name] = values
	}
	c.trace.Inject(h)
	if c.id != "" {
		h["X-Request-Id"] = []string{c.id}
	}
	return h
}

var (
	errSwitched = errors.New("the service switched protocols unasked")
	errCoded    = errors.New("the answer has a content coding that was not asked for")
)

// readAnswer reads the whole body, once, into one buffer where its length is
// announced. It is nil where there is none.
func readAnswer(resp *http.Response, limit int64) ([]byte, error) {
	coding := resp.Header.Get("Content-Encoding")
	switch {
	case resp.StatusCode == http.StatusSwitchingProtocols:
		return nil, &Error{Code: BadAnswer, Cause: errSwitched}
	case resp.ContentLength > limit:
		return nil, tooLarge(limit)
	case coding != "" && !strings.EqualFold(coding, "identity"):
		return nil, &Error{Code: BadAnswer, Cause: errCoded}
	case resp.Body == http.NoBody:
		return nil, nil
	case resp.ContentLength >= 0:
		return readExactly(resp.Body, resp.ContentLength)
	default:
		return readUpTo(resp.Body, limit)
	}
}

func readExactly(r io.Reader, length int64) ([]byte, error) {
	body := make([]byte, length)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, bodyError(err)
	}
	return body, nil
}

// readUpTo reads a body of unknown length. The buffer grows by doubling, and
// one byte beyond the limit is enough to give up.
func readUpTo(r io.Reader, limit int64) ([]byte, error) {
	body := make([]byte, 0, min(firstRead, limit+1))
	for {
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > limit:
			return nil, tooLarge(limit)
		case err == io.EOF:
			return body, nil
		case err != nil:
			return nil, bodyError(err)
		}
		if len(body) == cap(body) {
			grown := make([]byte, len(body), min(2*int64(cap(body)), limit+1))
			copy(grown, body)
			body = grown
		}
	}
}

func tooLarge(limit int64) *Error {
	return &Error{Code: TooLarge, Cause: fmt.Errorf("the answer is longer than %d bytes", limit)}
}

// bodyError is why a body ended early: the connection broke, or the service
// closed it and so sent less than it had announced.
func bodyError(err error) *Error {
	if errors.Is(err, io.EOF) { // ReadFull has read nothing at all
		err = io.ErrUnexpectedEOF
	}
	return transportError(err)
}

// transportError is what net/http reports, as an Error. What is neither a
// time-out nor a broken connection is an answer that makes no sense.
func transportError(err error) *Error {
	var known *Error
	var network *net.OpError
	var timeout net.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &network) && network.Op == "dial":
		return &Error{Code: Unreachable, Cause: err}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return &Error{Code: Timeout, Cause: err}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &Error{Code: BadAnswer, Cause: err}
	case broken(err):
		return &Error{Code: Unreachable, Cause: err}
	default:
		return &Error{Code: BadAnswer, Cause: err}
	}
}

// broken tells a connection that failed from one on which nonsense arrived.
func broken(err error) bool {
	var network *net.OpError
	var name *net.DNSError
	var number syscall.Errno
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.As(err, &network), errors.As(err, &name), errors.As(err, &number),
		errors.As(err, &certificate), errors.As(err, &record), errors.As(err, &alert):
		return true
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		return true
	default:
		// net/http has no name for it: the service closed a connection just
		// when a request that must not be repeated was put on it.
		return strings.Contains(err.Error(), "server closed idle connection")
	}
}
