package gateway

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/triptych-bff/triptych/shared/aggregation"
	"github.com/triptych-bff/triptych/shared/auth"
	"github.com/triptych-bff/triptych/shared/compression"
	"github.com/triptych-bff/triptych/shared/edge"
	"github.com/triptych-bff/triptych/shared/identity"
	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/projection"
	"github.com/triptych-bff/triptych/shared/telemetry"
)

// A screen serves an aggregation endpoint.
type screen struct {
	plan  *aggregation.Plan
	coder *compression.Compressor
	links *links                 // nil where no member can be fetched alone
	timed *auth.Policy           // who sees how long parts took; nil is nobody
	ends  *prometheus.CounterVec // of streams
	vary  string                 // what every answer depends on
}

// screenOf is the screen of a plan.
func (b *builder) screenOf(plan *aggregation.Plan) *screen {
	s := &screen{plan: plan, coder: b.coder, timed: b.timed, ends: b.streams, vary: "Accept-Encoding"}
	if plan.Streams() {
		s.vary += ", Accept"
	}
	if plan.Only(plan.Members()[0]) != nil {
		s.links = b.links
	}
	return s
}

func (s *screen) serve(w http.ResponseWriter, r *http.Request, param params) error {
	in := aggregation.Input{
		Identity: identity.FromContext(r.Context()),
		Param:    param,
		RawQuery: r.URL.RawQuery,
		Header:   r.Header,
	}
	in.Timing = s.timed != nil && s.timed.Check(in.Identity, "") == nil
	plan, err := s.chosen(r, &in)
	if err != nil {
		return err
	}
	if in.Body, err = content(w, r, plan); err != nil {
		return err
	}
	if f := s.form(r); f != whole {
		s.stream(w, r, plan, in, f)
		return nil
	}
	answer, err := plan.Run(r.Context(), in)
	if err != nil {
		return err
	}
	s.send(w, r, answer)
	return nil
}

// chosen is the plan of what the request asks for: of the fields that it names, and
// of the one member that a repair link is for.
func (s *screen) chosen(r *http.Request, in *aggregation.Input) (*aggregation.Plan, error) {
	plan, err := narrowed(s.plan, in.RawQuery)
	if err != nil || s.links == nil {
		return plan, err
	}
	tokens, rest := take(in.RawQuery, repairParameter)
	at := &place{links: s.links, plan: s.plan, path: r.URL.Path, query: rest, caller: in.Identity}
	in.RawQuery, in.Repair = rest, at.link
	switch len(tokens) {
	case 0:
		return plan, nil
	case 1:
	default:
		return nil, badRepair(nil, "stands there more than once")
	}
	member, err := at.member(tokens[0])
	if err != nil {
		return nil, err
	}
	if plan = plan.Only(member); plan == nil { // another version of this program has made the link
		return nil, badRepair(nil, "There is no such part any more. Ask for the whole answer again.")
	}
	return plan, nil
}

// narrowed is the plan of the fields that a query chooses, where the endpoint lets
// it choose.
func narrowed(plan *aggregation.Plan, query string) (*aggregation.Plan, error) {
	if !plan.Fields {
		return plan, nil
	}
	switch chosen, _ := take(query, "fields"); len(chosen) {
	case 0:
		return plan, nil
	case 1:
		return plan.Narrow(chosen[0])
	default:
		p := problem.BadRequest.New("The fields of an answer are chosen once.")
		p.Fields = []problem.Field{{Pointer: "?fields", Detail: "stands there more than once"}}
		return nil, p
	}
}

// form is how the client wants the answer. HEAD is about the whole one.
func (s *screen) form(r *http.Request) form {
	if r.Method != http.MethodGet || !s.plan.Streams() {
		return whole
	}
	return preferred(r.Header["Accept"])
}

// send sends a whole answer.
func (s *screen) send(w http.ResponseWriter, r *http.Request, answer *aggregation.Answer) {
	s.describe(w.Header(), answer)
	noteFlaws(telemetry.FromContext(r.Context()), answer)
	if s.plan.Method == http.MethodGet && !answer.Partial() {
		tag := etag(answer.Body)
		w.Header().Set("ETag", tag)
		if notModified(r, tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	if write(w, r, s.coder, s.plan.Status, answer.Body) == nil {
		answer.Release() // net/http may still be at a body that it has failed to send over HTTP/2
	}
}

// describe sets the headers that an answer says.
func (s *screen) describe(h http.Header, answer *aggregation.Answer) {
	h.Set(aggregation.CompletenessHeader, answer.Completeness())
	h.Set("Content-Type", mediaJSON)
	h.Set("Cache-Control", answer.CacheControl)
	h.Add("Vary", s.varies(answer.Vary))
	for _, line := range answer.Cookies {
		h.Add("Set-Cookie", line)
	}
	if len(answer.Timing) > 0 {
		h.Set("Server-Timing", serverTiming(answer.Timing))
	}
}

// varies adds to what every answer depends on what this one does.
func (s *screen) varies(names []string) string {
	vary := s.vary
	for _, name := range names {
		known := strings.EqualFold(name, "Accept-Encoding") || strings.EqualFold(name, "Accept") && s.plan.Streams()
		if !known {
			vary += ", " + name
		}
	}
	return vary
}

// maxContent is how long the body of a request to a screen may be: it is read
// whole.
const maxContent = 64 << 10

// content is the body of a request whose values a plan uses: one JSON document.
func content(w http.ResponseWriter, r *http.Request, plan *aggregation.Plan) ([]byte, error) {
	if !plan.Body {
		return nil, nil
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if coding := r.Header.Get("Content-Encoding"); err != nil || media != "application/json" || coding != "" {
		return nil, problem.UnsupportedMediaType.Wrap(err, "Expected a body of the type application/json, without a content coding.")
	}
	edge.LimitBody(w, r, maxContent)
	body, err := io.ReadAll(r.Body)
	if p := problem.From(err); p != nil {
		if p.Kind == problem.Internal { // the reader's complaint, which is about the client's framing
			p = problem.BadRequest.Wrap(err, "The body cannot be read.")
		}
		return nil, p
	}
	if err := projection.Valid(body); err != nil {
		return nil, problem.BadRequest.Wrap(err, "The body is no JSON document.")
	}
	return body, nil
}

// write encodes the body as the client likes it best, and sends it. It fails when
// the client has gone: there is nobody to tell.
func write(w http.ResponseWriter, r *http.Request, coder *compression.Compressor, status int, body []byte) error {
	h := w.Header()
	encoding := coder.Negotiate(strings.Join(r.Header["Accept-Encoding"], ","))
	if encoded, ok := coder.Encode(nil, body, encoding); ok {
		body = encoded
		h.Set("Content-Encoding", encoding.String())
		telemetry.FromContext(r.Context()).Encoding = encoding.String()
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := w.Write(body)
	return err
}

// noteFlaws tells the log which parts are not what they should be, and why.
func noteFlaws(x *telemetry.Exchange, answer *aggregation.Answer) {
	if len(answer.Flaws) == 0 {
		return
	}
	names, causes := make([]string, len(answer.Flaws)), make([]error, len(answer.Flaws))
	for i, f := range answer.Flaws {
		names[i], causes[i] = f.Part, f.Err
		if f.State != aggregation.Missing {
			names[i] += ":" + string(f.State)
		}
	}
	x.Missing = strings.Join(names, ",")
	x.Err = errors.Join(causes...)
}

// etag is a weak validator (RFC 9110 §8.8.1): the body's content codings are
// equal in meaning, not byte for byte.
func etag(body []byte) string {
	return `W/"` + strconv.FormatUint(xxhash.Sum64(body), 36) + `"`
}

// notModified is the weak comparison of RFC 9110 §13.1.2.
func notModified(r *http.Request, tag string) bool {
	opaque := strings.TrimPrefix(tag, "W/")
	for _, field := range r.Header["If-None-Match"] {
		for candidate := range strings.SplitSeq(field, ",") {
			candidate = strings.TrimSpace(candidate)
			if candidate == "*" || strings.TrimPrefix(candidate, "W/") == opaque {
				return true
			}
		}
	}
	return false
}
