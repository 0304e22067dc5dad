package aggregation

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/upstream"
)

var users, orders, shelf = HTTP("users"), HTTP("orders"), RPC("library", "library.v1.Library")

func TestPartsStandInTheirOrderThroughTheirMasks(t *testing.T) {
	w := newWorld(t)
	w.http("users", func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(rw, `{"id":%q,"name":"Ada","secret":1}`, strings.TrimPrefix(r.URL.Path, "/users/"))
	})
	w.http("orders", func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(rw, `{"items":[{"id":1,"x":2},{"id":3}],"query":%q}`, r.URL.RawQuery)
	})
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "orders", From: orders.Get("/orders", Query{"user": Claim("sub"), "state": "a b", "limit": 3}), Mask: `{items[]{id},query}`},
		{Name: "user", From: users.Get("/users/{}", Claim("sub")), Mask: `{id,name}`},
	}})
	got := mustRun(t, p, ada())
	want := `{"orders":{"items":[{"id":1},{"id":3}],"query":"limit=3&state=a+b&user=ada"},"user":{"id":"ada","name":"Ada"},"_meta":{"completeness":"full"}}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestDependentCallDoesNotWaitForOthers: the service that answers first waits,
// in vain if the engine went by levels, for the call that needs the second.
func TestDependentCallDoesNotWaitForOthers(t *testing.T) {
	w := newWorld(t)
	reached := make(chan struct{})
	w.http("users", func(rw http.ResponseWriter, r *http.Request) {
		select {
		case <-reached:
			fmt.Fprint(rw, `{"id":"ada"}`)
		case <-r.Context().Done():
		}
	})
	w.json("orders", `{"items":[{"book":"b1"}]}`)
	w.books(func(string) string {
		close(reached)
		return `{"books":[{"id":"b1","title":"Emma"}]}`
	})
	list := orders.Get("/orders")
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "user", From: users.Get("/users/{}", Claim("sub"))},
		{Name: "books", From: shelf.Call("BatchGetBooks", Fields{"ids": list.Each("items.book").Max(5)}), Mask: `{books[]{title}}`},
	}})
	if got := parts(mustRun(t, p, ada())); got != `{"user":{"id":"ada"},"books":{"books":[{"title":"Emma"}]}}` {
		t.Error(got)
	}
}

func TestValuesOfAnswers(t *testing.T) {
	w := newWorld(t)
	w.json("orders", `{"next":9007199254740993,"items":[{"book":"b2"},{"book":"b1"},{"book":"b2"},{"book":null},{"book":"b3"}]}`)
	var asked string
	w.books(func(request string) string {
		asked = request
		return `{"books":[{"id":"b1","title":"Emma"},{"id":"b2","title":"Persuasion"}]}`
	})
	list := orders.Get("/orders")
	found := shelf.Call("BatchGetBooks", Fields{"ids": list.Each("items.book").Max(2), "edition": list.Value("next")})
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "items", From: list.Join("items.book", found, "books.id", "it"), Mask: `{items[]{book,title:it.title}}`},
	}})
	got := parts(mustRun(t, p, ada()))
	// each value once, in their order, at most two; large integers stay exact
	if want := `{"ids":["b2","b1"],"edition":"9007199254740993"}`; asked != want {
		t.Errorf("asked for %s, want %s", asked, want)
	}
	want := `{"items":{"items":[{"book":"b2","title":"Persuasion"},{"book":"b1","title":"Emma"},{"book":"b2","title":"Persuasion"},{"book":null},{"book":"b3"}]}}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestNothingToAsk(t *testing.T) {
	w := newWorld(t)
	w.json("orders", `{"items":[]}`)
	w.books(func(string) string {
		t.Error("called for an empty list")
		return `{}`
	})
	list := orders.Get("/orders")
	found := shelf.Call("BatchGetBooks", Fields{"ids": list.Each("items.book").Max(2)})
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "items", From: list.Join("items.book", found, "books.id", "it"), Mask: `{items[]{book,it{title}}}`},
	}})
	if got := parts(mustRun(t, p, ada())); got != `{"items":{"items":[]}}` {
		t.Error(got)
	}
}

// TestNothingIsNull: what was not asked for, and what a service says is nothing,
// is null behind any mask, and no failure.
func TestNothingIsNull(t *testing.T) {
	for name, service := range map[string]http.HandlerFunc{
		"not asked":  write(`{"items":[]}`),
		"null":       write(" null\n"),
		"no content": status(http.StatusNoContent),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.http("orders", service)
			w.books(func(string) string { return `{}` })
			list := orders.Get("/orders")
			found := shelf.Call("BatchGetBooks", Fields{"ids": list.Each("items.book").Max(2)})
			p := w.compile(Endpoint{Parts: []Part{{Name: "books", From: found, Mask: `{books[]{title}}`}}})
			if got := parts(mustRun(t, p, ada())); got != `{"books":null}` {
				t.Error(got)
			}
		})
	}
}

// TestAFailureIsToldTwice: the client learns what it may know, the log why.
func TestAFailureIsToldTwice(t *testing.T) {
	w := newWorld(t)
	w.http("users", status(http.StatusInternalServerError))
	w.http("orders", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	required := Endpoint{Parts: []Part{{Name: "user", From: users.Get("/me")}}}
	_, err := w.compile(required).Run(t.Context(), ada())
	p := problem.From(err)
	if p.Detail != "user could not be had from users" || p.Cause == nil || p.Cause.Error() != "part user from users: status 500" {
		t.Errorf("detail %q, cause %v", p.Detail, p.Cause)
	}
	optional := Endpoint{Parts: []Part{
		{Name: "orders", From: orders.Get("/orders"), Else: Omit},
		{Name: "user", From: users.Get("/me"), Else: Omit},
		{Name: "static", From: HTTP("static").Get("/")},
	}}
	w.json("static", `1`)
	a, err := w.compile(optional).Run(t.Context(), ada())
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Flaws) != 2 || !strings.Contains(a.Flaws[0].Err.Error(), "part orders from orders: upstream orders: unreachable: ") ||
		a.Flaws[1].Err.Error() != "part user from users: status 500" {
		t.Errorf("%+v", a.Flaws)
	}
}

// TestAPanicInACallEndsTheCall and not the process, which serves others.
func TestAPanicInACallEndsTheCall(t *testing.T) {
	services := func(name string) (Binding, bool) {
		if name == "bad" {
			return Binding{Caller: broken{}}, true
		}
		return Binding{Caller: ready{[]byte(`1`)}}, true
	}
	e := Endpoint{Route: "GET /x", Policy: "p", Budget: time.Minute, Parts: []Part{
		{Name: "good", From: HTTP("good").Get("/")},
		{Name: "bad", From: HTTP("bad").Get("/"), Else: Omit},
	}}
	p, err := Compile(e, env(services))
	if err != nil {
		t.Fatal(err)
	}
	a, err := p.Run(t.Context(), Input{})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"good":1,"_meta":{"completeness":"partial","errors":[{"part":"bad","source":"bad","code":"internal"}]}}`; string(a.Body) != want {
		t.Errorf("got  %s\nwant %s", a.Body, want)
	}
	if !strings.Contains(a.Flaws[0].Err.Error(), "panic: out of luck") {
		t.Error(a.Flaws[0].Err)
	}
}

// broken is a service whose answers cannot be taken.
type broken struct{}

func (broken) Ready() bool                                               { return false }
func (broken) Start(context.Context, *upstream.Request) upstream.Pending { return broken{} }
func (broken) Wait() (*upstream.Response, error)                         { panic("out of luck") }
func (broken) Cancel()                                                   {}

// TestAnswersThatAreInCount also when the budget ends at the same time: the
// engine looks at them before it gives up.
func TestAnswersThatAreInCount(t *testing.T) {
	services := func(string) (Binding, bool) { return Binding{Caller: ready{[]byte(`1`)}}, true }
	e := Endpoint{Route: "GET /x", Policy: "p", Budget: time.Minute, Parts: []Part{
		{Name: "a", From: HTTP("a").Get("/")}, {Name: "b", From: HTTP("b").Get("/"), Else: Omit},
	}}
	p, err := Compile(e, env(services))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	r := newRun(ctx, p, Input{})
	for i := range p.calls {
		r.results <- result{call: i, response: &upstream.Response{Status: 200, Body: []byte(`1`)}}
	}
	r.expire()
	if r.open != 0 || r.fatal != nil || string(r.json(0)) != "1" || string(r.json(1)) != "1" {
		t.Errorf("open %d, %v, a %s, b %s", r.open, r.fatal, r.json(0), r.json(1))
	}
}

// TestTheFirstFailureDecides what the client is told; later ones are its echo.
func TestTheFirstFailureDecides(t *testing.T) {
	w := newWorld(t)
	w.http("users", status(http.StatusNotFound))
	user := users.Get("/me")
	p := w.compile(Endpoint{Parts: []Part{{Name: "user", From: user}, {Name: "echo", From: user}}})
	_, err := p.Run(t.Context(), ada())
	if got := problem.From(err); got.Detail != "user could not be had from users" {
		t.Error(err)
	}
}

func TestValuesAreEscapedForTheirPlace(t *testing.T) {
	w := newWorld(t)
	var got string
	w.http("users", func(rw http.ResponseWriter, r *http.Request) {
		got = r.URL.RequestURI()
		fmt.Fprint(rw, `{}`)
	})
	p := w.compile(Endpoint{Route: "GET /v1/users/{id}", Parts: []Part{
		{Name: "user", From: users.Get("/users/{}/x", PathParam("id"), Query{"q": QueryParam("q"), "org": Claim("org.id")})},
	}})
	in := ada()
	in.Param = func(string) string { return `a b&?é"` }
	in.RawQuery = "q=x%26y%3D%22z%22"
	mustRun(t, p, in)
	if want := `/users/a%20b&%3F%C3%A9%22/x?org=12345678901234567890&q=x%26y%3D%22z%22`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestValuesThatAreNotThere(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{"id":null,"up":"..","all":{}}`)
	w.json("orders", `{}`)
	user := users.Get("/me")
	for name, test := range map[string]struct {
		value Value
		in    Input
		kind  problem.Kind
	}{
		"claim":     {Claim("tenant"), ada(), problem.Forbidden},
		"caller":    {Claim("sub"), Input{}, problem.Unauthenticated},
		"query":     {QueryParam("q"), ada(), problem.BadRequest},
		"answer":    {user.Value("id"), ada(), problem.BadUpstream},
		"a step up": {user.Value("up"), ada(), problem.BadUpstream},
		"an object": {user.Value("all"), ada(), problem.BadUpstream},
		"dots":      {QueryParam("d"), Input{RawQuery: "d=.."}, problem.BadRequest},
		"emptiness": {QueryParam("d"), Input{RawQuery: "d="}, problem.BadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			p := w.compile(Endpoint{Parts: []Part{{Name: "orders", From: orders.Get("/orders/{}", test.value)}}})
			_, err := p.Run(t.Context(), test.in)
			if got := problem.From(err); err == nil || got.Kind != test.kind {
				t.Errorf("got %v, want %s", err, test.kind.Code())
			}
		})
	}
}

func TestAPartThatIsOmitted(t *testing.T) {
	for name, test := range map[string]struct {
		orders http.HandlerFunc
		code   string
	}{
		"error":     {status(http.StatusInternalServerError), "bad-upstream"},
		"not found": {status(http.StatusNotFound), "not-found"},
		"garbage":   {write(`{"items":[`), "bad-upstream"},
		"no JSON":   {write(`<html>`), "bad-upstream"},
		"cut": {func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Length", "100")
			fmt.Fprint(rw, `{"items":[]}`)
		}, "bad-upstream"},
		"reset": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "unreachable"},
		"huge":  {endless, "bad-upstream"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.json("users", `{"id":"ada"}`)
			w.http("orders", test.orders)
			p := w.compile(Endpoint{Parts: []Part{
				{Name: "orders", From: orders.Get("/orders"), Mask: `{items}`, Else: Omit},
				{Name: "user", From: users.Get("/me")},
			}})
			a, err := p.Run(t.Context(), ada())
			if err != nil {
				t.Fatal(err)
			}
			want := `{"user":{"id":"ada"},"_meta":{"completeness":"partial","errors":[{"part":"orders","source":"orders","code":"` + test.code + `"}]}}`
			if string(a.Body) != want {
				t.Errorf("got  %s\nwant %s", a.Body, want)
			}
			if got := a.Completeness(); got != `partial, missing=("orders")` {
				t.Error(got)
			}
		})
	}
}

func TestARequiredPartThatFails(t *testing.T) {
	for code, kind := range map[int]problem.Kind{
		http.StatusNotFound:            problem.NotFound,
		http.StatusForbidden:           problem.Forbidden,
		http.StatusBadRequest:          problem.BadUpstream,
		http.StatusInternalServerError: problem.BadUpstream,
		http.StatusServiceUnavailable:  problem.BadUpstream,
		http.StatusUnauthorized:        problem.Unauthenticated,
		http.StatusGatewayTimeout:      problem.BadUpstream,
		http.StatusFound:               problem.BadUpstream,
	} {
		w := newWorld(t)
		w.http("users", status(code))
		p := w.compile(Endpoint{Parts: []Part{{Name: "user", From: users.Get("/me")}}})
		_, err := p.Run(t.Context(), ada())
		if got := problem.From(err); err == nil || got.Kind != kind {
			t.Errorf("status %d: got %v, want %s", code, err, kind.Code())
		}
	}
}

// TestARequiredPartThatFailsEndsTheRequest while another service still hangs.
func TestARequiredPartThatFailsEndsTheRequest(t *testing.T) {
	w := newWorld(t)
	arrived, left := make(chan struct{}), make(chan struct{})
	w.http("orders", func(rw http.ResponseWriter, r *http.Request) {
		close(arrived)
		hang(left)(rw, r)
	})
	w.http("users", func(rw http.ResponseWriter, _ *http.Request) {
		<-arrived // or the request could be over before the other call is on its way
		rw.WriteHeader(http.StatusNotFound)
	})
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "orders", From: orders.Get("/orders")},
		{Name: "user", From: users.Get("/me")},
	}})
	_, err := p.Run(t.Context(), ada())
	if got := problem.From(err); got.Kind != problem.NotFound {
		t.Fatal(err)
	}
	<-left // the hanging call was given up
}

func TestNothingWaitsPastTheBudget(t *testing.T) {
	w := newWorld(t)
	left := make(chan struct{})
	w.http("orders", hang(left))
	w.json("users", `{"id":"ada"}`)
	late := orders.Get("/orders")
	optional := Endpoint{Budget: 50 * time.Millisecond, Parts: []Part{
		{Name: "user", From: users.Get("/me")},
		{Name: "books", From: users.Get("/x/{}", late.Value("id")), Else: Omit},
	}}
	a, err := w.compile(optional).Run(t.Context(), ada())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"user":{"id":"ada"},"_meta":{"completeness":"partial","errors":[{"part":"books","source":"orders","code":"upstream-timeout"}]}}`
	if string(a.Body) != want {
		t.Errorf("got  %s\nwant %s", a.Body, want)
	}
	<-left
	required := Endpoint{Budget: 50 * time.Millisecond, Parts: []Part{{Name: "orders", From: orders.Get("/orders")}}}
	_, err = w.compile(required).Run(t.Context(), ada())
	if got := problem.From(err); err == nil || got.Kind != problem.UpstreamTimeout {
		t.Error(err)
	}
	<-left
}

func TestAClientThatLeavesCancelsTheCalls(t *testing.T) {
	w := newWorld(t)
	arrived, left := make(chan struct{}), make(chan struct{})
	w.http("orders", func(rw http.ResponseWriter, r *http.Request) {
		close(arrived)
		hang(left)(rw, r)
	})
	p := w.compile(Endpoint{Parts: []Part{{Name: "orders", From: orders.Get("/orders"), Else: Omit}}})
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		<-arrived
		leave()
	}()
	_, err := p.Run(ctx, ada())
	if got := problem.From(err); err == nil || got.Kind != problem.ClientClosed {
		t.Error(err)
	}
	<-left
}

func TestAnAnswerWithoutAnyPartIsNone(t *testing.T) {
	w := newWorld(t)
	w.http("orders", status(http.StatusInternalServerError))
	w.http("users", status(http.StatusInternalServerError))
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "orders", From: orders.Get("/orders"), Else: Omit},
		{Name: "user", From: users.Get("/me"), Else: Omit},
	}})
	if _, err := p.Run(t.Context(), ada()); err == nil || problem.From(err).Kind != problem.BadUpstream {
		t.Error(err)
	}
}

func TestCompose(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{"name":"Ada"}`)
	w.http("orders", status(http.StatusInternalServerError))
	endpoint := Endpoint{
		Parts: []Part{
			{Name: "user", From: users.Get("/me"), Mask: `{name}`},
			{Name: "orders", From: orders.Get("/orders"), Else: Omit},
		},
		Compose: func(dst []byte, part func(string) []byte) ([]byte, error) {
			if part("orders") != nil || part("nobody") != nil {
				return nil, errors.New("a part that is not there")
			}
			return fmt.Appendf(dst, `{"rows":[%s]}`, part("user")), nil
		},
	}
	got := mustRun(t, w.compile(endpoint), ada())
	if parts(got) != `{"rows":[{"name":"Ada"}]}` || !strings.Contains(got, `"part":"orders"`) {
		t.Error(got)
	}
	for _, bad := range []string{"", "[]", "{", `"x"`} {
		endpoint.Compose = func(dst []byte, _ func(string) []byte) ([]byte, error) { return append(dst, bad...), nil }
		if _, err := w.compile(endpoint).Run(t.Context(), ada()); err == nil || problem.From(err).Kind != problem.Internal {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestTheSameBytesInAnyOrderOfArrival lets the services answer in every order.
func TestTheSameBytesInAnyOrderOfArrival(t *testing.T) {
	first := ""
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		w := newWorld(t)
		turns := make([]chan struct{}, len(order)+1)
		for i := range turns {
			turns[i] = make(chan struct{})
		}
		close(turns[0])
		e := Endpoint{}
		for i, turn := range order {
			name := fmt.Sprint("s", i)
			w.http(name, func(rw http.ResponseWriter, _ *http.Request) {
				<-turns[turn]
				fmt.Fprintf(rw, `{"n":%d}`, i)
				rw.(http.Flusher).Flush()
				close(turns[turn+1])
			})
			e.Parts = append(e.Parts, Part{Name: name, From: HTTP(name).Get("/")})
		}
		got := mustRun(t, w.compile(e), ada())
		if first == "" {
			first = got
		}
		if got != first {
			t.Errorf("order %v: %s, not %s", order, got, first)
		}
	}
}

func status(code int) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(code) }
}

func write(body string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, body) }
}

// endless answers with a string that does not end.
func endless(rw http.ResponseWriter, _ *http.Request) {
	chunk := []byte(strings.Repeat("x", 64<<10))
	if _, err := rw.Write([]byte(`{"x":"`)); err != nil {
		return
	}
	for {
		if _, err := rw.Write(chunk); err != nil {
			return
		}
	}
}

// hang answers when the caller has left, and says so.
func hang(left chan<- struct{}) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		left <- struct{}{}
	}
}
