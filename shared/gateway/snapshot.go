package gateway

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/triptych-bff/triptych/shared/aggregation"
	"github.com/triptych-bff/triptych/shared/auth"
	"github.com/triptych-bff/triptych/shared/compression"
	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/edge"
	"github.com/triptych-bff/triptych/shared/ratelimit"
	"github.com/triptych-bff/triptych/shared/routing"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// snapshot is everything that one configuration decides. It never changes.
type snapshot struct {
	handler  http.Handler
	verifier *auth.Verifier
	services map[string]*upstream.Service
	routes   []RouteInfo
	table    *routing.Table
	plans    []*aggregation.Plan // of the table's routes; nil for one that passes through
	notes    []string            // what is not served, and why
	warnings config.Faults       // what is legal, but likely a slip
}

// RouteInfo describes a served route.
type RouteInfo struct {
	Methods []string
	Pattern string
	Policy  string
	Target  string // "screen" or the name of the service
}

// build makes the snapshot of a configuration. The error is [config.Faults].
func (rt *runtime) build(l *loaded) (*snapshot, error) {
	b := &builder{runtime: rt, loaded: l, core: l.Core(), snapshot: &snapshot{services: map[string]*upstream.Service{}}, used: map[string]bool{}}
	b.mechanisms()
	b.upstreams()
	b.screens()
	b.passThrough()
	b.unused()
	b.router()
	if len(b.faults) > 0 {
		return nil, b.faults
	}
	return b.snapshot, nil
}

// builder collects what becomes a snapshot, and all faults on the way.
type builder struct {
	*runtime
	loaded   *loaded
	core     *Config
	snapshot *snapshot
	faults   config.Faults

	verifier *auth.Verifier
	policies map[string]*auth.Policy
	limits   map[string]*ratelimit.Policy
	coder    *compression.Compressor
	links    *links
	timed    *auth.Policy // who sees how long parts took; nil is nobody
	entries  []entry
	used     map[string]bool // keys of what is named by something that is served
}

// entry is a route on its way into the router.
type entry struct {
	match   routing.Route
	key     string // where in the configuration; empty for a screen
	info    RouteInfo
	handler handler
	plan    *aggregation.Plan // of a screen
}

func (b *builder) fault(key, format string, args ...any) {
	b.faults = append(b.faults, b.loaded.document.Fault(key, format, args...))
}

// mechanisms builds what routes share.
func (b *builder) mechanisms() {
	b.verifier = auth.NewVerifier(b.core.Auth, b.keys)
	b.snapshot.verifier = b.verifier
	b.policies = make(map[string]*auth.Policy, len(b.core.Policies))
	for _, p := range b.core.Policies {
		b.policies[p.Name] = auth.NewPolicy(p)
	}
	b.limits = make(map[string]*ratelimit.Policy, len(b.core.Limits))
	for i := range b.core.Limits {
		b.limits[b.core.Limits[i].Name] = &b.core.Limits[i]
	}
	var err error
	if b.coder, err = compression.New(b.core.Compression); err != nil {
		b.fault("compression", "%v", err)
	}
	if b.links, err = newLinks(b.core.Links, b.signing, time.Now); err != nil {
		b.fault("links", "%v", err)
	}
	if name := b.core.ServerTiming; name != "" {
		b.timed = b.policy(name, func(format string, args ...any) { b.fault("server_timing", format, args...) })
	}
}

// upstreams binds every configured service to its state.
func (b *builder) upstreams() {
	for _, name := range slices.Sorted(maps.Keys(b.core.Upstreams)) {
		c := b.core.Upstreams[name]
		if c.CA != "" {
			c.CA = b.loaded.path(c.CA)
		}
		files, err := b.loaded.descriptors(c)
		if err != nil {
			b.fault(config.Key("upstreams", name, "descriptors"), "%v", err)
			continue
		}
		service, err := b.pool.Service(name, c, files)
		if err != nil {
			b.fault(config.Key("upstreams", name), "%v", err)
			continue
		}
		b.snapshot.services[name] = service
	}
}

// screens compiles the aggregation endpoints that are to be served.
func (b *builder) screens() {
	endpoints := b.loaded.Endpoints()
	all := names(endpoints, func(e aggregation.Endpoint) string { return e.Route })
	for i, name := range b.core.Screens {
		if !slices.Contains(all, name) {
			b.fault(config.Key("screens", i), "%s", unknown("screen", name, all))
		}
	}
	for _, e := range endpoints {
		if b.core.Screens == nil || slices.Contains(b.core.Screens, e.Route) {
			b.screen(e)
		}
	}
}

func (b *builder) screen(e aggregation.Endpoint) {
	plan, err := aggregation.Compile(e, aggregation.Env{Services: b.binding, Kept: b.good})
	var absent *aggregation.NotConfigured
	switch {
	case errors.As(err, &absent):
		b.snapshot.notes = append(b.snapshot.notes, absent.Error())
		return
	case err != nil:
		for line := range strings.SplitSeq(err.Error(), "\n") {
			b.fault("", "screen %s", line)
		}
		return
	}
	a := b.access(e.Policy, e.Limits, plan.Cost(), func(_, format string, args ...any) {
		b.fault("", "screen %s: %s", e.Route, fmt.Sprintf(format, args...))
	})
	b.entries = append(b.entries, entry{
		match:   routing.Route{Methods: []string{plan.Method}, Path: plan.Pattern},
		info:    RouteInfo{Methods: []string{plan.Method}, Pattern: plan.Pattern, Policy: e.Policy, Target: "screen"},
		handler: b.chain(plan.Pattern, a, b.screenOf(plan).serve),
		plan:    plan,
	})
}

// binding finds a service for a plan; answers that are the same for everybody
// come through the cache.
func (b *builder) binding(name string) (aggregation.Binding, bool) {
	s, ok := b.snapshot.services[name]
	if !ok {
		return aggregation.Binding{}, false
	}
	b.used[config.Key("upstreams", name)] = true
	return aggregation.Binding{Caller: b.cache.Wrap(s), Files: s.Files()}, true
}

// access looks up a route's policy and limits. A request to it causes so many calls
// at most.
func (b *builder) access(policy string, limits []string, calls int, fault func(key, format string, args ...any)) access {
	a := access{policy: b.policy(policy, func(format string, args ...any) { fault("policy", format, args...) })}
	for _, name := range limits {
		b.used["limit "+name] = true
		policy := b.limits[name]
		if policy == nil {
			fault("limits", "%s", unknown("limit", name, slices.Sorted(maps.Keys(b.limits))))
			continue
		}
		a.limits = append(a.limits, limit{policy, policy.Cost(calls)})
	}
	return a
}

// policy looks up a policy, nil where there is none of this name.
func (b *builder) policy(name string, fault func(format string, args ...any)) *auth.Policy {
	b.used["policy "+name] = true
	p := b.policies[name]
	if p == nil {
		fault("%s", unknown("policy", name, slices.Sorted(maps.Keys(b.policies))))
	}
	return p
}

// unused warns of what nothing that is served names: most often a slip in a name.
func (b *builder) unused() {
	warn := func(used, key, what string) {
		if !b.used[used] {
			b.snapshot.warnings = append(b.snapshot.warnings, b.loaded.document.Fault(key, "nothing that is served uses this %s", what))
		}
	}
	for i, p := range b.core.Policies {
		warn("policy "+p.Name, config.Key("policies", i), "policy")
	}
	for i, p := range b.core.Limits {
		warn("limit "+p.Name, config.Key("limits", i), "limit")
	}
	for _, name := range slices.Sorted(maps.Keys(b.core.Upstreams)) {
		key := config.Key("upstreams", name)
		warn(key, key, "upstream")
	}
}

// router compiles all routes into the web framework's router: one finished
// handler for each method and pattern.
func (b *builder) router() {
	routes := make([]routing.Route, len(b.entries))
	for i, e := range b.entries {
		routes[i] = e.match
	}
	table, conflicts := routing.Compile(routes)
	for _, c := range conflicts {
		b.conflict(c)
	}
	if len(b.faults) > 0 {
		return
	}
	realm := b.core.Auth.Realm
	e := echo.New()
	e.HTTPErrorHandler = func(err error, c echo.Context) { writeError(table, realm, err, c) }
	e.JSONSerializer, e.Renderer, e.Binder = nil, nil, nil // answers and bodies are not the framework's
	for _, group := range table.Groups() {
		e.Add(group.Method, echoPattern(group.Pattern), b.dispatch(table, group))
	}
	for _, entry := range b.entries {
		b.snapshot.routes = append(b.snapshot.routes, entry.info)
		b.snapshot.plans = append(b.snapshot.plans, entry.plan)
	}
	b.snapshot.table = table
	b.snapshot.handler = edge.New(b.core.Edge, b.edge, b.tel, b.random, options(table, e))
}

func (b *builder) conflict(c routing.Conflict) {
	place := func(i int) string {
		if e := b.entries[i]; e.key == "" {
			return "the screen " + e.match.Path
		} else {
			return e.key
		}
	}
	key := b.entries[c.A].key
	if c.B < 0 {
		b.fault(strings.TrimSuffix(key+".path", "."), "%s", c.Reason)
		return
	}
	if key == "" {
		key = b.entries[c.B].key
	}
	b.fault(key, "%s and %s: %s", place(c.A), place(c.B), c.Reason)
}

// dispatch is the framework's handler of one method and pattern: the first of
// its routes that fits. That may be one of a wider pattern, so parameters are
// read by the route's own, not as the framework has matched them. The answer
// goes past the framework's writer, which takes an informational answer
// (103 Early Hints) for the final one.
func (b *builder) dispatch(table *routing.Table, group *routing.Group) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		i, ok := group.Match(r.Host, r.URL.Path, r.Header)
		if !ok {
			return echo.ErrNotFound
		}
		param := func(name string) string { return parameter(table.Pattern(i), r.URL.Path, name) }
		return b.entries[i].handler(c.Response().Writer, r, param)
	}
}

// parameter is the value of a pattern's parameter in a path that it matches.
func parameter(p *routing.Pattern, path, name string) string {
	values, _ := p.Match(path, nil)
	if i := slices.Index(p.Names(), name); i >= 0 && i < len(values) {
		return values[i]
	}
	return ""
}

// echoPattern writes a pattern as the framework does: {id} is :id, and a colon
// that is meant is escaped.
func echoPattern(pattern string) string {
	return strings.NewReplacer(":", `\:`, "{", ":", "}", "").Replace(pattern)
}
