package aggregation

import (
	"strings"
	"testing"
)

// TestElementsThatHaveTheMemberAlready: no object gets two members of one name.
func TestElementsThatHaveTheMemberAlready(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{"items":[{"id":1}]}`)
	for body, fits := range map[string]bool{
		`{"items":[{"id":2},{"id":1,"it":null}]}`:                false,
		`{"items":[{"id":1,"it":{}}],"it":2}`:                    false,
		`{"items":[{"id":1,"\u0069t":1}]}`:                       false,
		`{"items":[{"id":1,"x":{"it":1}}],"it":2,"x":{"it":{}}}`: true,
		`{"items":[],"it":1}`:                                    true,
		`{"items":{"it":1}}`:                                     true,
	} {
		w.json("orders", body)
		list := orders.Get("/")
		for _, from := range []Source{
			list.Join("items.id", users.Get("/"), "items.id", "it"),
			list.ForEach("items", "it", func(it Item) *Call { return users.Get("/{}", it.Value("id")) }).Max(5),
		} {
			p := w.compile(Endpoint{Parts: []Part{{Name: "x", From: from, Else: Omit}, {Name: "one", From: Constant("1")}}})
			a, err := p.Run(t.Context(), ada())
			if err != nil {
				t.Fatal(err)
			}
			if got := len(a.Flaws) == 0; got != fits {
				t.Errorf("%s: fits %v, want %v: %s", body, got, fits, a.Body)
			}
			if !fits && !strings.Contains(a.Flaws[0].Err.Error(), `the elements have a member of their own "it"`) {
				t.Error(a.Flaws[0].Err)
			}
		}
	}
}
