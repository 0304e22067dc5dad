package auth

// A refusal is a reason not to accept a token. Its text is sent to the client,
// in a quoted string: no quotes, no backslashes, nothing the token said.
type refusal struct {
	reason string // the metric's label
	text   string
}

// Error is the reason: the text stands beside it wherever both are written.
func (r *refusal) Error() string { return r.reason }

var (
	errTooLong     = &refusal{"too-long", "the token is longer than 16384 bytes"}
	errMalformed   = &refusal{"malformed", "the token is not a JWT in compact form"}
	errClaims      = &refusal{"malformed", "the claims of the token are malformed"}
	errAlgorithm   = &refusal{"algorithm", "the signature algorithm of the token is not accepted"}
	errCritical    = &refusal{"header", "the token demands extensions that are not supported"}
	errOwnKey      = &refusal{"header", "the token brings or names its own key"}
	errType        = &refusal{"type", "the token is not an access token"}
	errIssuer      = &refusal{"issuer", "the issuer of the token is not accepted"}
	errNoKeyID     = &refusal{"key", "the token does not say by which key it is signed"}
	errUnknownKey  = &refusal{"key", "the key that signed the token is not known"}
	errSignature   = &refusal{"signature", "the signature of the token does not fit"}
	errExpired     = &refusal{"expired", "the token has expired"}
	errNoExpiry    = &refusal{"expired", "the token has no expiry"}
	errNotYetValid = &refusal{"not-yet-valid", "the token is not valid yet"}
	errAudience    = &refusal{"audience", "the token is not meant for this service"}
	errIDToken     = &refusal{"type", "an ID token is not an access token"}
	errIncomplete  = &refusal{"incomplete", "the token lacks sub, jti or client_id"}
	errClient      = &refusal{"client", "the token was issued to an app that is not accepted here"}
)
