package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/triptych-bff/triptych/shared/telemetry"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testIssuer   = "https://id.example/"
	testAudience = "orders-api"
	testClient   = "orders-app"
)

// clock is a time that moves when it is told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// provider is an issuer's JWKS endpoint.
type provider struct {
	*httptest.Server
	mu      sync.Mutex
	set     any
	header  http.Header
	fetches int
	down    bool
	gate    chan struct{} // when set, answers wait until it is closed
	asked   chan struct{} // told of every request
}

func newProvider(t testing.TB, keys ...any) *provider {
	p := &provider{set: map[string]any{"keys": keys}, header: http.Header{}, asked: make(chan struct{}, 10_000)}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.fetches++
	set, down, gate := p.set, p.down, p.gate
	maps.Copy(w.Header(), p.header)
	p.mu.Unlock()
	p.asked <- struct{}{}
	if gate != nil {
		select {
		case <-gate:
		case <-r.Context().Done():
		}
	}
	if down {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(set)
}

func (p *provider) change(f func(p *provider)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p)
}

func (p *provider) publish(keys ...any) {
	p.change(func(p *provider) { p.set = map[string]any{"keys": keys} })
}

func (p *provider) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fetches
}

// signer is a private key and how its public half is published.
type signer struct {
	kid    string
	method jwt.SigningMethod
	key    crypto.Signer
}

func newSigner(t testing.TB, kid, alg string) signer {
	t.Helper()
	var key crypto.Signer
	var err error
	switch alg {
	case rs256, ps256:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case es256:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case eddsa:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	return signer{kid: kid, method: jwt.GetSigningMethod(alg), key: key}
}

// jwk is the public half, as a provider publishes it, with changes.
func (s signer) jwk(changes ...map[string]any) map[string]any {
	j := map[string]any{"kid": s.kid, "use": "sig"}
	b64 := base64.RawURLEncoding.EncodeToString
	switch public := s.key.Public().(type) {
	case *rsa.PublicKey:
		j["kty"], j["n"], j["e"] = "RSA", b64(public.N.Bytes()), b64(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			panic(err)
		}
		j["kty"], j["crv"], j["x"], j["y"] = "EC", "P-256", b64(point[1:33]), b64(point[33:])
	case ed25519.PublicKey:
		j["kty"], j["crv"], j["x"] = "OKP", "Ed25519", b64(public)
	}
	return merge(j, changes)
}

// token is a signed token with good claims and header, but for the changes. A
// nil value removes a member.
func (s signer) token(t testing.TB, now time.Time, header, claims map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(s.method, jwt.MapClaims(merge(goodClaims(now), []map[string]any{claims})))
	token.Header = merge(map[string]any{"typ": "JWT", "alg": s.method.Alg(), "kid": s.kid}, []map[string]any{header})
	signed, err := token.SignedString(s.key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func goodClaims(now time.Time) map[string]any {
	return map[string]any{
		"iss": testIssuer, "sub": "ada", "aud": []string{"other", testAudience}, "client_id": testClient,
		"jti": "t-1", "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "scope": "orders:read profile:read",
	}
}

func merge(into map[string]any, changes []map[string]any) map[string]any {
	for _, change := range changes {
		for name, value := range change {
			if value == nil {
				delete(into, name)
			} else {
				into[name] = value
			}
		}
	}
	return into
}

// world is a verifier with one provider.
type world struct {
	*clock
	*provider
	sets     *KeySets
	verifier *Verifier
	metrics  *prometheus.Registry
}

func newWorld(t testing.TB, change func(*Config), keys ...any) *world {
	t.Helper()
	p := newProvider(t, keys...)
	c := newClock()
	tel := telemetry.Discard()
	sets := NewKeySets(nil, c.Now, tel)
	t.Cleanup(sets.Close)
	config := Config{Realm: "orders", Issuers: []Issuer{{
		Issuer: testIssuer, JWKS: p.URL + "/keys", Audience: testAudience, Clients: []string{testClient},
	}}}
	if change != nil {
		change(&config)
	}
	return &world{clock: c, provider: p, sets: sets, verifier: NewVerifier(config, sets), metrics: tel.Metrics}
}

func bearerHeader(token string) http.Header {
	return http.Header{"Authorization": {"Bearer " + token}}
}
