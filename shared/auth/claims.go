package auth

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
)

// claims are what a token says, as far as it is checked here, beside all of it
// as it was written. Names are compared exactly, unlike encoding/json compares
// struct fields: a provider that lets users add a claim "Scope" grants nothing.
type claims struct {
	raw []byte

	issuer, subject, id string
	clientID, azp       string
	audience            jwt.ClaimStrings
	scopes              []string
	expires, notBefore  *jwt.NumericDate
	idToken             bool // has a claim that only ID tokens have
}

// The methods of [jwt.Claims].
func (c *claims) GetIssuer() (string, error)                   { return c.issuer, nil }
func (c *claims) GetSubject() (string, error)                  { return c.subject, nil }
func (c *claims) GetAudience() (jwt.ClaimStrings, error)       { return c.audience, nil }
func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.expires, nil }
func (c *claims) GetNotBefore() (*jwt.NumericDate, error)      { return c.notBefore, nil }
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)       { return nil, nil } // not checked: RFC 7519 §4.1.6 demands nothing of it

// client is the app that the token was issued to: client_id (RFC 9068 §2.2), or
// azp where a provider knows only OpenID Connect's name. It is "" where there is
// none, or where there are two that differ.
func (c *claims) client() string {
	switch {
	case c.clientID == "":
		return c.azp
	case c.azp != "" && c.azp != c.clientID:
		return ""
	default:
		return c.clientID
	}
}

// maxClaims bounds the search for claims that stand twice.
const maxClaims = 128

// UnmarshalJSON reads the claims of a token. A claim that stands twice is a
// fault: whoever reads the raw claims later might take the other one.
func (c *claims) UnmarshalJSON(data []byte) error {
	if !utf8.Valid(data) || data[0] != '{' {
		return errClaims
	}
	*c = claims{raw: bytes.Clone(data)}
	seen := make([]string, 0, 16)
	for name, value := range members(c.raw) {
		claim, ok := text(name)
		if !ok || len(seen) == maxClaims || slices.Contains(seen, claim) || !c.set(claim, value) {
			return errClaims
		}
		seen = append(seen, claim)
	}
	return nil
}

// set takes one claim. It reports whether the value has the type that the
// claim's definition gives it.
func (c *claims) set(name string, value []byte) (ok bool) {
	switch name {
	case "iss":
		c.issuer, ok = text(value)
	case "sub":
		c.subject, ok = text(value)
	case "jti":
		c.id, ok = text(value)
	case "client_id":
		c.clientID, ok = text(value)
	case "azp":
		c.azp, ok = text(value)
	case "aud":
		c.audience, ok = texts(value)
	case "exp":
		c.expires, ok = date(value)
	case "nbf":
		c.notBefore, ok = date(value)
	case "scope":
		c.scopes, ok = scopes(value)
	case "nonce", "at_hash", "c_hash":
		c.idToken, ok = true, true
	default:
		ok = true
	}
	return ok
}

// text reads a string. One that is written plainly needs no decoder.
func text(value []byte) (string, bool) {
	if value[0] != '"' {
		return "", false
	}
	if bytes.IndexByte(value, '\\') < 0 {
		return string(value[1 : len(value)-1]), true
	}
	var s string
	return s, json.Unmarshal(value, &s) == nil
}

// texts reads a string, or an array of strings.
func texts(value []byte) ([]string, bool) {
	if value[0] != '[' {
		s, ok := text(value)
		return []string{s}, ok
	}
	var elements []json.RawMessage
	if json.Unmarshal(value, &elements) != nil {
		return nil, false
	}
	all := make([]string, len(elements))
	for i, element := range elements {
		var ok bool
		if all[i], ok = text(element); !ok {
			return nil, false
		}
	}
	return all, true
}

// scopes reads a list with spaces between its values (RFC 8693 §4.2), or the
// array of strings that some providers write.
func scopes(value []byte) ([]string, bool) {
	all, ok := texts(value)
	if value[0] == '"' {
		return strings.Fields(all[0]), ok
	}
	return all, ok
}

// lastSecond is the end of the year 9999. A date beyond it is no date, and far
// beyond it a conversion to nanoseconds would wrap around.
const lastSecond = 253402300799

// date reads a NumericDate (RFC 7519 §2): a number, never one in quotes.
func date(value []byte) (*jwt.NumericDate, bool) {
	seconds, err := strconv.ParseFloat(string(value), 64)
	if err != nil || !(seconds >= 0 && seconds <= lastSecond) {
		return nil, false
	}
	return jwt.NewNumericDate(time.Unix(int64(seconds), 0)), true
}
