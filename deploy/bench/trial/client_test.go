package trial

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/valyala/fasthttp"
)

// A library is one candidate.
type library struct {
	name string
	open func(address string) client
}

// A client makes calls to one service.
type client interface {
	// do is one call with a whole answer. cancel, where it is not nil, ends it.
	do(method, path, body string, cancel <-chan struct{}) (status int, answer string, err error)
	close()
}

const netHTTPName = "net/http"

var libraries = []library{
	{netHTTPName, func(address string) client { return netHTTPClient{&netHTTP{address, boundedTransport()}} }},
	{"fasthttp", func(address string) client { return fastHTTPClient{boundedHostClient(address)} }},
	{"fasthttp, driven", func(address string) client {
		d := NewDriven(address, false)
		d.client.MaxResponseBodySize = bound
		return drivenClient{d}
	}},
}

// bound is how long a head or a body may be in a probe.
const bound = 64 << 10

func boundedTransport() *http.Transport {
	t := newTransport()
	t.MaxResponseHeaderBytes = bound
	return t
}

func boundedHostClient(address string) *fasthttp.HostClient {
	c := newHostClient(address)
	c.ReadBufferSize, c.MaxResponseBodySize = bound, bound
	return c
}

type netHTTPClient struct{ *netHTTP }

func (n netHTTPClient) close() { n.Close() }

func (n netHTTPClient) do(method, path, body string, cancel <-chan struct{}) (int, string, error) {
	ctx, stop := context.WithTimeout(context.Background(), timeout)
	defer stop()
	if cancel != nil {
		go func() { <-cancel; stop() }()
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+n.address+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, "", err
	}
	resp, err := n.transport.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return resp.StatusCode, "", nil
	}
	if resp.ContentLength > bound && method != http.MethodHead {
		return resp.StatusCode, "", fasthttp.ErrBodyTooLarge
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, bound+1))
	if len(text) > bound {
		err = fasthttp.ErrBodyTooLarge
	}
	return resp.StatusCode, string(text), err
}

type fastHTTPClient struct{ *fasthttp.HostClient }

func (f fastHTTPClient) close() { f.CloseIdleConnections() }

// do cannot be cancelled.
func (f fastHTTPClient) do(method, path, body string, _ <-chan struct{}) (int, string, error) {
	req, resp := newRequest(f.Addr, path), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	req.Header.SetMethod(method)
	req.SetBodyString(body)
	err := f.DoTimeout(req, resp, timeout)
	return resp.StatusCode(), string(resp.Body()), err
}

type drivenClient struct{ *Driven }

func (d drivenClient) close() { d.Close() }

func (d drivenClient) do(method, path, body string, cancel <-chan struct{}) (int, string, error) {
	c := d.call(method, path)
	defer c.Release()
	c.req.SetBodyString(body)
	if cancel != nil {
		go func() { <-cancel; c.Cancel() }()
	}
	err := c.run()
	return c.resp.StatusCode(), string(c.resp.Body()), err
}

// timedOut tells the deadline from every other end.
func timedOut(err error) bool {
	var timeout interface{ Timeout() bool } // fasthttp's is no net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func canceled(err error) bool { return errors.Is(err, context.Canceled) || errors.Is(err, errCanceled) }
