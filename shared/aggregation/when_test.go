package aggregation

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/triptych-bff/triptych/shared/problem"
)

// TestPredicates over the values of a request, of answers and of lists.
func TestPredicates(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{"plan":"gold","age":7,"big":9007199254740993,"on":true,"off":false,"none":null,"tags":["a",null,"b"],"empty":[],"o":{"x":1},"text":"7","esc":"\u0067old"}`)
	w.books(func(string) string { return `{"books":[{"id":"b1","copies":"9007199254740993"},{"id":"b2"}]}` })
	w.http("gone", status(http.StatusNoContent))
	user, book := users.Get("/me"), shelf.Call("BatchGetBooks", nil)
	skipped := users.Get("/other").When(Has(QueryParam("never")))
	yes, no := Has(Claim("sub")), Has(Claim("nobody"))
	for name, test := range map[string]struct {
		when Condition
		want bool
	}{
		"claim":               {Has(Claim("sub")), true},
		"no claim":            {Has(Claim("x")), false},
		"query":               {Has(QueryParam("q")), true},
		"empty query":         {Has(QueryParam("e")), true},
		"no query":            {Has(QueryParam("x")), false},
		"header":              {Eq(HeaderField("X-A"), "1"), true},
		"no header":           {Has(HeaderField("X-B")), false},
		"path":                {Eq(PathParam("id"), "p"), true},
		"answer":              {Has(user.Value("plan")), true},
		"no answer":           {Has(user.Value("x.y[0]")), false},
		"null":                {Has(user.Value("none")), false},
		"false is there":      {Has(user.Value("off")), true},
		"an object":           {Has(user.Value("o")), true},
		"the whole":           {Has(user.Value("")), true},
		"no content":          {Has(HTTP("gone").Get("/").Value("")), false},
		"list":                {Has(user.Each("tags[]").Max(9)), true},
		"empty list":          {Has(user.Each("empty[]").Max(9)), false},
		"or":                  {Has(user.Value("x").Or(1)), true},
		"or nil":              {Has(user.Value("x").Or(nil)), false},
		"eq":                  {Eq(user.Value("plan"), "gold"), true},
		"eq escaped":          {Eq(user.Value("esc"), "gold"), true},
		"eq other":            {Eq(user.Value("plan"), "silver"), false},
		"eq number":           {Eq(user.Value("age"), 7), true},
		"eq text of a number": {Eq(user.Value("text"), 7), true},
		"eq large":            {Eq(user.Value("big"), int64(9007199254740993)), true},
		"eq near":             {Eq(user.Value("big"), int64(9007199254740992)), false},
		"eq of gRPC":          {Eq(book.Value("books[0].copies"), int64(9007199254740993)), true},
		"eq default of gRPC":  {Eq(book.Value("books[1].copies"), 0), true},
		"eq bool":             {Eq(user.Value("on"), true), true},
		"eq object":           {Eq(user.Value("o"), ""), false},
		"eq null":             {Eq(user.Value("none"), ""), false},
		"eq none":             {Eq(user.Value("x"), ""), false},
		"eq skipped":          {Eq(skipped.Value("plan"), "gold"), false},
		"eq or of skipped":    {Eq(skipped.Value("plan").Or("gold"), "gold"), true},
		"in":                  {In(user.Value("plan"), "silver", "gold"), true},
		"in a list":           {In(user.Each("tags[]").Max(9), "x", "b"), true},
		"not in a list":       {In(user.Each("tags[]").Max(9), "x"), false},
		"beyond the bound":    {Eq(user.Each("tags[]").Max(1), "b"), false},
		"all":                 {All(yes, yes), true},
		"not all":             {All(yes, no, yes), false},
		"any":                 {Any(no, yes), true},
		"not any":             {Any(no, no), false},
		"not":                 {Not(no), true},
		"not not":             {Not(Not(no)), false},
		"nested":              {Any(All(yes, Not(yes)), Not(Any(no, All(yes, no)))), true},
		"test": {Test(func(v [][]byte) bool {
			return len(v) == 3 && string(v[0]) == "7" && v[1] == nil && string(v[2]) == `"a"`
		}, user.Value("age"), user.Value("none"), user.Each("tags[]").Max(9)), true},
	} {
		t.Run(name, func(t *testing.T) {
			p := w.compile(Endpoint{Route: "GET /v1/{id}", Parts: []Part{
				{Name: "x", From: Constant(`1`).When(test.when)}, {Name: "one", From: Constant(`1`)},
			}})
			in := asked("p")
			in.RawQuery, in.Header = "q=1&e=", http.Header{"X-A": {"1", "2"}}
			want := `{"one":1,"_meta":{"completeness":"full"}}`
			if test.want {
				want = `{"x":1,"one":1,"_meta":{"completeness":"full"}}`
			}
			if got := mustRun(t, p, in); got != want {
				t.Errorf("%s: got %s", test.when.String(), got)
			}
		})
	}
}

// TestASkippedCallIsNoFailure: what is made of it is not there, what uses it is
// skipped too unless it has an Or, and nothing is partial.
func TestASkippedCallIsNoFailure(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{"items":[{"id":1}]}`)
	orders := w.echo("orders")
	no := Has(QueryParam("full"))
	base := users.Get("/base")
	off := HTTP("orders").Get("/off").When(no)
	after := HTTP("orders").Get("/after/{}", off.Value("id"))
	further := HTTP("orders").Get("/further", Query{"ids": after.Each("ids").Max(3)})
	instead := HTTP("orders").Get("/instead/{}", further.Value("id").Or("none"))
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "off", From: off},
		{Name: "after", From: after, Else: Default(`0`)},
		{Name: "further", From: further, Else: LastGood(time.Hour)},
		{Name: "instead", From: instead},
		{Name: "into", From: off.Join("items.id", base, "items.id", "it"), Else: Omit},
		{Name: "join", From: base.Join("items.id", off, "items.id", "it"), Mask: `{items[]{id,it}}`},
		{Name: "each", From: base.ForEach("items", "it", func(it Item) *Call { return HTTP("orders").Get("/each/{}", it.Value("id")).When(no) }).Max(3)},
		{Name: "of", From: off.ForEach("items", "it", func(it Item) *Call { return HTTP("orders").Get("/of/{}", it.Value("id")) }).Max(3)},
	}})
	want := `{"instead":{},"join":{"items":[{"id":1}]},"each":{"items":[{"id":1}]},"_meta":{"completeness":"full"}}`
	a := answer(t, p, ada())
	if got := string(a.Body); got != want || a.Completeness() != "full" {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := strings.Join(orders.take(), " "); got != "GET /instead/none" {
		t.Errorf("asked %s", got)
	}
}

// TestNoPartIsWanted: an answer may be empty without being a failure.
func TestNoPartIsWanted(t *testing.T) {
	p := newWorld(t).compile(Endpoint{Parts: []Part{{Name: "x", From: Constant(`1`).When(Has(QueryParam("x")))}}})
	if got := mustRun(t, p, ada()); got != `{"_meta":{"completeness":"full"}}` {
		t.Error(got)
	}
}

// TestAPartOfASkippedCallLacksNothing when the other half of it fails.
func TestAPartOfASkippedCallLacksNothing(t *testing.T) {
	w := newWorld(t)
	w.http("orders", status(http.StatusInternalServerError))
	w.json("users", `{"wanted":false}`)
	off := Constant(`{"items":[{"id":1}]}`).When(Eq(users.Get("/me").Value("wanted"), true))
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "x", From: off.Join("items.id", orders.Get("/o"), "items.id", "it").Optional()}, {Name: "one", From: Constant(`1`)},
	}})
	if got := mustRun(t, p, ada()); got != `{"one":1,"_meta":{"completeness":"full"}}` {
		t.Error(got)
	}
}

// TestAConditionOverAFailedCall fails what it decides, unless its value has an Or.
func TestAConditionOverAFailedCall(t *testing.T) {
	w := newWorld(t)
	w.http("orders", status(http.StatusInternalServerError))
	failed := orders.Get("/o")
	for want, v := range map[string]Value{
		`{"one":1,"_meta":{"completeness":"partial","errors":[{"part":"x","source":"orders","code":"bad-upstream"}]}}`: failed.Value("on"),
		`{"x":1,"one":1,"_meta":{"completeness":"full"}}`:                                                              failed.Value("on").Or(true),
		`{"one":1,"_meta":{"completeness":"full"}}`:                                                                    failed.Value("on").Or(false),
	} {
		p := w.compile(Endpoint{Parts: []Part{{Name: "x", From: Constant(`1`).When(Eq(v, true)), Else: Omit}, {Name: "one", From: Constant(`1`)}}})
		if got := mustRun(t, p, ada()); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// TestWhatIsNotWantedDoesNotFail: where the request alone decides, it decides before
// the calls that the skipped one would have used.
func TestWhatIsNotWantedDoesNotFail(t *testing.T) {
	w := newWorld(t)
	w.http("orders", status(http.StatusInternalServerError))
	details := users.Get("/details/{}", orders.Get("/o").Value("id")).When(Has(QueryParam("details")))
	w.json("users", `{}`)
	p := w.compile(Endpoint{Parts: []Part{{Name: "details", From: details}, {Name: "one", From: Constant(`1`)}}})
	if got := mustRun(t, p, ada()); got != `{"one":1,"_meta":{"completeness":"full"}}` {
		t.Error(got)
	}
	if _, err := p.Run(t.Context(), Input{RawQuery: "details=1"}); err == nil || problem.From(err).Kind != problem.BadUpstream {
		t.Error(err)
	}
}

// TestAConditionThatPanics is the failure of the call that it decides.
func TestAConditionThatPanics(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{"x":1}`)
	for _, v := range []Value{Claim("sub"), users.Get("/me").Value("x")} {
		bad := Constant(`1`).When(Test(func([][]byte) bool { panic("out of luck") }, v))
		p := w.compile(Endpoint{Parts: []Part{{Name: "x", From: bad, Else: Omit}, {Name: "one", From: Constant(`1`)}}})
		a := answer(t, p, ada())
		if got := string(a.Body); got != `{"one":1,"_meta":{"completeness":"partial","errors":[{"part":"x","source":"constant","code":"internal"}]}}` {
			t.Error(got)
		}
		if !strings.Contains(a.Flaws[0].Err.Error(), "out of luck") {
			t.Error(a.Flaws[0].Err)
		}
	}
}

// TestAConditionOfEachElement decides for each alone.
func TestAConditionOfEachElement(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{"items":[{"id":1,"kind":"a"},{"id":2,"kind":"b"},{"id":3},{"id":4,"kind":"a"}],"on":true}`)
	orders := w.echo("orders")
	list := users.Get("/me")
	p := w.compile(Endpoint{Parts: []Part{{Name: "x", From: list.ForEach("items", "it", func(it Item) *Call {
		return HTTP("orders").Get("/{}", it.Value("id")).When(All(Eq(it.Value("kind"), "a"), Eq(list.Value("on"), true)))
	}).Max(9).AtOnce(1), Mask: `{items[]{id,it}}`}}})
	if got := mustRun(t, p, ada()); got != `{"x":{"items":[{"id":1,"it":{}},{"id":2},{"id":3},{"id":4,"it":{}}]},"_meta":{"completeness":"full"}}` {
		t.Error(got)
	}
	if got := strings.Join(orders.take(), " "); got != "GET /1 GET /4" {
		t.Error(got)
	}
	panics := w.compile(Endpoint{Parts: []Part{{Name: "x", From: list.ForEach("items", "it", func(it Item) *Call {
		return HTTP("orders").Get("/{}", it.Value("id")).When(Test(func(v [][]byte) bool { return string(v[0]) != "2" || panicked() }, it.Value("id")))
	}).Max(9), Else: Omit}, {Name: "one", From: Constant(`1`)}}})
	if a := answer(t, panics, ada()); len(a.Flaws) != 1 || a.Flaws[0].Code != "internal" {
		t.Errorf("%s", a.Body)
	}
}

func panicked() bool { panic("out of luck") }

// TestAChangeWithACondition is made or not, and never twice.
func TestAChangeWithACondition(t *testing.T) {
	w, s := newWorld(t), &shop{}
	w.http("orders", s.ServeHTTP)
	w.json("users", `{"balance":5}`)
	wallet := users.Get("/wallet")
	order := orders.Post("/orders", Fields{"n": 1}).When(All(Eq(wallet.Value("balance"), 5), Has(BodyValue("go"))))
	p := w.compile(Endpoint{Route: "POST /x", Parts: []Part{
		{Name: "order", From: order, Mask: `{id}`},
		{Name: "wallet", From: wallet},
		{Name: "after", From: users.Get("/after/{}", order.Value("id")), Else: Omit},
	}})
	for body, want := range map[string]struct {
		body string
		n    int64
	}{
		`{"go":1}`: {`{"order":{"id":7},"wallet":{"balance":5},"after":{"balance":5},"_meta":{"completeness":"full"}}`, 1},
		`{}`:       {`{"wallet":{"balance":5},"_meta":{"completeness":"full"}}`, 0},
	} {
		s.asked.Store(0)
		if got := mustRun(t, p, bought(body)); got != want.body || s.asked.Load() != want.n {
			t.Errorf("%s: got %s, asked %d times", body, got, s.asked.Load())
		}
	}
	s.asked.Store(0)
	bad := orders.Post("/orders").When(Test(func([][]byte) bool { panic("out of luck") }, Claim("sub")))
	p = w.compile(Endpoint{Route: "POST /x", Parts: []Part{{Name: "order", From: bad}}})
	if _, err := p.Run(t.Context(), ada()); err == nil || problem.From(err).Kind != problem.Internal || s.asked.Load() != 0 {
		t.Errorf("%v, asked %d times", err, s.asked.Load())
	}
}

// TestFunctionsBesideAChange may refuse it, before it is made, or follow it.
func TestFunctionsBesideAChange(t *testing.T) {
	w, s := newWorld(t), &shop{}
	w.http("orders", s.ServeHTTP)
	check := Func("check", func(_ context.Context, in struct{ N int }) (map[string]int, error) {
		if in.N > 3 {
			return nil, problem.Conflict.New("Too many.")
		}
		return map[string]int{"n": in.N}, nil
	}).Call(Fields{"n": BodyValue("n")})
	order := orders.Post("/orders", Fields{"n": BodyValue("n")})
	label := Func("label", func(_ context.Context, in struct{ ID int }) (string, error) { return fmt.Sprint("no. ", in.ID), nil }).
		Call(Fields{"id": order.Value("id")})
	p := w.compile(Endpoint{Route: "POST /x", Parts: []Part{
		{Name: "check", From: check}, {Name: "order", From: order, Mask: `{id}`}, {Name: "label", From: label, Else: Omit},
	}})
	if got := mustRun(t, p, bought(`{"n":3}`)); got != `{"check":{"n":3},"order":{"id":7},"label":"no. 7","_meta":{"completeness":"full"}}` {
		t.Error(got)
	}
	if _, err := p.Run(t.Context(), bought(`{"n":4}`)); err == nil || problem.From(err).Kind != problem.Conflict || s.asked.Load() != 1 {
		t.Errorf("%v, asked %d times", err, s.asked.Load())
	}
}

func TestFaultsOfConditions(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{}`)
	var element Item
	users.Get("/list").ForEach("x", "y", func(it Item) *Call { element = it; return users.Get("/{}", it.Value("id")) })
	for name, when := range map[string]Condition{
		"an empty condition":         Not(All(Has(Claim("a")), Condition{})),
		"a test needs a function":    Test(nil),
		"outside of its ForEach":     Has(element.Value("id")),
		"needs a bound":              Has(users.Get("/me").Each("x")),
		"an empty aggregation.Value": Has(Value{}),
	} {
		_, err := Compile(Endpoint{Route: "GET /x", Policy: "p", Budget: time.Second, Parts: []Part{{Name: "x", From: Constant(`1`).When(when)}}}, env(w.lookup))
		if err == nil || !strings.Contains(err.Error(), strings.TrimSpace(name)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
