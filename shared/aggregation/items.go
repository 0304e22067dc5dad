package aggregation

import (
	"errors"
	"net/http"

	"github.com/triptych-bff/triptych/shared/httpcache"
	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/projection"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// items is how far a call is that is made for each element of a list.
type items struct {
	asked    []int // by element, which request is its; -1 for none
	requests []*upstream.Request
	answers  []itemAnswer // by request
	next     int          // of the requests, the first that was not started
	running  int
	open     int // requests that are not in
}

type itemAnswer struct {
	response *upstream.Response
	failure  *failure
}

// release gives the answers' memory back.
func (it *items) release() {
	if it == nil {
		return
	}
	for i := range it.answers {
		if response := it.answers[i].response; response != nil {
			response.Release()
		}
	}
}

// startItems makes the requests, equal ones once, and starts the first of them. An
// element that lacks a value of its request has none.
func (r *run) startItems(i int) {
	c := &r.plan.calls[i]
	if err := r.shared(c); err != nil {
		r.refuseItems(i, err)
		return
	}
	body, list := r.calls[c.perItem.of].response.Body, []projection.Span(nil)
	if all := r.calls[c.perItem.of].spans; all != nil {
		list = all[c.perItem.list]
	}
	it := &items{asked: make([]int, 0, min(len(list), c.perItem.most))}
	r.calls[i].items = it
	same := make(map[string]int, cap(it.asked))
	for _, element := range list[:min(len(list), c.perItem.most)] {
		at, err := r.ask(i, body[element.Start:element.End], same)
		if err != nil {
			r.refuseItems(i, err)
			return
		}
		it.asked = append(it.asked, at)
	}
	it.open = len(it.requests)
	r.moreItems(i)
}

// shared has the values ready that are the same for all elements.
func (r *run) shared(c *call) error {
	for _, slot := range c.inputs {
		if r.plan.inputs[slot].kind == itemValue {
			continue
		}
		if err := r.need(slot); err != nil {
			return err
		}
	}
	return nil
}

// refuseItems ends a call for all elements at once.
func (r *run) refuseItems(i int, err error) {
	r.calls[i].items = nil
	if errors.Is(err, errNothingToAsk) {
		r.settle(i, &upstream.Response{Status: http.StatusOK, Body: null}, nil)
		return
	}
	r.settle(i, nil, &failure{r.plan.calls[i].service, problem.From(err)})
}

// ask is which request the element's is, or -1. The error is of what all elements
// share.
func (r *run) ask(i int, element []byte, same map[string]int) (int, error) {
	c, it := &r.plan.calls[i], r.calls[i].items
	if element[0] != '{' {
		return -1, nil // it could not be given an answer
	}
	for _, slot := range c.perItem.values {
		found, err := r.plan.inputs[slot].at.Append(nil, element)
		if err != nil || len(found) == 0 || isNull(found[0]) {
			found = nil // an element of another type has no such value
		}
		r.values[slot] = found[:min(len(found), 1)]
	}
	wanted, err := r.askedFor(c)
	if !wanted && err == nil {
		return -1, nil
	}
	var req *upstream.Request
	if err == nil {
		req, err = r.request(c)
	}
	if p := problem.From(err); p != nil {
		if p.Kind == problem.BadRequest {
			return -1, err
		}
		return it.add(nil, &failure{c.service, p}), nil
	}
	key := req.Path + "\x00" + req.Query + "\x00" + string(req.Body)
	for _, f := range req.Header {
		key += "\x00" + f.Name + "\x00" + f.Value
	}
	at, seen := same[key]
	if !seen {
		at = it.add(req, nil)
		same[key] = at
	}
	return at, nil
}

// add notes one more request, or why it cannot be made, and is its number.
func (it *items) add(req *upstream.Request, f *failure) int {
	it.requests = append(it.requests, req)
	it.answers = append(it.answers, itemAnswer{failure: f})
	return len(it.requests) - 1
}

// askedFor is whether there is a request for the element whose values are ready.
func (r *run) askedFor(c *call) (bool, error) {
	if c.when != nil && c.when.perItem {
		if wanted, err := r.wanted(c); !wanted || err != nil {
			return false, err
		}
	}
	for _, slot := range c.perItem.inputs {
		if r.need(slot) != nil {
			return false, nil //nolint:nilerr // the element has none
		}
	}
	return true, nil
}

// moreItems starts requests while fewer than allowed are under way.
func (r *run) moreItems(i int) {
	c := &r.plan.calls[i]
	it := r.calls[i].items
	for it.next < len(it.requests) && it.running < c.perItem.atOnce {
		at := it.next
		it.next++
		if it.requests[at] == nil { // which has failed before
			it.open--
			continue
		}
		pending := c.caller.Start(r.ctx, it.requests[at])
		if pending.Ready() {
			response, err := wait(pending)
			r.takeItem(i, result{call: i, item: at, response: response, err: err})
			continue
		}
		it.running++
		r.apart++
		go func() {
			response, err := wait(pending)
			r.results <- result{call: i, item: at, response: response, err: err}
		}()
	}
	if it.open == 0 {
		r.settle(i, &upstream.Response{Status: 200, Body: null}, nil)
	}
}

// arriveItem takes in the answer of one request. One that comes when the time is
// over for all of them only gives its memory back.
func (r *run) arriveItem(done result) {
	it := r.calls[done.call].items
	it.running--
	r.takeItem(done.call, done)
	if !r.calls[done.call].in() {
		r.moreItems(done.call)
	}
}

func (r *run) takeItem(i int, done result) {
	c := &r.plan.calls[i]
	it := r.calls[i].items
	response, p := c.judge(done)
	if p != nil && p.Kind == problem.NotFound {
		response, p = bodiless(response), nil // as in a join: there is none
	} else if p == nil {
		if err := projection.Valid(response.Body); err != nil {
			p = c.nonsense(err)
		}
	}
	it.open--
	if p != nil {
		if response != nil {
			response.Release()
		}
		it.answers[done.item].failure = &failure{c.service, p}
		return
	}
	it.answers[done.item].response = response
}

// bodiless is the answer of a service, or of a function, that does not know the element:
// it has no body.
func bodiless(response *upstream.Response) *upstream.Response {
	if response == nil {
		return &upstream.Response{Status: http.StatusNotFound}
	}
	response.Release()
	return &upstream.Response{Status: response.Status, Header: response.Header}
}

// expireItems ends the requests that are not in: each fails alone.
func (r *run) expireItems(i int) {
	late := &failure{r.plan.calls[i].service, problem.From(r.ctx.Err())}
	it := r.calls[i].items
	for k := range it.answers {
		if a := &it.answers[k]; a.response == nil && a.failure == nil {
			a.failure = late
		}
	}
	r.settle(i, &upstream.Response{Status: 200, Body: null}, nil)
}

// of is the answer for an element, by its place in the list: neither where there was
// no request.
func (it *items) of(element int) itemAnswer {
	if it == nil || element >= len(it.asked) || it.asked[element] < 0 {
		return itemAnswer{}
	}
	return it.answers[it.asked[element]]
}

// mix adds what the call's answers allow to be done with the response.
func (it *items) mix(m *httpcache.Mix, response *upstream.Response) {
	if it == nil {
		m.Add(response.Header)
		return
	}
	for i := range it.answers {
		if one := it.answers[i].response; one != nil {
			m.Add(one.Header)
		}
	}
}
