package projection

import (
	"slices"
	"strings"
)

// A Mask is a compiled field mask. It never changes, and any number of
// goroutines may use it at once. Its zero value selects nothing and is of no use;
// [Compile] makes one.
type Mask struct {
	text string
	root *node
	pass *Pass // the mask alone
}

// Whole returns the mask that copies all of a document, whatever it is.
func Whole() *Mask { return newMask("", &node{kind: leaf}) }

func newMask(text string, root *node) *Mask {
	m := &Mask{text: text, root: root}
	m.pass = NewPass(m, nil, Limits{})
	return m
}

// Project appends to dst what the mask selects from src. It is [Pass.Run] without
// captures and limits, and keeps its promises.
func (m *Mask) Project(dst, src []byte) ([]byte, error) {
	out, _, err := m.pass.Run(dst, src, nil)
	return out, err
}

// String returns the text that the mask was compiled from; of a narrowed mask, one
// that it could have been compiled from; of [Whole], nothing.
func (m *Mask) String() string { return m.text }

// Names returns the names of the members that the mask can write at the top of its
// output, in its own order. closed is false when they cannot be known from the
// mask: it copies what is there, or writes an array.
func (m *Mask) Names() (names []string, closed bool) {
	if m.root.kind != object || m.root.rest {
		return nil, false
	}
	return m.root.names(nil), true
}

func (nd *node) names(list []string) []string {
	for _, f := range nd.fields {
		child := f.node
		for child.name == nil && child.kind == index {
			child = child.elem
		}
		if child.name != nil {
			list = append(list, child.output())
		} else {
			list = child.names(list)
		}
	}
	return list
}

// Paths returns what the mask names of a document, in its own order, in the
// notation of [CompilePath], with "[]" wherever the mask goes through an array:
// {id,items[:3]{price.amount}} names id and items[].price.amount. What a mask
// excludes is among it, what it copies beside that is not. It is for checks of a
// mask against a schema.
func (m *Mask) Paths() []string {
	if m.root.kind == leaf {
		return nil
	}
	return m.root.paths(nil, "")
}

// Shows reports whether the mask writes something of what stands at a path of names
// (items.book), or all of what is around it. Arrays are gone through.
func (m *Mask) Shows(path string) bool {
	names := strings.Split(path, ".")
	nd := m.root
	for {
		switch {
		case nd.kind == leaf:
			return true
		case nd.kind == excluded:
			return false
		case nd.kind == each, nd.kind == index:
			nd = nd.elem
		case len(names) == 0:
			return true
		case nd.kind == every:
			nd, names = nd.elem, names[1:]
		default:
			i := slices.IndexFunc(nd.fields, func(f field) bool { return f.name == names[0] })
			if i < 0 {
				return nd.rest
			}
			nd, names = nd.fields[i].node, names[1:]
		}
	}
}

type kind uint8

const (
	undecided kind = iota // still being compiled
	leaf                  // copy the value
	object                // descend into members
	every                 // descend into every member, under its own name
	each                  // descend into every element, up to limit
	index                 // descend into one element
	excluded              // write nothing of it: a member of an object with rest
)

// A node is one step of a mask. A flat node writes no container of its own: what
// is selected below it goes into the container around it.
type node struct {
	kind   kind
	flat   bool
	rest   bool    // object: copy the members that are not among the fields
	limit  int     // each
	index  int     // index
	elem   *node   // every, each and index
	name   []byte  // `,"name":`, written before the value; empty for elements
	fields []field // object
}

// A field is a member that an object node names.
type field struct {
	name string
	node *node
}

// maxFields bounds what a mask selects of one object.
const maxFields = 64

// opens is the byte that a value must begin with for nd to descend into it.
func (nd *node) opens() byte {
	switch nd.kind {
	case object, every:
		return '{'
	case each, index:
		return '['
	}
	return 0
}

func (nd *node) paths(list []string, at string) []string {
	dot := "."
	if at == "" {
		dot = ""
	}
	switch nd.kind {
	case object:
		for _, f := range nd.fields {
			list = f.node.paths(list, at+dot+f.name)
		}
		return list
	case every:
		return nd.elem.paths(list, at+dot+"*")
	case each:
		return nd.elem.paths(list, at+"[]")
	case index:
		return nd.elem.paths(list, at+nd.element())
	}
	return append(list, at)
}
