package projection

import (
	"slices"
	"strings"
)

// An UnknownFieldError says that a client selected what a mask does not offer.
type UnknownFieldError struct {
	Path []string // the names from the top of the output to the unknown one

	// Whole says that the mask copies what stands around the field as it is: it may
	// be there, but offers no fields of its own to choose from.
	Whole bool
}

func (e *UnknownFieldError) Error() string {
	path := strings.Join(e.Path, ".")
	if around := len(e.Path) - 1; e.Whole && around > 0 {
		return "projection: " + strings.Join(e.Path[:around], ".") + " offers no fields of its own: " + path + " cannot be selected"
	}
	return "projection: there is no field " + path
}

// Narrow returns the mask that writes what m writes as far as s selects it. The
// names of s are those of the output, after renaming and flattening; arrays are
// looked through: they keep their elements, and s selects inside of these. Where
// only the document knows the names, beside an exclusion and below a wildcard, any
// name can be selected that is not excluded. nil selects all. The error is an [*UnknownFieldError].
func (m *Mask) Narrow(s *Selection) (*Mask, error) {
	if s == nil {
		return m, nil
	}
	var n narrower
	root := n.value(m.root, s)
	if n.err != nil {
		return nil, n.err
	}
	return newMask(root.print(), root), nil
}

type narrower struct {
	at  []string // the names on the way to the current value
	err *UnknownFieldError
}

func (n *narrower) unknown(name string, whole bool) {
	if n.err == nil {
		n.err = &UnknownFieldError{append(slices.Clone(n.at), name), whole}
	}
}

// value narrows what is written as one value to what s selects inside of it.
func (n *narrower) value(nd *node, s *Selection) *node {
	narrowed := *nd
	switch {
	case nd.kind == leaf:
		n.unknown(s.parts[0].name, true)
	case nd.kind == each || nd.kind == index:
		narrowed.elem = n.value(nd.elem, s)
	case nd.flat: // one step of those that lead to the value
		f := nd.fields[0]
		narrowed.fields = []field{{f.name, n.value(f.node, s)}}
	case nd.kind == every || nd.rest:
		narrowed.kind, narrowed.rest, narrowed.elem = object, false, nil
		narrowed.fields = n.open(nd, s)
	default:
		had := map[string]bool{}
		narrowed.fields = n.fields(nd, s, had)
		for _, p := range s.parts {
			if !had[p.name] {
				n.unknown(p.name, false)
			}
		}
	}
	return &narrowed
}

// open makes fields of what s selects of an object whose names only the document
// knows.
func (n *narrower) open(nd *node, s *Selection) []field {
	fields := make([]field, len(s.parts))
	for i, p := range s.parts {
		below, _ := nd.below(p.name)
		if below.kind == excluded {
			n.unknown(p.name, false)
		}
		fields[i] = field{p.name, n.part(below, p).named(p.name)}
	}
	return fields
}

// part narrows nd, a member that p selects, to what p selects of it.
func (n *narrower) part(nd *node, p part) *node {
	if p.sub == nil {
		return nd
	}
	n.at = append(n.at, p.name)
	narrowed := n.value(nd, p.sub)
	n.at = n.at[:len(n.at)-1]
	return narrowed
}

// named returns nd as a member that is written under name: the first step on the
// way that is written has it.
func (nd *node) named(name string) *node {
	named := *nd
	switch {
	case !nd.flat:
		named.name = []byte(`,"` + name + `":`)
	case nd.kind == index:
		named.elem = nd.elem.named(name)
	default:
		f := nd.fields[0]
		named.fields = []field{{f.name, f.node.named(name)}}
	}
	return &named
}

// fields narrows the members of an object that is written, or flattened into one
// that is.
func (n *narrower) fields(nd *node, s *Selection, had map[string]bool) []field {
	var fields []field
	for _, f := range nd.fields {
		if child := n.member(f.node, s, had); child != nil {
			fields = append(fields, field{f.name, child})
		}
	}
	return fields
}

// member narrows a member: nil when nothing of it is selected.
func (n *narrower) member(nd *node, s *Selection, had map[string]bool) *node {
	narrowed := *nd
	switch {
	case nd.name != nil:
		i, selected := s.find(nd.output())
		if !selected {
			return nil
		}
		had[s.parts[i].name] = true
		return n.part(nd, s.parts[i])
	case nd.kind == index:
		narrowed.elem = n.member(nd.elem, s, had)
		if narrowed.elem == nil {
			return nil
		}
	default:
		narrowed.fields = n.fields(nd, s, had)
		if narrowed.fields == nil {
			return nil
		}
	}
	return &narrowed
}
