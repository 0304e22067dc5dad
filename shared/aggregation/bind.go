package aggregation

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/projection"
)

// template is a path with places for values.
type template struct {
	pieces []string
	inputs []int // between the pieces
}

// queryParam is one parameter of a call's query.
type queryParam struct {
	prefix string // the encoded name and an equals sign, and the value when it does not change
	input  int    // -1 for a value that does not change
}

// fields is a node of a gRPC request: constant JSON, a value, an object or a list.
type fields struct {
	constant []byte // JSON, when not nil
	input    int    // a value, when members and constant are nil
	open     byte   // '{' or '[' for members
	members  []member
}

type member struct {
	key   []byte // the encoded name and a colon; empty in lists
	value fields
}

func (c *compiler) queryParam(to *call, from *Call, name string, value any) queryParam {
	p := queryParam{prefix: url.QueryEscape(name) + "=", input: -1}
	switch v := value.(type) {
	case Value:
		p.input = c.input(to, from, v)
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

// object compiles request fields; at is the path of the message within the request.
func (c *compiler) object(to *call, from *Call, at string, members Fields) *fields {
	node := &fields{open: '{', input: -1}
	for _, name := range sortedKeys(members) {
		path := strings.TrimPrefix(at+"."+name, ".")
		if err := to.request.RPC.CheckInput(path); err != nil {
			c.fault(from.place(), "%v", err)
		}
		key, _ := json.Marshal(name)
		node.members = append(node.members, member{key: append(key, ':'), value: c.field(to, from, path, members[name])})
	}
	return node
}

func (c *compiler) field(to *call, from *Call, path string, value any) fields {
	switch v := value.(type) {
	case Value:
		return fields{input: c.input(to, from, v)}
	case Fields:
		return *c.object(to, from, path, v)
	case []any:
		list := fields{open: '[', input: -1}
		for _, element := range v {
			list.members = append(list.members, member{value: c.field(to, from, path, element)})
		}
		return list
	}
	constant, err := json.Marshal(value)
	if err != nil {
		c.fault(from.place(), "field %q: %v", path, err)
	}
	return fields{constant: constant, input: -1}
}

// values of one request, by input; each is a list of raw JSON.
type values [][][]byte

// appendPath renders the path. A value is one whole segment or a piece of one,
// never an empty or a dot segment.
func (t *template) appendPath(dst []byte, in values) ([]byte, error) {
	for i, piece := range t.pieces {
		dst = append(dst, piece...)
		if i == len(t.inputs) {
			break
		}
		text, err := projection.Text(in[t.inputs[i]][0])
		if err != nil {
			return nil, problem.BadUpstream.Wrap(err, "")
		}
		if text == "" || text == "." || text == ".." {
			return nil, problem.BadRequest.New("a value cannot stand in a path")
		}
		dst = append(dst, url.PathEscape(text)...)
	}
	return dst, nil
}

// appendQuery renders the query.
func appendQuery(dst []byte, params []queryParam, in values) ([]byte, error) {
	for i, p := range params {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(dst, p.prefix...)
		if p.input < 0 {
			continue
		}
		for k, raw := range in[p.input] {
			text, err := projection.Text(raw)
			if err != nil {
				return nil, problem.BadUpstream.Wrap(err, "")
			}
			if k > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, url.QueryEscape(text)...)
		}
	}
	return dst, nil
}

// appendJSON renders a gRPC request. Values stay as they were received, so
// large integers stay exact.
func (f *fields) appendJSON(dst []byte, inputs []input, in values) []byte {
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
			dst = f.members[i].value.appendJSON(dst, inputs, in)
		}
		return append(dst, f.open+2) // '}' follows '{' and ']' follows '[' at a distance of two
	case inputs[f.input].value.kind == eachValue:
		dst = append(dst, '[')
		for i, raw := range in[f.input] {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, raw...)
		}
		return append(dst, ']')
	default:
		return append(dst, in[f.input][0]...)
	}
}
