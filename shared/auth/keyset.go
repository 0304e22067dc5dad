package auth

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	defaultTTL = 15 * time.Minute // where the provider says nothing
	minTTL     = 30 * time.Second // so that max-age=0 is no fetch per request
	maxTTL     = maxStale
	maxStale   = 24 * time.Hour // how long the last good set serves without a newer one

	budgetSize   = 3                // fetches for unknown keys at once
	budgetRefill = 10 * time.Second // until there is one more
	absentFor    = 10 * time.Second // a key that was just looked for is not looked for again
	maxAbsent    = 256              // how many of those are remembered

	firstPause   = time.Second // after a fetch that failed; doubles with each
	longestPause = 30 * time.Second
)

// keySet is one provider's keys.
//
// It has no timer. A set is refreshed by the requests that use it: from four
// fifths of its lifetime on in the background, so that under traffic nobody
// waits, and once that has passed before the request goes on, so that a
// withdrawn key is not used beyond the lifetime the provider gave it. While
// fetching fails, the last good set serves, and nobody waits for the next try.
//
// An unknown key id may be a new key, or a forgery. It is looked for at once,
// out of a budget that forgeries cannot exceed, and what was not found is
// remembered for a while. However many requests want the set, one fetch is
// under way; it belongs to none of them, so one that leaves cancels nothing.
// A fetched set replaces the old one: what is not in it is withdrawn.
type keySet struct {
	setID
	owner   *KeySets
	current atomic.Pointer[published]

	mu       sync.Mutex
	flight   *flight // the fetch under way
	budget   budget
	absent   map[string]time.Time // key ids, until when
	failures int                  // in a row
	retry    time.Time            // no fetch before
	fault    error                // of the last fetch, if it failed
}

// published is a set as it was fetched. It does not change.
type published struct {
	keys                  map[string][]key
	fetched, due, expires time.Time // due: from when on a new one is wanted
}

// flight is a fetch under way. Its error is there when done is closed.
type flight struct {
	done chan struct{}
	err  error
}

// unavailableError says that the keys are not to be had, and when it is worth
// asking again.
type unavailableError struct {
	issuer string
	retry  time.Duration
	cause  error
}

// Error names the issuer and the cause.
func (e *unavailableError) Error() string {
	return fmt.Sprintf("jwks of %s: %v", e.issuer, e.cause)
}

// Unwrap is the cause.
func (e *unavailableError) Unwrap() error { return e.cause }

func newKeySet(owner *KeySets, id setID) *keySet {
	return &keySet{setID: id, owner: owner, absent: make(map[string]time.Time), budget: budget{left: budgetSize, at: owner.now()}}
}

// key is the key with this id, for this algorithm, and the set that it is of.
func (s *keySet) key(ctx context.Context, kid, alg string) (*published, crypto.PublicKey, error) {
	if len(kid) > maxKID {
		return nil, nil, errUnknownKey
	}
	p, err := s.published(ctx)
	if err != nil {
		return nil, nil, err
	}
	if _, known := p.keys[kid]; !known {
		if p, err = s.search(ctx, p, kid); err != nil {
			return nil, nil, err
		}
	}
	keys := p.keys[kid]
	i := slices.IndexFunc(keys, func(k key) bool { return slices.Contains(k.algorithms, alg) })
	if i < 0 {
		return nil, nil, errAlgorithm // the key is not made for it
	}
	return p, keys[i].public, nil
}

// published is a set that may still be used, refreshed where it is time.
func (s *keySet) published(ctx context.Context) (*published, error) {
	p, now := s.current.Load(), s.owner.now()
	if p != nil && now.Before(p.due) {
		return p, nil
	}
	f := s.refresh(p, now)
	if f != nil && (p == nil || !now.Before(p.expires) && !s.failing()) {
		if err := f.wait(ctx); err != nil && p == nil {
			return nil, s.unavailable(err)
		}
	}
	if p = s.current.Load(); p == nil || now.Sub(p.fetched) > maxStale {
		return nil, s.unavailable(nil)
	}
	return p, nil
}

// refresh is the fetch that will replace p, begun if need be: nil where that
// has been replaced already, or where the last fetch failed a moment ago.
func (s *keySet) refresh(p *published, now time.Time) *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current.Load() != p || now.Before(s.retry) {
		return nil
	}
	return s.fly(now)
}

// search is a set with a key that is not in p.
func (s *keySet) search(ctx context.Context, p *published, kid string) (*published, error) {
	f, answer, err := s.look(p, kid)
	s.owner.metrics.unknown.WithLabelValues(s.issuer, answer).Inc()
	if err != nil {
		return nil, err
	}
	if f != nil {
		if err := f.wait(ctx); err != nil {
			return nil, s.unavailable(err)
		}
	}
	if found := s.current.Load(); found.keys[kid] != nil {
		return found, nil
	}
	s.remember(kid)
	return nil, errUnknownKey
}

// look decides whether a fetch is worth it for an unknown key. Without a fetch
// and without an error, the set has been replaced meanwhile.
func (s *keySet) look(p *published, kid string) (f *flight, answer string, err error) {
	now := s.owner.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.current.Load() != p:
		return nil, "fetched", nil
	case now.Before(s.absent[kid]):
		return nil, "remembered", errUnknownKey
	case s.flight != nil:
		return s.flight, "fetched", nil
	case now.Before(s.retry): // it may well exist: nobody can tell
		return nil, "unavailable", &unavailableError{s.issuer, s.retry.Sub(now), s.fault}
	case !s.budget.has(now):
		return nil, "refused", errUnknownKey
	default:
		return s.fly(now), "fetched", nil
	}
}

// remember notes that a key was looked for and does not exist.
func (s *keySet) remember(kid string) {
	now := s.owner.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.absent) >= maxAbsent {
		for kid, until := range s.absent {
			if !now.Before(until) {
				delete(s.absent, kid)
			}
		}
	}
	if len(s.absent) < maxAbsent {
		s.absent[kid] = now.Add(absentFor)
	}
}

// warm begins to fetch a set that has never been fetched.
func (s *keySet) warm() {
	if s.current.Load() == nil {
		s.refresh(nil, s.owner.now())
	}
}

func (s *keySet) failing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failures > 0
}

func (s *keySet) unavailable(err error) error {
	now := s.owner.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		err = s.fault
	}
	if err == nil {
		err = errors.New("the last good set is too old")
	}
	return &unavailableError{s.issuer, s.retry.Sub(now), err}
}

// fly is the fetch under way, begun if there is none. The mutex is held. Every
// fetch is charged to the budget; only those for unknown keys depend on it.
func (s *keySet) fly(now time.Time) *flight {
	if s.flight != nil {
		return s.flight
	}
	s.budget.charge(now)
	f := &flight{done: make(chan struct{})}
	if !s.owner.start(func() { s.land(f) }) {
		f.err = context.Canceled
		close(f.done)
		return f
	}
	s.flight = f
	return f
}

// land fetches the set, and replaces the current one with it.
func (s *keySet) land(f *flight) {
	keys, ttl, err := s.owner.fetch(s.setID)
	now := s.owner.now()
	s.mu.Lock()
	s.flight = nil
	if err != nil {
		s.fail(err, now)
	} else {
		s.failures, s.retry, s.fault = 0, time.Time{}, nil
		s.current.Store(&published{keys: keys, fetched: now, due: now.Add(ttl * 4 / 5), expires: now.Add(ttl)})
	}
	s.mu.Unlock()
	s.report(len(keys), now, err)
	f.err = err
	close(f.done)
}

// fail notes a failed fetch: each pause before the next one is twice the last.
func (s *keySet) fail(err error, now time.Time) {
	pause := min(longestPause, firstPause<<min(s.failures, 10))
	s.failures++
	s.retry = now.Add(pause)
	s.fault = err
}

func (s *keySet) report(keys int, now time.Time, err error) {
	m := s.owner.metrics
	if err != nil {
		m.fetches.WithLabelValues(s.issuer, "failed").Inc()
		s.owner.tel.Log.Warn("jwks: fetch failed", slog.String("issuer", s.issuer), slog.String("url", s.url), slog.Any("error", err))
		return
	}
	m.fetches.WithLabelValues(s.issuer, "ok").Inc()
	m.keys.WithLabelValues(s.issuer).Set(float64(keys))
	m.fetched.WithLabelValues(s.issuer).Set(float64(now.Unix()))
}

// wait returns when the fetch has ended, or when the caller does not want to
// wait any longer.
func (f *flight) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A budget is how many fetches unknown keys may cause. The zero value has none.
type budget struct {
	left int
	at   time.Time // until when refills have been counted
}

// has reports whether a fetch is left.
func (b *budget) has(now time.Time) bool {
	b.refill(now)
	return b.left > 0
}

// charge takes a fetch, if one is left.
func (b *budget) charge(now time.Time) {
	b.refill(now)
	b.left = max(0, b.left-1)
}

func (b *budget) refill(now time.Time) {
	n := int(now.Sub(b.at) / budgetRefill)
	if n <= 0 {
		return
	}
	b.left = min(budgetSize, b.left+n)
	b.at = b.at.Add(time.Duration(n) * budgetRefill)
	if b.left == budgetSize {
		b.at = now // a full budget saves no time for later
	}
}
