package auth

import (
	"errors"
	"testing"
	"time"

	"github.com/triptych-bff/triptych/shared/identity"
)

// TestATokenIsVerifiedOnce, and is refused all the same when it has expired, when
// its key was withdrawn, and when it is another.
func TestATokenIsVerifiedOnce(t *testing.T) {
	k := newSigner(t, "k", es256)
	w := newWorld(t, nil, k.jwk())
	token := k.token(t, w.Now(), nil, nil)
	ask := func(token string) (*identity.Identity, error) {
		return w.verifier.Authenticate(t.Context(), bearerHeader(token))
	}
	first, err := ask(token)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ask(token); err != nil || again != first {
		t.Errorf("it is verified again: %v, %v", again, err)
	}
	if _, err := ask(token[:len(token)-4] + "AAAA"); !errors.Is(err, errSignature) {
		t.Errorf("another signature: %v", err)
	}
	other := NewVerifier(Config{Realm: "x", Issuers: []Issuer{{
		Issuer: testIssuer, JWKS: w.URL + "/keys", Audience: "another", Clients: []string{testClient},
	}}}, w.sets)
	if _, err := other.Authenticate(t.Context(), bearerHeader(token)); !errors.Is(err, errAudience) {
		t.Errorf("for another audience: %v", err)
	}

	w.publish(newSigner(t, "next", es256).jwk())
	w.Advance(maxTTL) // the set is due
	renewed := k.token(t, w.Now(), nil, nil)
	if _, err := ask(renewed); !errors.Is(err, errUnknownKey) {
		t.Errorf("its key was withdrawn: %v", err)
	}
	if _, err := ask(token); err == nil {
		t.Error("it is remembered beyond its key")
	}
}

func TestARememberedTokenExpires(t *testing.T) {
	k := newSigner(t, "k", es256)
	w := newWorld(t, nil, k.jwk())
	h := bearerHeader(k.token(t, w.Now(), nil, nil))
	id, err := w.verifier.Authenticate(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	w.Advance(id.Expires.Sub(w.Now()) + leeway - time.Second)
	if _, err := w.verifier.Authenticate(t.Context(), h); err != nil {
		t.Errorf("within the leeway: %v", err)
	}
	w.Advance(2 * time.Second)
	if _, err := w.verifier.Authenticate(t.Context(), h); !errors.Is(err, errExpired) {
		t.Errorf("behind it: %v", err)
	}
}

// TestTheMemoryIsBounded, and forgets first what was not asked for.
func TestTheMemoryIsBounded(t *testing.T) {
	now := time.Now()
	set := &published{}
	issuer := &issuer{keys: &keySet{owner: &KeySets{now: func() time.Time { return now }}}}
	set.due = now.Add(time.Hour)
	issuer.keys.current.Store(set)
	m := newMemory(issuer.keys.owner.now)
	hash := func(n int) tokenHash { return tokenHash{byte(n), byte(n >> 8), byte(n >> 16)} }
	const all = 5 * remembered
	for n := range all {
		m.keep(hash(n), &accepted{&identity.Identity{Expires: now.Add(time.Minute)}, issuer, set})
		if m.find(t.Context(), hash(0)) == nil {
			t.Fatalf("what is asked for all the time is forgotten after %d others", n)
		}
	}
	if known := len(m.young) + len(m.old); known > 2*remembered {
		t.Errorf("%d are remembered", known)
	}
	if m.find(t.Context(), hash(all-1)) == nil {
		t.Error("the last is forgotten")
	}
	if m.find(t.Context(), hash(1)) != nil {
		t.Error("what nobody asked for is remembered for ever")
	}
}
