package httpcache

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/http1"
	"github.com/triptych-bff/triptych/shared/identity"
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

// A Cache is what is kept of all services, and the calls under way that others
// may join. It outlives the configuration's snapshots. All of its methods may be
// called at once.
type Cache struct {
	config  Config
	kept    *otter.Cache[question, *entry]
	metrics metrics

	mu      sync.Mutex
	flights map[key]*flight
}

// An entry is a kept answer. Nobody changes it.
type entry struct {
	response *upstream.Response
	born     time.Time     // when it was generated, as far as is known
	lifetime time.Duration // from then on
}

// New is an empty cache with its metrics registered. Close it.
func New(c Config, tel *telemetry.Telemetry) *Cache {
	c = c.withDefaults()
	cache := &Cache{
		config: c,
		kept: otter.Must(&otter.Options[question, *entry]{
			MaximumWeight: uint64(c.Size),
			Weigher:       func(q question, e *entry) uint32 { return uint32(min(weight(q, e.response), 1<<31)) },
			ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[question, *entry]) time.Duration {
				return time.Until(e.Value.born.Add(e.Value.lifetime))
			}),
		}),
		flights: make(map[key]*flight),
	}
	cache.metrics = newMetrics(tel.Metrics, cache)
	return cache
}

// Close forgets everything. Calls under way end as they would have.
func (c *Cache) Close() {
	c.kept.InvalidateAll()
	c.kept.StopAllGoroutines()
}

// A Service is a caller with a name, such as an [*upstream.Service]. It can be
// compared, as pointers can.
type Service interface {
	upstream.Caller
	Name() string
}

// Wrap is next with the cache before it. Answers are kept by next's name: the
// views that several snapshots have of one service share them. A call under way is
// joined through the same view only.
func (c *Cache) Wrap(next Service) upstream.Caller { return &cached{cache: c, next: next} }

type cached struct {
	cache *Cache
	next  Service
}

// Start begins a call, or finds that none is needed.
func (s *cached) Start(ctx context.Context, req *upstream.Request) upstream.Pending {
	keeps := keepable(req)
	if !keeps && !joinable(req) || !separable(req.Header) || ctx.Err() != nil {
		return s.next.Start(ctx, req)
	}
	k := key{question: questionOf(s.next.Name(), req), next: s.next, shared: keeps || req.Shared && req.RPC != nil}
	if keeps {
		if resp := s.cache.lookup(k.question); resp != nil {
			s.cache.metrics.hit.Inc()
			return known{response: resp}
		}
	}
	if !k.shared {
		k.caller = identity.FromContext(ctx)
	}
	p, first := s.cache.join(ctx, k, req, keeps, false)
	s.cache.metrics.count(keeps, first)
	return p
}

// keepable tells whether a call may be answered with what someone else got before.
func keepable(req *upstream.Request) bool {
	if !req.Shared || !bare(req) {
		return false
	}
	for _, f := range req.Header {
		switch http.CanonicalHeaderKey(f.Name) {
		case "Authorization", "Proxy-Authorization", "Cookie", "Range", "Cache-Control", "Pragma",
			"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range":
			return false
		}
	}
	return true
}

// joinable tells whether identical calls may be made once.
func joinable(req *upstream.Request) bool {
	return req.Reads && (bare(req) || req.RPC != nil && req.Message == nil)
}

// bare is whether a request is an HTTP GET without a body.
func bare(req *upstream.Request) bool {
	return req.RPC == nil && len(req.Body) == 0 && (req.Method == "" || req.Method == http.MethodGet)
}

// A question is what is asked of a service, whoever asks: two that are equal have
// the same answer, as far as that depends on the request.
type question struct {
	service string // its name
	path    string // or the full name of the gRPC method: a service has only one of them
	query   string
	header  string // all lines
	body    string // of a gRPC call
}

func questionOf(service string, req *upstream.Request) question {
	q := question{service: service, path: req.Path, query: req.Query}
	if req.RPC != nil {
		q = question{service: service, path: req.RPC.Name(), body: string(req.Body)}
	}
	if len(req.Header) > 0 {
		var b strings.Builder
		for _, f := range req.Header {
			b.WriteString(f.Name + separator + f.Value + separator)
		}
		q.header = b.String()
	}
	return q
}

// separator stands between header lines and, since none with it can be sent, in
// none of them: no two headers run into each other.
const separator = "\x00"

func separable(header http1.Fields) bool {
	for _, f := range header {
		if strings.Contains(f.Name, separator) || strings.Contains(f.Value, separator) {
			return false
		}
	}
	return true
}

// lookup is a kept answer with its age, or nil.
func (c *Cache) lookup(q question) *upstream.Response {
	e, ok := c.kept.GetIfPresent(q)
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
func (c *Cache) keep(q question, asked time.Time, resp *upstream.Response) {
	lifetime, age, ok := freshness(resp)
	e := &entry{response: resp, born: asked.Add(-age), lifetime: lifetime}
	if !ok || time.Since(e.born) >= lifetime {
		return
	}
	if resp.Keep(); weight(q, resp) <= int64(c.config.MaxEntry) {
		c.kept.Set(q, e)
	}
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

func weight(q question, resp *upstream.Response) int64 {
	n := overhead + len(q.service) + len(q.path) + len(q.query) + len(q.header) + cap(resp.Body)
	for _, f := range resp.Header {
		n += len(f.Name) + len(f.Value)
	}
	return int64(n)
}

// known is a call that needs none, or could not begin.
type known struct {
	response *upstream.Response
	err      error
}

// Wait is what is known.
func (k known) Wait() (*upstream.Response, error) { return k.response, k.err }

// Ready is true.
func (known) Ready() bool { return true }

// Cancel does nothing: there is nothing under way.
func (known) Cancel() {}
