package aggregation

import (
	"encoding/json"
	"fmt"
)

// A Value is something that becomes known while a request is served: of the
// request itself, of its caller, or of another call's answer.
type Value struct {
	kind valueKind
	name string // of the claim, parameter or header
	call *Call  // whose answer
	item *Each  // whose element
	path string // into the answer, the element or the request's body; empty is all of it
	max  int    // of a list; zero is no bound, which a plan refuses
	or   string // JSON that stands for it where there is none; empty for nothing
}

type valueKind uint8

const (
	noValue valueKind = iota
	claimValue
	pathValue
	queryValue
	headerValue
	bodyValue
	itemValue
	answerValue // one value
	eachValue   // a list of values
)

func (v Value) apply(c *Call) {
	if v.kind == bodyValue && v.path == "" {
		c.content = &v
		return
	}
	c.path = append(c.path, v)
}

// Claim is a claim of the caller's identity, such as "sub". A request without
// it is refused as forbidden.
func Claim(name string) Value { return Value{kind: claimValue, name: name} }

// PathParam is a parameter of the endpoint's own path.
func PathParam(name string) Value { return Value{kind: pathValue, name: name} }

// QueryParam is a query parameter of the client's request. A request without it
// is refused as bad.
func QueryParam(name string) Value { return Value{kind: queryValue, name: name} }

// HeaderField is a header of the client's request, of several lines the first. A
// request without it is refused as bad.
func HeaderField(name string) Value { return Value{kind: headerValue, name: name} }

// BodyValue is the string, number or boolean at path in the JSON body of the
// client's request. A request without it is refused as bad.
func BodyValue(path string) Value { return Value{kind: bodyValue, path: path} }

// Body is the whole JSON body of the client's request, as it was received: as an
// argument of a Post, Put or Patch it is that call's body, and among [Fields] one
// member of it. Every call that names it gets it. A request without a body, or whose
// body is null, is refused as bad.
func Body() Value { return Value{kind: bodyValue} }

// Value is the value at path in c's answer, as the service sent it: masks do
// not hide it. The empty path is the whole answer, even null. Where the answer has none, what
// needs it fails; where c was skipped, it is skipped too. [Value.Or] changes both.
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

// Or is the value, or where there is none this string, number, bool or nil: where
// the request or the answer has none, or it is null there, and where the call whose
// answer has it failed or was skipped. Of nil, a query parameter and a header are left
// out, and a list in a body is empty.
func (v Value) Or(other any) Value {
	text, err := json.Marshal(other)
	if err != nil {
		text = fmt.Appendf(nil, "%c%T", notJSON, other) // which a plan refuses
	}
	v.or = string(text)
	return v
}

// notJSON begins what stands in the place of JSON that could not be made.
const notJSON = '!'

// ofRequest is whether the value is known when the request is.
func (v Value) ofRequest() bool { return v.kind >= claimValue && v.kind <= bodyValue }
