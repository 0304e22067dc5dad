package gateway

import (
	"net/http"

	"github.com/triptych-bff/triptych/shared/identity"
	"github.com/triptych-bff/triptych/shared/ratelimit"
	"github.com/triptych-bff/triptych/shared/telemetry"
)

// charge counts a request against its limits, and says so in the headers of
// whatever answer it gets. The error is the problem of a limit that is used up;
// then none of them is charged.
func charge(limiter *ratelimit.Limiter, limits []limit, h http.Header, r *http.Request) error {
	id := identity.FromContext(r.Context())
	address := telemetry.FromContext(r.Context()).Client
	charges := make([]ratelimit.Charge, 0, 4)
	for _, l := range limits {
		charges = append(charges, ratelimit.Charge{Policy: l.policy, Key: l.policy.Key.Of(id, address), Cost: l.cost})
	}
	decisions, allowed := limiter.AllowAll(make([]ratelimit.Decision, 0, 4), charges...)
	ratelimit.SetHeaders(h, decisions...)
	if allowed {
		return nil
	}
	return ratelimit.Problem(decisions...)
}
