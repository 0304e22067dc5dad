package gateway

import "net/http"

// Handler is what the public listener serves.
func (g *Gateway) Handler() http.Handler { return http.HandlerFunc(g.serve) }

// Close is for a gateway that is not run.
func (g *Gateway) Close() { g.runtime.close() }

// Chain is what stands between the router and a handler that does nothing.
func (g *Gateway) Chain(policy string, limits ...string) http.Handler {
	b := &builder{runtime: g.runtime, loaded: g.running, core: g.running.Core(), snapshot: &snapshot{}, used: map[string]bool{}}
	b.mechanisms()
	a := b.access(policy, limits, 1, func(key, format string, args ...any) { b.fault(key, format, args...) })
	if len(b.faults) > 0 {
		panic(b.faults)
	}
	h := b.chain("/x", a, func(http.ResponseWriter, *http.Request, params) error { return nil })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r, nil); err != nil {
			panic(err)
		}
	})
}
