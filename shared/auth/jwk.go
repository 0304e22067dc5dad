package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/MicahParks/jwkset"
)

// A key is a public key and the algorithms it may verify: those that fit its
// type, narrowed to one where the set names it. A token's alg can therefore
// never talk a key into something it is not made for.
type key struct {
	public     crypto.PublicKey
	algorithms []string
}

// jwk is one key of a set (RFC 7517 §4), as far as it is read. Certificates and
// their URLs are left out on purpose: the set's own URL is what we trust.
type jwk struct {
	KTY    jwkset.KTY      `json:"kty"`
	Use    jwkset.USE      `json:"use"`
	KeyOps []jwkset.KEYOPS `json:"key_ops"`
	Alg    jwkset.ALG      `json:"alg"`
	KID    string          `json:"kid"`
	Curve  jwkset.CRV      `json:"crv"`
	X      string          `json:"x"`
	Y      string          `json:"y"`
	N      string          `json:"n"`
	E      string          `json:"e"`
	D      json.RawMessage `json:"d"` // must not be there
	K      json.RawMessage `json:"k"` // must not be there
}

const (
	maxKeys = 128 // of one set
	maxKID  = 256 // bytes of a key's id
)

var (
	errNoKeys      = errors.New("no JWK set: the member keys is missing")
	errTooManyKeys = fmt.Errorf("more than %d keys", maxKeys)
)

// parseSet reads a JWK set. Keys that cannot be used are skipped one by one
// (RFC 7517 §5), and told to skip; an error says that there is no set at all.
// A set without keys is one: the provider has withdrawn them.
func parseSet(data []byte, skip func(kid string, reason error)) (map[string][]key, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, fmt.Errorf("no JWK set: %w", err)
	}
	if set.Keys == nil {
		return nil, errNoKeys
	}
	if len(set.Keys) > maxKeys {
		return nil, errTooManyKeys
	}
	keys := make(map[string][]key, len(set.Keys))
	for _, raw := range set.Keys {
		kid, k, err := parseKey(raw)
		if err == nil && slices.ContainsFunc(keys[kid], k.overlaps) {
			err = errors.New("another key has the same kid")
		}
		if err != nil {
			skip(kid, err)
			continue
		}
		keys[kid] = append(keys[kid], k)
	}
	return keys, nil
}

func (k key) overlaps(other key) bool {
	return slices.ContainsFunc(k.algorithms, func(alg string) bool { return slices.Contains(other.algorithms, alg) })
}

// parseKey reads one key of a set.
func parseKey(raw []byte) (kid string, k key, err error) {
	var j jwk
	if err := json.Unmarshal(raw, &j); err != nil {
		return "", key{}, err
	}
	if len(j.KID) > maxKID {
		return j.KID[:maxKID], key{}, errors.New("kid is too long")
	}
	if err := j.usable(); err != nil {
		return j.KID, key{}, err
	}
	parsed, err := jwkset.NewJWKFromMarshal(jwkset.JWKMarshal{
		KTY: j.KTY, CRV: j.Curve, X: j.X, Y: j.Y, N: j.N, E: j.E,
	}, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return j.KID, key{}, err
	}
	k.public = parsed.Key()
	if k.algorithms, err = fitting(k.public, string(j.Alg)); err != nil {
		return j.KID, key{}, err
	}
	return j.KID, k, nil
}

// usable reports why a key is of no use here, whatever its material.
func (j *jwk) usable() error {
	switch {
	case j.KID == "":
		return errors.New("kid is missing: no token can name the key")
	case j.Use != "" && j.Use != jwkset.UseSig:
		return fmt.Errorf("use is %q, not sig", j.Use)
	case j.KeyOps != nil && !slices.Contains(j.KeyOps, jwkset.KeyOpsVerify):
		return errors.New("key_ops lacks verify")
	case j.KTY == jwkset.KtyOct || j.K != nil:
		return errors.New("a symmetric key verifies nothing here")
	case j.D != nil:
		return errors.New("the private half of the key is published: whoever reads the set can sign")
	default:
		return nil
	}
}

// fitting are the algorithms for a public key, narrowed to the one that the set
// demands where it demands one.
func fitting(public crypto.PublicKey, demanded string) ([]string, error) {
	var fit []string
	switch public := public.(type) {
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < 2048 || bits > 8192 { // RFC 7518 §3.3; the upper bound is crypto/tls's
			return nil, fmt.Errorf("an RSA key of %d bits is not between 2048 and 8192", bits)
		}
		fit = []string{rs256, ps256}
	case *ecdsa.PublicKey:
		if public.Curve != elliptic.P256() {
			return nil, fmt.Errorf("curve %s belongs to no accepted algorithm", public.Curve.Params().Name)
		}
		fit = []string{es256}
	case ed25519.PublicKey:
		fit = []string{eddsa}
	default:
		return nil, fmt.Errorf("a key of type %T belongs to no accepted algorithm", public)
	}
	if demanded == "" {
		return fit, nil
	}
	if !slices.Contains(fit, demanded) {
		return nil, fmt.Errorf("alg %q does not fit the key, or is not accepted", demanded)
	}
	return []string{demanded}, nil
}
