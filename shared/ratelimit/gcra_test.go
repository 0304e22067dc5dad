package ratelimit

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var start = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)

func TestDecide(t *testing.T) {
	r := Rate{Interval: time.Second, Burst: 10}
	ahead := func(d time.Duration) time.Time { return start.Add(d) }
	for name, c := range map[string]struct {
		tat     time.Time
		cost    int
		debt    time.Duration
		allowed bool
		left    int
		reset   time.Duration
		retry   time.Duration
	}{
		"never seen":           {time.Time{}, 1, time.Second, true, 9, 9 * time.Second, 0},
		"whole again":          {ahead(-time.Hour), 1, time.Second, true, 9, 9 * time.Second, 0},
		"some used":            {ahead(4500 * time.Millisecond), 1, 5500 * time.Millisecond, true, 4, 4 * time.Second, 0},
		"the last one":         {ahead(9 * time.Second), 1, 10 * time.Second, true, 0, time.Second, 0},
		"too early":            {ahead(9100 * time.Millisecond), 1, 9100 * time.Millisecond, false, 0, 100 * time.Millisecond, 100 * time.Millisecond},
		"dear":                 {ahead(2 * time.Second), 7, 9 * time.Second, true, 1, time.Second, 0},
		"too dear now":         {ahead(5 * time.Second), 7, 5 * time.Second, false, 5, 5 * time.Second, 2 * time.Second},
		"dearer than burst":    {time.Time{}, 11, 10 * time.Second, true, 0, time.Second, 0},
		"free":                 {ahead(10 * time.Second), 0, 10 * time.Second, true, 0, time.Second, 0},
		"negative cost":        {ahead(3 * time.Second), -5, 3 * time.Second, true, 7, 7 * time.Second, 0},
		"left by a wider rate": {ahead(time.Hour), 1, 10 * time.Second, false, 0, time.Second, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			tat, d := Decide(start, c.tat, r, c.cost)
			want := Decision{Allowed: c.allowed, Remaining: c.left, Reset: c.reset, RetryAfter: c.retry}
			if d != want || tat.Sub(start) != c.debt {
				t.Errorf("got %+v and a debt of %v, want %+v and %v", d, tat.Sub(start), want, c.debt)
			}
		})
	}
}

// Whenever requests come and whatever they cost, no stretch of time admits more
// than burst + rate × its length; and what is refused would have been too much.
func TestDecideAdmitsNoMoreThanTheRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Rate{
			Interval: time.Duration(rapid.Int64Range(1, int64(time.Minute)).Draw(t, "interval")),
			Burst:    rapid.IntRange(1, 50).Draw(t, "burst"),
		}
		type admission struct {
			at   time.Duration
			cost int
		}
		var admitted []admission
		var tat time.Time
		var at time.Duration
		for range rapid.IntRange(1, 60).Draw(t, "requests") {
			at += time.Duration(rapid.Int64Range(0, 3*int64(r.Interval)).Draw(t, "pause"))
			cost := rapid.IntRange(1, r.Burst).Draw(t, "cost")
			next, d := Decide(start.Add(at), tat, r, cost)
			tat = next
			if d.Allowed {
				admitted = append(admitted, admission{at, cost})
			}
			sum := 0
			if !d.Allowed {
				sum = cost
			}
			exceeded := false
			for i := len(admitted) - 1; i >= 0; i-- {
				sum += admitted[i].cost
				// sum > burst + (at-start)/interval, in whole numbers
				over := time.Duration(sum-r.Burst)*r.Interval > at-admitted[i].at
				exceeded = exceeded || over
			}
			if d.Allowed && exceeded {
				t.Fatalf("more than the rate was admitted by %v", at)
			}
			if !d.Allowed && !exceeded {
				t.Fatalf("refused at %v although nothing was exceeded", at)
			}
		}
	})
}

// RetryAfter is exact, and so is what Remaining and Reset promise.
func TestDecideKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Rate{
			Interval: time.Duration(rapid.Int64Range(2, int64(time.Hour)).Draw(t, "interval")),
			Burst:    rapid.IntRange(1, 1000).Draw(t, "burst"),
		}
		tat := start.Add(time.Duration(rapid.Int64Range(-10, int64(r.reach())+10).Draw(t, "debt")))
		cost := rapid.IntRange(1, r.Burst).Draw(t, "cost")
		after, d := Decide(start, tat, r, cost)
		if !d.Allowed {
			if _, early := Decide(start.Add(d.RetryAfter-1), after, r, cost); early.Allowed {
				t.Fatal("allowed before RetryAfter")
			}
			if _, then := Decide(start.Add(d.RetryAfter), after, r, cost); !then.Allowed {
				t.Fatal("refused at RetryAfter")
			}
		}
		if _, all := Decide(start, after, r, d.Remaining); !all.Allowed {
			t.Fatal("what remains is refused")
		}
		if _, more := Decide(start, after, r, d.Remaining+1); more.Allowed && d.Remaining < r.Burst {
			t.Fatal("more remains than is said")
		}
		if d.Reset <= 0 || time.Duration(d.Remaining)*r.Interval > d.Reset {
			t.Fatalf("%d left for %v is more than the rate", d.Remaining, d.Reset)
		}
	})
}
