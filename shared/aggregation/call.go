package aggregation

import (
	"net/http"
	"time"

	"github.com/triptych-bff/triptych/shared/upstream"
)

// A REST is a service that speaks HTTP and JSON. Its zero value names nothing;
// make one with [HTTP].
type REST struct{ name string }

// HTTP is the service that is configured under this name as an HTTP upstream.
func HTTP(name string) REST { return REST{name} }

// Get is a GET call. Each {} in path stands for the next value among args;
// every value is escaped for its place.
func (s REST) Get(path string, args ...Arg) *Call { return s.call(http.MethodGet, path, args) }

// Post is a POST call; [Fields] or [Body] among args are its JSON body. Like Put,
// Patch and Delete it is unsafe: it changes something. An endpoint has at most one
// unsafe call, which is made at most once; see the package comment.
func (s REST) Post(path string, args ...Arg) *Call { return s.call(http.MethodPost, path, args) }

// Put is a PUT call, and unsafe: see [REST.Post].
func (s REST) Put(path string, args ...Arg) *Call { return s.call(http.MethodPut, path, args) }

// Patch is a PATCH call, and unsafe: see [REST.Post].
func (s REST) Patch(path string, args ...Arg) *Call { return s.call(http.MethodPatch, path, args) }

// Delete is a DELETE call without a body, and unsafe: see [REST.Post].
func (s REST) Delete(path string, args ...Arg) *Call { return s.call(http.MethodDelete, path, args) }

func (s REST) call(method, path string, args []Arg) *Call {
	c := &Call{service: s.name, method: method, target: path, changes: method != http.MethodGet}
	c.take(args)
	return c
}

// take applies what is there: an argument that is nil says nothing.
func (c *Call) take(args []Arg) {
	for _, arg := range args {
		if arg != nil {
			arg.apply(c)
		}
	}
}

// A GRPC is a service that speaks gRPC. Make one with [RPC].
type GRPC struct{ name, service string }

// RPC is the gRPC service with this full protobuf name, configured under the
// given upstream name.
func RPC(name, service string) GRPC { return GRPC{name, service} }

// Call is a unary call. [Fields] among args are those of the request message, by
// their protobuf names; [Headers] are metadata. It counts as one that only reads,
// unless [Call.Changes] says otherwise.
func (s GRPC) Call(method string, args ...Arg) *Call {
	c := &Call{service: s.name, grpc: s.service, target: method}
	c.take(args)
	return c
}

// A Call is one request to a service, made once for each answer however many
// parts use it. It waits for exactly the values that it uses.
type Call struct {
	service string
	method  string          // HTTP only
	grpc    string          // full service name; gRPC only
	local   upstream.Caller // a function or a constant, which no configuration names
	target  string          // path with {} placeholders, the gRPC method, or the function's name
	path    []Value
	query   Query
	headers Headers
	fields  Fields // of the gRPC request, or of the body; nil for no body
	content *Value // the whole body; nil for fields
	when    *Condition
	within  time.Duration
	public  bool
	changes bool
}

// Within bounds the time of the call, inside the endpoint's budget. Zero is the
// service's own time-out.
func (c *Call) Within(d time.Duration) *Call {
	c.within = d
	return c
}

// Public declares that the answer is the same for every caller, so that
// identical concurrent calls may be made once whoever asks, and the answer may be
// kept: by a cache as far as the service allows, and by [LastGood] for everybody.
func (c *Call) Public() *Call {
	c.public = true
	return c
}

// When has the call made only where the condition holds. Otherwise it is skipped,
// which is no failure: parts of it are not in the response, and what uses its
// answer is skipped too.
func (c *Call) When(condition Condition) *Call {
	c.when = &condition
	return c
}

// Changes says that a gRPC call changes something: it is unsafe, see [REST.Post].
func (c *Call) Changes() *Call {
	c.changes = true
	return c
}

func (c *Call) calls() []*Call { return []*Call{c} }

// An Arg is something that a call takes: a [Value] for the path, a [Query],
// [Headers], or for the body [Fields] or [Body].
type Arg interface{ apply(*Call) }

// Query is a call's query by parameter name. A member is a string, an integer,
// a bool or a [Value]; a list is sent as one parameter, separated by commas.
type Query map[string]any

func (q Query) apply(c *Call) { c.query = q }

// Headers are a call's own headers, or its gRPC metadata, by name. A member is a
// string or a [Value]; a list is one line, separated by commas.
type Headers map[string]any

func (h Headers) apply(c *Call) { c.headers = h }

// Fields are the fields of a gRPC request, or the members of an HTTP call's JSON
// body. A member is a string, a number, a bool, a [Value], a list of these or
// nested Fields.
type Fields map[string]any

func (f Fields) apply(c *Call) { c.fields = f }
