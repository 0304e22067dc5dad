package trial

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/valyala/fasthttp"
)

const (
	timeout = 30 * time.Second // of one call: a busy machine needs some
	maxHead = 64 << 10         // bytes of an answer's head
	maxBody = 2 << 20          // bytes of an answer's body
)

// A Carrier brings calls to one service.
type Carrier interface {
	// Start begins a GET of path and does not wait for the answer. The end of ctx
	// ends the call, where the carrier can do that.
	Start(ctx context.Context, path string) Pending
	Close()
}

// A Pending is a call under way. Wait is called once, and Release behind it.
type Pending interface {
	Wait() (status int, body []byte, err error)
	Release() // body is not used any more
}

// NetHTTP is net/http's transport, with a goroutine per call.
func NetHTTP(address string) Carrier {
	return &netHTTP{address, newTransport()}
}

func newTransport() *http.Transport {
	return &http.Transport{
		DisableCompression: true, MaxIdleConnsPerHost: 128, IdleConnTimeout: time.Minute,
		MaxResponseHeaderBytes: maxHead,
	}
}

type netHTTP struct {
	address   string
	transport *http.Transport
}

func (n *netHTTP) Close() { n.transport.CloseIdleConnections() }

func (n *netHTTP) Start(ctx context.Context, path string) Pending {
	c := &netCall{done: make(chan struct{})}
	go c.run(ctx, n, path)
	return c
}

type netCall struct {
	done   chan struct{}
	status int
	body   []byte
	err    error
}

func (c *netCall) run(ctx context.Context, n *netHTTP, path string) {
	defer close(c.done)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.address+path, nil)
	if err != nil {
		c.err = err
		return
	}
	resp, err := n.transport.RoundTrip(req)
	if err != nil {
		c.err = err
		return
	}
	defer resp.Body.Close()
	c.status = resp.StatusCode
	c.body, c.err = readWhole(resp)
}

// readWhole reads a body into one buffer where its length is announced.
func readWhole(resp *http.Response) ([]byte, error) {
	if resp.ContentLength > maxBody {
		return nil, fasthttp.ErrBodyTooLarge
	}
	if resp.ContentLength >= 0 {
		body := make([]byte, resp.ContentLength)
		_, err := io.ReadFull(resp.Body, body)
		return body, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if len(body) > maxBody {
		return nil, fasthttp.ErrBodyTooLarge
	}
	return body, err
}

func (c *netCall) Wait() (status int, body []byte, err error) {
	<-c.done
	return c.status, c.body, c.err
}

func (c *netCall) Release() {}

// FastHTTP is fasthttp's client as it is, with a goroutine per call. Its bodies are
// used again once they are released.
func FastHTTP(address string) Carrier { return &fastHTTP{newHostClient(address), false} }

// newHostClient is a client that is configured as well as it can be. Left alone, it
// sends an idempotent request five times, whatever went wrong; here it does so
// twice, and where it saw no byte of an answer. It cannot be told to do so only on a
// connection that had been idle.
func newHostClient(address string) *fasthttp.HostClient {
	return &fasthttp.HostClient{
		Addr: address, MaxConns: 128, MaxIdleConnDuration: time.Minute, ConnPoolStrategy: fasthttp.LIFO,
		ReadBufferSize: maxHead, MaxResponseBodySize: maxBody,
		NoDefaultUserAgentHeader: true, DisablePathNormalizing: true,
		MaxIdemponentCallAttempts: 2,
		RetryIfErr: func(req *fasthttp.Request, _ int, err error) (resetTimeout, retry bool) {
			return false, errors.Is(err, io.EOF) && idempotent(req)
		},
	}
}

func idempotent(req *fasthttp.Request) bool {
	switch string(req.Header.Method()) {
	case "GET", "HEAD", "PUT", "DELETE", "OPTIONS":
		return true
	}
	return false
}

type fastHTTP struct {
	client *fasthttp.HostClient
	kept   bool // bodies outlive their release
}

func (f *fastHTTP) Close() { f.client.CloseIdleConnections() }

func (f *fastHTTP) Start(_ context.Context, path string) Pending {
	c := &fastCall{kept: f.kept, resp: fasthttp.AcquireResponse(), done: make(chan struct{})}
	go c.run(f.client, path)
	return c
}

type fastCall struct {
	kept bool
	resp *fasthttp.Response
	done chan struct{}
	err  error
}

func (c *fastCall) run(client *fasthttp.HostClient, path string) {
	defer close(c.done)
	req := newRequest(client.Addr, path)
	c.err = client.DoTimeout(req, c.resp, timeout)
	fasthttp.ReleaseRequest(req)
}

func newRequest(address, path string) *fasthttp.Request {
	req := fasthttp.AcquireRequest()
	req.Header.SetHost(address)
	req.SetRequestURI(path)
	return req
}

func (c *fastCall) Wait() (status int, body []byte, err error) {
	<-c.done
	if c.kept {
		return c.resp.StatusCode(), c.resp.SwapBody(nil), c.err // fasthttp makes itself another
	}
	return c.resp.StatusCode(), c.resp.Body(), c.err
}

func (c *fastCall) Release() { fasthttp.ReleaseResponse(c.resp) }
