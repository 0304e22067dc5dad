package http1

import (
	"strings"
	"testing"
)

// TestTextIsWhatEveryByteSays: no byte is missed, wherever it stands among eight.
func TestTextIsWhatEveryByteSays(t *testing.T) {
	for length := range 20 {
		for _, rest := range []string{"x", " ", "\t", "~", "\xff", "\x80"} {
			for at := range length {
				for c := range 256 {
					s := strings.Repeat(rest, at) + string([]byte{byte(c)}) + strings.Repeat(rest, length-at-1)
					if isText(s) != all(s, &isValue) {
						t.Fatalf("%q: %v", s, isText(s))
					}
				}
			}
		}
	}
}
