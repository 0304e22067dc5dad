package gateway

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/triptych-bff/triptych/shared/aggregation"
	"github.com/triptych-bff/triptych/shared/identity"
	"github.com/triptych-bff/triptych/shared/internal/suggest"
	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/projection"
	"github.com/triptych-bff/triptych/shared/routing"
)

// A Question is what to explain: a screen, or what it would do with one request.
type Question struct {
	Route   string      // of a screen, such as "GET /v1/orders/{id}"
	Request string      // where Route is empty: "GET /v1/orders/7?fields=id"
	Claims  string      // of the request's caller, as in its access token; empty for an anonymous one
	Header  http.Header // of the request
	Body    []byte      // of the request; nil where it has none
}

// Explain answers a question about a configuration. Nobody is called. The error is
// [config.Faults] where the configuration is at fault, and a [problem.Problem] where
// the question is.
func Explain(app App, src Source, q Question) (*aggregation.Explanation, error) {
	_, s, err := app.build(src)
	if err != nil {
		return nil, err
	}
	return s.explain(q)
}

// Screens are the routes of the screens that a configuration serves.
func Screens(app App, src Source) ([]string, error) {
	_, s, err := app.build(src)
	if err != nil {
		return nil, err
	}
	return s.screens(), nil
}

func (s *snapshot) screens() []string {
	routes := []string{}
	for _, plan := range s.plans {
		if plan != nil {
			routes = append(routes, routeOf(plan))
		}
	}
	return routes
}

func routeOf(plan *aggregation.Plan) string { return plan.Method + " " + plan.Pattern }

func (s *snapshot) explain(q Question) (*aggregation.Explanation, error) {
	if q.Route == "" {
		return s.explainRequest(q)
	}
	for _, plan := range s.plans {
		if plan != nil && routeOf(plan) == q.Route {
			return plan.Explain(), nil
		}
	}
	return nil, problem.NotFound.New("no screen has the route " + q.Route + suggest.Tail(q.Route, s.screens()))
}

func (s *snapshot) explainRequest(q Question) (*aggregation.Explanation, error) {
	method, target, _ := strings.Cut(q.Request, " ")
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return nil, problem.BadRequest.Wrap(err, "A request is a method and a path, such as GET /v1/orders/7?fields=id.")
	}
	path, err := routing.Canonical(u.EscapedPath())
	if err != nil {
		return nil, problem.InvalidPath.New(err.Error())
	}
	i, ok := s.table.Match(method, q.Header.Get("Host"), path, q.Header)
	if !ok {
		return nil, problem.NotFound.New("no route takes " + method + " " + path)
	}
	plan := s.plans[i]
	if plan == nil {
		return nil, problem.NotFound.New(method + " " + path + " is no screen: it passes through")
	}
	if plan, err = narrowed(plan, u.RawQuery); err != nil {
		return nil, err
	}
	_, query := take(u.RawQuery, repairParameter)
	in := aggregation.Input{
		RawQuery: query, Header: q.Header, Body: q.Body,
		Param: func(name string) string { return parameter(s.table.Pattern(i), path, name) },
	}
	if in.Identity, err = supposed(q.Claims); err != nil {
		return nil, err
	}
	if len(q.Body) > 0 && projection.Valid(q.Body) != nil {
		return nil, problem.BadRequest.New("The body is no JSON document.")
	}
	return plan.ExplainRequest(in), nil
}

// supposed is a caller with these claims, whom nobody has proved.
func supposed(claims string) (*identity.Identity, error) {
	if claims == "" {
		return nil, nil
	}
	var known struct {
		Subject string `json:"sub"`
		Issuer  string `json:"iss"`
		Client  string `json:"client_id"`
		Scope   string `json:"scope"`
	}
	if err := json.Unmarshal([]byte(claims), &known); err != nil || claims[0] != '{' {
		return nil, problem.BadRequest.Wrap(err, "The claims are no JSON object as in an access token.")
	}
	return &identity.Identity{
		Subject: known.Subject, Issuer: known.Issuer, Client: known.Client,
		Scopes: strings.Fields(known.Scope), Claims: []byte(claims),
	}, nil
}

// explain is the operators' page of that name: without parameters the screens, with
// route the plan of one, and with request what would be done with it, where claims
// are its caller's, each header is a line of its head, and the page's own body is its
// body. It is text, or JSON for whoever prefers that.
func (g *Gateway) explain(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
	default:
		p := problem.MethodNotAllowed.New("a body can be posted; nothing else is to be changed")
		p.Header = http.Header{"Allow": {"GET, HEAD, POST"}}
		p.Write(w, problem.Ref{})
		return
	}
	s := g.current.Load()
	query := r.URL.Query()
	if !query.Has("route") && !query.Has("request") {
		screens := s.screens()
		reply(w, r, strings.Join(append(screens, ""), "\n"), screens)
		return
	}
	q, err := question(w, r, query)
	if err == nil {
		var e *aggregation.Explanation
		if e, err = s.explain(q); err == nil {
			reply(w, r, e.String(), e)
			return
		}
	}
	problem.From(err).Write(w, problem.Ref{})
}

// question reads the parameters of the page.
func question(w http.ResponseWriter, r *http.Request, query url.Values) (q Question, err error) {
	q = Question{Route: query.Get("route"), Request: query.Get("request"), Claims: query.Get("claims")}
	if q.Header, err = ParseHeader(query["header"]); err != nil {
		return q, err
	}
	q.Body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxContent))
	return q, err
}

// ParseHeader reads lines of a head, such as "Accept-Language: de". The error is a
// [problem.Problem].
func ParseHeader(lines []string) (http.Header, error) {
	h := http.Header{}
	for _, line := range lines {
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			return nil, problem.BadRequest.Wrap(errors.New(line), "A header is a name and a value, such as Accept-Language: de.")
		}
		h.Add(textproto.CanonicalMIMEHeaderKey(name), strings.TrimSpace(value))
	}
	return h, nil
}

// reply writes a text, or what it says as JSON.
func reply(w http.ResponseWriter, r *http.Request, text string, value any) {
	media := mediaText + "; charset=utf-8"
	if accept := r.Header["Accept"]; weight(accept, mediaJSON) > weight(accept, mediaText) {
		data, err := json.Marshal(value)
		if err != nil {
			problem.From(err).Write(w, problem.Ref{})
			return
		}
		media, text = mediaJSON, string(data)
	}
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept")
	_, _ = io.WriteString(w, text) // a client that has gone reads nothing
}
