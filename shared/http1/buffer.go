package http1

import (
	"math/bits"
	"sync"
)

// A buffer is room for an answer. Behind it there is slack bytes of more room,
// so that who reads the answer may look a little further than it goes.
type buffer struct {
	b     []byte
	class int // which pool it goes back to; negative where it is too large to be kept
}

const (
	slack     = 64
	leastBits = 12 // 4 KiB
	mostBits  = 20 // 1 MiB
)

// pools keep buffers of 4, 8, … 1,024 KiB.
var pools [mostBits - leastBits + 1]sync.Pool

// getBuffer has room for at least n bytes.
func getBuffer(n int) *buffer {
	class := max(bits.Len(uint(max(n, 1)-1))-leastBits, 0)
	if class >= len(pools) {
		return &buffer{make([]byte, n, n+slack), -1}
	}
	if b, ok := pools[class].Get().(*buffer); ok {
		return b
	}
	size := 1 << (leastBits + class)
	return &buffer{make([]byte, size, size+slack), class}
}

// put gives the room back: nobody may hold a piece of it any more.
func (b *buffer) put() {
	if b.class >= 0 {
		pools[b.class].Put(b)
	}
}

// grown is a larger buffer with the first n bytes of this one, which is given back.
func (b *buffer) grown(n, least int) *buffer {
	larger := getBuffer(max(least, 2*len(b.b)))
	copy(larger.b, b.b[:n])
	b.put()
	return larger
}
