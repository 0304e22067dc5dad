package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/triptych-bff/triptych/shared/identity"
	"github.com/triptych-bff/triptych/shared/problem"
)

type object = map[string]any

func TestAuthenticateAccepts(t *testing.T) {
	for _, alg := range algorithms() {
		t.Run(alg, func(t *testing.T) {
			s := newSigner(t, "k1", alg)
			w := newWorld(t, nil, s.jwk())
			id, err := w.verifier.Authenticate(t.Context(), bearerHeader(s.token(t, w.Now(), nil, nil)))
			if err != nil {
				t.Fatal(err)
			}
			var said object
			if err := json.Unmarshal(id.Claims, &said); err != nil || said["jti"] != "t-1" {
				t.Errorf("claims are %s: %v", id.Claims, err)
			}
			id.Claims = nil
			want := &identity.Identity{
				Subject: "ada", Client: testClient, Issuer: testIssuer, Scopes: []string{"orders:read", "profile:read"},
				Expires: w.Now().Add(5 * time.Minute), Proof: identity.Bearer,
			}
			if diff := cmp.Diff(want, id, cmp.Comparer(time.Time.Equal)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAuthenticateAcceptsVariants(t *testing.T) {
	s := newSigner(t, "k1", es256)
	w := newWorld(t, nil, s.jwk())
	for name, c := range map[string]struct{ header, claims object }{
		"audience is one string":       {claims: object{"aud": testAudience}},
		"azp in place of client_id":    {claims: object{"client_id": nil, "azp": testClient}},
		"scopes are an array":          {claims: object{"scope": []string{"orders:read", "profile:read"}}},
		"expired within the leeway":    {claims: object{"exp": newClock().Now().Add(-29 * time.Second).Unix()}},
		"valid soon within the leeway": {claims: object{"nbf": newClock().Now().Add(29 * time.Second).Unix()}},
		"access token with nonce":      {header: object{"typ": "at+jwt"}, claims: object{"nonce": "n"}},
		"full media type":              {header: object{"typ": "application/at+JWT"}},
		"no typ":                       {header: object{"typ": nil}},
		"certificate thumbprint":       {header: object{"x5t#S256": "abc"}},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := w.verifier.Authenticate(t.Context(), bearerHeader(s.token(t, w.Now(), c.header, c.claims)))
			if err != nil {
				t.Fatal(err)
			}
			if id.Client != testClient || !id.Has("profile:read") {
				t.Errorf("got %+v", id)
			}
		})
	}
}

func TestAuthenticateRefusesTokens(t *testing.T) {
	rsaKey, ecKey := newSigner(t, "rsa", rs256), newSigner(t, "ec", es256)
	stranger := newSigner(t, "rsa", rs256) // same kid, other key
	pinned := newSigner(t, "pinned", rs256)
	w := newWorld(t, nil, rsaKey.jwk(), ecKey.jwk(), pinned.jwk(object{"alg": "RS256"}))
	now := w.Now()
	good := rsaKey.token(t, now, nil, nil)
	claims := func(change object) string { return rsaKey.token(t, now, nil, change) }
	header := func(change object) string { return rsaKey.token(t, now, change, nil) }
	as := func(s signer, method jwt.SigningMethod, kid string) string {
		s.method, s.kid = method, kid
		return s.token(t, now, nil, nil)
	}

	for name, c := range map[string]struct{ token, detail string }{
		"wrong audience":           {claims(object{"aud": "other"}), errAudience.text},
		"audience is a prefix":     {claims(object{"aud": testAudience + "2"}), errAudience.text},
		"no audience":              {claims(object{"aud": nil}), errAudience.text},
		"audience is a number":     {claims(object{"aud": 7}), errClaims.text},
		"wrong issuer":             {claims(object{"iss": "https://evil.example/"}), errIssuer.text},
		"issuer without its slash": {claims(object{"iss": strings.TrimSuffix(testIssuer, "/")}), errIssuer.text},
		"no issuer":                {claims(object{"iss": nil}), errIssuer.text},
		"other key":                {stranger.token(t, now, nil, nil), errSignature.text},
		"unknown kid":              {as(rsaKey, rsaKey.method, "nobody"), errUnknownKey.text},
		"kid too long":             {as(rsaKey, rsaKey.method, strings.Repeat("k", maxKID+1)), errUnknownKey.text},
		"no kid":                   {header(object{"kid": nil}), errNoKeyID.text},
		"kid is a number":          {header(object{"kid": 7}), errNoKeyID.text},
		"expired":                  {claims(object{"exp": now.Add(-31 * time.Second).Unix()}), errExpired.text},
		"expired in 1970":          {claims(object{"exp": 0}), errExpired.text},
		"no expiry":                {claims(object{"exp": nil}), errNoExpiry.text},
		"expiry is text":           {claims(object{"exp": "9999999999"}), errClaims.text},
		"expiry wraps around":      {claims(object{"exp": 1e300}), errClaims.text},
		"not yet valid":            {claims(object{"nbf": now.Add(31 * time.Second).Unix()}), errNotYetValid.text},
		"no subject":               {claims(object{"sub": nil}), errIncomplete.text},
		"no jti":                   {claims(object{"jti": nil}), errIncomplete.text},
		"no client":                {claims(object{"client_id": nil}), errIncomplete.text},
		"another app":              {claims(object{"client_id": "other-app"}), errClient.text},
		"two apps":                 {claims(object{"azp": "other-app"}), errClient.text},
		"scope is an object":       {claims(object{"scope": object{}}), errClaims.text},
		"ID token by nonce":        {claims(object{"nonce": "n"}), errIDToken.text},
		"ID token by at_hash":      {claims(object{"at_hash": "h"}), errIDToken.text},
		"ID token by c_hash":       {claims(object{"c_hash": "h"}), errIDToken.text},
		"logout token":             {header(object{"typ": "logout+jwt"}), errType.text},
		"typ is a number":          {header(object{"typ": 7}), errType.text},
		"crit":                     {header(object{"crit": []string{"exp"}}), errCritical.text},
		"b64":                      {header(object{"b64": false}), errCritical.text},
		"zip":                      {header(object{"zip": "DEF"}), errCritical.text},
		"jwk":                      {stranger.token(t, now, object{"jwk": stranger.jwk()}, nil), errOwnKey.text},
		"jku":                      {header(object{"jku": w.URL + "/keys"}), errOwnKey.text},
		"x5u":                      {header(object{"x5u": w.URL + "/keys"}), errOwnKey.text},
		"x5c":                      {header(object{"x5c": []string{}}), errOwnKey.text},
		"alg none":                 {unsigned(t, now, "none") + ".", errAlgorithm.text},
		"alg none, oddly spelt":    {unsigned(t, now, "nOnE") + ".", errAlgorithm.text},
		"alg of no algorithm":      {unsigned(t, now, "XX256") + ".AAAA", errAlgorithm.text},
		"RSA key as HMAC secret":   {confused(t, now, rsaKey), errAlgorithm.text},
		"RS512":                    {as(rsaKey, jwt.SigningMethodRS512, "rsa"), errAlgorithm.text},
		"RS256 by kid of EC":       {as(rsaKey, jwt.SigningMethodRS256, "ec"), errAlgorithm.text},
		"PS256 with key for RS256": {as(pinned, jwt.SigningMethodPS256, "pinned"), errAlgorithm.text},
		"not a JWT":                {"opaque-token", errMalformed.text},
		"two parts":                {"a.b", errMalformed.text},
		"four parts":               {good + ".x", errMalformed.text},
		"encrypted":                {"a.b.c.d.e", errMalformed.text},
		"many dots":                {strings.Repeat(".", 10_000), errMalformed.text},
		"padding":                  {good + "=", errMalformed.text},
		"signature cut":            {good[:len(good)-6], errSignature.text},
		"signature empty":          {good[:strings.LastIndexByte(good, '.')+1], errSignature.text},
		"trailing bits set":        {trailingBits(ecKey.token(t, now, nil, nil)), errMalformed.text},
		"claims changed":           {swapClaims(t, good, object{"sub": "eve"}), errSignature.text},
		"claims are an array":      {compact(t, object{"alg": "RS256", "kid": "rsa"}, []int{1}), errClaims.text},
		"claim twice":              {rawToken(`{"alg":"RS256","kid":"rsa"}`, `{"iss":"a","iss":"b"}`), errClaims.text},
		"bad UTF-8":                {rawToken(`{"alg":"RS256","kid":"rsa"}`, "{\"sub\":\"a\xff\"}"), errClaims.text},
		"header is null":           {rawToken(`null`, `{}`), errAlgorithm.text},
		"claims are null":          {rawToken(`{"alg":"RS256","kid":"rsa"}`, `null`), ""},
		"too long":                 {strings.Repeat("a", maxToken+1), errTooLong.text},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := w.verifier.Authenticate(t.Context(), bearerHeader(c.token))
			if id != nil {
				t.Fatalf("accepted as %+v", id)
			}
			p := problemOf(t, err)
			if p.Kind != problem.InvalidToken || p.Kind.Status() != 401 || c.detail != "" && p.Detail != c.detail {
				t.Errorf("got %v, want %s: %s", p, problem.InvalidToken.Code(), c.detail)
			}
			want := `Bearer realm="orders", error="invalid_token", error_description="` + p.Detail + `"`
			if got := p.Header.Get("WWW-Authenticate"); got != want {
				t.Errorf("challenge is\n%s, want\n%s", got, want)
			}
		})
	}
}

func TestAuthenticateRefusesHeaders(t *testing.T) {
	s := newSigner(t, "k1", es256)
	w := newWorld(t, nil, s.jwk())
	good := s.token(t, w.Now(), nil, nil)
	const invalid = `Bearer realm="orders", error="invalid_request"`
	for name, c := range map[string]struct {
		values []string
		status int
		code   string
		header string
	}{
		"two headers":       {[]string{"Bearer " + good, "Bearer " + good}, 400, "bad-request", invalid},
		"no token":          {[]string{"Bearer"}, 400, "bad-request", invalid},
		"empty token":       {[]string{"Bearer "}, 400, "bad-request", invalid},
		"two tokens":        {[]string{"Bearer " + good + " " + good}, 400, "bad-request", invalid},
		"list":              {[]string{"Bearer " + good + ", Bearer " + good}, 400, "bad-request", invalid},
		"line break":        {[]string{"Bearer " + good[:20] + "\n" + good[20:]}, 400, "bad-request", invalid},
		"quoted":            {[]string{`Bearer "` + good + `"`}, 400, "bad-request", invalid},
		"only padding":      {[]string{"Bearer =="}, 400, "bad-request", invalid},
		"no scheme":         {[]string{good}, 401, "unauthenticated", `Bearer realm="orders"`},
		"another scheme":    {[]string{"Basic YTpi"}, 401, "unauthenticated", `Bearer realm="orders"`},
		"empty header":      {[]string{""}, 401, "unauthenticated", `Bearer realm="orders"`},
		"tab as separation": {[]string{"Bearer\t" + good}, 401, "unauthenticated", `Bearer realm="orders"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.verifier.Authenticate(t.Context(), http.Header{"Authorization": c.values})
			p := problemOf(t, err)
			if p.Kind.Status() != c.status || p.Kind.Code() != c.code {
				t.Errorf("got %d %s, want %d %s", p.Kind.Status(), p.Kind.Code(), c.status, c.code)
			}
			got := p.Header.Get("WWW-Authenticate")
			if !strings.HasPrefix(got, c.header) || c.status == 401 && got != c.header {
				t.Errorf("challenge is %s, want %s", got, c.header)
			}
		})
	}
	if w.count() != 0 {
		t.Errorf("%d fetches for requests without a token", w.count())
	}
}

func TestAuthenticateHeaderForms(t *testing.T) {
	s := newSigner(t, "k1", es256)
	w := newWorld(t, nil, s.jwk())
	good := s.token(t, w.Now(), nil, nil)
	for _, value := range []string{"bearer " + good, "BEARER   " + good} {
		if id, err := w.verifier.Authenticate(t.Context(), http.Header{"Authorization": {value}}); err != nil || id == nil {
			t.Errorf("%.10s…: %v", value, err)
		}
	}
	if id, err := w.verifier.Authenticate(t.Context(), http.Header{"Cookie": {"a=b"}}); id != nil || err != nil {
		t.Errorf("without credentials: %v, %v", id, err)
	}
}

func TestStrictType(t *testing.T) {
	s := newSigner(t, "k1", es256)
	w := newWorld(t, func(c *Config) { c.Issuers[0].StrictType = true }, s.jwk())
	for typ, accepted := range map[any]bool{"at+jwt": true, "JWT": false, nil: false} {
		_, err := w.verifier.Authenticate(t.Context(), bearerHeader(s.token(t, w.Now(), object{"typ": typ}, nil)))
		if (err == nil) != accepted {
			t.Errorf("typ %v: %v", typ, err)
		}
	}
}

func TestIssuersAreKeptApart(t *testing.T) {
	first, second := newSigner(t, "k", es256), newSigner(t, "k", rs256)
	other := newProvider(t, second.jwk())
	const name = "https://second.example"
	w := newWorld(t, func(c *Config) {
		c.Issuers = append(c.Issuers, Issuer{
			Issuer: name, JWKS: other.URL, Audience: "second-api", Clients: []string{"second-app"}, Algorithms: []string{rs256},
		})
	}, first.jwk())
	second2 := object{"iss": name, "aud": "second-api", "client_id": "second-app"}
	for what, c := range map[string]struct {
		token string
		want  error
	}{
		"first":                     {first.token(t, w.Now(), nil, nil), nil},
		"second":                    {second.token(t, w.Now(), nil, second2), nil},
		"first signs for second":    {first.token(t, w.Now(), nil, second2), errAlgorithm},
		"second signs for first":    {second.token(t, w.Now(), nil, nil), errAlgorithm},
		"second with first's aud":   {second.token(t, w.Now(), nil, merge(object{"aud": testAudience}, []object{{"iss": name, "client_id": "second-app"}})), errAudience},
		"second with first's app":   {second.token(t, w.Now(), nil, object{"iss": name, "aud": "second-api"}), errClient},
		"second with PS256 instead": {signer{"k", jwt.SigningMethodPS256, second.key}.token(t, w.Now(), nil, second2), errAlgorithm},
	} {
		if _, err := w.verifier.Authenticate(t.Context(), bearerHeader(c.token)); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", what, err, c.want)
		}
	}
}

// The nine cells of three services and their tokens: only the diagonal is accepted.
func TestAudienceMatrix(t *testing.T) {
	s := newSigner(t, "k1", es256)
	w := newWorld(t, nil, s.jwk())
	names := []string{"users", "orders", "books"}
	for _, service := range names {
		v := NewVerifier(Config{Realm: service, Issuers: []Issuer{{
			Issuer: testIssuer, JWKS: w.URL + "/keys", Audience: service + "-api", Clients: []string{service + "-app"},
		}}}, w.sets)
		for _, holder := range names {
			token := s.token(t, w.Now(), nil, object{"aud": holder + "-api", "client_id": holder + "-app"})
			_, err := v.Authenticate(t.Context(), bearerHeader(token))
			if (err == nil) != (service == holder) {
				t.Errorf("token for %s at %s: %v", holder, service, err)
			}
		}
	}
	if w.count() != 1 {
		t.Errorf("%d fetches, want 1: verifiers share the key set", w.count())
	}
}

func problemOf(t *testing.T, err error) *problem.Problem {
	t.Helper()
	var p *problem.Problem
	if !errors.As(err, &p) {
		t.Fatalf("got %v, want a problem", err)
	}
	return p
}

// unsigned is the signed part of a good token with another alg.
func unsigned(t *testing.T, now time.Time, alg string) string {
	return signedPart(t, object{"alg": alg, "kid": "rsa", "typ": "JWT"}, goodClaims(now))
}

// confused is signed with HMAC, with the public key as the secret.
func confused(t *testing.T, now time.Time, s signer) string {
	der, err := x509.MarshalPKIXPublicKey(s.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	part := unsigned(t, now, "HS256")
	mac.Write([]byte(part))
	return part + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// trailingBits is the same token to a decoder that is not strict.
func trailingBits(token string) string {
	last := token[len(token)-1]
	return token[:len(token)-1] + string(last+1) // the last of 86 characters carries two bits only
}

func swapClaims(t *testing.T, token string, change object) string {
	parts := strings.Split(token, ".")
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims object
	if err := json.Unmarshal(data, &claims); err != nil {
		t.Fatal(err)
	}
	swapped := strings.Split(signedPart(t, object{}, merge(claims, []object{change})), ".")[1]
	return parts[0] + "." + swapped + "." + parts[2]
}

func compact(t *testing.T, header, claims any) string { return signedPart(t, header, claims) + ".AAAA" }

func signedPart(t *testing.T, header, claims any) string {
	t.Helper()
	var parts [2]string
	for i, part := range []any{header, claims} {
		data, err := json.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		parts[i] = base64.RawURLEncoding.EncodeToString(data)
	}
	return parts[0] + "." + parts[1]
}

func rawToken(header, claims string) string {
	b64 := base64.RawURLEncoding.EncodeToString
	return b64([]byte(header)) + "." + b64([]byte(claims)) + ".AAAA"
}
