package projection

import "testing"

func BenchmarkEach(b *testing.B) {
	all, _ := answers(b)
	for i, n := range []string{"user", "orders", "books", "recs", "reviews"} {
		b.Run(n, func(b *testing.B) {
			b.SetBytes(int64(len(all[i].src)))
			for b.Loop() {
				Valid(all[i].src)
			}
		})
	}
}
