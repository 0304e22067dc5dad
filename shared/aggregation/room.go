package aggregation

import "sync"

// rooms keep memory in which answers are made: most of what a request needs, and
// nothing of it is used any more when the answer is sent.
var rooms = sync.Pool{New: func() any { b := make([]byte, 0, usual); return &b }}

const (
	// usual is room for what most screens show.
	usual = 4 << 10
	// mostKept is how much room is kept at most: one large answer must not hold
	// memory for ever.
	mostKept = 1 << 20
)

// room is empty and has space. Where it was outgrown, its owner puts the larger one
// into its place before it is given back.
func room() *[]byte {
	b := rooms.Get().(*[]byte)
	*b = (*b)[:0]
	return b
}

func giveBack(b *[]byte) {
	if cap(*b) <= mostKept {
		rooms.Put(b)
	}
}
