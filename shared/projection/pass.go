package projection

import "sync"

// Limits bound what a document may cost. A document that goes beyond one of them
// is refused with a [*DocumentError] that is [ErrLimit].
type Limits struct {
	Depth int // arrays and objects that are open at once; 0, or more than MaxDepth: MaxDepth
	Items int // elements of any one array, selected or not; 0: any number
}

// A Capture is a value that a pass has found.
type Capture struct {
	Path int // which of the pass's captures it belongs to, counted from 0
	Span Span
}

// A Pass is a mask, paths and limits made into one: it reads a document once, and
// validates, projects and captures on the way. It never changes, and any number
// of goroutines may use it at once.
type Pass struct {
	root  *state
	depth int
	items int
}

// NewPass makes a pass. Without a mask it writes nothing: it validates and
// captures. What the captures see does not depend on the mask: they find members
// that it does not select, and elements beyond its limits.
func NewPass(mask *Mask, captures []*Path, limits Limits) *Pass {
	p := &Pass{depth: limits.Depth, items: limits.Items}
	if p.depth <= 0 || p.depth > MaxDepth {
		p.depth = MaxDepth
	}
	b := planner{paths: captures, states: map[string]*state{}}
	var root *node
	if mask != nil {
		root = mask.root
	}
	p.root = b.state(root, b.begin())
	return p
}

// Run appends to dst what the mask selects from src, and to found where the
// captured values stand in src: of every path in the order of the document. All
// of src is validated, first and last; when any byte of it is at fault, or a limit
// is passed, the error is a [*DocumentError], and dst and found come back at their
// old lengths. The spare capacity behind both results may have been written to.
// dst and src must not overlap.
//
// A document that is null projects to null by any mask. Any other must be an
// object or an array, as the mask begins with.
func (p *Pass) Run(dst, src []byte, found []Capture) (out []byte, captures []Capture, err error) {
	x := projector{scanner: scanner{src: src, depth: p.depth}, out: dst, found: found}
	// An array of n elements has at least 2n+1 bytes: most documents are too short
	// to need counting.
	if p.items > 0 && len(src) > 2*p.items+2 {
		x.items, x.counts = p.items, counters.Get().(*[MaxDepth]int)
		defer counters.Put(x.counts)
	}
	if err := x.run(p.root); err != nil {
		return x.out[:len(dst)], x.found[:len(found)], err
	}
	return x.out, x.found, nil
}

// counters hold what is too large to be cleared for every document, and needs no
// clearing.
var counters = sync.Pool{New: func() any { return new([MaxDepth]int) }}
