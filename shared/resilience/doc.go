// Package resilience decides around a call, whatever carries it: today, whether
// a service that keeps failing is called at all.
//
// A [Breaker] hands out a [Permit] for each call and is told how the call ended.
// It counts over a rolling window, opens when too much of it failed, and lets
// single probes through after a while. It stands on gobreaker's two-step breaker
// and closes that one's traps: an outcome is counted once however often it is
// reported, a probe that never reports gives its place back, and state changes
// are told outside of every lock, in order, so that the listener may ask the
// breaker anything.
//
// Retries, hedges, bulkheads and adaptive limits are not here yet: a call is
// tried once.
package resilience
