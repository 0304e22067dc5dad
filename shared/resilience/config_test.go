package resilience

import (
	"strings"
	"testing"

	"github.com/triptych-bff/triptych/shared/config"
)

func TestConfig(t *testing.T) {
	for yaml, want := range map[string]string{
		"{}": "",
		"{failures: 3, ratio: 1, min_requests: 1, window: 1s, open_for: 1ms, probes: 2, probe_limit: 1s}": "",
		"{failures: -1}":     "failures: must not be negative",
		"{ratio: 1.5}":       "ratio: must be between 0 and 1",
		"{min_requests: -1}": "min_requests: must not be negative",
		"{window: 500ms}":    "window: must be at least 1s",
		"{open_for: -1s}":    "open_for: must not be negative",
		"{probes: -1}":       "probes: must not be negative",
		"{probe_limit: -1s}": "probe_limit: must not be negative",
	} {
		var c BreakerConfig
		_, err := config.Load(&c, config.Source{Name: "c.yaml", Data: []byte(yaml)})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", yaml, err, want)
		}
	}
}

// What the tags promise is what a breaker has whose configuration was not loaded.
func TestDefaults(t *testing.T) {
	var loaded BreakerConfig
	if _, err := config.Load(&loaded, config.Source{Name: "c.yaml"}); err != nil || loaded != (BreakerConfig{}).withDefaults() {
		t.Errorf("%+v, %v", loaded, err)
	}
}
