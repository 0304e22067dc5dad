package aggregation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/triptych-bff/triptych/shared/problem"
)

// drip answers a byte whenever the last one is written, without an end.
func drip(rw http.ResponseWriter, r *http.Request) {
	fmt.Fprint(rw, `{"x":"`)
	for r.Context().Err() == nil {
		if _, err := rw.Write([]byte("x")); err != nil {
			return
		}
		_ = http.NewResponseController(rw).Flush()
		runtime.Gosched()
	}
}

// torture is what services do to those who wait for them.
var torture = map[string]struct {
	service http.HandlerFunc
	codes   string // that a part may be missing with
}{
	"hangs before the head": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "upstream-timeout"},
	"hangs in the body": {func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, `{"x":`)
		_ = http.NewResponseController(rw).Flush()
		<-r.Context().Done()
	}, "upstream-timeout"},
	"hangs behind a length": {func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Length", "100")
		fmt.Fprint(rw, `{"x":1}`)
		_ = http.NewResponseController(rw).Flush()
		<-r.Context().Done()
	}, "upstream-timeout"},
	"drips":         {drip, "upstream-timeout bad-upstream"}, // or more than an answer may be
	"ten gigabytes": {endless, "bad-upstream"},
	"claims a length": {func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Length", "10000000000")
		endless(rw, nil)
	}, "bad-upstream"},
	"cuts": {func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Length", "100")
		fmt.Fprint(rw, `{"items":[]}`)
	}, "bad-upstream"},
	"cuts a chunk": {func(rw http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(rw, `{"x":1}`)
		_ = http.NewResponseController(rw).Flush()
		panic(http.ErrAbortHandler)
	}, "bad-upstream unreachable"},
	"garbage": {write("\x00\xff{"), "bad-upstream"},
	"deep":    {write(strings.Repeat(`[`, 100_000) + strings.Repeat(`]`, 100_000)), "bad-upstream"},
	"two answers": {func(rw http.ResponseWriter, _ *http.Request) {
		c, b, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = b.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}}")
		_ = b.Flush()
		_ = c.Close()
	}, "bad-upstream"},
}

// TestNothingWaits past the budget, or past a call's own time, whatever a service does
// and wherever the call stands: shown, joined, for each element, or only used.
func TestNothingWaits(t *testing.T) {
	for name, test := range torture {
		t.Run(name, func(t *testing.T) {
			bound := 20 * time.Second // which none of these needs
			if strings.Contains(test.codes, "timeout") {
				t.Parallel()
				bound = 300 * time.Millisecond
			}
			w := newWorld(t)
			w.http("bad", test.service)
			w.json("users", `{"items":[{"id":1}]}`)
			for _, own := range []bool{false, true} {
				bad, list := func() *Call { return HTTP("bad").Get("/") }, users.Get("/")
				budget, within := bound, time.Duration(0)
				if own {
					budget, within = 20*time.Second, bound
				}
				shown := bad().Within(within)
				e := Endpoint{Budget: budget, Parts: []Part{
					{Name: "ok", From: list},
					{Name: "shown", From: shown, Else: Omit},
					{Name: "default", From: shown, Mask: `{x}`, Else: Default(`0`)},
					{Name: "kept", From: shown, Else: LastGood(time.Hour)},
					{Name: "used", From: users.Get("/{}", shown.Value("id")), Else: Omit},
					{Name: "join", From: list.Join("items.id", shown, "items.id", "it").Optional()},
					{Name: "each", From: list.ForEach("items", "it", func(it Item) *Call {
						return HTTP("bad").Get("/{}", it.Value("id")).Within(within)
					}).Max(3)},
					{Name: "or", From: users.Get("/{}", shown.Value("id").Or("none")), Else: Omit}, // which there is time for only with its own
				}}
				a := answer(t, w.compile(e), ada())
				want := `{"ok":{"items":[{"id":1}]},"default":0,"join":{"items":[{"id":1}]},"each":{"items":[{"id":1}]}`
				if got := string(a.Body); !strings.HasPrefix(got, want) || strings.Contains(got, "x") && strings.Contains(got, `"x"`) {
					t.Errorf("got %.500s", got)
				}
				if own && !strings.Contains(string(a.Body), `"or":{"items"`) {
					t.Errorf("no time was left: %s", a.Body)
				}
				for _, f := range a.Flaws {
					if !strings.Contains(test.codes, f.Code) && f.Part != "or" {
						t.Errorf("%s is %s: %v", f.Part, f.Code, f.Err)
					}
				}
				e.Parts = []Part{{Name: "ok", From: list}, {Name: "required", From: shown}}
				_, err := w.compile(e).Run(t.Context(), ada())
				if got := problem.From(err); err == nil || !strings.Contains(test.codes, got.Kind.Code()) {
					t.Errorf("required: %v", err)
				}
			}
		})
	}
}

// TestAGRPCServiceThatHangs holds nobody up, and sees that it was given up.
func TestAGRPCServiceThatHangs(t *testing.T) {
	w := newWorld(t)
	left := make(chan struct{}, 1)
	w.rpc(func(ctx context.Context, _ string) (string, error) {
		<-ctx.Done()
		left <- struct{}{}
		return "", ctx.Err()
	})
	books := shelf.Call("BatchGetBooks", nil)
	for _, e := range []Endpoint{
		{Budget: 100 * time.Millisecond, Parts: []Part{{Name: "books", From: books, Else: Omit}, {Name: "one", From: Constant(`1`)}}},
		{Parts: []Part{{Name: "books", From: shelf.Call("BatchGetBooks", nil).Within(100 * time.Millisecond), Else: Omit}, {Name: "one", From: Constant(`1`)}}},
	} {
		a := answer(t, w.compile(e), ada())
		if len(a.Flaws) != 1 || a.Flaws[0].Code != "upstream-timeout" || parts(string(a.Body)) != `{"one":1}` {
			t.Errorf("%s", a.Body)
		}
		<-left
	}
}

// TestALateAnswer is none: what comes after the budget changes nothing, and the memory
// of the next answers is theirs.
func TestALateAnswer(t *testing.T) {
	w := newWorld(t)
	go1, go2 := make(chan struct{}), make(chan struct{})
	late := Func("late", func(context.Context, struct{}) (string, error) { // which nobody can stop
		<-go1
		close(go2)
		return "late", nil
	})
	p := w.compile(Endpoint{Budget: 50 * time.Millisecond, Parts: []Part{{Name: "late", From: late.Call(nil), Else: Omit}, {Name: "one", From: Constant(`1`)}}})
	a := answer(t, p, ada())
	before := string(a.Body)
	close(go1)
	<-go2
	if string(a.Body) != before || strings.Contains(before, `"late":"late"`) {
		t.Errorf("%s, was %s", a.Body, before)
	}
}

// TestAClientThatLeavesEndsEverything: the services see it, those of elements too, and
// functions.
func TestAClientThatLeavesEndsEverything(t *testing.T) {
	w := newWorld(t)
	var all sync.WaitGroup
	arrived, left := make(chan struct{}, 9), make(chan struct{}, 9)
	wait := func(ctx context.Context) {
		arrived <- struct{}{}
		<-ctx.Done()
		left <- struct{}{}
	}
	w.http("orders", func(_ http.ResponseWriter, r *http.Request) { wait(r.Context()) })
	w.rpc(func(ctx context.Context, _ string) (string, error) { wait(ctx); return "", ctx.Err() })
	f := Func("f", func(ctx context.Context, _ struct{}) (int, error) { wait(ctx); return 0, ctx.Err() })
	list := Constant(`{"items":[{"id":1},{"id":2},{"id":3},{"id":4}]}`)
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "http", From: orders.Get("/"), Else: Omit},
		{Name: "grpc", From: shelf.Call("BatchGetBooks", nil), Else: Default(`1`)},
		{Name: "f", From: f.Call(nil)},
		{Name: "each", From: list.ForEach("items", "it", func(it Item) *Call { return orders.Get("/{}", it.Value("id")) }).Max(9).AtOnce(2)},
	}})
	ctx, leave := context.WithCancel(t.Context())
	all.Go(func() {
		for range 5 {
			<-arrived
		}
		leave()
	})
	if _, err := p.Run(ctx, ada()); err == nil || problem.From(err).Kind != problem.ClientClosed {
		t.Error(err)
	}
	for range 5 {
		<-left
	}
	all.Wait()
	if len(arrived) > 0 {
		t.Error("others were begun after the client had left")
	}
}

// TestNothingBeginsForAClientThatHasLeft, whatever it is.
func TestNothingBeginsForAClientThatHasLeft(t *testing.T) {
	w := newWorld(t)
	w.http("orders", func(http.ResponseWriter, *http.Request) { t.Error("called") })
	list := Constant(`{"items":[{"id":1}]}`)
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "x", From: orders.Get("/"), Else: Omit},
		{Name: "each", From: list.ForEach("items", "it", func(it Item) *Call { return orders.Get("/{}", it.Value("id")) }).Max(9)},
	}})
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if _, err := p.Run(ctx, ada()); err == nil || problem.From(err).Kind != problem.ClientClosed {
		t.Error(err)
	}
	w.pool.Close()
}

// TestTheAcceptanceLine: what depends on the recommendations reaches the catalog before
// the users have answered, which are slow.
func TestTheAcceptanceLine(t *testing.T) {
	w := newWorld(t)
	reached := make(chan struct{})
	w.http("users", func(rw http.ResponseWriter, r *http.Request) {
		select {
		case <-reached: // "500 ms later"
			fmt.Fprint(rw, `{"id":"ada"}`)
		case <-r.Context().Done():
			t.Error("the catalog was never asked")
		}
	})
	w.http("recommendations", func(rw http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(rw, `{"items":[{"book_id":"b2","reason":"new"},{"book_id":"b1","reason":"old"}]}`)
	})
	w.rpc(func(_ context.Context, request string) (string, error) {
		if request != `{"ids":["b2","b1"],"edition":"0"}` {
			t.Errorf("asked %s", request)
		}
		close(reached)
		return `{"books":[{"id":"b1","title":"Emma"},{"id":"b2","title":"Persuasion"}]}`, nil
	})
	picks := HTTP("recommendations").Get("/for/{}", Claim("sub"))
	books := shelf.Call("BatchGetBooks", Fields{"ids": picks.Each("items.book_id").Max(12)})
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "user", From: users.Get("/users/{}", Claim("sub"))},
		{Name: "picks", From: picks.Join("items.book_id", books, "books.id", "book"), Mask: `{items[]{reason,title:book.title}}`},
	}})
	want := `{"user":{"id":"ada"},"picks":{"items":[{"reason":"new","title":"Persuasion"},{"reason":"old","title":"Emma"}]},"_meta":{"completeness":"full"}}`
	if got := mustRun(t, p, ada()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestARequiredFailureDoesNotWait for others, be they calls of services, of elements,
// or functions.
func TestARequiredFailureDoesNotWait(t *testing.T) {
	w := newWorld(t)
	block := make(chan struct{})
	defer close(block)
	arrived, left := make(chan struct{}, 9), make(chan struct{}, 9)
	w.http("orders", func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
		left <- struct{}{}
	})
	deaf := Func("deaf", func(context.Context, struct{}) (int, error) {
		arrived <- struct{}{}
		<-block
		return 0, nil
	})
	w.http("users", func(rw http.ResponseWriter, _ *http.Request) {
		for range 4 {
			<-arrived
		}
		rw.WriteHeader(http.StatusForbidden)
	})
	list := Constant(`{"items":[{"id":1},{"id":2}]}`)
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "orders", From: orders.Get("/")},
		{Name: "deaf", From: deaf.Call(nil), Else: Default(`1`)},
		{Name: "each", From: list.ForEach("items", "it", func(it Item) *Call { return orders.Get("/{}", it.Value("id")) }).Max(9)},
		{Name: "user", From: users.Get("/me")},
	}})
	if _, err := p.Run(t.Context(), ada()); err == nil || problem.From(err).Kind != problem.Forbidden {
		t.Error(err)
	}
	for range 3 {
		<-left
	}
}

// TestAChangeIsMadeOnce, whatever else is asked the same thing at the same time, and
// never again when it fails.
func TestAChangeIsMadeOnce(t *testing.T) {
	w := newWorld(t)
	var asked atomic.Int64
	w.http("orders", func(rw http.ResponseWriter, r *http.Request) {
		if asked.Add(1)%2 == 0 {
			panic(http.ErrAbortHandler) // a kept connection that breaks is what clients repeat a request for
		}
		fmt.Fprint(rw, `{"id":7}`)
	})
	p := w.compile(Endpoint{Route: "POST /x", Parts: []Part{{Name: "order", From: orders.Post("/orders", Fields{"n": 1})}}})
	var all sync.WaitGroup
	var unknown atomic.Int64
	for range 20 {
		all.Go(func() {
			if _, err := p.Run(t.Context(), ada()); err != nil {
				if problem.From(err).Kind != problem.OutcomeUnknown {
					t.Error(err)
				}
				unknown.Add(1)
			}
		})
	}
	all.Wait()
	if asked.Load() != 20 || unknown.Load() != 10 {
		t.Errorf("made %d times, %d unknown", asked.Load(), unknown.Load())
	}
}

// TestClientsThatComeAndGo at random: every call that has reached a service ends, and
// the engine's own count is nought.
func TestClientsThatComeAndGo(t *testing.T) {
	w := newWorld(t)
	var begun, ended atomic.Int64
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	turns := func(n uint64) bool { return rand.New(rand.NewPCG(seed, n)).IntN(3) > 0 }
	serve := func(ctx context.Context) error {
		n := begun.Add(1)
		defer ended.Add(1)
		if turns(uint64(n)) {
			return nil
		}
		<-ctx.Done() // as a slow one
		return ctx.Err()
	}
	w.http("users", func(rw http.ResponseWriter, r *http.Request) {
		if serve(r.Context()) == nil {
			fmt.Fprint(rw, rows(6, 4))
		}
	})
	w.http("orders", func(rw http.ResponseWriter, r *http.Request) {
		if serve(r.Context()) == nil {
			fmt.Fprint(rw, `{"n":1}`)
		}
	})
	w.rpc(func(ctx context.Context, _ string) (string, error) { return `{"books":[{"id":"b1"}]}`, serve(ctx) })
	f := Func("f", func(ctx context.Context, _ struct{}) (int, error) { return 1, serve(ctx) })
	list := users.Get("/list")
	p := w.compile(Endpoint{Budget: 300 * time.Millisecond, Parts: []Part{
		{Name: "list", From: list, Else: Default(`0`)},
		{Name: "each", From: list.ForEach("items", "it", func(it Item) *Call { return orders.Get("/{}", it.Value("id")) }).Max(5).AtOnce(2), Else: Omit},
		{Name: "join", From: list.Join("items.id", shelf.Call("BatchGetBooks", Fields{"ids": list.Each("items.id").Max(9)}), "books.id", "it").Optional(), Else: Omit},
		{Name: "f", From: f.Call(nil), Else: Omit},
		{Name: "g", From: orders.Get("/g").When(Has(list.Value("items").Or(nil))), Else: Omit},
	}})
	var all sync.WaitGroup
	for client := range uint64(8) {
		all.Go(func() {
			random := rand.New(rand.NewPCG(seed, 1000+client))
			for range 12 {
				ctx, leave := context.WithCancel(t.Context())
				at := begun.Load() + int64(random.IntN(20))
				gone := make(chan struct{})
				go func() { // leaves when services have been asked so many times
					defer close(gone)
					for ctx.Err() == nil && begun.Load() < at {
						runtime.Gosched()
					}
					leave()
				}()
				a, err := p.Run(ctx, ada())
				if kind := problem.From(err); err != nil && kind.Kind != problem.ClientClosed && kind.Kind != problem.UpstreamTimeout {
					t.Error(err)
				}
				if err == nil {
					a.Release()
				}
				leave()
				<-gone
			}
		})
	}
	all.Wait()
	for end := time.Now().Add(10 * time.Second); begun.Load() != ended.Load() || w.pool.Unfinished() != 0; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d begun, %d ended, %d unfinished", begun.Load(), ended.Load(), w.pool.Unfinished())
		}
	}
}
