package trial

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/triptych-bff/triptych/shared/http1"
)

// A library is one candidate.
type library struct {
	name string
	open func(address string, deadline time.Duration) client
}

// A client makes calls to one service.
type client interface {
	// do is one call with a whole answer. cancel, where it is not nil, ends it.
	do(method, path, body string, cancel <-chan struct{}) (status int, answer string, err error)
	close()
}

const netHTTPName = "net/http"

var libraries = []library{
	{netHTTPName, func(address string, deadline time.Duration) client {
		return netHTTPClient{&netHTTP{address, boundedTransport()}, deadline}
	}},
	{"fasthttp", func(address string, deadline time.Duration) client {
		return fastHTTPClient{boundedHostClient(address), deadline}
	}},
	{"fasthttp, driven", func(address string, deadline time.Duration) client {
		d := NewDriven(address, false)
		d.client.MaxResponseBodySize = bound
		return drivenClient{d, deadline}
	}},
	{"http1", func(address string, deadline time.Duration) client {
		return ownClient{newOwn(address, bound), deadline}
	}},
}

// Most probes have a deadline that is never waited for, however busy the machine is;
// those that some library waits for in vain have a short one.
const (
	far  = 60 * time.Second
	near = 3 * time.Second
)

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

type netHTTPClient struct {
	*netHTTP
	deadline time.Duration
}

func (n netHTTPClient) close() { n.Close() }

func (n netHTTPClient) do(method, path, body string, cancel <-chan struct{}) (int, string, error) {
	ctx, stop := context.WithTimeout(context.Background(), n.deadline)
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

type fastHTTPClient struct {
	*fasthttp.HostClient
	deadline time.Duration
}

func (f fastHTTPClient) close() { f.CloseIdleConnections() }

// do cannot be cancelled.
func (f fastHTTPClient) do(method, path, body string, _ <-chan struct{}) (int, string, error) {
	req, resp := newRequest(f.Addr, path), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	req.Header.SetMethod(method)
	req.SetBodyString(body)
	err := f.DoTimeout(req, resp, f.deadline)
	return resp.StatusCode(), string(resp.Body()), err
}

type drivenClient struct {
	*Driven
	deadline time.Duration
}

func (d drivenClient) close() { d.Close() }

func (d drivenClient) do(method, path, body string, cancel <-chan struct{}) (int, string, error) {
	c := d.call(method, path)
	c.deadline = time.Now().Add(d.deadline)
	defer c.Release()
	c.req.SetBodyString(body)
	if cancel != nil {
		go func() { <-cancel; c.Cancel() }()
	}
	err := c.run()
	return c.resp.StatusCode(), string(c.resp.Body()), err
}

type ownClient struct {
	*own
	deadline time.Duration
}

func (o ownClient) close() { o.Close() }

func (o ownClient) do(method, path, body string, cancel <-chan struct{}) (int, string, error) {
	req := &http1.Request{Method: method, Host: o.address, Target: path, Body: []byte(body)}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	if cancel != nil {
		go func() { <-cancel; stop() }()
	}
	answer, err := o.client.Start(ctx, time.Now().Add(o.deadline), req).Wait(bound)
	switch {
	case ctx.Err() != nil:
		return 0, "", ctx.Err()
	case err != nil:
		return 0, "", err
	}
	return answer.Status, string(answer.Body), nil
}

// timedOut tells the deadline from every other end.
func timedOut(err error) bool {
	var timeout interface{ Timeout() bool } // fasthttp's is no net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func canceled(err error) bool { return errors.Is(err, context.Canceled) || errors.Is(err, errCanceled) }
