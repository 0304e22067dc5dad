// Package device is the network side of an emulated client app: the phone and the
// television of the demo's page. A browser cannot read another origin's bytes; this
// can. It is a real HTTP/1.1 client on connections that it keeps, asks for what its
// kind of client decodes, and counts what comes over the wire.
//
// The head of an answer is everything up to and including the empty line, interim
// answers too. Its body is the rest as it came: encoded, and with the framing of
// chunks where there are chunks. Both are counted by [net.Conn] bytes, not by what
// headers say about them.
//
// Everything is bounded: the time of an exchange, the bytes of an answer, encoded
// and decoded, and the connections.
package device

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	// Patience is how long one exchange may take: far longer than any screen does.
	Patience = 15 * time.Second
	// MostHead bounds the head of an answer.
	MostHead = 64 << 10
	// MostWire bounds the head and the body of an answer together.
	MostWire = 2 << 20
	// MostPlain bounds the decoded body.
	MostPlain = 8 << 20
	// MostConnections bounds what one device has open at a time.
	MostConnections = 6

	// restless is how long an unused connection is taken for alive: the gateways
	// keep theirs a minute.
	restless = 45 * time.Second
	// window bounds what zstd may look back (RFC 8878 recommends 8 MB for all).
	window = 8 << 20
)

// A Device asks one gateway. It is safe for concurrent use; [Device.Close] ends its
// connections.
type Device struct {
	gateway string // host:port
	name    string // User-Agent
	accepts string // Accept-Encoding
	slots   chan struct{}

	mu     sync.Mutex
	idle   []*conn // the last used one last
	closed bool
}

// New is a device of that name whose gateway listens at host:port. It decodes what
// accepts lists, such as "zstd, gzip".
func New(name, gateway, accepts string) *Device {
	return &Device{gateway: gateway, name: name, accepts: accepts, slots: make(chan struct{}, MostConnections)}
}

// An Answer is a whole response and what it took.
type Answer struct {
	Status   int
	Header   http.Header
	Head     int64         // bytes on the wire up to and including the empty line
	Body     int64         // bytes on the wire after it
	Encoding string        // the Content-Encoding; empty for none
	Plain    []byte        // the decoded body
	Took     time.Duration // from before the connection to the last byte; decoding not included
}

// Do asks once and reads the whole answer. Where a connection that was kept turns
// out to be closed, a request that may be repeated is sent again on a new one.
func (d *Device) Do(ctx context.Context, method, path string, header http.Header, body []byte) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	select {
	case d.slots <- struct{}{}:
		defer func() { <-d.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	began := time.Now()
	c, err := d.kept(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := d.exchange(ctx, c, method, path, header, body)
	if errors.Is(err, errStale) && (method == http.MethodGet || method == http.MethodPut || method == http.MethodDelete) {
		if c, err = d.dial(ctx); err != nil {
			return nil, err
		}
		answer, err = d.exchange(ctx, c, method, path, header, body)
	}
	if err != nil {
		return nil, err
	}
	answer.Took = time.Since(began)
	answer.Plain, err = decode(answer.Encoding, answer.Plain)
	return answer, err
}

// exchange uses the connection once, and then keeps or closes it.
func (d *Device) exchange(ctx context.Context, c *conn, method, path string, header http.Header, body []byte) (*Answer, error) {
	req, err := d.request(ctx, method, path, header, body)
	if err != nil {
		c.Close()
		return nil, err
	}
	answer, again, err := c.exchange(ctx, req)
	if !again || !d.keep(c) {
		c.Close()
	}
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return answer, err
}

func (d *Device) request(ctx context.Context, method, path string, header http.Header, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+d.gateway+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if header != nil {
		req.Header = header.Clone()
	}
	req.Header.Set("User-Agent", d.name)
	req.Header.Set("Accept-Encoding", d.accepts)
	return req, nil
}

// kept is the connection used last if it can be trusted, or a new one.
func (d *Device) kept(ctx context.Context) (*conn, error) {
	d.mu.Lock()
	for len(d.idle) > 0 {
		last := len(d.idle) - 1
		c := d.idle[last]
		d.idle = slices.Delete(d.idle, last, last+1)
		if time.Since(c.rested) < restless {
			d.mu.Unlock()
			return c, nil
		}
		c.Close()
	}
	d.mu.Unlock()
	return d.dial(ctx)
}

func (d *Device) dial(ctx context.Context) (*conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", d.gateway)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return newConn(c), nil
}

// keep takes the connection for the next request.
func (d *Device) keep(c *conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	c.used, c.rested = true, time.Now()
	d.idle = append(d.idle, c)
	return true
}

// Close closes the connections that no request uses, the others when their request
// is done.
func (d *Device) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for _, c := range d.idle {
		c.Close()
	}
	d.idle = nil
}

// ErrUnreachable is a gateway to which no connection can be made.
var ErrUnreachable = errors.New("the gateway cannot be reached")

// decode undoes a Content-Encoding.
func decode(encoding string, body []byte) ([]byte, error) {
	var plain io.Reader
	switch encoding {
	case "":
		return body, nil
	case "gzip":
		r, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		plain = r
	case "zstd":
		r, err := zstd.NewReader(bytes.NewReader(body), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(window))
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		defer r.Close()
		plain = r
	default:
		return nil, fmt.Errorf("the answer has the content coding %q, which was not asked for", encoding)
	}
	out, err := io.ReadAll(io.LimitReader(plain, MostPlain+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", encoding, err)
	}
	if len(out) > MostPlain {
		return nil, fmt.Errorf("%s: the decoded answer is longer than %d bytes", encoding, MostPlain)
	}
	return out, nil
}
