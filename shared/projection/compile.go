package projection

import (
	"fmt"
	"math"
)

// A SyntaxError says what is wrong with a mask or a path and where.
type SyntaxError struct {
	Mask    string // the whole text
	Offset  int    // the byte at which it goes wrong, counted from 0
	Message string // what was expected there, or why what stands there is refused
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("projection: %q, byte %d: %s", e.Mask, e.Offset, e.Message)
}

// maxLevels bounds the recursion over a mask, at compile time and per document.
const maxLevels = 64

// Compile reads a mask; the package comment has its grammar. The error is a
// [*SyntaxError].
func Compile(mask string) (*Mask, error) {
	c := &compiler{text: mask}
	root := c.root()
	c.space()
	if c.err == nil && c.i < len(mask) {
		c.fail(c.i, "expected the end of the mask")
	}
	if c.err != nil {
		return nil, c.err
	}
	return newMask(mask, root), nil
}

// A compiler reads the text of a mask or a path. The first fault stops it: err
// is set, and peek then shows the end of the text.
type compiler struct {
	text string
	i    int
	last string // the name that was read last
	err  *SyntaxError
}

func (c *compiler) fail(offset int, format string, args ...any) {
	if c.err == nil {
		c.err = &SyntaxError{Mask: c.text, Offset: offset, Message: fmt.Sprintf(format, args...)}
	}
}

func (c *compiler) space() {
	for c.i < len(c.text) && isSpace(c.text[c.i]) {
		c.i++
	}
}

func (c *compiler) peek() byte {
	c.space()
	if c.err != nil || c.i >= len(c.text) {
		return 0
	}
	return c.text[c.i]
}

func (c *compiler) eat(b byte) bool {
	if c.peek() != b {
		return false
	}
	c.i++
	return true
}

func (c *compiler) root() *node {
	root := &node{}
	switch c.peek() {
	case '{':
		c.members(root, 0)
	case '[':
		if last, outer, level := c.steps(root, 1); last != nil {
			c.end(last, outer, level)
		}
	default:
		c.fail(c.i, "expected '{' or '['")
	}
	return root
}

// end reads what stands behind a member's steps: its own members, or nothing.
func (c *compiler) end(last, outer *node, level int) {
	if outer == nil {
		outer = last
	}
	outer.flat = false
	if c.peek() == '{' {
		c.members(last, level)
		return
	}
	last.kind = leaf
}

// members reads {member,member} or {*} into nd.
func (c *compiler) members(nd *node, level int) {
	c.eat('{')
	if c.eat('*') {
		c.every(nd, level)
		return
	}
	nd.kind = object
	w := written{names: map[string]bool{}}
	for more := true; more; more = c.eat(',') {
		c.space()
		if start := c.i; c.eat('-') {
			c.exclude(nd, start)
		} else {
			c.member(nd, &w, level)
		}
	}
	if c.err == nil && !c.eat('}') {
		c.fail(c.i, "expected ',' or '}'")
	}
	if nd.rest && w.elsewhere {
		c.fail(w.at, "beside an exclusion all is copied under its own name: expected a name with {…} or [] behind it")
	}
}

// every reads what stands behind {*.
func (c *compiler) every(nd *node, level int) {
	nd.kind, nd.elem = every, &node{}
	if last, outer, level := c.steps(nd.elem, level+1); last != nil {
		c.end(last, outer, level)
	}
	switch c.peek() {
	case ',':
		c.fail(c.i, "expected '}': '*' writes every member, and stands alone")
	case ':':
		c.fail(c.i, "expected '}': '*' keeps the names of the document")
	}
	if c.err == nil && !c.eat('}') {
		c.fail(c.i, "expected '}'")
	}
}

// exclude reads the name behind a '-'.
func (c *compiler) exclude(nd *node, start int) {
	child := c.child(nd, c.name(), start)
	if child.kind != undecided {
		c.fail(start, "what is excluded here is %s by another member", child.taken())
	}
	nd.rest, child.kind = true, excluded
}

// written is what one output object has, and the first of its members that is not
// a part of the document's member of the same name.
type written struct {
	names     map[string]bool
	elsewhere bool
	at        int
}

// member reads alias:name.name[n]{…} and all its shorter forms.
func (c *compiler) member(nd *node, w *written, level int) {
	start := c.i
	name, alias := c.name(), ""
	if c.eat(':') {
		if c.peek() == '*' {
			c.fail(c.i, "expected a name: '*' keeps the names of the document")
		}
		alias, name = name, c.name()
	}
	if c.err != nil {
		return
	}
	first := c.child(nd, name, start)
	last, outer, level := c.steps(first, level+1)
	if last == nil {
		return
	}
	if last.kind != undecided {
		c.fail(start, "what is selected here is %s by another member", last.taken())
		return
	}
	if alias == "" {
		alias = c.last
	}
	if w.names[alias] {
		c.fail(start, "the output already has a member %q: rename one with alias:%s", alias, alias)
		return
	}
	w.names[alias] = true
	named := last
	if outer != nil {
		named = outer
	}
	named.name = []byte(`,"` + alias + `":`)
	c.end(last, outer, level)
	if !w.elsewhere && (named != first || first.kind == leaf || alias != name) {
		w.elsewhere, w.at = true, start
	}
}

// taken says what another member does with nd.
func (nd *node) taken() string {
	if nd.kind == excluded {
		return "excluded"
	}
	return "already selected"
}

// steps reads .name, .*, [], [:n] and [n] from nd on. It returns the last node and
// the outermost node on the way that writes a container, if there is one.
func (c *compiler) steps(nd *node, level int) (last, outer *node, _ int) {
	for c.err == nil {
		if level > maxLevels {
			c.fail(c.i, "expected at most %d levels", maxLevels)
			break
		}
		start := c.i
		switch {
		case c.eat('.'):
			if c.eat('*') {
				c.wildcard(nd, start)
				if outer == nil {
					outer = nd
				}
				nd = nd.elem
			} else if c.descend(nd, object, start) {
				nd = c.child(nd, c.name(), start)
			}
		case c.eat('['):
			c.element(nd, start)
			if nd.kind == each && outer == nil {
				outer = nd
			}
			nd = nd.elem
		default:
			return nd, outer, level
		}
		level++
	}
	return nil, nil, level
}

// wildcard makes nd go through every member.
func (c *compiler) wildcard(nd *node, start int) {
	if nd.kind != undecided {
		c.fail(start, "the object is %s by another member", nd.taken())
	}
	nd.kind, nd.elem = every, &node{}
}

// element reads the rest of [], [:n] or [n].
func (c *compiler) element(nd *node, start int) {
	switch c.peek() {
	case ']', ':':
		limit := math.MaxInt
		if c.eat(':') {
			if limit = c.number(); limit == 0 {
				c.fail(start, "expected a limit of at least 1")
			}
		}
		if nd.kind != undecided {
			c.fail(start, "the array is %s by another member", nd.taken())
		}
		nd.kind, nd.limit = each, limit
	default:
		i := c.number()
		if c.err == nil && c.descend(nd, index, start) && nd.elem != nil && nd.index != i {
			c.fail(start, "element %d of the same array is already selected: a mask takes one", nd.index)
		}
		nd.index, nd.flat = i, true
	}
	if c.err == nil && !c.eat(']') {
		c.fail(c.i, "expected ']'")
	}
	if nd.elem == nil {
		nd.elem = &node{}
	}
}

// descend says that nd is passed through as a k. Members may share such a step,
// but not with one that writes the same value itself.
func (c *compiler) descend(nd *node, k kind, start int) bool {
	if nd.kind == undecided {
		nd.kind, nd.flat = k, true
	}
	if nd.kind != k || !nd.flat {
		c.fail(start, "what this goes through is %s by another member", nd.taken())
		return false
	}
	return true
}

func (c *compiler) child(nd *node, name string, start int) *node {
	for _, f := range nd.fields {
		if f.name == name {
			return f.node
		}
	}
	if len(nd.fields) == maxFields {
		c.fail(start, "expected at most %d members of one object", maxFields)
	}
	child := &node{}
	nd.fields = append(nd.fields, field{name, child})
	return child
}

func (c *compiler) name() string {
	c.space()
	start := c.i
	for c.i < len(c.text) && isName(c.text[c.i]) {
		c.i++
	}
	if c.last = c.text[start:c.i]; c.last != "" && c.last[0] != '-' {
		return c.last
	}
	switch {
	case c.last != "":
		c.fail(start, "expected a name: it does not begin with '-'")
	case c.peek() == '*':
		c.fail(c.i, "expected a name: '*' stands alone in its braces, or behind a '.'")
	default:
		c.fail(c.i, "expected a name (letters, digits, '_', '-')")
	}
	return ""
}

func isName(b byte) bool {
	return b == '_' || b == '-' || b-'0' <= 9 || (b|0x20)-'a' <= 'z'-'a'
}

func (c *compiler) number() int {
	c.space()
	start, n := c.i, 0
	for c.i < len(c.text) && c.text[c.i]-'0' <= 9 {
		n = n*10 + int(c.text[c.i]-'0')
		c.i++
		if n > math.MaxInt32 {
			c.fail(start, "expected a number up to %d", math.MaxInt32)
			return 0
		}
	}
	if c.i == start {
		c.fail(c.i, "expected a number")
	}
	return n
}
