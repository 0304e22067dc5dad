package gatewaytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// An Issuer signs access tokens (RFC 9068) and publishes the key for them, on a
// server of its own.
type Issuer struct {
	URL      string // the issuer's identifier
	audience string
	client   string
	key      *ecdsa.PrivateKey
	t        testing.TB
}

const keyID = "test"

// NewIssuer is an issuer of tokens for one audience, through one client app.
func NewIssuer(t testing.TB, audience, client string) *Issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &Issuer{audience: audience, client: client, key: key, t: t}
	s := httptest.NewServer(http.HandlerFunc(i.serveKeys))
	t.Cleanup(s.Close)
	i.URL = s.URL + "/"
	return i
}

// settings point a gateway's first configured issuer at this one.
func (i *Issuer) settings() map[string]any {
	return map[string]any{"issuer": i.URL, "jwks": i.URL + "keys", "audience": i.audience, "clients": []string{i.client}}
}

func (i *Issuer) serveKeys(w http.ResponseWriter, _ *http.Request) {
	point, err := i.key.PublicKey.Bytes() // 4, x, y (SEC 1 §2.3.3)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	half := (len(point) - 1) / 2
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]string{
		"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": keyID,
		"x": base64.RawURLEncoding.EncodeToString(point[1 : 1+half]),
		"y": base64.RawURLEncoding.EncodeToString(point[1+half:]),
	}}})
}

// Token is an access token of the subject with these scopes, good for an hour.
func (i *Issuer) Token(subject string, scopes ...string) string {
	i.t.Helper()
	return i.Sign(map[string]any{"sub": subject, "scope": strings.Join(scopes, " ")})
}

// Sign is a token with the given claims in place of, or beside, the usual ones.
// A nil value takes a claim away.
func (i *Issuer) Sign(claims map[string]any) string {
	i.t.Helper()
	all := jwt.MapClaims{
		"iss": i.URL, "aud": i.audience, "client_id": i.client, "jti": rand.Text(),
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	token := jwt.NewWithClaims(jwt.SigningMethodES256, all)
	token.Header["kid"], token.Header["typ"] = keyID, "at+jwt"
	signed, err := token.SignedString(i.key)
	if err != nil {
		i.t.Fatal(err)
	}
	return signed
}
