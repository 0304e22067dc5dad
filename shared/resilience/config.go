package resilience

import (
	"time"

	"github.com/triptych-bff/triptych/shared/config"
)

// BreakerConfig says when a service counts as failing. A zero field has the
// default that its tag names.
type BreakerConfig struct {
	Failures    int           `config:"failures" default:"10" doc:"Failures in a row, within the window, that open the breaker."`
	Ratio       float64       `config:"ratio" default:"0.5" doc:"Share of failed calls within the window that opens the breaker, once min_requests have ended."`
	MinRequests int           `config:"min_requests" default:"20" doc:"Calls that must have ended within the window before ratio counts."`
	Window      time.Duration `config:"window" default:"10s" doc:"How far back calls count."`
	OpenFor     time.Duration `config:"open_for" default:"5s" doc:"How long an open breaker refuses calls before it lets one through as a probe."`
	Probes      int           `config:"probes" default:"1" doc:"Probes that must succeed before the breaker closes again; as many run at once."`
	ProbeLimit  time.Duration `config:"probe_limit" default:"10s" doc:"How long a probe may leave its outcome open before another one takes its place."`
}

// minWindow keeps the ten buckets of a window meaningful.
const minWindow = time.Second

// Validate reports what no breaker can work with.
func (c BreakerConfig) Validate(check *config.Check) {
	if c.Failures < 0 {
		check.Fault("failures", "must not be negative, is %d", c.Failures)
	}
	if c.Ratio < 0 || c.Ratio > 1 {
		check.Fault("ratio", "must be between 0 and 1, is %v", c.Ratio)
	}
	if c.MinRequests < 0 {
		check.Fault("min_requests", "must not be negative, is %d", c.MinRequests)
	}
	if c.Probes < 0 {
		check.Fault("probes", "must not be negative, is %d", c.Probes)
	}
	if c.Window != 0 && c.Window < minWindow {
		check.Fault("window", "must be at least %v, is %v", minWindow, c.Window)
	}
	if c.OpenFor < 0 {
		check.Fault("open_for", "must not be negative, is %v", c.OpenFor)
	}
	if c.ProbeLimit < 0 {
		check.Fault("probe_limit", "must not be negative, is %v", c.ProbeLimit)
	}
}

func (c BreakerConfig) withDefaults() BreakerConfig {
	orInt := func(field *int, value int) {
		if *field <= 0 {
			*field = value
		}
	}
	orTime := func(field *time.Duration, value time.Duration) {
		if *field <= 0 {
			*field = value
		}
	}
	orInt(&c.Failures, 10)
	orInt(&c.MinRequests, 20)
	orInt(&c.Probes, 1)
	orTime(&c.Window, 10*time.Second)
	orTime(&c.OpenFor, 5*time.Second)
	orTime(&c.ProbeLimit, 10*time.Second)
	if c.Ratio <= 0 {
		c.Ratio = 0.5
	}
	return c
}
