package e2e

import (
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

func TestWhoMayCome(t *testing.T) {
	w := open(t)
	good := w.token("mobile", "ada")
	forged := func(method jwt.SigningMethod, key any, change func(jwt.MapClaims)) string {
		return w.forge(good, method, key, change)
	}
	ours, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	none := jwt.UnsafeAllowNoneSignatureType
	for name, test := range map[string]struct {
		token  string
		status int
		code   string
	}{
		"good":             {good, http.StatusOK, ""},
		"nobody":           {"", http.StatusUnauthorized, "unauthenticated"},
		"another audience": {w.token("web", "ada"), http.StatusUnauthorized, "invalid-token"},
		"another issuer": {forged(jwt.SigningMethodRS256, ours, func(c jwt.MapClaims) {
			c["iss"] = "http://127.0.0.1:1/"
		}), http.StatusUnauthorized, "invalid-token"},
		"another key":       {forged(jwt.SigningMethodRS256, ours, nil), http.StatusUnauthorized, "invalid-token"},
		"alg none":          {forged(jwt.SigningMethodNone, none, nil), http.StatusUnauthorized, "invalid-token"},
		"a shared secret":   {forged(jwt.SigningMethodHS256, []byte("secret"), nil), http.StatusUnauthorized, "invalid-token"},
		"past its time":     {w.token("mobile", "ada", "ttl", "-10m"), http.StatusUnauthorized, "invalid-token"},
		"garbage":           {"abc", http.StatusUnauthorized, "invalid-token"},
		"without the scope": {w.token("mobile", "ada", "scope", "orders:read"), http.StatusForbidden, "insufficient-scope"},
	} {
		a := w.get("bff-mobile", "/v1/home", test.token)
		if a.status != test.status {
			t.Errorf("%s: status %d, not %d: %s", name, a.status, test.status, a.body)
			continue
		}
		if test.code == "" {
			continue
		}
		if code := a.problem(t); code != test.code {
			t.Errorf("%s: code %q, not %q", name, code, test.code)
		}
		if got := a.header.Get("WWW-Authenticate"); !strings.HasPrefix(got, `Bearer realm="mobile"`) {
			t.Errorf("%s: WWW-Authenticate %q", name, got)
		}
	}
	if log := w.run["bff-mobile"].out.String(); strings.Contains(log, good) {
		t.Error("a token stands in the log")
	}
}

// forge is a token with the claims of a good one, changed, under another key.
func (w *world) forge(good string, method jwt.SigningMethod, key any, change func(jwt.MapClaims)) string {
	w.t.Helper()
	claims := jwt.MapClaims{}
	parsed, _, err := jwt.NewParser().ParseUnverified(good, claims)
	if err != nil {
		w.t.Fatal(err)
	}
	if change != nil {
		change(claims)
	}
	token := jwt.NewWithClaims(method, claims)
	token.Header["kid"] = parsed.Header["kid"]
	signed, err := token.SignedString(key)
	if err != nil {
		w.t.Fatal(err)
	}
	return signed
}

// TestEachGatewayHasItsOwnAudience: three tokens at three gateways.
func TestEachGatewayHasItsOwnAudience(t *testing.T) {
	w := open(t)
	for _, issued := range gateways {
		token := w.token(client(issued), "ada")
		for _, gateway := range gateways {
			want := http.StatusUnauthorized
			if gateway == issued {
				want = http.StatusOK
			}
			if a := w.get(gateway, screens[gateway], token); a.status != want {
				t.Errorf("a token for %s at %s: status %d, not %d", issued, gateway, a.status, want)
			}
		}
	}
}

func TestARotatedKeyIsLearned(t *testing.T) {
	w := open(t)
	if a := w.get("bff-mobile", "/v1/home", w.token("mobile", "ada")); a.status != http.StatusOK {
		t.Fatal(a.status)
	}
	resp, err := http.Post("http://"+w.addr["provider"]+"/dev/rotate", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if a := w.get("bff-mobile", "/v1/home", w.token("mobile", "ada")); a.status != http.StatusOK {
		t.Errorf("a token under the new key: status %d: %s", a.status, a.body)
	}
}

func TestLimits(t *testing.T) {
	w := closed(t)
	w.start("provider", nil, "--listen", w.addr["provider"])
	for _, name := range uses["bff-mobile"] {
		w.service(name)
	}
	w.configure("bff-mobile", func(c string) string {
		return replace(t, c, "requests: 600\n    per: 1m", "requests: 5\n    per: 1h")
	})
	w.gateway("bff-mobile")
	w.ready()
	ada, ben := w.token("mobile", "ada"), w.token("mobile", "ben")
	for i := range 5 {
		a := w.get("bff-mobile", "/v1/home", ada)
		if a.status != http.StatusOK {
			t.Fatalf("request %d: status %d: %s", i+1, a.status, a.body)
		}
		if policy, left := a.header.Get("RateLimit-Policy"), a.header.Get("RateLimit"); policy != `"user";q=5;w=3600` || !strings.HasPrefix(left, `"user";r=`+string(rune('4'-i))+`;t=`) {
			t.Errorf("request %d: %q, %q", i+1, policy, left)
		}
	}
	a := w.get("bff-mobile", "/v1/home", ada)
	if code := a.problem(t); a.status != http.StatusTooManyRequests || code != "rate-limited" {
		t.Errorf("the sixth request: status %d, code %q", a.status, code)
	}
	if !strings.HasPrefix(a.header.Get("RateLimit"), `"user";r=0;t=`) || a.header.Get("Retry-After") == "" {
		t.Errorf("the sixth request: %v", a.header)
	}
	if !strings.Contains(string(a.body), "quota-exceeded") {
		t.Errorf("the sixth request: %s", a.body)
	}
	if a := w.get("bff-mobile", "/v1/home", ben); a.status != http.StatusOK {
		t.Errorf("another user: status %d: %s", a.status, a.body)
	}
}

// replace changes a configuration, in exactly one place.
func replace(t *testing.T, text, old, with string) string {
	t.Helper()
	if strings.Count(text, old) != 1 {
		t.Fatalf("%q stands %d times in the configuration", old, strings.Count(text, old))
	}
	return strings.Replace(text, old, with, 1)
}

// TestStartNeedsNoProvider: the provider may be down when a gateway starts.
func TestStartNeedsNoProvider(t *testing.T) {
	w := closed(t)
	for _, name := range uses["bff-mobile"] {
		w.service(name)
	}
	w.configure("bff-mobile", nil)
	w.gateway("bff-mobile")
	w.ready()
	w.start("provider", nil, "--listen", w.addr["provider"])
	w.eventually("a token is accepted", func() bool {
		resp, err := http.Get("http://" + w.addr["provider"] + "/ready")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return w.get("bff-mobile", "/v1/home", w.token("mobile", "ada")).status == http.StatusOK
	})
}
