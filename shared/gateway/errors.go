package gateway

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/triptych-bff/triptych/shared/edge"
	"github.com/triptych-bff/triptych/shared/problem"
)

// writeError is where every error of a routed request becomes an answer.
func writeError(err error, c echo.Context) {
	edge.WriteError(c.Response(), c.Request(), fromEcho(err, c))
}

// fromEcho translates the router's own errors.
func fromEcho(err error, c echo.Context) error {
	var he *echo.HTTPError
	if !errors.As(err, &he) {
		return err
	}
	switch he.Code {
	case http.StatusNotFound:
		return problem.NoRoute.New("nothing is served at this path")
	case http.StatusMethodNotAllowed:
		p := problem.MethodNotAllowed.New("this path is not served for this method")
		if allow, ok := c.Get(echo.ContextKeyHeaderAllow).(string); ok {
			p.Header = http.Header{"Allow": {allow}}
		}
		return p
	default:
		return problem.Internal.Wrap(err, "")
	}
}
