package server

import (
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/telemetry"
)

// Config is the public listener's. A zero limit or time is the default that its
// tag states, except where zero means none.
type Config struct {
	Listen string `config:"listen" default:"127.0.0.1:8080" doc:"Address to serve clients on, host:port. Port 0 takes a free one."`
	H2C    bool   `config:"h2c" default:"false" doc:"Without TLS, also serve HTTP/2 to clients that begin with it. For proxies in front; browsers never do."`

	HeaderTimeout time.Duration `config:"header_timeout" default:"5s" doc:"How long the TLS handshake and the head of a request may each take."`
	BodyTimeout   time.Duration `config:"body_timeout" default:"30s" doc:"How long the body of a request may take, beside one second for each KiB."`
	WriteTimeout  time.Duration `config:"write_timeout" default:"30s" doc:"How long a client may take nothing of an answer."`
	IdleTimeout   time.Duration `config:"idle_timeout" default:"60s" doc:"How long a connection may wait for its next request."`

	MaxHead                  config.Size `config:"max_head" default:"32KiB" doc:"How long the head of a request may be."`
	MaxStreams               int         `config:"max_streams" default:"100" doc:"How many requests may be under way on one HTTP/2 connection."`
	MaxConnections           int         `config:"max_connections" default:"10000" doc:"How many connections may be open; further ones wait to be accepted."`
	MaxConnectionsPerAddress int         `config:"max_connections_per_address" default:"0" doc:"How many of them one address may have; further ones are closed. 0 is any number, and right behind a balancer."`

	DrainDelay   time.Duration `config:"drain_delay" default:"0s" doc:"How long to go on serving after /readyz has turned to 503, so that balancers notice: longer than their checks take."`
	DrainTimeout time.Duration `config:"drain_timeout" default:"30s" doc:"How long requests under way may then take before they are cut."`
}

// AdminConfig is the operators' listener.
type AdminConfig struct {
	Listen      string `config:"listen" default:"127.0.0.1:9090" doc:"Address to serve /metrics, /livez, /readyz and what else there is for operators on."`
	AllowRemote bool   `config:"allow_remote" default:"false" doc:"Whether that address may be reached from other machines. Nothing on it asks who is there."`
}

// Validate implements [config.Validator].
func (c *Config) Validate(check *config.Check) {
	validateAddress(check, c.Listen)
	for key, value := range map[string]int64{
		"header_timeout": int64(c.HeaderTimeout), "body_timeout": int64(c.BodyTimeout), "write_timeout": int64(c.WriteTimeout),
		"idle_timeout": int64(c.IdleTimeout), "drain_delay": int64(c.DrainDelay), "drain_timeout": int64(c.DrainTimeout),
		"max_head": int64(c.MaxHead), "max_streams": int64(c.MaxStreams), "max_connections": int64(c.MaxConnections),
		"max_connections_per_address": int64(c.MaxConnectionsPerAddress),
	} {
		if value < 0 {
			check.Fault(key, "must not be negative")
		}
	}
}

// Validate implements [config.Validator].
func (a *AdminConfig) Validate(check *config.Check) {
	if err := a.withDefaults().check(); err != nil {
		check.Fault("listen", "%v", err)
	}
}

func validateAddress(check *config.Check, address string) {
	if address == "" {
		return
	}
	if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
		check.Fault("listen", "%q is not host:port", address)
	}
}

// check fails closed: whoever wants the listener to be reachable has to say so.
func (a AdminConfig) check() error {
	host, _, err := net.SplitHostPort(a.Listen)
	if err != nil || a.AllowRemote || loopback(host) {
		return err
	}
	return fmt.Errorf("%s can be reached from other machines, and nothing on it asks who is there; set allow_remote to mean it", a.Listen)
}

// loopback hosts are this machine's own. A name other than localhost may be
// resolved to anything.
func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.Unmap().IsLoopback()
}

func (c Config) withDefaults() Config {
	c.Listen = or(c.Listen, "127.0.0.1:8080")
	c.HeaderTimeout = or(c.HeaderTimeout, 5*time.Second)
	c.BodyTimeout = or(c.BodyTimeout, 30*time.Second)
	c.WriteTimeout = or(c.WriteTimeout, 30*time.Second)
	c.IdleTimeout = or(c.IdleTimeout, 60*time.Second)
	c.MaxHead = or(c.MaxHead, 32<<10)
	c.MaxStreams = or(c.MaxStreams, 100)
	c.MaxConnections = or(c.MaxConnections, 10000)
	c.DrainTimeout = or(c.DrainTimeout, 30*time.Second)
	return c
}

func (a AdminConfig) withDefaults() AdminConfig {
	a.Listen = or(a.Listen, "127.0.0.1:9090")
	return a
}

func or[T comparable](value, initial T) T {
	var zero T
	if value == zero {
		return initial
	}
	return value
}

// listenError says what an operator can do about it.
func listenError(key, address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s: another process listens on %s: %w", key, address, err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s: this process may not listen on %s: %w", key, address, err)
	}
	return fmt.Errorf("%s: %w", key, err)
}

// errorLog takes what net/http says about connections. Scanners and lost
// handshakes make most of it, so it is no warning.
func errorLog(tel *telemetry.Telemetry) *log.Logger {
	return slog.NewLogLogger(tel.Log.Handler(), slog.LevelInfo)
}
