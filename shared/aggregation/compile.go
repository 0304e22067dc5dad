package aggregation

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

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
func Compile(e Endpoint, env Env) (*Plan, error) {
	if env.Now == nil {
		env.Now = time.Now
	}
	c := &compiler{endpoint: &e, services: env.Services, index: map[*Call]int{}, each: map[*Call]*Each{}}
	c.plan = &Plan{
		Status: cmp.Or(e.Status, http.StatusOK), Fields: e.Fields,
		endpoint: e, env: env, budget: e.Budget, compose: e.Compose, variants: &variants{made: map[string]*Plan{}},
	}
	c.route()
	c.collect()
	if len(c.absent) > 0 {
		slices.Sort(c.absent)
		return nil, &NotConfigured{Route: e.Route, Services: slices.Compact(c.absent)}
	}
	if c.cyclic {
		return nil, errors.Join(c.faults...)
	}
	for i, call := range c.order {
		c.call(i, call)
	}
	c.names()
	for i := range e.Parts {
		if lacking(e.Parts[i].From) == "" {
			c.part(&e.Parts[i])
		}
	}
	c.change()
	if len(c.faults) > 0 {
		return nil, errors.Join(c.faults...)
	}
	c.plan.wire()
	return c.plan, nil
}

type compiler struct {
	endpoint *Endpoint
	services Lookup
	plan     *Plan
	order    []*Call
	index    map[*Call]int   // place in order; -1 while its inputs are being visited
	each     map[*Call]*Each // of calls that are made for each element
	cyclic   bool            // a call waits for itself, so that there is no order
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
	if e.Fields && (method != http.MethodGet || e.Compose != nil) {
		c.fault("", "fields: can be chosen of a GET that shows its parts as they are")
	}
}

// collect lists all calls that the parts need, a call after its inputs.
func (c *compiler) collect() {
	var sources []Source
	for _, p := range c.endpoint.Parts {
		if why := lacking(p.From); why != "" {
			c.fault(p.place(), "%s", why)
			continue
		}
		if each, ok := p.From.(*Each); ok {
			c.perElement(&p, each)
		}
		sources = append(sources, p.From)
	}
	for _, source := range sources {
		for _, call := range source.calls() {
			c.visit(call)
		}
	}
	c.plan.calls = make([]call, len(c.order))
}

// perElement notes that a call is made for each element.
func (c *compiler) perElement(p *Part, each *Each) {
	if other := c.each[each.call]; other != nil && other != each || each.call == each.of {
		c.fault(p.place(), "for each: %s is made for the elements of another list", each.call.place())
		return
	}
	c.each[each.call] = each
}

func (c *compiler) visit(call *Call) {
	if at, seen := c.index[call]; seen {
		if at < 0 && !c.cyclic {
			c.cyclic = true
			c.fault(call.place(), "waits for its own answer: its condition, or the list that it is made for, comes after it")
		}
		return
	}
	c.index[call] = -1
	if each := c.each[call]; each != nil {
		c.visit(each.of)
	}
	for _, v := range call.values() {
		if v.call != nil {
			c.visit(v.call)
		}
	}
	if call.local == nil {
		if _, ok := c.services(call.service); !ok {
			c.absent = append(c.absent, call.service)
		}
	}
	c.index[call] = len(c.order)
	c.order = append(c.order, call)
}

// values are all values that the call uses, in a fixed order.
func (c *Call) values() []Value {
	values := slices.Clone(c.path)
	for _, members := range []map[string]any{c.query, c.headers} {
		for _, name := range sortedKeys(members) {
			if v, ok := members[name].(Value); ok {
				values = append(values, v)
			}
		}
	}
	values = appendFieldValues(values, c.fields)
	if c.when != nil {
		values = c.when.looksAt(values)
	}
	return values
}

func appendFieldValues(values []Value, node any) []Value {
	switch n := node.(type) {
	case Value:
		values = append(values, n)
	case Fields:
		for _, name := range sortedKeys(n) {
			values = appendFieldValues(values, n[name])
		}
	default:
		list, _ := listed(node)
		for _, element := range list {
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
	to := &c.plan.calls[i]
	to.service, to.caller, to.content = from.service, from.local, -1
	to.public, to.unsafe = from.public, from.changes
	var binding Binding
	if from.local == nil {
		binding, _ = c.services(from.service)
		to.caller = binding.Caller
	}
	to.request = upstream.Request{Timeout: from.within, Shared: from.public, Reads: !from.changes && from.local == nil}
	if from.within > c.endpoint.Budget {
		c.fault(from.place(), "within %v: the whole endpoint has only %v", from.within, c.endpoint.Budget)
	}
	if from.within < 0 {
		c.fault(from.place(), "within %v: expected a time", from.within)
	}
	switch {
	case from.local != nil:
		c.local(to, from)
	case from.grpc != "":
		c.rpc(to, from, binding)
	default:
		c.rest(to, from, binding)
	}
	for _, name := range sortedKeys(from.headers) {
		to.header = append(to.header, c.headerLine(to, from, name, from.headers[name]))
	}
	if from.when != nil {
		bound := c.condition(to, from, from.when)
		to.when = &bound
	}
	c.forEach(to, from)
	c.waits(i, from)
}

func (c *compiler) local(to *call, from *Call) {
	to.request.Operation = from.target
	if text, ok := from.local.(constant); ok && !json.Valid([]byte(text)) {
		c.fault(from.place(), "expected JSON, not %q", string(text))
	}
	if from.fields != nil {
		to.fields = c.object(to, from, "", from.fields)
	}
}

func (c *compiler) rest(to *call, from *Call, binding Binding) {
	if binding.Files != nil {
		c.fault(from.place(), "the upstream %q speaks gRPC; expected an HTTP one", from.service)
	}
	to.request.Method = from.method
	to.request.Operation = from.method + " " + from.target
	pieces := strings.Split(from.target, "{}")
	if len(pieces)-1 != len(from.path) {
		c.fault(from.place(), "%d placeholders, but %d values", len(pieces)-1, len(from.path))
		return
	}
	c.target(from, pieces)
	to.path.pieces = pieces
	for _, v := range from.path {
		if v.kind == eachValue {
			c.fault(from.place(), "a path takes one value, not a list")
		}
		if v.or == "null" {
			c.fault(from.place(), "a path cannot do without %s; expected an Or that is not nil", v)
		}
		to.path.slots = append(to.path.slots, c.input(to, from, v))
	}
	for _, name := range sortedKeys(from.query) {
		to.query = append(to.query, c.queryParam(to, from, name, from.query[name]))
	}
	if from.fields != nil || from.content != nil {
		c.body(to, from)
	}
}

// body binds the JSON body of an HTTP call.
func (c *compiler) body(to *call, from *Call) {
	if from.method == http.MethodGet || from.method == http.MethodDelete {
		c.fault(from.place(), "a %s has no body", from.method)
	}
	to.request.Header = http1.Fields{{Name: "Content-Type", Value: "application/json"}}
	if from.content == nil {
		to.fields = c.object(to, from, "", from.fields)
		return
	}
	if from.fields != nil {
		c.fault(from.place(), "the body is either aggregation.Body or aggregation.Fields")
	}
	to.content = c.input(to, from, *from.content)
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
	if len(from.path) > 0 || from.query != nil || from.content != nil {
		c.fault(from.place(), "a gRPC call takes aggregation.Fields and aggregation.Headers only")
	}
	to.request.RPC = method
	to.request.Operation = method.Name()
	to.fields = c.object(to, from, "", from.fields)
}

// forEach binds what a call that is made for each element has beside.
func (c *compiler) forEach(to *call, from *Call) {
	each := c.each[from]
	if each == nil {
		return
	}
	if each.most < 1 || each.most > longest {
		c.fault(from.place(), "for each of %q of %s: needs a bound from 1 to %d; add .Max(n)", each.list, each.of.place(), longest)
		return
	}
	if each.atOnce < 0 {
		c.fault(from.place(), "at once %d: expected a number", each.atOnce)
	}
	if from.changes {
		c.fault(from.place(), "for each: a call that changes something is made once")
	}
	c.checkOutput(each.of, from.place()+": for each", each.list+"[]")
	list := c.note(from.place(), each.of, each.list+"[]")
	to.perItem = &perItem{of: c.index[each.of], list: list, most: each.most, atOnce: cmp.Or(each.atOnce, 8)}
	for _, slot := range to.inputs {
		if c.plan.inputs[slot].item == each {
			to.perItem.inputs = append(to.perItem.inputs, slot)
		}
	}
	to.perItem.values = slices.Clone(to.perItem.inputs)
	if from.when != nil {
		for _, v := range from.when.looksAt(nil) {
			if slot := c.slot(from, v); v.kind == itemValue && !slices.Contains(to.perItem.values, slot) {
				to.perItem.values = append(to.perItem.values, slot)
			}
		}
	}
	if len(to.perItem.inputs) == 0 {
		c.fault(from.place(), "for each: uses nothing of the element; an ordinary call is made once")
	}
}

// waits counts the calls that call i waits for, and registers it with them.
func (c *compiler) waits(i int, from *Call) {
	to := &c.plan.calls[i]
	var on []edge // with to being the call that is waited for
	add := func(e edge) {
		for k := range on {
			if on[k].to == e.to {
				on[k].fails, on[k].skips = on[k].fails || e.fails, on[k].skips || e.skips
				return
			}
		}
		on = append(on, e)
	}
	for _, slot := range to.inputs {
		if in := &c.plan.inputs[slot]; in.call != nil {
			add(edge{to: c.index[in.call], fails: in.or == "", skips: in.or == ""})
		}
	}
	if from.when != nil {
		for _, v := range from.when.looksAt(nil) {
			if v.call != nil {
				add(edge{to: c.index[v.call], fails: v.or == ""})
			}
		}
	}
	if to.perItem != nil {
		add(edge{to: to.perItem.of, fails: true, skips: true})
	}
	to.needs = len(on)
	for _, e := range on {
		source := &c.plan.calls[e.to]
		source.dependents = append(source.dependents, edge{to: i, fails: e.fails, skips: e.skips})
	}
}

// input registers a value that has to be there before the call is made, and is its
// slot.
func (c *compiler) input(to *call, from *Call, v Value) int {
	slot := c.slot(from, v)
	to.given = to.given || v.ofRequest() && v.kind != claimValue
	if !slices.Contains(to.inputs, slot) {
		to.inputs = append(to.inputs, slot)
	}
	return slot
}

// slot is where a value is while a request is served.
func (c *compiler) slot(from *Call, v Value) int {
	slot := slices.IndexFunc(c.plan.inputs, func(in input) bool { return in.Value == v })
	if slot < 0 {
		slot = len(c.plan.inputs)
		c.plan.inputs = append(c.plan.inputs, input{Value: v})
		c.value(from.place(), v)
		c.source(slot, from, v)
	}
	if v.kind == itemValue && c.each[from] != v.item {
		c.fault(from.place(), "uses an element of a list outside of its ForEach")
	}
	return slot
}

// source finds out where the value of a slot comes from.
func (c *compiler) source(slot int, from *Call, v Value) {
	to := &c.plan.inputs[slot]
	switch v.kind {
	case noValue:
		c.fault(from.place(), "an empty aggregation.Value")
	case claimValue:
		to.at = c.path(from.place(), "claim", v.name)
	case bodyValue:
		if c.plan.Method == http.MethodGet {
			c.fault(from.place(), "body value %q: a GET has no body", v.path)
		}
		c.plan.Body = true
		if v.path != "" {
			to.at = c.path(from.place(), "body value", v.path)
		}
	case pathValue:
		if !strings.Contains(c.plan.Pattern, "{"+v.name+"}") {
			c.fault(from.place(), "path parameter %q: the route has none of this name", v.name)
		}
	case eachValue, answerValue:
		if v.call == nil {
			c.fault(from.place(), "the value %q of no call", v.path)
			return
		}
		c.capture(slot, from, v)
	case itemValue:
		if v.item == nil || v.item.of == nil {
			c.fault(from.place(), "the value %q of no element", v.path)
			return
		}
		to.at = c.path(from.place(), "element", v.path)
		c.checkOutput(v.item.of, from.place(), v.item.list+"."+v.path)
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
	if c.each[v.call] != nil {
		c.fault(from.place(), "%s is made for each element, and has no one answer", v.call.place())
	}
	source := &c.plan.calls[c.index[v.call]]
	if v.path == "" {
		source.captures = append(source.captures, capture{slot: slot, most: most})
		return
	}
	path := c.path(from.place(), "value of "+v.call.place(), v.path)
	c.checkOutput(v.call, from.place(), v.path)
	source.captures = append(source.captures, capture{path: path, text: v.path, slot: slot, most: most})
}

// note has places in an answer read for a join, and is which capture they are.
func (c *compiler) note(place string, of *Call, text string) int {
	source := &c.plan.calls[c.index[of]]
	at := slices.IndexFunc(source.captures, func(have capture) bool { return have.slot < 0 && have.text == text })
	if at < 0 {
		at = len(source.captures)
		source.captures = append(source.captures, capture{path: c.path(place, "path", text), text: text, slot: -1})
	}
	return at
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
	path, _, _ = strings.Cut(path, "*") // any member: what is below it, a schema does not tell
	if path = strings.TrimSuffix(path, "."); of.grpc == "" || path == "" {
		return nil
	}
	binding, _ := c.services(of.service)
	if binding.Files == nil {
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

// place names a call in a fault.
func (c *Call) place() string {
	switch {
	case c.local != nil:
		return "call " + c.target
	case c.grpc != "":
		return fmt.Sprintf("call %s %s/%s", c.service, c.grpc, c.target)
	}
	return fmt.Sprintf("call %s %s %s", c.service, c.method, c.target)
}
