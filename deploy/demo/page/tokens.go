package page

import (
	"context"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// early is how long before its end a token is not used any more.
const early = 30 * time.Second

// tokens keeps an access token for each owner until shortly before it expires.
type tokens struct {
	mint func(ctx context.Context, client, user string) (string, error)
	now  func() time.Time

	mu   sync.Mutex
	kept map[owner]token // devices times users: few
}

// An owner is a user on a device.
type owner struct{ client, user string }

type token struct {
	text  string
	until time.Time
}

func (t *tokens) of(ctx context.Context, o owner) (string, error) {
	t.mu.Lock()
	kept := t.kept[o]
	t.mu.Unlock()
	if t.now().Before(kept.until) {
		return kept.text, nil
	}
	text, err := t.mint(ctx, o.client, o.user)
	if err != nil {
		return "", err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept[o] = token{text, expiry(text).Add(-early)}
	return text, nil
}

// forget drops a token that a gateway does not take.
func (t *tokens) forget(o owner) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.kept, o)
}

// expiry is when a token says that it ends: long ago if it does not say. That it is
// genuine is for the gateway to find out.
func expiry(text string) time.Time {
	var claims jwt.RegisteredClaims
	if _, _, err := jwt.NewParser().ParseUnverified(text, &claims); err != nil || claims.ExpiresAt == nil {
		return time.Time{}
	}
	return claims.ExpiresAt.Time
}
