package idp

import (
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// A grant is what somebody allowed an application: the content of its tokens. It
// implements op.TokenRequest and op.IDTokenRequest for everything that embeds it.
type grant struct {
	session  string // the sid; everything that comes out of one sign-in shares it
	subject  string
	client   string
	audience []string
	scopes   []string
	signedIn time.Time
}

func (g grant) GetSubject() string     { return g.subject }
func (g grant) GetClientID() string    { return g.client }
func (g grant) GetAudience() []string  { return slices.Clone(g.audience) }
func (g grant) GetScopes() []string    { return slices.Clone(g.scopes) }
func (g grant) GetAuthTime() time.Time { return g.signedIn }
func (g grant) GetAMR() []string       { return nil } // nothing was proved: there are no passwords

// An authRequest is one attempt to sign in, from the redirect to the code. It
// implements [op.AuthRequest]. The store hands out copies: nobody but the store
// changes one.
type authRequest struct {
	grant
	id       string
	asked    *oidc.AuthRequest
	expires  time.Time
	codeUsed bool
}

func (r *authRequest) GetID() string                      { return r.id }
func (r *authRequest) GetACR() string                     { return "" }
func (r *authRequest) GetNonce() string                   { return r.asked.Nonce }
func (r *authRequest) GetState() string                   { return r.asked.State }
func (r *authRequest) GetRedirectURI() string             { return r.asked.RedirectURI }
func (r *authRequest) GetResponseType() oidc.ResponseType { return r.asked.ResponseType }
func (r *authRequest) GetResponseMode() oidc.ResponseMode { return r.asked.ResponseMode }
func (r *authRequest) GetCodeChallenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: r.asked.CodeChallenge, Method: r.asked.CodeChallengeMethod}
}

// Done tells whether somebody has signed in.
func (r *authRequest) Done() bool { return r.subject != "" }

// A refreshRequest asks for new tokens with a refresh token. It implements
// [op.RefreshTokenRequest].
type refreshRequest struct{ grant }

// SetCurrentScopes narrows this one access token; the refresh token keeps what was
// granted (RFC 6749, section 6).
func (r *refreshRequest) SetCurrentScopes(scopes []string) { r.scopes = scopes }
