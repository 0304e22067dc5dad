package aggregation

import (
	"net/http"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// lacking says why a source is none; it is empty for one that is.
func lacking(s Source) string {
	switch s := s.(type) {
	case *Call:
		if s != nil {
			return ""
		}
	case Joined:
		if s.into != nil && s.from != nil {
			return ""
		}
		return "join: expected two calls"
	case *Each:
		if s != nil && s.of != nil && s.call != nil {
			return ""
		}
		return "for each: expected a call"
	}
	return "from: expected a call, or what Join or ForEach makes of one"
}

// isName is whether a text can name a member where clients choose fields and where
// an answer says what it lacks.
func isName(s string) bool {
	other := func(r rune) bool {
		return r != '_' && r != '-' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
	}
	return s != "" && !strings.ContainsFunc(s, other)
}

// connection are headers that say how a request is sent, which whoever sends it knows.
var connection = []string{
	"Connection", "Content-Encoding", "Content-Length", "Content-Type", "Expect", "Host", "Keep-Alive",
	"Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// headerName checks the name of a call's header.
func (c *compiler) headerName(to *call, from *Call, name string) string {
	canonical := http.CanonicalHeaderKey(name)
	reserved := slices.Contains(connection, canonical) || from.grpc != "" && strings.HasPrefix(canonical, "Grpc-")
	if reserved || !httpguts.ValidHeaderFieldName(name) {
		c.fault(from.place(), "header %q: is not a call's to set", name)
	}
	if slices.ContainsFunc(to.header, func(line headerLine) bool { return line.name == canonical }) {
		c.fault(from.place(), "header %q: stands twice", name)
	}
	return canonical
}

// headerText checks a header that does not change. gRPC sends less than HTTP.
func (c *compiler) headerText(from *Call, name, text string) {
	beyond := func(r rune) bool { return r < ' ' || r > '~' }
	if !httpguts.ValidHeaderFieldValue(text) || from.grpc != "" && strings.ContainsFunc(text, beyond) {
		c.fault(from.place(), "header %q: no header can have the value %q", name, text)
	}
}

// target checks the path of an HTTP call, which is sent as it stands.
func (c *compiler) target(from *Call, pieces []string) {
	text := strings.Join(pieces, "")
	if !strings.HasPrefix(from.target, "/") || strings.ContainsAny(text, "?#") {
		c.fault(from.place(), "expected a path that begins with a slash; a query goes into aggregation.Query")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`{}"<>\^|`, r) }) {
		c.fault(from.place(), "expected an escaped path, with {} where a value stands")
	}
}

// value checks what is said of a value itself, wherever it stands.
func (c *compiler) value(place string, v Value) {
	if v.max != 0 && v.kind != eachValue {
		c.fault(place, "%s: Max is for lists", v)
	}
	if v.or != "" && !isScalar(v.or) {
		c.fault(place, "%s: or: expected a string, a number, a bool or nil, not %s", v, v.or)
	}
}

// text reports a value that has no text: the whole body is a document.
func (c *compiler) text(from *Call, what string, v Value) {
	if v.kind == bodyValue && v.path == "" {
		c.fault(from.place(), "%s: the whole body is no text; take aggregation.BodyValue", what)
	}
}

// isScalar is whether what Or has made of its argument is no array, no object, and JSON.
func isScalar(or string) bool {
	switch or[0] {
	case '{', '[', notJSON:
		return false
	}
	return true
}

// plain is whether a constant among fields is what it looks like in JSON. A Value that
// is within something else would be lost without a trace.
func plain(t reflect.Type) bool {
	if t == nil {
		return true
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	case reflect.Slice:
		return plain(t.Elem())
	}
	return false
}

// checkCondition reports one that cannot decide anything.
func (c *compiler) checkCondition(from *Call, when *Condition) {
	switch when.op {
	case always:
		c.fault(from.place(), "when: an empty condition")
	case in:
		if len(when.want) == 0 {
			c.fault(from.place(), "when: %s is none of no values", when.value)
		}
	case test:
		if when.test == nil || len(when.values) == 0 {
			c.fault(from.place(), "when: a test needs a function and values")
		}
	case all, anyOf:
		if len(when.of) == 0 {
			c.fault(from.place(), "when: an empty All or Any")
		}
	}
}
