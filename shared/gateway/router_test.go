package gateway

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/routing"
	"github.com/triptych-bff/triptych/shared/telemetry"
)

// TestTheRouterAgreesWithTheTable: whatever routes there are, the web framework
// brings a request to the very route that the table names, or is told that there
// is none.
func TestTheRouterAgreesWithTheTable(t *testing.T) {
	rt := newRuntime(telemetry.Discard(), (&Config{}).Cache)
	defer rt.close()
	random := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		routes := randomRoutes(random)
		table, h := routed(t, rt, routes)
		for range 20 {
			r := randomRequest(random)
			want, ok := table.Match(r.Method, r.Host, r.URL.Path, r.Header)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			switch got := w.Header().Get("Route"); {
			case ok && got != strconv.Itoa(want):
				t.Errorf("%s %s%s of %+v: route %q, not %d", r.Method, r.Host, r.URL.Path, routes, got, want)
			case !ok && (got != "" || w.Code != expected(table, r)):
				t.Errorf("%s %s%s of %+v: route %q, status %d", r.Method, r.Host, r.URL.Path, routes, got, w.Code)
			}
		}
	}
}

// expected is the status for a request that no route takes.
func expected(table *routing.Table, r *http.Request) int {
	switch methods := table.Allowed(r.Host, r.URL.Path, r.Header); {
	case len(methods) == 0:
		return http.StatusNotFound
	case r.Method == http.MethodOptions:
		return http.StatusNoContent
	default:
		return http.StatusMethodNotAllowed
	}
}

// routed leaves out routes that conflict with one before them.
func routed(t *testing.T, rt *runtime, routes []routing.Route) (*routing.Table, http.Handler) {
	t.Helper()
	for {
		table, conflicts := routing.Compile(routes)
		if len(conflicts) == 0 {
			b := &builder{runtime: rt, loaded: &loaded{document: new(config.Document)}, core: new(Config), snapshot: &snapshot{}}
			for i, route := range routes {
				b.entries = append(b.entries, entry{match: route, handler: func(w http.ResponseWriter, _ *http.Request, _ params) error {
					w.Header().Set("Route", strconv.Itoa(i))
					return nil
				}})
			}
			b.router()
			return table, b.snapshot.handler
		}
		out := max(conflicts[0].A, conflicts[0].B)
		routes = append(routes[:out:out], routes[out+1:]...)
	}
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func randomRoutes(r *rand.Rand) []routing.Route {
	routes := make([]routing.Route, 1+r.IntN(6))
	for i := range routes {
		var path strings.Builder
		for range r.IntN(3) {
			path.WriteString("/" + pick(r, "a", "b", "a:b", "ab", "{x}", "{y}"))
		}
		if r.IntN(3) == 0 {
			path.WriteString("/*")
		}
		if path.Len() == 0 {
			path.WriteString("/")
		}
		routes[i] = routing.Route{
			Path: path.String(), Host: pick(r, "", "", "one.example", "*.example"),
			Methods: pick(r, nil, []string{"GET"}, []string{"POST"}, []string{"HEAD", "PUT"}, []string{"OPTIONS"}),
		}
		if r.IntN(4) == 0 {
			routes[i].Headers = map[string]string{"X": pick(r, "1", "2")}
		}
	}
	return routes
}

func randomRequest(r *rand.Rand) *http.Request {
	var path strings.Builder
	for range r.IntN(4) {
		path.WriteString("/" + pick(r, "a", "b", "a:b", "ab", "c", "%20"))
	}
	if path.Len() == 0 || r.IntN(4) == 0 {
		path.WriteString("/")
	}
	req := httptest.NewRequest(pick(r, "GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE"), path.String(), nil)
	req.Host = pick(r, "one.example", "two.example:80", "other.test")
	if r.IntN(2) == 0 {
		req.Header.Set("X", pick(r, "1", "2"))
	}
	return req
}
