package gateway

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/triptych-bff/triptych/shared/edge"
	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/routing"
)

// writeError is where every error of a routed request becomes an answer.
func writeError(table *routing.Table, realm string, err error, c echo.Context) {
	var unrouted *echo.HTTPError // only the framework's router makes them
	if errors.As(err, &unrouted) {
		err = refusal(allowed(table, c.Request()))
	}
	if p := problem.From(err); p.Kind.Status() == http.StatusUnauthorized && p.Header.Get("WWW-Authenticate") == "" {
		err = challenged(p, realm)
	}
	edge.WriteError(c.Response().Writer, c.Request(), err)
}

// challenged is a refusal that a service has caused, with the challenge that every
// 401 has (RFC 9110 §15.5.2).
func challenged(p *problem.Problem, realm string) *problem.Problem {
	with := *p
	if with.Header = p.Header.Clone(); with.Header == nil {
		with.Header = http.Header{}
	}
	with.Header.Set("WWW-Authenticate", `Bearer realm="`+realm+`"`)
	return &with
}

// allowed are the methods that the request's path is served for. The framework
// knows only paths; whether a host and its headers fit, the table knows.
func allowed(table *routing.Table, r *http.Request) []string {
	return table.Allowed(r.Host, r.URL.Path, r.Header)
}

// refusal is the problem of a request that no route takes.
func refusal(methods []string) error {
	if len(methods) == 0 {
		return problem.NoRoute.New("nothing is served at this path")
	}
	p := problem.MethodNotAllowed.New("this path is not served for this method")
	p.Header = http.Header{"Allow": {allow(methods)}}
	return p
}

// allow is the Allow header (RFC 9110 §10.2.1). OPTIONS is answered everywhere.
func allow(methods []string) string { return strings.Join(methods, ", ") + ", OPTIONS" }

// options answers OPTIONS where no route wants it (RFC 9110 §9.3.7).
func options(table *routing.Table, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodOptions {
			next.ServeHTTP(w, r)
			return
		}
		if _, routed := table.Match(r.Method, r.Host, r.URL.Path, r.Header); routed {
			next.ServeHTTP(w, r)
			return
		}
		methods := allowed(table, r)
		if len(methods) == 0 {
			edge.WriteError(w, r, refusal(nil))
			return
		}
		w.Header().Set("Allow", allow(methods))
		w.WriteHeader(http.StatusNoContent)
	})
}
