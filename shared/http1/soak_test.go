//go:build soak && linux

package http1

import (
	"os"
	"testing"
)

// TestAHundredThousandLeave leaves no descriptor behind.
func TestAHundredThousandLeave(t *testing.T) {
	before := descriptors(t)
	t.Run("leave", func(t *testing.T) { leave(t, 100_000) })
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors are open, %d were before", after, before)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}
