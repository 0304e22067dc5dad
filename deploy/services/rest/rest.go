// Package rest is how the demo's HTTP services answer: JSON in snake_case
// with a Cache-Control that somebody decided, and problems by RFC 9457.
package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// The values of Cache-Control.
const (
	// Public is for what is the same for everybody.
	Public = "public, max-age=60"
	// Private is for what belongs to one person.
	Private = "private, no-store"
	// NoStore is for problems and for the ops listener.
	NoStore = "no-store"
	// Forever is for what never changes under its URL.
	Forever = "public, max-age=31536000, immutable"
)

// Answer writes v as JSON with status 200.
func Answer(w http.ResponseWriter, cacheControl string, v any) {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		Refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	Write(w, http.StatusOK, "application/json", cacheControl, body.Bytes())
}

// Refuse writes a problem of that status; detail says what was wrong.
func Refuse(w http.ResponseWriter, status int, detail string) {
	problem := struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail,omitempty"`
	}{"about:blank", http.StatusText(status), status, detail}
	body, _ := json.Marshal(problem) // strings and a number
	Write(w, status, "application/problem+json", NoStore, body)
}

// Write writes the whole body with its headers.
func Write(w http.ResponseWriter, status int, contentType, cacheControl string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", cacheControl)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has left needs no answer
}

// Handler serves the mux; what the mux has no pattern for becomes a problem,
// with the status and the headers that the mux chose.
func Handler(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		var chosen status
		handler.ServeHTTP(&chosen, r)
		if allow := chosen.Header().Get("Allow"); allow != "" {
			w.Header().Set("Allow", allow)
		}
		Refuse(w, chosen.code, fmt.Sprintf("no route for %s %s", r.Method, r.URL.Path))
	})
}

// status takes the status and the headers of an answer and drops its body.
type status struct {
	code   int
	header http.Header
}

func (s *status) Header() http.Header {
	if s.header == nil {
		s.header = http.Header{}
	}
	return s.header
}

func (s *status) WriteHeader(code int)        { s.code = code }
func (s *status) Write(p []byte) (int, error) { return len(p), nil }

// Limit returns the query parameter limit, from 1 to most, or usual when it is
// absent.
func Limit(q url.Values, usual, most int) (int, error) {
	if !q.Has("limit") {
		return usual, nil
	}
	n, err := strconv.Atoi(q.Get("limit"))
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("limit must be a number from 1 to %d", most)
	}
	return n, nil
}
