package proxy

import (
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"

	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/routing"
	"github.com/triptych-bff/triptych/shared/telemetry"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// Config says what of a request reaches the service.
type Config struct {
	// ForwardToken passes the client's Authorization on, to a service that checks
	// it itself. The zero value keeps it here.
	ForwardToken bool
}

type proxy struct {
	rewrite  routing.Rewrite
	config   Config
	template httputil.ReverseProxy
}

// New passes requests through to the service. It expects what package edge has
// made of a request: the URL's path canonical, and the client's address, the
// request's id and its trace in the context's [telemetry.Exchange]. Errors are
// written as problems and noted there; one that comes after the answer has begun
// aborts the connection or stream, by panicking with [http.ErrAbortHandler].
func New(service *upstream.Service, rewrite routing.Rewrite, c Config) http.Handler {
	p := &proxy{rewrite: rewrite, config: c}
	p.template = httputil.ReverseProxy{
		Transport:     service,
		FlushInterval: -1, // an event is worth nothing in a buffer
		BufferPool:    new(buffers),
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, err error) { w.(*answer).fail(err) },
		ErrorLog:      log.New(io.Discard, "", 0), // errors are noted on the exchange
	}
	return p
}

// smallAnswer is how long an answer of known length may be that is sent in one
// piece: flushing its head first costs a system call and a goroutine, a sixth of
// all the work of such a request. More than this net/http does not hold back.
const smallAnswer = 2 << 10

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &answer{ResponseWriter: w, request: r, exchange: telemetry.FromContext(r.Context()), header: make(http.Header)}
	if r.Method == http.MethodConnect || r.Method == http.MethodTrace {
		p := problem.MethodNotAllowed.New("This method is never served.")
		p.Header = http.Header{"Allow": {"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"}}
		a.fail(p)
		return
	}
	reverse := p.template
	reverse.Rewrite = func(pr *httputil.ProxyRequest) {
		p.outbound(pr)
		a.watch(pr.Out)
	}
	reverse.ModifyResponse = func(resp *http.Response) error {
		if 0 <= resp.ContentLength && resp.ContentLength <= smallAnswer {
			reverse.FlushInterval = 0
		}
		return a.receive(resp)
	}
	defer a.closeTunnel()
	reverse.ServeHTTP(a, r)
	a.sendTrailers()
}

// outbound makes the request that the service sees. Connection headers, and what
// they name, are gone already; so nothing that is set here can be named by them.
func (p *proxy) outbound(pr *httputil.ProxyRequest) {
	in, out := pr.In, pr.Out
	path := p.rewrite.Apply(in.URL.Path)
	out.URL = &url.URL{Path: path, RawPath: routing.Escape(path), RawQuery: in.URL.RawQuery}
	out.Trailer = nil
	webSocket := asksForWebSocket(in)
	for name := range out.Header {
		if !p.forwards(name, webSocket) {
			delete(out.Header, name)
		}
	}
	introduce(in, out.Header)
}

// forwards tells whether a header of the client reaches the service.
func (p *proxy) forwards(name string, webSocket bool) bool {
	switch name {
	case "Authorization":
		return p.config.ForwardToken
	case "Connection", "Upgrade": // put back by ReverseProxy for every protocol
		return webSocket
	case "Te": // likewise, and it says "trailers"
		return true
	}
	return plain(name) && !hopByHop[name] && !ownedByUs[name] && !managedNames.Has(name)
}

// introduce tells the service for whom and from where the request comes.
// [upstream.Service.RoundTrip] adds the trace and the service's own headers.
func introduce(in *http.Request, h http.Header) {
	x := telemetry.FromContext(in.Context())
	if x.Client.IsValid() {
		h["X-Forwarded-For"] = []string{x.Client.String()}
	}
	scheme := "http"
	if in.TLS != nil {
		scheme = "https"
	}
	h["X-Forwarded-Proto"] = []string{scheme}
	h["X-Forwarded-Host"] = []string{in.Host}
	if x.ID != "" {
		h["X-Request-Id"] = []string{x.ID}
	}
	h["Via"] = append(h["Via"], via(in)) // RFC 9110 §7.6.3
}

func via(in *http.Request) string {
	switch {
	case in.ProtoMajor == 2:
		return "2.0 triptych"
	case in.ProtoAtLeast(1, 1):
		return "1.1 triptych"
	default:
		return "1.0 triptych"
	}
}

// buffers are what bodies are copied through.
type buffers struct{ pool sync.Pool }

const bufferSize = 32 << 10

func (b *buffers) Get() []byte {
	if buf, ok := b.pool.Get().(*[bufferSize]byte); ok {
		return buf[:]
	}
	return new([bufferSize]byte)[:]
}

func (b *buffers) Put(buf []byte) { b.pool.Put((*[bufferSize]byte)(buf)) }
