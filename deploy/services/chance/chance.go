// Package chance makes decisions that look random and are always the same: a
// Chance is seeded by words, such as the id of what is decided about, and is
// written out here so that no release of Go can change what it says.
package chance

import (
	"hash/fnv"
	"math"
)

// Chance is a stream of decisions: the generator SplitMix64. It is not for
// secrets, and not for use by several goroutines at once.
type Chance struct{ state uint64 }

// Of returns the stream of the words. The same words give the same stream.
func Of(words ...string) *Chance {
	h := fnv.New64a()
	for _, w := range words {
		_, _ = h.Write([]byte(w))
		_, _ = h.Write([]byte{0})
	}
	return &Chance{state: h.Sum64()}
}

// Uint64 returns any 64 bits.
func (c *Chance) Uint64() uint64 {
	c.state += 0x9e3779b97f4a7c15
	z := c.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Float returns a number in [0, 1).
func (c *Chance) Float() float64 { return float64(c.Uint64()>>11) / (1 << 53) }

// IntN returns a number in [0, n). n must be positive.
func (c *Chance) IntN(n int) int { return int(c.Float() * float64(n)) }

// Between returns a number in [low, high].
func (c *Chance) Between(low, high int) int { return low + c.IntN(high-low+1) }

// Is is true with probability p.
func (c *Chance) Is(p float64) bool { return c.Float() < p }

// Normal returns a number of the normal distribution around 0 with deviation 1.
func (c *Chance) Normal() float64 {
	// Box and Muller; 1-Float is never 0.
	return math.Sqrt(-2*math.Log(1-c.Float())) * math.Cos(2*math.Pi*c.Float())
}

// Pick returns one of the choices, of which there must be one.
func Pick[T any](c *Chance, choices []T) T { return choices[c.IntN(len(choices))] }

// Skewed returns one of the choices, early ones far more often than late ones.
func Skewed[T any](c *Chance, choices []T) T {
	f := c.Float()
	return choices[int(f*f*f*float64(len(choices)))]
}

// Sample returns n different choices, or all when there are fewer, in random
// order. The choices stay as they are.
func Sample[T any](c *Chance, n int, choices []T) []T {
	left := append([]T(nil), choices...)
	n = min(n, len(left))
	for i := range n {
		j := c.Between(i, len(left)-1)
		left[i], left[j] = left[j], left[i]
	}
	return left[:n]
}

const (
	hexDigits = "0123456789abcdef"
	digits    = "0123456789"
)

// Hex returns n hexadecimal digits, as ids and tokens of machines look.
func (c *Chance) Hex(n int) string { return c.word(n, hexDigits) }

// Digits returns n decimal digits.
func (c *Chance) Digits(n int) string { return c.word(n, digits) }

func (c *Chance) word(n int, letters string) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[c.IntN(len(letters))]
	}
	return string(b)
}
