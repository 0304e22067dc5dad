package projection

// Project appends to dst what the mask selects from src. It validates all of src
// first and last: when any byte of it is at fault, the error is a
// [*DocumentError] and dst comes back at its old length. The spare capacity of dst
// behind the result may have been written to. dst and src must not overlap.
//
// src must be an object or an array, as the mask begins with; a scalar, null or
// the other container is refused.
func (m *Mask) Project(dst, src []byte) ([]byte, error) {
	p := projector{scanner: scanner{src: src}, out: dst}
	i := p.space(0)
	if want := m.root.opens(); at(src, i) != want {
		return dst, p.mistyped(i, want)
	}
	i = p.value(m.root, i, 0)
	if err := p.finish(i); err != nil {
		return p.out[:len(dst)], err
	}
	if len(p.out) == len(dst) { // [n] at the top, and no such element
		p.out = append(p.out, "null"...)
	}
	return p.out, nil
}

type projector struct {
	scanner
	out []byte
}

// opens is the byte that a value must begin with for nd to descend into it.
func (nd *node) opens() byte {
	if nd.kind == object {
		return '{'
	}
	return '['
}

// mistyped tells a document that is not JSON from one of the wrong type.
func (p *projector) mistyped(i int, want byte) error {
	if err := p.finish(p.skip(i, 0)); err != nil {
		return err
	}
	message := "the mask selects from an array, and this is none,"
	if want == '{' {
		message = "the mask selects from an object, and this is none,"
	}
	return &DocumentError{Offset: i, Message: message}
}

// value writes what nd selects from the value at i, which stands in depth open
// containers. Every member is written with a comma before it; the container's
// opening bracket then replaces the first one, so nobody counts members.
func (p *projector) value(nd *node, i, depth int) int {
	i = p.space(i)
	if nd.kind == leaf {
		return p.leaf(nd, i, depth)
	}
	if at(p.src, i) != nd.opens() { // null, or another type
		if !nd.flat {
			p.out = append(append(p.out, nd.name...), "null"...)
		}
		return p.skip(i, depth)
	}
	switch {
	case nd.kind == each:
		return p.each(nd, i, depth)
	case nd.kind == index:
		return p.index(nd, i, depth)
	case nd.flat:
		return p.object(nd, i, depth)
	}
	p.out = append(p.out, nd.name...)
	mark := len(p.out)
	i = p.object(nd, i, depth)
	p.close(mark, '{', '}')
	return i
}

// close turns what was written since mark into a container.
func (p *projector) close(mark int, opening, closing byte) {
	if len(p.out) == mark {
		p.out = append(p.out, 0)
	}
	p.out[mark] = opening
	p.out = append(p.out, closing)
}

func (p *projector) leaf(nd *node, i, depth int) int {
	p.spaced = false
	end := p.skip(i, depth)
	if end < 0 {
		return -1
	}
	p.out = append(p.out, nd.name...)
	if p.spaced {
		p.out = appendCompact(p.out, p.src[i:end])
	} else {
		p.out = p.copy(i, end)
	}
	return end
}

// copy appends src[i:end]. Most values are short: one move of fixed width, cut
// to size afterwards, is cheaper than a call that moves the exact number.
func (p *projector) copy(i, end int) []byte {
	const wide = 32
	n, l := end-i, len(p.out)
	if n <= wide && cap(p.out)-l >= wide && len(p.src)-i >= wide {
		out := p.out[:l+wide]
		*(*[wide]byte)(out[l:]) = *(*[wide]byte)(p.src[i:])
		return out[:l+n]
	}
	return append(p.out, p.src[i:end]...)
}

// object reads an object for the members that nd selects.
func (p *projector) object(nd *node, i, depth int) int {
	i = p.space(i + 1)
	if at(p.src, i) == '}' {
		return i + 1
	}
	var seen uint64
	for more := true; more; {
		if at(p.src, i) != '"' {
			return p.fail(i, "expected a key")
		}
		p.escaped = false
		start := i + 1
		behind := p.text(start)
		if behind < 0 {
			return -1
		}
		if i = p.colon(behind); i < 0 {
			return -1
		}
		k := nd.find(p.src, start, behind-1-start)
		if p.escaped {
			k = nd.findEscaped(p.src[start : behind-1])
		}
		if k < 0 {
			i = p.skip(p.space(i), depth+1)
		} else {
			if seen&(1<<k) != 0 {
				return p.fail(start, "repeated key")
			}
			seen |= 1 << k
			i = p.value(nd.keys[k].node, i, depth+1)
		}
		if i < 0 {
			return -1
		}
		i, more = p.next(i, '}')
	}
	return i
}

// each reads an array and writes what nd selects from its elements, up to the
// limit. An element out of which nothing could be flattened leaves no gap.
func (p *projector) each(nd *node, i, depth int) int {
	p.out = append(p.out, nd.name...)
	mark := len(p.out)
	i = p.space(i + 1)
	if at(p.src, i) == ']' {
		p.out = append(p.out, "[]"...)
		return i + 1
	}
	for k, more := 0, true; more; k++ {
		if k < nd.limit {
			p.out = append(p.out, ',')
			before := len(p.out)
			if i = p.value(nd.elem, i, depth+1); len(p.out) == before {
				p.out = p.out[:before-1]
			}
		} else {
			i = p.skip(i, depth+1)
		}
		if i < 0 {
			return -1
		}
		i, more = p.next(i, ']')
	}
	p.close(mark, '[', ']')
	return i
}

// index reads an array and writes what nd selects from one of its elements.
func (p *projector) index(nd *node, i, depth int) int {
	i = p.space(i + 1)
	if at(p.src, i) == ']' {
		return i + 1
	}
	for k, more := 0, true; more; k++ {
		if k == nd.index {
			i = p.value(nd.elem, i, depth+1)
		} else {
			i = p.skip(i, depth+1)
		}
		if i < 0 {
			return -1
		}
		i, more = p.next(i, ']')
	}
	return i
}
