package aggregation

// A Value is something that becomes known while a request is served: of the
// request itself, of its caller, or of another call's answer.
type Value struct {
	kind valueKind
	name string // of the claim, path or query parameter
	call *Call  // whose answer
	path string // into the answer, or into the request's body
	max  int    // of a list; zero is no bound, which a plan refuses
}

type valueKind uint8

const (
	noValue valueKind = iota
	claimValue
	pathValue
	queryValue
	bodyValue
	answerValue // one value
	eachValue   // a list of values
)

func (v Value) apply(c *Call) { c.path = append(c.path, v) }

// Claim is a claim of the caller's identity, such as "sub". A request without
// it is refused as forbidden.
func Claim(name string) Value { return Value{kind: claimValue, name: name} }

// PathParam is a parameter of the endpoint's own path.
func PathParam(name string) Value { return Value{kind: pathValue, name: name} }

// QueryParam is a query parameter of the client's request. A request without it
// is refused as bad.
func QueryParam(name string) Value { return Value{kind: queryValue, name: name} }

// BodyValue is the string, number or boolean at path in the JSON body of the
// client's request. A request without it is refused as bad.
func BodyValue(path string) Value { return Value{kind: bodyValue, path: path} }

// Value is the value at path in c's answer, as the service sent it: masks do
// not hide it. Where the answer has none, what needs it fails.
func (c *Call) Value(path string) Value { return Value{kind: answerValue, call: c, path: path} }

// Each is the list of all values at path in c's answer, in their order, each
// once. It needs a bound: see [Value.Max]. A call that uses a list which turns
// out to be empty has nothing to ask: it is not made, and its answer is null.
func (c *Call) Each(path string) Value { return Value{kind: eachValue, call: c, path: path} }

// Max bounds a list: further values are left out. A bound is from 1 to 1000.
func (v Value) Max(n int) Value {
	v.max = n
	return v
}
