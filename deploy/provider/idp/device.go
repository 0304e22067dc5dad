package idp

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// A device is one pairing (RFC 8628): a code on a screen, waiting for a person with
// a keyboard. state is replaced, never changed: the library reads it without a lock.
type device struct {
	grant
	userCode string
	state    *op.DeviceAuthorizationState
	lastPoll time.Time
	used     bool
}

// StoreDeviceAuthorization begins a pairing. Scopes that the client may not ask for
// are left out, as the authorization endpoint does.
func (s *store) StoreDeviceAuthorization(_ context.Context, clientID, deviceCode, userCode string, expires time.Time, scopes []string) error {
	c := s.clients[clientID]
	scopes = slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool {
		standard := slices.Contains([]string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail, oidc.ScopeOfflineAccess}, scope)
		return !standard && !c.IsScopeAllowed(scope)
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	if s.deviceByUserCode(userCode) != nil {
		return op.ErrDuplicateUserCode
	}
	s.devices[deviceCode] = &device{
		grant:    grant{client: clientID, audience: c.audiences(), scopes: scopes},
		userCode: userCode,
		state:    &op.DeviceAuthorizationState{ClientID: clientID, Audience: c.audiences(), Scopes: scopes, Expires: expires},
	}
	return nil
}

// GetDeviceAuthorizatonState answers one poll. [context.DeadlineExceeded] is the
// library's sign for slow_down. A used or unknown code is an error, which the
// library reports as access_denied.
func (s *store) GetDeviceAuthorizatonState(_ context.Context, clientID, deviceCode string) (*op.DeviceAuthorizationState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.devices[deviceCode]
	if d == nil || d.used || d.client != clientID {
		return nil, errors.New("the device code is unknown or was used before")
	}
	now := s.now()
	early := now.Sub(d.lastPoll) < s.pollEvery
	d.lastPoll = now
	if early {
		return nil, context.DeadlineExceeded
	}
	return d.state, nil
}

// decide records what the person in front of the form wants: to pair the device
// with this user, or not at all.
func (s *store) decide(userCode, userID string, allow bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.deviceByUserCode(userCode)
	if d == nil || d.state.Done || d.state.Denied || s.now().After(d.state.Expires) {
		return errors.New("there is no device waiting with this code: it may have expired, look at the screen again")
	}
	next := *d.state
	if allow {
		d.subject, d.signedIn, d.session = userID, s.now(), s.begin()
		next.Done, next.Subject, next.AuthTime = true, userID, s.now()
	} else {
		next.Denied = true
	}
	d.state = &next
	return nil
}

// deviceByUserCode forgives what people do when they type a code from a screen:
// lower case, blanks, a missing dash. The caller holds the lock.
func (s *store) deviceByUserCode(code string) *device {
	code = plainCode(code)
	for _, d := range s.devices {
		if plainCode(d.userCode) == code {
			return d
		}
	}
	return nil
}

func plainCode(code string) string {
	return strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(code))
}

// deviceOf finds the pairing that a state belongs to. The caller holds the lock.
func (s *store) deviceOf(state *op.DeviceAuthorizationState) *device {
	for _, d := range s.devices {
		if d.state == state {
			return d
		}
	}
	return nil
}
