package idp

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"
)

// maxDevTTL bounds what a developer can ask for.
const maxDevTTL = 24 * time.Hour

// A devRequest asks for an access token without anybody signing in.
type devRequest struct {
	grant
	ttl time.Duration
}

// devToken answers POST /dev/token: an access token, alone, as text. The form says
// for which application (client=mobile, web or tv), as whom (as=ada), and if wished
// for how long (ttl=10m; a negative one gives a token that has expired already) and
// with which scopes (scope=films:read; all of them by default).
//
// The token is made by the same library function as every other token.
func (p *Provider) devToken(w http.ResponseWriter, r *http.Request) {
	request, c, err := p.parseDevToken(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	ctx := op.ContextWithIssuer(r.Context(), p.issuer)
	token, _, _, err := op.CreateAccessToken(ctx, request, op.AccessTokenTypeJWT, p.op, c, "")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, token)
}

func (p *Provider) parseDevToken(r *http.Request) (*devRequest, *client, error) {
	var aliases []string
	var c *client
	for _, known := range clients() {
		aliases = append(aliases, known.alias)
		if known.alias == r.FormValue("client") {
			c = p.store.clients[known.id]
		}
	}
	if c == nil {
		return nil, nil, fmt.Errorf("client %q is unknown: take one of %s", r.FormValue("client"), strings.Join(aliases, ", "))
	}
	if _, ok := userByID(r.FormValue("as")); !ok {
		return nil, nil, fmt.Errorf("user %q is unknown: take one of %s", r.FormValue("as"), strings.Join(userIDs(), ", "))
	}
	ttl, err := parseTTL(r.FormValue("ttl"), p.store.accessTTL)
	if err != nil {
		return nil, nil, err
	}
	scopes, err := parseScopes(r.FormValue("scope"))
	if err != nil {
		return nil, nil, err
	}
	return &devRequest{
		grant: p.store.devGrant(c, r.FormValue("as"), scopes),
		ttl:   ttl,
	}, c, nil
}

func (s *store) devGrant(c *client, userID string, scopes []string) grant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return grant{
		session: s.begin(), subject: userID, client: c.id,
		audience: c.audiences(), scopes: scopes, signedIn: s.now(),
	}
}

func userIDs() []string {
	var ids []string
	for _, u := range users() {
		ids = append(ids, u.ID)
	}
	return ids
}

func parseTTL(text string, byDefault time.Duration) (time.Duration, error) {
	if text == "" {
		return byDefault, nil
	}
	ttl, err := time.ParseDuration(text)
	if err != nil || ttl > maxDevTTL || ttl < -maxDevTTL {
		return 0, fmt.Errorf("ttl %q: want a duration such as 10m, at most %s", text, maxDevTTL)
	}
	return ttl, nil
}

func parseScopes(text string) ([]string, error) {
	if text == "" {
		return resourceScopes(), nil
	}
	scopes := strings.Fields(text)
	for _, scope := range scopes {
		if !slices.Contains(resourceScopes(), scope) {
			return nil, fmt.Errorf("scope %q is unknown: take from %s", scope, strings.Join(resourceScopes(), ", "))
		}
	}
	return scopes, nil
}

// devRotate answers POST /dev/rotate: new tokens are signed with a new key.
func (p *Provider) devRotate(w http.ResponseWriter, _ *http.Request) {
	if err := p.store.keys.rotate(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, p.store.keys.signing().id)
}
