package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	catalogpb "github.com/triptych-bff/triptych/deploy/proto/filmstore/catalog/v1"
	"github.com/triptych-bff/triptych/deploy/services/meter"
	"github.com/triptych-bff/triptych/deploy/services/posters"
)

// turn sets knobs, and returns how all of them stand then.
func (s *serving) turn(t testing.TB, setting string) string {
	t.Helper()
	a := s.send(t, ops, http.MethodPut, "/knobs", setting)
	if a.status != http.StatusOK {
		t.Fatalf("%s: %d %s", setting, a.status, a.body)
	}
	return strings.TrimSpace(string(a.body))
}

func TestTurnKnobs(t *testing.T) {
	s := serve(t, "users")
	for _, step := range []struct{ put, want string }{
		{`{}`, `{"latency":"0s","failure":"none","rate":1}`},
		{`{"latency":"1.5s"}`, `{"latency":"1.5s","failure":"none","rate":1}`},
		{`{"failure":"cut","rate":0.25}`, `{"latency":"1.5s","failure":"cut","rate":0.25}`},
		{`{"latency":"0s","failure":"none","rate":1}`, `{"latency":"0s","failure":"none","rate":1}`},
	} {
		if got := s.turn(t, step.put); got != step.want {
			t.Errorf("%s: %s; want %s", step.put, got, step.want)
		}
		if got := strings.TrimSpace(string(s.get(t, ops, "/knobs").body)); got != step.want {
			t.Errorf("after %s they stand at %s; want %s", step.put, got, step.want)
		}
	}
	for _, put := range []string{
		`{"latency":"61s"}`, `{"latency":"-1s"}`, `{"latency":"soon"}`, `{"latency":2}`, `{"failure":"luck"}`,
		`{"rate":1.1}`, `{"rate":-1}`, `{"speed":1}`, `[]`, `{"latency":"2s","failure":"luck"}`,
	} {
		code(t, s.send(t, ops, http.MethodPut, "/knobs", put), http.StatusBadRequest)
	}
	rpc := serve(t, "catalog")
	for _, put := range []string{`{"failure":"garbage"}`, `{"failure":"cut"}`} {
		code(t, rpc.send(t, ops, http.MethodPut, "/knobs", put), http.StatusBadRequest)
	}
	for _, s := range []*serving{s, rpc} {
		if got, want := strings.TrimSpace(string(s.get(t, ops, "/knobs").body)), `{"latency":"0s","failure":"none","rate":1}`; got != want {
			t.Errorf("after refusals they stand at %s", got)
		}
	}
}

func TestKnobsByFlag(t *testing.T) {
	s := serve(t, "users", "--latency", "1ms", "--failure", "error", "--rate", "0.5")
	if got, want := strings.TrimSpace(string(s.get(t, ops, "/knobs").body)), `{"latency":"1ms","failure":"error","rate":0.5}`; got != want {
		t.Errorf("they stand at %s; want %s", got, want)
	}
	for i, want := range []int{200, 500, 200, 500} {
		if a := s.get(t, api, "/users/ada"); a.status != want {
			t.Errorf("request %d: %d; want %d", i+1, a.status, want)
		}
	}
}

func TestHTTPFailures(t *testing.T) {
	s := serve(t, "orders")
	whole := s.get(t, api, "/orders?user=ada")

	s.turn(t, `{"failure":"error"}`)
	code(t, s.get(t, api, "/orders?user=ada"), http.StatusInternalServerError)
	code(t, s.send(t, api, http.MethodPost, "/orders", `{"user":"ada","film_id":"pulp-fiction-1994","kind":"rental","quality":"hd"}`), http.StatusInternalServerError)
	if a := s.get(t, ops, "/healthz"); a.status != http.StatusOK {
		t.Errorf("healthz: %d", a.status)
	}

	s.turn(t, `{"failure":"garbage"}`)
	if a := s.get(t, api, "/orders?user=ada"); a.status != http.StatusOK || a.header.Get("Content-Type") != "application/json" || json.Valid(a.body) {
		t.Errorf("garbage: %d %v %s", a.status, a.header, a.body)
	}

	s.turn(t, `{"failure":"cut"}`)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + s.addr(api) + "/orders?user=ada")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	half, err := io.ReadAll(resp.Body)
	if !errors.Is(err, io.ErrUnexpectedEOF) || resp.StatusCode != http.StatusOK || resp.ContentLength != int64(len(whole.body)) ||
		string(half) != string(whole.body[:len(whole.body)/2]) {
		t.Errorf("cut: %d, %d of %d bytes, %v", resp.StatusCode, len(half), len(whole.body), err)
	}

	s.turn(t, `{"failure":"none"}`)
	if a := s.get(t, api, "/orders?user=ada"); string(a.body) != string(whole.body) {
		t.Errorf("afterwards: %d %s", a.status, a.body)
	}
}

func TestLatency(t *testing.T) {
	const latency = 80 * time.Millisecond
	users, catalog := serve(t, "users", "--latency", latency.String()), serve(t, "catalog", "--latency", latency.String())
	begun := time.Now()
	if a := users.get(t, api, "/users/ada"); a.status != http.StatusOK || time.Since(begun) < latency {
		t.Errorf("%d after %v", a.status, time.Since(begun))
	}
	c := catalogpb.NewCatalogClient(dial(t, catalog))
	begun = time.Now()
	if _, err := c.GetFilm(t.Context(), &catalogpb.GetFilmRequest{Id: "pulp-fiction-1994"}); err != nil || time.Since(begun) < latency {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
}

// reached waits until so many requests have come to the service.
func (s *serving) reached(t testing.TB, requests int64) {
	t.Helper()
	type stats struct {
		Service string
		meter.Counts
		Others map[string]meter.Counts
	}
	for decode[stats](t, s.get(t, ops, "/stats")).Requests < requests { // the test's own time limit ends this
	}
}

// A request that hangs goes on when a knob is turned, when the service stops,
// and not before.
func TestHang(t *testing.T) {
	s := serve(t, "users", "--failure", "hang")
	hang := func() <-chan answer {
		answered := make(chan answer, 1)
		go func() {
			defer close(answered)
			answered <- s.send(t, api, http.MethodPatch, "/users/ada/preferences", `{"autoplay":true}`)
		}()
		return answered
	}
	answered := hang()
	s.reached(t, 1)
	select {
	case a := <-answered:
		t.Fatalf("answered: %d", a.status)
	case <-time.After(50 * time.Millisecond):
	}
	s.turn(t, `{"failure":"error"}`)
	code(t, <-answered, http.StatusInternalServerError)

	s.turn(t, `{"failure":"hang"}`)
	answered = hang()
	s.reached(t, 2)
	begun := time.Now()
	s.stop()
	if a := <-answered; a.status != http.StatusOK || time.Since(begun) > grace/2 {
		t.Errorf("%d; stopped after %v", a.status, time.Since(begun))
	}
}

// Callers that leave a hanging service are noted as such.
func TestLeave(t *testing.T) {
	s := serve(t, "users", "--failure", "hang")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for i, body := range []string{"", `{"autoplay":true}`} {
		ctx, leave := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, http.MethodPatch, "http://"+s.addr(api)+"/users/ada/preferences", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Traceparent", parent(oneTrace))
		left := make(chan error)
		go func() {
			_, err := client.Do(req)
			left <- err
		}()
		s.reached(t, int64(i+1))
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		for s.traced(t, oneTrace).Requests < int64(i+1) { // until the service has noticed
		}
		if c := s.traced(t, oneTrace).Calls[i]; c.Status != 0 || c.Bytes != 0 || c.Call != "PATCH /users/ada/preferences" {
			t.Errorf("with %q: %+v", body, c)
		}
	}
}

func TestRPCFailures(t *testing.T) {
	s := serve(t, "catalog", "--failure", "error")
	conn := dial(t, s)
	c := catalogpb.NewCatalogClient(conn)
	get := func(ctx context.Context) codes.Code {
		_, err := c.GetFilm(ctx, &catalogpb.GetFilmRequest{Id: "pulp-fiction-1994"})
		return status.Code(err)
	}
	if got := get(t.Context()); got != codes.Internal {
		t.Errorf("error: %v", got)
	}
	health, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil || health.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("health: %v, %v", health, err)
	}
	poster := posters.URL("", "pulp-fiction-1994", 240, 360)
	if a := s.get(t, pictures, poster); a.status != http.StatusOK {
		t.Errorf("%s: %d", poster, a.status)
	}

	s.turn(t, `{"failure":"hang"}`)
	ctx, leave := context.WithCancel(t.Context())
	answered := make(chan codes.Code)
	go func() { answered <- get(ctx) }()
	s.reached(t, 2)
	leave()
	if got := <-answered; got != codes.Canceled {
		t.Errorf("hang: %v", got)
	}
	go func() { answered <- get(t.Context()) }()
	s.reached(t, 3)
	s.turn(t, `{"failure":"none"}`)
	if got := <-answered; got != codes.OK {
		t.Errorf("when the knob was turned: %v", got)
	}
}
