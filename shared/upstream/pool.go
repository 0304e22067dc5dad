package upstream

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/triptych-bff/triptych/shared/http1"
	"github.com/triptych-bff/triptych/shared/protojson"
	"github.com/triptych-bff/triptych/shared/resilience"
	"github.com/triptych-bff/triptych/shared/telemetry"
)

// A Pool holds what services have of state: connections by address, and a
// breaker by name. It outlives every snapshot of the configuration.
type Pool struct {
	log        *slog.Logger
	metrics    *metrics
	unfinished atomic.Int64

	mu       sync.Mutex
	breakers map[string]*guard
	links    map[target]*link
}

// A guard is a breaker and the settings that it was made with.
type guard struct {
	config resilience.BreakerConfig
	*resilience.Breaker
}

// A target is what a link is connected to. Two services share no link even if
// they stand at the same address: one must not use up the other's connections.
type target struct {
	service       string
	scheme        string // http, https, grpc, grpcs
	address       string
	http2         bool
	ca            [sha256.Size]byte // of the file's content, so that a renewed one counts
	connect, idle time.Duration
	maxConns      int
}

// NewPool is an empty pool with its metrics registered. A telemetry serves one.
func NewPool(tel *telemetry.Telemetry) *Pool {
	p := &Pool{
		log:      tel.Log,
		breakers: make(map[string]*guard),
		links:    make(map[target]*link),
	}
	p.metrics = newMetrics(tel.Metrics, p)
	return p
}

// Service is a view of the named service as c describes it. Nothing is
// connected before the first call. It keeps the connections that lead to the
// same address with the same settings, and the breaker unless that is
// configured differently now. The files, which may be nil, are those of a gRPC
// service and are only kept for [Service.Files].
//
// A service is in use from here on: call [Pool.Retain] with all that are,
// whether or not this one came to be used.
func (p *Pool) Service(name string, c Config, files *protojson.Files) (*Service, error) {
	c = c.withDefaults()
	to, roots, err := resolve(name, c)
	if err != nil {
		return nil, fmt.Errorf("upstream %s: %w", name, err)
	}
	s, err := newService(p, name, c, files)
	if err != nil {
		return nil, fmt.Errorf("upstream %s: %w", name, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.guard = p.guard(name, c.Breaker)
	s.link = p.links[to]
	if s.link == nil {
		s.link = newLink(to, roots)
		p.links[to] = s.link
	}
	s.link.retire(false)
	return s, nil
}

// guard is the service's breaker. It is called with p.mu held.
func (p *Pool) guard(name string, c resilience.BreakerConfig) *guard {
	old := p.breakers[name]
	if old != nil && old.config == c {
		return old
	}
	if old != nil {
		p.log.Info("breaker is configured differently and starts anew", "service", name)
	}
	g := &guard{config: c, Breaker: resilience.NewBreaker(name, c, p.breakerChanged)}
	p.breakers[name] = g
	return g
}

func (p *Pool) breakerChanged(name string, from, to resilience.State) {
	p.log.Warn("breaker changed", "service", name, "from", from.String(), "to", to.String())
}

// Retain says which services are in use; all others are retired. Their
// connections close as soon as none of their calls is under way. A call that an
// old snapshot starts later still works, and closes its connection behind it.
func (p *Pool) Retain(current []*Service) {
	p.mu.Lock()
	defer p.mu.Unlock()
	used := make(map[*link]bool, len(current))
	clear(p.breakers)
	for _, s := range current {
		used[s.link] = true
		p.breakers[s.name] = s.guard
		if other := p.links[s.link.target]; other != nil && other != s.link {
			other.retire(true)
		}
		p.links[s.link.target] = s.link
	}
	for to, l := range p.links {
		l.retire(!used[l])
		if !used[l] {
			delete(p.links, to)
		}
	}
}

// Close retires every service.
func (p *Pool) Close() { p.Retain(nil) }

// Unfinished is how many calls and streams were started and have neither been
// waited for nor cancelled, read to their end nor closed. It is zero when no
// request is being served.
func (p *Pool) Unfinished() int { return int(p.unfinished.Load()) }

func (p *Pool) snapshot() map[string]*resilience.Breaker {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make(map[string]*resilience.Breaker, len(p.breakers))
	for name, g := range p.breakers {
		all[name] = g.Breaker
	}
	return all
}

// stats are those of the HTTP/1.1 connections, by service. A service that was
// never called has none.
func (p *Pool) stats() map[string]http1.Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make(map[string]http1.Stats, len(p.links))
	for to, l := range p.links {
		if l.client == nil {
			continue
		}
		if s := l.client.Stats(); s.Dialled+s.Failed > 0 {
			all[to.service] = s
		}
	}
	return all
}

// resolve is where c leads, and the certificates to check it against: nil is
// the system's.
func resolve(name string, c Config) (to target, roots *x509.CertPool, err error) {
	to = target{service: name, scheme: "grpc", address: c.GRPC, http2: c.HTTP2, maxConns: c.MaxConnections, connect: c.Connect, idle: c.Idle}
	if c.TLS || c.CA != "" {
		to.scheme = "grpcs"
	}
	if c.URL != "" {
		origin, _, wrong := splitURL(c.URL)
		if wrong != "" {
			return to, nil, errors.New("url " + wrong)
		}
		to.scheme, to.address = origin.Scheme, origin.Host
	} else if wrong := checkAddress(c.GRPC); wrong != "" {
		return to, nil, errors.New("grpc " + wrong)
	}
	if c.CA == "" {
		return to, nil, nil
	}
	pem, err := os.ReadFile(c.CA)
	if err != nil {
		return to, nil, fmt.Errorf("ca: %w", err)
	}
	roots = x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return to, nil, fmt.Errorf("ca: %s holds no certificate", c.CA)
	}
	to.ca = sha256.Sum256(pem)
	return to, roots, nil
}

// A carrier brings one call to the service and its answer back, in a goroutine
// of its own. Its errors are of type *Error, without the service's name, unless
// the context ended.
type carrier interface {
	carry(ctx context.Context, c *call) (*Response, error)
	// close closes every connection. A later call connects anew.
	close()
}

// A link is the connections to one target: an HTTP/1.1 client, or a carrier and
// the count of who uses it.
type link struct {
	target  target
	client  *http1.Client
	carrier carrier

	mu      sync.Mutex
	calls   int
	retired bool
}

func newLink(to target, roots *x509.CertPool) *link {
	encrypted := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	l := &link{target: to}
	switch to.scheme {
	case "http", "https":
		if to.http2 {
			l.carrier = newNet(to, encrypted, http2Only)
		} else {
			l.client = newHTTP(to, encrypted)
		}
	case "grpcs":
		l.carrier = newGRPC(to, encrypted)
	default:
		l.carrier = newGRPC(to, nil)
	}
	return l
}

func (l *link) acquire() {
	l.mu.Lock()
	l.calls++
	l.mu.Unlock()
}

func (l *link) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls--
	l.closeIfUnused()
}

// retire lets no connection outlast its call any more, or lets them again.
func (l *link) retire(retired bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.retired = retired
	switch {
	case l.client == nil:
		l.closeIfUnused()
	case retired:
		l.client.Close()
	default:
		l.client.Reopen()
	}
}

func (l *link) closeIfUnused() {
	if l.retired && l.calls == 0 {
		l.carrier.close()
	}
}
