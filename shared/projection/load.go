package projection

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// This file has all the unsafe code of the package: reads without a bounds check,
// of which the scanner makes several per token. Nothing here writes.
//
// The invariants, which every caller keeps:
//
//   - start is the first byte of a document of n bytes that stays reachable, and
//     unchanged, while the scanner works: unsafe.SliceData(src), with src kept.
//   - load8(start, i) and load4(start, i) are called for 0 ≤ i and i+8 ≤ n, i+4 ≤ n;
//     byteAt(start, i) for 0 ≤ i < n. Bytes behind the document are never read,
//     whatever the capacity of its slice is.
//
// The scanner keeps them by one comparison for each token: up to scanner.near,
// which is window bytes before the end, a token's first window bytes are there.
// Behind that, it reads with bounds checks.

// window is how far the scanner looks ahead without asking again.
const window = 24

func load8(start unsafe.Pointer, i int) uint64 {
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(start, i))[:])
}

func load4(start unsafe.Pointer, i int) uint32 {
	return binary.LittleEndian.Uint32((*[4]byte)(unsafe.Add(start, i))[:])
}

func byteAt(start unsafe.Pointer, i int) byte { return *(*byte)(unsafe.Add(start, i)) }

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// marks has the highest bit of every byte of w that does not simply belong to the
// string it is in: quotes, backslashes, control bytes, and bytes over 127. Flipping
// bit 1 moves the quote, and no other byte, among the control bytes below '!', so
// one subtraction finds both; the other finds backslashes. A borrow only runs
// upwards from a mark, so the lowest mark is exact, and none above it counts.
func marks(w uint64) uint64 {
	return ((w ^ 2*ones - '!'*ones) | (w ^ '\\'*ones - ones) | w) & highs
}

// nonDigits has the highest bit of every byte of w that is no digit; as with marks,
// the lowest counts.
func nonDigits(w uint64) uint64 {
	w ^= '0' * ones
	return (w + (0x80-10)*ones | w) & highs
}

// lowest returns the number of the lowest byte that is marked in m, or 8.
func lowest(m uint64) int {
	if m == 0 {
		return 8
	}
	return bits.TrailingZeros64(m) >> 3
}

// quickKey reads the key of which i is behind the opening quote, if it has at most
// eight bytes, all plain, and its colon follows at once. It returns the index
// behind the colon, or 0 if it is not that simple.
func quickKey(start unsafe.Pointer, i int) int {
	i += lowest(marks(load8(start, i)))
	if load4(start, i)&0xffff == '"'|':'<<8 {
		return i + 2
	}
	return 0
}
