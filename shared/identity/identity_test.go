package identity

import (
	"context"
	"testing"
)

func TestHas(t *testing.T) {
	id := &Identity{Scopes: []string{"books:read", "books"}}
	for scope, want := range map[string]bool{"books:read": true, "books": true, "books:write": false, "": false, "book": false} {
		if id.Has(scope) != want {
			t.Errorf("Has(%q) is %v", scope, !want)
		}
	}
	if (*Identity)(nil).Has("books") {
		t.Error("an anonymous caller has a scope")
	}
}

func TestContext(t *testing.T) {
	id := &Identity{Subject: "ada"}
	if got := FromContext(NewContext(context.Background(), id)); got != id {
		t.Errorf("got %v", got)
	}
	if FromContext(context.Background()) != nil {
		t.Error("an empty context has a caller")
	}
	if FromContext(NewContext(context.Background(), nil)) != nil {
		t.Error("an anonymous caller is not nil")
	}
}

func TestProof(t *testing.T) {
	for p, want := range map[Proof]string{None: "none", Bearer: "bearer"} {
		if p.String() != want {
			t.Errorf("%d is %q, want %q", p, p, want)
		}
	}
}
