package projection

// A projector carries out a pass over one document.
type projector struct {
	scanner
	out []byte // what the mask writes

	// What captures take goes into one of these.
	sink   sink
	found  []Capture
	values [][]byte
	spans  []Span
}

type sink uint8

const (
	intoFound  sink = iota
	intoValues      // of one path
	intoSpans       // of one path
)

// run reads the whole document.
func (p *projector) run(root *state) error {
	i := p.space(0)
	switch {
	case root == nil:
		return p.finish(p.skip(i, 0))
	case root.kind > leaf && at(p.src, i) != root.opens:
		return p.mistyped(i, root.opens)
	}
	before := len(p.out)
	if err := p.finish(p.value(root, i, 0)); err != nil {
		return err
	}
	if root.kind != undecided && len(p.out) == before { // [n] at the top, and no such element
		p.out = append(p.out, "null"...)
	}
	return nil
}

// mistyped tells null, and a document that is not JSON, from one of the wrong type.
func (p *projector) mistyped(i int, want byte) error {
	if err := p.finish(p.skip(i, 0)); err != nil {
		return err
	}
	if p.src[i] == 'n' {
		p.out = append(p.out, "null"...)
		return nil
	}
	message := "the mask selects from an array, and this is none,"
	if want == '{' {
		message = "the mask selects from an object, and this is none,"
	}
	return &DocumentError{Offset: i, Message: message}
}

// value deals with the value at i, which stands in depth open containers.
func (p *projector) value(s *state, i, depth int) int {
	i = p.space(i)
	switch {
	case s.plain:
		return p.plain(s, i, depth)
	case len(s.takes) == 0:
		return p.project(s, i, depth)
	}
	return p.take(s, i, depth)
}

// take is project for a value that is captured.
func (p *projector) take(s *state, i, depth int) int {
	// Captures are noted before those inside, to come in the order of the document.
	first := len(p.found)
	if p.sink == intoFound {
		for _, path := range s.takes {
			p.found = append(p.found, Capture{Path: path, Span: Span{Start: i}})
		}
	}
	end := p.project(s, i, depth)
	switch {
	case end < 0:
	case p.sink == intoFound:
		for k := range s.takes {
			p.found[first+k].Span.End = end
		}
	case p.sink == intoSpans:
		p.spans = append(p.spans, Span{i, end})
	default:
		p.values = append(p.values, p.src[i:end:end])
	}
	return end
}

// project writes what the mask selects from a value. Every member is written with
// a comma before it; the container's opening bracket then replaces the first one,
// so nobody counts members.
func (p *projector) project(s *state, i, depth int) int {
	switch {
	case s.kind == undecided:
		return p.through(s, i, depth)
	case s.kind == leaf:
		return p.leaf(s, i, depth)
	case at(p.src, i) != s.opens: // null, or another type
		if !s.flat {
			p.out = append(append(p.out, s.name...), "null"...)
		}
		return p.through(s, i, depth)
	case s.flat:
		return p.through(s, i, depth)
	}
	p.out = append(p.out, s.name...)
	mark := len(p.out)
	i = p.through(s, i, depth)
	p.close(mark, s.opens)
	return i
}

// close turns what was written since mark into a container.
func (p *projector) close(mark int, opening byte) {
	if len(p.out) == mark {
		p.out = append(p.out, 0)
	}
	p.out[mark] = opening
	p.out = append(p.out, opening+2) // ASCII: '{'+2 is '}', '['+2 is ']'
}

// through goes through a container into which the mask or a capture descends, and
// past any other value.
func (p *projector) through(s *state, i, depth int) int {
	switch c := at(p.src, i); {
	case c == '{' && s.members != nil:
		return p.object(s.members, i, depth)
	case c == '[' && s.runs != nil:
		return p.array(s, i, depth)
	}
	return p.skip(i, depth)
}

func (p *projector) leaf(s *state, i, depth int) int {
	p.spaced = false
	end := p.through(s, i, depth)
	if end < 0 {
		return -1
	}
	p.put(s.name, i, end)
	return end
}

// plain is leaf for a value that no capture goes into.
func (p *projector) plain(s *state, i, depth int) int {
	p.spaced = false
	end := p.skip(i, depth)
	if end < 0 {
		return -1
	}
	p.put(s.name, i, end)
	return end
}

// A leaf's name and value are mostly short: moves of fixed width, cut to size
// afterwards, are cheaper than calls that move the exact number of bytes.
const (
	wideName  = 32
	wideValue = 48
)

// put appends a name and src[i:end].
func (p *projector) put(name []byte, i, end int) {
	l := len(p.out)
	if p.spaced || end-i > wideValue || len(p.src)-i < wideValue || cap(name) < wideName || cap(p.out)-l < wideName+wideValue {
		p.out = append(p.out, name...)
		if p.spaced {
			p.out = appendCompact(p.out, p.src[i:end])
		} else {
			p.out = append(p.out, p.src[i:end]...)
		}
		return
	}
	out := p.out[l : l+wideName+wideValue]
	*(*[wideName]byte)(out) = *(*[wideName]byte)(name[:wideName])
	*(*[wideValue]byte)(out[len(name):]) = *(*[wideValue]byte)(p.src[i:])
	p.out = p.out[:l+len(name)+end-i]
}

// object reads an object for the members that are selected or on a capture's way.
// Most keys are short and plain: they are read and compared in one word.
func (p *projector) object(m *members, i, depth int) int {
	if depth == p.depth {
		return p.limit(i, tooDeep)
	}
	i = p.space(i + 1)
	if at(p.src, i) == '}' {
		return i + 1
	}
	start, near := p.start(), p.near()
	var had set
	next := 0 // the key that is expected: documents of one service keep their order
	for {
		from, k, end := i+1, 0, 0
		if i <= near && byteAt(start, i) == '"' {
			end = quickKey(start, from)
		}
		if end != 0 {
			i = end
			k = m.find(firstBytes(load8(start, from), end-2-from), end-2-from, next)
		} else {
			if i = p.key(i); i < 0 {
				return -1
			}
			k = m.lookup(p.src[from:p.keyEnd])
		}
		child, raw := m.rest, true
		if k >= 0 {
			key := &m.keys[k]
			if had.again(k) && !key.repeats {
				return p.fail(from, "repeated key")
			}
			child, raw = key.state, key.raw
			next = k + 1
		}
		switch {
		case child == nil:
			i = p.skip(p.space(i), depth+1)
		case raw && child.kind != undecided:
			i = p.named(child, from-1, i, depth+1)
		default:
			i = p.value(child, i, depth+1)
		}
		if i < 0 {
			return -1
		}
		if i = p.space(i); at(p.src, i) == '}' {
			return i + 1
		}
		if at(p.src, i) != ',' {
			return p.fail(i, noEnd)
		}
		i = p.space(i + 1)
	}
}

// named is value for a member that is written under the name that the document
// has for it, which begins with the quote at key. A member out of which nothing
// could be flattened leaves no name.
func (p *projector) named(s *state, key, i, depth int) int {
	before := len(p.out)
	p.out = append(append(append(p.out, ','), p.src[key:p.text(key+1)]...), ':')
	behind := len(p.out)
	if i = p.value(s, i, depth); len(p.out) == behind {
		p.out = p.out[:before]
	}
	return i
}

// array reads an array for the elements that are selected or on a capture's way.
// An element out of which nothing could be flattened leaves no gap.
func (p *projector) array(s *state, i, depth int) int {
	if depth == p.depth {
		return p.limit(i, tooDeep)
	}
	i = p.space(i + 1)
	if at(p.src, i) == ']' {
		return i + 1
	}
	for k, r, more := 0, 0, true; more; k++ {
		if k == s.runs[r].until {
			r++
		}
		switch elem := s.runs[r].state; {
		case k == p.items && p.items > 0:
			return p.limit(i, tooMany)
		case elem == nil:
			i = p.skip(i, depth+1)
		case elem.kind == undecided || s.kind != each:
			i = p.value(elem, i, depth+1)
		default:
			p.out = append(p.out, ',')
			before := len(p.out)
			if i = p.value(elem, i, depth+1); len(p.out) == before {
				p.out = p.out[:before-1]
			}
		}
		if i < 0 {
			return -1
		}
		i, more = p.next(i, ']')
	}
	return i
}

// A set holds the numbers of the keys that an object has had. Only an object of
// which a pass wants more than 64 members costs an allocation.
type set struct {
	first uint64
	more  []uint64
}

// again adds k, and says whether it was there.
func (s *set) again(k int) bool {
	word := &s.first
	if k >= 64 {
		for len(s.more) < k/64 {
			s.more = append(s.more, 0)
		}
		word = &s.more[k/64-1]
	}
	bit := uint64(1) << (k % 64)
	was := *word&bit != 0
	*word |= bit
	return was
}
