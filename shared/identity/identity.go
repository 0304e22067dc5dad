// Package identity says who is calling, as a value.
//
// An [Identity] is made once, by the package that has verified the credential,
// and is read-only from then on. It travels in the request's context.
package identity

import (
	"context"
	"slices"
	"time"
)

// An Identity is a caller whose credential has been verified.
type Identity struct {
	Subject string    // who: the user
	Client  string    // through what: the app (client_id, RFC 9068 §2.2)
	Issuer  string    // who says so
	Scopes  []string  // what the caller may do, as granted
	Expires time.Time // when the credential ends
	Proof   Proof     // how it was proved
	Claims  []byte    // everything the issuer says, as one JSON object; not to be changed
}

// Proof is how a caller has proved who it is. The zero value is [None].
type Proof uint8

// The proofs.
const (
	None   Proof = iota // not at all
	Bearer              // by showing a token that works for whoever holds it (RFC 6750)
)

// String is the proof's name in logs.
func (p Proof) String() string {
	if p == Bearer {
		return "bearer"
	}
	return "none"
}

// Has reports whether the caller was granted the scope.
func (id *Identity) Has(scope string) bool {
	return id != nil && slices.Contains(id.Scopes, scope)
}

type contextKey struct{}

// NewContext is ctx with the caller's identity.
func NewContext(ctx context.Context, id *Identity) context.Context {
	return context.WithValue(ctx, contextKey{}, id)
}

// FromContext is the identity of the caller, or nil for an anonymous one.
func FromContext(ctx context.Context) *Identity {
	id, _ := ctx.Value(contextKey{}).(*Identity)
	return id
}
