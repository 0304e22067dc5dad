package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// ops asks the listener for operators of a service.
func (w *world) ops(service, method, path, body string) answer {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, "http://"+w.addr[service+" ops"]+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := plain.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, data}
}

// TestServicesCountByTrace: whoever has a screen finds, by the trace that the
// request named, exactly what it has cost the services.
func TestServicesCountByTrace(t *testing.T) {
	w := open(t)
	for i, gateway := range gateways {
		id := fmt.Sprintf("4bf92f3577b34da6a3ce929d0e0e47%02x", i)
		before := map[string]stats{}
		for _, service := range services {
			before[service] = w.stats(service)
		}
		a := w.get(gateway, screens[gateway], w.token(client(gateway), "ada"), "Traceparent", "00-"+id+"-00f067aa0ba902b7-01")
		if a.status != http.StatusOK || a.header.Get("BFF-Completeness") != "full" {
			t.Fatalf("%s: status %d: %s", gateway, a.status, a.body)
		}
		for _, service := range services {
			var got struct {
				stats
				Calls []struct {
					Call          string
					Status, Bytes int
				}
			}
			if err := json.Unmarshal(w.ops(service, "GET", "/stats?trace="+id, "").body, &got); err != nil {
				t.Fatal(err)
			}
			after := w.stats(service)
			if want := (stats{after.Requests - before[service].Requests, after.Bytes - before[service].Bytes}); got.stats != want || len(got.Calls) != want.Requests {
				t.Errorf("%s: %s counts %+v for the trace, and %+v in all", gateway, service, got, want)
			}
		}
	}
}

// TestKnobs: a service that fails on demand is missing from the screen, and back
// when it no longer does.
func TestKnobs(t *testing.T) {
	w := open(t)
	token := w.token("mobile", "ada")
	const noRentals, noPicks = `partial, missing=("rentals")`, `partial, missing=("picks")`
	for _, step := range []struct{ service, setting, want string }{
		{"orders", `{"failure":"error"}`, noRentals},
		{"orders", `{"failure":"garbage"}`, noRentals},
		{"orders", `{"failure":"cut"}`, noRentals},
		{"orders", `{"failure":"hang"}`, noRentals},
		{"orders", `{"failure":"none"}`, "full"},
		{"recommendations", `{"failure":"error"}`, noPicks},
		{"recommendations", `{"failure":"hang"}`, noPicks},
		{"recommendations", `{"failure":"none","latency":"30s"}`, noPicks},
		{"recommendations", `{"latency":"0s"}`, "full"},
	} {
		if a := w.ops(step.service, "PUT", "/knobs", step.setting); a.status != http.StatusOK {
			t.Fatalf("%s %s: %d %s", step.service, step.setting, a.status, a.body)
		}
		a := w.get("bff-mobile", "/v1/home", token)
		if got := a.header.Get("BFF-Completeness"); a.status != http.StatusOK || got != step.want {
			t.Errorf("%s %s: status %d, %s; want %s", step.service, step.setting, a.status, got, step.want)
		}
	}
}
