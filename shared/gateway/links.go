package gateway

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/triptych-bff/triptych/shared/aggregation"
	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/identity"
	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/routing"
	"github.com/triptych-bff/triptych/shared/signed"
)

// LinksConfig is how repair links are signed. The zero value signs with keys of this
// process for five minutes.
type LinksConfig struct {
	Keys []config.Secret `config:"keys" doc:"Secrets of at least 32 bytes: the first signs links, and what any of them has signed is accepted. Without any, this process signs with a random one: no other replica accepts its links, and after a restart it does not either."`
	For  time.Duration   `config:"for" default:"5m" doc:"How long a link is good."`
}

const (
	initialLinkLife = 5 * time.Minute
	longestLinkLife = 24 * time.Hour
)

// Validate implements [config.Validator].
func (c *LinksConfig) Validate(check *config.Check) {
	for i, key := range c.Keys {
		if n := len(key.Reveal()); n < signed.MinSecret {
			check.Fault(config.Key("keys", i), "has %d bytes; expected at least %d", n, signed.MinSecret)
		}
	}
	if c.For < time.Second || c.For > longestLinkLife {
		check.Fault("for", "must be from 1s to %s", longestLinkLife)
	}
}

// links makes the links that fetch one member of an answer again, and knows its own.
type links struct {
	keys *signed.Keys
	life time.Duration
	now  func() time.Time
}

// newLinks signs with random where no key is configured.
func newLinks(c LinksConfig, random *signed.Keys, now func() time.Time) (*links, error) {
	l := &links{keys: random, life: c.For, now: now}
	if l.life == 0 {
		l.life = initialLinkLife
	}
	if len(c.Keys) == 0 {
		return l, nil
	}
	secrets := make([][]byte, len(c.Keys))
	for i, key := range c.Keys {
		secrets[i] = []byte(key.Reveal())
	}
	var err error
	l.keys, err = signed.NewKeys(secrets...)
	return l, err
}

// processKeys are for links that only this process has to know.
func processKeys(random io.Reader) *signed.Keys {
	keys, err := signed.Random(random)
	if err != nil {
		panic(err) // crypto/rand never fails; there is nothing to serve without it
	}
	return keys
}

// repairParameter is the query parameter that makes a request a repair.
const repairParameter = "repair"

// A place is what a link is good for: one request of one caller.
type place struct {
	*links
	plan   *aggregation.Plan
	path   string // canonical
	query  string // without the link's own parameter
	caller *identity.Identity
}

// link is the request's own target with a token for a member.
func (p *place) link(member string) string {
	query := p.query
	if query != "" {
		query += "&"
	}
	token := p.keys.Sign(p.purpose(), []byte(member), p.now().Add(p.life))
	return routing.Escape(p.path) + "?" + query + repairParameter + "=" + token
}

// member is what a token is for.
func (p *place) member(token string) (string, error) {
	member, err := p.keys.Open(p.purpose(), token, p.now())
	switch {
	case errors.Is(err, signed.ErrExpired):
		return "", badRepair(err, "The link is too old. Ask for the whole answer again.")
	case err != nil:
		return "", badRepair(err, "The link was not made for this request and this caller.")
	}
	return string(member), nil
}

// purpose has everything that a link is bound to, each with its length in front, so
// that no two places have the same. It is signed and not in the link.
func (p *place) purpose() string {
	var b strings.Builder
	b.WriteString("repair link")
	for _, text := range []string{p.plan.Method, p.plan.Pattern, p.path, p.query} {
		bind(&b, text)
	}
	if id := p.caller; id != nil { // an anonymous caller is not one without names
		for _, text := range []string{id.Issuer, id.Subject, id.Client} {
			bind(&b, text)
		}
	}
	return b.String()
}

func bind(b *strings.Builder, text string) {
	b.WriteByte(' ')
	b.WriteString(strconv.Itoa(len(text)))
	b.WriteByte(':')
	b.WriteString(text)
}

func badRepair(cause error, detail string) *problem.Problem {
	p := problem.BadRequest.Wrap(cause, "This is no link to repair an answer with.")
	p.Fields = []problem.Field{{Pointer: "?" + repairParameter, Detail: detail}}
	return p
}
