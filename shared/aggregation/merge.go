package aggregation

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"

	"github.com/triptych-bff/triptych/shared/projection"
)

// A Merge says what becomes of several parts of one name, in the order of the
// table. The zero value says that there must not be several. Nothing is decoded:
// numbers and texts stay as their services spelled them.
//
// null gives way to whatever else there is, in [Deep] at every level; only [First]
// and [Last] take a part that is null for what it is. Texts are alike if they mean
// the same, whatever is escaped in them; numbers, arrays and objects only if they
// are spelled alike.
type Merge struct {
	policy mergePolicy
	path   string
}

type mergePolicy uint8

const (
	noMerge mergePolicy = iota
	mergeFirst
	mergeLast
	mergeDeep
	mergeConcat
	mergeUnique
	mergeJoin
)

// Merges that need nothing else said.
var (
	First  = Merge{policy: mergeFirst}  // the first part that is there
	Last   = Merge{policy: mergeLast}   // the last part that is there
	Deep   = Merge{policy: mergeDeep}   // objects member by member, and so what is in them; of anything else the later
	Concat = Merge{policy: mergeConcat} // arrays, one behind the other
)

// UniqueBy is [Concat], but of elements with the same value at path, such as
// "id", only the first counts. Elements that have none, or null, all count. The
// empty path compares whole elements.
func UniqueBy(path string) Merge { return Merge{mergeUnique, path} }

// JoinBy makes one array of several: elements with the same value at path become
// one as by [Deep], where the first of them stands. Elements that have no such
// value, or null, stay as they are.
func JoinBy(path string) Merge { return Merge{mergeJoin, path} }

func (m Merge) isZero() bool { return m == Merge{} }

// canFail is whether there are parts that do not fit together: an object that has two
// members of one name fits nothing.
func (b bound) canFail() bool { return b.policy > mergeLast }

// A bound is a Merge whose path is compiled.
type bound struct {
	policy mergePolicy
	key    *projection.Path // nil: whole elements
}

// compile is done when the plan is built. The error says what is wrong with the path.
func (m Merge) compile() (bound, error) {
	b := bound{policy: m.policy}
	if m.path == "" {
		if m.policy == mergeJoin {
			return bound{}, errors.New("expected the path of what joined elements have in common")
		}
		return b, nil
	}
	var err error
	b.key, err = projection.CompilePath(m.path)
	return b, err
}

// apply appends to dst what the parts, at least one, become together. They are
// valid compact JSON, and may be what dst has already. The error says which of them
// does not fit, and has nothing of what is in them; dst then comes back as it was.
// What comes out nests no deeper than what goes in.
func (b bound) apply(dst []byte, parts ...[]byte) ([]byte, error) {
	out, err := b.merge(dst, parts)
	if err != nil {
		return dst, fmt.Errorf("merge: %w", err)
	}
	return out, nil
}

func (b bound) merge(dst []byte, parts [][]byte) ([]byte, error) {
	switch b.policy {
	case noMerge:
		return nil, errors.New("several parts of one name")
	case mergeFirst:
		return append(dst, parts[0]...), nil
	case mergeLast:
		return append(dst, parts[len(parts)-1]...), nil
	case mergeDeep:
		return appendDeep(dst, parts)
	}
	if none, err := noLists(parts); err != nil || none {
		return append(dst, "null"...), err
	}
	if b.policy == mergeConcat {
		return appendConcat(dst, parts), nil
	}
	return b.appendByKey(dst, parts)
}

// noLists tells whether there is no array, all parts being null.
func noLists(parts [][]byte) (none bool, err error) {
	none = true
	for i, part := range parts {
		switch {
		case opens(part, '['):
			none = false
		case !isNull(part):
			return false, fmt.Errorf("part %d of this name is %s; expected an array", i+1, typeOf(part))
		}
	}
	return none, nil
}

func opens(raw []byte, bracket byte) bool { return len(raw) > 1 && raw[0] == bracket }

func typeOf(raw []byte) string {
	switch {
	case opens(raw, '{'):
		return "an object"
	case opens(raw, '"'):
		return "a string"
	}
	return "a number or boolean"
}

func appendConcat(dst []byte, parts [][]byte) []byte {
	dst = append(dst, '[')
	for _, part := range parts {
		if opens(part, '[') && len(part) > len("[]") {
			dst = append(appendComma(dst), part[1:len(part)-1]...)
		}
	}
	return append(dst, ']')
}

// appendComma separates what comes next from what stands before it in the same
// array or object. No value ends with an opening bracket.
func appendComma(dst []byte) []byte {
	if last := dst[len(dst)-1]; last == '[' || last == '{' {
		return dst
	}
	return append(dst, ',')
}

// appendDeep is [Deep] of one or more values, all at once: merging them two by two
// would copy the first ones over and over. Members are merged of the objects behind
// the last value that is neither object nor null; it has replaced those before it.
func appendDeep(dst []byte, values [][]byte) ([]byte, error) {
	counts, objects, start := values[0], 0, 0
	for i, v := range values {
		switch {
		case isNull(v):
		case opens(v, '{'):
			counts, objects = v, objects+1
		default:
			counts, objects, start = v, 0, i+1
		}
	}
	if objects < 2 {
		return append(dst, counts...), nil
	}
	var g groups
	var room [16]projection.Member
	for _, v := range values[start:] {
		if isNull(v) {
			continue
		}
		if err := g.addMembers(room[:0], v); err != nil {
			return nil, err
		}
	}
	return g.append(append(dst, '{'), '}')
}

// appendByKey is [UniqueBy] and [JoinBy].
func (b bound) appendByKey(dst []byte, parts [][]byte) ([]byte, error) {
	g, keys := groups{firstOnly: b.policy == mergeUnique}, keyReader{path: b.key}
	var elements []projection.Span
	for _, part := range parts {
		if isNull(part) {
			continue
		}
		var err error
		if elements, err = projection.Elements(elements[:0], part); err != nil {
			return nil, err
		}
		for _, at := range elements {
			key, err := keys.of(part[at.Start:at.End])
			if err != nil {
				return nil, err
			}
			g.add(item{key: key, value: part[at.Start:at.End]})
		}
	}
	return g.append(append(dst, '['), ']')
}

// A keyReader finds what elements are known by.
type keyReader struct {
	path  *projection.Path  // nil: by all that they are
	found []projection.Span // room
}

// of is the key of an element, or nil.
func (r *keyReader) of(element []byte) ([]byte, error) {
	if r.path == nil {
		return meaning(element)
	}
	var err error
	if r.found, err = r.path.Spans(r.found[:0], element); err != nil || len(r.found) == 0 {
		return nil, err
	}
	if len(r.found) > 1 {
		return nil, fmt.Errorf("an element has several values at %s; expected one", r.path)
	}
	value := element[r.found[0].Start:r.found[0].End]
	if isNull(value) {
		return nil, nil
	}
	return meaning(value)
}

// meaning is the same for all spellings of a text: a quote and the text. What is
// no text does not begin with a quote and is itself.
func meaning(raw []byte) ([]byte, error) {
	if !opens(raw, '"') {
		return raw, nil
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[:len(raw)-1], nil
	}
	text, err := projection.Text(raw)
	return append([]byte{'"'}, text...), err
}

// An item is a member of an object or an element of an array.
type item struct {
	key   []byte // what it is known by; nil: nothing is like it
	label []byte // of a member its name and the colon
	value []byte

	from  int // a member: which object it is of, from 1
	next  int // the next item of the same group; 0: none
	last  int // in the first item of a group: the last one
	later bool
}

// groups are items in order. Those of one key are a group.
type groups struct {
	items     []item
	firstOnly bool // of a group only the first item counts
	objects   int
	places    map[uint64]int // the first items by the hash of their keys; nil while there are few
}

// few is how many items are found faster one by one than in a map.
const few = 12

// hashes differ from process to process: nobody can prepare many keys of one hash.
var hashes = maphash.MakeSeed()

// addMembers adds the members of an object, which must have different names.
func (g *groups) addMembers(room []projection.Member, object []byte) error {
	members, err := projection.Members(room, object)
	if err != nil {
		return err
	}
	g.objects++
	if g.items == nil {
		g.items = make([]item, 0, 2*len(members))
	}
	for _, m := range members {
		key, err := meaning(object[m.Name.Start-1 : m.Name.End+1])
		if err != nil {
			return err
		}
		label, value := object[m.Name.Start-1:m.Value.Start], object[m.Value.Start:m.Value.End]
		if !g.add(item{key: key, label: label, value: value, from: g.objects}) {
			return errors.New("an object has two members of one name")
		}
	}
	return nil
}

// add adds an item to its group. It is false if the group has a member of the same
// object already.
func (g *groups) add(it item) bool {
	first := -1
	if it.key != nil {
		first = g.find(it.key)
	}
	n := len(g.items)
	if first < 0 {
		it.last = n
		g.items = append(g.items, it)
		g.remember(n)
		return true
	}
	last := g.items[first].last
	if it.from > 0 && g.items[last].from == it.from {
		return false
	}
	if !g.firstOnly {
		it.later = true
		g.items = append(g.items, it)
		g.items[last].next, g.items[first].last = n, n
	}
	return true
}

// find is the first item of a key's group, or -1.
func (g *groups) find(key []byte) int {
	if g.places != nil {
		_, i := g.place(key)
		return i
	}
	for i := range g.items {
		if bytes.Equal(g.items[i].key, key) {
			return i
		}
	}
	return -1
}

// place is where the map has, or is to have, a key: behind others of its hash.
func (g *groups) place(key []byte) (hash uint64, first int) {
	for hash = maphash.Bytes(hashes, key); ; hash++ {
		i, taken := g.places[hash]
		if !taken {
			return hash, -1
		}
		if bytes.Equal(g.items[i].key, key) {
			return hash, i
		}
	}
}

// remember notes the first item of a group, n, in the map, as soon as there is one.
func (g *groups) remember(n int) {
	from := n
	if g.places == nil {
		if n < few {
			return
		}
		from, g.places = 0, make(map[uint64]int, 4*few)
	}
	for i := from; i <= n; i++ {
		if it := &g.items[i]; it.key != nil && !it.later {
			hash, _ := g.place(it.key)
			g.places[hash] = i
		}
	}
}

// append writes the groups, each with its items merged, and the closing bracket.
func (g *groups) append(dst []byte, closing byte) ([]byte, error) {
	var err error
	var room [4][]byte
	for i := range g.items {
		it := &g.items[i]
		if it.later {
			continue
		}
		dst = append(appendComma(dst), it.label...)
		if dst, err = appendDeep(dst, g.values(room[:0], i)); err != nil {
			return nil, err
		}
	}
	return append(dst, closing), nil
}

// values appends the values of the group that begins with item i.
func (g *groups) values(dst [][]byte, i int) [][]byte {
	for {
		dst = append(dst, g.items[i].value)
		if i = g.items[i].next; i == 0 {
			return dst
		}
	}
}
