package httpcache

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/http1"
	"github.com/triptych-bff/triptych/shared/telemetry"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// Config bounds the cache. A zero field has the default that its tag names.
type Config struct {
	Size     config.Size `config:"size" default:"64MiB" doc:"How much memory kept answers may take in all."`
	MaxEntry config.Size `config:"max_entry" default:"1MiB" doc:"How long an answer may be that is kept."`
}

// Validate reports what no cache can work with.
func (c Config) Validate(check *config.Check) {
	if c.Size < 0 {
		check.Fault("size", "must not be negative")
	}
	if c.MaxEntry < 0 {
		check.Fault("max_entry", "must not be negative")
	}
	if c.MaxEntry > c.Size {
		check.Fault("max_entry", "is more than size")
	}
}

func (c Config) withDefaults() Config {
	if c.Size <= 0 {
		c.Size = 64 << 20
	}
	if c.MaxEntry <= 0 {
		c.MaxEntry = 1 << 20
	}
	return c
}

// A Cache is what is kept of all services. It outlives the configuration's
// snapshots. All of its methods may be called at once.
type Cache struct {
	config  Config
	kept    *otter.Cache[string, *entry]
	lookups *prometheus.CounterVec

	mu      sync.Mutex
	flights map[string]*flight
}

// An entry is a kept answer. Nobody changes it.
type entry struct {
	response *upstream.Response
	born     time.Time     // when it was generated, as far as is known
	lifetime time.Duration // from then on
}

// How a lookup ended, in the metric httpcache_lookups_total.
const (
	hit    = "hit"    // a kept answer
	miss   = "miss"   // a call was made
	joined = "joined" // someone else's call was waited for
)

// New is an empty cache with its metrics registered. Close it.
func New(c Config, tel *telemetry.Telemetry) *Cache {
	c = c.withDefaults()
	cache := &Cache{
		config: c,
		kept: otter.Must(&otter.Options[string, *entry]{
			MaximumWeight: uint64(c.Size),
			Weigher:       func(key string, e *entry) uint32 { return uint32(min(weight(key, e.response), 1<<31)) },
			ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[string, *entry]) time.Duration {
				return time.Until(e.Value.born.Add(e.Value.lifetime))
			}),
		}),
		lookups: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "httpcache_lookups_total",
			Help: "Shared calls by whether a kept answer served (hit), someone else's call (joined) or neither (miss).",
		}, []string{"result"}),
		flights: make(map[string]*flight),
	}
	size := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "httpcache_bytes", Help: "What the kept answers take.",
	}, func() float64 { return float64(cache.kept.WeightedSize()) })
	tel.Metrics.MustRegister(cache.lookups, size)
	for _, result := range []string{hit, miss, joined} {
		cache.lookups.WithLabelValues(result)
	}
	return cache
}

// Close forgets everything. Calls under way end as they would have.
func (c *Cache) Close() {
	c.kept.InvalidateAll()
	c.kept.StopAllGoroutines()
}

// A Service is a caller with a name, such as an [*upstream.Service].
type Service interface {
	upstream.Caller
	Name() string
}

// Wrap is next with the cache before it. Answers are kept by next's name: the
// views that several snapshots have of one service share them.
func (c *Cache) Wrap(next Service) upstream.Caller { return &cached{cache: c, next: next} }

type cached struct {
	cache *Cache
	next  Service
}

// Start begins a call, or finds that none is needed.
func (s *cached) Start(ctx context.Context, req *upstream.Request) upstream.Pending {
	if !shareable(req) || ctx.Err() != nil {
		return s.next.Start(ctx, req)
	}
	key := key(s.next.Name(), req)
	if resp := s.cache.lookup(key); resp != nil {
		s.cache.lookups.WithLabelValues(hit).Inc()
		return found{resp}
	}
	return s.cache.join(ctx, s.next, key, req)
}

// shareable tells whether a call may be answered with what someone else got.
func shareable(req *upstream.Request) bool {
	if !req.Shared || req.RPC != nil || len(req.Body) > 0 || req.Method != "" && req.Method != http.MethodGet {
		return false
	}
	if strings.Contains(req.Path, separator) || strings.Contains(req.Query, separator) {
		return false
	}
	for _, f := range req.Header {
		if strings.Contains(f.Value, separator) {
			return false
		}
		switch http.CanonicalHeaderKey(f.Name) {
		case "Authorization", "Proxy-Authorization", "Cookie", "Range", "Cache-Control", "Pragma",
			"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range":
			return false
		}
	}
	return true
}

// separator stands between the parts of a key and, since no request with it can
// be sent, in none of them: no two calls run into each other.
const separator = "\x00"

// key is what two calls must have in common to be the same.
func key(service string, req *upstream.Request) string {
	if len(req.Header) == 0 {
		return service + separator + req.Path + separator + req.Query
	}
	var b strings.Builder
	b.WriteString(service + separator + req.Path + separator + req.Query)
	for _, f := range req.Header {
		b.WriteString(separator + f.Name + separator + f.Value)
	}
	return b.String()
}

// lookup is a kept answer with its age, or nil.
func (c *Cache) lookup(key string) *upstream.Response {
	e, ok := c.kept.GetIfPresent(key)
	if !ok {
		return nil
	}
	age := time.Since(e.born)
	if age >= e.lifetime {
		return nil // otter removes it in its own time
	}
	resp := *e.response
	resp.Header = make(http1.Fields, 0, len(e.response.Header)+1)
	for _, f := range e.response.Header {
		if !f.Is("Age") {
			resp.Header = append(resp.Header, f)
		}
	}
	resp.Header = append(resp.Header, http1.Field{Name: "Age", Value: strconv.FormatInt(int64(age/time.Second), 10)})
	return &resp
}

// keep keeps an answer that may be kept. It was asked for at asked, and that
// counts as its birth: the time that it travelled is part of its age
// (RFC 9111 §4.2.3).
func (c *Cache) keep(key string, asked time.Time, resp *upstream.Response) {
	lifetime, age, ok := freshness(resp)
	e := &entry{response: resp, born: asked.Add(-age), lifetime: lifetime}
	if !ok || time.Since(e.born) >= lifetime || weight(key, resp) > int64(c.config.MaxEntry) {
		return
	}
	c.kept.Set(key, e)
}

// freshness is how long an answer is fresh and how old it is already. It is not
// ok if the answer may not be kept.
func freshness(resp *upstream.Response) (lifetime, age time.Duration, ok bool) {
	c, ok := parseControl(resp.Header.Values("Cache-Control"))
	if !ok || resp.Status != http.StatusOK || !c.public || c.noCache || !sharable(resp, c) || !variesByCoding(resp.Header.Values("Vary")) {
		return 0, 0, false
	}
	lifetime = c.maxAge
	if c.sMaxAge >= 0 {
		lifetime = c.sMaxAge
	}
	switch ages := resp.Header.Values("Age"); len(ages) {
	case 0:
	case 1:
		if age, ok = deltaSeconds(ages[0]); !ok {
			return 0, 0, false
		}
	default:
		return 0, 0, false
	}
	return lifetime, age, lifetime > age
}

// sharable tells whether an answer may go to others who asked the same.
func sharable(resp *upstream.Response, c control) bool {
	return !c.private && !c.noStore && len(resp.Header.Values("Set-Cookie")) == 0
}

// variesByCoding tells whether an answer depends on no header but the one that
// every call sends alike.
func variesByCoding(lines []string) bool {
	for _, line := range lines {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.Trim(name, " \t"); name != "" && !strings.EqualFold(name, "Accept-Encoding") {
				return false
			}
		}
	}
	return true
}

// overhead is about what an entry takes beside its texts.
const overhead = 512

func weight(key string, resp *upstream.Response) int64 {
	n := overhead + len(key) + cap(resp.Body)
	for _, f := range resp.Header {
		n += len(f.Name) + len(f.Value)
	}
	return int64(n)
}

// found is a call that needs none.
type found struct{ response *upstream.Response }

// Wait is the kept answer.
func (f found) Wait() (*upstream.Response, error) { return f.response, nil }

// Ready is true.
func (found) Ready() bool { return true }

// Cancel does nothing: there is nothing under way.
func (found) Cancel() {}
