package aggregation

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/triptych-bff/triptych/shared/httpcache"
	"github.com/triptych-bff/triptych/shared/problem"
)

// reached counts calls by service.
type reached struct {
	mu sync.Mutex
	n  map[string]int
}

func (a *reached) count(name string, h http.HandlerFunc) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.n[name]++
		a.mu.Unlock()
		h(rw, r)
	}
}

// since is which services were reached since the last time, sorted, with how often if it
// was not once.
func (a *reached) since() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var names []string
	for name, n := range a.n {
		if n > 1 {
			name = fmt.Sprint(name, "*", n)
		}
		names = append(names, name)
	}
	clear(a.n)
	slices.Sort(names)
	return strings.Join(names, " ")
}

// wide is an endpoint that offers much, and who was reached for it.
func wide(t *testing.T) (*Plan, *reached) {
	w := newWorld(t)
	a := &reached{n: map[string]int{}}
	for name, body := range map[string]string{
		"users":  `{"id":"ada","shop":"s1","name":"Ada","address":{"city":"London","zip":"N1","geo":{"x":1,"y":2}},"account":{"nick":"A"},"secret":1}`,
		"orders": `{"items":[{"id":1,"book":"b1","price":{"net":1,"gross":2}},{"id":2,"book":"b2"},{"id":3}],"next":"n"}`,
		"books":  `{"books":[{"id":"b1","title":"Emma","by":{"name":"Jane"}},{"id":"b2","title":"Persuasion"}]}`,
		"shop":   `{"id":"s1","name":"Corner"}`,
		"plain":  `{"a":{"b":1},"c":2}`,
		"list":   `[{"id":1,"x":{"y":1,"z":2}},{"id":2}]`,
		"more":   `[{"id":3,"x":{"y":5}}]`,
	} {
		w.http(name, a.count(name, write(body)))
	}
	w.http("stock", a.count("stock", func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(rw, `{"of":%q,"n":7}`, strings.TrimPrefix(r.URL.Path, "/"))
	}))
	user := users.Get("/me")
	list := orders.Get("/orders")
	books := HTTP("books").Get("/", Query{"ids": list.Each("items.book").Max(9)})
	stock := list.ForEach("items", "stock", func(it Item) *Call { return HTTP("stock").Get("/{}", it.Value("book")) }).Max(2)
	shop := HTTP("shop").Get("/{}", user.Value("shop")).When(Eq(user.Value("address.city"), "London"))
	return w.compile(Endpoint{Fields: true, Parts: []Part{
		{Name: "user", From: user, Mask: `{id,called:name,address{city,zip,geo},nick:account.nick}`},
		{Name: "orders", From: list.Join("items.book", books, "books.id", "it"), Mask: `{items[:2]{id,net:price.net,it{title,by}},next}`},
		{Name: "all", From: list.Join("items.book", books, "books.id", "it"), Mask: `{items,next}`},
		{Name: "but", From: list.Join("items.book", books, "books.id", "it"), Mask: `{items[]{-price,-book},next}`},
		{Name: "stocked", From: stock, Mask: `{items[]{id,stock{n}}}`},
		{Name: "shop", From: shop, Mask: `{id,name}`},
		{Name: "plain", From: HTTP("plain").Get("/")},
		{Name: "list", From: HTTP("list").Get("/"), Mask: `[]{id,x{y,z}}`},
		{Name: "both", From: HTTP("list").Get("/b")},
		{Name: "both", From: HTTP("more").Get("/b"), Merge: Concat},
	}}), a
}

// TestNarrow: the client gets what it has chosen, in the order of the table, and only
// the calls are made that this needs.
func TestNarrow(t *testing.T) {
	p, reached := wide(t)
	for _, test := range []struct{ fields, want, reached string }{
		{`user`, `{"user":{"id":"ada","called":"Ada","address":{"city":"London","zip":"N1","geo":{"x":1,"y":2}},"nick":"A"}}`, `users`},
		{`user(id)`, `{"user":{"id":"ada"}}`, `users`},
		{` user ( called , id ) `, `{"user":{"id":"ada","called":"Ada"}}`, `users`},
		{`user(address(city),nick)`, `{"user":{"address":{"city":"London"},"nick":"A"}}`, `users`},
		{`user(address)`, `{"user":{"address":{"city":"London","zip":"N1","geo":{"x":1,"y":2}}}}`, `users`},
		{`orders(next)`, `{"orders":{"next":"n"}}`, `orders`},
		{`orders(items(id))`, `{"orders":{"items":[{"id":1},{"id":2}]}}`, `orders`},
		{`orders(items(id,it(title)))`, `{"orders":{"items":[{"id":1,"it":{"title":"Emma"}},{"id":2,"it":{"title":"Persuasion"}}]}}`, `books orders`},
		{`orders(items(net))`, `{"orders":{"items":[{"net":1},{}]}}`, `orders`},
		{`orders(items(it(by)))`, `{"orders":{"items":[{"it":{"by":{"name":"Jane"}}},{"it":{}}]}}`, `books orders`},
		{`orders(items(it))`, `{"orders":{"items":[{"it":{"title":"Emma","by":{"name":"Jane"}}},{"it":{"title":"Persuasion"}}]}}`, `books orders`},
		{`all(items)`, `{"all":{"items":[{"id":1,"book":"b1","price":{"net":1,"gross":2},"it":{"id":"b1","title":"Emma","by":{"name":"Jane"}}},{"id":2,"book":"b2","it":{"id":"b2","title":"Persuasion"}},{"id":3}]}}`, `books orders`},
		{`but(next)`, `{"but":{"next":"n"}}`, `orders`},
		{`but(items)`, `{"but":{"items":[{"id":1,"it":{"id":"b1","title":"Emma","by":{"name":"Jane"}}},{"id":2,"it":{"id":"b2","title":"Persuasion"}},{"id":3}]}}`, `books orders`},
		{`all(next)`, `{"all":{"next":"n"}}`, `orders`},
		{`stocked(items(id))`, `{"stocked":{"items":[{"id":1},{"id":2},{"id":3}]}}`, `orders`},
		{`stocked(items(stock))`, `{"stocked":{"items":[{"stock":{"n":7}},{"stock":{"n":7}},{}]}}`, `orders stock*2`},
		{`stocked(items(stock(n)))`, `{"stocked":{"items":[{"stock":{"n":7}},{"stock":{"n":7}},{}]}}`, `orders stock*2`},
		{`shop(name)`, `{"shop":{"name":"Corner"}}`, `shop users`},
		{`shop(name),user(id)`, `{"user":{"id":"ada"},"shop":{"name":"Corner"}}`, `shop users`},
		{`plain`, `{"plain":{"a":{"b":1},"c":2}}`, `plain`},
		{`list(id)`, `{"list":[{"id":1},{"id":2}]}`, `list`},
		{`list(x(z))`, `{"list":[{"x":{"z":2}},{}]}`, `list`},
		{`both`, `{"both":[{"id":1,"x":{"y":1,"z":2}},{"id":2},{"id":3,"x":{"y":5}}]}`, `list more`},
	} {
		narrow, err := p.Narrow(test.fields)
		if err != nil {
			t.Errorf("%s: %v", test.fields, err)
			continue
		}
		if got := parts(mustRun(t, narrow, ada())); got != test.want {
			t.Errorf("%s\ngot  %s\nwant %s", test.fields, got, test.want)
		}
		if got := reached.since(); got != test.reached {
			t.Errorf("%s: reached %s, want %s", test.fields, got, test.reached)
		}
		made := 0
		for range strings.Fields(test.reached) {
			made++
		}
		if cost := narrow.Cost(); cost < made || cost > made+1 { // the calls of two elements count as two
			t.Errorf("%s: cost %d for %s", test.fields, cost, test.reached)
		}
	}
	mustRun(t, p, ada()) // which nobody has narrowed
	if got := reached.since(); got != "books list*2 more orders plain shop stock*2 users" {
		t.Error(got)
	}
	if p.Cost() != 10 {
		t.Errorf("cost %d", p.Cost())
	}
}

// TestChoicesThatCannotBeMet are the client's mistake, and say where.
func TestChoicesThatCannotBeMet(t *testing.T) {
	p, _ := wide(t)
	for fields, pointer := range map[string]string{
		``:                        `?fields`,
		`,`:                       `?fields`,
		`user(`:                   `?fields`,
		`user()`:                  `?fields`,
		`user,user`:               `?fields`,
		`user.id`:                 `?fields`,
		`nobody`:                  `?fields=nobody`,
		`_meta`:                   `?fields=_meta`,
		`user(secret)`:            `?fields=user/secret`,
		`user(name)`:              `?fields=user/name`,
		`user(id(x))`:             `?fields=user/id/x`,
		`user(address(geo(x)))`:   `?fields=user/address/geo/x`,
		`orders(items(it(isbn)))`: `?fields=orders/items/it/isbn`,
		`orders(items(book))`:     `?fields=orders/items/book`,
		`plain(a)`:                `?fields=plain/a`,
		`user(id),orders(x)`:      `?fields=orders/x`,
		`both(id)`:                `?fields=both`,
		strings.Repeat("x", 3000): `?fields`,
		fieldNames(51):            `?fields`,
		strings.Repeat("user(", 17) + "id" + strings.Repeat(")", 17): `?fields`,
	} {
		narrow, err := p.Narrow(fields)
		var known *problem.Problem
		if !errors.As(err, &known) || narrow != nil || known.Kind != problem.BadRequest || len(known.Fields) != 1 {
			t.Errorf("%.40s: %v", fields, err)
			continue
		}
		if got := known.Fields[0]; got.Pointer != pointer || got.Detail == "" {
			t.Errorf("%.40s: got %+v, want %s", fields, got, pointer)
		}
	}
}

// fieldNames names so many fields.
func fieldNames(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprint("f", i)
	}
	return strings.Join(names, ",")
}

// TestChoicesAreMadeOnce: what means the same is the same plan, and there are never
// more than a few.
func TestChoicesAreMadeOnce(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{}`)
	names := strings.Split(fieldNames(10), ",")
	e := Endpoint{Fields: true, Parts: []Part{{Name: "user", From: users.Get("/me"), Mask: "{" + strings.Join(names, ",") + "}"}}}
	p := w.compile(e)
	same := []string{"user(f1,f2)", "user(f2,f1)", " user ( f1 ,\tf2 ) "}
	first, err := p.Narrow(same[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, fields := range same {
		if again, err := p.Narrow(fields); again != first || err != nil {
			t.Errorf("%q is made again: %v", fields, err)
		}
	}
	var all sync.WaitGroup
	for n := range 4 {
		all.Go(func() {
			for i := range 1 << 10 {
				var some []string
				for bit, name := range names {
					if (i+n)&(1<<bit) != 0 {
						some = append(some, name)
					}
				}
				if len(some) == 0 {
					continue
				}
				if _, err := p.Narrow("user(" + strings.Join(some, ",") + ")"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n := len(p.variants.made); n == 0 || n > mostVariants {
		t.Errorf("%d are kept", n)
	}
	for range 1 << 10 { // nothing is kept of what is refused
		_, _ = p.Narrow("user(nothing)")
	}
	if n := len(p.variants.made); n > mostVariants {
		t.Errorf("%d are kept", n)
	}
}

// TestOnlyOneMember, as a repair link asks for it.
func TestOnlyOneMember(t *testing.T) {
	p, reached := wide(t)
	for name, want := range map[string]string{"shop": "shop users", "both": "list more", "orders": "books orders", "user": "users"} {
		only := p.Only(name)
		a, err := only.Run(t.Context(), ada())
		if err != nil {
			t.Fatal(err)
		}
		if got := reached.since(); got != want || !slices.Equal(only.Members(), []string{name}) || p.Only(name) != only {
			t.Errorf("%s: reached %s, want %s; members %v; %s", name, got, want, only.Members(), a.Body)
		}
	}
	if p.Only("nobody") != nil || p.Only("") != nil || p.Only("_meta") != nil {
		t.Error("a member that is not there")
	}
	// what a client chose can be repaired alone, and is then what it chose
	narrow, err := p.Narrow("orders(items(id)),user(id)")
	if err != nil {
		t.Fatal(err)
	}
	if got := parts(mustRun(t, narrow.Only("orders"), ada())); got != `{"orders":{"items":[{"id":1},{"id":2}]}}` {
		t.Error(got)
	}
	if narrow.Only("shop") != nil {
		t.Error("a member that was not chosen")
	}
	if got := reached.since(); got != "orders" {
		t.Error(got)
	}
	// nor of what changes something, or is composed
	w := newWorld(t)
	w.json("users", `{}`)
	change := w.compile(Endpoint{Route: "POST /x", Parts: []Part{{Name: "a", From: users.Post("/a")}}})
	composed := w.compile(Endpoint{Parts: []Part{{Name: "a", From: users.Get("/a")}}, Compose: func(dst []byte, _ func(string) []byte) ([]byte, error) { return append(dst, "{}"...), nil }})
	if change.Only("a") != nil || composed.Only("a") != nil {
		t.Error("what cannot be repaired")
	}
}

// TestConditionsHoldOfWhatIsChosen, also those that look at what is not shown.
func TestConditionsHoldOfWhatIsChosen(t *testing.T) {
	w := newWorld(t)
	reached := &reached{n: map[string]int{}}
	w.http("users", reached.count("users", write(`{"id":"ada","city":"Paris"}`)))
	w.http("orders", reached.count("orders", write(`{"x":1}`)))
	user := users.Get("/me")
	p := w.compile(Endpoint{Fields: true, Parts: []Part{
		{Name: "user", From: user, Mask: `{id}`},
		{Name: "orders", From: orders.Get("/").When(Eq(user.Value("city"), "London"))},
	}})
	narrow, err := p.Narrow("orders")
	if err != nil {
		t.Fatal(err)
	}
	if got := mustRun(t, narrow, ada()); got != `{"_meta":{"completeness":"full"}}` || reached.since() != "users" {
		t.Error(got)
	}
}

// TestWhatIsChosenIsKeptAlone: what was good last of one choice is not that of another.
func TestWhatIsChosenIsKeptAlone(t *testing.T) {
	w := newWorld(t)
	good := true
	w.http("users", func(rw http.ResponseWriter, _ *http.Request) {
		if !good {
			rw.WriteHeader(http.StatusInternalServerError)
			return
		}
		fmt.Fprint(rw, `{"id":1,"name":"Ada"}`)
	})
	w.json("orders", `1`)
	kept := httpcache.NewKept(1 << 20)
	t.Cleanup(kept.Close)
	p, err := Compile(Endpoint{Route: "GET /x", Policy: "p", Budget: time.Minute, Fields: true, Parts: []Part{
		{Name: "user", From: users.Get("/me"), Mask: `{id,name}`, Else: LastGood(time.Hour)},
		{Name: "orders", From: orders.Get("/")},
	}}, Env{Services: w.lookup, Kept: kept})
	if err != nil {
		t.Fatal(err)
	}
	mustRun(t, p, ada())
	narrow, err := p.Narrow("orders,user(id)")
	if err != nil {
		t.Fatal(err)
	}
	good = false
	if got := parts(mustRun(t, p, ada())); got != `{"user":{"id":1,"name":"Ada"},"orders":1}` {
		t.Error(got)
	}
	if got := parts(mustRun(t, narrow, ada())); got != `{"orders":1}` {
		t.Error(got)
	}
	good = true
	mustRun(t, narrow, ada())
	good = false
	if got := parts(mustRun(t, narrow, ada())); got != `{"user":{"id":1},"orders":1}` {
		t.Error(got)
	}
}
