package page

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// most is how long a request's body may be.
const most = 64 << 10

// A problem is an error that the page's script may see (RFC 9457).
type problem struct {
	Status int
	Code   string
	Detail string
}

func (p *problem) Error() string { return p.Code + ": " + p.Detail }

func (p *problem) write(w http.ResponseWriter) {
	body, _ := json.Marshal(struct { // strings and a number
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
		Code   string `json:"code"`
	}{"about:blank", http.StatusText(p.Status), p.Status, p.Detail, p.Code})
	write(w, p.Status, "application/problem+json", body)
}

func write(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a browser that has left needs no answer
}

// answer writes v as JSON.
func answer(w http.ResponseWriter, v any) error {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	write(w, http.StatusOK, "application/json", body.Bytes())
	return nil
}

// A handler answers, or says why it cannot: a problem, or an error of our own.
type handler func(http.ResponseWriter, *http.Request) error

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := h(w, r)
	var p *problem
	switch {
	case err == nil:
	case errors.As(err, &p):
		p.write(w)
	default:
		(&problem{http.StatusInternalServerError, "internal", err.Error()}).write(w)
	}
}

// unmatched serves the mux; what the mux has no pattern for becomes a problem, with
// the status and the headers that the mux chose.
func unmatched(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		choice, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		chosen := &chosen{header: w.Header()}
		choice.ServeHTTP(chosen, r)
		p := &problem{chosen.status, "no-route", fmt.Sprintf("There is nothing at %s %s.", r.Method, quoted(r.URL.Path))}
		if chosen.status == http.StatusMethodNotAllowed {
			p.Code = "method-not-allowed"
		}
		p.write(w)
	})
}

// chosen takes the status of an answer and drops its body.
type chosen struct {
	header http.Header
	status int
}

func (c *chosen) Header() http.Header         { return c.header }
func (c *chosen) WriteHeader(status int)      { c.status = status }
func (c *chosen) Write(p []byte) (int, error) { return len(p), nil }

// read decodes the whole body of a request into v.
func read(w http.ResponseWriter, r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, most))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, err = d.Token(); err == nil {
			err = errors.New("there is more after the object")
		} else if errors.Is(err, io.EOF) {
			return nil
		}
	}
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		return &problem{http.StatusRequestEntityTooLarge, "payload-too-large", fmt.Sprintf("The body may be at most %d bytes long.", most)}
	}
	return bad("The body is not the JSON object that is expected: " + err.Error() + ".")
}

func bad(detail string) error { return &problem{http.StatusBadRequest, "bad-request", detail} }

// quoted is a word of the request's in a sentence of ours.
func quoted(word string) string {
	const enough = 100
	if len(word) > enough {
		return fmt.Sprintf("%q…", word[:enough])
	}
	return strconv.Quote(word)
}
