package gateway

import (
	"crypto/rand"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/triptych-bff/triptych/shared/auth"
	"github.com/triptych-bff/triptych/shared/edge"
	"github.com/triptych-bff/triptych/shared/httpcache"
	"github.com/triptych-bff/triptych/shared/ratelimit"
	"github.com/triptych-bff/triptych/shared/telemetry"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// runtime is what has state, by name. It outlives every configuration, so that
// a reload keeps connections, breakers, limits, keys and cached answers.
type runtime struct {
	tel     *telemetry.Telemetry
	random  io.Reader
	pool    *upstream.Pool
	limiter *ratelimit.Limiter
	keys    *auth.KeySets
	cache   *httpcache.Cache
	edge    *edge.Metrics
	reloads *reloadMetrics
}

// maxLimited is how many callers the limiter remembers. Far beyond it, those
// who have not been seen for longest are forgotten.
const maxLimited = 1 << 18

func newRuntime(tel *telemetry.Telemetry, cache httpcache.Config) *runtime {
	rt := &runtime{
		tel:     tel,
		random:  rand.Reader,
		pool:    upstream.NewPool(tel),
		limiter: ratelimit.NewLimiter(time.Now, maxLimited),
		keys:    auth.NewKeySets(nil, time.Now, tel),
		cache:   httpcache.New(cache, tel),
		edge:    edge.NewMetrics(tel),
		reloads: newReloadMetrics(tel.Metrics),
	}
	watchLimiter(tel.Metrics, rt.limiter)
	return rt
}

// retain lets go of what only other snapshots have used.
func (rt *runtime) retain(s *snapshot) {
	rt.pool.Retain(slices.Collect(maps.Values(s.services)))
	rt.keys.Retain(s.verifier)
}

func (rt *runtime) close() {
	rt.pool.Close()
	rt.keys.Close()
	rt.cache.Close()
}
