package resilience

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// small opens after three failures in a row or half of four, and probes after
// five seconds.
var small = BreakerConfig{
	Failures: 3, Ratio: 0.5, MinRequests: 4,
	Window: 10 * time.Second, OpenFor: 5 * time.Second, Probes: 1, ProbeLimit: 2 * time.Second,
}

func call(t *testing.T, b *Breaker, outcomes ...Outcome) {
	t.Helper()
	for i, o := range outcomes {
		permit, err := b.Allow()
		if err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
		permit.Done(o)
	}
}

func wantState(t *testing.T, b *Breaker, want State) {
	t.Helper()
	if got := b.State(); got != want {
		t.Fatalf("state is %v, want %v", got, want)
	}
}

func repeat(o Outcome, n int) []Outcome {
	all := make([]Outcome, n)
	for i := range all {
		all[i] = o
	}
	return all
}

func TestWhenItOpens(t *testing.T) {
	for _, test := range []struct {
		name     string
		outcomes []Outcome
		want     State
	}{
		{"two failures in a row", []Outcome{Failure, Failure}, Closed},
		{"three failures in a row", []Outcome{Failure, Failure, Failure}, Open},
		{"a success between", []Outcome{Failure, Failure, Success}, Closed},
		{"half of four", []Outcome{Success, Failure, Success, Failure}, Open},
		{"half of two is too few", []Outcome{Success, Failure}, Closed},
		{"a third of many", []Outcome{Success, Success, Failure, Success, Success, Failure, Success, Success, Failure}, Closed},
		{"callers that leave do not count", repeat(Ignored, 50), Closed},
		{"callers that leave do not fill the volume", []Outcome{Ignored, Ignored, Failure, Ignored, Success}, Closed},
		{"callers that leave do not interrupt a row", []Outcome{Failure, Ignored, Failure, Ignored, Failure}, Open},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := NewBreaker("users", small, nil)
			call(t, b, test.outcomes...)
			wantState(t, b, test.want)
		})
	}
}

func TestTheDefaultOpensAfterTenFailures(t *testing.T) {
	b := NewBreaker("users", BreakerConfig{}, nil)
	call(t, b, repeat(Failure, 9)...)
	wantState(t, b, Closed)
	call(t, b, Failure)
	wantState(t, b, Open)
}

func TestTheWindowRolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBreaker("users", small, nil)
		for range 30 { // two failures, always further apart than the window is long
			call(t, b, Failure)
			time.Sleep(5500 * time.Millisecond)
		}
		wantState(t, b, Closed)
		call(t, b, Failure, Failure)
		wantState(t, b, Open)
	})
}

func TestItProbesAndCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBreaker("users", small, nil)
		call(t, b, repeat(Failure, 3)...)

		time.Sleep(time.Second)
		_, err := b.Allow()
		var open *OpenError
		if !errors.As(err, &open) || !errors.Is(err, ErrOpen) {
			t.Fatalf("error is %v, want an OpenError", err)
		}
		if diff := cmp.Diff(OpenError{Name: "users", RetryAfter: 4 * time.Second}, *open); diff != "" {
			t.Error(diff)
		}

		time.Sleep(4*time.Second + 1)
		probe, err := b.Allow()
		if err != nil {
			t.Fatalf("no probe: %v", err)
		}
		wantState(t, b, HalfOpen)
		if _, err := b.Allow(); !errors.As(err, &open) || open.RetryAfter != time.Second {
			t.Fatalf("second probe: %v, want a refusal for a second", err)
		}
		probe.Done(Success)
		wantState(t, b, Closed)
	})
}

func TestAProbeThatFailsOpensAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := halfOpen(t)
		call(t, b, Failure)
		wantState(t, b, Open)
	})
}

// gobreaker keeps the place of a probe that never reports for ever.
func TestAProbeThatNeverReportsGivesItsPlaceBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := halfOpen(t)
		lost, err := b.Allow()
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2*time.Second + 1)
		probe, err := b.Allow()
		if err != nil {
			t.Fatalf("the place is lost: %v", err)
		}
		lost.Done(Failure) // too late
		wantState(t, b, HalfOpen)
		probe.Done(Success)
		wantState(t, b, Closed)
	})
}

func TestAProbeWhoseCallerLeftGivesItsPlaceBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := halfOpen(t)
		call(t, b, Ignored)
		wantState(t, b, HalfOpen)
		call(t, b, Success)
		wantState(t, b, Closed)
	})
}

func halfOpen(t *testing.T) *Breaker {
	t.Helper()
	b := NewBreaker("users", small, nil)
	call(t, b, repeat(Failure, 3)...)
	time.Sleep(5*time.Second + 1)
	wantState(t, b, HalfOpen)
	return b
}

func TestAnOutcomeCountsOnce(t *testing.T) {
	b := NewBreaker("users", small, nil)
	permit, err := b.Allow()
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { permit.Done(Failure) })
	}
	all.Wait()
	wantState(t, b, Closed)
}

func TestAnOutcomeOfAnEarlierStateIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBreaker("users", small, nil)
		late, err := b.Allow()
		if err != nil {
			t.Fatal(err)
		}
		call(t, b, repeat(Failure, 3)...)
		time.Sleep(5*time.Second + 1)
		call(t, b, Success)
		call(t, b, Failure, Failure)
		late.Done(Failure)
		wantState(t, b, Closed)
	})
}

// A listener may ask the breaker: under gobreaker's own lock it would deadlock.
func TestChangesAreToldInOrderAndOutsideOfLocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type told struct {
			Name     string
			From, To State
		}
		var got []told
		var b *Breaker
		b = NewBreaker("users", small, func(name string, from, to State) {
			got = append(got, told{name, from, to})
			b.State()
			if permit, err := b.Allow(); err == nil {
				permit.Done(Ignored)
			}
		})
		call(t, b, repeat(Failure, 3)...)
		time.Sleep(5*time.Second + 1)
		call(t, b, Success)
		want := []told{{"users", Closed, Open}, {"users", Open, HalfOpen}, {"users", HalfOpen, Closed}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestManyCallersAtOnce(t *testing.T) {
	var changes []State
	b := NewBreaker("users", BreakerConfig{OpenFor: time.Nanosecond}, func(_ string, _, to State) {
		changes = append(changes, to) // told one at a time: no lock needed
	})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 2000 {
				permit, err := b.Allow()
				if err != nil {
					continue
				}
				permit.Done([]Outcome{Failure, Success, Failure, Ignored}[(n+i)%4])
				permit.Done(Failure)
			}
		})
	}
	all.Wait()
	for i := 1; i < len(changes); i++ {
		if changes[i] == changes[i-1] {
			t.Fatalf("change %d repeats %v", i, changes[i])
		}
	}
	if len(changes) == 0 {
		t.Error("it never opened")
	}
}

func BenchmarkAllowDone(b *testing.B) {
	breaker := NewBreaker("users", BreakerConfig{}, nil)
	b.ReportAllocs()
	for b.Loop() {
		permit, err := breaker.Allow()
		if err != nil {
			b.Fatal(err)
		}
		permit.Done(Success)
	}
}
