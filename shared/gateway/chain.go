package gateway

import (
	"net/http"

	"github.com/triptych-bff/triptych/shared/auth"
	"github.com/triptych-bff/triptych/shared/identity"
	"github.com/triptych-bff/triptych/shared/ratelimit"
	"github.com/triptych-bff/triptych/shared/telemetry"
)

// params are the values of a matched path's parameters, by name.
type params func(name string) string

// handler answers a routed request. What it returns is written as a problem, in
// one place.
type handler func(w http.ResponseWriter, r *http.Request, param params) error

// access is what stands between a route and its callers.
type access struct {
	policy *auth.Policy
	limits []limit
}

// limit is what a request is charged under a policy.
type limit struct {
	policy *ratelimit.Policy
	cost   int
}

// chain is the way of a request from the router to its handler. It is put
// together once for each route, when the snapshot is built:
//
//   - note the route first, so that the log and the metrics of a refused request
//     name it;
//   - then who is calling, since both what follows depend on it;
//   - then whether they may, so that nobody uses up a limit of a route that is
//     not theirs;
//   - then whether they may now.
func (b *builder) chain(pattern string, a access, end handler) handler {
	return note(pattern,
		b.identify(
			b.authorize(a.policy,
				b.limit(a.limits, end))))
}

func note(pattern string, next handler) handler {
	return func(w http.ResponseWriter, r *http.Request, param params) error {
		telemetry.FromContext(r.Context()).Route = pattern
		return next(w, r, param)
	}
}

// identify puts the caller's identity into the context. A bad credential is
// refused also where none is needed: a client that sends one believes in it.
func (b *builder) identify(next handler) handler {
	verifier := b.verifier
	return func(w http.ResponseWriter, r *http.Request, param params) error {
		id, err := verifier.Authenticate(r.Context(), r.Header)
		if err != nil {
			return err
		}
		if id != nil {
			x := telemetry.FromContext(r.Context())
			x.Subject, x.App = id.Subject, id.Client
			r = r.WithContext(identity.NewContext(r.Context(), id))
		}
		return next(w, r, param)
	}
}

func (b *builder) authorize(policy *auth.Policy, next handler) handler {
	realm := b.verifier.Realm()
	return func(w http.ResponseWriter, r *http.Request, param params) error {
		if err := policy.Check(identity.FromContext(r.Context()), realm); err != nil {
			return err
		}
		return next(w, r, param)
	}
}

func (b *builder) limit(limits []limit, next handler) handler {
	if len(limits) == 0 {
		return next
	}
	limiter := b.limiter
	return func(w http.ResponseWriter, r *http.Request, param params) error {
		if err := charge(limiter, limits, w.Header(), r); err != nil {
			return err
		}
		return next(w, r, param)
	}
}
