package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/triptych-bff/triptych/shared/problem"
)

func (w *world) try(t *testing.T, s signer) error {
	t.Helper()
	_, err := w.verifier.Authenticate(t.Context(), bearerHeader(s.token(t, w.Now(), nil, nil)))
	return err
}

// landed waits until no fetch is under way.
func (w *world) landed(t *testing.T) {
	t.Helper()
	set := w.sets.set(testIssuer, w.verifier.issuers[0].JWKS)
	set.mu.Lock()
	f := set.flight
	set.mu.Unlock()
	if f != nil {
		<-f.done
	}
}

func TestRotation(t *testing.T) {
	old, next := newSigner(t, "old", es256), newSigner(t, "next", es256)
	w := newWorld(t, nil, old.jwk())
	if err := w.try(t, old); err != nil {
		t.Fatal(err)
	}
	w.publish(next.jwk())
	if err := w.try(t, next); err != nil {
		t.Errorf("the new key is refused: %v", err)
	}
	if err := w.try(t, old); !errors.Is(err, errUnknownKey) {
		t.Errorf("the withdrawn key is accepted, or: %v", err)
	}
}

func TestFloodOfUnknownKeys(t *testing.T) {
	good := newSigner(t, "good", es256)
	w := newWorld(t, nil, good.jwk())
	forged := good
	flood := func(n int, round string) {
		var wg sync.WaitGroup
		for i := range n {
			s := forged
			s.kid = fmt.Sprint(round, i)
			wg.Go(func() {
				if err := w.try(t, s); !errors.Is(err, errUnknownKey) {
					t.Errorf("got %v", err)
				}
			})
		}
		wg.Wait()
	}
	for range 10 { // a second of it
		flood(100, w.Now().String())
		w.Advance(100 * time.Millisecond)
	}
	if n := w.count(); n > 3 {
		t.Errorf("%d fetches in the first second, want at most 3", n)
	}
	if err := w.try(t, good); err != nil {
		t.Errorf("a good token during the flood: %v", err)
	}
	before := w.count()
	for range 6 {
		w.Advance(10 * time.Second)
		flood(20, w.Now().String())
	}
	if n := w.count() - before; n != 6 {
		t.Errorf("%d fetches in a minute, want 6", n)
	}
}

func TestUnknownKeyIsRemembered(t *testing.T) {
	good := newSigner(t, "good", es256)
	w := newWorld(t, nil, good.jwk())
	late := newSigner(t, "late", es256)
	for range 5 {
		if err := w.try(t, late); !errors.Is(err, errUnknownKey) {
			t.Fatal(err)
		}
	}
	if n := w.count(); n != 2 {
		t.Errorf("%d fetches, want 2: the set, and once more for the key", n)
	}
	w.publish(good.jwk(), late.jwk())
	w.Advance(absentFor)
	if err := w.try(t, late); err != nil {
		t.Errorf("published meanwhile: %v", err)
	}
}

func TestRefresh(t *testing.T) {
	s, other := newSigner(t, "k", es256), newSigner(t, "other", es256)
	w := newWorld(t, nil, s.jwk())
	w.header.Set("Cache-Control", "public, max-age=100")
	if err := w.try(t, s); err != nil {
		t.Fatal(err)
	}
	w.Advance(79 * time.Second)
	_ = w.try(t, s)
	if w.count() != 1 {
		t.Fatalf("fetched again before it was time")
	}

	// From four fifths on, in the background: the answer does not wait.
	gate := make(chan struct{})
	w.change(func(p *provider) { p.gate = gate })
	w.Advance(2 * time.Second)
	if err := w.try(t, s); err != nil {
		t.Fatal(err)
	}
	<-w.asked
	<-w.asked
	close(gate)
	w.landed(t)
	if w.count() != 2 {
		t.Errorf("%d fetches, want 2", w.count())
	}

	// After its lifetime, a set that withdraws the key is waited for.
	w.publish(other.jwk())
	w.Advance(101 * time.Second)
	if err := w.try(t, s); !errors.Is(err, errUnknownKey) {
		t.Errorf("a withdrawn key is used beyond the set's lifetime, or: %v", err)
	}
}

func TestOutage(t *testing.T) {
	s := newSigner(t, "k", es256)
	w := newWorld(t, nil, s.jwk())
	if err := w.try(t, s); err != nil {
		t.Fatal(err)
	}
	w.change(func(p *provider) { p.down = true })
	for range 23 * 6 {
		w.Advance(10 * time.Minute)
		if err := w.try(t, s); err != nil {
			t.Fatalf("last good set refused: %v", err)
		}
		w.landed(t)
	}
	if err := w.try(t, newSigner(t, "rotated", es256)); problem.From(err).Kind != problem.Unreachable {
		t.Errorf("an unknown key during the outage: %v", err)
	}
	w.Advance(maxStale)
	p := problemOf(t, w.try(t, s))
	if p.Kind != problem.Unreachable || p.RetryAfter < time.Second || p.Header.Get("WWW-Authenticate") != "" {
		t.Errorf("after 24 hours: %+v", p)
	}
	w.change(func(p *provider) { p.down = false })
	w.landed(t)
	w.Advance(longestPause)
	_ = w.try(t, s)
	w.landed(t)
	if err := w.try(t, s); err != nil {
		t.Errorf("the provider is back: %v", err)
	}
}

func TestColdOutage(t *testing.T) {
	s := newSigner(t, "k", es256)
	w := newWorld(t, nil, s.jwk())
	w.change(func(p *provider) { p.down = true })
	for range 50 {
		if p := problemOf(t, w.try(t, s)); p.Kind != problem.Unreachable {
			t.Fatal(p)
		}
	}
	if w.count() != 1 {
		t.Errorf("%d fetches at one moment, want 1", w.count())
	}
	w.change(func(p *provider) { p.down = false })
	w.Advance(firstPause)
	if err := w.try(t, s); err != nil {
		t.Errorf("the provider is up: %v", err)
	}
}

// A caller that leaves gets its own error, and takes nobody's fetch along.
func TestCallerLeaves(t *testing.T) {
	s := newSigner(t, "k", es256)
	w := newWorld(t, nil, s.jwk())
	gate := make(chan struct{})
	w.change(func(p *provider) { p.gate = gate })
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := w.verifier.Authenticate(ctx, bearerHeader(s.token(t, w.Now(), nil, nil)))
		left <- err
	}()
	<-w.asked
	cancel()
	if p := problemOf(t, <-left); p.Kind != problem.ClientClosed {
		t.Error(p)
	}
	close(gate)
	if err := w.try(t, s); err != nil || w.count() != 1 {
		t.Errorf("%v after %d fetches", err, w.count())
	}
}

func TestWarmAndClose(t *testing.T) {
	s := newSigner(t, "k", es256)
	w := newWorld(t, nil, s.jwk())
	w.verifier.Warm()
	w.landed(t)
	w.verifier.Warm()
	if w.count() != 1 {
		t.Errorf("%d fetches, want 1", w.count())
	}
	w.sets.Close()
	if err := w.try(t, s); err != nil {
		t.Errorf("keys are gone after Close: %v", err)
	}
	if err := w.try(t, newSigner(t, "new", es256)); problem.From(err).Kind != problem.Unreachable || w.count() != 1 {
		t.Errorf("after Close: %v", err)
	}
}

func TestRetain(t *testing.T) {
	s := newSigner(t, "k", es256)
	w := newWorld(t, nil, s.jwk())
	_ = w.try(t, s)
	w.sets.Retain(w.verifier)
	_ = w.try(t, s)
	if w.count() != 1 || testutil.CollectAndCount(w.metrics, "jwks_keys") != 1 {
		t.Error("a set in use was forgotten")
	}
	w.sets.Retain()
	if len(w.sets.sets) != 0 || testutil.CollectAndCount(w.metrics, "jwks_keys") != 0 {
		t.Error("a set without use was kept")
	}
}

func TestFetchIsStrict(t *testing.T) {
	s := newSigner(t, "k", es256)
	w := newWorld(t, nil, s.jwk())
	large := `{"keys":[],"padding":"` + strings.Repeat("x", maxSet) + `"}`
	for name, handler := range map[string]http.HandlerFunc{
		"redirect":  func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, w.URL+"/keys", http.StatusFound) },
		"too large": func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, large) },
		"not JSON":  func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "<html>") },
		"no set":    func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "{}") },
		"too many keys": func(rw http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(rw, `{"keys":[%s{}]}`, strings.Repeat("{},", maxKeys))
		},
		"no content": func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusNoContent) },
		"cut off": func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Length", "1000")
			fmt.Fprint(rw, `{"keys":[]}`)
		},
		"silent": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(handler)
			defer server.Close()
			if _, _, err := w.sets.fetch(setID{testIssuer, server.URL}); err == nil {
				t.Error("accepted")
			}
		})
	}
	if w.count() != 0 {
		t.Error("the redirect was followed")
	}
}

func TestParseSetSkipsBadKeys(t *testing.T) {
	rsaKey, ecKey, edKey := newSigner(t, "rsa", rs256), newSigner(t, "ec", es256), newSigner(t, "ed", eddsa)
	called := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("x5u was followed") }))
	defer called.Close()
	w := newWorld(t, nil,
		ecKey.jwk(object{"kid": "off-curve", "x": ecKey.jwk()["y"]}),
		ecKey.jwk(object{"kid": "wrong-curve", "crv": "P-384"}),
		rsaKey.jwk(object{"kid": "short", "n": "AQAB"}),
		rsaKey.jwk(object{"kid": "exponent", "e": "AQAAAAAAAAAB"}),
		rsaKey.jwk(object{"kid": "for-encryption", "use": "enc"}),
		rsaKey.jwk(object{"kid": "cannot-verify", "key_ops": []string{"sign"}}),
		rsaKey.jwk(object{"kid": "wrong-alg", "alg": "ES256"}),
		rsaKey.jwk(object{"kid": "private", "d": "AQAB"}),
		rsaKey.jwk(object{"kid": nil}),
		rsaKey.jwk(object{"kid": strings.Repeat("k", maxKID+1)}),
		object{"kty": "oct", "kid": "secret", "k": "AQAB"},
		object{"kty": "PQC", "kid": "future"},
		object{"kty": 7, "kid": "number"},
		"text", nil,
		rsaKey.jwk(object{"alg": "RS256", "x5u": called.URL}), ecKey.jwk(), edKey.jwk(),
		newSigner(t, "ed", eddsa).jwk(), // the first of two alike is taken
	)
	keys, _, err := w.sets.fetch(setID{testIssuer, w.URL})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for kid, list := range keys {
		for _, k := range list {
			got[kid] = append(got[kid], k.algorithms...)
		}
	}
	want := map[string][]string{"rsa": {rs256}, "ec": {es256}, "ed": {eddsa}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, s := range []signer{rsaKey, ecKey, edKey} {
		if err := w.try(t, s); err != nil {
			t.Errorf("%s: %v", s.kid, err)
		}
	}
}

// Two keys may share an id where no token can mean both (RFC 7517 §4.5).
func TestSharedKeyID(t *testing.T) {
	rsaKey, ecKey := newSigner(t, "k", rs256), newSigner(t, "k", es256)
	w := newWorld(t, nil, rsaKey.jwk(), ecKey.jwk())
	for _, s := range []signer{rsaKey, ecKey} {
		if err := w.try(t, s); err != nil {
			t.Errorf("%s: %v", s.method.Alg(), err)
		}
	}
}

func TestLifetime(t *testing.T) {
	for name, c := range map[string]struct {
		control, age string
		want         time.Duration
	}{
		"nothing said":  {"", "", defaultTTL},
		"other things":  {"public, must-revalidate", "", defaultTTL},
		"max-age":       {"public, Max-Age=3600", "", time.Hour},
		"quoted":        {`max-age="3600"`, "", time.Hour},
		"partly spent":  {"max-age=3600", "600", 50 * time.Minute},
		"overspent":     {"max-age=60", "600", minTTL},
		"zero":          {"max-age=0", "", minTTL},
		"no-store":      {"no-store", "", minTTL},
		"a year":        {"max-age=31536000", "", maxTTL},
		"out of range":  {"max-age=99999999999999999999999", "", maxTTL},
		"negative":      {"max-age=-1", "", defaultTTL},
		"not a number":  {"max-age=soon", "", defaultTTL},
		"age malformed": {"max-age=3600", "old", time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			h.Set("Cache-Control", c.control)
			h.Set("Age", c.age)
			if got := lifetime(h); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestMetrics(t *testing.T) {
	s := newSigner(t, "k", es256)
	w := newWorld(t, nil, s.jwk())
	_ = w.try(t, s)
	_ = w.try(t, newSigner(t, "unknown", es256))
	want := `
# HELP auth_tokens_total Access tokens shown, by what became of them: accepted, unavailable, or why refused.
# TYPE auth_tokens_total counter
auth_tokens_total{outcome="accepted"} 1
auth_tokens_total{outcome="key"} 1
# HELP jwks_fetches_total Fetches of JWK sets, by outcome: ok or failed.
# TYPE jwks_fetches_total counter
jwks_fetches_total{issuer="https://id.example/",outcome="ok"} 2
# HELP jwks_keys Key ids in the current JWK set.
# TYPE jwks_keys gauge
jwks_keys{issuer="https://id.example/"} 1
`
	if err := testutil.GatherAndCompare(w.metrics, strings.NewReader(want), "auth_tokens_total", "jwks_fetches_total", "jwks_keys"); err != nil {
		t.Error(err)
	}
}
