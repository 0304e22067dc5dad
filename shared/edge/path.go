package edge

import (
	"net/http"

	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/routing"
)

// path replaces the URL's path by its canonical form, the only one that anything
// behind sees.
func (e *edge) path(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, err := routing.Canonical(r.URL.EscapedPath())
		if err != nil {
			WriteError(w, r, problem.InvalidPath.New(err.Error()))
			return
		}
		r.URL.Path, r.URL.RawPath = path, ""
		next.ServeHTTP(w, r)
	})
}
