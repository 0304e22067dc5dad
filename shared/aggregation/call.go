package aggregation

import (
	"net/http"
	"time"
)

// A REST is a service that speaks HTTP and JSON. Its zero value names nothing;
// make one with [HTTP].
type REST struct{ name string }

// HTTP is the service that is configured under this name as an HTTP upstream.
func HTTP(name string) REST { return REST{name} }

// Get is a GET call. Each {} in path stands for the next value among args;
// every value is escaped for its place.
func (s REST) Get(path string, args ...Arg) *Call { return s.call(http.MethodGet, path, args) }

// Post is a POST call; [Fields] among args are its JSON body. Like Put, Patch
// and Delete it is unsafe: it changes something. An endpoint has at most one
// unsafe call, which is made at most once; see the package comment.
func (s REST) Post(path string, args ...Arg) *Call { return s.call(http.MethodPost, path, args) }

// Put is a PUT call, and unsafe: see [REST.Post].
func (s REST) Put(path string, args ...Arg) *Call { return s.call(http.MethodPut, path, args) }

// Patch is a PATCH call, and unsafe: see [REST.Post].
func (s REST) Patch(path string, args ...Arg) *Call { return s.call(http.MethodPatch, path, args) }

// Delete is a DELETE call without a body, and unsafe: see [REST.Post].
func (s REST) Delete(path string, args ...Arg) *Call { return s.call(http.MethodDelete, path, args) }

func (s REST) call(method, path string, args []Arg) *Call {
	c := &Call{service: s.name, method: method, target: path}
	for _, arg := range args {
		arg.apply(c)
	}
	return c
}

// A GRPC is a service that speaks gRPC. Make one with [RPC].
type GRPC struct{ name, service string }

// RPC is the gRPC service with this full protobuf name, configured under the
// given upstream name.
func RPC(name, service string) GRPC { return GRPC{name, service} }

// Call is a unary call. Fields are those of the request message, by their
// protobuf names.
func (s GRPC) Call(method string, fields Fields) *Call {
	return &Call{service: s.name, grpc: s.service, target: method, fields: fields}
}

// A Call is one request to a service, made once for each answer however many
// parts use it. It waits for exactly the values that it uses.
type Call struct {
	service string
	method  string // HTTP only
	grpc    string // full service name; gRPC only
	target  string // path with {} placeholders, or the gRPC method
	path    []Value
	query   Query
	fields  Fields // of the gRPC request, or of the body; nil for no body
	within  time.Duration
	public  bool
}

// Within bounds the time of the call, inside the endpoint's budget. Zero is the
// service's own time-out.
func (c *Call) Within(d time.Duration) *Call {
	c.within = d
	return c
}

// Public declares that the answer is the same for every caller, so that
// identical concurrent calls may be made once and their answer cached as far
// as the service allows.
func (c *Call) Public() *Call {
	c.public = true
	return c
}

// unsafe says that the call changes something.
func (c *Call) unsafe() bool { return c.grpc == "" && c.method != http.MethodGet }

func (c *Call) calls() []*Call { return []*Call{c} }

// An Arg is something that a call takes: a [Value] for the path, a [Query], or
// [Fields] for the body.
type Arg interface{ apply(*Call) }

// Query is a call's query by parameter name. A member is a string, an integer,
// a bool or a [Value]; a list is sent as one parameter, separated by commas.
type Query map[string]any

func (q Query) apply(c *Call) { c.query = q }

// Fields are the fields of a gRPC request, or the members of an HTTP call's JSON
// body. A member is a string, a number, a bool, a [Value], a list of these or
// nested Fields.
type Fields map[string]any

func (f Fields) apply(c *Call) { c.fields = f }

// A Joined is a call's answer with the elements of another call's answer put
// into its own elements. Make one with [Call.Join].
type Joined struct {
	into, from *Call
	at, key    string
	as         string
}

// Join puts elements of other's answer into c's: at is the path in c's answer
// of the value to look up in each element ("items.book_id"), key the path in
// other's answer of the value to find ("books.id"), and as the member's name
// that the found element gets ("book"). An element without a match stays as it
// is.
func (c *Call) Join(at string, other *Call, key, as string) Joined {
	return Joined{into: c, from: other, at: at, key: key, as: as}
}

func (j Joined) calls() []*Call { return []*Call{j.into, j.from} }
