package aggregation

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/triptych-bff/triptych/shared/problem"
)

// buy is a change out of the request's body, with what is shown beside it.
func buy() (order, wallet *Call, e Endpoint) {
	order = orders.Post("/orders", Fields{"user": Claim("sub"), "book": BodyValue("book.id"), "kind": "loan", "days": 14})
	wallet = users.Get("/wallets/{}", order.Value("user"))
	return order, wallet, Endpoint{
		Route: "POST /v1/orders", Status: http.StatusCreated,
		Parts: []Part{
			{Name: "order", From: order, Mask: `{id}`},
			{Name: "wallet", From: wallet, Else: Omit},
		},
	}
}

// none composes nothing.
func none(dst []byte, _ func(string) []byte) ([]byte, error) { return append(dst, `{}`...), nil }

// shop answers orders and keeps what it was asked.
type shop struct {
	status int
	asked  atomic.Int64
	last   atomic.Pointer[string]
}

func (s *shop) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	text := r.Method + " " + r.URL.Path + " " + r.Header.Get("Content-Type") + " " + string(body)
	s.last.Store(&text)
	s.asked.Add(1)
	if s.status != 0 {
		rw.WriteHeader(s.status)
		return
	}
	rw.WriteHeader(http.StatusCreated)
	fmt.Fprint(rw, `{"id":7,"user":"ada"}`)
}

func bought(body string) Input {
	in := ada()
	in.Body = []byte(body)
	return in
}

func TestAChange(t *testing.T) {
	w, s := newWorld(t), &shop{}
	w.http("orders", s.ServeHTTP)
	w.json("users", `{"balance":5}`)
	_, _, e := buy()
	p := w.compile(e)
	if p.Method != "POST" || p.Status != http.StatusCreated || !p.Body {
		t.Errorf("%s %d, body %v", p.Method, p.Status, p.Body)
	}
	got := mustRun(t, p, bought(`{"book":{"id":9007199254740993},"more":1}`))
	if want := `{"order":{"id":7},"wallet":{"balance":5},"_meta":{"completeness":"full"}}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	want := `POST /orders application/json {"book":9007199254740993,"days":14,"kind":"loan","user":"ada"}`
	if got := *s.last.Load(); got != want {
		t.Errorf("asked %s\nwant  %s", got, want)
	}
}

func TestTheOtherMethods(t *testing.T) {
	w, s := newWorld(t), &shop{}
	w.http("orders", s.ServeHTTP)
	for want, call := range map[string]*Call{
		`PUT /o/ada application/json {"n":1}`:   orders.Put("/o/{}", Claim("sub"), Fields{"n": 1}),
		`PATCH /o/ada application/json {"n":1}`: orders.Patch("/o/{}", Claim("sub"), Fields{"n": 1}),
		`DELETE /o/ada  `:                       orders.Delete("/o/{}", Claim("sub")),
	} {
		p := w.compile(Endpoint{Route: "DELETE /x", Parts: []Part{{Name: "o", From: call}}})
		mustRun(t, p, ada())
		if got := *s.last.Load(); got != want {
			t.Errorf("asked %q, want %q", got, want)
		}
	}
}

// TestAChangeComesLast: a required part that cannot be had keeps the change from
// being made.
func TestAChangeComesLast(t *testing.T) {
	w, s := newWorld(t), &shop{}
	w.http("orders", s.ServeHTTP)
	w.http("users", status(http.StatusNotFound))
	_, _, e := buy()
	e.Parts = append(e.Parts, Part{Name: "user", From: users.Get("/users/{}", Claim("sub"))})
	_, err := w.compile(e).Run(t.Context(), bought(`{"book":{"id":"b"}}`))
	if got := problem.From(err); got.Kind != problem.NotFound {
		t.Error(err)
	}
	if n := s.asked.Load(); n != 0 {
		t.Errorf("changed %d times", n)
	}
}

// TestAChangeOutlivesWhatFollows: what is shown beside it can only be missing.
func TestAChangeOutlivesWhatFollows(t *testing.T) {
	w, s := newWorld(t), &shop{}
	w.http("orders", s.ServeHTTP)
	w.http("users", status(http.StatusInternalServerError))
	_, _, e := buy()
	a, err := w.compile(e).Run(t.Context(), bought(`{"book":{"id":"b"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := a.Completeness(); got != `partial, missing=("wallet")` {
		t.Error(got)
	}
}

func TestAChangeThatIsRefused(t *testing.T) {
	for code, want := range map[int]problem.Kind{
		http.StatusBadRequest: problem.BadRequest, http.StatusUnprocessableEntity: problem.BadRequest,
		http.StatusPaymentRequired: problem.PaymentRequired, http.StatusForbidden: problem.Forbidden,
		http.StatusNotFound: problem.NotFound, http.StatusConflict: problem.Conflict,
		http.StatusPreconditionFailed: problem.Conflict, http.StatusTooManyRequests: problem.Overloaded,
		http.StatusUnauthorized: problem.Unauthenticated, http.StatusSeeOther: problem.OutcomeUnknown,
		http.StatusServiceUnavailable:  problem.OutcomeUnknown,
		http.StatusInternalServerError: problem.OutcomeUnknown, http.StatusGatewayTimeout: problem.OutcomeUnknown,
	} {
		w, s := newWorld(t), &shop{status: code}
		w.http("orders", s.ServeHTTP)
		w.json("users", `{}`)
		_, _, e := buy()
		_, err := w.compile(e).Run(t.Context(), bought(`{"book":{"id":"b"}}`))
		if got := problem.From(err); err == nil || got.Kind != want {
			t.Errorf("status %d: got %v, want %s", code, err, want.Code())
		}
		if n := s.asked.Load(); n != 1 {
			t.Errorf("status %d: asked %d times", code, n)
		}
	}
}

// TestAChangeOfWhichNobodyKnows: the service was asked, and gave no usable answer.
func TestAChangeOfWhichNobodyKnows(t *testing.T) {
	left := make(chan struct{}, 1)
	for name, service := range map[string]http.HandlerFunc{
		"garbage": write(`{"id":`),
		"no id":   write(`[]`),
		"reset":   func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"late":    hang(left),
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int64
			w := newWorld(t)
			w.http("orders", func(rw http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				_, _ = io.ReadAll(r.Body)
				service(rw, r)
			})
			w.json("users", `{}`)
			_, _, e := buy()
			e.Budget = 300 * time.Millisecond
			_, err := w.compile(e).Run(t.Context(), bought(`{"book":{"id":"b"}}`))
			if got := problem.From(err); err == nil || got.Kind != problem.OutcomeUnknown {
				t.Errorf("got %v", err)
			}
			if n := asked.Load(); n != 1 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

// TestAChangeThatWasNeverSent is no mystery.
func TestAChangeThatWasNeverSent(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		w := newWorld(t)
		w.nobody("orders", http2)
		w.json("users", `{}`)
		_, _, e := buy()
		_, err := w.compile(e).Run(t.Context(), bought(`{"book":{"id":"b"}}`))
		if got := problem.From(err); err == nil || got.Kind != problem.Unreachable {
			t.Errorf("over HTTP/2 %v: got %v", http2, err)
		}
	}
}

// TestAChangeGoesOnWithoutItsClient to its end: it would be half done.
func TestAChangeGoesOnWithoutItsClient(t *testing.T) {
	w := newWorld(t)
	begun, gone, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	w.http("orders", func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		close(begun)
		<-gone
		fmt.Fprint(rw, `{"id":7,"user":"ada"}`)
		ended <- r.Context().Err()
	})
	w.json("users", `{}`)
	_, _, e := buy()
	p := w.compile(e)
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		<-begun
		leave()
	}()
	_, err := p.Run(ctx, bought(`{"book":{"id":"b"}}`))
	if got := problem.From(err); err == nil || got.Kind != problem.ClientClosed {
		t.Errorf("got %v", err)
	}
	close(gone)
	if err := <-ended; err != nil {
		t.Errorf("the change was given up: %v", err)
	}
}

// TestAChangeDoesNotBeginWithoutItsClient, nor when the time is over.
func TestAChangeDoesNotBeginWithoutItsClient(t *testing.T) {
	w, s := newWorld(t), &shop{}
	w.http("orders", s.ServeHTTP)
	w.json("users", `{}`)
	_, _, e := buy()
	ctx, leave := context.WithCancel(t.Context())
	leave()
	_, err := w.compile(e).Run(ctx, bought(`{"book":{"id":"b"}}`))
	if got := problem.From(err); err == nil || got.Kind != problem.ClientClosed {
		t.Errorf("got %v", err)
	}
	w.pool.Close()
	if s.asked.Load() != 0 {
		t.Error("it was made")
	}
}

// TestAChangeJoinedToAnother part is as unknown when the two do not fit.
func TestAChangeJoinedToAnother(t *testing.T) {
	w, s := newWorld(t), &shop{}
	w.http("orders", s.ServeHTTP)
	w.json("users", `{"items":[{"book":{}}]}`)
	order, _, e := buy()
	e.Parts = []Part{{Name: "shelf", From: users.Get("/shelf").Join("items.book", order, "orders.book", "order")}}
	_, err := w.compile(e).Run(t.Context(), bought(`{"book":{"id":"b"}}`))
	if got := problem.From(err); err == nil || got.Kind != problem.OutcomeUnknown || s.asked.Load() != 1 {
		t.Errorf("got %v", err)
	}
}

func TestABodyThatLacksAValue(t *testing.T) {
	w, s := newWorld(t), &shop{}
	w.http("orders", s.ServeHTTP)
	w.json("users", `{}`)
	_, _, e := buy()
	p := w.compile(e)
	for body, detail := range map[string]string{
		`{}`: "is required", `{"book":{}}`: "is required", `{"book":{"id":null}}`: "is required",
		`{"book":{"id":{"$ne":1}}}`: "must be a string, a number or a boolean", `{"book":{"id":[]}}`: "must be a string, a number or a boolean",
		`{"book":{"id":1,"id":2}}`: "cannot be read", ``: "cannot be read",
	} {
		_, err := p.Run(t.Context(), bought(body))
		got := problem.From(err)
		if err == nil || got.Kind != problem.BadRequest || len(got.Fields) != 1 || got.Fields[0].Pointer != "/book/id" || got.Fields[0].Detail != detail {
			t.Errorf("%s: got %v %+v", body, err, got)
		}
	}
	if n := s.asked.Load(); n != 0 {
		t.Errorf("changed %d times", n)
	}
}

// TestAChangeOfNothing is refused: an answer would say that something was done.
func TestAChangeOfNothing(t *testing.T) {
	w, s := newWorld(t), &shop{}
	w.http("orders", s.ServeHTTP)
	w.json("users", `{"wishes":[]}`)
	wishes := users.Get("/wishes").Each("wishes.book").Max(3)
	p := w.compile(Endpoint{Route: "POST /x", Parts: []Part{{Name: "order", From: orders.Post("/orders", Fields{"books": wishes})}}})
	_, err := p.Run(t.Context(), ada())
	if got := problem.From(err); err == nil || got.Kind != problem.BadRequest || s.asked.Load() != 0 {
		t.Errorf("got %v", err)
	}
}

func TestFaultsOfAChange(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{}`)
	w.json("orders", `{}`)
	order, wallet, good := buy()
	with := func(route string, parts ...Part) Endpoint { return Endpoint{Route: route, Parts: parts} }
	own := Part{Name: "order", From: order}
	for want, e := range map[string]Endpoint{
		`call orders POST /orders: a GET changes nothing`:                        with("GET /x", own),
		`one call that changes something, and there is call orders POST /orders`: with("POST /x", own, Part{Name: "b", From: users.Delete("/x")}),
		`call orders POST /orders: what a request changes is a part`:             with("POST /x", Part{Name: "order", From: order, Else: Omit}),
		`part "wallet": comes after the change and could still fail`:             with("POST /x", own, Part{Name: "wallet", From: wallet}),
		`take Public away`:                         with("POST /x", Part{Name: "x", From: orders.Post("/x").Public()}),
		`a GET has no body`:                        with("GET /x", Part{Name: "x", From: orders.Get("/x", Fields{"a": 1})}),
		`a DELETE has no body`:                     with("POST /x", Part{Name: "x", From: orders.Delete("/x", Fields{"a": 1})}),
		`body value "a": a GET has no body`:        with("GET /x", Part{Name: "x", From: orders.Get("/x/{}", BodyValue("a"))}),
		`route: expected a method (GET, POST, PUT`: with("FETCH /x", Part{Name: "x", From: orders.Get("/x")}),
		`status 204: expected 200, 201 or 202`:     {Route: "POST /x", Status: 204, Parts: good.Parts},
		`compose could still fail`:                 {Route: "POST /x", Compose: none, Parts: good.Parts},
	} {
		e.Policy, e.Budget = "member", time.Second
		_, err := Compile(e, env(w.lookup))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
