package auth

import (
	"net/http"
	"strings"

	"github.com/triptych-bff/triptych/shared/problem"
)

// bearer is the token of the Authorization header (RFC 6750 §2.1), or "" where
// there is no such header. Everything but exactly one well-formed bearer token
// is a problem.
func bearer(h http.Header, realm string) (string, error) {
	values := h["Authorization"]
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 {
		return "", invalidRequest(realm, "more than one Authorization header")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", unauthenticated(realm, "the only accepted scheme is Bearer")
	}
	token = strings.TrimLeft(token, " ")
	if !b64token(token) {
		return "", invalidRequest(realm, "the Authorization header is not Bearer and one token")
	}
	return token, nil
}

// b64token reports whether s has the form that RFC 6750 §2.1 gives tokens.
// Among what it excludes are the line breaks that base64 decoders skip.
func b64token(s string) bool {
	body := strings.TrimRight(s, "=")
	for i := range len(body) {
		switch c := body[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '.', c == '_', c == '~', c == '+', c == '/':
		default:
			return false
		}
	}
	return body != ""
}

// challenge is a WWW-Authenticate header (RFC 6750 §3): the realm, then pairs of
// name and value. Values are our own texts, or were checked with [quotable].
func challenge(realm string, pairs ...string) http.Header {
	var b strings.Builder
	b.WriteString(`Bearer realm="` + realm + `"`)
	for i := 0; i+1 < len(pairs); i += 2 {
		b.WriteString(`, ` + pairs[i] + `="` + pairs[i+1] + `"`)
	}
	h := make(http.Header, 1)
	h.Set("WWW-Authenticate", b.String())
	return h
}

// invalidRequest is for a header that cannot be read: 400, as RFC 6750 §3.1 has it.
func invalidRequest(realm, detail string) *problem.Problem {
	p := problem.BadRequest.New(detail)
	p.Header = challenge(realm, "error", "invalid_request", "error_description", detail)
	return p
}

// unauthenticated is for requests without a usable credential. It has no error
// code: nothing was wrong with what was not sent (RFC 6750 §3.1).
func unauthenticated(realm, detail string) *problem.Problem {
	p := problem.Unauthenticated.New(detail)
	p.Header = challenge(realm)
	return p
}

// invalidToken is for a token that is not accepted.
func invalidToken(realm, detail string, cause error) *problem.Problem {
	p := problem.InvalidToken.Wrap(cause, detail)
	p.Header = challenge(realm, "error", "invalid_token", "error_description", detail)
	return p
}
