package httpcache

import "github.com/prometheus/client_golang/prometheus"

// metrics are counters whose labels were looked up once.
type metrics struct {
	hit    prometheus.Counter // a kept answer
	miss   prometheus.Counter // a call that may be kept was made
	joined prometheus.Counter // such a call of someone else was waited for
	others prometheus.Counter // another call was waited for
}

func newMetrics(registry prometheus.Registerer, c *Cache) metrics {
	lookups := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "httpcache_lookups_total",
		Help: "Shared calls by whether a kept answer served (hit), someone else's call (joined) or neither (miss).",
	}, []string{"result"})
	others := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "httpcache_joined_total",
		Help: "Reading calls other than shared ones that waited for an identical one under way.",
	})
	size := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "httpcache_bytes", Help: "What the kept answers take.",
	}, func() float64 { return float64(c.kept.WeightedSize()) })
	registry.MustRegister(lookups, others, size)
	return metrics{
		hit: lookups.WithLabelValues("hit"), miss: lookups.WithLabelValues("miss"), joined: lookups.WithLabelValues("joined"),
		others: others,
	}
}

// count notes a call that was made or joined.
func (m *metrics) count(keeps, first bool) {
	switch {
	case keeps && first:
		m.miss.Inc()
	case keeps:
		m.joined.Inc()
	case !first:
		m.others.Inc()
	}
}
