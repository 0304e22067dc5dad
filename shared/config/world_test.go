package config_test

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/triptych-bff/triptych/shared/config"
)

// world has a field of every kind.
type world struct {
	Common
	Upstreams map[string]upstream `config:"upstreams" doc:"The services behind, by name."`
	Routes    []route             `config:"routes" doc:"What is passed through."`
	Redis     redis               `config:"redis"`
	TLS       *files              `config:"tls" doc:"HTTPS; without it, HTTP."`
	Labels    map[string]string   `config:"labels"`
	Encodings []string            `config:"encodings" default:"zstd, gzip" doc:"Preferred first."`
	Trusted   []netip.Prefix      `config:"trusted"`
	Sampling  *float64            `config:"sampling"`
	MaxBody   config.Size         `config:"max_body" default:"1MiB" doc:"Largest request body | bytes."`
	Port      uint16              `config:"port" default:"8080"`
	Level     slog.Level          `config:"level" default:"INFO"`

	Clock func() time.Time
}

// Common is embedded, so its keys stand beside the others.
type Common struct {
	Listen string        `config:"listen" default:"127.0.0.1:8080" doc:"Address to listen on."`
	Debug  bool          `config:"debug"`
	Drain  time.Duration `config:"drain" default:"5s"`
}

func (c Common) Validate(check *config.Check) {
	if c.Drain < 0 {
		check.Fault("drain", "must not be negative")
	}
	if c.Debug {
		check.Warn("debug", "shows requests to everybody who reads the log")
	}
}

type upstream struct {
	URL     string        `config:"url" required:"true" doc:"Where it is."`
	Timeout time.Duration `config:"timeout" default:"2s" doc:"Longest time for one call."`
	Retries int8          `config:"retries" default:"1"`
	Breaker breaker       `config:"breaker"`
	Token   config.Secret `config:"token"`
}

func (u *upstream) Validate(check *config.Check) {
	if u.Timeout > time.Minute {
		check.Fault("timeout", "must be at most 1m, not %v", u.Timeout)
	}
	if u.URL == "nowhere" {
		check.Fault("", "leads nowhere")
	}
}

type breaker struct {
	Failures int           `config:"failures" default:"5"`
	OpenFor  time.Duration `config:"open_for" default:"30s"`
}

type route struct {
	Path     string            `config:"path" required:"true"`
	Upstream string            `config:"upstream"`
	Methods  []string          `config:"methods" default:"GET"`
	Headers  map[string]string `config:"headers"`
	Weight   int               `config:"weight" default:"1"`
}

type redis struct {
	Address  string        `config:"address"`
	Password config.Secret `config:"password"`
}

type files struct {
	Cert string `config:"cert" required:"true"`
	Key  string `config:"key" required:"true"`
}

func (w *world) Validate(check *config.Check) {
	w.Common.Validate(check)
	for i, r := range w.Routes {
		if _, ok := w.Upstreams[r.Upstream]; !ok && r.Upstream != "" {
			check.Fault(config.Key("routes", i, "upstream"), "no upstream is named %q", r.Upstream)
		}
	}
}
