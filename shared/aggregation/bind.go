package aggregation

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

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

// fields is a node of a gRPC request or of a body: constant JSON, a value, an object or a list.
type fields struct {
	constant []byte // JSON, when not nil
	slot     int    // of a value, when open is 0
	list     bool   // the value is one
	open     byte   // '{' or '[' for members
	members  []member
}

type member struct {
	key   []byte // the encoded name and a colon; empty in lists
	value fields
}

func (c *compiler) queryParam(to *call, from *Call, name string, value any) queryParam {
	p := queryParam{prefix: url.QueryEscape(name) + "=", slot: -1}
	switch v := value.(type) {
	case Value:
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
		key, _ := json.Marshal(name)
		node.members = append(node.members, member{key: append(key, ':'), value: c.field(to, from, path, members[name])})
	}
	return node
}

func (c *compiler) field(to *call, from *Call, path string, value any) fields {
	switch v := value.(type) {
	case Value:
		return fields{slot: c.input(to, from, v), list: v.kind == eachValue}
	case Fields:
		return *c.object(to, from, path, v)
	case []any:
		list := fields{open: '['}
		for _, element := range v {
			list.members = append(list.members, member{value: c.field(to, from, path, element)})
		}
		return list
	}
	constant, err := json.Marshal(value)
	if err != nil {
		c.fault(from.place(), "field %q: %v", path, err)
	}
	return fields{constant: constant}
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
		text, err := projection.Text(in[slot][0])
		if text == "" || text == "." || text == ".." {
			err = cmp.Or(err, errSegment)
		}
		if err != nil {
			return nil, inputs[slot].misfit(err)
		}
		dst = append(dst, url.PathEscape(text)...)
	}
	return dst, nil
}

// misfit is the problem of a value that cannot stand where it is used: of
// whoever gave it.
func (in *input) misfit(err error) error {
	if in.call != nil {
		return problem.BadUpstream.Wrap(fmt.Errorf("%s of %s: %w", in.path, in.call.place(), err), "")
	}
	return problem.BadRequest.Wrap(fmt.Errorf("%s: %w", in.name, err), "a value of the request cannot be used")
}

// appendQuery renders the query.
func appendQuery(dst []byte, params []queryParam, in values, inputs []input) ([]byte, error) {
	for i, p := range params {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(dst, p.prefix...)
		if p.slot < 0 {
			continue
		}
		for k, raw := range in[p.slot] {
			text, err := projection.Text(raw)
			if err != nil {
				return nil, inputs[p.slot].misfit(err)
			}
			if k > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, url.QueryEscape(text)...)
		}
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
