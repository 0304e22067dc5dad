package aggregation

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/triptych-bff/triptych/shared/http1"
	"github.com/triptych-bff/triptych/shared/projection"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// NotConfigured says which services an endpoint needs that the configuration
// does not have. Such an endpoint is not wrong; it is not served.
type NotConfigured struct {
	Route    string
	Services []string
}

func (e *NotConfigured) Error() string {
	return fmt.Sprintf("%s: not served, because no upstream is configured for %s", e.Route, strings.Join(e.Services, ", "))
}

// Compile checks an endpoint and binds it to its services. The error is
// [NotConfigured], or all faults of the table at once (errors.Join), each with
// the part or call that it is in.
func Compile(e Endpoint, services Lookup) (*Plan, error) {
	c := &compiler{endpoint: &e, services: services, index: map[*Call]int{}}
	c.plan = &Plan{Status: cmp.Or(e.Status, http.StatusOK), budget: e.Budget, compose: e.Compose}
	c.route()
	c.collect()
	if len(c.absent) > 0 {
		slices.Sort(c.absent)
		return nil, &NotConfigured{Route: e.Route, Services: slices.Compact(c.absent)}
	}
	for i, call := range c.order {
		c.call(i, call)
	}
	for i := range e.Parts {
		if e.Parts[i].From != nil {
			c.part(&e.Parts[i])
		}
	}
	c.change()
	if len(c.faults) > 0 {
		return nil, errors.Join(c.faults...)
	}
	return c.plan, nil
}

type compiler struct {
	endpoint *Endpoint
	services Lookup
	plan     *Plan
	order    []*Call
	index    map[*Call]int // place in order; -1 while its inputs are being visited
	absent   []string
	faults   []error
}

func (c *compiler) fault(place, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if place != "" {
		text = place + ": " + text
	}
	c.faults = append(c.faults, fmt.Errorf("%s: %s", c.endpoint.Route, text))
}

// methods are those that an endpoint can be asked with.
var methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

func (c *compiler) route() {
	e := c.endpoint
	method, pattern, ok := strings.Cut(e.Route, " ")
	if !ok || !slices.Contains(methods, method) || !strings.HasPrefix(pattern, "/") {
		c.fault("", `route: expected a method (%s) and a path, such as "GET /path"`, strings.Join(methods, ", "))
	}
	if s := c.plan.Status; s < http.StatusOK || s > http.StatusAccepted {
		c.fault("", "status %d: expected 200, 201 or 202", s)
	}
	c.plan.Method, c.plan.Pattern = method, pattern
	if e.Policy == "" {
		c.fault("", "policy: an endpoint names who may call it")
	}
	if e.Budget <= 0 {
		c.fault("", "budget: expected how long the whole answer may take, such as 900 * time.Millisecond")
	}
	if len(e.Parts) == 0 {
		c.fault("", "parts: an answer has at least one")
	}
}

// collect lists all calls that the parts need, a call after its inputs.
func (c *compiler) collect() {
	for _, p := range c.endpoint.Parts {
		if p.From == nil {
			c.fault(p.place(), "from: expected a call")
			continue
		}
		for _, call := range p.From.calls() {
			c.visit(call)
		}
	}
	c.plan.calls = make([]call, len(c.order))
}

func (c *compiler) visit(call *Call) {
	if _, seen := c.index[call]; seen {
		return
	}
	c.index[call] = -1
	for _, v := range call.values() {
		if v.call != nil {
			c.visit(v.call)
		}
	}
	if _, ok := c.services(call.service); !ok {
		c.absent = append(c.absent, call.service)
	}
	c.index[call] = len(c.order)
	c.order = append(c.order, call)
}

// values are all values that the call uses, in a fixed order.
func (c *Call) values() []Value {
	values := slices.Clone(c.path)
	for _, name := range sortedKeys(c.query) {
		if v, ok := c.query[name].(Value); ok {
			values = append(values, v)
		}
	}
	return appendFieldValues(values, c.fields)
}

func appendFieldValues(values []Value, node any) []Value {
	switch n := node.(type) {
	case Value:
		values = append(values, n)
	case Fields:
		for _, name := range sortedKeys(n) {
			values = appendFieldValues(values, n[name])
		}
	case []any:
		for _, element := range n {
			values = appendFieldValues(values, element)
		}
	}
	return values
}

func sortedKeys[M ~map[string]any](m M) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// call binds one call: its service, its place for every value, its inputs.
func (c *compiler) call(i int, from *Call) {
	binding, _ := c.services(from.service)
	to := &c.plan.calls[i]
	to.service, to.caller = from.service, binding.Caller
	to.request = upstream.Request{Timeout: from.within, Shared: from.public}
	if from.within > c.endpoint.Budget {
		c.fault(from.place(), "within %v: the whole endpoint has only %v", from.within, c.endpoint.Budget)
	}
	if from.within < 0 {
		c.fault(from.place(), "within %v: expected a time", from.within)
	}
	if from.grpc != "" {
		c.rpc(to, from, binding)
	} else {
		c.rest(to, from, binding)
	}
	c.needs(i)
}

func (c *compiler) rest(to *call, from *Call, binding Binding) {
	if binding.Files != nil {
		c.fault(from.place(), "the upstream %q speaks gRPC; expected an HTTP one", from.service)
	}
	to.request.Method = from.method
	to.unsafe = from.unsafe()
	to.request.Operation = from.method + " " + from.target
	pieces := strings.Split(from.target, "{}")
	if len(pieces)-1 != len(from.path) {
		c.fault(from.place(), "%d placeholders, but %d values", len(pieces)-1, len(from.path))
		return
	}
	if !strings.HasPrefix(from.target, "/") || strings.ContainsAny(from.target, "?#") {
		c.fault(from.place(), "expected a path that begins with a slash; a query goes into aggregation.Query")
	}
	to.path.pieces = pieces
	for _, v := range from.path {
		if v.kind == eachValue {
			c.fault(from.place(), "a path takes one value, not a list")
		}
		to.path.slots = append(to.path.slots, c.input(to, from, v))
	}
	for _, name := range sortedKeys(from.query) {
		to.query = append(to.query, c.queryParam(to, from, name, from.query[name]))
	}
	if from.fields != nil {
		c.body(to, from)
	}
}

// body binds the JSON body of an HTTP call.
func (c *compiler) body(to *call, from *Call) {
	if from.method == http.MethodGet || from.method == http.MethodDelete {
		c.fault(from.place(), "a %s has no body", from.method)
	}
	to.request.Header = http1.Fields{{Name: "Content-Type", Value: "application/json"}}
	to.fields = c.object(to, from, "", from.fields)
}

func (c *compiler) rpc(to *call, from *Call, binding Binding) {
	if binding.Files == nil {
		c.fault(from.place(), "the upstream %q speaks HTTP; expected a gRPC one, with descriptors", from.service)
		return
	}
	method, err := binding.Files.Method(from.grpc, from.target)
	if err != nil {
		c.fault(from.place(), "%v", err)
		return
	}
	to.request.RPC = method
	to.request.Operation = method.Name()
	to.fields = c.object(to, from, "", from.fields)
}

// needs counts the calls that call i waits for, and registers it with them.
func (c *compiler) needs(i int) {
	var on []int
	for _, slot := range c.plan.calls[i].inputs {
		if source := c.plan.inputs[slot].call; source != nil {
			on = append(on, c.index[source])
		}
	}
	slices.Sort(on)
	on = slices.Compact(on)
	c.plan.calls[i].needs = len(on)
	for _, j := range on {
		c.plan.calls[j].dependents = append(c.plan.calls[j].dependents, i)
	}
}

// input registers a value as an input of the call and is its slot.
func (c *compiler) input(to *call, from *Call, v Value) int {
	slot := slices.IndexFunc(c.plan.inputs, func(in input) bool { return in.Value == v })
	if slot < 0 {
		slot = len(c.plan.inputs)
		c.plan.inputs = append(c.plan.inputs, input{Value: v})
		c.source(slot, from, v)
	}
	if !slices.Contains(to.inputs, slot) {
		to.inputs = append(to.inputs, slot)
	}
	return slot
}

// source finds out where the value of a slot comes from.
func (c *compiler) source(slot int, from *Call, v Value) {
	switch v.kind {
	case claimValue:
		c.plan.inputs[slot].at = c.path(from.place(), "claim", v.name)
	case bodyValue:
		if c.plan.Method == http.MethodGet {
			c.fault(from.place(), "body value %q: a GET has no body", v.path)
		}
		c.plan.Body = true
		c.plan.inputs[slot].at = c.path(from.place(), "body value", v.path)
	case pathValue:
		if !strings.Contains(c.plan.Pattern, "{"+v.name+"}") {
			c.fault(from.place(), "path parameter %q: the route has none of this name", v.name)
		}
	case eachValue, answerValue:
		c.capture(slot, from, v)
	case queryValue:
	default:
		c.fault(from.place(), "an empty aggregation.Value")
	}
}

// longest is how long a list may be: a request that carries more is a mistake.
const longest = 1000

// capture has the value read from the answer that has it.
func (c *compiler) capture(slot int, from *Call, v Value) {
	most := 1
	if v.kind == eachValue {
		most = v.max
	}
	if most < 1 || most > longest {
		c.fault(from.place(), "the list %q of %s needs a bound from 1 to %d; add .Max(n)", v.path, v.call.place(), longest)
	}
	path := c.path(from.place(), "value of "+v.call.place(), v.path)
	c.checkOutput(v.call, from.place(), v.path)
	source := &c.plan.calls[c.index[v.call]]
	source.captures = append(source.captures, capture{slot, path, most})
}

// checkOutput reports a path that a gRPC answer cannot have.
func (c *compiler) checkOutput(of *Call, place, path string) {
	if err := c.output(of, path); err != nil {
		c.fault(place, "%v", err)
	}
}

// output says why a call's answer cannot have the path. The answers of HTTP
// services have no schema here; a faulty method is reported with its call.
func (c *compiler) output(of *Call, path string) error {
	binding, _ := c.services(of.service)
	if of.grpc == "" || binding.Files == nil {
		return nil
	}
	method, err := binding.Files.Method(of.grpc, of.target)
	if err != nil {
		return nil //nolint:nilerr // reported with the call itself
	}
	return method.CheckOutput(path)
}

func (c *compiler) path(place, what, path string) *projection.Path {
	p, err := projection.CompilePath(path)
	if err != nil {
		c.fault(place, "%s: %v", what, err)
	}
	return p
}

// part binds one part to the calls that it is made from.
func (c *compiler) part(from *Part) {
	if from.Name == "" || from.Name[0] == '_' {
		c.fault(from.place(), "a part has a name that does not begin with an underscore")
	}
	if slices.ContainsFunc(c.plan.parts, func(p part) bool { return p.name == from.Name }) {
		c.fault(from.place(), "the name stands twice")
	}
	name, _ := json.Marshal(from.Name)
	to := part{name: from.Name, member: append(name, ':'), omit: from.Else.omit}
	if from.Mask != "" {
		mask, err := projection.Compile(from.Mask)
		if err != nil {
			c.fault(from.place(), "mask: %v", err)
		}
		to.mask = mask
	}
	switch source := from.From.(type) {
	case *Call:
		to.call = c.index[source]
		c.checkMask(from, to.mask, source, nil)
	case Joined:
		to.call = c.index[source.into]
		to.join = c.join(from, source)
		c.checkMask(from, to.mask, source.into, &source)
	}
	c.register(to)
}

// register tells the calls which part waits for them.
func (c *compiler) register(p part) {
	sources := []int{p.call}
	if p.join != nil && p.join.from != p.call {
		sources = append(sources, p.join.from)
	}
	p.waits = len(sources)
	for _, i := range sources {
		c.plan.calls[i].parts = append(c.plan.calls[i].parts, len(c.plan.parts))
	}
	c.plan.parts = append(c.plan.parts, p)
}

// checkMask reports fields that a gRPC answer cannot have. What lies within a
// joined element belongs to the other answer.
func (c *compiler) checkMask(p *Part, mask *projection.Mask, of *Call, j *Joined) {
	if mask == nil {
		return
	}
	for _, path := range mask.Paths() {
		call := of
		if j != nil {
			if inside, ok := j.inside(path); ok {
				call, path = j.from, inside
			}
		}
		c.checkOutput(call, p.place()+": mask", path)
	}
}

func (c *compiler) join(p *Part, j Joined) *join {
	to := &join{from: c.index[j.from], listIn: j.at, listOf: j.key}
	to.intoList, to.intoKey = c.listAndKey(p, "join at", j.at)
	to.fromList, to.fromKey = c.listAndKey(p, "join key", j.key)
	c.checkOutput(j.into, p.place()+": join", j.at)
	c.checkOutput(j.from, p.place()+": join", j.key)
	c.checkMember(p, j)
	name, _ := json.Marshal(j.as)
	to.member = append(append([]byte{','}, name...), ':')
	return to
}

// checkMember reports a name for the joined member that is none, or that the
// elements have already: an object cannot have two of one name.
func (c *compiler) checkMember(p *Part, j Joined) {
	if j.as == "" {
		c.fault(p.place(), "join: the member that is joined needs a name")
	}
	binding, _ := c.services(j.into.service)
	if j.into.grpc != "" && binding.Files != nil && c.output(j.into, listOf(j.at)+"."+j.as) == nil {
		c.fault(p.place(), "join: the elements have a member %q of their own", j.as)
	}
}

// listAndKey splits "items.book_id" into the list and the key in its elements.
func (c *compiler) listAndKey(p *Part, what, path string) (list, key *projection.Path) {
	of := listOf(path)
	if of == "" {
		c.fault(p.place(), "%s %q: expected a list and a key in its elements, such as items.id", what, path)
		return nil, nil
	}
	return c.path(p.place(), what, of+"[]"), c.path(p.place(), what, path[len(of)+1:])
}

// place names a part in a fault.
func (p *Part) place() string { return fmt.Sprintf("part %q", cmp.Or(p.Name, "?")) }

// place names a call in a fault.
func (c *Call) place() string {
	if c.grpc != "" {
		return fmt.Sprintf("call %s %s/%s", c.service, c.grpc, c.target)
	}
	return fmt.Sprintf("call %s %s %s", c.service, c.method, c.target)
}
