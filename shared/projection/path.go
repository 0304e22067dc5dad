package projection

// A Path is a compiled path to values in JSON. It never changes, and any number
// of goroutines may use it at once.
//
//	user.id       the member "id" of the member "user"
//	items.id      where "items" is an array: of every element, in order
//	items[0].id   of the first element only
//	items[]       every element of the array "items", whole
//
// Between two names, arrays are gone through whether or not "[]" says so. The
// value at the end of the path is given as it is: tags is one array, tags[] is
// each of its elements. What is not there, or of a type that cannot be gone
// through, gives no value; null at the end of the path is a value.
type Path struct {
	text  string
	steps []step
}

// A step goes to a member (key), to one element (index ≥ 0), or to all elements.
type step struct {
	key   string
	index int
}

// A Span is where a value stands: src[Start:End].
type Span struct{ Start, End int }

// CompilePath reads a path. The error is a [*SyntaxError].
func CompilePath(path string) (*Path, error) {
	c := &compiler{text: path}
	p := &Path{text: path}
	if c.peek() != '[' {
		p.steps = append(p.steps, step{key: c.name()})
	}
	for c.err == nil {
		switch {
		case c.eat('.'):
			p.steps = append(p.steps, step{key: c.name()})
		case c.eat('['):
			p.steps = append(p.steps, c.pathElement())
		case c.i < len(path):
			c.fail(c.i, "expected '.', '[' or the end of the path")
		default:
			return p, nil
		}
		if len(p.steps) > maxLevels {
			c.fail(c.i, "expected at most %d levels", maxLevels)
		}
	}
	return nil, c.err
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
	r := reader{scanner: scanner{src: src}, values: dst}
	if err := r.finish(r.walk(p.steps, 0, 0)); err != nil {
		return dst, err
	}
	return r.values, nil
}

// Spans is [Path.Append] for those who need to know where the values stand, for
// example to write something between them.
func (p *Path) Spans(dst []Span, src []byte) ([]Span, error) {
	r := reader{scanner: scanner{src: src}, spans: dst, places: true}
	if err := r.finish(r.walk(p.steps, 0, 0)); err != nil {
		return dst, err
	}
	return r.spans, nil
}

type reader struct {
	scanner
	places bool // spans are wanted, not values
	values [][]byte
	spans  []Span
}

// walk reads the value at i, which stands in depth open containers, and takes
// what steps lead to. It recurses per step, and per array directly in an array,
// which the limit of depth bounds.
func (r *reader) walk(steps []step, i, depth int) int {
	i = r.space(i)
	if len(steps) == 0 {
		return r.take(i, depth)
	}
	wantsArray := steps[0].key == ""
	switch c := at(r.src, i); {
	case depth == MaxDepth: // a scalar, or too deep: skip knows
	case c == '[' && wantsArray:
		return r.array(steps[1:], steps[0].index, i, depth)
	case c == '[':
		return r.array(steps, -1, i, depth)
	case c == '{' && !wantsArray:
		return r.object(steps, i, depth)
	}
	return r.skip(i, depth)
}

func (r *reader) take(i, depth int) int {
	end := r.skip(i, depth)
	switch {
	case end < 0:
	case r.places:
		r.spans = append(r.spans, Span{i, end})
	default:
		r.values = append(r.values, r.src[i:end:end])
	}
	return end
}

// array goes on with steps in one element, or in all when index is -1.
func (r *reader) array(steps []step, index, i, depth int) int {
	i = r.space(i + 1)
	if at(r.src, i) == ']' {
		return i + 1
	}
	for k, more := 0, true; more; k++ {
		if index < 0 || index == k {
			i = r.walk(steps, i, depth+1)
		} else {
			i = r.skip(i, depth+1)
		}
		if i < 0 {
			return -1
		}
		i, more = r.next(i, ']')
	}
	return i
}

func (r *reader) object(steps []step, i, depth int) int {
	i = r.space(i + 1)
	if at(r.src, i) == '}' {
		return i + 1
	}
	for seen, more := false, true; more; {
		r.escaped = false
		start := i + 1
		if i = r.key(i); i < 0 {
			return -1
		}
		if !r.matches(start, steps[0].key) {
			i = r.skip(r.space(i), depth+1)
		} else {
			if seen {
				return r.fail(start, "repeated key")
			}
			seen = true
			i = r.walk(steps[1:], i, depth+1)
		}
		if i < 0 {
			return -1
		}
		i, more = r.next(i, '}')
	}
	return i
}

// matches compares the key that begins at start, which is valid, with name. A
// name holds no quote, so the first quote is behind it.
func (r *reader) matches(start int, name string) bool {
	end := start + len(name)
	if !r.escaped {
		return end < len(r.src) && r.src[end] == '"' && string(r.src[start:end]) == name
	}
	return equalEscaped(r.src[start:], name)
}
