package main

import (
	"fmt"
	"net/http"

	"github.com/triptych-bff/triptych/deploy/services/meter"
	"github.com/triptych-bff/triptych/deploy/services/rest"
)

// operators returns the handler of the ops listener. What a service serves
// beside its API has a meter of its own in others, and stands in /stats by its
// name.
func (s *serving) operators(service string, others map[string]*meter.Meter) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		rest.Answer(w, rest.NoStore, map[string]string{"service": service, "status": "ok"})
	})
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("trace") {
			s.trace(w, service, r.URL.Query().Get("trace"))
			return
		}
		reading := struct {
			Service string `json:"service"`
			meter.Counts
			Others map[string]meter.Counts `json:"others,omitempty"`
		}{Service: service, Counts: s.meter.Read(), Others: map[string]meter.Counts{}}
		for name, other := range others {
			reading.Others[name] = other.Read()
		}
		rest.Answer(w, rest.NoStore, reading)
	})
	mux.HandleFunc("GET /knobs", s.knobs.Get)
	mux.HandleFunc("PUT /knobs", s.knobs.Put)
	mux.HandleFunc("POST /reset", func(w http.ResponseWriter, _ *http.Request) {
		s.reset()
		rest.Done(w)
	})
	return rest.Handler(mux)
}

func (s *serving) trace(w http.ResponseWriter, service, id string) {
	if !meter.IsTrace(id) {
		rest.Refuse(w, http.StatusBadRequest, fmt.Sprintf("trace must be 32 hexadecimal digits, not %q", id))
		return
	}
	rest.Answer(w, rest.NoStore, struct {
		Service string `json:"service"`
		meter.Trace
	}{service, s.meter.Trace(id)})
}
