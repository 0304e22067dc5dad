package server

import (
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/triptych-bff/triptych/shared/problem"
)

// health is whether traffic should be sent here, and what an operator should know.
type health struct {
	draining chan struct{}

	mu      sync.Mutex
	state   state
	reasons map[string]string
}

type state string

// The states. Only a serving server is ready.
const (
	starting state = "starting"
	serving  state = "serving"
	draining state = "draining"
)

func newHealth() *health {
	return &health{draining: make(chan struct{}), state: starting, reasons: map[string]string{}}
}

func (h *health) serving() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.state = serving
}

func (h *health) drain() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.state = draining
	close(h.draining)
}

func (h *health) setReason(name, text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if text == "" {
		delete(h.reasons, name)
		return
	}
	h.reasons[name] = text
}

// report is the answer of /readyz.
type report struct {
	Ready   bool     `json:"ready"`
	State   state    `json:"state"`
	Reasons []reason `json:"reasons"`
}

type reason struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

func (h *health) report() report {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := report{Ready: h.state == serving, State: h.state, Reasons: []reason{}}
	for _, name := range slices.Sorted(maps.Keys(h.reasons)) {
		r.Reasons = append(r.Reasons, reason{name, h.reasons[name]})
	}
	return r
}

// builtIn are the pages that every operators' listener has.
//
// A failed reload is a reason and not a lack of readiness: the gateway goes on
// serving what it served before, and taking all of its replicas out for one bad
// file would turn a mistake into an outage. Nothing here depends on the services
// behind, for the same reason.
func (s *Server) builtIn() map[string]http.Handler {
	return map[string]http.Handler{
		"/livez":   readOnly(http.HandlerFunc(livez)),
		"/readyz":  readOnly(http.HandlerFunc(s.health.readyz)),
		"/metrics": readOnly(promhttp.HandlerFor(s.tel.Metrics, promhttp.HandlerOpts{ErrorLog: errorLog(s.tel)})),
	}
}

func readOnly(page http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			p := problem.MethodNotAllowed.New("here is only to be read")
			p.Header = http.Header{"Allow": {"GET, HEAD"}}
			p.Write(w, problem.Ref{})
			return
		}
		page.ServeHTTP(w, r)
	})
}

// operators is the handler of the operators' listener.
func (s *Server) operators(a AdminConfig) http.Handler {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := s.pages[r.URL.Path]
		if page == nil {
			here := strings.Join(slices.Sorted(maps.Keys(s.pages)), ", ")
			problem.NoRoute.New("here are only "+here).Write(w, problem.Ref{})
			return
		}
		page.ServeHTTP(w, r)
	})
	if a.AllowRemote {
		return wellFramed(h)
	}
	return wellFramed(localOnly(h))
}

func livez(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]bool{"alive": true})
}

func (h *health) readyz(w http.ResponseWriter, _ *http.Request) {
	status, r := http.StatusServiceUnavailable, h.report()
	if r.Ready {
		status = http.StatusOK
	}
	writeJSON(w, status, r)
}

// wellFramed answers the requests that are refused already.
func wellFramed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := problem.FromContext(r.Context()); p != nil {
			p.Write(w, problem.Ref{})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// localOnly refuses requests for a name that is not this machine's: a web page
// can point its own name at 127.0.0.1 and would otherwise read what is here.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = strings.Trim(r.Host, "[]")
		}
		if !loopback(host) {
			problem.Forbidden.New("this listener is for this machine only").Write(w, problem.Ref{})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that has gone reads nothing
}
