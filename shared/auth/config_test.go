package auth

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/triptych-bff/triptych/shared/config"
)

type file struct {
	Auth     Config         `config:"auth"`
	Policies []PolicyConfig `config:"policies"`
}

func load(text string) (file, *config.Document, error) {
	var f file
	doc, err := config.Load(&f, config.Source{Name: "bff.yaml", Data: []byte(text)})
	return f, doc, err
}

func TestConfig(t *testing.T) {
	got, doc, err := load(`
auth:
  issuers:
  - issuer: https://id.example/
    jwks: http://id.example/keys
    audience: orders-api
    clients: [orders-app]
    algorithms: [ES256]
    strict_type: true
policies:
- name: member
- name: reader
  scopes: {all: ["orders:read"]}
`)
	if err != nil {
		t.Fatal(err)
	}
	want := file{
		Auth: Config{Realm: "api", Issuers: []Issuer{{
			Issuer: "https://id.example/", JWKS: "http://id.example/keys", Audience: "orders-api",
			Clients: []string{"orders-app"}, Algorithms: []string{es256}, StrictType: true,
		}}},
		Policies: []PolicyConfig{{Name: "member"}, {Name: "reader", Scopes: Scopes{All: []string{"orders:read"}}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if w := doc.Warnings(); len(w) != 1 || w[0].Key != "auth.issuers[0].jwks" {
		t.Errorf("warnings: %v", w)
	}
}

func TestConfigFaults(t *testing.T) {
	issuer := func(changes string) string {
		members := map[string]string{
			"issuer": "https://id.example", "jwks": "https://id.example/keys", "audience": "a", "clients": "[c]",
		}
		for change := range strings.SplitSeq(changes, ";") {
			name, value, _ := strings.Cut(change, "=")
			if members[name] = value; value == "" {
				delete(members, name)
			}
		}
		text := "auth:\n  issuers:\n  -"
		for name, value := range members {
			text += " " + name + ": " + value + "\n   "
		}
		return text
	}
	for text, key := range map[string]string{
		issuer("issuer="):                      "auth.issuers[0].issuer",
		issuer("jwks="):                        "auth.issuers[0].jwks",
		issuer("jwks=id.example/keys"):         "auth.issuers[0].jwks",
		issuer("jwks=file:///etc/keys"):        "auth.issuers[0].jwks",
		issuer("jwks=https://a:b@id.example/"): "auth.issuers[0].jwks",
		issuer("audience="):                    "auth.issuers[0].audience",
		issuer("clients="):                     "auth.issuers[0].clients",
		issuer(`clients=[""]`):                 "auth.issuers[0].clients",
		issuer("algorithms=[HS256]"):           "auth.issuers[0].algorithms",
		issuer("algorithms=[none]"):            "auth.issuers[0].algorithms",
		`auth: {realm: 'a"b'}`:                 "auth.realm",
		issuer("a=;") + "\n  - {issuer: https://id.example, jwks: https://x.example, audience: b, clients: [c]}": "auth.issuers",
		"policies: [{}]": "policies[0].name",
		"policies: [{name: p, public: true, scopes: {any: [a]}}]": "policies[0].public",
		"policies: [{name: p, scopes: {any: [a b]}}]":             "policies[0].scopes.any",
		`policies: [{name: p, scopes: {all: [""]}}]`:              "policies[0].scopes.all",
	} {
		_, _, err := load(text)
		if err == nil || !strings.Contains(err.Error(), " "+key+": ") {
			t.Errorf("%s\ngot %v, want a fault of %s", text, err, key)
		}
	}
}
