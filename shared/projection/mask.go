package projection

import (
	"encoding/binary"
	"strconv"
)

// A Mask is a compiled field mask. It never changes, and any number of
// goroutines may use it at once. Its zero value selects nothing and is of no use;
// [Compile] makes one.
type Mask struct {
	text string
	root *node
}

// String returns the text that the mask was compiled from.
func (m *Mask) String() string { return m.text }

// Paths returns what the mask reads, in its own order, in the notation of
// [CompilePath], with "[]" wherever the mask goes through an array:
// {id,items[:3]{price.amount}} reads id and items[].price.amount. It is for
// checks of a mask against a schema.
func (m *Mask) Paths() []string { return m.root.paths(nil, "") }

type kind uint8

const (
	undecided kind = iota // still being compiled
	leaf                  // copy the value
	object                // descend into members
	each                  // descend into every element, up to limit
	index                 // descend into one element
)

// A node is one step of a mask. A flat node writes no container of its own: what
// is selected below it goes into the container around it.
type node struct {
	kind  kind
	flat  bool
	limit int    // each
	index int    // index
	elem  *node  // each and index
	name  []byte // `,"name":`, written before the value; empty for elements
	keys  []key  // object

	hashes uint64 // the hash bits of all keys
}

// maxKeys is the number of bits in the set of keys that an object has had.
const maxKeys = 64

// A key is a member that an object node selects.
type key struct {
	text string
	word uint64 // its first eight bytes, zero behind its end
	node *node
}

// find returns the position of the key src[k:k+n] in keys, or -1. One bit test
// dismisses most keys that are not selected.
func (nd *node) find(src []byte, k, n int) int {
	w := word(src, k, n)
	if nd.hashes&hashBit(w) == 0 {
		return -1
	}
	for i := range nd.keys {
		if e := &nd.keys[i]; e.word == w && len(e.text) == n && (n <= 8 || e.text == string(src[k:k+n])) {
			return i
		}
	}
	return -1
}

// findEscaped is find for a key that is written with escape sequences.
func (nd *node) findEscaped(raw []byte) int {
	for i := range nd.keys {
		if equalEscaped(raw, nd.keys[i].text) {
			return i
		}
	}
	return -1
}

// seal fills in what find compares with. The members are complete by now.
func (nd *node) seal() {
	for i := range nd.keys {
		k := &nd.keys[i]
		k.word = word([]byte(k.text), 0, len(k.text))
		nd.hashes |= hashBit(k.word)
		k.node.seal()
	}
	if nd.elem != nil {
		nd.elem.seal()
	}
}

func (nd *node) paths(list []string, at string) []string {
	switch nd.kind {
	case object:
		if at != "" {
			at += "."
		}
		for i := range nd.keys {
			list = nd.keys[i].node.paths(list, at+nd.keys[i].text)
		}
		return list
	case each:
		return nd.elem.paths(list, at+"[]")
	case index:
		return nd.elem.paths(list, at+"["+strconv.Itoa(nd.index)+"]")
	}
	return append(list, at)
}

// word is the first eight of the n bytes at src[k], zero behind their end.
func word(src []byte, k, n int) uint64 {
	if k+8 <= len(src) {
		w := binary.LittleEndian.Uint64(src[k:])
		if n < 8 {
			w &= 1<<(8*uint(n)) - 1
		}
		return w
	}
	var b [8]byte
	copy(b[:], src[k:k+n])
	return binary.LittleEndian.Uint64(b[:])
}

// hashBit spreads words over 64 bits: the upper six bits of a product with the
// golden ratio.
func hashBit(w uint64) uint64 { return 1 << ((w * 0x9E3779B97F4A7C15) >> 58) }
