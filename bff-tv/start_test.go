package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

// start runs the gateway against the services that were recorded in dir.
func start(t *testing.T, dir string) (*gatewaytest.Gateway, *gatewaytest.Services, string) {
	t.Helper()
	services := gatewaytest.Replay(t, app(), dir)
	issuer := gatewaytest.NewIssuer(t, "bff-tv", "tv-app")
	g := gatewaytest.Start(t, app(), services, issuer)
	return g, services, issuer.Token("ada", "films:read")
}

// wantFull is an answer that lacks nothing.
func wantFull(t *testing.T, answer gatewaytest.Answer) {
	t.Helper()
	if got := answer.Header.Get("BFF-Completeness"); answer.Status != http.StatusOK || got != "full" {
		t.Fatalf("status %d, completeness %q: %s", answer.Status, got, answer.Body)
	}
}

// wantWithout is an answer that lacks these parts because of a service, says so
// twice, and cannot be stored.
func wantWithout(t *testing.T, answer gatewaytest.Answer, service string, parts ...string) {
	t.Helper()
	want := `partial, missing=("` + strings.Join(parts, `" "`) + `")`
	if got := answer.Header.Get("BFF-Completeness"); answer.Status != http.StatusOK || got != want {
		t.Fatalf("status %d, completeness %q, want %q: %s", answer.Status, got, want, answer.Body)
	}
	var body map[string]json.RawMessage
	if err := json.Unmarshal(answer.Body, &body); err != nil {
		t.Fatal(err)
	}
	for _, part := range parts {
		if !strings.Contains(string(body["_meta"]), `{"part":"`+part+`","source":"`+service+`"`) {
			t.Errorf("%s of %s is not named: %s", part, service, body["_meta"])
		}
		if body[part] != nil || strings.Contains(string(body["rows"]), `"id":"`+part+`"`) {
			t.Errorf("%s is there all the same: %s", part, answer.Body)
		}
	}
	if answer.Header.Get("ETag") != "" || answer.Header.Get("Cache-Control") != "no-store" {
		t.Error("a partial answer can be stored")
	}
}

// wantProblem is a problem document in place of an answer.
func wantProblem(t *testing.T, answer gatewaytest.Answer, status int, code string) {
	t.Helper()
	if answer.Status != status || answer.Header.Get("Content-Type") != "application/problem+json" ||
		!strings.Contains(string(answer.Body), `"code":"`+code+`"`) {
		t.Fatalf("status %d, %s, want %d with the code %s: %s",
			answer.Status, answer.Header.Get("Content-Type"), status, code, answer.Body)
	}
}
