// Package knobs makes a service slow or faulty on demand, so that one can see
// what its callers make of it. A service has three knobs, which are set by flags
// when it starts and on its ops listener while it runs:
//
//	GET /knobs    200 {"latency":"0s","failure":"none","rate":1}
//	PUT /knobs    200, with any of the three in the body · 400 · 413 · 415
//
// latency, 0s to 60s, is added before each answer. failure is what becomes of
// an answer then:
//
//	none       nothing
//	error      500, or INTERNAL of gRPC
//	hang       it does not come, until the caller leaves or a knob is turned
//	garbage    200 with a body that is no JSON; HTTP only
//	cut        its head, half of its body, and the end of the connection; HTTP only
//
// rate, 0 to 1, is the share of requests that fail, evenly spread: at 0.5 every
// other one. A turn of a knob is felt at once: what waits goes by the new
// setting, from its beginning.
package knobs

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/triptych-bff/triptych/deploy/services/rest"
)

// The failures.
const (
	None    = "none"
	Error   = "error"
	Hang    = "hang"
	Garbage = "garbage"
	Cut     = "cut"
)

// Failures are those that there are, by what a service speaks.
var (
	HTTP = []string{None, Error, Hang, Garbage, Cut}
	RPC  = []string{None, Error, Hang}
)

// longest is the largest latency.
const longest = time.Minute

// Setting is how the knobs stand.
type Setting struct {
	Latency time.Duration
	Failure string
	Rate    float64
}

// Neutral is a service as it is.
var Neutral = Setting{Failure: None, Rate: 1}

func (s Setting) check(failures []string) error {
	switch {
	case s.Latency < 0 || s.Latency > longest:
		return fmt.Errorf("latency must be 0s to %v, not %v", longest, s.Latency)
	case !slices.Contains(failures, s.Failure):
		return fmt.Errorf("failure must be one of %s, not %q", strings.Join(failures, ", "), s.Failure)
	case !(s.Rate >= 0 && s.Rate <= 1): // nor NaN
		return fmt.Errorf("rate must be 0 to 1, not %v", s.Rate)
	}
	return nil
}

// Knobs are the knobs of one service.
type Knobs struct {
	failures []string

	mu      sync.Mutex
	setting Setting
	turned  chan struct{} // closed when the setting is another
	count   float64       // of requests since then
}

// New returns the knobs of a service that can fail in these ways.
func New(failures []string, s Setting) (*Knobs, error) {
	if err := s.check(failures); err != nil {
		return nil, err
	}
	return &Knobs{failures: failures, setting: s, turned: make(chan struct{})}, nil
}

// Release turns everything to neutral: a service that ends has nobody wait for
// it.
func (k *Knobs) Release() {
	_, _ = k.turn(func(s *Setting) error { *s = Neutral; return nil }) // which every service can be
}

// turn changes the setting, or leaves it where that would make it a wrong one.
func (k *Knobs) turn(change func(*Setting) error) (Setting, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	next := k.setting
	if err := change(&next); err != nil {
		return k.setting, err
	}
	if err := next.check(k.failures); err != nil {
		return k.setting, err
	}
	k.setting, k.count = next, 0
	close(k.turned)
	k.turned = make(chan struct{})
	return next, nil
}

// draw returns what is in store for a request: the latency and the failure; and
// what is closed when that is so no more.
func (k *Knobs) draw() (time.Duration, string, <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.count++
	failure := None
	if s := k.setting; math.Floor(k.count*s.Rate) > math.Floor((k.count-1)*s.Rate) {
		failure = s.Failure
	}
	return k.setting.Latency, failure, k.turned
}

// hold keeps a request waiting as the knobs say, and returns how it is to fail
// then: none, error, garbage or cut. The error is that the caller has left.
func (k *Knobs) hold(ctx context.Context) (string, error) {
	for {
		latency, failure, turned := k.draw()
		over := make(<-chan time.Time) // never
		if failure != Hang {
			if latency == 0 {
				return failure, nil
			}
			timer := time.NewTimer(latency)
			defer timer.Stop()
			over = timer.C
		}
		select {
		case <-over:
			return failure, nil
		case <-turned:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// reading is a setting in JSON.
type reading struct {
	Latency string  `json:"latency"`
	Failure string  `json:"failure"`
	Rate    float64 `json:"rate"`
}

// Get answers GET /knobs.
func (k *Knobs) Get(w http.ResponseWriter, _ *http.Request) {
	k.mu.Lock()
	s := k.setting
	k.mu.Unlock()
	rest.Answer(w, rest.NoStore, reading{s.Latency.String(), s.Failure, s.Rate})
}

// Put answers PUT /knobs.
func (k *Knobs) Put(w http.ResponseWriter, r *http.Request) {
	var wanted struct {
		Latency, Failure *string
		Rate             *float64
	}
	if !rest.Read(w, r, &wanted) {
		return
	}
	s, err := k.turn(func(s *Setting) (err error) {
		if wanted.Latency != nil {
			if s.Latency, err = time.ParseDuration(*wanted.Latency); err != nil {
				return fmt.Errorf("latency must be written like 250ms or 1.5s, not %q", *wanted.Latency)
			}
		}
		if wanted.Failure != nil {
			s.Failure = *wanted.Failure
		}
		if wanted.Rate != nil {
			s.Rate = *wanted.Rate
		}
		return nil
	})
	if err != nil {
		rest.Refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	rest.Answer(w, rest.NoStore, reading{s.Latency.String(), s.Failure, s.Rate})
}
