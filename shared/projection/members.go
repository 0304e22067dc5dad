package projection

// A Member is where the parts of one member of an object stand. Name is without
// its quotes, and its escape sequences stay as they are.
type Member struct{ Name, Value Span }

// Members appends to dst the members of the object that src is, in its order and
// with repeated names. All of src is validated; when any byte of it is at fault,
// or it is no object, the error is a [*DocumentError] and dst comes back at its
// old length.
func Members(dst []Member, src []byte) ([]Member, error) {
	s := scanner{src: src, depth: MaxDepth}
	out := dst
	i, more := s.enter('{')
	for more {
		name := i + 1
		if i = s.key(i); i < 0 {
			break
		}
		m := Member{Name: Span{name, s.keyEnd}}
		m.Value.Start = s.space(i)
		m.Value.End = s.skip(m.Value.Start, 1)
		if i = m.Value.End; i < 0 {
			break
		}
		out = append(out, m)
		i, more = s.next(i, '}')
	}
	if err := s.finish(i); err != nil {
		return dst, err
	}
	return out, nil
}

// Elements appends to dst where the elements of the array that src is stand. It
// is [Members] for arrays.
func Elements(dst []Span, src []byte) ([]Span, error) {
	s := scanner{src: src, depth: MaxDepth}
	out := dst
	i, more := s.enter('[')
	for more {
		start := i
		if i = s.skip(i, 1); i < 0 {
			break
		}
		out = append(out, Span{start, i})
		i, more = s.next(i, ']')
	}
	if err := s.finish(i); err != nil {
		return dst, err
	}
	return out, nil
}

// enter reads the beginning of a document that is a container: more says that
// something is in it, and then i is its first byte.
func (s *scanner) enter(opening byte) (i int, more bool) {
	i = s.space(0)
	if c := at(s.src, i); c != opening {
		if s.finish(s.skip(i, 0)) == nil && opening == '{' {
			return s.fail(i, "expected an object"), false
		}
		return s.fail(i, "expected an array"), false
	}
	i = s.space(i + 1)
	if at(s.src, i) == opening+2 { // ASCII: '{'+2 is '}', '['+2 is ']'
		return i + 1, false
	}
	return i, true
}
