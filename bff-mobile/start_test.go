package main

import (
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

// alone is the gateway without any service: what it refuses by itself.
func alone(t *testing.T) (*gatewaytest.Gateway, *gatewaytest.Issuer) {
	t.Helper()
	issuer := gatewaytest.NewIssuer(t, "bff-mobile", "phone-app")
	return gatewaytest.Start(t, app(), nil, issuer), issuer
}
