package auth

import (
	"slices"
	"strings"

	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/identity"
	"github.com/triptych-bff/triptych/shared/problem"
)

// PolicyConfig is what a route demands of its caller. The zero value, but for
// its name, demands an identity and no scope.
type PolicyConfig struct {
	Name   string `config:"name" doc:"How routes refer to the policy."`
	Public bool   `config:"public" doc:"Nobody need say who they are. A credential that is sent must be good all the same."`
	Scopes Scopes `config:"scopes" doc:"What the caller must have been granted."`
}

// Scopes are demands on what was granted. The zero value demands nothing.
type Scopes struct {
	Any []string `config:"any" doc:"At least one of these."`
	All []string `config:"all" doc:"Every one of these."`
}

// Validate reports policies that contradict themselves, and scopes that no
// token can carry (RFC 6749 §3.3).
func (c PolicyConfig) Validate(check *config.Check) {
	if c.Name == "" {
		check.Fault("name", "is missing")
	}
	if c.Public && len(c.Scopes.Any)+len(c.Scopes.All) > 0 {
		check.Fault("public", "a public policy cannot demand scopes")
	}
	for key, list := range map[string][]string{"scopes.any": c.Scopes.Any, "scopes.all": c.Scopes.All} {
		for _, scope := range list {
			if scope == "" || !quotable(scope) || strings.Contains(scope, " ") {
				check.Fault(key, "%q is not a scope", scope)
			}
		}
	}
}

// A Policy decides whether an identity will do. It is immutable.
type Policy struct {
	name   string
	public bool
	scopes Scopes
	needs  string // for the challenge: scopes that would do
}

// NewPolicy is the policy of a configuration that has been validated.
func NewPolicy(c PolicyConfig) *Policy {
	sufficient := slices.Clone(c.Scopes.All)
	if any := c.Scopes.Any; len(any) > 0 && !slices.ContainsFunc(any, func(s string) bool { return slices.Contains(sufficient, s) }) {
		sufficient = append(sufficient, any[0])
	}
	return &Policy{name: c.Name, public: c.Public, scopes: c.Scopes, needs: strings.Join(sufficient, " ")}
}

// Name is how routes refer to the policy.
func (p *Policy) Name() string { return p.name }

// Public reports whether the policy lets anonymous callers in.
func (p *Policy) Public() bool { return p.public }

// Check is nil for an identity that will do; nil is an anonymous caller. An
// error is a [*problem.Problem] with a challenge for the realm (RFC 6750 §3):
// 401 unauthenticated for the anonymous, and 403 insufficient-scope, with
// scopes that would do, for the others. The policy's error names no more than
// what any caller of the route may know.
func (p *Policy) Check(id *identity.Identity, realm string) error {
	switch {
	case p.public:
		return nil
	case id == nil:
		return unauthenticated(realm, "this needs an access token")
	case !p.granted(id):
		return p.insufficient(realm)
	default:
		return nil
	}
}

func (p *Policy) granted(id *identity.Identity) bool {
	for _, scope := range p.scopes.All {
		if !id.Has(scope) {
			return false
		}
	}
	return len(p.scopes.Any) == 0 || slices.ContainsFunc(p.scopes.Any, id.Has)
}

func (p *Policy) insufficient(realm string) *problem.Problem {
	var demands []string
	if len(p.scopes.All) > 0 {
		demands = append(demands, "all of: "+strings.Join(p.scopes.All, " "))
	}
	if len(p.scopes.Any) > 0 {
		demands = append(demands, "one of: "+strings.Join(p.scopes.Any, " "))
	}
	f := problem.InsufficientScope.New("the token was not granted the scopes that this needs, " + strings.Join(demands, "; "))
	f.Header = challenge(realm, "error", "insufficient_scope", "scope", p.needs)
	return f
}
