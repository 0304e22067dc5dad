package resilience

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

// buckets is into how many parts a breaker's window is divided: outcomes leave
// it a part at a time.
const buckets = 10

// A State is what a breaker does with calls.
type State int

// The states. Their numbers are the values of the metric breaker_state.
const (
	Closed   State = iota // calls go through
	HalfOpen              // single calls go through, as probes
	Open                  // calls are refused
)

// String is the state's name.
func (s State) String() string {
	switch s {
	case Closed:
		return "closed"
	case HalfOpen:
		return "half-open"
	default:
		return "open"
	}
}

func stateOf(s gobreaker.State) State {
	switch s {
	case gobreaker.StateClosed:
		return Closed
	case gobreaker.StateHalfOpen:
		return HalfOpen
	default:
		return Open
	}
}

// An Outcome is how a call ended, as far as the service is to blame.
type Outcome int

// The outcomes.
const (
	Ignored Outcome = iota // says nothing about the service: the caller left, or the call was at fault
	Success                // the service answered, be it with a refusal such as 404
	Failure                // it did not answer in time, broke off, or answered that it failed
)

// ErrOpen is what every refusal of a breaker is.
var ErrOpen = errors.New("breaker is open")

// An OpenError is a refusal.
type OpenError struct {
	Name       string        // the breaker's
	RetryAfter time.Duration // until it is worth asking again; at least a second
}

// Error names the breaker.
func (e *OpenError) Error() string {
	return fmt.Sprintf("breaker %s is open for another %v", e.Name, e.RetryAfter)
}

// Is makes an OpenError an [ErrOpen].
func (e *OpenError) Is(target error) bool { return target == ErrOpen }

// The two errors that tell gobreaker what an outcome is.
var (
	errFailure = errors.New("failure")
	errIgnored = errors.New("ignored")
)

// A Breaker stands before one service. All of its methods may be called at once.
type Breaker struct {
	name   string
	config BreakerConfig
	gate   *gobreaker.TwoStepCircuitBreaker[any]
	state  atomic.Int32 // as of the last change, readable under gate's lock
	until  atomic.Int64 // when an open breaker will let a probe through, Unix nanoseconds
	told   announcer
}

// NewBreaker is a closed breaker. onChange, unless it is nil, is told every
// change of state, in order, one at a time and outside of all locks.
func NewBreaker(name string, c BreakerConfig, onChange func(name string, from, to State)) *Breaker {
	c = c.withDefaults()
	b := &Breaker{name: name, config: c, told: announcer{name: name, tell: onChange}}
	b.gate = gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
		Name:          name,
		MaxRequests:   uint32(min(c.Probes, math.MaxInt32)),
		Interval:      c.Window,
		BucketPeriod:  (c.Window + buckets - 1) / buckets,
		Timeout:       c.OpenFor,
		ReadyToTrip:   c.trips,
		OnStateChange: b.changed,
		IsSuccessful:  func(err error) bool { return err == nil },
		IsExcluded:    func(err error) bool { return errors.Is(err, errIgnored) },
	})
	return b
}

// trips decides after a failure whether it was one too many. Only calls that
// have ended count: those under way have no outcome yet.
func (c BreakerConfig) trips(n gobreaker.Counts) bool {
	if int64(n.ConsecutiveFailures) >= int64(c.Failures) {
		return true
	}
	ended := float64(n.TotalSuccesses) + float64(n.TotalFailures)
	return ended >= float64(c.MinRequests) && float64(n.TotalFailures) >= c.Ratio*ended
}

// changed runs under gobreaker's lock: it notes, and asks the breaker nothing.
func (b *Breaker) changed(_ string, from, to gobreaker.State) {
	if to == gobreaker.StateOpen {
		b.until.Store(time.Now().Add(b.config.OpenFor).UnixNano())
	}
	b.state.Store(int32(stateOf(to)))
	b.told.note(stateOf(from), stateOf(to))
}

// Allow asks for one call. The error is an [*OpenError]; without one the permit
// is to be told the call's outcome.
func (b *Breaker) Allow() (*Permit, error) {
	report, err := b.gate.Allow()
	half := State(b.state.Load()) == HalfOpen
	b.told.deliver()
	if err != nil {
		return nil, &OpenError{Name: b.name, RetryAfter: b.retryAfter()}
	}
	p := &Permit{breaker: b, report: report}
	if half {
		// gobreaker has no end for the half-open state: the place of a probe
		// that is never reported would be lost, and with it the service.
		p.expiry = time.AfterFunc(b.config.ProbeLimit, func() { p.settle(Ignored) })
	}
	return p, nil
}

func (b *Breaker) retryAfter() time.Duration {
	left := time.Until(time.Unix(0, b.until.Load()))
	return max(left, time.Second)
}

// State is what the breaker does at present.
func (b *Breaker) State() State {
	s := stateOf(b.gate.State())
	b.told.deliver()
	return s
}

// A Permit is the right to one call.
type Permit struct {
	breaker  *Breaker
	report   func(error)
	expiry   *time.Timer // of probes only
	reported atomic.Bool
}

// Done tells the outcome of the call. Only the first outcome counts.
func (p *Permit) Done(o Outcome) {
	if p.expiry != nil {
		p.expiry.Stop()
	}
	p.settle(o)
}

func (p *Permit) settle(o Outcome) {
	if !p.reported.CompareAndSwap(false, true) {
		return
	}
	switch o {
	case Success:
		p.report(nil)
	case Failure:
		p.report(errFailure)
	default:
		p.report(errIgnored)
	}
	p.breaker.told.deliver()
}

// An announcer passes state changes on. They are noted under the breaker's
// lock and told after it is released, by whichever goroutine comes first.
type announcer struct {
	name    string
	tell    func(name string, from, to State)
	pending atomic.Int32 // how many changes wait, so that most calls take no lock

	mu      sync.Mutex
	queue   []change
	telling bool
}

type change struct{ from, to State }

func (a *announcer) note(from, to State) {
	if a.tell == nil {
		return
	}
	a.mu.Lock()
	a.queue = append(a.queue, change{from, to})
	a.mu.Unlock()
	a.pending.Add(1)
}

// deliver tells what waits. A listener that asks the breaker comes back here:
// it finds telling set and leaves the rest to the one that called it.
func (a *announcer) deliver() {
	if a.pending.Load() == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.telling {
		return
	}
	a.telling = true
	defer func() { a.telling = false }()
	for len(a.queue) > 0 {
		next := a.queue[0]
		a.queue = a.queue[1:]
		a.pending.Add(-1)
		a.unlocked(next)
	}
}

func (a *announcer) unlocked(c change) {
	a.mu.Unlock()
	defer a.mu.Lock()
	a.tell(a.name, c.from, c.to)
}
