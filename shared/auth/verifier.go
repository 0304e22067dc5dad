package auth

import (
	"context"
	"crypto"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/triptych-bff/triptych/shared/identity"
	"github.com/triptych-bff/triptych/shared/problem"
)

const (
	// maxToken bounds the work that an unauthenticated request can cause.
	maxToken = 16384
	// leeway is how far the provider's clock may be from ours.
	leeway = 30 * time.Second
)

// A Verifier checks credentials by one configuration. It is safe for use by many
// goroutines. What it remembers of tokens ends with it; what changes with time
// beside that is in its [KeySets].
type Verifier struct {
	realm   string
	keys    *KeySets
	parser  *jwt.Parser
	issuers []*issuer
	memory  *memory

	accepted prometheus.Counter
}

// issuer is what is known of one provider when the verifier is built.
type issuer struct {
	Issuer
	allowed   []string
	keys      *keySet
	validator *jwt.Validator
}

// NewVerifier is a verifier for the configuration, which has been validated.
// Nothing is fetched: keys are, when the first token needs one, or by
// [Verifier.Warm].
func NewVerifier(c Config, keys *KeySets) *Verifier {
	v := &Verifier{realm: c.Realm, keys: keys, memory: newMemory(keys.now), accepted: keys.metrics.tokens.WithLabelValues("accepted")}
	var methods []string
	for _, i := range c.Issuers {
		methods = append(methods, i.allowed()...)
		v.issuers = append(v.issuers, &issuer{
			Issuer:  i,
			allowed: i.allowed(),
			keys:    keys.set(i.Issuer, i.JWKS),
			validator: jwt.NewValidator(
				jwt.WithIssuer(i.Issuer),
				jwt.WithAudience(i.Audience),
				jwt.WithExpirationRequired(),
				jwt.WithLeeway(leeway),
				jwt.WithTimeFunc(keys.now),
			),
		})
	}
	// Claims are validated by the issuer's own rules, once the signature is.
	v.parser = jwt.NewParser(jwt.WithValidMethods(methods), jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation())
	return v
}

// Realm is the protection space, as challenges name it.
func (v *Verifier) Realm() string { return v.realm }

// Warm begins to fetch the keys of every issuer that has none yet, so that the
// first request need not wait for them. It does not wait, and cannot fail.
func (v *Verifier) Warm() {
	for _, i := range v.issuers {
		i.keys.warm()
	}
}

// Authenticate is the identity behind the request's headers. Without a
// credential there is none, and no error: whether that will do is for the
// route's [Policy] to say. An error is a [*problem.Problem]:
//
//   - 400 bad-request: two Authorization headers, or one that cannot be read;
//   - 401 unauthenticated: a scheme other than Bearer;
//   - 401 invalid-token: a token that is not accepted, and why;
//   - 502 unreachable: the issuer's keys could not be fetched, so the token can
//     be neither accepted nor refused. It is no 401, because to that a client
//     answers by throwing a good token away. A caller that did not wait for
//     them gets what [problem.From] makes of its context's error.
//
// Those with 400 and 401 have a WWW-Authenticate header (RFC 6750 §3).
func (v *Verifier) Authenticate(ctx context.Context, h http.Header) (*identity.Identity, error) {
	token, err := bearer(h, v.realm)
	if err != nil {
		v.keys.metrics.tokens.WithLabelValues("request").Inc()
		return nil, err
	}
	if token == "" {
		return nil, nil
	}
	hash := tokenHash(sha256.Sum256([]byte(token)))
	id := v.memory.find(ctx, hash)
	if id == nil {
		a, err := v.verify(ctx, token)
		if err != nil {
			return nil, v.problem(ctx, err)
		}
		v.memory.keep(hash, a)
		id = a.identity
	}
	v.accepted.Inc()
	return id, nil
}

// verify is the whole check of one token.
func (v *Verifier) verify(ctx context.Context, token string) (*accepted, error) {
	if len(token) > maxToken {
		return nil, errTooLong
	}
	c := new(claims)
	var i *issuer
	var keys *published
	parsed, err := v.parser.ParseWithClaims(token, c, func(t *jwt.Token) (key any, err error) {
		if i, err = v.issuer(c.issuer); err != nil {
			return nil, err
		}
		keys, key, err = i.key(ctx, t)
		return key, err
	})
	if err != nil {
		return nil, v.parseError(parsed, err)
	}
	if err := i.validator.Validate(c); err != nil {
		return nil, claimsError(c, err)
	}
	if err := i.accept(c, parsed.Header); err != nil {
		return nil, err
	}
	id := &identity.Identity{
		Subject: c.subject, Client: c.client(), Issuer: c.issuer, Scopes: c.scopes,
		Expires: c.expires.Time, Proof: identity.Bearer, Claims: c.raw,
	}
	return &accepted{id, i, keys}, nil
}

// issuer is the configured issuer that the token, not yet verified, claims to
// be from. So the token chooses among what is configured, and nothing more.
func (v *Verifier) issuer(name string) (*issuer, error) {
	for _, i := range v.issuers {
		if i.Issuer.Issuer == name {
			return i, nil
		}
	}
	return nil, errIssuer
}

// key is the key that must have signed the token, and the set that it is of, once
// the token's header is found acceptable.
func (i *issuer) key(ctx context.Context, t *jwt.Token) (*published, crypto.PublicKey, error) {
	if err := i.checkHeader(t.Header); err != nil {
		return nil, nil, err
	}
	alg := t.Method.Alg()
	if !slices.Contains(i.allowed, alg) {
		return nil, nil, errAlgorithm
	}
	kid, _ := t.Header["kid"].(string)
	if kid == "" {
		return nil, nil, errNoKeyID
	}
	return i.keys.key(ctx, kid, alg)
}

// checkHeader refuses what golang-jwt passes over. crit and b64 change what is
// signed or what must be understood (RFC 7515 §4.1.11, RFC 7797); the others
// would let the token bring its key, which is what a forger does.
func (i *issuer) checkHeader(header map[string]any) error {
	for _, name := range [...]string{"crit", "b64", "zip"} {
		if _, has := header[name]; has {
			return errCritical
		}
	}
	for _, name := range [...]string{"jwk", "jku", "x5u", "x5c"} {
		if _, has := header[name]; has {
			return errOwnKey
		}
	}
	typ, has := header["typ"]
	if name, isText := typ.(string); has && (!isText || !accessType(name) && !strings.EqualFold(name, "JWT")) {
		return errType
	}
	if i.StrictType && !isAccessToken(header) {
		return errType
	}
	return nil
}

// isAccessToken reports whether the header says so (RFC 9068 §2.1).
func isAccessToken(header map[string]any) bool {
	name, _ := header["typ"].(string)
	return accessType(name)
}

func accessType(typ string) bool {
	return strings.EqualFold(typ, "at+jwt") || strings.EqualFold(typ, "application/at+jwt")
}

// accept is the last step: rules that no library knows.
func (i *issuer) accept(c *claims, header map[string]any) error {
	switch {
	case c.idToken && !isAccessToken(header):
		return errIDToken
	case c.subject == "" || c.id == "" || c.clientID == "" && c.azp == "":
		return errIncomplete
	case !slices.Contains(i.Clients, c.client()):
		return errClient
	default:
		return nil
	}
}

// parseError says in our words why golang-jwt did not accept a token.
func (v *Verifier) parseError(t *jwt.Token, err error) error {
	var known *refusal
	var down *unavailableError
	switch {
	case errors.As(err, &known), errors.As(err, &down):
		return err
	case errors.Is(err, jwt.ErrTokenMalformed):
		return fmt.Errorf("%w: %w", errMalformed, err)
	case t == nil || t.Method == nil || errors.Is(v.allowedMethod(t), errAlgorithm):
		return fmt.Errorf("%w: %w", errAlgorithm, err)
	default:
		return fmt.Errorf("%w: %w", errSignature, err)
	}
}

func (v *Verifier) allowedMethod(t *jwt.Token) error {
	for _, i := range v.issuers {
		if slices.Contains(i.allowed, t.Method.Alg()) {
			return nil
		}
	}
	return errAlgorithm
}

// claimsError is the first thing wrong with the claims of a token that the
// issuer did sign.
func claimsError(c *claims, err error) error {
	if c.expires == nil {
		return errNoExpiry
	}
	for _, known := range [...]struct{ theirs, ours error }{
		{jwt.ErrTokenInvalidIssuer, errIssuer},
		{jwt.ErrTokenInvalidAudience, errAudience},
		{jwt.ErrTokenExpired, errExpired},
		{jwt.ErrTokenNotValidYet, errNotYetValid},
	} {
		if errors.Is(err, known.theirs) {
			return fmt.Errorf("%w: %w", known.ours, err)
		}
	}
	return fmt.Errorf("%w: %w", errAudience, err) // the only other claim that is required
}

// problem is what the client sees of an error.
func (v *Verifier) problem(ctx context.Context, err error) *problem.Problem {
	var down *unavailableError
	if errors.As(err, &down) {
		v.keys.metrics.tokens.WithLabelValues("unavailable").Inc()
		if ctx.Err() != nil { // it was the caller who did not wait
			return problem.From(ctx.Err())
		}
		p := problem.Unreachable.Wrap(err, "the keys of the token's issuer cannot be fetched; the token may be good, so keep it and try again")
		p.RetryAfter = max(down.retry, time.Second)
		return p
	}
	known := errMalformed
	errors.As(err, &known)
	v.keys.metrics.tokens.WithLabelValues(known.reason).Inc()
	return invalidToken(v.realm, known.text, err)
}
