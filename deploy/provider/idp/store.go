package idp

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const (
	signInLifetime  = 10 * time.Minute    // from the redirect to the login page until the code is exchanged
	sessionLifetime = 30 * 24 * time.Hour // what a chain of refresh tokens can live at most
)

// A store is the provider's memory. It implements [op.Storage] and the optional
// interfaces for devices, sessions and claims; all of it is gone with the process.
//
// A session is alive as long as its id is in sessions. Ending one is deleting that
// entry: every token that names it is dead from then on.
type store struct {
	now       func() time.Time
	accessTTL time.Duration
	pollEvery time.Duration
	keys      *keyring
	clients   map[string]*client

	mu       sync.Mutex
	sessions map[string]time.Time // sid → when it ends by itself
	requests map[string]authRequest
	codes    map[string]string // authorization code → id of its request
	access   map[string]accessToken
	refresh  map[string]refreshToken
	devices  map[string]*device // by device code
	sweepAt  time.Time
}

type accessToken struct {
	grant
	expires time.Time
}

type refreshToken struct {
	grant
	used bool // a second use ends the session
}

var (
	_ op.Storage                        = (*store)(nil)
	_ op.DeviceAuthorizationStorage     = (*store)(nil)
	_ op.CanTerminateSessionFromRequest = (*store)(nil)
	_ op.CanSetUserinfoFromRequest      = (*store)(nil)
	_ op.CanGetPrivateClaimsFromRequest = (*store)(nil)
)

func newStore(c Config, keys *keyring) *store {
	s := &store{
		now: c.Now, accessTTL: c.AccessTTL, pollEvery: c.PollInterval, keys: keys,
		clients:  map[string]*client{},
		sessions: map[string]time.Time{},
		requests: map[string]authRequest{},
		codes:    map[string]string{},
		access:   map[string]accessToken{},
		refresh:  map[string]refreshToken{},
		devices:  map[string]*device{},
	}
	for _, c := range clients() {
		s.clients[c.id] = c
	}
	return s
}

// ---- Signing in: authorization code with PKCE

// CreateAuthRequest remembers an attempt to sign in. The library has checked client
// and redirect address before.
func (s *store) CreateAuthRequest(_ context.Context, asked *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	if slices.Contains(asked.Prompt, oidc.PromptNone) {
		return nil, oidc.ErrLoginRequired().WithDescription("there is no single sign-on here: somebody has to choose a name")
	}
	if asked.CodeChallenge == "" || asked.CodeChallengeMethod != oidc.CodeChallengeMethodS256 {
		return nil, oidc.ErrInvalidRequest().WithDescription("PKCE is required: send code_challenge with code_challenge_method=S256")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	r := authRequest{
		grant:   grant{client: asked.ClientID, audience: s.clients[asked.ClientID].audiences(), scopes: asked.Scopes},
		id:      rand.Text(),
		asked:   asked,
		expires: s.now().Add(signInLifetime),
	}
	s.requests[r.id] = r
	return &r, nil
}

// signIn completes an attempt as the user: a session begins.
func (s *store) signIn(id, userID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.request(id)
	if err != nil {
		return err
	}
	if r.Done() {
		return errors.New("somebody has signed in here already: start again in the application")
	}
	r.subject, r.signedIn, r.session = userID, s.now(), s.begin()
	s.requests[id] = *r
	return nil
}

// begin starts a session. The caller holds the lock.
func (s *store) begin() string {
	id := rand.Text()
	s.sessions[id] = s.now().Add(sessionLifetime)
	return id
}

// request is a copy of a live attempt to sign in. The caller holds the lock.
func (s *store) request(id string) (*authRequest, error) {
	r, ok := s.requests[id]
	if !ok || s.now().After(r.expires) {
		return nil, errors.New("this sign-in is unknown or has expired: start again in the application")
	}
	return &r, nil
}

func (s *store) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.request(id)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (s *store) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = id
	return nil
}

// AuthRequestByCode finds the sign-in behind a code. A code that comes twice was
// seen by two: the tokens of its first use are ended (RFC 6749, section 4.1.2).
func (s *store) AuthRequestByCode(_ context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.request(s.codes[code])
	if err != nil {
		return nil, errors.New("the code is unknown or has expired")
	}
	if r.codeUsed {
		delete(s.sessions, r.session)
		return nil, errors.New("the code was used before")
	}
	return r, nil
}

// DeleteAuthRequest does nothing: a used code must be remembered to be recognised,
// and is forgotten when it expires.
func (s *store) DeleteAuthRequest(context.Context, string) error { return nil }

// ---- Tokens

// CreateAccessToken registers an access token that the library then signs.
func (s *store) CreateAccessToken(_ context.Context, request op.TokenRequest) (string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.redeem(request)
	if err != nil {
		return "", time.Time{}, err
	}
	ttl := s.accessTTL
	if own, ok := request.(*devRequest); ok {
		ttl = own.ttl
	}
	id, expires := s.issue(g, ttl)
	return id, expires, nil
}

// CreateAccessAndRefreshTokens registers an access token and the refresh token that
// follows it. With current, that one is used up: it must be the newest of its
// session, else the session ends (refresh token rotation, RFC 9700, section 4.14.2).
func (s *store) CreateAccessAndRefreshTokens(_ context.Context, request op.TokenRequest, current string) (id, next string, expires time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.redeem(request)
	if err != nil {
		return "", "", time.Time{}, err
	}
	granted := g
	if current != "" {
		old, err := s.refreshable(current)
		if err != nil {
			return "", "", time.Time{}, oidc.ErrInvalidGrant().WithParent(err)
		}
		old.used = true
		s.refresh[current] = old
		granted = old.grant
	}
	next = rand.Text()
	s.refresh[next] = refreshToken{grant: granted}
	id, expires = s.issue(g, s.accessTTL)
	return id, next, expires, nil
}

// redeem turns a request into its grant and uses up the code behind it: of two
// exchanges at the same time one fails. The caller holds the lock.
func (s *store) redeem(request op.TokenRequest) (grant, error) {
	s.sweep()
	switch r := request.(type) {
	case *authRequest:
		stored, err := s.request(r.id)
		if err != nil || stored.codeUsed {
			return grant{}, oidc.ErrInvalidGrant().WithDescription("the code was used before")
		}
		stored.codeUsed = true
		s.requests[r.id] = *stored
		return stored.grant, nil
	case *op.DeviceAuthorizationState:
		d := s.deviceOf(r)
		if d == nil || d.used {
			return grant{}, oidc.ErrInvalidGrant().WithDescription("the device code was used before")
		}
		d.used = true
		return d.grant, nil
	case *refreshRequest:
		return r.grant, nil
	case *devRequest:
		return r.grant, nil
	}
	return grant{}, oidc.ErrUnsupportedGrantType()
}

// issue registers an access token. The caller holds the lock.
func (s *store) issue(g grant, ttl time.Duration) (id string, expires time.Time) {
	id, expires = rand.Text(), s.now().Add(ttl)
	s.access[id] = accessToken{grant: g, expires: expires}
	return id, expires
}

// refreshable finds a refresh token that is good, and ends the session of one that
// was used before. The caller holds the lock.
func (s *store) refreshable(token string) (refreshToken, error) {
	t, ok := s.refresh[token]
	if !ok || !s.alive(t.session) {
		return refreshToken{}, op.ErrInvalidRefreshToken
	}
	if t.used {
		delete(s.sessions, t.session)
		return refreshToken{}, errors.New("the refresh token was used before: its session has ended")
	}
	return t, nil
}

func (s *store) alive(session string) bool {
	ends, ok := s.sessions[session]
	return ok && s.now().Before(ends)
}

func (s *store) TokenRequestByRefreshToken(_ context.Context, token string) (op.RefreshTokenRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.refreshable(token)
	if err != nil {
		return nil, err
	}
	return &refreshRequest{grant: t.grant}, nil
}

// GetRefreshTokenInfo tells whose refresh token this is. Token and id are the same.
func (s *store) GetRefreshTokenInfo(_ context.Context, _, token string) (userID, tokenID string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.refresh[token]
	if !ok {
		return "", "", op.ErrInvalidRefreshToken
	}
	return t.subject, token, nil
}

// RevokeToken ends an access token, or with a refresh token its whole session
// (RFC 7009, section 2.1). An unknown token is as good as revoked.
func (s *store) RevokeToken(_ context.Context, token, _, clientID string) *oidc.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.refresh[token]; ok {
		if t.client != clientID {
			return oidc.ErrInvalidClient().WithDescription("the token belongs to another client")
		}
		delete(s.sessions, t.session)
	}
	if t, ok := s.access[token]; ok {
		if t.client != clientID {
			return oidc.ErrInvalidClient().WithDescription("the token belongs to another client")
		}
		delete(s.access, token)
	}
	return nil
}

// ---- Signing out

// TerminateSessionFromRequest ends the session that the ID token names. Without one
// there is nothing to end, since the provider keeps no cookie.
func (s *store) TerminateSessionFromRequest(_ context.Context, r *op.EndSessionRequest) (string, error) {
	if r.IDTokenHintClaims != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.sessions, r.IDTokenHintClaims.SessionID)
	}
	return r.RedirectURI, nil
}

// TerminateSession ends every session of a user with a client.
func (s *store) TerminateSession(_ context.Context, userID, clientID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.refresh {
		if t.subject == userID && t.client == clientID {
			delete(s.sessions, t.session)
		}
	}
	return nil
}

// ---- Claims

// GetPrivateClaimsFromRequest adds scope (RFC 9068, section 2.2.3) and sid to an
// access token.
func (s *store) GetPrivateClaimsFromRequest(_ context.Context, request op.TokenRequest, _ []string) (map[string]any, error) {
	return map[string]any{
		"scope": strings.Join(request.GetScopes(), " "),
		"sid":   s.sessionOf(request),
	}, nil
}

// SetUserinfoFromRequest fills an ID token. The sid is what a later logout names.
func (s *store) SetUserinfoFromRequest(_ context.Context, info *oidc.UserInfo, request op.IDTokenRequest, scopes []string) error {
	u, ok := userByID(request.GetSubject())
	if !ok {
		return fmt.Errorf("no user %q", request.GetSubject())
	}
	u.describe(info, scopes)
	info.AppendClaims("sid", s.sessionOf(request))
	return nil
}

func (s *store) sessionOf(request any) string {
	switch r := request.(type) {
	case *authRequest:
		return r.session
	case *refreshRequest:
		return r.session
	case *devRequest:
		return r.session
	case *op.DeviceAuthorizationState:
		s.mu.Lock()
		defer s.mu.Unlock()
		if d := s.deviceOf(r); d != nil {
			return d.session
		}
	}
	return ""
}

// SetUserinfoFromToken answers /userinfo for a token that is alive.
func (s *store) SetUserinfoFromToken(_ context.Context, info *oidc.UserInfo, tokenID, _, _ string) error {
	t, err := s.live(tokenID)
	if err != nil {
		return err
	}
	u, ok := userByID(t.subject)
	if !ok {
		return oidc.ErrAccessDenied().WithDescription("no such user")
	}
	u.describe(info, t.scopes)
	return nil
}

// SetIntrospectionFromToken answers /oauth/introspect for a token that is alive, to
// a client it was meant for.
func (s *store) SetIntrospectionFromToken(_ context.Context, answer *oidc.IntrospectionResponse, tokenID, _, clientID string) error {
	t, err := s.live(tokenID)
	if err != nil {
		return err
	}
	if t.client != clientID {
		return errors.New("the token belongs to another client")
	}
	answer.Subject, answer.ClientID, answer.Scope = t.subject, t.client, t.scopes
	answer.Audience, answer.Expiration = t.audience, oidc.FromTime(t.expires)
	return nil
}

func (s *store) live(tokenID string) (accessToken, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.access[tokenID]
	if !ok || s.now().After(t.expires) || !s.alive(t.session) {
		return accessToken{}, oidc.ErrAccessDenied().WithDescription("the token has expired or was revoked")
	}
	return t, nil
}

// SetUserinfoFromScopes is the library's older way to ask; SetUserinfoFromRequest answers.
func (s *store) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

// GetPrivateClaimsFromScopes is the library's older way to ask; GetPrivateClaimsFromRequest answers.
func (s *store) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

// ---- Clients and keys

func (s *store) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	c, ok := s.clients[id]
	if !ok {
		return nil, oidc.ErrInvalidClient().WithDescription("unknown client")
	}
	return c, nil
}

func (s *store) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	c, ok := s.clients[id]
	if !ok || c.secret == "" || subtle.ConstantTimeCompare([]byte(c.secret), []byte(secret)) != 1 {
		return errors.New("unknown client or wrong secret")
	}
	return nil
}

func (s *store) SigningKey(context.Context) (op.SigningKey, error) { return s.keys.signing(), nil }
func (s *store) KeySet(context.Context) ([]op.Key, error)          { return s.keys.public(), nil }
func (s *store) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256}, nil
}

// GetKeyByIDAndClientID refuses: no client here signs its own assertions.
func (s *store) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errors.New("client assertions (RFC 7523) are not accepted here: use the client secret")
}

// ValidateJWTProfileScopes refuses the assertion grant, for the same reason.
func (s *store) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, oidc.ErrUnsupportedGrantType()
}

func (s *store) Health(context.Context) error { return nil }

// sweep forgets once a minute what has expired. The caller holds the lock.
func (s *store) sweep() {
	now := s.now()
	if now.Before(s.sweepAt) {
		return
	}
	s.sweepAt = now.Add(time.Minute)
	maps.DeleteFunc(s.sessions, func(_ string, ends time.Time) bool { return now.After(ends) })
	maps.DeleteFunc(s.requests, func(_ string, r authRequest) bool { return now.After(r.expires) })
	maps.DeleteFunc(s.codes, func(_, id string) bool { _, ok := s.requests[id]; return !ok })
	maps.DeleteFunc(s.access, func(_ string, t accessToken) bool { return now.After(t.expires) })
	maps.DeleteFunc(s.refresh, func(_ string, t refreshToken) bool { return !s.alive(t.session) })
	maps.DeleteFunc(s.devices, func(_ string, d *device) bool { return now.After(d.state.Expires.Add(signInLifetime)) })
}
