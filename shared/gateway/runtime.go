package gateway

import (
	"crypto/rand"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/triptych-bff/triptych/shared/auth"
	"github.com/triptych-bff/triptych/shared/edge"
	"github.com/triptych-bff/triptych/shared/httpcache"
	"github.com/triptych-bff/triptych/shared/ratelimit"
	"github.com/triptych-bff/triptych/shared/signed"
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
	good    *httpcache.Kept // parts of screens as they were last
	edge    *edge.Metrics
	reloads *reloadMetrics
	streams *prometheus.CounterVec // by what became of them
	signing *signed.Keys           // of links, where none are configured
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
		good:    httpcache.NewKept(cache.LastGood()),
		edge:    edge.NewMetrics(tel),
		reloads: newReloadMetrics(tel.Metrics),
		streams: newStreamEnds(tel.Metrics),
		signing: processKeys(rand.Reader),
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
	rt.good.Close()
}
