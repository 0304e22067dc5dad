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
	"sync/atomic"
	"time"

	"github.com/triptych-bff/triptych/shared/http1"
)

// A netCarrier carries calls and streams over net/http's transport: those of
// services that speak HTTP/2 (RFC 9113). Over HTTP/1.1 it is what package http1
// is compared with.
type netCarrier struct {
	scheme, host string
	transport    *http.Transport
}

func newNet(to target, encrypted *tls.Config, speaks func(*http.Protocols)) *netCarrier {
	protocols := new(http.Protocols)
	speaks(protocols)
	dialer := &net.Dialer{Timeout: to.connect, KeepAlive: 15 * time.Second}
	return &netCarrier{
		scheme: to.scheme, host: to.address,
		transport: &http.Transport{
			Proxy:                  nil, // services are reached directly, whatever the environment says
			Protocols:              protocols,
			DialContext:            dialer.DialContext,
			TLSClientConfig:        encrypted,
			TLSHandshakeTimeout:    to.connect,
			DisableCompression:     true, // what a mask reads must be plain; what is passed through stays as it is
			IdleConnTimeout:        to.idle,
			MaxResponseHeaderBytes: maxHead,
		},
	}
}

// http2Only speaks HTTP/2 over TLS, and without TLS by prior knowledge (RFC 9113
// §3.3).
func http2Only(p *http.Protocols) {
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true)
}

func (n *netCarrier) close() { n.transport.CloseIdleConnections() }

// request is one for the transport: nothing is redirected, and no cookies are kept.
func (n *netCarrier) request(ctx context.Context, r *http1.Request) *http.Request {
	path, query, _ := strings.Cut(r.Target, "?")
	out := &http.Request{
		Method: r.Method, Host: n.host, Header: make(http.Header, len(r.Fields)+2),
		URL:   &url.URL{Scheme: n.scheme, Host: n.host, Opaque: path, RawQuery: query}, // sent as it is: escaping it again could only change it
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	for _, f := range r.Fields {
		out.Header.Add(f.Name, f.Value)
	}
	switch {
	case r.Stream != nil:
		out.Body, out.ContentLength = io.NopCloser(r.Stream), r.Length
	case len(r.Body) > 0:
		out.ContentLength = int64(len(r.Body))
		out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.Body)), nil }
		out.Body, _ = out.GetBody()
	}
	return out.WithContext(ctx)
}

func (n *netCarrier) carry(ctx context.Context, c *call) (*Response, error) {
	s := c.service
	r := &http1.Request{
		Method: c.req.Method, Target: requestTarget(s.prefix, c.req.Path, c.req.Query),
		Fields: append(s.withDefaults(), c.header()...), Body: c.req.Body,
	}
	resp, err := n.transport.RoundTrip(n.request(ctx, r))
	if err != nil {
		return nil, netError(err)
	}
	defer resp.Body.Close()
	header := headerLines(resp.Header)
	if coding := header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, &Error{Code: BadAnswer, Cause: errCoded}
	}
	body, err := readUpTo(resp.Body, int64(s.config.MaxResponse))
	if err != nil {
		return nil, err
	}
	return &Response{Status: resp.StatusCode, Header: header, Body: body}, nil
}

// readUpTo reads a whole body, which is nil where there is none.
func readUpTo(r io.Reader, limit int64) ([]byte, error) {
	var body bytes.Buffer
	n, err := body.ReadFrom(io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return nil, netError(err)
	case n > limit:
		return nil, &Error{Code: TooLarge, Cause: fmt.Errorf("the answer is longer than %d bytes", limit)}
	}
	return body.Bytes(), nil
}

func headerLines(h http.Header) http1.Fields {
	all := make(http1.Fields, 0, len(h))
	for name, values := range h {
		for _, value := range values {
			all = append(all, http1.Field{Name: name, Value: value})
		}
	}
	return all
}

// netError is what net/http reports. It has no type for an error of HTTP/2, nor
// for a connection that the service closed just when it was used again.
func netError(err error) *Error {
	e := transportError(err)
	var network *net.OpError
	e.Unsent = e.Unsent || errors.As(err, &network) && network.Op == "dial" // net/http sends nothing twice that may have arrived
	if e.Code == BadAnswer && (strings.Contains(err.Error(), "server closed idle connection") || strings.Contains(err.Error(), "client connection lost")) {
		e.Code = Unreachable
	}
	return e
}

// A netStream is an answer that is passed through.
type netStream struct {
	resp    *http.Response
	cancel  context.CancelCauseFunc
	ctx     context.Context
	stall   *time.Timer // runs while more of the body is waited for
	timeout time.Duration
	room    []byte
	sent    *sentBody // nil where the request has no Stream
	ended   bool
}

var errStalled = errors.New("the service paused for too long")

// open passes an exchange through, as [http1.Client.Open] does.
func (n *netCarrier) open(ctx context.Context, r *http1.Request, p http1.Patience) (*netStream, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	s := &netStream{ctx: ctx, cancel: cancel, timeout: p.Stall}
	head := time.AfterFunc(p.Head, func() { cancel(errStalled) })
	defer head.Stop()
	if r.Stream != nil {
		s.sent = &sentBody{Reader: r.Stream, head: head, patience: p.Head}
		r.Stream = s.sent
	}
	resp, err := n.transport.RoundTrip(n.request(ctx, r)) //nolint:bodyclose // Close does it
	if err != nil {
		defer cancel(nil)
		return nil, s.explain(err)
	}
	s.sent.answered()
	s.resp, s.room = resp, make([]byte, 32<<10)
	s.stall = time.AfterFunc(p.Stall, func() { cancel(errStalled) })
	s.stall.Stop()
	return s, nil
}

func (s *netStream) explain(err error) error {
	if own := s.sent.failure(); own != nil {
		return &http1.BodyError{Err: own}
	}
	if errors.Is(context.Cause(s.ctx), errStalled) {
		return &Error{Code: Timeout, Cause: errStalled}
	}
	return netError(err)
}

func (s *netStream) Next() ([]byte, error) {
	for {
		s.stall.Reset(s.timeout)
		n, err := s.resp.Body.Read(s.room)
		s.stall.Stop()
		s.ended = err == io.EOF
		switch {
		case n > 0:
			return s.room[:n], nil
		case err == io.EOF:
			return nil, io.EOF
		case err != nil:
			return nil, s.explain(err)
		}
	}
}

// Waits is true: whether more has come is not told.
func (s *netStream) Waits() bool           { return true }
func (s *netStream) Ended() bool           { return s.ended }
func (s *netStream) Trailer() http1.Fields { return headerLines(s.resp.Trailer) }

// Keep does nothing: the room is this stream's alone.
func (s *netStream) Keep() {}

// Tunnel is never called: no protocol is asked for but over HTTP/1.1.
func (s *netStream) Tunnel() io.ReadWriter { return nil }

func (s *netStream) Close() {
	s.cancel(nil)
	_ = s.resp.Body.Close()
}

// A sentBody is a request's body on its way to the service. It remembers why it
// ended, since net/http reports that as if the service had failed; and while it
// waits for its sender, nobody waits for the service.
type sentBody struct {
	io.Reader
	head     *time.Timer
	patience time.Duration
	headed   atomic.Bool
	failed   atomic.Pointer[error]
}

func (b *sentBody) Read(p []byte) (int, error) {
	b.head.Stop()
	n, err := b.Reader.Read(p)
	if err != nil && err != io.EOF {
		b.failed.Store(&err)
	}
	b.head.Reset(b.patience)
	if b.headed.Load() { // perhaps meanwhile
		b.head.Stop()
	}
	return n, err
}

func (b *sentBody) answered() {
	if b != nil {
		b.headed.Store(true)
		b.head.Stop()
	}
}

func (b *sentBody) failure() error {
	if b == nil || b.failed.Load() == nil {
		return nil
	}
	return *b.failed.Load()
}
