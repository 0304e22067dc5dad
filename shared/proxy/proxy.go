package proxy

import (
	"context"
	"net/http"

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
	service *upstream.Service
	rewrite routing.Rewrite
	config  Config
}

// New passes requests through to the service. It expects what package edge has
// made of a request: the URL's path canonical, and the client's address, the
// request's id and its trace in the context's [telemetry.Exchange]. Errors are
// written as problems and noted there; one that comes after the answer has begun
// aborts the connection or stream, by panicking with [http.ErrAbortHandler].
func New(service *upstream.Service, rewrite routing.Rewrite, c Config) http.Handler {
	return &proxy{service: service, rewrite: rewrite, config: c}
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &answer{w: w, request: r, exchange: telemetry.FromContext(r.Context())}
	if r.Method == http.MethodConnect || r.Method == http.MethodTrace {
		never := problem.MethodNotAllowed.New("This method is never served.")
		never.Header = http.Header{"Allow": {"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"}}
		a.fail(never)
		return
	}
	ctx, leave := r.Context(), context.CancelFunc(func() {})
	if asksForWebSocket(r) {
		a.upgrade = r.Header["Upgrade"][0]
		ctx, leave = context.WithCancel(ctx)
	}
	defer leave()
	defer a.close()
	if err := p.open(ctx, a); err != nil {
		a.fail(err)
		return
	}
	a.receive(p.service, leave)
}

// open sends the request and waits for the head of the answer.
func (p *proxy) open(ctx context.Context, a *answer) (err error) {
	r := a.request
	out := upstream.Outgoing{
		Method: r.Method, Path: routing.Escape(p.rewrite.Apply(r.URL.Path)), Query: r.URL.RawQuery,
		Header: p.header(r), Upgrade: a.upgrade,
	}
	switch {
	case r.Body == nil || r.ContentLength == 0:
	case 0 < r.ContentLength && r.ContentLength <= smallBody:
		if out.Whole, err = readWhole(r); err != nil {
			return err
		}
	default:
		a.upload = newUpload(r)
		a.allowEarly()
		if r.ProtoMajor == 1 && r.Header["Expect"] != nil {
			if err := a.upload.begin(); err != nil {
				return err
			}
		}
		out.Body, out.Length = a.upload, r.ContentLength
	}
	a.stream, err = p.service.Open(ctx, &out, a.inform)
	return err
}
