package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/triptych-bff/triptych/shared/protojson"
	"github.com/triptych-bff/triptych/shared/resilience"
	"github.com/triptych-bff/triptych/shared/telemetry"
)

// A Service is a service as one snapshot of the configuration describes it. It
// is immutable, and a [Caller].
type Service struct {
	name   string
	config Config
	files  *protojson.Files
	prefix string      // put before every path
	static http.Header // on every request

	pool  *Pool
	guard *guard
	link  *link
}

func newService(p *Pool, name string, c Config, files *protojson.Files) *Service {
	s := &Service{name: name, config: c, files: files, pool: p, static: make(http.Header)}
	if c.URL != "" {
		_, s.prefix, _ = splitURL(c.URL)
	}
	for header, value := range c.Headers {
		s.static.Set(header, value)
	}
	for header, value := range c.Secrets {
		s.static.Set(header, value.Reveal())
	}
	return s
}

// Name is the service's name in the configuration.
func (s *Service) Name() string { return s.name }

// IsGRPC tells whether the service speaks gRPC, and otherwise HTTP.
func (s *Service) IsGRPC() bool { return s.config.URL == "" }

// Files is what the methods of a gRPC service are described by. It may be nil.
func (s *Service) Files() *protojson.Files { return s.files }

// Start begins a call. It returns at once; see [Caller].
func (s *Service) Start(ctx context.Context, req *Request) Pending {
	s.pool.unfinished.Add(1)
	c := &call{service: s, req: req, begun: time.Now()}
	if err := s.admit(ctx, c); err != nil {
		c.err = err
		s.pool.metrics.count(s.name, req.Operation, err.Code.String())
		return c
	}
	c.note(telemetry.FromContext(ctx))
	c.done = make(chan struct{})
	s.link.acquire()
	go c.run()
	return c
}

// admit is whether the call may begin. It leaves the call with its context and
// its permit.
func (s *Service) admit(ctx context.Context, c *call) *Error {
	if err := s.check(c.req); err != nil {
		return &Error{s.name, BadRequest, err}
	}
	if err := ctx.Err(); err != nil {
		return &Error{s.name, ended(err), err}
	}
	permit, err := s.guard.Allow()
	if err != nil {
		return &Error{s.name, BreakerOpen, err}
	}
	c.permit = permit
	c.limit(ctx)
	return nil
}

func (s *Service) check(req *Request) error {
	if (req.RPC != nil) != s.IsGRPC() {
		return errors.New("HTTP and gRPC are confused")
	}
	if err := checkHeader(req.Header); err != nil {
		return err
	}
	if req.RPC != nil {
		return checkMetadata(req.Header)
	}
	if req.Method != "" && !httpguts.ValidHeaderFieldName(req.Method) { // both are tokens (RFC 9110 §9.1)
		return fmt.Errorf("method %q is no token", req.Method)
	}
	if err := checkPath(req.Path); err != nil {
		return err
	}
	return checkQuery(req.Query)
}

// fairShare says which part of its own time-out a call must have had for a
// timeout to count against the service.
const fairShare = 4

// A call is one call under way. It ends when its carrier is done; what the
// caller does meanwhile only decides whether anybody reads the result.
type call struct {
	service *Service
	req     *Request
	begun   time.Time
	ctx     context.Context
	cancel  context.CancelFunc
	permit  *resilience.Permit
	fair    bool // it had time enough for a timeout to be the service's fault

	id    string // of the request that this call serves; empty where it has none
	trace telemetry.Trace

	done  chan struct{} // nil: it never began
	resp  *Response
	err   error
	taken atomic.Bool // by Wait or Cancel
}

// limit gives the call the earliest of its deadlines. One that comes late,
// with its caller's budget all but spent, is not the service's failure when it
// runs out.
func (c *call) limit(ctx context.Context) {
	own := c.service.config.Timeout
	if t := c.req.Timeout; t > 0 && t < own {
		own = t
	}
	c.fair = true
	if deadline, ok := ctx.Deadline(); ok && deadline.Sub(c.begun) < own/fairShare {
		c.fair = false
	}
	c.ctx, c.cancel = context.WithDeadline(ctx, c.begun.Add(own))
}

// note takes along what names the request. The exchange is not read later: it
// belongs to the goroutine that serves the request.
func (c *call) note(x *telemetry.Exchange) {
	c.trace = x.Trace
	if printable(x.ID) {
		c.id = x.ID
	}
}

func (c *call) run() {
	defer close(c.done)
	defer c.service.link.release()
	defer c.cancel()
	resp, err := c.carry()
	if err == nil {
		c.resp = resp
		c.finish(statusClass(resp.Status), verdict(resp.Status))
		return
	}
	failed := c.explain(err)
	c.err = failed
	c.finish(failed.Code.String(), c.blame(failed.Code))
}

// carry keeps a fault in decoding one answer from ending the process.
func (c *call) carry() (resp *Response, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = &Error{Code: BadAnswer, Cause: fmt.Errorf("panic: %v\n%s", fault, debug.Stack())}
		}
	}()
	return c.service.link.carry(c)
}

func (c *call) finish(outcome string, o resilience.Outcome) {
	if c.ctx.Err() == context.Canceled {
		o = resilience.Ignored // nobody waited for the end, so the end says nothing
	}
	c.permit.Done(o)
	m := c.service.pool.metrics
	m.count(c.service.name, c.req.Operation, outcome)
	m.observe(c.service.name, time.Since(c.begun))
}

// explain is err as the caller is told it. That the call's time is over
// explains whatever else went wrong.
func (c *call) explain(err error) *Error {
	if over := c.ctx.Err(); over != nil {
		return &Error{c.service.name, ended(over), over}
	}
	var known *Error
	if errors.As(err, &known) {
		return &Error{c.service.name, known.Code, known.Cause}
	}
	return &Error{c.service.name, BadAnswer, err}
}

// blame says whether a call without an answer is the service's failure.
func (c *call) blame(code Code) resilience.Outcome {
	switch code {
	case Timeout:
		if !c.fair {
			return resilience.Ignored
		}
		return resilience.Failure
	case Unreachable, BadAnswer:
		return resilience.Failure
	case TooLarge:
		return resilience.Success // it answers; that the answer is too long does not pass with rest
	default:
		return resilience.Ignored
	}
}

// verdict is what a status says about the service's health. 501 is about the
// operation: resting the whole service would not help.
func verdict(status int) resilience.Outcome {
	if status >= 500 && status != http.StatusNotImplemented {
		return resilience.Failure
	}
	return resilience.Success
}

// ended is the code of a context's error.
func ended(err error) Code {
	if errors.Is(err, context.DeadlineExceeded) {
		return Timeout
	}
	return Cancelled
}

// Wait is the answer; see [Pending].
func (c *call) Wait() (*Response, error) {
	if c.done != nil {
		<-c.done
	}
	c.take()
	return c.resp, c.err
}

// Cancel gives the call up; see [Pending].
func (c *call) Cancel() {
	if c.cancel != nil {
		c.cancel()
	}
	c.take()
}

func (c *call) take() {
	if c.taken.CompareAndSwap(false, true) {
		c.service.pool.unfinished.Add(-1)
	}
}
