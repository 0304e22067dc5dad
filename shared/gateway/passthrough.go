package gateway

import (
	"fmt"
	"net/http"

	"github.com/triptych-bff/triptych/shared/proxy"
	"github.com/triptych-bff/triptych/shared/routing"
	"github.com/triptych-bff/triptych/shared/transcoding"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// passThrough builds the routes that the configuration describes.
func (b *builder) passThrough() {
	for i := range b.core.Routes {
		r := &b.core.Routes[i]
		key := fmt.Sprintf("routes[%d]", i)
		service := b.snapshot.services[r.Upstream]
		if service == nil {
			continue // its upstream has a fault of its own
		}
		a := b.access(r.Policy, r.Limits, func(field, format string, args ...any) {
			b.fault(key+"."+field, format, args...)
		})
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

// forward is the handler that speaks the service's protocol.
func (b *builder) forward(service *upstream.Service, r *Route) (http.Handler, error) {
	if err := r.Rewrite.Check(); err != nil {
		return nil, err
	}
	if service.IsGRPC() {
		return transcoding.New(service, r.Rewrite)
	}
	return proxy.New(service, r.Rewrite, proxy.Config{ForwardToken: r.ForwardToken}), nil
}

// plain is an http.Handler at the end of a chain: it writes its errors itself.
func plain(h http.Handler) handler {
	return func(w http.ResponseWriter, r *http.Request, _ params) error {
		h.ServeHTTP(w, r)
		return nil
	}
}
