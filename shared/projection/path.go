package projection

// A Path is a compiled path to values in JSON. It never changes, and any number
// of goroutines may use it at once.
//
//	user.id       the member "id" of the member "user"
//	items.id      where "items" is an array: of every element, in order
//	items[0].id   of the first element only
//	items[]       every element of the array "items", whole
//	prices.*.net  of every member of the object "prices"
//
// Between two names, arrays are gone through whether or not "[]" says so. The
// value at the end of the path is given as it is: tags is one array, tags[] is
// each of its elements. What is not there, or of a type that cannot be gone
// through, gives no value; null at the end of the path is a value.
type Path struct {
	text  string
	steps []step
	pass  *Pass // the path alone
}

// A step goes to a member (key), to every member (every), to one element (index ≥
// 0), or to all elements.
type step struct {
	key   string
	every bool
	index int
}

// member says whether the step is from an object.
func (s step) member() bool { return s.every || s.key != "" }

// A Span is where a value stands: src[Start:End].
type Span struct{ Start, End int }

// CompilePath reads a path. The error is a [*SyntaxError].
func CompilePath(path string) (*Path, error) {
	c := &compiler{text: path}
	p := &Path{text: path}
	if c.peek() != '[' {
		p.steps = append(p.steps, c.pathMember())
	}
	for c.err == nil {
		switch {
		case c.eat('.'):
			p.steps = append(p.steps, c.pathMember())
		case c.eat('['):
			p.steps = append(p.steps, c.pathElement())
		case c.i < len(path):
			c.fail(c.i, "expected '.', '[' or the end of the path")
		default:
			p.pass = NewPass(nil, []*Path{p}, Limits{})
			return p, nil
		}
		if len(p.steps) > maxLevels {
			c.fail(c.i, "expected at most %d levels", maxLevels)
		}
	}
	return nil, c.err
}

// pathMember reads a name or *.
func (c *compiler) pathMember() step {
	if c.eat('*') {
		return step{every: true}
	}
	return step{key: c.name()}
}

// pathElement reads the rest of [] or [n].
func (c *compiler) pathElement() step {
	st := step{index: -1}
	if c.peek() != ']' {
		st.index = c.number()
	}
	if c.err == nil && !c.eat(']') {
		c.fail(c.i, "expected ']'")
	}
	return st
}

// String returns the text that the path was compiled from.
func (p *Path) String() string { return p.text }

// Append appends the values at the path to dst, in the order of the document.
// They are raw JSON, parts of src: they stay what they are as long as src does;
// [Text] gives the string behind one. All of src is validated; when any byte of
// it is at fault, the error is a [*DocumentError] and dst comes back at its old
// length. A repeated key on the way is a fault.
func (p *Path) Append(dst [][]byte, src []byte) ([][]byte, error) {
	x := projector{scanner: scanner{src: src, depth: MaxDepth}, sink: intoValues, values: dst}
	if err := x.run(p.pass.root); err != nil {
		return dst, err
	}
	return x.values, nil
}

// Spans is [Path.Append] for those who need to know where the values stand, for
// example to write something between them.
func (p *Path) Spans(dst []Span, src []byte) ([]Span, error) {
	x := projector{scanner: scanner{src: src, depth: MaxDepth}, sink: intoSpans, spans: dst}
	if err := x.run(p.pass.root); err != nil {
		return dst, err
	}
	return x.spans, nil
}
