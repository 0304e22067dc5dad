package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// An issuer signs access tokens with a key that lives as long as it does.
type issuer struct{ key *rsa.PrivateKey }

const (
	keyID     = "bench"
	maxTokens = 10_000 // a signature takes half a millisecond
)

func newIssuer() (*issuer, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	return &issuer{key}, err
}

// keys is the JWK set (RFC 7517).
func (i *issuer) keys() any {
	text := base64.RawURLEncoding.EncodeToString
	return map[string]any{"keys": []any{map[string]string{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": keyID,
		"n": text(i.key.N.Bytes()), "e": text(big.NewInt(int64(i.key.E)).Bytes()),
	}}}
}

// pem is the public key for those who do not read JWK sets.
func (i *issuer) pem() (string, error) {
	der, err := x509.MarshalPKIXPublicKey(&i.key.PublicKey)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), err
}

// tokens are n access tokens (RFC 9068), good for a day, each of another user.
func (i *issuer) tokens(n int) ([]string, error) {
	if n > maxTokens {
		return nil, fmt.Errorf("at most %d tokens", maxTokens)
	}
	all := make([]string, n)
	for k := range all {
		token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
			"iss": "https://issuer.store.test/", "aud": "bench", "client_id": "app", "jti": rand.Text(),
			"sub": fmt.Sprintf("u%d", k+1), "scope": "store:read profile:read",
			"iat": time.Now().Unix(), "exp": time.Now().Add(24 * time.Hour).Unix(),
		})
		token.Header["kid"], token.Header["typ"] = keyID, "at+jwt"
		var err error
		if all[k], err = token.SignedString(i.key); err != nil {
			return nil, err
		}
	}
	return all, nil
}
