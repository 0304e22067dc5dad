package aggregation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/triptych-bff/triptych/shared/identity"
	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/projection"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// Input is what a plan takes from the client's request.
type Input struct {
	Identity *identity.Identity       // nil for an anonymous caller
	Param    func(name string) string // a parameter of the route's path; nil where the route has none
	RawQuery string
	Body     []byte // of the request, valid JSON; nil where it has none
}

// Run makes the answer. The error is a [problem.Problem]: a required part could
// not be had, the budget ran out before it was there, or the client has left.
// When Run returns, every call that it has started has ended or is about to:
// the context that it runs in is over. Only an unsafe call that has begun goes on
// to its end within the budget, also when the client leaves.
func (p *Plan) Run(ctx context.Context, in Input) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, p.budget)
	defer cancel()
	r := newRun(ctx, p, in)
	defer r.end()
	r.begin()
	for r.open > 0 && r.fatal == nil {
		r.next()
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return nil, problem.ClientClosed.Wrap(ctx.Err(), "")
	case r.fatal != nil:
		return nil, r.fatal
	}
	return r.answer()
}

// run is the state of one answer in the making. It belongs to one goroutine;
// the others only wait for a call each and send what came.
type run struct {
	ctx     context.Context
	plan    *Plan
	in      Input
	query   url.Values // of the request, parsed when first used
	values  values     // by slot; nil while not known, or where there is none
	results chan result
	calls   []progress
	parts   []piece
	shown   []byte           // the parts' JSON, in order of arrival
	room    *[]byte          // which shown was made in
	open    int              // parts that are neither in shown nor missing
	started []int            // calls that nobody waits for yet
	apart   int              // calls that a goroutine waits for
	fatal   *problem.Problem // the first required part's that is missing
}

// progress is how far a call is.
type progress struct {
	waiting  int  // how many of the calls that it waits for are not in
	begun    bool // it was started
	pending  upstream.Pending
	release  func() // of its lifetime
	response *upstream.Response
	failure  *failure // one of the two is set when the call is in
}

// piece is how far a part is: it is in run.shown when it lacks nothing and is
// not missing.
type piece struct {
	lacking  int // how many of its calls are not in
	missing  *failure
	from, to int // where in run.shown
}

// result is what became of a call.
type result struct {
	call     int
	response *upstream.Response
	err      error
}

// failure is why a call has no usable answer.
type failure struct {
	source  string // the service
	problem *problem.Problem
}

func newRun(ctx context.Context, p *Plan, in Input) *run {
	r := &run{
		ctx: ctx, plan: p, in: in,
		values:  make(values, len(p.inputs)),
		results: make(chan result, len(p.calls)), // a late answer finds room, and nobody waits for it
		calls:   make([]progress, len(p.calls)),
		parts:   make([]piece, len(p.parts)),
		room:    room(),
		open:    len(p.parts),
	}
	r.shown = *r.room
	for i := range p.calls {
		r.calls[i].waiting = p.calls[i].needs
	}
	for i := range p.parts {
		r.parts[i].lacking = p.parts[i].waits
	}
	return r
}

// begin starts the calls that wait for no other.
func (r *run) begin() {
	for i := range r.plan.calls {
		if r.fatal == nil && r.plan.calls[i].needs == 0 {
			r.start(i)
		}
	}
}

// start begins a call whose inputs are all in. Where there is nothing to ask,
// its answer is null.
func (r *run) start(i int) {
	c := &r.plan.calls[i]
	req, err := r.request(c)
	if c.unsafe && err == nil {
		err = r.ctx.Err() // which its own context does not tell
	}
	switch {
	case errors.Is(err, errNothingToAsk) && !c.unsafe:
		r.settle(i, &upstream.Response{Status: http.StatusOK, Body: []byte("null")}, nil)
	case err != nil:
		r.settle(i, nil, &failure{c.service, problem.From(err)})
	default:
		ctx, release := r.lifetime(c)
		state := &r.calls[i]
		state.begun, state.pending, state.release = true, c.caller.Start(ctx, req), release
		r.started = append(r.started, i)
	}
}

// next takes in what comes next. Of several calls under way each has a goroutine
// that reads its answer: one that is left in its connection while another is
// awaited could fill that, stand still and miss its deadline.
func (r *run) next() {
	if i, ok := r.here(); ok {
		r.arrive(r.await(i))
		return
	}
	for _, i := range r.started {
		go func() { r.results <- r.await(i) }()
	}
	r.apart += len(r.started)
	r.started = r.started[:0]
	select {
	case done := <-r.results:
		r.apart--
		r.arrive(done)
	case <-r.ctx.Done():
		r.expire()
	}
}

// here takes a call that needs no goroutine: it is in, or the only one under way.
// A change goes on when the client has left, and the answer does not wait for it.
func (r *run) here() (call int, ok bool) {
	alone := r.apart == 0 && len(r.started) == 1
	for at, i := range r.started {
		if r.calls[i].pending.Ready() || alone && !r.plan.calls[i].unsafe {
			r.started = slices.Delete(r.started, at, at+1)
			return i, true
		}
	}
	return 0, false
}

// await waits for a call. A panic while an answer is decoded ends the call, not
// the process.
func (r *run) await(i int) (done result) {
	done.call = i
	defer r.calls[i].release()
	defer func() {
		if fault := recover(); fault != nil {
			done.err = fmt.Errorf("panic: %v\n%s", fault, debug.Stack())
		}
	}()
	done.response, done.err = r.calls[i].pending.Wait()
	return done
}

// end gives up what was started and not waited for, and gives back the memory of
// the answers, of which nothing is used any more.
func (r *run) end() {
	for _, i := range r.started {
		r.calls[i].pending.Cancel()
		r.calls[i].release()
	}
	for i := range r.calls {
		if response := r.calls[i].response; response != nil {
			response.Release()
		}
	}
	if r.plan.compose == nil { // which may keep what it was shown
		*r.room = r.shown
		giveBack(r.room)
	}
}

// request is the call with its values.
func (r *run) request(c *call) (*upstream.Request, error) {
	for _, slot := range c.inputs {
		if err := r.need(slot); err != nil {
			return nil, err
		}
	}
	req := c.request
	if c.fields != nil {
		req.Body = c.fields.appendJSON(make([]byte, 0, 128), r.values)
	}
	if c.request.RPC != nil {
		return &req, nil
	}
	target, err := c.path.appendPath(make([]byte, 0, 128), r.values, r.plan.inputs)
	if err != nil {
		return nil, err
	}
	path := len(target)
	if target, err = appendQuery(target, c.query, r.values, r.plan.inputs); err != nil {
		return nil, err
	}
	text := string(target)
	req.Path, req.Query = text[:path], text[path:]
	return &req, nil
}

// errNothingToAsk says that a list of values is empty. A change of nothing is
// refused: whoever asked for it expects something else.
var errNothingToAsk = problem.BadRequest.New("There is nothing to do.")

// need has a value ready in its slot: what comes from an answer is there, and
// what comes from the request is read when it is first needed.
func (r *run) need(slot int) (err error) {
	in := &r.plan.inputs[slot]
	switch {
	case len(r.values[slot]) > 0:
	case in.kind == claimValue:
		r.values[slot], err = r.claim(in)
	case in.kind == pathValue:
		r.values[slot], err = quoted(r.in.Param(in.name))
	case in.kind == queryValue:
		r.values[slot], err = r.parameter(in.name)
	case in.kind == bodyValue:
		r.values[slot], err = r.fromBody(in)
	case in.kind == eachValue:
		err = errNothingToAsk
	default:
		err = problem.BadUpstream.Wrap(fmt.Errorf("%s has no %s", in.call.place(), in.path), "")
	}
	return err
}

func (r *run) claim(in *input) ([][]byte, error) {
	if r.in.Identity == nil {
		return nil, problem.Unauthenticated.New("this needs a caller")
	}
	found, err := in.at.Append(nil, r.in.Identity.Claims)
	if err != nil || len(found) == 0 || isNull(found[0]) {
		return nil, problem.Forbidden.Wrap(err, "the token has no claim "+in.name)
	}
	return found[:1], nil
}

func (r *run) parameter(name string) ([][]byte, error) {
	if r.query == nil {
		r.query, _ = url.ParseQuery(r.in.RawQuery) // what is malformed is as good as absent
	}
	if !r.query.Has(name) {
		p := problem.BadRequest.New("a query parameter is missing")
		p.Fields = []problem.Field{{Pointer: "?" + name, Detail: "is required"}}
		return nil, p
	}
	return quoted(r.query.Get(name))
}

// fromBody is a value of the request's body.
func (r *run) fromBody(in *input) ([][]byte, error) {
	found, err := in.at.Append(nil, r.in.Body)
	detail := ""
	switch {
	case err != nil:
		detail = "cannot be read"
	case len(found) == 0 || isNull(found[0]):
		detail = "is required"
	case found[0][0] == '{' || found[0][0] == '[':
		detail = "must be a string, a number or a boolean"
	default:
		return found[:1], nil
	}
	p := problem.BadRequest.Wrap(err, "a value of the body cannot be used")
	p.Fields = []problem.Field{{Pointer: "/" + pointer.Replace(in.path), Detail: detail}}
	return nil, p
}

// pointer turns a path into a JSON Pointer (RFC 6901).
var pointer = strings.NewReplacer(".", "/", "[", "/", "]", "")

func quoted(s string) ([][]byte, error) {
	b, err := json.Marshal(s)
	return [][]byte{b}, err
}

func isNull(raw []byte) bool { return string(raw) == "null" }

// arrive takes in what a call brought.
func (r *run) arrive(done result) {
	c := &r.plan.calls[done.call]
	response, p := done.response, (*problem.Problem)(nil)
	switch {
	case done.err != nil:
		p = c.outcome(done.err)
	case response.Status < 200 || response.Status > 299:
		p = c.refusal(response)
	case response.Status == http.StatusNoContent:
		response = &upstream.Response{Status: response.Status, Body: []byte("null")}
	}
	if p == nil {
		if err := r.capture(c, response.Body); err != nil {
			p = c.nonsense(err)
		}
	}
	if p != nil {
		r.settle(done.call, nil, &failure{c.service, p})
		return
	}
	r.settle(done.call, response, nil)
}

// capture reads what other calls use of an answer.
func (r *run) capture(c *call, body []byte) error {
	for _, want := range c.captures {
		found, err := want.path.Append(nil, body)
		if err != nil {
			return err
		}
		r.values[want.slot] = pick(found, want.most)
	}
	return nil
}

// pick leaves out what is null, what stands in the list already and what comes
// after its bound.
func pick(found [][]byte, most int) [][]byte {
	picked := found[:0]
	for _, raw := range found {
		if len(picked) == most {
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

// settle records a call's end, once, and goes on with what has waited for it.
func (r *run) settle(i int, response *upstream.Response, f *failure) {
	state := &r.calls[i]
	if state.response != nil || state.failure != nil {
		return
	}
	state.response, state.failure = response, f
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
		} else if r.calls[next].waiting--; r.calls[next].waiting == 0 {
			r.start(next)
		}
	}
}

// feed tells a part that one of its calls is in. The first required part that is
// missing decides what the client is told.
func (r *run) feed(i int, f *failure) {
	part := &r.parts[i]
	part.lacking--
	if part.missing != nil || f == nil && part.lacking > 0 {
		return
	}
	if f == nil {
		f = r.show(i)
	}
	r.open--
	part.missing = f
	if p := &r.plan.parts[i]; f != nil && !p.omit && r.fatal == nil {
		r.fatal = f.fatal(p.name)
	}
}

// fatal is the failure as the answer to the client.
func (f *failure) fatal(part string) *problem.Problem {
	p := *f.problem
	p.Cause = f.cause(part)
	if p.Detail == "" {
		p.Detail = fmt.Sprintf("%s could not be had from %s", part, f.source)
	}
	return &p
}

// cause is why the part is missing, for the operator.
func (f *failure) cause(part string) error {
	why := f.problem.Cause
	if why == nil {
		why = f.problem
	}
	return fmt.Errorf("part %s from %s: %w", part, f.source, why)
}

// show writes a part's JSON behind those that are already there. Null is shown
// as null, whatever the mask selects.
func (r *run) show(i int) *failure {
	p := &r.plan.parts[i]
	src, err := r.calls[p.call].response.Body, error(nil)
	if p.join != nil {
		src, err = p.join.apply(src, r.calls[p.join.from].response.Body)
	}
	from := len(r.shown)
	switch {
	case err != nil:
	case p.mask != nil && !isNull(bytes.TrimSpace(src)):
		r.shown, err = p.mask.Project(r.shown, src)
	default:
		if err = projection.Valid(src); err == nil {
			r.shown = append(r.shown, src...)
		}
	}
	if err != nil {
		c := &r.plan.calls[p.call]
		if p.join != nil && r.plan.calls[p.join.from].unsafe {
			c = &r.plan.calls[p.join.from]
		}
		return &failure{c.service, c.nonsense(err)}
	}
	r.parts[i].from, r.parts[i].to = from, len(r.shown)
	return nil
}

// expire takes in the answers that are there, and ends every call that is not
// in: the context that they run in is over, so none of them goes on.
func (r *run) expire() {
	for len(r.results) > 0 {
		r.arrive(<-r.results)
	}
	for i := range r.plan.calls {
		c := &r.plan.calls[i]
		p := problem.From(r.ctx.Err())
		if c.unsafe && r.calls[i].begun {
			p = unknown(r.ctx.Err())
		}
		r.settle(i, nil, &failure{c.service, p})
	}
}
