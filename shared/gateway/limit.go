package gateway

import (
	"net/http"

	"github.com/triptych-bff/triptych/shared/identity"
	"github.com/triptych-bff/triptych/shared/ratelimit"
	"github.com/triptych-bff/triptych/shared/telemetry"
)

// charge counts a request against its limits and says so in the headers. The
// error is the problem of the first limit that is used up; then none is charged.
func charge(limiter *ratelimit.Limiter, policies []*ratelimit.Policy, h http.Header, r *http.Request) error {
	keys := make([]string, len(policies))
	for i, p := range policies {
		keys[i] = limitKey(p.Key, r)
	}
	return limiter.Charge(h, policies, keys, 1)
}

// limitKey is who a limit counts. Who has not said who they are is counted by
// address.
func limitKey(by ratelimit.Key, r *http.Request) string {
	id := identity.FromContext(r.Context())
	switch {
	case id != nil && by == ratelimit.User:
		return "user " + id.Issuer + " " + id.Subject
	case id != nil && by == ratelimit.Client:
		return "client " + id.Client
	}
	return "address " + ratelimit.Address(telemetry.FromContext(r.Context()).Client)
}
