// Package transcoding serves REST routes by the methods of a gRPC service: the
// ones that its google.api.http rules describe.
//
// A [Transcoder] stands at the end of a pass-through route. It finds the rule by
// method and path, binds the path, the query and the body to the request message
// (google/api/http.proto), makes one call, and answers its message as JSON with
// the names of the .proto file. Every refusal is a problem document. Of a
// service's own words, only those about an invalid argument reach the client.
//
// Connect's Vanguard does this as well. It is not used here, because it proxies
// to a second, HTTP/2 connection of its own beside the one that aggregation calls
// over, past the breaker and the deadline of [upstream.Service]; it answers errors
// as google.rpc.Status; and it routes a second time, by paths that it decodes
// itself. The query binding of grpc-gateway's runtime is not used either: it looks
// up enums among the types linked into the program, where those of descriptors
// read at run time are not, and it ignores parameters that it does not know.
//
// Unary methods only: [Transcoder.Skipped] names the streaming ones, and those
// that answer google.api.HttpBody. Of the request's headers, a service gets
// Accept-Language; the request's id and trace come from package upstream.
package transcoding

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/triptych-bff/triptych/shared/http1"
	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/routing"
	"github.com/triptych-bff/triptych/shared/telemetry"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// A Transcoder is a handler over one gRPC service. It is immutable.
type Transcoder struct {
	service *upstream.Service
	rewrite routing.Rewrite
	rules   map[string][]*rule // by HTTP method, in order of precedence
	routes  []Route
	skipped []string
}

// A Route is one way to call a method.
type Route struct {
	Method   string // HTTP
	Template string // as the rule writes it, after the rewrite
	RPC      string // "/books.v1.Catalog/GetBook"
}

// New compiles the rules of a gRPC service's descriptors. Where names are given,
// only methods of these gRPC services (full names) are served, and each must
// exist. Rules that are malformed, that bind fields which do not exist, or of
// which one hides another are errors, all told at once.
func New(service *upstream.Service, rewrite routing.Rewrite, names ...string) (*Transcoder, error) {
	if service.Files() == nil {
		return nil, fmt.Errorf("transcoding: the service %s has no descriptors", service.Name())
	}
	t := &Transcoder{service: service, rewrite: rewrite, rules: map[string][]*rule{}}
	if err := t.compile(service.Files(), names); err != nil {
		return nil, err
	}
	if len(t.routes) == 0 {
		return nil, fmt.Errorf("transcoding: no method of the service %s that can be served has a google.api.http rule", service.Name())
	}
	return t, nil
}

// Routes are all ways to call a method, in order of precedence.
func (t *Transcoder) Routes() []Route { return slices.Clone(t.routes) }

// Skipped says, a sentence for each, which methods have a rule and are not
// served, and why.
func (t *Transcoder) Skipped() []string { return slices.Clone(t.skipped) }

// ServeHTTP answers the request, whose URL's path is canonical.
func (t *Transcoder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := t.serve(w, r); err != nil {
		refuse(w, r, err)
	}
}

func (t *Transcoder) serve(w http.ResponseWriter, r *http.Request) error {
	rule, values, err := t.find(r.Method, t.rewrite.Apply(r.URL.Path))
	if err != nil {
		return err
	}
	message, err := rule.message(w, r, values)
	if err != nil {
		return err
	}
	resp, err := t.service.Start(r.Context(), &upstream.Request{
		Operation: rule.rpc.Name(), RPC: rule.rpc, Message: message, Header: forwarded(r.Header),
	}).Wait()
	if err != nil {
		return upstream.Problem(err)
	}
	if resp.Status != http.StatusOK {
		return refusal(resp)
	}
	return rule.write(w, resp)
}

// find is the first rule by precedence that matches. HEAD is GET without a body,
// which net/http sees to.
func (t *Transcoder) find(method, path string) (*rule, []string, error) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for _, rule := range t.rules[method] {
		if values, ok := rule.template.match(path); ok {
			return rule, values, nil
		}
	}
	if allowed := t.allowed(path); len(allowed) > 0 {
		p := problem.MethodNotAllowed.New("this path is not served for this method")
		p.Header = http.Header{"Allow": {strings.Join(allowed, ", ")}}
		return nil, nil, p
	}
	return nil, nil, problem.NoRoute.New("nothing is served at this path")
}

func (t *Transcoder) allowed(path string) []string {
	var allowed []string
	for method, rules := range t.rules {
		if !slices.ContainsFunc(rules, func(r *rule) bool { _, ok := r.template.match(path); return ok }) {
			continue
		}
		if allowed = append(allowed, method); method == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	slices.Sort(allowed)
	return allowed
}

// forwarded are the headers that a service may see: what it answers may depend on
// the language, and on nothing else that a client can send.
func forwarded(h http.Header) (fields http1.Fields) {
	for _, language := range h["Accept-Language"] {
		fields = append(fields, http1.Field{Name: "Accept-Language", Value: language})
	}
	return fields
}

// maxDetail bounds what a service's text may add to an answer.
const maxDetail = 300

// refusal is what a client is told about a status of the service that is not OK.
// What it says about its own state is for the log; what it says about an
// argument is for whoever has sent that. Unauthenticated is about the gateway's
// own credentials, since no client's are passed on.
func refusal(resp *upstream.Response) error {
	cause := fmt.Errorf("the service answered %d: %s", resp.Status, resp.Detail)
	switch resp.Status {
	case http.StatusBadRequest:
		return problem.BadRequest.Wrap(cause, strings.ToValidUTF8(resp.Detail[:min(len(resp.Detail), maxDetail)], ""))
	case http.StatusForbidden:
		return problem.Forbidden.Wrap(cause, "")
	case http.StatusNotFound:
		return problem.NotFound.Wrap(cause, "")
	case http.StatusConflict:
		return problem.Conflict.Wrap(cause, "")
	case http.StatusTooManyRequests:
		return problem.RateLimited.Wrap(cause, "")
	case http.StatusNotImplemented:
		return problem.NotSupported.Wrap(cause, "")
	}
	return problem.BadUpstream.Wrap(cause, "A service that this answer needs failed.")
}

// write sends the service's message, or the one field of it that the rule names.
func (r *rule) write(w http.ResponseWriter, resp *upstream.Response) error {
	body, err := r.responseBody(resp.Body)
	if err != nil {
		return problem.BadUpstream.Wrap(err, "A service that this answer needs gave none that can be used.")
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store") // a service that allows more says so
	if allowed := resp.Header.Values("Cache-Control"); allowed != nil {
		h["Cache-Control"] = allowed
	}
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body) // a client that has gone reads nothing; there is nobody to tell
	return nil
}

// responseBody is null where the field is a message that the service has not set.
func (r *rule) responseBody(message []byte) ([]byte, error) {
	if r.response == nil {
		return message, nil
	}
	var room [1][]byte
	values, err := r.response.Append(room[:0], message)
	switch {
	case err != nil:
		return nil, err
	case len(values) == 0:
		return []byte("null"), nil
	case len(values) > 1:
		return nil, errors.New("response_body stands twice in the answer")
	}
	return values[0], nil
}

// refuse writes the problem. Nothing has been written before.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	p, x := problem.From(err), telemetry.FromContext(r.Context())
	x.Code, x.Err = p.Kind.Code(), err
	ref := problem.Ref{Instance: x.ID}
	if x.Trace.ID != [16]byte{} {
		ref.TraceID = x.Trace.TraceID()
	}
	p.Write(w, ref)
}
