package ratelimit

import "time"

// A Rate is what a caller may do.
type Rate struct {
	Interval time.Duration // in which one unit is restored; positive
	Burst    int           // units at once after a pause; at least 1
}

// reach is how far ahead of now a TAT may be.
func (r Rate) reach() time.Duration { return r.Interval * time.Duration(r.Burst) }

// A Decision is the answer to one request under one policy.
type Decision struct {
	Policy     *Policy       // whose answer it is; [Decide] leaves it nil
	Allowed    bool          // under this policy
	Remaining  int           // units that are left now
	Reset      time.Duration // how long Remaining should last; see [SetHeaders]
	RetryAfter time.Duration // when the same request would be allowed; zero if it is
}

// Decide is the decision about one request of this cost, and the caller's TAT
// after it. The zero TAT is that of a caller who is not known. A request that
// costs more than the burst is charged the burst, since it could never be
// admitted otherwise; one that costs nothing is always admitted. A TAT further
// ahead than the burst reaches, as it is left by a policy that was wider or by
// a clock that went back, counts as far as the burst reaches.
func Decide(now, tat time.Time, r Rate, cost int) (time.Time, Decision) {
	charge := r.Interval * time.Duration(min(max(cost, 0), r.Burst))
	debt := min(max(tat.Sub(now), 0), r.reach())
	wait := debt + charge - r.reach()
	if wait <= 0 {
		debt += charge
	}
	d := Decision{Allowed: wait <= 0, RetryAfter: max(wait, 0)}
	left := r.reach() - debt
	d.Remaining = int(left / r.Interval)
	d.Reset = max(left.Truncate(r.Interval), (left.Truncate(r.Interval) + r.Interval - left), d.RetryAfter)
	return now.Add(debt), d
}
