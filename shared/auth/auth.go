// Package auth turns the credential of a request into an identity, or says
// exactly why it does not.
//
// The only credential is an access token: a signed JWT (RFC 9068), shown as
// Authorization: Bearer (RFC 6750 §2.1). Tokens in the query or in a form are
// never looked at. A [Verifier] checks, in this order: the header's form, the
// token's length, its algorithm against an allow-list, header members that
// would let a token choose its own key, the issuer, the signature, and then the
// claims: audience, expiry, not-before, authorised party. Nothing the token
// says is believed before its signature is.
//
// An ID token is not an access token. Where the provider marks access tokens
// with typ at+jwt, [Issuer.StrictType] demands it; elsewhere a token that
// carries nonce, at_hash or c_hash is refused, and so is one without jti or a
// client. HMAC algorithms do not exist here, so no public key can be taken for
// a shared secret.
//
// Keys come from each issuer's JWK set, which [KeySets] keeps: it outlives
// configurations, never delays a start, and keeps serving the last good set
// while the provider is down. A key is taken for the one algorithm family that
// it is made for. A single JWK is read by MicahParks/jwkset, with its public
// members only: it checks points against their curves, and left to itself it
// would follow x5u. Its own HTTP storage and keyfunc on top of it are not used:
// there a set is as good as its worst key, and requests with unknown key ids
// queue behind a rate limiter instead of failing at once.
//
// A [Policy] says what a route demands of the identity. Verified tokens are
// not remembered: each request pays for its signature.
package auth
