package projection

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// A state says what a pass does with one value: the step of the mask that has
// come here, if any, joined with every capture that has. There is one for each
// such combination, so they form a graph: a capture that goes through arrays in
// arrays comes back to where it was. nil is the state that only validates.
type state struct {
	kind  kind // undecided: the mask writes nothing here
	flat  bool
	plain bool   // a leaf, and no capture has come here
	opens byte   // the byte that a value must begin with for the mask to descend
	name  []byte // `,"name":`, written before the value, with room for a wide move behind it
	takes []int  // the captures that end here

	members *members // what to do inside an object; nil: only validate
	runs    []run    // what to do inside an array; nil: only validate
}

// members is a state's part for objects.
type members struct {
	keys   []key
	hashes uint64 // the hash bits of all keys
	rest   *state // for members that are not among the keys; the mask writes their names raw
}

// A key is a member that the mask or a capture names.
type key struct {
	text    string
	word    uint64 // its bytes, zero behind its end; 0 if it has more than eight
	state   *state
	raw     bool // the mask writes the name as the document has it
	repeats bool // it may occur more than once
}

// A run of elements has the same state. Runs follow each other.
type run struct {
	until int // the number of the first element behind it
	state *state
}

// A planner joins a mask and paths into states.
type planner struct {
	paths  []*Path
	states map[string]*state
}

// A want is a capture that has come to a value: steps is how many it has made.
type want struct{ path, steps int }

func (b *planner) begin() []want {
	wants := make([]want, len(b.paths))
	for i := range wants {
		wants[i].path = i
	}
	return wants
}

func (b *planner) state(nd *node, wants []want) *state {
	if nd == nil && len(wants) == 0 {
		return nil
	}
	id := fmt.Sprintf("%p %v", nd, wants)
	if known := b.states[id]; known != nil {
		return known
	}
	s := &state{}
	b.states[id] = s
	if nd != nil {
		s.kind, s.flat, s.opens = nd.kind, nd.flat, nd.opens()
		s.name = append(make([]byte, 0, max(wideName, len(nd.name))), nd.name...)
	}
	var going []want
	for _, w := range wants {
		if w.steps == len(b.paths[w.path].steps) {
			s.takes = append(s.takes, w.path)
		} else {
			going = append(going, w)
		}
	}
	s.members = b.members(nd, going)
	s.runs = b.runs(nd, going)
	s.plain = s.kind == leaf && len(wants) == 0
	return s
}

func (b *planner) next(w want) step { return b.paths[w.path].steps[w.steps] }

// members joins what nd and the captures want of an object.
func (b *planner) members(nd *node, going []want) *members {
	var of *node // nd, if it wants something of an object
	if nd != nil && nd.opens() == '{' {
		of = nd
	}
	names := b.names(of, going)
	m := &members{keys: make([]key, len(names))}
	for i, name := range names {
		k := &m.keys[i]
		k.text = name
		if len(name) <= 8 {
			k.word = word(name)
		}
		m.hashes |= hashBit(k.word)
		var below *node
		if below, k.raw = of.below(name); below != nil && below.kind == excluded {
			below, k.repeats = nil, true
		}
		wants := b.through(going, name)
		k.state = b.state(below, wants)
		k.repeats = k.repeats && len(wants) == 0
	}
	rest, _ := of.below("")
	m.rest = b.state(rest, b.through(going, ""))
	if len(names) == 0 && m.rest == nil {
		return nil
	}
	return m
}

// names returns the members that nd or a capture names.
func (b *planner) names(nd *node, going []want) []string {
	var names []string
	if nd != nil {
		for _, f := range nd.fields {
			names = append(names, f.name)
		}
	}
	for _, w := range going {
		if name := b.next(w).key; name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// through is what becomes of captures in the member of that name; none has an
// empty one.
func (b *planner) through(going []want, name string) []want {
	var wants []want
	for _, w := range going {
		if s := b.next(w); s.every || s.key == name && name != "" {
			wants = append(wants, want{w.path, w.steps + 1})
		}
	}
	return wants
}

// whole is what copies the members that an exclusion leaves.
var whole = &node{kind: leaf}

// below is what nd, an object, does with the member of that name. raw says that
// the member is written under the name that the document has for it.
func (nd *node) below(name string) (below *node, raw bool) {
	if nd == nil {
		return nil, false
	}
	if nd.kind == every {
		return nd.elem, true
	}
	for _, f := range nd.fields {
		if f.name == name {
			return f.node, false
		}
	}
	if nd.rest {
		return whole, true
	}
	return nil, false
}

// runs joins what nd and the captures want of an array's elements.
func (b *planner) runs(nd *node, going []want) []run {
	ends := []int{math.MaxInt}
	masked := nd != nil && (nd.kind == each || nd.kind == index)
	switch {
	case masked && nd.kind == each:
		ends = append(ends, nd.limit)
	case masked:
		ends = append(ends, nd.index, nd.index+1)
	case len(going) == 0:
		return nil
	}
	for _, w := range going {
		if s := b.next(w); !s.member() && s.index >= 0 {
			ends = append(ends, s.index, s.index+1)
		}
	}
	slices.Sort(ends)
	var runs []run
	at := 0 // the first element of the run
	for _, end := range slices.Compact(ends) {
		if end == 0 {
			continue
		}
		var elem *node
		if masked && (nd.kind == each && at < nd.limit || nd.kind == index && at == nd.index) {
			elem = nd.elem
		}
		runs = append(runs, run{end, b.state(elem, b.inside(going, at))})
		at = end
	}
	return runs
}

// inside is what becomes of captures in element i of an array. One that wants a
// member looks for it in every element.
func (b *planner) inside(going []want, i int) []want {
	var wants []want
	for _, w := range going {
		switch s := b.next(w); {
		case s.member():
			wants = append(wants, w)
		case s.index < 0 || s.index == i:
			wants = append(wants, want{w.path, w.steps + 1})
		}
	}
	return wants
}

// lookup returns the position of a key in keys, or -1.
func (m *members) lookup(raw []byte) int {
	escaped := bytes.IndexByte(raw, '\\') >= 0
	for i := range m.keys {
		if text := m.keys[i].text; text == string(raw) || escaped && equalEscaped(raw, text) {
			return i
		}
	}
	return -1
}

// find is lookup for a key of at most eight bytes, n, none of them escaped. w is
// those, and zero behind them. next is what the answer probably is; otherwise, one
// bit test dismisses most keys that are not selected.
func (m *members) find(w uint64, n, next int) int {
	if next < len(m.keys) && m.keys[next].word == w && len(m.keys[next].text) == n {
		return next
	}
	if m.hashes&hashBit(w) == 0 {
		return -1
	}
	for i := range m.keys {
		if k := &m.keys[i]; k.word == w && len(k.text) == n {
			return i
		}
	}
	return -1
}

// firstBytes is the lowest n ≤ 8 bytes of w, and zero behind them.
func firstBytes(w uint64, n int) uint64 { return w & (1<<(8*uint(n)) - 1) }

// word is a name of at most eight bytes, and zero behind them.
func word(name string) uint64 {
	var b [8]byte
	copy(b[:], name)
	return binary.LittleEndian.Uint64(b[:])
}

// hashBit spreads words over 64 bits: the upper six bits of a product with the
// golden ratio.
func hashBit(w uint64) uint64 { return 1 << ((w * 0x9E3779B97F4A7C15) >> 58) }
