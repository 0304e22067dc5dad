package gateway

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/triptych-bff/triptych/shared/aggregation"
	"github.com/triptych-bff/triptych/shared/compression"
	"github.com/triptych-bff/triptych/shared/edge"
	"github.com/triptych-bff/triptych/shared/identity"
	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/projection"
	"github.com/triptych-bff/triptych/shared/telemetry"
)

// screen serves an aggregation endpoint.
func screen(plan *aggregation.Plan, coder *compression.Compressor) handler {
	return func(w http.ResponseWriter, r *http.Request, param params) error {
		body, err := content(w, r, plan)
		if err != nil {
			return err
		}
		answer, err := plan.Run(r.Context(), aggregation.Input{
			Identity: identity.FromContext(r.Context()),
			Param:    param,
			RawQuery: r.URL.RawQuery,
			Body:     body,
		})
		if err != nil {
			return err
		}
		h := w.Header()
		h.Set(aggregation.CompletenessHeader, answer.Completeness())
		h.Set("Content-Type", "application/json")
		h.Add("Vary", "Accept-Encoding")
		if answer.Partial() {
			noteMissing(telemetry.FromContext(r.Context()), answer)
		}
		if answer.Partial() || plan.Method != http.MethodGet {
			h.Set("Cache-Control", "no-store") // what is missing may be there the next time
		} else {
			h.Set("Cache-Control", "private, no-cache")
			tag := etag(answer.Body)
			h.Set("ETag", tag)
			if notModified(r, tag) {
				w.WriteHeader(http.StatusNotModified)
				return nil
			}
		}
		if write(w, r, coder, plan.Status, answer.Body) == nil {
			answer.Release() // net/http may still be at a body that it has failed to send over HTTP/2
		}
		return nil
	}
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

func noteMissing(x *telemetry.Exchange, answer *aggregation.Answer) {
	names, causes := make([]string, len(answer.Missing)), make([]error, len(answer.Missing))
	for i, m := range answer.Missing {
		names[i], causes[i] = m.Part, m.Err
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
