package gateway

import (
	"maps"
	"net/http"
	"slices"

	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/proxy"
	"github.com/triptych-bff/triptych/shared/routing"
	"github.com/triptych-bff/triptych/shared/transcoding"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// passThrough builds the routes that the configuration describes.
func (b *builder) passThrough() {
	for i := range b.core.Routes {
		r := &b.core.Routes[i]
		key := config.Key("routes", i)
		a := b.access(r.Policy, r.Limits, 1, func(field, format string, args ...any) {
			b.fault(key+"."+field, format, args...)
		})
		service := b.service(key, r.Upstream)
		if service == nil {
			continue
		}
		end, err := b.forward(service, r)
		if err != nil {
			b.fault(key, "%v", err)
			continue
		}
		b.entries = append(b.entries, entry{
			match:   routing.Route{Methods: r.Methods, Host: r.Host, Path: r.Path, Headers: r.Headers},
			key:     key,
			info:    RouteInfo{Methods: r.Methods, Pattern: r.Path, Policy: r.Policy, Target: service.Name()},
			handler: b.chain(r.Path, a, plain(b.coder.Handler(end))),
		})
	}
}

// service finds a route's service, or reports why there is none.
func (b *builder) service(route, name string) *upstream.Service {
	if _, configured := b.core.Upstreams[name]; !configured {
		b.fault(route+".upstream", "%s", unknown("upstream", name, slices.Sorted(maps.Keys(b.core.Upstreams))))
	}
	b.used[config.Key("upstreams", name)] = true
	return b.snapshot.services[name] // nil also where the upstream has a fault of its own
}

// forward is the handler that speaks the service's protocol.
func (b *builder) forward(service *upstream.Service, r *Route) (http.Handler, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	if !service.IsGRPC() {
		return proxy.New(service, r.Rewrite, proxy.Config{ForwardToken: r.ForwardToken}), nil
	}
	t, err := transcoding.New(service, r.Rewrite)
	if err != nil {
		return nil, err
	}
	b.snapshot.notes = append(b.snapshot.notes, t.Skipped()...)
	return t, nil
}

// check reports a rewrite that never fits the route's path. A bad path is
// reported by the router.
func (r *Route) check() error {
	if err := r.Check(); err != nil {
		return err
	}
	if pattern, err := routing.ParsePattern(r.Path); err == nil {
		return r.Fits(pattern)
	}
	return nil
}

// plain is an http.Handler at the end of a chain: it writes its errors itself.
func plain(h http.Handler) handler {
	return func(w http.ResponseWriter, r *http.Request, _ params) error {
		h.ServeHTTP(w, r)
		return nil
	}
}
