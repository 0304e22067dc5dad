// Package app serves the browser app: its files as they are built in, and the
// sign-in that stands in for a session until the browser has one. It stands
// behind bff-web like every service, so that to the browser the app and its API
// are one origin:
//
//	GET  /                  the page                         200 · 304
//	GET  /app/{file}        its styles and scripts           200 · 304 · 404
//	POST /app/sign-in       as=ada, a form                   200 · 400 · 413 · 502
//
// The files have no version in their names; a browser keeps them and asks by
// ETag whether they are still good.
package app

import (
	"bytes"
	"embed"
	"html"
	"net/http"
	"path"
	"strings"

	"github.com/triptych-bff/triptych/deploy/internal/static"
	"github.com/triptych-bff/triptych/deploy/services/rest"
)

// Config says who is around the app. All are origins or addresses such as
// http://127.0.0.1:8080.
type Config struct {
	// Provider is the OpenID provider that signs in.
	Provider string
	// Frames is the one other origin that may show the app in a frame, and that
	// the app then talks with. Nobody may if it is empty.
	Frames string
	// Pictures is where films' pictures come from: anywhere if it is empty.
	Pictures string
}

//go:embed static
var embedded embed.FS

// Handler serves the app.
func Handler(c Config) http.Handler {
	files := load(c)
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", files["index.html"])
	mux.HandleFunc("GET /app/{file}", func(w http.ResponseWriter, r *http.Request) {
		f, ok := files[r.PathValue("file")]
		if !ok {
			rest.Refuse(w, http.StatusNotFound, "the app has no such file")
			return
		}
		f.ServeHTTP(w, r)
	})
	mux.Handle("POST /app/sign-in", signIn(c.Provider))
	return guarded(c, rest.Handler(mux))
}

// load reads the files once, and writes into the page whom it may talk with.
func load(c Config) map[string]static.File {
	const folder = "static"
	files := map[string]static.File{}
	entries, _ := embedded.ReadDir(folder) // built in
	for _, e := range entries {
		body, _ := embedded.ReadFile(path.Join(folder, e.Name()))
		if e.Name() == "index.html" {
			body = bytes.ReplaceAll(body, []byte("{{frames}}"), []byte(html.EscapeString(c.Frames)))
		}
		files[e.Name()] = static.New(e.Name(), body)
	}
	return files
}

// guarded tells the browser what the app does not need, so that nothing else
// can do it in its name. All answers carry it: a problem is shown in a window too.
func guarded(c Config, next http.Handler) http.Handler {
	policy := strings.Join([]string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'",
		"img-src 'self' " + or(c.Pictures, "http: https:"),
		"frame-ancestors " + or(c.Frames, "'none'"), "base-uri 'none'", "form-action 'none'",
	}, "; ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
