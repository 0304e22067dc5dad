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
	root.seal()
	return &Mask{text: mask, root: root}, nil
}

// A compiler reads the text of a mask or a path. The first fault stops it: err
// is set, and peek then shows the end of the text.
type compiler struct {
	text string
	i    int
	last string // the name that was read last
	err  *SyntaxError
}

// A scope holds the names that one output object already has.
type scope map[string]bool

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

// members reads {member,member} into nd.
func (c *compiler) members(nd *node, level int) {
	nd.kind = object
	names := scope{}
	c.eat('{')
	for more := true; more; more = c.eat(',') {
		c.member(nd, names, level)
	}
	if c.err == nil && !c.eat('}') {
		c.fail(c.i, "expected ',' or '}'")
	}
}

// member reads alias:name.name[n]{…} and all its shorter forms.
func (c *compiler) member(nd *node, names scope, level int) {
	c.space()
	start := c.i
	name, alias := c.name(), ""
	if c.eat(':') {
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
		c.fail(start, "what is selected here is already selected by another member")
		return
	}
	if alias == "" {
		alias = c.last
	}
	if names[alias] {
		c.fail(start, "the output already has a member %q: rename one with alias:%s", alias, alias)
		return
	}
	names[alias] = true
	named := last
	if outer != nil {
		named = outer
	}
	named.name = []byte(`,"` + alias + `":`)
	c.end(last, outer, level)
}

// steps reads .name, [], [:n] and [n] from nd on. It returns the last node and
// the outermost node on the way that writes an array, if there is one.
func (c *compiler) steps(nd *node, level int) (last, outer *node, _ int) {
	for c.err == nil {
		if level > maxLevels {
			c.fail(c.i, "expected at most %d levels", maxLevels)
			break
		}
		start := c.i
		switch {
		case c.eat('.'):
			if c.descend(nd, object, start) {
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
			c.fail(start, "the array is already selected by another member")
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
		c.fail(start, "what this goes through is already selected by another member")
		return false
	}
	return true
}

func (c *compiler) child(nd *node, name string, start int) *node {
	for i := range nd.keys {
		if nd.keys[i].text == name {
			return nd.keys[i].node
		}
	}
	if len(nd.keys) == maxKeys {
		c.fail(start, "expected at most %d members of one object", maxKeys)
	}
	child := &node{}
	nd.keys = append(nd.keys, key{text: name, node: child})
	return child
}

func (c *compiler) name() string {
	c.space()
	start := c.i
	for c.i < len(c.text) && isName(c.text[c.i]) {
		c.i++
	}
	if c.last = c.text[start:c.i]; c.last != "" {
		return c.last
	}
	switch c.peek() {
	case '*':
		c.fail(c.i, "expected a name: wildcards are not supported")
	case '!', '^', '~':
		c.fail(c.i, "expected a name: exclusions are not supported")
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
