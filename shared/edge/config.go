package edge

import (
	"net/netip"
	"strings"

	"github.com/triptych-bff/triptych/shared/config"
)

// Config is what the edge lets through. A zero limit is the default that its tag
// states, except MaxInFlight.
type Config struct {
	TrustedProxies []netip.Prefix `config:"trusted_proxies" doc:"Networks of the proxies in front of the gateway, such as 10.0.0.0/8. Only their X-Forwarded-For and X-Request-Id are believed. Empty believes nobody."`
	DropHeaders    []string       `config:"drop_headers" doc:"Request headers that only the gateway may set, besides the built-in ones: names, or beginnings such as x-tenant-*. The clients' own are dropped, also those with _ or . in place of -."`

	MaxHeaders int         `config:"max_headers" default:"100" doc:"How many header lines a request may have."`
	MaxHeader  config.Size `config:"max_header" default:"16KiB" doc:"How long one header's name and value may be."`
	MaxURL     config.Size `config:"max_url" default:"8KiB" doc:"How long the request target may be."`
	MaxQuery   int         `config:"max_query" default:"500" doc:"How many query parameters a request may have."`
	MaxBody    config.Size `config:"max_body" default:"1MiB" doc:"How long a request's body may be."`

	MaxInFlight int      `config:"max_in_flight" default:"0" doc:"How many requests may be under way at once, long-lived streams included; more are answered 503. 0 is any number."`
	NeverShed   []string `config:"never_shed" doc:"Exact paths that are served beyond max_in_flight, such as a health check."`
}

// Validate implements [config.Validator].
func (c *Config) Validate(check *config.Check) {
	for _, p := range c.TrustedProxies {
		switch {
		case p.Addr().Is4In6():
			check.Fault("trusted_proxies", "%v is an IPv4 network in IPv6 form; write it as IPv4", p)
		case p.Bits() == 0:
			check.Warn("trusted_proxies", "%v trusts everybody: each client can then choose its address", p)
		}
	}
	for _, name := range c.DropHeaders {
		if name = strings.TrimSuffix(name, "*"); !headerName(name) {
			check.Fault("drop_headers", "%q is not the name of a header", name)
		}
	}
	for key, value := range map[string]int64{
		"max_headers": int64(c.MaxHeaders), "max_header": int64(c.MaxHeader), "max_url": int64(c.MaxURL),
		"max_query": int64(c.MaxQuery), "max_body": int64(c.MaxBody), "max_in_flight": int64(c.MaxInFlight),
	} {
		if value < 0 {
			check.Fault(key, "must not be negative")
		}
	}
	for _, path := range c.NeverShed {
		if !strings.HasPrefix(path, "/") {
			check.Fault("never_shed", "%q does not begin with a slash", path)
		}
	}
}

func headerName(s string) bool {
	return s != "" && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
}

func (c Config) withDefaults() Config {
	c.MaxHeaders = or(c.MaxHeaders, 100)
	c.MaxHeader = or(c.MaxHeader, 16<<10)
	c.MaxURL = or(c.MaxURL, 8<<10)
	c.MaxQuery = or(c.MaxQuery, 500)
	c.MaxBody = or(c.MaxBody, 1<<20)
	return c
}

func or[T int | config.Size](value, initial T) T {
	if value == 0 {
		return initial
	}
	return value
}
