package load

import "time"

// histogram counts times by whole microseconds.
type histogram struct {
	counts [1_000_000]uint32 // the last one also has what took longer
	total  int
}

func (h *histogram) reset() { *h = histogram{} }

func (h *histogram) add(d time.Duration) {
	h.counts[min(int(d.Microseconds()), len(h.counts)-1)]++
	h.total++
}

// quantile is the time that the share q of all did not exceed.
func (h *histogram) quantile(q float64) time.Duration {
	rank := int(q * float64(h.total))
	for us, n := range h.counts {
		if rank -= int(n); rank < 0 {
			return time.Duration(us) * time.Microsecond
		}
	}
	return 0
}
