package auth

import (
	"testing"

	"github.com/triptych-bff/triptych/shared/identity"
	"github.com/triptych-bff/triptych/shared/problem"
)

func TestPolicy(t *testing.T) {
	member := PolicyConfig{Name: "member"}
	reader := PolicyConfig{Name: "reader", Scopes: Scopes{All: []string{"orders:read", "profile:read"}}}
	either := PolicyConfig{Name: "either", Scopes: Scopes{Any: []string{"orders:read", "orders:admin"}}}
	both := PolicyConfig{Name: "both", Scopes: Scopes{All: []string{"profile:read"}, Any: []string{"orders:read", "orders:admin"}}}
	overlap := PolicyConfig{Name: "overlap", Scopes: Scopes{All: []string{"a"}, Any: []string{"b", "a"}}}
	granted := func(scopes ...string) *identity.Identity { return &identity.Identity{Subject: "ada", Scopes: scopes} }
	insufficient := func(scope string) string {
		return `Bearer realm="orders", error="insufficient_scope", scope="` + scope + `"`
	}
	const anonymous = `Bearer realm="orders"`

	for name, c := range map[string]struct {
		policy    PolicyConfig
		id        *identity.Identity
		challenge string
	}{
		"public, anonymous":   {PolicyConfig{Name: "open", Public: true}, nil, ""},
		"public, known":       {PolicyConfig{Name: "open", Public: true}, granted(), ""},
		"member, anonymous":   {member, nil, anonymous},
		"member, known":       {member, granted(), ""},
		"all, anonymous":      {reader, nil, anonymous},
		"all, one missing":    {reader, granted("orders:read"), insufficient("orders:read profile:read")},
		"all, granted":        {reader, granted("profile:read", "x", "orders:read"), ""},
		"any, none":           {either, granted("orders"), insufficient("orders:read")},
		"any, second":         {either, granted("orders:admin"), ""},
		"both, any missing":   {both, granted("profile:read"), insufficient("profile:read orders:read")},
		"both, all missing":   {both, granted("orders:read"), insufficient("profile:read orders:read")},
		"both, granted":       {both, granted("orders:admin", "profile:read"), ""},
		"overlap, sufficient": {overlap, granted("b"), insufficient("a")},
	} {
		t.Run(name, func(t *testing.T) {
			err := NewPolicy(c.policy).Check(c.id, "orders")
			if c.challenge == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			p := problemOf(t, err)
			want := problem.InsufficientScope
			if c.id == nil {
				want = problem.Unauthenticated
			}
			if p.Kind != want || p.Header.Get("WWW-Authenticate") != c.challenge {
				t.Errorf("got %v with %s, want %s with %s", p, p.Header, want.Code(), c.challenge)
			}
		})
	}
}
