package auth

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/triptych-bff/triptych/shared/config"
)

// Config says whose tokens are accepted. The zero value accepts none.
type Config struct {
	Realm   string   `config:"realm" default:"api" doc:"Protection space named in WWW-Authenticate (RFC 9110 section 11.5)."`
	Issuers []Issuer `config:"issuers" doc:"Providers whose tokens are accepted."`
}

// An Issuer is one provider, as far as this gateway trusts it.
type Issuer struct {
	Issuer     string   `config:"issuer" doc:"The iss claim, compared byte for byte: a slash at the end matters."`
	JWKS       string   `config:"jwks" doc:"URL of the provider's JWK set. Redirects are not followed."`
	Audience   string   `config:"audience" doc:"The one value that must be among the token's aud: this gateway's own."`
	Clients    []string `config:"clients" doc:"Apps whose tokens are accepted: the client_id claim, or azp."`
	Algorithms []string `config:"algorithms" doc:"Accepted signatures, of RS256, PS256, ES256, EdDSA. Empty accepts all four."`
	StrictType bool     `config:"strict_type" doc:"Accept only tokens that say typ at+jwt (RFC 9068). Turn on where the provider sets it."`
}

// The algorithms that can be allowed. Each fits one type of key only.
const (
	rs256 = "RS256"
	ps256 = "PS256"
	es256 = "ES256"
	eddsa = "EdDSA"
)

func algorithms() []string { return []string{rs256, ps256, es256, eddsa} }

// allowed is the issuer's allow-list.
func (i Issuer) allowed() []string {
	if len(i.Algorithms) == 0 {
		return algorithms()
	}
	return i.Algorithms
}

// Validate reports a realm that cannot be sent, and issuers named twice: a
// token names its issuer, so two of one name could not be told apart.
func (c Config) Validate(check *config.Check) {
	if !quotable(c.Realm) {
		check.Fault("realm", "may not contain quotes, backslashes or characters outside printable ASCII")
	}
	seen := make(map[string]bool)
	for _, issuer := range c.Issuers {
		if seen[issuer.Issuer] {
			check.Fault("issuers", "%q stands twice", issuer.Issuer)
		}
		seen[issuer.Issuer] = true
	}
}

// Validate reports what is missing or malformed of one issuer.
func (i Issuer) Validate(check *config.Check) {
	if i.Issuer == "" {
		check.Fault("issuer", "is missing")
	}
	if i.Audience == "" {
		check.Fault("audience", "is missing: without it, tokens made for other services would be accepted")
	}
	if len(i.Clients) == 0 || slices.Contains(i.Clients, "") {
		check.Fault("clients", "must name the apps whose tokens are accepted")
	}
	for _, name := range i.Algorithms {
		if !slices.Contains(algorithms(), name) {
			check.Fault("algorithms", "%q is not one of %s", name, strings.Join(algorithms(), ", "))
		}
	}
	i.validateJWKS(check)
}

func (i Issuer) validateJWKS(check *config.Check) {
	u, err := url.Parse(i.JWKS)
	switch {
	case i.JWKS == "":
		check.Fault("jwks", "is missing")
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || (u.Scheme != "http" && u.Scheme != "https"):
		check.Fault("jwks", "must be an http or https URL without user or fragment")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		check.Warn("jwks", "keys fetched without TLS can be replaced on the way: use https")
	}
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// quotable reports whether s may stand between quotes in a challenge: the
// characters of RFC 6750 §3.
func quotable(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
