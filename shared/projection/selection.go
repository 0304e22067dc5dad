package projection

import (
	"slices"
	"strings"
)

// Bounds of what a client may ask for.
const (
	maxSelectionText   = 2 << 10 // bytes
	maxSelectionPaths  = 50      // names without names of their own
	maxSelectionLevels = 16
)

// A Selection is what a client chose of an answer: names of the output, and what
// is chosen inside of them. It never changes.
type Selection struct{ parts []part }

// A part is one name, and what is chosen inside of it: nil is all of it.
type part struct {
	name string
	sub  *Selection
}

// ParseSelection reads a list of names, each with a list of its own in parentheses
// if only a part of it is wanted: items(id,title),next. White space may stand
// between any two symbols. Names are those of a mask. A name that is repeated in
// its list is refused, and so is a text of more than 2 KB, of more than 50 names
// that have no list, or of more than 16 levels. The error is a [*SyntaxError].
func ParseSelection(text string) (*Selection, error) {
	c := &compiler{text: text}
	if len(text) > maxSelectionText {
		c.text = text[:maxSelectionText]
		c.fail(maxSelectionText, "expected at most %d bytes", maxSelectionText)
		return nil, c.err
	}
	paths := 0
	s := c.selection(1, &paths)
	if c.err == nil && c.peek() != 0 || c.i < len(text) {
		c.fail(c.i, "expected ',' or the end of the selection")
	}
	if c.err != nil {
		return nil, c.err
	}
	return s, nil
}

// selection reads name(name,name),name.
func (c *compiler) selection(level int, paths *int) *Selection {
	s := &Selection{}
	for more := true; more && c.err == nil; more = c.eat(',') {
		c.space()
		start := c.i
		p := part{name: c.name()}
		i, known := s.find(p.name)
		if known {
			c.fail(start, "%q is already selected", p.name)
		}
		opening := c.i
		switch {
		case !c.eat('('):
			if *paths++; *paths > maxSelectionPaths {
				c.fail(start, "expected at most %d names without a list", maxSelectionPaths)
			}
		case level == maxSelectionLevels:
			c.fail(opening, "expected at most %d levels", maxSelectionLevels)
		default:
			p.sub = c.selection(level+1, paths)
			if c.err == nil && !c.eat(')') {
				c.fail(c.i, "expected ',' or ')'")
			}
		}
		s.parts = slices.Insert(s.parts, i, p)
	}
	return s
}

// find returns where name stands, or would: the parts are sorted.
func (s *Selection) find(name string) (int, bool) {
	return slices.BinarySearchFunc(s.parts, name, func(p part, name string) int { return strings.Compare(p.name, name) })
}

// String returns the selection with its names sorted and without white space, so
// that selections of the same are the same text.
func (s *Selection) String() string { return string(s.append(nil)) }

func (s *Selection) append(b []byte) []byte {
	for i, p := range s.parts {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, p.name...)
		if p.sub != nil {
			b = append(p.sub.append(append(b, '(')), ')')
		}
	}
	return b
}

// Names returns the selected names of the top level, sorted.
func (s *Selection) Names() []string {
	names := make([]string, len(s.parts))
	for i, p := range s.parts {
		names[i] = p.name
	}
	return names
}

// Sub returns what is selected inside of name: nil is all of it, also when name
// itself is not selected.
func (s *Selection) Sub(name string) *Selection {
	if i, ok := s.find(name); ok {
		return s.parts[i].sub
	}
	return nil
}
