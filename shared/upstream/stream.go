package upstream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/triptych-bff/triptych/shared/http1"
	"github.com/triptych-bff/triptych/shared/resilience"
	"github.com/triptych-bff/triptych/shared/telemetry"
)

// An Outgoing is an HTTP request that is passed through.
type Outgoing struct {
	Method string
	Path   string       // escaped and canonical; the service's prefix is put before it
	Query  string       // encoded, without the question mark
	Header http1.Fields // none of the connection's; Open takes it over

	// At most one of Whole and Body is set.
	Whole  []byte    // a short body, which nobody changes any more
	Body   io.Reader // one that is read while it is sent, perhaps even when the stream was closed
	Length int64     // of Body; negative where nobody knows

	Upgrade string // the protocol that is asked for, if any (RFC 9110 §7.8)
}

// A Stream is an HTTP answer that is passed through. Its body, of any length, is
// read by whoever receives it, and it is closed, once. All its methods are for
// one goroutine.
type Stream struct {
	Status int
	Header http1.Fields
	Length int64 // of the body as announced; negative where nobody knows

	body      body
	service   *Service
	operation string
	begun     time.Time
	client    context.Context // the context of whom the exchange is for
	permit    *resilience.Permit
	settled   bool // the breaker knows
	over      bool
}

// Open passes an exchange through, up to the head of the answer. Interim answers
// are given to inform, if any. The service's own headers and the trace are put
// into the request here.
//
// The head must come within Timeout after the request was sent, and the body
// must not pause for longer than Stall while it is being read. The breaker
// learns the outcome at the body's end; of an event stream or another protocol,
// which have no end, at the head. A body that is closed early says nothing.
//
// Errors are of type [*Error]; that of the request's own body is inside of one.
func (s *Service) Open(ctx context.Context, out *Outgoing, inform func(*http1.Head)) (*Stream, error) {
	s.pool.unfinished.Add(1)
	exchange := telemetry.FromContext(ctx)
	x := &Stream{service: s, begun: time.Now(), operation: exchange.Route, client: ctx}
	if err := s.admitStream(out, x); err != nil {
		x.fail(err)
		return nil, err
	}
	if err := x.open(s.request(out, &exchange.Trace), inform); err != nil {
		failed := x.explain(err)
		x.fail(failed)
		return nil, failed
	}
	x.answered()
	return x, nil
}

// A body is one that is read while it comes.
type body interface {
	Next() ([]byte, error)
	Ended() bool
	Waits() bool
	Trailer() http1.Fields
	Tunnel() io.ReadWriter
	Keep()
	Close()
}

func (x *Stream) open(r *http1.Request, inform func(*http1.Head)) error {
	c := &x.service.config
	patience := http1.Patience{Head: c.Timeout, Stall: c.Stall}
	if carrier, ok := x.service.link.carrier.(*netCarrier); ok {
		r.Fields = append(r.Fields, x.service.static...)
		x.service.link.acquire()
		answer, err := carrier.open(x.client, r, patience)
		if err != nil {
			x.service.link.release()
		} else {
			x.body, x.Status, x.Header, x.Length = answer, answer.resp.StatusCode, headerLines(answer.resp.Header), answer.resp.ContentLength
		}
		return err
	}
	answer, err := x.service.link.client.Open(x.client, r, patience, inform)
	if err == nil {
		x.body, x.Status, x.Header, x.Length = answer, answer.Head.Status, answer.Head.Fields, answer.Head.Length
	}
	return err
}

func (s *Service) admitStream(out *Outgoing, x *Stream) *Error {
	if s.IsGRPC() {
		return s.refuse(BadRequest, errors.New("a gRPC service takes no HTTP requests"))
	}
	if err := checkStream(out); err != nil {
		return s.refuse(BadRequest, err)
	}
	permit, err := s.guard.Allow()
	if err != nil {
		return s.refuse(BreakerOpen, err)
	}
	x.permit = permit
	return nil
}

func checkStream(out *Outgoing) error {
	if err := checkPath(out.Path); err != nil {
		return err
	}
	if err := checkQuery(out.Query); err != nil {
		return err
	}
	for _, f := range out.Header {
		if !httpguts.ValidHeaderFieldName(f.Name) {
			return errors.New("a header's name is malformed")
		}
		if !httpguts.ValidHeaderFieldValue(f.Value) {
			return errors.New("a header's value is malformed")
		}
	}
	return nil
}

func (s *Service) request(out *Outgoing, trace *telemetry.Trace) *http1.Request {
	header := out.Header[:0]
	for _, f := range out.Header {
		if !s.sets(f.Name) && (!names(f.Name) || f.Is("X-Request-Id")) {
			header = append(header, f)
		}
	}
	return &http1.Request{
		Method: out.Method, Host: s.link.target.address, Target: requestTarget(s.prefix, out.Path, out.Query),
		Lines: s.streamLines, Fields: appendTrace(header, trace),
		Body: out.Whole, Stream: out.Body, Length: out.Length, Upgrade: out.Upgrade,
	}
}

// answered tells of the head: from here on the answer's reader has it.
func (x *Stream) answered() {
	x.observe(class(x.Status))
	switch outcome := verdict(x.Status); {
	case outcome == resilience.Failure, x.Status == http.StatusSwitchingProtocols, endless(x.Header):
		x.settle(outcome)
	}
	if x.body.Ended() {
		x.end(verdict(x.Status))
	}
}

func endless(h http1.Fields) bool {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.EqualFold(strings.Trim(kind, " \t"), "text/event-stream")
}

// explain is why there is no answer, or no more of it.
func (x *Stream) explain(err error) *Error {
	var own *http1.BodyError
	name := x.service.name
	switch over := x.client.Err(); {
	case over != nil:
		return &Error{Service: name, Code: ended(over), Cause: over}
	case errors.As(err, &own):
		return &Error{Service: name, Code: Cancelled, Cause: own.Err} // whoever sent the request did not finish it
	}
	failed := transportError(err)
	return &Error{Service: name, Code: failed.Code, Cause: failed.Cause, Unsent: failed.Unsent}
}

// fail ends an exchange that has no answer.
func (x *Stream) fail(err *Error) {
	x.observe(err.Code.outcome())
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

func (x *Stream) observe(o outcome) {
	operation := x.operation
	if operation == "" {
		operation = "stream"
	}
	x.service.metrics.count(operation, o)
	if x.permit != nil {
		x.service.metrics.observe(time.Since(x.begun))
	}
}

// settle tells the breaker, once.
func (x *Stream) settle(o resilience.Outcome) {
	if x.permit != nil && !x.settled {
		x.settled = true
		x.permit.Done(o)
	}
}

// end is the exchange's end, once.
func (x *Stream) end(o resilience.Outcome) {
	if !x.over {
		x.over = true
		x.settle(o)
		if _, ok := x.body.(*netStream); ok {
			x.service.link.release()
		}
		x.service.pool.unfinished.Add(-1)
	}
}

// Ended is whether the whole body was returned.
func (x *Stream) Ended() bool { return x.body.Ended() }

// Waits is whether Next has to wait for the service, or fails.
func (x *Stream) Waits() bool { return x.body.Waits() }

// Next is the next piece of the body, valid until the next call. At its end the
// error is [io.EOF], and otherwise an [*Error]. It is timed only while it waits
// for the service: how slowly the receiver takes what was read is not its fault.
func (x *Stream) Next() ([]byte, error) {
	piece, err := x.body.Next()
	if err != nil && !errors.Is(err, io.EOF) {
		failed := x.explain(err)
		x.end(blameStream(failed.Code))
		return nil, failed
	}
	if x.body.Ended() {
		x.end(verdict(x.Status))
	}
	return piece, err
}

// Trailer is what stood behind the body, once it has ended.
func (x *Stream) Trailer() http1.Fields { return x.body.Trailer() }

// Tunnel is the connection behind an answer 101. It lasts as long as the stream:
// whoever sees its end closes that. It may be silent for Stall. Any goroutine may
// read, and any may write.
func (x *Stream) Tunnel() io.ReadWriter { return tunnel{x, x.body.Tunnel()} }

type tunnel struct {
	stream *Stream
	both   io.ReadWriter
}

func (t tunnel) Read(p []byte) (int, error) {
	n, err := t.both.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = t.stream.explain(err)
	}
	return n, err
}

func (t tunnel) Write(p []byte) (int, error) {
	n, err := t.both.Write(p)
	if err != nil {
		err = t.stream.explain(err)
	}
	return n, err
}

// Keep leaves the piece that Next has returned last to whoever has it, and ends the
// body: for a writer that failed and may still look at what it was given.
func (x *Stream) Keep() { x.body.Keep() }

// Close gives up what was not read.
func (x *Stream) Close() {
	x.end(resilience.Ignored)
	x.body.Close()
}
