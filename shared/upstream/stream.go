package upstream

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/triptych-bff/triptych/shared/resilience"
	"github.com/triptych-bff/triptych/shared/telemetry"
)

var errStalled = errors.New("the service paused for too long")

// RoundTrip carries an HTTP exchange that is passed through: the answer's body
// is read by whoever receives it, and is of any length. Only req's method, path,
// query, headers and body are used; scheme, host and the service's path prefix
// are put in here, and so are the service's own headers and the trace.
//
// The head must come within Timeout after the request was sent, and the body
// must not pause for longer than Stall while it is being read. The breaker
// learns the outcome at the body's end; of an event stream or another protocol,
// which have no end, at the head. A body that is closed early says nothing.
//
// Errors are of type [*Error]; that of the request's own body is inside of one.
// RoundTrip is an [http.RoundTripper].
func (s *Service) RoundTrip(req *http.Request) (*http.Response, error) {
	s.pool.unfinished.Add(1)
	x := &stream{service: s, begun: time.Now(), operation: telemetry.FromContext(req.Context()).Route}
	x.sent.body = req.Body
	carrier, err := s.admitStream(req, x)
	if err != nil {
		x.fail(err)
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	s.link.acquire()
	x.open(req.Context())
	resp, roundTripErr := carrier.roundTrip(x.ctx, x.request(req, carrier))
	x.headEnded()
	if roundTripErr != nil {
		err := x.explain(roundTripErr)
		x.fail(err)
		return nil, err
	}
	x.answered(resp)
	return resp, nil
}

func (s *Service) admitStream(req *http.Request, x *stream) (*httpCarrier, *Error) {
	carrier, ok := s.link.carrier.(*httpCarrier)
	if !ok {
		return nil, &Error{s.name, BadRequest, errors.New("a gRPC service takes no HTTP requests")}
	}
	if err := s.checkStream(req); err != nil {
		return nil, &Error{s.name, BadRequest, err}
	}
	permit, err := s.guard.Allow()
	if err != nil {
		return nil, &Error{s.name, BreakerOpen, err}
	}
	x.permit = permit
	return carrier, nil
}

func (s *Service) checkStream(req *http.Request) error {
	if err := checkPath(req.URL.EscapedPath()); err != nil {
		return err
	}
	if err := checkQuery(req.URL.RawQuery); err != nil {
		return err
	}
	for name, values := range req.Header {
		if !httpguts.ValidHeaderFieldName(name) {
			return errors.New("a header's name is malformed")
		}
		for _, value := range values {
			if !httpguts.ValidHeaderFieldValue(value) {
				return errors.New("a header's value is malformed")
			}
		}
	}
	return nil
}

// A stream is one exchange that is passed through.
type stream struct {
	service   *Service
	operation string
	begun     time.Time
	ctx       context.Context
	client    context.Context // the context of whom the exchange is for
	cancel    context.CancelCauseFunc
	permit    *resilience.Permit
	head      *time.Timer // runs while the service is waited for to answer at all
	stall     *time.Timer // runs while it is waited for to go on
	sent      sentBody
	headed    atomic.Bool
	status    int
	over      atomic.Bool
}

func (x *stream) open(ctx context.Context) {
	x.client = ctx
	x.ctx, x.cancel = context.WithCancelCause(ctx)
	x.sent.stream = x
	x.head = time.AfterFunc(x.service.config.Timeout, func() {
		if !x.headed.Load() { // a part of the request's body may have set it again too late
			x.cancel(errStalled)
		}
	})
}

func (x *stream) headEnded() {
	x.headed.Store(true)
	x.head.Stop()
}

func (x *stream) request(req *http.Request, carrier *httpCarrier) *http.Request {
	out := new(http.Request)
	*out = *req
	out.URL = &url.URL{
		Scheme: carrier.scheme, Host: carrier.host,
		Opaque:   x.service.prefix + req.URL.EscapedPath(),
		RawQuery: req.URL.RawQuery,
	}
	out.Host = carrier.host
	out.Header = req.Header.Clone()
	if out.Header == nil {
		out.Header = make(http.Header)
	}
	for name, values := range x.service.static {
		out.Header[name] = values
	}
	telemetry.FromContext(req.Context()).Trace.Inject(out.Header)
	if req.Body != nil && req.Body != http.NoBody {
		out.Body = &x.sent
	}
	return out
}

// answered hands the answer over: from here on the body's reader has it.
func (x *stream) answered(resp *http.Response) {
	x.status = resp.StatusCode
	x.observe(statusClass(resp.StatusCode))
	switch outcome := verdict(resp.StatusCode); {
	case outcome == resilience.Failure, resp.StatusCode == http.StatusSwitchingProtocols, endless(resp.Header):
		x.permit.Done(outcome)
	}
	body := &streamBody{stream: x, body: resp.Body}
	giveUp := func() { x.cancel(errStalled) }
	resp.Body = body
	if w, ok := body.body.(io.Writer); ok && resp.StatusCode == http.StatusSwitchingProtocols {
		resp.Body = &switchedBody{streamBody: body, w: w}
		giveUp = func() { x.cancel(errStalled); _ = body.body.Close() } // net/http has let go of it
	}
	x.stall = time.AfterFunc(x.service.config.Stall, giveUp)
	x.stall.Stop()
}

func endless(h http.Header) bool {
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return kind == "text/event-stream"
}

// explain is why there is no answer, or no more of it.
func (x *stream) explain(err error) *Error {
	name := x.service.name
	switch {
	case x.client.Err() != nil:
		return &Error{name, ended(x.client.Err()), x.client.Err()}
	case errors.Is(context.Cause(x.ctx), errStalled):
		return &Error{name, Timeout, errStalled}
	}
	if own := x.sent.failure(); own != nil {
		return &Error{name, Cancelled, own} // whoever sent the request did not finish it
	}
	failed := transportError(err)
	return &Error{name, failed.Code, failed.Cause}
}

// fail ends an exchange that has no answer.
func (x *stream) fail(err *Error) {
	x.observe(err.Code.String())
	x.end(blameStream(err.Code))
}

func blameStream(code Code) resilience.Outcome {
	switch code {
	case Timeout, Unreachable, BadAnswer:
		return resilience.Failure
	default:
		return resilience.Ignored
	}
}

func (x *stream) observe(outcome string) {
	operation := x.operation
	if operation == "" {
		operation = "stream"
	}
	m := x.service.pool.metrics
	m.count(x.service.name, operation, outcome)
	if x.cancel != nil {
		m.observe(x.service.name, time.Since(x.begun))
	}
}

// end lets go of everything that the exchange holds, once.
func (x *stream) end(o resilience.Outcome) {
	if !x.over.CompareAndSwap(false, true) {
		return
	}
	if x.permit != nil {
		x.permit.Done(o)
	}
	if x.cancel != nil {
		x.head.Stop()
		x.cancel(nil)
		x.service.link.release()
	}
	x.service.pool.unfinished.Add(-1)
}

// A sentBody is the request's body on its way to the service. It remembers why
// it ended, since net/http reports that as if the service had failed; and while
// it waits for its sender, nobody waits for the service.
type sentBody struct {
	stream *stream
	body   io.ReadCloser
	failed atomic.Pointer[error]
}

func (b *sentBody) Read(p []byte) (int, error) {
	b.stream.head.Stop()
	n, err := b.body.Read(p)
	if err != nil && err != io.EOF {
		b.failed.Store(&err)
	}
	b.stream.head.Reset(b.stream.service.config.Timeout)
	return n, err
}

func (b *sentBody) Close() error { return b.body.Close() }

func (b *sentBody) failure() error {
	if err := b.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// A streamBody is the answer's body. It is timed only while a Read waits for the
// service: how slowly the receiver takes what was read is not its fault.
type streamBody struct {
	stream *stream
	body   io.ReadCloser
}

func (b *streamBody) Read(p []byte) (int, error) {
	x := b.stream
	x.stall.Reset(x.service.config.Stall)
	n, err := b.body.Read(p)
	x.stall.Stop()
	switch {
	case err == io.EOF:
		x.end(verdict(x.status))
	case err != nil:
		failed := x.explain(err)
		x.end(blameStream(failed.Code))
		return n, failed
	}
	return n, err
}

// Close gives up what was not read.
func (b *streamBody) Close() error {
	b.stream.end(resilience.Ignored)
	return b.body.Close()
}

// A switchedBody is a connection that speaks another protocol now. What is sent
// is a sign of life as well as what is received.
type switchedBody struct {
	*streamBody
	w io.Writer
}

func (b *switchedBody) Write(p []byte) (int, error) {
	b.stream.stall.Reset(b.stream.service.config.Stall)
	return b.w.Write(p)
}
