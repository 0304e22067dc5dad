package gateway

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/triptych-bff/triptych/shared/aggregation"
	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/identity"
	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/signed"
)

func secret(c string) config.Secret { return config.NewSecret(strings.Repeat(c, signed.MinSecret)) }

// TestALinkIsForOnePlace: whatever of it is another, the link is none.
func TestALinkIsForOnePlace(t *testing.T) {
	now := time.Unix(1e9, 0)
	l, err := newLinks(LinksConfig{Keys: []config.Secret{secret("a")}}, nil, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	at := func() *place {
		return &place{
			links: l, plan: &aggregation.Plan{Method: "GET", Pattern: "/v1/{id}"}, path: "/v1/a b", query: "x=1",
			caller: &identity.Identity{Issuer: "i", Subject: "ada", Client: "app"},
		}
	}
	link := at().link("orders")
	token, ok := strings.CutPrefix(link, "/v1/a%20b?x=1&repair=")
	if member, err := at().member(token); !ok || err != nil || member != "orders" {
		t.Fatalf("%s: %q, %v", link, member, err)
	}
	for name, change := range map[string]func(*place){
		"method":             func(p *place) { p.plan.Method = "POST" },
		"route":              func(p *place) { p.plan.Pattern = "/{v}/{id}" },
		"path":               func(p *place) { p.path = "/v1/b" },
		"query":              func(p *place) { p.query = "x=2" },
		"no query":           func(p *place) { p.query = "" },
		"path into query":    func(p *place) { p.path, p.query = "/v1/a b 3:x=1", "" },
		"issuer":             func(p *place) { p.caller.Issuer = "j" },
		"subject":            func(p *place) { p.caller.Subject = "ben" },
		"client":             func(p *place) { p.caller.Client = "other" },
		"subject and client": func(p *place) { p.caller.Subject, p.caller.Client = "adaapp", "" },
		"nobody":             func(p *place) { p.caller = nil },
		"a nameless one":     func(p *place) { p.caller = &identity.Identity{} },
		"keys": func(p *place) {
			p.links, _ = newLinks(LinksConfig{}, processKeys(strings.NewReader(strings.Repeat("r", 99))), l.now)
		},
	} {
		p := at()
		change(p)
		if _, err := p.member(token); !errors.Is(err, signed.ErrForged) || problem.From(err).Kind != problem.BadRequest {
			t.Errorf("another %s: %v", name, err)
		}
	}
	nobody := at()
	nobody.caller = nil
	_, token, _ = strings.Cut(nobody.link("orders"), "repair=")
	nameless := at()
	nameless.caller = &identity.Identity{}
	if _, err := nameless.member(token); !errors.Is(err, signed.ErrForged) {
		t.Errorf("an anonymous caller's link is good for one without names: %v", err)
	}
}

func TestALinkExpires(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := &place{plan: new(aggregation.Plan), path: "/"}
	p.links, _ = newLinks(LinksConfig{}, processKeys(strings.NewReader(strings.Repeat("r", 99))), func() time.Time { return now })
	_, token, _ := strings.Cut(p.link("a"), "?repair=")
	now = now.Add(initialLinkLife - time.Second)
	if _, err := p.member(token); err != nil {
		t.Errorf("in its time: %v", err)
	}
	now = now.Add(time.Second)
	_, err := p.member(token)
	fields := problem.From(err).Fields
	if !errors.Is(err, signed.ErrExpired) || len(fields) != 1 || fields[0].Pointer != "?repair" || !strings.Contains(fields[0].Detail, "too old") {
		t.Errorf("after it: %v, %v", err, fields)
	}
}

// TestKeysOfLinksChange without a link that is refused.
func TestKeysOfLinksChange(t *testing.T) {
	with := func(keys ...config.Secret) *place {
		l, err := newLinks(LinksConfig{Keys: keys, For: time.Minute}, nil, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		return &place{links: l, plan: new(aggregation.Plan), path: "/"}
	}
	_, token, _ := strings.Cut(with(secret("a")).link("m"), "?repair=")
	if member, err := with(secret("b"), secret("a")).member(token); err != nil || member != "m" {
		t.Errorf("by the key before: %q, %v", member, err)
	}
	if _, err := with(secret("b")).member(token); !errors.Is(err, signed.ErrForged) {
		t.Errorf("by one that was taken away: %v", err)
	}
}
