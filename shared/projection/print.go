package projection

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// output is the name that a member is written under.
func (nd *node) output() string {
	return strings.TrimSuffix(strings.TrimPrefix(string(nd.name), `,"`), `":`)
}

// print returns a mask that compiles to nd.
func (nd *node) print() string {
	var p printer
	p.steps(nd, "")
	return string(p)
}

type printer []byte

// steps writes all that follows the name of a value, and returns the last name on
// the way to what is selected.
func (p *printer) steps(nd *node, last string) string {
	switch {
	case nd.kind == each && nd.limit < math.MaxInt:
		*p = append(*p, "[:"+strconv.Itoa(nd.limit)+"]"...)
		return p.steps(nd.elem, last)
	case nd.kind == each:
		*p = append(*p, "[]"...)
		return p.steps(nd.elem, last)
	case nd.kind == index:
		*p = append(*p, nd.element()...)
		return p.steps(nd.elem, last)
	case nd.kind == every:
		*p = append(*p, "{*"...)
		p.steps(nd.elem, "")
		*p = append(*p, '}')
	case nd.kind == object && nd.flat:
		f := nd.fields[0]
		*p = append(append(*p, '.'), f.name...)
		return p.steps(f.node, f.name)
	case nd.kind == object:
		*p = append(*p, '{')
		p.fields(nd, "")
		(*p)[len(*p)-1] = '}' // it was the last comma
	}
	return last
}

func (nd *node) element() string { return "[" + strconv.Itoa(nd.index) + "]" }

// fields writes every member of the output that nd leads to, and a comma behind
// each; way is the steps to nd from the object that is written.
func (p *printer) fields(nd *node, way string) {
	for _, f := range nd.fields {
		if f.node.kind == excluded {
			*p = append(*p, "-"+f.name+","...)
		} else {
			p.field(f.node, way+f.name, f.name)
		}
	}
}

func (p *printer) field(nd *node, way, last string) {
	switch {
	case nd.name != nil:
		start := len(*p)
		*p = append(*p, way...)
		if name := nd.output(); p.steps(nd, last) != name {
			*p = slices.Insert(*p, start, []byte(name+":")...)
		}
		*p = append(*p, ',')
	case nd.kind == index:
		p.field(nd.elem, way+nd.element(), last)
	default:
		p.fields(nd, way+".")
	}
}
