package aggregation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"time"

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
	Header   http.Header
	Body     []byte // of the request, valid JSON; nil where it has none

	// Repair makes a link that fetches only this part; nil makes none.
	Repair func(part string) string
	// Timing has the time of each part measured.
	Timing bool
}

// Run makes the answer. The error is a [problem.Problem]: a required part could
// not be had, the budget ran out before it was there, or the client has left.
// When Run returns, every call that it has started has ended or is about to:
// the context that it runs in is over. Only an unsafe call that has begun goes on
// to its end within the budget, also when the client leaves.
func (p *Plan) Run(ctx context.Context, in Input) (*Answer, error) {
	return p.run(ctx, in, nil)
}

func (p *Plan) run(ctx context.Context, in Input, send func(Section) error) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, p.budget)
	defer cancel()
	r := newRun(ctx, p, in)
	r.send = send
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
	begun   time.Time
	query   url.Values // of the request, parsed when first used
	values  values     // by slot; nil while not known, or where there is none
	results chan result
	calls   []progress
	parts   []piece
	shown   []byte               // the parts' JSON, in order of arrival
	room    *[]byte              // which shown was made in
	merged  [][]byte             // by member, of those that have several parts; nil while nothing is merged
	found   []projection.Capture // of the pass before
	line    []byte               // where request targets are made
	open    int                  // parts that are not done
	started []int                // calls that nobody waits for yet
	apart   int                  // calls that a goroutine waits for
	fatal   *problem.Problem     // the first required part's that is missing
	send    func(Section) error  // takes members as they are done; nil where nobody does
}

// progress is how far a call is. It is in when one of response, failure and skipped
// is set.
type progress struct {
	waiting  int  // how many of the calls that it waits for are not in
	begun    bool // it was started
	skips    bool // one that it waits for was skipped, and so is this one
	skipped  bool // it was not to be made
	pending  upstream.Pending
	release  func() // of its lifetime
	response *upstream.Response
	failure  *failure
	spans    [][]projection.Span // what joins use of the answer, by capture
	items    *items              // of a call that is made for each element
}

// asked is whether there is an answer that somebody was asked for.
func (p *progress) asked() bool { return p.response != nil && (p.begun || p.items != nil) }

func (p *progress) in() bool { return p.response != nil || p.failure != nil || p.skipped }

// result is what became of a call.
type result struct {
	call     int
	item     int // which request of a call that is made for each element
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
		ctx: ctx, plan: p, in: in, begun: p.env.Now(),
		values:  make(values, len(p.inputs)),
		results: make(chan result, p.room), // a late answer finds room, and nobody waits for it
		calls:   make([]progress, len(p.calls)),
		parts:   make([]piece, len(p.parts)),
		room:    room(),
		open:    len(p.parts),
		started: make([]int, 0, len(p.calls)),
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

// begin starts the calls that wait for no other. What the request alone decides not
// to be made is skipped before: it does not fail with what it would have used.
func (r *run) begin() {
	for i := range r.plan.calls {
		if c := &r.plan.calls[i]; c.when != nil && c.when.early && c.needs >= 0 && !r.calls[i].in() && r.fatal == nil {
			r.decide(i)
		}
	}
	for i := range r.plan.calls {
		if r.fatal == nil && r.plan.calls[i].needs == 0 && !r.calls[i].in() {
			r.start(i)
		}
	}
}

// start begins a call whose inputs are all in. Where there is nothing to ask,
// its answer is null. What the request alone decides is asked again: a call that was
// skipped may be followed by one of which begin has not decided yet.
func (r *run) start(i int) {
	c := &r.plan.calls[i]
	if c.when != nil && !c.when.perItem && !r.decide(i) {
		return
	}
	if c.perItem != nil {
		r.startItems(i)
		return
	}
	req, err := r.request(c)
	if c.unsafe && err == nil {
		err = r.ctx.Err() // which its own context does not tell
	}
	switch {
	case errors.Is(err, errNothingToAsk) && !c.unsafe:
		r.arrive(result{call: i, response: &upstream.Response{Status: http.StatusOK, Body: null}})
	case err != nil:
		r.settle(i, nil, &failure{c.service, problem.From(err)})
	default:
		ctx, release := r.lifetime(c)
		state := &r.calls[i]
		state.begun, state.pending, state.release = true, c.caller.Start(ctx, req), release
		r.started = append(r.started, i)
	}
}

var null = []byte("null")

// next takes in what comes next. Of several calls under way each has a goroutine
// that reads its answer: one that is left in its connection while another is
// awaited could fill that, stand still and miss its deadline.
func (r *run) next() {
	if i, ok := r.here(); ok {
		r.arrive(r.await(i))
		return
	}
	r.readApart()
	select {
	case done := <-r.results:
		r.apart--
		r.arrive(done)
	case <-r.ctx.Done():
		r.expire()
	}
}

// readApart gives each call under way a goroutine that reads its answer.
func (r *run) readApart() {
	for _, i := range r.started {
		go func() { r.results <- r.await(i) }()
	}
	r.apart += len(r.started)
	r.started = r.started[:0]
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
	defer r.calls[i].release()
	done.call = i
	done.response, done.err = wait(r.calls[i].pending)
	return done
}

func wait(pending upstream.Pending) (response *upstream.Response, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic: %v\n%s", fault, debug.Stack())
		}
	}()
	return pending.Wait()
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
		r.calls[i].items.release()
	}
	if r.plan.compose == nil { // which may keep what it was shown
		*r.room = r.shown
		giveBack(r.room)
	}
}

// arrive takes in what a call brought.
func (r *run) arrive(done result) {
	c := &r.plan.calls[done.call]
	if c.perItem != nil {
		r.arriveItem(done)
		return
	}
	response, p := c.judge(done)
	if p == nil {
		if err := r.read(done.call, response); err != nil {
			p = c.nonsense(err)
		}
	}
	if p != nil {
		if response != nil {
			response.Release()
		}
		r.settle(done.call, nil, &failure{c.service, p})
		return
	}
	r.settle(done.call, response, nil)
}

// judge is the answer that can be used, or why there is none.
func (c *call) judge(done result) (*upstream.Response, *problem.Problem) {
	response := done.response
	switch {
	case done.err != nil:
		return nil, c.outcome(done.err)
	case response.Status < 200 || response.Status > 299:
		return response, c.refusal(response)
	case response.Status == http.StatusNoContent:
		return &upstream.Response{Status: response.Status, Header: response.Header, Body: null}, nil
	}
	return response, nil
}

// read shows the parts that are this answer, and takes from it what others use: in
// one pass, unless there are several parts. A part that cannot be shown says nothing
// of what others use. The error is that of an answer of which nothing can be used.
func (r *run) read(i int, response *upstream.Response) error {
	c := &r.plan.calls[i]
	noted := len(c.captures) == 0
	for _, k := range c.direct {
		p := &r.plan.parts[k]
		pass := p.show
		if !noted {
			pass = p.read
		}
		err := r.display(k, pass, response.Body)
		if err == nil && !noted {
			r.note(i, response.Body)
			noted = true
		}
		if err != nil {
			r.parts[k].missing = &failure{c.service, c.nonsense(err)}
		}
	}
	if noted {
		return nil
	}
	found, err := c.read(response.Body, r.found)
	if err == nil {
		r.found = found
		r.note(i, response.Body)
	}
	return err
}

// read reads only a call's captures.
func (c *call) read(body []byte, found []projection.Capture) ([]projection.Capture, error) {
	_, found, err := c.note.Run(nil, body, found[:0])
	return found, err
}

// note takes what others use out of what was found.
func (r *run) note(i int, body []byte) {
	c := &r.plan.calls[i]
	path := 0 // its number in the pass: the whole answer has none
	for k := range c.captures {
		want := &c.captures[k]
		switch {
		case want.path == nil:
			if whole := bytes.TrimSpace(body); !isNull(whole) || r.plan.inputs[want.slot].or == "" {
				r.values[want.slot] = [][]byte{whole}
			}
			continue
		case want.slot >= 0:
			r.values[want.slot] = pick(r.found, path, body, want.most)
		default:
			if r.calls[i].spans == nil {
				r.calls[i].spans = make([][]projection.Span, len(c.captures))
			}
			r.calls[i].spans[k] = spans(r.found, path)
		}
		path++
	}
}

func spans(found []projection.Capture, path int) (list []projection.Span) {
	for _, f := range found {
		if f.Path == path {
			if list == nil {
				list = make([]projection.Span, 0, len(found))
			}
			list = append(list, f.Span)
		}
	}
	return list
}

// pick is the values at a path. It leaves out what is null, what stands in the list
// already and what comes after its bound.
func pick(found []projection.Capture, path int, body []byte, most int) (picked [][]byte) {
	for _, f := range found {
		if f.Path != path {
			continue
		}
		raw := body[f.Span.Start:f.Span.End]
		if isNull(raw) || contains(picked, raw) {
			continue
		}
		if picked = append(picked, raw); len(picked) == most {
			break
		}
	}
	return picked
}

// settle records a call's end, once, and goes on with what has waited for it.
func (r *run) settle(i int, response *upstream.Response, f *failure) {
	state := &r.calls[i]
	if state.in() {
		return
	}
	state.response, state.failure = response, f
	r.tell(i)
}

// skip records that a call is not made, which is no failure.
func (r *run) skip(i int) {
	if !r.calls[i].in() {
		r.calls[i].skipped = true
		r.tell(i)
	}
}

// tell goes on with what has waited for a call that is in.
func (r *run) tell(i int) {
	state := &r.calls[i]
	c := &r.plan.calls[i]
	for _, part := range c.parts {
		r.feed(part, i)
	}
	for _, next := range c.dependents {
		if r.fatal != nil {
			return
		}
		switch {
		case state.failure != nil && next.fails:
			r.settle(next.to, nil, state.failure)
		default:
			r.comes(next, state.skipped && next.skips)
		}
	}
}

// comes counts a call that another has waited for. One that is to be skipped still
// waits for the others, because it fails if one of them does: which of them was faster
// must not decide between the two.
func (r *run) comes(e edge, skips bool) {
	to := &r.calls[e.to]
	to.skips = to.skips || skips
	if to.waiting--; to.waiting > 0 || to.in() {
		return
	}
	if to.skips {
		r.skip(e.to)
	} else {
		r.start(e.to)
	}
}

// expire takes in the answers that are there, and ends every call that is not
// in: the context that they run in is over, so none of them goes on.
func (r *run) expire() {
	for len(r.results) > 0 {
		r.arrive(<-r.results)
	}
	for i := range r.plan.calls {
		c := &r.plan.calls[i]
		if c.needs < 0 || r.calls[i].in() {
			continue
		}
		if r.calls[i].items != nil {
			r.expireItems(i)
			continue
		}
		p := problem.From(r.ctx.Err())
		if c.unsafe && r.calls[i].begun {
			p = unknown(r.ctx.Err())
		}
		r.settle(i, nil, &failure{c.service, p})
	}
}
