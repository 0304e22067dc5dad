package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// A Size is a number of bytes, written as a whole number alone or with one of
// the binary units B, KiB, MiB, GiB, TiB (IEC 80000-13): 512, 64KiB, 1MiB.
// KB and MB are refused, since half of their readers take them for the binary ones.
type Size int64

// The binary units.
const (
	Byte Size = 1
	KiB       = 1024 * Byte
	MiB       = 1024 * KiB
	GiB       = 1024 * MiB
	TiB       = 1024 * GiB
)

var units = []struct {
	name string
	size Size
}{{"TiB", TiB}, {"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}}

var errSize = errors.New("not a size such as 64KiB or 1MiB")

// String writes the size in the largest unit that leaves a whole number.
func (s Size) String() string {
	for _, u := range units {
		if s != 0 && s%u.size == 0 {
			return strconv.FormatInt(int64(s/u.size), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// MarshalText writes the size as [Size.String] does.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a size; on an error s is unchanged.
func (s *Size) UnmarshalText(text []byte) error {
	digits, unit := string(text), Byte
	for _, u := range units {
		if d, ok := strings.CutSuffix(digits, u.name); ok {
			digits, unit = d, u.size
			break
		}
	}
	if unit == Byte {
		digits = strings.TrimSuffix(digits, "B")
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || Size(n) > math.MaxInt64/unit {
		return errSize
	}
	*s = Size(n) * unit
	return nil
}
