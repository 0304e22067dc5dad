package auth

import (
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// The whole check, beside what golang-jwt alone takes for the same token.
func BenchmarkAuthenticate(b *testing.B) {
	for _, alg := range algorithms() {
		s := newSigner(b, "k", alg)
		w := newWorld(b, nil, s.jwk())
		h := bearerHeader(s.token(b, w.Now(), nil, nil))
		b.Run(alg+"/remembered", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.verifier.Authenticate(b.Context(), h); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(alg+"/whole", func(b *testing.B) {
			b.ReportAllocs()
			token, _ := bearer(h, "")
			for b.Loop() {
				if _, err := w.verifier.verify(b.Context(), token); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(alg+"/golang-jwt", func(b *testing.B) {
			b.ReportAllocs()
			token := h.Get("Authorization")[len("Bearer "):]
			parser := jwt.NewParser(jwt.WithValidMethods([]string{alg}), jwt.WithIssuer(testIssuer), jwt.WithAudience(testAudience),
				jwt.WithExpirationRequired(), jwt.WithLeeway(leeway), jwt.WithStrictDecoding(), jwt.WithTimeFunc(w.Now))
			for b.Loop() {
				if _, err := parser.Parse(token, func(*jwt.Token) (any, error) { return s.key.Public(), nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
