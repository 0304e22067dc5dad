package upstream

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	calls   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

func newMetrics(registry prometheus.Registerer, p *Pool) *metrics {
	m := &metrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "upstream_calls_total",
			Help: "Calls of services by how they ended: a class of status, or why there was no answer.",
		}, []string{"service", "operation", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "upstream_call_seconds",
			Help:    "How long calls of services took; of streams, how long their head took.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"service"}),
	}
	unfinished := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "upstream_unfinished_calls",
		Help: "Calls and streams that were started and neither awaited nor cancelled yet.",
	}, func() float64 { return float64(p.Unfinished()) })
	registry.MustRegister(m.calls, m.seconds, unfinished, breakerStates{p})
	return m
}

// count notes how a call ended.
func (m *metrics) count(service, operation, outcome string) {
	if counter, err := m.calls.GetMetricWithLabelValues(service, operation, outcome); err == nil {
		counter.Inc()
	}
}

// observe notes how long one took that was made.
func (m *metrics) observe(service string, took time.Duration) {
	if histogram, err := m.seconds.GetMetricWithLabelValues(service); err == nil {
		histogram.Observe(took.Seconds())
	}
}

// statusClass is "2xx" and so on.
func statusClass(status int) string {
	switch status / 100 {
	case 2:
		return "2xx"
	case 3:
		return "3xx"
	case 4:
		return "4xx"
	case 5:
		return "5xx"
	default:
		return strconv.Itoa(status/100%10) + "xx"
	}
}

// breakerStates asks the breakers when it is asked itself, so that it shows no
// service that has gone.
type breakerStates struct{ pool *Pool }

var breakerState = prometheus.NewDesc("breaker_state",
	"What the service's breaker does: 0 closed, 1 half-open, 2 open.", []string{"service"}, nil)

func (b breakerStates) Describe(descs chan<- *prometheus.Desc) { descs <- breakerState }

func (b breakerStates) Collect(out chan<- prometheus.Metric) {
	for name, breaker := range b.pool.snapshot() {
		out <- prometheus.MustNewConstMetric(breakerState, prometheus.GaugeValue, float64(breaker.State()), name)
	}
}
