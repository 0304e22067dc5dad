package aggregation

import "time"

// Else is a part's failure contract: what becomes of the answer when the part
// cannot be had. The zero value is required: without the part there is no answer.
type Else struct {
	optional bool
	defaults bool          // there is a fallback
	fallback string        // JSON that is shown instead
	keeps    bool          // there is a lastGood
	lastGood time.Duration // how old an earlier one may be that is shown instead
}

// Omit leaves the part out and names it in the response as missing.
var Omit = Else{optional: true}

// Default shows this JSON instead, and names the part in the response.
func Default(text string) Else { return Omit.OrDefault(text) }

// LastGood shows the part as it was last, if it was good within this time, and
// names it in the response as stale; otherwise it is [Omit]. So it is where a service
// says that the thing is gone or not for this caller (401, 403, 404). It is kept in memory
// for the same caller and the same values of the request; for everybody, if all
// calls that it is made from are [Call.Public].
func LastGood(within time.Duration) Else { return Else{optional: true, keeps: true, lastGood: within} }

// OrDefault is [LastGood], and where nothing good is kept, [Default].
func (e Else) OrDefault(text string) Else {
	e.optional, e.defaults, e.fallback = true, true, text
	return e
}
