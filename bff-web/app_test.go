package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

// TestTheAppIsForEverybody: its files and the sign-in come before any token, within
// limits, and nothing else of the service behind can be reached.
func TestTheAppIsForEverybody(t *testing.T) {
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, r.Method+" "+r.URL.Path+" "+string(body))
	}))
	defer files.Close()
	g := gatewaytest.Start(t, app(), nil, gatewaytest.NewIssuer(t, "bff-web", "web-app"), "upstreams.app.url="+files.URL)

	const everything = `"address";q=3000;w=60`
	for _, request := range []struct {
		method, path, body string
		status             int
		answer, limits     string
	}{
		{"GET", "/", "", http.StatusOK, "GET / ", everything},
		{"GET", "/app/app.js", "", http.StatusOK, "GET /app/app.js ", everything},
		{"POST", "/app/sign-in", "as=ada", http.StatusOK, "POST /app/sign-in as=ada", everything + `, "sign-in";q=60;w=60`},
		{"POST", "/", "", http.StatusMethodNotAllowed, "", ""},
		{"DELETE", "/app/app.js", "", http.StatusMethodNotAllowed, "", ""},
		{"GET", "/files", "", http.StatusNotFound, "", ""},
	} {
		answer := g.Do(request.method, request.path, "", []byte(request.body))
		if answer.Status != request.status || request.answer != "" && string(answer.Body) != request.answer {
			t.Errorf("%s %s: status %d: %s", request.method, request.path, answer.Status, answer.Body)
		}
		if request.answer != "" && answer.Header.Get("Content-Security-Policy") != "default-src 'none'" {
			t.Errorf("%s %s: what the app tells the browser is lost: %v", request.method, request.path, answer.Header)
		}
		if limits := answer.Header.Get("RateLimit-Policy"); request.limits != "" && limits != request.limits {
			t.Errorf("%s %s: charged to %s, want %s", request.method, request.path, limits, request.limits)
		}
	}
}
