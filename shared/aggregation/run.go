package aggregation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/triptych-bff/triptych/shared/identity"
	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/projection"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// Input is what a plan takes from the client's request.
type Input struct {
	Identity *identity.Identity       // nil for an anonymous caller
	Param    func(name string) string // a parameter of the route's path
	RawQuery string
}

// Run makes the answer. The error is a [problem.Problem]: a required part could
// not be had, the budget ran out before it was there, or the client has left.
// When Run returns, every call that it has started has ended or is about to:
// the context that it runs in is over.
func (p *Plan) Run(ctx context.Context, in Input) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, p.budget)
	defer cancel()
	r := newRun(ctx, p, in)
	for i := range p.calls {
		if p.calls[i].needs == 0 {
			r.start(i)
		}
	}
	for r.open > 0 && r.fatal == nil {
		select {
		case done := <-r.results:
			r.arrive(done)
		case <-ctx.Done():
			r.expire(ctx.Err())
		}
	}
	if r.fatal != nil {
		return nil, r.fatal
	}
	return r.answer()
}

// run is the state of one answer in the making. It belongs to one goroutine;
// the others only wait for a call each and send what came.
type run struct {
	ctx      context.Context
	plan     *Plan
	in       Input
	query    url.Values // parsed when first used
	results  chan result
	waiting  []int // for each call: how many of those that it uses are not in
	answers  []*upstream.Response
	failures []*failure // for each call
	captured [][][]byte // for each slot
	masked   []byte     // the parts' JSON, in order of arrival
	spans    []span     // of each part in masked
	missing  []*failure // for each part
	lacking  []int      // for each part: how many of its calls are not in
	open     int        // parts that are neither masked nor missing
	fatal    *problem.Problem
}

type result struct {
	call     int
	response *upstream.Response
	err      error
}

// span is a piece of run.masked; from is after to while there is none.
type span struct{ from, to int }

// failure is why a call has no usable answer.
type failure struct {
	source  string // the service
	problem *problem.Problem
}

func newRun(ctx context.Context, p *Plan, in Input) *run {
	r := &run{
		ctx: ctx, plan: p, in: in,
		results:  make(chan result, len(p.calls)), // a late answer finds room, and nobody waits for it
		waiting:  make([]int, len(p.calls)),
		answers:  make([]*upstream.Response, len(p.calls)),
		failures: make([]*failure, len(p.calls)),
		captured: make([][][]byte, p.captures),
		spans:    make([]span, len(p.parts)),
		missing:  make([]*failure, len(p.parts)),
		lacking:  make([]int, len(p.parts)),
		open:     len(p.parts),
	}
	for i := range p.calls {
		r.waiting[i] = p.calls[i].needs
	}
	for i := range p.parts {
		r.lacking[i] = len(p.parts[i].sources())
		r.spans[i] = span{from: 1}
	}
	return r
}

// start begins a call whose inputs are all in.
func (r *run) start(i int) {
	c := &r.plan.calls[i]
	in, err := r.values(c)
	if errors.Is(err, errNothingToAsk) {
		r.settle(i, &upstream.Response{Status: http.StatusOK, Body: []byte("null")}, nil)
		return
	}
	var req *upstream.Request
	if err == nil {
		req, err = c.bind(in)
	}
	if err != nil {
		r.settle(i, nil, &failure{c.service, problem.From(err)})
		return
	}
	pending := c.caller.Start(r.ctx, req)
	go func() {
		response, err := pending.Wait()
		r.results <- result{i, response, err}
	}()
}

// bind is the request of the call with these values.
func (c *call) bind(in values) (*upstream.Request, error) {
	req := c.request
	if c.fields != nil {
		req.Body = c.fields.appendJSON(nil, c.inputs, in)
		return &req, nil
	}
	path, err := c.path.appendPath(make([]byte, 0, 64), in)
	if err != nil {
		return nil, err
	}
	query, err := appendQuery(nil, c.query, in)
	if err != nil {
		return nil, err
	}
	req.Path, req.Query = string(path), string(query)
	return &req, nil
}

// errNothingToAsk says that a list of values is empty: the call is not made,
// and its answer is null.
var errNothingToAsk = errors.New("empty list")

// values gathers a call's inputs.
func (r *run) values(c *call) (values, error) {
	in := make(values, len(c.inputs))
	for i := range c.inputs {
		list, err := r.value(&c.inputs[i])
		if err != nil {
			return nil, err
		}
		in[i] = list
	}
	return in, nil
}

func (r *run) value(in *input) ([][]byte, error) {
	v := in.value
	switch v.kind {
	case claimValue:
		return r.claim(in)
	case pathValue:
		return quoted(r.in.Param(v.name))
	case queryValue:
		if r.query == nil {
			r.query, _ = url.ParseQuery(r.in.RawQuery) // what is malformed is as good as absent
		}
		if !r.query.Has(v.name) {
			p := problem.BadRequest.New("a query parameter is missing")
			p.Fields = []problem.Field{{Pointer: "?" + v.name, Detail: "is required"}}
			return nil, p
		}
		return quoted(r.query.Get(v.name))
	case eachValue:
		if len(r.captured[in.capture]) == 0 {
			return nil, errNothingToAsk
		}
	default:
		if len(r.captured[in.capture]) == 0 {
			return nil, problem.BadUpstream.Wrap(fmt.Errorf("%s has no %s", v.call.place(), v.path), "")
		}
	}
	return r.captured[in.capture], nil
}

func (r *run) claim(in *input) ([][]byte, error) {
	if r.in.Identity == nil {
		return nil, problem.Unauthenticated.New("this needs a caller")
	}
	found, err := in.claim.Append(nil, r.in.Identity.Claims)
	if err != nil || len(found) == 0 || isNull(found[0]) {
		return nil, problem.Forbidden.Wrap(err, "the token has no claim "+in.value.name)
	}
	return found[:1], nil
}

func quoted(s string) ([][]byte, error) {
	b, err := json.Marshal(s)
	return [][]byte{b}, err
}

func isNull(raw []byte) bool { return string(raw) == "null" }

// arrive takes in what a call brought.
func (r *run) arrive(done result) {
	c := &r.plan.calls[done.call]
	switch {
	case done.err != nil:
		r.settle(done.call, nil, &failure{c.service, upstream.Problem(done.err)})
	case done.response.Status < 200 || done.response.Status > 299:
		r.settle(done.call, nil, &failure{c.service, statusProblem(done.response)})
	default:
		if err := r.capture(c, done.response.Body); err != nil {
			r.settle(done.call, nil, &failure{c.service, problem.BadUpstream.Wrap(err, "")})
			return
		}
		r.settle(done.call, done.response, nil)
	}
}

// capture reads what other calls use of an answer.
func (r *run) capture(c *call, body []byte) error {
	for _, want := range c.captures {
		found, err := want.path.Append(nil, body)
		if err != nil {
			return err
		}
		r.captured[want.slot] = want.pick(found)
	}
	return nil
}

// pick leaves out what is null and, in a list, what stands in it already or
// comes after its bound.
func (c *capture) pick(found [][]byte) [][]byte {
	bound := 1
	if c.each {
		bound = c.max
	}
	picked := found[:0]
	for _, raw := range found {
		if len(picked) == bound {
			break
		}
		if !isNull(raw) && !contains(picked, raw) {
			picked = append(picked, raw)
		}
	}
	return picked
}

func contains(list [][]byte, raw []byte) bool {
	for _, have := range list {
		if bytes.Equal(have, raw) {
			return true
		}
	}
	return false
}

// settle records a call's end, and goes on with what has waited for it.
func (r *run) settle(i int, response *upstream.Response, f *failure) {
	if r.answers[i] != nil || r.failures[i] != nil {
		return
	}
	r.answers[i], r.failures[i] = response, f
	c := &r.plan.calls[i]
	for _, part := range c.parts {
		r.feed(part, f)
	}
	for _, next := range c.dependents {
		if r.fatal != nil {
			return
		}
		if f != nil {
			r.settle(next, nil, f)
		} else if r.waiting[next]--; r.waiting[next] == 0 {
			r.start(next)
		}
	}
}

// feed tells a part that one of its calls is in.
func (r *run) feed(i int, f *failure) {
	if r.missing[i] != nil {
		return
	}
	if r.lacking[i]--; f == nil && r.lacking[i] > 0 {
		return
	}
	if f == nil {
		f = r.mask(i)
	}
	r.open--
	if f == nil {
		return
	}
	r.missing[i] = f
	if p := &r.plan.parts[i]; !p.omit {
		r.fatal = f.fatal(p.name)
	}
}

// fatal is the failure as the answer to the client.
func (f *failure) fatal(part string) *problem.Problem {
	p := *f.problem
	p.Cause = fmt.Errorf("part %s from %s: %w", part, f.source, f.problem)
	if p.Detail == "" {
		p.Detail = fmt.Sprintf("%s could not be had from %s", part, f.source)
	}
	return &p
}

// mask writes a part's JSON behind those that are already there.
func (r *run) mask(i int) *failure {
	p := &r.plan.parts[i]
	c := &r.plan.calls[p.call]
	from := len(r.masked)
	src, err := r.answers[p.call].Body, error(nil)
	if p.join != nil {
		src, err = p.join.apply(src, r.answers[p.join.from].Body)
	}
	switch {
	case err != nil:
	case p.mask != nil:
		r.masked, err = p.mask.Project(r.masked, src)
	default:
		if err = projection.Valid(src); err == nil {
			r.masked = append(r.masked, src...)
		}
	}
	if err != nil {
		return &failure{c.service, problem.BadUpstream.Wrap(err, "")}
	}
	r.spans[i] = span{from, len(r.masked)}
	return nil
}

// part is the JSON of a part, or nil.
func (r *run) part(i int) []byte {
	if s := r.spans[i]; s.from <= s.to {
		return r.masked[s.from:s.to:s.to]
	}
	return nil
}

// expire ends every call that is not in. The context that they run in is over,
// so none of them goes on.
func (r *run) expire(err error) {
	for i := range r.plan.calls {
		r.settle(i, nil, &failure{r.plan.calls[i].service, problem.From(err)})
	}
	if errors.Is(err, context.Canceled) {
		r.fatal = problem.From(err)
	}
}

// statusProblem is what a service's refusal means to the client. What a service
// says of our request to it is not the client's business, but that a thing does
// not exist or is not allowed is.
func statusProblem(response *upstream.Response) *problem.Problem {
	cause := fmt.Errorf("status %d %s", response.Status, response.Detail)
	switch response.Status {
	case http.StatusNotFound, http.StatusGone:
		return problem.NotFound.Wrap(cause, "")
	case http.StatusForbidden:
		return problem.Forbidden.Wrap(cause, "")
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return problem.Overloaded.Wrap(cause, "")
	case http.StatusGatewayTimeout:
		return problem.UpstreamTimeout.Wrap(cause, "")
	default:
		return problem.BadUpstream.Wrap(cause, "")
	}
}
