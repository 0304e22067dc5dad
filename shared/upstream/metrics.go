package upstream

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/triptych-bff/triptych/shared/http1"
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
	registry.MustRegister(m.calls, m.seconds, unfinished, breakerStates{p}, connections{p})
	return m
}

// An outcome is how a call ended, as a label.
type outcome uint8

const (
	informational outcome = iota // 1xx to 5xx, in their order
	successful
	redirection
	clientError
	serverError
	cancelled // the codes, in no order
	badAnswer
	timeout
	unreachable
	breakerOpen
	tooLarge
	badRequest
	outcomes
)

var outcomeNames = [outcomes]string{
	"1xx", "2xx", "3xx", "4xx", "5xx",
	Cancelled.String(), BadAnswer.String(), Timeout.String(), Unreachable.String(), BreakerOpen.String(), TooLarge.String(), BadRequest.String(),
}

// class is the outcome of a status from 100 to 599.
func class(status int) outcome { return outcome(min(max(status/100, 1), 5) - 1) }

func (c Code) outcome() outcome {
	switch c {
	case Timeout:
		return timeout
	case Unreachable:
		return unreachable
	case BreakerOpen:
		return breakerOpen
	case TooLarge:
		return tooLarge
	case Cancelled:
		return cancelled
	case BadRequest:
		return badRequest
	default:
		return badAnswer
	}
}

// serviceMetrics are those of one service. Labels are looked up once, when
// something is to be counted: a service that was never called is not shown.
type serviceMetrics struct {
	*metrics
	name       string
	seconds    func() prometheus.Observer
	operations sync.Map // string → *[outcomes]operationCounter
}

type operationCounter struct {
	once    sync.Once
	counter prometheus.Counter
}

func (m *metrics) service(name string) *serviceMetrics {
	return &serviceMetrics{metrics: m, name: name, seconds: sync.OnceValue(func() prometheus.Observer {
		return m.seconds.WithLabelValues(name)
	})}
}

// count notes how a call ended.
func (m *serviceMetrics) count(operation string, o outcome) {
	known, ok := m.operations.Load(operation)
	if !ok {
		known, _ = m.operations.LoadOrStore(operation, new([outcomes]operationCounter))
	}
	c := &known.(*[outcomes]operationCounter)[o]
	c.once.Do(func() { c.counter, _ = m.calls.GetMetricWithLabelValues(m.name, operation, outcomeNames[o]) })
	if c.counter != nil { // an operation that is no UTF-8 has none
		c.counter.Inc()
	}
}

// observe notes how long one took that was made.
func (m *serviceMetrics) observe(took time.Duration) { m.seconds().Observe(took.Seconds()) }

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

// connections asks the services' HTTP/1.1 clients.
type connections struct{ pool *Pool }

var (
	connectionsNow = prometheus.NewDesc("upstream_connections",
		"Connections to a service: in use, or idle.", []string{"service", "state"}, nil)
	connectionsWanted = prometheus.NewDesc("upstream_connections_waiting",
		"Exchanges that wait for a connection because there are as many as there may be.", []string{"service"}, nil)
	connectionsTotal = prometheus.NewDesc("upstream_connection_events_total",
		"What became of connections: dialled, failed to be made, reused, found stale when they were to be reused, replayed because they ended then.",
		[]string{"service", "event"}, nil)
)

func (c connections) Describe(descs chan<- *prometheus.Desc) {
	descs <- connectionsNow
	descs <- connectionsWanted
	descs <- connectionsTotal
}

func (c connections) Collect(out chan<- prometheus.Metric) {
	for name, s := range c.pool.stats() {
		collect(out, name, s)
	}
}

func collect(out chan<- prometheus.Metric, service string, s http1.Stats) {
	gauge := func(desc *prometheus.Desc, value int, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(value), labels...)
	}
	event := func(name string, value int64) {
		out <- prometheus.MustNewConstMetric(connectionsTotal, prometheus.CounterValue, float64(value), service, name)
	}
	gauge(connectionsNow, s.Open-s.Idle, service, "used")
	gauge(connectionsNow, s.Idle, service, "idle")
	gauge(connectionsWanted, s.Waiting, service)
	event("dialled", s.Dialled)
	event("failed", s.Failed)
	event("reused", s.Reused)
	event("stale", s.Stale)
	event("replayed", s.Replayed)
}
