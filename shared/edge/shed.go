package edge

import (
	"net/http"
	"slices"
	"time"

	"github.com/triptych-bff/triptych/shared/problem"
)

// shed refuses requests beyond MaxInFlight at once: an early refusal costs the
// client less than a late answer. What is exempt is counted, but served.
func (e *edge) shed(next http.Handler) http.Handler {
	if e.MaxInFlight == 0 {
		return next
	}
	most := int64(e.MaxInFlight)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer e.metrics.busy.Add(-1)
		if e.metrics.busy.Add(1) > most && !slices.Contains(e.NeverShed, r.URL.Path) {
			e.metrics.shed.Inc()
			p := problem.Overloaded.New("too many requests are under way; try again shortly")
			p.RetryAfter = time.Second
			WriteError(w, r, p)
			return
		}
		next.ServeHTTP(w, r)
	})
}
