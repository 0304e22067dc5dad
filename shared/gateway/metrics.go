package gateway

import (
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/triptych-bff/triptych/shared/ratelimit"
)

// sharedModule is the module that this package belongs to.
const sharedModule = "github.com/triptych-bff/triptych/shared"

// sharedVersion is the version of the shared module that the program was built
// with; "(devel)" is the one beside it in a workspace.
func sharedVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == sharedModule {
			return m.Version
		}
	}
	return ""
}

// watchLimiter exports how full the limiter's table is, and whether that matters.
func watchLimiter(r prometheus.Registerer, l *ratelimit.Limiter) {
	r.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "ratelimit_callers", Help: "Callers who have used part of an allowance.",
		}, func() float64 { return float64(l.Len()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "ratelimit_forgotten_total", Help: "Callers forgotten because the table was full, before their allowance was whole again.",
		}, func() float64 { return float64(l.Forgotten()) }),
	)
}

// reloadMetrics count what became of changed configurations.
type reloadMetrics struct {
	total  *prometheus.CounterVec
	failed prometheus.Gauge
}

func newReloadMetrics(r prometheus.Registerer) *reloadMetrics {
	m := &reloadMetrics{
		total: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "config_reloads_total", Help: "Reloads of the configuration, by result.",
		}, []string{"result"}),
		failed: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "config_reload_failed", Help: "1 while the last reload of the configuration has failed.",
		}),
	}
	m.total.WithLabelValues("ok")
	m.total.WithLabelValues("failed")
	r.MustRegister(m.total, m.failed)
	return m
}

func (m *reloadMetrics) record(err error) {
	if err != nil {
		m.total.WithLabelValues("failed").Inc()
		m.failed.Set(1)
		return
	}
	m.total.WithLabelValues("ok").Inc()
	m.failed.Set(0)
}
