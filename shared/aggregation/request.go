package aggregation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/triptych-bff/triptych/shared/http1"
	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// decide is whether a call is to be made. Otherwise it is in: skipped, or failed with
// its condition.
func (r *run) decide(i int) bool {
	c := &r.plan.calls[i]
	wanted, err := r.wanted(c)
	switch {
	case err != nil:
		r.settle(i, nil, &failure{c.service, problem.From(err)})
	case !wanted:
		r.skip(i)
	}
	return wanted && err == nil
}

// wanted is whether a call's condition holds.
func (r *run) wanted(c *call) (wanted bool, err error) {
	if c.when == nil {
		return true, nil
	}
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic in a condition: %v", fault)
		}
	}()
	return c.when.holds(r.known), nil
}

// known is the values of a slot, none where there are none.
func (r *run) known(slot int) [][]byte {
	if r.need(slot) != nil {
		return nil
	}
	if found := r.values[slot]; len(found) > 0 && !isNull(found[0]) {
		return found
	}
	return nil
}

// request is the call with its values.
func (r *run) request(c *call) (*upstream.Request, error) {
	for _, slot := range c.inputs {
		if err := r.need(slot); err != nil {
			return nil, err
		}
	}
	req := c.request
	if len(c.header) > 0 {
		header, err := appendHeader(append(make(http1.Fields, 0, 4), req.Header...), c.header, r.values, r.plan.inputs)
		if err != nil {
			return nil, err
		}
		req.Header = header
	}
	switch {
	case c.fields != nil:
		req.Body = c.fields.appendJSON(make([]byte, 0, 128), r.values)
	case c.content >= 0:
		req.Body = bytes.Clone(r.values[c.content][0])
	}
	if len(c.path.pieces) == 0 { // a gRPC method or a function
		return &req, nil
	}
	target, err := c.path.appendPath(r.line[:0], r.values, r.plan.inputs)
	if err != nil {
		return nil, err
	}
	path := len(target)
	if target, err = appendQuery(target, c.query, r.values, r.plan.inputs); err != nil {
		return nil, err
	}
	r.line = target
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
	if len(r.values[slot]) > 0 {
		return nil
	}
	in := &r.plan.inputs[slot]
	if err = r.fetch(slot, in); err != nil && in.or != "" {
		r.values[slot], err = [][]byte{[]byte(in.or)}, nil
	}
	return err
}

func (r *run) fetch(slot int, in *input) (err error) {
	switch in.kind {
	case claimValue:
		r.values[slot], err = r.claim(in)
	case pathValue:
		r.values[slot], err = quoted(r.in.Param(in.name))
	case queryValue:
		r.values[slot], err = r.parameter(in.name)
	case headerValue:
		r.values[slot], err = r.headerField(in.name)
	case bodyValue:
		r.values[slot], err = r.fromBody(in)
	case eachValue:
		err = errNothingToAsk
	default:
		err = problem.BadUpstream.Wrap(fmt.Errorf("there is no %s", in.Value), "")
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

func (r *run) headerField(name string) ([][]byte, error) {
	value := r.in.Header.Get(name)
	if value == "" {
		return nil, problem.BadRequest.New("the header " + name + " is required")
	}
	return quoted(value)
}

// fromBody is a value of the request's body, or all of it.
func (r *run) fromBody(in *input) ([][]byte, error) {
	var found [][]byte
	var err error
	if in.at != nil {
		found, err = in.at.Append(nil, r.in.Body)
	} else if body := bytes.TrimSpace(r.in.Body); len(body) > 0 {
		found = [][]byte{body}
	}
	detail := ""
	switch {
	case err != nil:
		detail = "cannot be read"
	case len(found) == 0 || isNull(found[0]):
		detail = "is required"
	case in.at != nil && (found[0][0] == '{' || found[0][0] == '['):
		detail = "must be a string, a number or a boolean"
	default:
		return found[:1], nil
	}
	p := problem.BadRequest.Wrap(err, "a value of the body cannot be used")
	p.Fields = []problem.Field{{Pointer: pointer.Replace(strings.TrimSuffix("/"+in.path, "/")), Detail: detail}}
	return nil, p
}

// pointer turns a path into a JSON Pointer (RFC 6901).
var pointer = strings.NewReplacer(".", "/", "[", "/", "]", "")

func quoted(s string) ([][]byte, error) {
	b, err := json.Marshal(s)
	return [][]byte{b}, err
}

func isNull(raw []byte) bool { return string(raw) == "null" }

func contains(list [][]byte, raw []byte) bool {
	for _, have := range list {
		if bytes.Equal(have, raw) {
			return true
		}
	}
	return false
}
