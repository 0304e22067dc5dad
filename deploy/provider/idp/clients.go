package idp

import (
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// A client is an application that may ask for tokens. It implements [op.Client].
type client struct {
	alias      string // the short name that POST /dev/token takes
	id         string
	secret     string // empty: a public client
	audience   string // the API that its access tokens are for
	kind       op.ApplicationType
	grants     []oidc.GrantType
	redirects  []string
	afterwards []string // where a person may be sent after signing out
}

// clients lists the three applications of the demo. The secrets are public, as
// everything here: they make the confidential flows real, they protect nothing.
func clients() []*client {
	return []*client{
		{
			alias: "mobile", id: "phone-app", audience: "bff-mobile",
			kind:       op.ApplicationTypeNative,
			grants:     []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken},
			redirects:  []string{"http://127.0.0.1/callback", "filmstore://callback"}, // any port: RFC 8252, section 7.3
			afterwards: []string{"http://127.0.0.1/", "filmstore://signed-out"},
		},
		{
			alias: "web", id: "web-app", secret: "web-app-secret", audience: "bff-web",
			kind:       op.ApplicationTypeWeb,
			grants:     []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken},
			redirects:  []string{"http://127.0.0.1:8082/bff/callback", "http://localhost:8082/bff/callback"},
			afterwards: []string{"http://127.0.0.1:8082/", "http://localhost:8082/"},
		},
		{
			alias: "tv", id: "tv-app", secret: "tv-app-secret", audience: "bff-tv",
			kind:   op.ApplicationTypeWeb, // the library's word for "confidential"
			grants: []oidc.GrantType{oidc.GrantTypeDeviceCode, oidc.GrantTypeRefreshToken},
		},
	}
}

// resourceScopes are what the film store's APIs ask for.
func resourceScopes() []string {
	return []string{"films:read", "profile:read", "orders:read", "orders:write"}
}

func (c *client) GetID() string                       { return c.id }
func (c *client) RedirectURIs() []string              { return c.redirects }
func (c *client) PostLogoutRedirectURIs() []string    { return c.afterwards }
func (c *client) ApplicationType() op.ApplicationType { return c.kind }
func (c *client) GrantTypes() []oidc.GrantType        { return c.grants }
func (c *client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}
func (c *client) LoginURL(request string) string      { return "/login?request=" + request }
func (c *client) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }
func (c *client) IDTokenLifetime() time.Duration      { return time.Hour }
func (c *client) DevMode() bool                       { return false }
func (c *client) ClockSkew() time.Duration            { return 0 }

func (c *client) AuthMethod() oidc.AuthMethod {
	if c.secret == "" {
		return oidc.AuthMethodNone
	}
	return oidc.AuthMethodBasic
}

// IDTokenUserinfoClaimsAssertion puts name and address into the ID token, so that
// a gateway can greet the user without a second call.
func (c *client) IDTokenUserinfoClaimsAssertion() bool { return true }

// IsScopeAllowed decides about scopes that OpenID Connect does not define.
func (c *client) IsScopeAllowed(scope string) bool {
	return slices.Contains(resourceScopes(), scope)
}

func (c *client) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

func (c *client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

// audiences are the client itself, as OpenID Connect wants it in the ID token, and
// the API. The library has one list for both tokens; a gateway must therefore tell
// an ID token from an access token by something else than its audience.
func (c *client) audiences() []string { return []string{c.id, c.audience} }
