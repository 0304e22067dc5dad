package chance

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What was once said must always be said: recorded answers depend on it.
func TestSameForever(t *testing.T) {
	c := Of("order", "ada-0001")
	got := []any{c.Uint64(), c.Between(10, 20), c.Hex(8), c.Digits(4), Pick(c, []string{"a", "b", "c"}), Sample(c, 2, []int{1, 2, 3, 4})}
	want := []any{uint64(10753824642776271713), 20, "f77d2e61", "4293", "a", []int{4, 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if Of("ab", "c").Uint64() == Of("a", "bc").Uint64() {
		t.Error("the words run into each other")
	}
}

func TestSpread(t *testing.T) {
	const n = 20000
	c := Of("spread")
	var sum, normal, square float64
	early := 0
	counts := map[int]int{}
	list := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	for range n {
		f := c.Float()
		if f < 0 || f >= 1 {
			t.Fatalf("%v is not in [0, 1)", f)
		}
		sum += f
		x := c.Normal()
		normal += x
		square += x * x
		counts[c.Between(1, 4)]++
		if Skewed(c, list) == 0 {
			early++
		}
	}
	if math.Abs(sum/n-0.5) > 0.01 || math.Abs(normal/n) > 0.03 || math.Abs(square/n-1) > 0.05 {
		t.Errorf("mean %v, normal mean %v, variance %v", sum/n, normal/n, square/n)
	}
	for v := 1; v <= 4; v++ {
		if math.Abs(float64(counts[v])-n/4) > n/40 {
			t.Errorf("%d came %d times of %d", v, counts[v], n)
		}
	}
	if len(counts) != 4 || early < n*2/5 {
		t.Errorf("values %v; the first of ten came %d times of %d", counts, early, n)
	}
}
