package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

// start runs the gateway against recorded services. The token is that of a member
// who may do everything that the phone app can.
func start(t *testing.T, as, record string) (*gatewaytest.Gateway, *gatewaytest.Services, string) {
	t.Helper()
	services := gatewaytest.Replay(t, app(), record)
	issuer := gatewaytest.NewIssuer(t, "bff-mobile", "phone-app")
	g := gatewaytest.Start(t, app(), services, issuer)
	return g, services, issuer.Token(as, "films:read orders:read orders:write")
}

// complete is a screen's answer with all its parts, compared with its golden file.
func complete(t *testing.T, answer gatewaytest.Answer, status int, golden string) {
	t.Helper()
	if answer.Status != status || answer.Header.Get("BFF-Completeness") != "full" {
		t.Fatalf("status %d, completeness %q: %s", answer.Status, answer.Header.Get("BFF-Completeness"), answer.Body)
	}
	gatewaytest.Golden(t, golden, answer.Body)
}

// refused is an answer that is a problem with this code.
func refused(t *testing.T, answer gatewaytest.Answer, status int, code string) {
	t.Helper()
	if answer.Status != status || answer.Header.Get("Content-Type") != "application/problem+json" ||
		!strings.Contains(string(answer.Body), `"code":"`+code+`"`) {
		t.Errorf("status %d, want %d %s: %s", answer.Status, status, code, answer.Body)
	}
}

// TestHomeContract is what the services answer and what becomes of it; make record
// writes both anew.
func TestHomeContract(t *testing.T) {
	g, _, token := start(t, "ada", "testdata/home")
	complete(t, g.Get("/v1/home", token), http.StatusOK, "testdata/home.golden.json")
}

// TestHomeIsSmall keeps the phone's promise: a screen fits into the first
// round trip of a connection.
func TestHomeIsSmall(t *testing.T) {
	g, _, token := start(t, "ada", "testdata/home")
	const limit = 4 << 10
	if answer := g.Get("/v1/home", token); len(answer.Body) > limit {
		t.Errorf("%d bytes before compression; the screen's limit is %d", len(answer.Body), limit)
	}
	answer := g.Get("/v1/home", token, "Accept-Encoding", "gzip, zstd")
	if got := answer.Header.Get("Content-Encoding"); got != "zstd" {
		t.Errorf("content coding %q; the phone prefers zstd", got)
	}
}

func TestHomeWithoutRecommendations(t *testing.T) {
	g, services, token := start(t, "ada", "testdata/home")
	services.Stop("recommendations")
	answer := g.Get("/v1/home", token)
	if answer.Status != http.StatusOK || answer.Header.Get("BFF-Completeness") != `partial, missing=("picks")` {
		t.Fatalf("status %d, completeness %q", answer.Status, answer.Header.Get("BFF-Completeness"))
	}
	if !strings.Contains(string(answer.Body), `"_meta":{"completeness":"partial","errors":[{"part":"picks","source":"recommendations"`) {
		t.Errorf("the body does not name what is missing: %s", answer.Body)
	}
	if answer.Header.Get("ETag") != "" || answer.Header.Get("Cache-Control") != "no-store" {
		t.Error("a partial answer can be stored")
	}
}

func TestHomeWithoutUsers(t *testing.T) {
	g, services, token := start(t, "ada", "testdata/home")
	services.Stop("users")
	refused(t, g.Get("/v1/home", token), http.StatusBadGateway, "unreachable")
}

func TestHomeNeverWaitsForAHungService(t *testing.T) {
	g, services, token := start(t, "ada", "testdata/home")
	services.Hang("users")
	refused(t, g.Get("/v1/home", token), http.StatusGatewayTimeout, "upstream-timeout")
}
