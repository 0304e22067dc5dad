package httpcache

import (
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/triptych-bff/triptych/shared/http1"
)

// LastGood is how many bytes the parts that were good last may take in all: a quarter
// of what kept answers may.
func (c Config) LastGood() int64 { return int64(c.withDefaults().Size) / 4 }

// Kept is what was good last, to be shown when it cannot be had anew. It is bounded
// in bytes; what has not been used for longest goes first. All of its methods may be
// called at once; those of a nil Kept keep nothing.
type Kept struct {
	store *otter.Cache[string, Good]
}

// Good is what was good once. Nobody changes it.
type Good struct {
	Body   []byte
	Header http1.Fields // what the answer said of its freshness
	At     time.Time
	Within time.Duration // how long it is of use
}

// NewKept is an empty store of at most so many bytes. Close it.
func NewKept(size int64) *Kept {
	return &Kept{store: otter.Must(&otter.Options[string, Good]{
		MaximumWeight: uint64(max(size, 0)),
		Weigher:       func(key string, g Good) uint32 { return uint32(min(overhead+len(key)+len(g.Body), 1<<31)) },
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[string, Good]) time.Duration {
			return e.Value.Within
		}),
	})}
}

// Get is what is kept for the key, of whatever age.
func (k *Kept) Get(key string) (Good, bool) {
	if k == nil {
		return Good{}, false
	}
	return k.store.GetIfPresent(key)
}

// Keep keeps it for the key, instead of what was kept before.
func (k *Kept) Keep(key string, good Good) {
	if k != nil {
		k.store.Set(key, good)
	}
}

// Close forgets everything.
func (k *Kept) Close() {
	if k != nil {
		k.store.InvalidateAll()
		k.store.StopAllGoroutines()
	}
}
