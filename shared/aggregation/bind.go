package aggregation

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/triptych-bff/triptych/shared/http1"
	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/projection"
)

// template is a path with places for values.
type template struct {
	pieces []string
	slots  []int // of the values between the pieces
}

// queryParam is one parameter of a call's query.
type queryParam struct {
	prefix string // the encoded name and an equals sign, and the value when it does not change
	slot   int    // -1 for a value that does not change
}

// headerLine is one header of a call.
type headerLine struct {
	name  string
	value string // when it does not change
	slot  int    // -1 for a value that does not change
}

// fields is a node of a gRPC request or of a body: constant JSON, a value, an object or a list.
type fields struct {
	constant []byte // JSON, when not nil
	slot     int    // of a value, when open is 0
	list     bool   // the value is one
	open     byte   // '{' or '[' for members
	members  []field
}

type field struct {
	key   []byte // the encoded name and a colon; empty in lists
	value fields
}

func (c *compiler) queryParam(to *call, from *Call, name string, value any) queryParam {
	p := queryParam{prefix: url.QueryEscape(name) + "=", slot: -1}
	switch v := value.(type) {
	case Value:
		c.text(from, "query "+strconv.Quote(name), v)
		p.slot = c.input(to, from, v)
	case string:
		p.prefix += url.QueryEscape(v)
	case int:
		p.prefix += strconv.Itoa(v)
	case bool:
		p.prefix += strconv.FormatBool(v)
	default:
		c.fault(from.place(), "query %q: expected a string, an int, a bool or a Value, not %T", name, value)
	}
	return p
}

func (c *compiler) headerLine(to *call, from *Call, name string, value any) headerLine {
	line := headerLine{name: c.headerName(to, from, name), slot: -1}
	switch v := value.(type) {
	case Value:
		c.text(from, "header "+strconv.Quote(name), v)
		line.slot = c.input(to, from, v)
	case string:
		c.headerText(from, name, v)
		line.value = v
	default:
		c.fault(from.place(), "header %q: expected a string or a Value, not %T", name, value)
	}
	return line
}

// object compiles fields; at is the path of the object within the request.
func (c *compiler) object(to *call, from *Call, at string, members Fields) *fields {
	node := &fields{open: '{'}
	for _, name := range sortedKeys(members) {
		path := strings.TrimPrefix(at+"."+name, ".")
		if rpc := to.request.RPC; rpc != nil {
			if err := rpc.CheckInput(path); err != nil {
				c.fault(from.place(), "%v", err)
			}
		}
		node.members = append(node.members, field{key: memberKey(name), value: c.field(to, from, path, members[name])})
	}
	return node
}

// memberKey is a name as a member's: encoded, and a colon.
func memberKey(name string) []byte {
	key, _ := json.Marshal(name) // a string
	return append(key, ':')
}

func (c *compiler) field(to *call, from *Call, path string, value any) fields {
	switch v := value.(type) {
	case Value:
		return fields{slot: c.input(to, from, v), list: v.kind == eachValue}
	case Fields:
		return *c.object(to, from, path, v)
	}
	if list, ok := listed(value); ok {
		node := fields{open: '['}
		for _, element := range list {
			node.members = append(node.members, field{value: c.field(to, from, path, element)})
		}
		return node
	}
	if !plain(reflect.TypeOf(value)) {
		c.fault(from.place(), "field %q: expected a string, a number, a bool, a Value, a list of these or Fields, not %T", path, value)
		return fields{constant: null}
	}
	constant, err := json.Marshal(value)
	if err != nil {
		c.fault(from.place(), "field %q: %v", path, err)
	}
	return fields{constant: constant}
}

// listed is the elements of a list of any type but bytes.
func listed(list any) (elements []any, ok bool) {
	v := reflect.ValueOf(list)
	if v.Kind() != reflect.Slice || v.Type().Elem().Kind() == reflect.Uint8 {
		return nil, false
	}
	for i := range v.Len() {
		elements = append(elements, v.Index(i).Interface())
	}
	return elements, true
}

// values are those that are known in one run, by slot; each is a list of raw JSON.
type values [][][]byte

// errSegment says that a value would change which path is asked for.
var errSegment = errors.New("an empty or a dot segment")

// appendPath renders the path. A value is one whole segment or a piece of one,
// never an empty or a dot segment.
func (t *template) appendPath(dst []byte, in values, inputs []input) ([]byte, error) {
	for i, piece := range t.pieces {
		dst = append(dst, piece...)
		if i == len(t.slots) {
			break
		}
		slot := t.slots[i]
		text, err := scalar(in[slot][0])
		if t := string(text); t == "" || t == "." || t == ".." {
			err = cmp.Or(err, errSegment)
		}
		if err != nil {
			return nil, inputs[slot].misfit(err)
		}
		dst = appendEscaped(dst, text, url.PathEscape)
	}
	return dst, nil
}

// scalar is the text of a string, a number or a boolean.
func scalar(raw []byte) ([]byte, error) {
	text, err := textOf(raw)
	if text == nil && err == nil {
		err = projection.ErrNoText
	}
	return text, err
}

// appendEscaped appends a text in the form that escape gives it, which is often the
// text itself: then nothing is copied twice.
func appendEscaped(dst, text []byte, escape func(string) string) []byte {
	for _, c := range text {
		if !unreserved(c) {
			return append(dst, escape(string(text))...)
		}
	}
	return append(dst, text...)
}

// unreserved are the characters that stand for themselves everywhere in a URI (RFC
// 3986 §2.3).
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// misfit is the problem of a value that cannot stand where it is used: of
// whoever gave it.
func (in *input) misfit(err error) error {
	if !in.ofRequest() {
		return problem.BadUpstream.Wrap(fmt.Errorf("%s: %w", in.Value, err), "")
	}
	return problem.BadRequest.Wrap(fmt.Errorf("%s: %w", in.Value, err), "a value of the request cannot be used")
}

// leftOut is whether a value is null, as only [Value.Or] makes it.
func (v values) leftOut(slot int) bool { return slot >= 0 && isNull(v[slot][0]) }

// appendQuery renders the query. A parameter that is null is left out.
func appendQuery(dst []byte, params []queryParam, in values, inputs []input) ([]byte, error) {
	begin := len(dst)
	for _, p := range params {
		if in.leftOut(p.slot) {
			continue
		}
		if len(dst) > begin {
			dst = append(dst, '&')
		}
		dst = append(dst, p.prefix...)
		if p.slot < 0 {
			continue
		}
		for k, raw := range in[p.slot] {
			text, err := scalar(raw)
			if err != nil {
				return nil, inputs[p.slot].misfit(err)
			}
			if k > 0 {
				dst = append(dst, ',')
			}
			dst = appendEscaped(dst, text, url.QueryEscape)
		}
	}
	return dst, nil
}

var errHeader = errors.New("no header can have it")

// appendHeader renders the headers that a call has of its own. One that is null is
// left out. A value that could end a line is refused, and so is one that would be two
// of its list.
func appendHeader(dst http1.Fields, lines []headerLine, in values, inputs []input) (http1.Fields, error) {
	for _, line := range lines {
		if in.leftOut(line.slot) {
			continue
		}
		value := line.value
		if line.slot >= 0 {
			list := make([]string, 0, 1)
			for _, raw := range in[line.slot] {
				text, err := projection.Text(raw)
				if !httpguts.ValidHeaderFieldValue(text) || inputs[line.slot].kind == eachValue && strings.Contains(text, ",") {
					err = cmp.Or(err, errHeader)
				}
				if err != nil {
					return nil, inputs[line.slot].misfit(err)
				}
				list = append(list, text)
			}
			value = strings.Join(list, ", ")
		}
		dst = append(dst, http1.Field{Name: line.name, Value: value})
	}
	return dst, nil
}

// appendJSON renders a gRPC request or a body. Values stay as they were received, so
// large integers stay exact.
func (f *fields) appendJSON(dst []byte, in values) []byte {
	switch {
	case f.constant != nil:
		return append(dst, f.constant...)
	case f.open != 0:
		dst = append(dst, f.open)
		for i := range f.members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, f.members[i].key...)
			dst = f.members[i].value.appendJSON(dst, in)
		}
		return append(dst, f.open+2) // '}' follows '{' and ']' follows '[' at a distance of two
	case f.list && in.leftOut(f.slot):
		return append(dst, "[]"...)
	case f.list:
		dst = append(dst, '[')
		for i, raw := range in[f.slot] {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, raw...)
		}
		return append(dst, ']')
	default:
		return append(dst, in[f.slot][0]...)
	}
}
