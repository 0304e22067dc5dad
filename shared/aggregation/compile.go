package aggregation

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

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
	c.plan = &Plan{Policy: e.Policy, Limits: e.Limits, budget: e.Budget, compose: e.Compose}
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

func (c *compiler) route() {
	e := c.endpoint
	method, pattern, ok := strings.Cut(e.Route, " ")
	if !ok || method != "GET" || !strings.HasPrefix(pattern, "/") {
		c.fault("", `route: expected "GET /path"`)
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
		to.path.inputs = append(to.path.inputs, c.input(to, from, v))
	}
	for _, name := range sortedKeys(from.query) {
		to.query = append(to.query, c.queryParam(to, from, name, from.query[name]))
	}
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
	for _, in := range c.plan.calls[i].inputs {
		if in.value.call != nil {
			on = append(on, c.index[in.value.call])
		}
	}
	slices.Sort(on)
	on = slices.Compact(on)
	c.plan.calls[i].needs = len(on)
	for _, j := range on {
		c.plan.calls[j].dependents = append(c.plan.calls[j].dependents, i)
	}
}

// input registers a value as an input of the call and is its index there.
func (c *compiler) input(to *call, from *Call, v Value) int {
	if i := slices.IndexFunc(to.inputs, func(in input) bool { return in.value == v }); i >= 0 {
		return i
	}
	in := input{value: v, capture: -1}
	switch v.kind {
	case claimValue:
		in.claim = c.path(from.place(), "claim", v.name)
	case pathValue:
		if !strings.Contains(c.plan.Pattern, "{"+v.name+"}") {
			c.fault(from.place(), "path parameter %q: the route has none of this name", v.name)
		}
	case eachValue, answerValue:
		in.capture = c.capture(from, v)
	case queryValue:
	default:
		c.fault(from.place(), "an empty aggregation.Value")
	}
	to.inputs = append(to.inputs, in)
	return len(to.inputs) - 1
}

// capture registers a value with the call whose answer has it, and is its slot.
func (c *compiler) capture(from *Call, v Value) int {
	if v.kind == eachValue && v.max <= 0 {
		c.fault(from.place(), "the list %q of %s has no bound; add .Max(n)", v.path, v.call.place())
	}
	path := c.path(from.place(), "value of "+v.call.place(), v.path)
	c.checkOutput(v.call, from.place(), v.path)
	source := &c.plan.calls[c.index[v.call]]
	slot := c.plan.captures
	c.plan.captures++
	source.captures = append(source.captures, capture{slot: slot, path: path, each: v.kind == eachValue, max: v.max})
	return slot
}

// checkOutput reports a path that a gRPC answer cannot have.
func (c *compiler) checkOutput(of *Call, place, path string) {
	binding, _ := c.services(of.service)
	if of.grpc == "" || binding.Files == nil {
		return // the answers of HTTP services have no schema here
	}
	method, err := binding.Files.Method(of.grpc, of.target)
	if err != nil {
		return // reported with the call itself
	}
	if err := method.CheckOutput(path); err != nil {
		c.fault(place, "%v", err)
	}
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
		c.checkMask(from, source, to.mask, "")
	case Joined:
		to.call = c.index[source.into]
		to.join = c.join(from, source)
		c.checkMask(from, source.into, to.mask, source.as)
	}
	i := len(c.plan.parts)
	c.plan.parts = append(c.plan.parts, to)
	for _, call := range to.sources() {
		c.plan.calls[call].parts = append(c.plan.calls[call].parts, i)
	}
}

// sources are the calls that the part waits for.
func (p *part) sources() []int {
	if p.join != nil && p.join.from != p.call {
		return []int{p.call, p.join.from}
	}
	return []int{p.call}
}

// checkMask reports fields that a gRPC answer cannot have. What lies within a
// joined member belongs to another message and is left out.
func (c *compiler) checkMask(p *Part, of *Call, mask *projection.Mask, joined string) {
	if mask == nil {
		return
	}
	for _, path := range mask.Paths() {
		if joined != "" && slices.Contains(strings.Split(path, "."), joined) {
			continue
		}
		c.checkOutput(of, p.place()+": mask", path)
	}
}

func (c *compiler) join(p *Part, j Joined) *join {
	to := &join{from: c.index[j.from], listIn: j.at, listOf: j.key}
	to.intoList, to.intoKey = c.listAndKey(p, "join at", j.at)
	to.fromList, to.fromKey = c.listAndKey(p, "join key", j.key)
	c.checkOutput(j.into, p.place()+": join", j.at)
	c.checkOutput(j.from, p.place()+": join", j.key)
	name, _ := json.Marshal(j.as)
	to.member = append(append([]byte{','}, name...), ':')
	return to
}

// listAndKey splits "items.book_id" into the list and the key in its elements.
func (c *compiler) listAndKey(p *Part, what, path string) (list, key *projection.Path) {
	i := strings.LastIndexByte(path, '.')
	if i < 0 {
		c.fault(p.place(), "%s %q: expected a list and a key in its elements, such as items.id", what, path)
		return nil, nil
	}
	return c.path(p.place(), what, path[:i]+"[]"), c.path(p.place(), what, path[i+1:])
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
