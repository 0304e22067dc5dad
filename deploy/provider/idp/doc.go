// Package idp is an OpenID provider for the demo and for tests: real protocols,
// real signatures, and no passwords.
//
// The protocol endpoints are those of github.com/zitadel/oidc (pkg/op). What the
// library leaves to its user is here: who may sign in (users.go), which
// applications may ask (clients.go), the memory of codes, tokens and pairings
// (store.go, device.go), the signing keys (keys.go), the two pages a person sees
// (pages.go) and two endpoints for developers (dev.go).
//
// It is strict where a gateway's mistakes would otherwise stay hidden:
//
//   - PKCE with S256 is demanded from every client, confidential or not (RFC 9700, section 2.1.1);
//   - an authorization code, a device code and a refresh token are good for one use.
//     A second use of a code or of a refresh token ends the whole session (RFC 9700, section 4.14.2);
//   - a device that polls too fast is told slow_down (RFC 8628, section 3.5);
//   - access tokens are JWTs with jti, client_id, scope and sid; after a rotation the
//     previous key is still served, after a second one it is gone.
//
// Everybody who can reach it can be anybody: it belongs on the loopback interface
// only, and answers no other host name than its own. It does not announce or send
// back-channel logout. Each sign-in is a session of its own: there is no
// single-sign-on cookie, so prompt=none is always answered with login_required.
package idp
