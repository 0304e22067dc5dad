// Package rest is how the demo's HTTP services read and answer: JSON in
// snake_case, with a Cache-Control that somebody decided, and problems by
// RFC 9457.
package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
)

// The values of Cache-Control.
const (
	// Public is for what is the same for everybody.
	Public = "public, max-age=60"
	// Private is for what belongs to one person.
	Private = "private, no-cache"
	// NoStore is for problems and for the ops listener.
	NoStore = "no-store"
	// Forever is for what never changes under its URL.
	Forever = "public, max-age=31536000, immutable"
)

// LargestBody is what a request may bring.
const LargestBody = 64 << 10

// Answer writes v as JSON with status 200.
func Answer(w http.ResponseWriter, cacheControl string, v any) {
	answer(w, http.StatusOK, cacheControl, v)
}

// Created writes v as JSON with status 201. location is the path of what has
// come into being.
func Created(w http.ResponseWriter, location string, v any) {
	w.Header().Set("Location", location)
	answer(w, http.StatusCreated, Private, v)
}

// Done says that there is nothing to say.
func Done(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", NoStore)
	w.WriteHeader(http.StatusNoContent)
}

func answer(w http.ResponseWriter, status int, cacheControl string, v any) {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		Refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	Write(w, status, "application/json", cacheControl, body.Bytes())
}

// Refuse writes a problem of that status; detail says what was wrong.
func Refuse(w http.ResponseWriter, status int, detail string) {
	Refusal{Status: status, Detail: detail}.Write(w)
}

// Refusal is a problem that is to be written.
type Refusal struct {
	Status int
	Code   string // for what a program must tell apart and the status does not
	Detail string // what was wrong
}

// Write writes the problem.
func (r Refusal) Write(w http.ResponseWriter) {
	problem := struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail,omitempty"`
		Code   string `json:"code,omitempty"`
	}{"about:blank", http.StatusText(r.Status), r.Status, r.Detail, r.Code}
	body, _ := json.Marshal(problem) // strings and a number
	Write(w, r.Status, "application/problem+json", NoStore, body)
}

// Read reads the body of a request into v: one JSON object of at most
// [LargestBody] bytes, with no field that v does not have. If it cannot, it
// refuses the request (415, 413 or 400) and returns false.
func Read(w http.ResponseWriter, r *http.Request, v any) bool {
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != "application/json" {
		Refuse(w, http.StatusUnsupportedMediaType, "the body must be application/json")
		return false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, LargestBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		Refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body must be at most %d bytes", LargestBody))
	case err != nil:
		Refuse(w, http.StatusBadRequest, "the body ends early")
	default:
		if err = decode(body, v); err != nil {
			Refuse(w, http.StatusBadRequest, err.Error())
		}
	}
	return err == nil
}

func decode(body []byte, v any) error {
	if !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) {
		return errors.New("the body must be one JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind):
		return fmt.Errorf("%s must not be a %s", kind.Field, kind.Value)
	case err != nil:
		return fmt.Errorf("the body cannot be read: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the body must be one JSON object, and nothing after it")
	}
	return nil
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
