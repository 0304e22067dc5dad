package ratelimit

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Limiter keeps the state of all policies, by policy name and key. It outlives
// configurations, and is safe for use by many goroutines.
type Limiter struct {
	now    func() time.Time
	seed   maphash.Seed
	shards []shard
}

const (
	mostShards    = 64
	leastPerShard = 256
)

// NewLimiter is a limiter that remembers up to capacity callers, and at least
// one. At about 200 bytes each, 100,000 are 20 MB.
func NewLimiter(now func() time.Time, capacity int) *Limiter {
	n := min(max(capacity/leastPerShard, 1), mostShards)
	l := &Limiter{now: now, seed: maphash.MakeSeed(), shards: make([]shard, n)}
	for i := range l.shards {
		l.shards[i].capacity = max(capacity/n, 1)
		l.shards[i].callers = make(map[id]*caller)
	}
	return l
}

// A Charge is what a request costs under one policy.
type Charge struct {
	Policy *Policy
	Key    string // see [Key.Of]
	Cost   int    // units; see [Decide]
}

// Allow decides about a request under one policy.
func (l *Limiter) Allow(policy *Policy, key string, cost int) Decision {
	now := l.now()
	s := &l.shards[l.shard(key)]
	s.mu.Lock()
	defer s.mu.Unlock()
	tat, d := Decide(now, s.tat(id{policy.Name, key}), policy.Rate(), cost)
	if d.Allowed {
		s.set(id{policy.Name, key}, now, tat)
	}
	d.Policy = policy
	return d
}

// AllowAll decides about a request under several policies, each named once. It
// appends their decisions to dst, in the same order, and reports whether all
// allow the request. All of them are charged, or none: where one refuses, the
// decisions of the others say what they have left, uncharged. No other request
// comes in between.
func (l *Limiter) AllowAll(dst []Decision, charges ...Charge) ([]Decision, bool) {
	now := l.now()
	var (
		indexBuffer [4]int
		tatBuffer   [4]time.Time
		tats        = tatBuffer[:0]
		allowed     = true
		first       = len(dst)
	)
	indexes := l.lock(indexBuffer[:0], charges)
	defer l.unlock(indexes)
	for _, c := range charges {
		tat, d := Decide(now, l.caller(c).tat(c.id()), c.Policy.Rate(), c.Cost)
		d.Policy = c.Policy
		dst, tats = append(dst, d), append(tats, tat)
		allowed = allowed && d.Allowed
	}
	for i, c := range charges {
		switch s := l.caller(c); {
		case allowed:
			s.set(c.id(), now, tats[i])
		case dst[first+i].Allowed:
			_, dst[first+i] = Decide(now, s.tat(c.id()), c.Policy.Rate(), 0)
			dst[first+i].Policy = c.Policy
		}
	}
	return dst, allowed
}

// Forgotten is how many callers were forgotten, because the table was full,
// before their allowance was whole again.
func (l *Limiter) Forgotten() uint64 {
	var n uint64
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		n += s.forgotten
		s.mu.Unlock()
	}
	return n
}

// Len is how many callers are remembered.
func (l *Limiter) Len() int {
	n := 0
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		n += len(s.heap)
		s.mu.Unlock()
	}
	return n
}

func (c Charge) id() id { return id{c.Policy.Name, c.Key} }

func (l *Limiter) shard(key string) int {
	return int(maphash.String(l.seed, key) % uint64(len(l.shards)))
}

func (l *Limiter) caller(c Charge) *shard { return &l.shards[l.shard(c.Key)] }

// lock locks the shards of the charges, in ascending order, so that two
// requests never wait for each other.
func (l *Limiter) lock(indexes []int, charges []Charge) []int {
	for _, c := range charges {
		indexes = append(indexes, l.shard(c.Key))
	}
	slices.Sort(indexes)
	indexes = slices.Compact(indexes)
	for _, i := range indexes {
		l.shards[i].mu.Lock()
	}
	return indexes
}

func (l *Limiter) unlock(indexes []int) {
	for _, i := range indexes {
		l.shards[i].mu.Unlock()
	}
}

// A shard is a part of the table: callers by id, and the same callers as a heap
// with the earliest TAT on top.
type shard struct {
	mu        sync.Mutex
	capacity  int
	callers   map[id]*caller
	heap      []*caller
	forgotten uint64
}

type id struct{ policy, key string }

type caller struct {
	id
	tat time.Time
	at  int // index in the heap
}

// tat is the caller's TAT; zero for one who is not known.
func (s *shard) tat(who id) time.Time {
	if c := s.callers[who]; c != nil {
		return c.tat
	}
	return time.Time{}
}

// set notes a caller's TAT. A new caller makes room: two callers who are whole
// again are dropped for each that comes, so the table shrinks when it can.
func (s *shard) set(who id, now, tat time.Time) {
	if c := s.callers[who]; c != nil {
		c.tat = tat
		s.sink(s.rise(c.at))
		return
	}
	if !tat.After(now) {
		return
	}
	for range 2 {
		if len(s.heap) > 0 && !s.heap[0].tat.After(now) {
			s.drop()
		}
	}
	if len(s.heap) >= s.capacity {
		s.forgotten++
		if !s.heap[0].tat.Before(tat) {
			return // the new caller itself is the least in debt
		}
		s.drop()
	}
	s.add(&caller{id: id{who.policy, strings.Clone(who.key)}, tat: tat})
}

func (s *shard) add(c *caller) {
	c.at = len(s.heap)
	s.callers[c.id] = c
	s.heap = append(s.heap, c)
	s.rise(c.at)
}

// drop forgets the caller on top.
func (s *shard) drop() {
	delete(s.callers, s.heap[0].id)
	last := len(s.heap) - 1
	s.swap(0, last)
	s.heap[last] = nil
	s.heap = s.heap[:last]
	s.sink(0)
}

// rise moves the caller at i up to where it belongs, and returns where that is.
func (s *shard) rise(i int) int {
	for i > 0 {
		parent := (i - 1) / 2
		if !s.heap[i].tat.Before(s.heap[parent].tat) {
			break
		}
		s.swap(i, parent)
		i = parent
	}
	return i
}

// sink moves the caller at i down to where it belongs.
func (s *shard) sink(i int) {
	for {
		least := i
		for _, child := range [...]int{2*i + 1, 2*i + 2} {
			if child < len(s.heap) && s.heap[child].tat.Before(s.heap[least].tat) {
				least = child
			}
		}
		if least == i {
			return
		}
		s.swap(i, least)
		i = least
	}
}

func (s *shard) swap(i, j int) {
	s.heap[i], s.heap[j] = s.heap[j], s.heap[i]
	s.heap[i].at, s.heap[j].at = i, j
}
