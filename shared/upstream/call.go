package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/triptych-bff/triptych/shared/http1"
	"github.com/triptych-bff/triptych/shared/resilience"
	"github.com/triptych-bff/triptych/shared/telemetry"
)

// fairShare says which part of its own time-out a call must have had for a
// timeout to count against the service.
const fairShare = 4

// A call is one call under way. Over HTTP/1.1 it is the waiter that reads the
// answer. Other carriers have a goroutine, and end when they are done: what the
// caller does meanwhile only decides whether anybody reads the result.
type call struct {
	service  *Service
	req      *Request
	begun    time.Time
	deadline time.Time
	ctx      context.Context
	permit   *resilience.Permit
	fair     bool // it had time enough for a timeout to be the service's fault

	id    string // of the request that this call serves; empty where it has none
	trace telemetry.Trace

	exchange *http1.Exchange // HTTP/1.1
	request  http1.Request
	fields   [5]http1.Field // room for what most requests have

	cancel    context.CancelFunc // of other carriers
	done      chan struct{}
	abandoned bool // nobody waited for the end, so the end says nothing

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
	c.ctx, c.deadline, c.fair = ctx, c.begun.Add(own), true
	if theirs, ok := ctx.Deadline(); ok && theirs.Before(c.deadline) {
		c.deadline = theirs
		c.fair = theirs.Sub(c.begun) >= own/fairShare
	}
}

// note takes along what names the request. The exchange is not read later: it
// belongs to the goroutine that serves the request.
func (c *call) note(x *telemetry.Exchange) {
	c.trace = x.Trace
	if printable(x.ID) {
		c.id = x.ID
	}
}

// names appends what names the request to the service.
func (c *call) names(h http1.Fields) http1.Fields {
	h = appendTrace(h, &c.trace)
	if c.id != "" {
		h = append(h, http1.Field{Name: "X-Request-Id", Value: c.id})
	}
	return h
}

func appendTrace(h http1.Fields, t *telemetry.Trace) http1.Fields {
	if t.ID == [16]byte{} {
		return h
	}
	h = append(h, http1.Field{Name: "Traceparent", Value: t.Parent()})
	if t.State != "" {
		h = append(h, http1.Field{Name: "Tracestate", Value: t.State})
	}
	return h
}

// start sends the request over HTTP/1.1.
func (c *call) start(client *http1.Client) {
	s := c.service
	c.request = http1.Request{
		Method: c.req.Method, Host: s.link.target.address, Target: requestTarget(s.prefix, c.req.Path, c.req.Query),
		Lines: s.callLines, Fields: c.header(), Body: c.req.Body,
	}
	c.exchange = client.Start(c.ctx, c.deadline, &c.request)
}

// requestTarget is sent as it is: escaping it again could only change it.
func requestTarget(prefix, path, query string) string {
	if query == "" {
		return prefix + path
	}
	return prefix + path + "?" + query
}

// header is the caller's, less what the service's own and the request's names
// stand for, and how long the answer is waited for, as of now.
func (c *call) header() http1.Fields {
	h := http1.Fields(c.fields[:0])
	for _, f := range c.req.Header {
		if !c.service.sets(f.Name) && !names(f.Name) {
			h = append(h, f)
		}
	}
	if name := c.service.config.DeadlineHeader; name != "" {
		left := max(time.Until(c.deadline), 0)
		h = append(h, http1.Field{Name: name, Value: strconv.FormatInt(left.Milliseconds(), 10)})
	}
	return c.names(h)
}

func names(header string) bool {
	switch len(header) {
	case len("Tracestate"):
		return strings.EqualFold(header, "Tracestate")
	case len("Traceparent"):
		return strings.EqualFold(header, "Traceparent")
	case len("X-Request-Id"):
		return strings.EqualFold(header, "X-Request-Id")
	}
	return false
}

// receive reads the answer over HTTP/1.1.
func (c *call) receive() {
	answer, err := c.exchange.Wait(int(c.service.config.MaxResponse))
	if err == nil {
		if coding := answer.Fields.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
			answer.Release()
			err = errCoded
		}
	}
	if err != nil {
		c.fail(err)
		return
	}
	c.resp = &Response{Status: answer.Status, Header: answer.Fields, answer: answer}
	if len(answer.Body) > 0 {
		c.resp.Body = answer.Body
	}
	c.finish(class(answer.Status), verdict(answer.Status))
}

var errCoded = errors.New("the answer has a content coding that was not asked for")

// run has another carrier carry the call.
func (c *call) run(ctx context.Context) {
	defer close(c.done)
	defer c.service.link.release()
	defer c.cancel()
	resp, err := c.carry(ctx)
	if err != nil {
		c.fail(err)
		return
	}
	c.resp = resp
	c.finish(class(resp.Status), verdict(resp.Status))
}

// carry keeps a fault in decoding one answer from ending the process.
func (c *call) carry(ctx context.Context) (resp *Response, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = &Error{Code: BadAnswer, Cause: fmt.Errorf("panic: %v\n%s", fault, debug.Stack())}
		}
	}()
	resp, err = c.service.link.carrier.carry(ctx, c)
	over := ctx.Err()
	c.abandoned = over == context.Canceled
	if err != nil && over != nil {
		return nil, &Error{Code: ended(over), Cause: over}
	}
	return resp, err
}

func (c *call) fail(err error) {
	failed := c.explain(err)
	c.err = failed
	c.finish(failed.Code.outcome(), c.blame(failed.Code))
}

func (c *call) finish(o outcome, r resilience.Outcome) {
	if c.abandoned || c.ctx.Err() == context.Canceled {
		r = resilience.Ignored
	}
	c.permit.Done(r)
	c.service.metrics.count(c.req.Operation, o)
	c.service.metrics.observe(time.Since(c.begun))
}

// explain is err as the caller is told it. That the call's time is over
// explains whatever else went wrong.
func (c *call) explain(err error) *Error {
	failed := transportError(err)
	e := &Error{Service: c.service.name, Code: failed.Code, Cause: failed.Cause, Unsent: failed.Unsent}
	if over := c.ctx.Err(); over != nil {
		e.Code, e.Cause = ended(over), over
	} else if failed.Code == Unreachable && !time.Now().Before(c.deadline) {
		e.Code = Timeout
	}
	return e
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
	switch {
	case c.exchange != nil:
		c.receive()
	case c.done != nil:
		<-c.done
	}
	c.take()
	return c.resp, c.err
}

// Ready is whether there is nothing to wait for; see [Pending]. What has come
// over HTTP/1.1 nobody knows before it is read.
func (c *call) Ready() bool {
	if c.done == nil {
		return c.exchange == nil
	}
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// Cancel gives the call up; see [Pending].
func (c *call) Cancel() {
	switch {
	case c.exchange != nil:
		c.exchange.Cancel()
		c.finish(cancelled, resilience.Ignored)
	case c.cancel != nil:
		c.cancel()
	}
	c.take()
}

func (c *call) take() {
	if c.taken.CompareAndSwap(false, true) {
		c.service.pool.unfinished.Add(-1)
	}
}
