package auth

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"
	"unicode/utf8"
)

// Whatever stands in the header, the answer is an identity, nobody or a
// problem with its challenge, and only our own token is accepted.
func FuzzAuthenticate(f *testing.F) {
	s := newSigner(f, "k", es256)
	w := newWorld(f, nil, s.jwk())
	good := s.token(f, w.Now(), nil, nil)
	for _, seed := range []string{"", "Bearer", "Bearer a.b.c", "Bearer " + good, "Basic YTpi", "bearer  " + good + "=", "Bearer " + rawToken(`{"alg":"ES256","kid":"k","crit":[]}`, `{"iss":"https://id.example/"}`)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		id, err := w.verifier.Authenticate(t.Context(), http.Header{"Authorization": {value}})
		if err == nil && (id == nil || id.Subject != "ada") {
			t.Fatalf("%q is accepted as %v", value, id)
		}
		if err != nil && problemOf(t, err).Kind.Status() >= 500 {
			t.Fatalf("%q: %v", value, err)
		}
	})
}

// What claims are read as agrees with what encoding/json reads into a map.
func FuzzClaims(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `[]`, `{"iss":"a","Iss":"b"}`, `{"aud":["a",null]}`, `{"exp":1e9,"nbf":"1"}`, `{"scope":["a"],"nonce":null}`,
		`{"sub":"\ud800"}`, `{"exp":-1}`, `{"exp":0x10}`, `{ "a" : [ {"b":"}]\"\\"} ] , "c":{},"exp" : 1 }`, `{"\u0069ss":"a"}`, `{"jti":null}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var c claims
		if json.Unmarshal(data, &c) != nil || c.raw == nil {
			return
		}
		var all map[string]any
		if err := json.Unmarshal(c.raw, &all); err != nil || !utf8.Valid(c.raw) {
			t.Fatalf("raw claims are no object: %v", err)
		}
		n := 0
		for range members(c.raw) {
			n++
		}
		if n != len(all) {
			t.Fatalf("%d members, want %d", n, len(all))
		}
		if sub, _ := all["sub"].(string); sub != c.subject {
			t.Fatalf("sub is %q, want %q", c.subject, sub)
		}
		if c.expires != nil && (c.expires.Before(time.Unix(0, 0)) || c.expires.Unix() > lastSecond) {
			t.Fatalf("exp is %v", c.expires)
		}
	})
}

func FuzzParseSet(f *testing.F) {
	for _, alg := range algorithms() {
		data, err := json.Marshal(object{"keys": []any{newSigner(f, alg, alg).jwk()}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"keys":[null,{},{"kty":"EC","crv":"P-256","x":"AA","y":"AA","kid":"k"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := parseSet(data, func(string, error) {})
		if err != nil && keys != nil {
			t.Fatal("keys beside an error")
		}
		for kid, list := range keys {
			for _, k := range list {
				if kid == "" || len(k.algorithms) == 0 || k.public == nil {
					t.Fatalf("%q: %+v", kid, k)
				}
			}
		}
	})
}

func FuzzLifetime(f *testing.F) {
	f.Add("max-age=60", "1")
	f.Add(`no-store, max-age="0"`, "")
	f.Add("max-age=18446744073709551616", "-1")
	f.Fuzz(func(t *testing.T, control, age string) {
		if ttl := lifetime(http.Header{"Cache-Control": {control}, "Age": {age}}); ttl < minTTL || ttl > maxTTL {
			t.Fatalf("lifetime is %v", ttl)
		}
	})
}
