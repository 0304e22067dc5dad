package aggregation

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestFaultsOfATable(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{}`)
	w.json("orders", `{}`)
	w.books(func(string) string { return `{}` })
	user, list := users.Get("/me"), orders.Get("/orders")
	part := func(p Part) Endpoint { return Endpoint{Parts: []Part{p}} }
	from := func(s Source) Endpoint { return part(Part{Name: "x", From: s}) }
	for want, e := range map[string]Endpoint{
		`GET /x: part "x": mask: `:                                part(Part{Name: "x", From: user, Mask: `{id`}),
		`GET /x: part "?": a part has a name`:                     part(Part{From: user}),
		`GET /x: part "_meta": a part has a name`:                 part(Part{Name: "_meta", From: user}),
		`GET /x: part "x": from: expected a call`:                 part(Part{Name: "x"}),
		`GET /x: part "x": the name stands twice`:                 {Parts: []Part{{Name: "x", From: user}, {Name: "x", From: list}}},
		`GET /x: call users GET /users/{}: 1 placeholders, but 0`: from(users.Get("/users/{}")),
		`the list "id" of call users GET /me needs a bound`:       from(orders.Get("/o", Query{"ids": user.Each("id")})),
		`a path takes one value, not a list`:                      from(orders.Get("/o/{}", user.Each("id").Max(3))),
		`path parameter "id": the route has none of this name`:    from(orders.Get("/o/{}", PathParam("id"))),
		`within 2h0m0s: the whole endpoint has only 1s`:           from(users.Get("/me").Within(2 * time.Hour)),
		`expected a path that begins with a slash`:                from(users.Get("me?x=1")),
		`query "x": expected a string, an int, a bool or a Value`: from(users.Get("/me", Query{"x": 1.5})),
		`BatchGetBook`: from(shelf.Call("BatchGetBook", nil)),
		`isbn`:         from(shelf.Call("BatchGetBooks", Fields{"isbn": "1"})),
		`titel`:        part(Part{Name: "x", From: shelf.Call("BatchGetBooks", nil), Mask: `{books[]{titel}}`}),
		`edition`:      from(users.Get("/x/{}", shelf.Call("BatchGetBooks", nil).Value("books.edition"))),
		`the upstream "users" speaks HTTP; expected a gRPC one`:    from(RPC("users", "library.v1.Library").Call("BatchGetBooks", nil)),
		`the upstream "library" speaks gRPC; expected an HTTP one`: from(HTTP("library").Get("/")),
		`join at "book": expected a list and a key`:                from(list.Join("book", user, "items.id", "it")),
		`join: the member that is joined needs a name`:             from(list.Join("items.id", user, "items.id", "")),
		`the elements have a member "title" of their own`:          from(shelf.Call("BatchGetBooks", nil).Join("books.id", list, "items.id", "title")),
		`"titel" is not in library.v1.Book`:                        part(Part{Name: "x", From: list.Join("items.book", shelf.Call("BatchGetBooks", nil), "books.id", "book"), Mask: `{items[]{book{titel}}}`}),
		`needs a bound from 1 to 1000`:                             from(orders.Get("/o", Query{"ids": user.Each("id").Max(1001)})),
		`within -1s: expected a time`:                              from(users.Get("/me").Within(-time.Second)),
		`an empty aggregation.Value`:                               from(users.Get("/x/{}", Value{})),
	} {
		e.Route, e.Policy, e.Budget = "GET /x", "member", time.Second
		_, err := Compile(e, env(w.lookup))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	_, err := Compile(Endpoint{Route: "FETCH /x"}, env(newWorld(t).lookup))
	for _, want := range []string{"route:", "policy:", "budget:", "parts:"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

func TestAServiceThatIsNotConfigured(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{}`)
	e := Endpoint{Route: "GET /x", Policy: "member", Budget: time.Second, Parts: []Part{
		{Name: "user", From: users.Get("/me")},
		{Name: "orders", From: orders.Get("/orders")},
		{Name: "more", From: orders.Get("/more")},
	}}
	_, err := Compile(e, env(w.lookup))
	var absent *NotConfigured
	if !errors.As(err, &absent) || len(absent.Services) != 1 || absent.Services[0] != "orders" {
		t.Errorf("got %v", err)
	}
}

// TestAMaskOfAnyMember is checked as far as a schema tells.
func TestAMaskOfAnyMember(t *testing.T) {
	w := newWorld(t)
	w.books(func(string) string { return `{"books":[{"id":"b","title":"Emma"}]}` })
	found := shelf.Call("BatchGetBooks", nil)
	p := w.compile(Endpoint{Parts: []Part{{Name: "x", From: found, Mask: `{books[]{-id}}`}, {Name: "y", From: found, Mask: `{*}`}}})
	if got := parts(mustRun(t, p, ada())); got != `{"x":{"books":[{"title":"Emma","copies":"0"}]},"y":{"books":[{"id":"b","title":"Emma","copies":"0"}]}}` {
		t.Error(got)
	}
	_, err := Compile(Endpoint{Route: "GET /x", Policy: "p", Budget: time.Second, Parts: []Part{{Name: "x", From: found, Mask: `{books[]{-isbn}}`}}}, env(w.lookup))
	if err == nil || !strings.Contains(err.Error(), "isbn") {
		t.Error(err)
	}
}
