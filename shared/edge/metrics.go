package edge

import (
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/triptych-bff/triptych/shared/telemetry"
)

// Metrics are the counts of all requests. There is one for each telemetry; it
// outlives configurations.
type Metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
	shed     prometheus.Counter
	busy     atomic.Int64 // requests under way, for shedding

	mu    sync.RWMutex
	known map[labels]ended // labels are looked up once
}

// labels are those of a request that has ended.
type labels struct {
	route, method string
	status        int
}

// ended is what counts it.
type ended struct {
	requests prometheus.Counter
	seconds  prometheus.Observer
}

// NewMetrics registers the metrics. It panics when they are registered already,
// which is a mistake of the program.
func NewMetrics(tel *telemetry.Telemetry) *Metrics {
	m := &Metrics{
		known: make(map[labels]ended),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total",
			Help: "Requests that have ended, by the pattern of their route, method and status.",
		}, []string{"route", "method", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "http_request_seconds",
			Help:    "Time from a request's head to the end of its answer, by the pattern of its route.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "http_requests_in_flight",
			Help: "Requests under way.",
		}),
		shed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "http_requests_shed_total",
			Help: "Requests refused because too many were under way.",
		}),
	}
	tel.Metrics.MustRegister(m.requests, m.seconds, m.inFlight, m.shed)
	return m
}

func (m *Metrics) count(route, method string, status int, took time.Duration) {
	if route == "" {
		route = "none"
	}
	e := m.ended(labels{route, methodLabel(method), status})
	e.requests.Inc()
	e.seconds.Observe(took.Seconds())
}

func (m *Metrics) ended(l labels) ended {
	m.mu.RLock()
	e, ok := m.known[l]
	m.mu.RUnlock()
	if ok {
		return e
	}
	e = ended{m.requests.WithLabelValues(l.route, l.method, strconv.Itoa(l.status)), m.seconds.WithLabelValues(l.route)}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known[l] = e
	return e
}

// methodLabel bounds the label: a client can send any word as a method.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}
