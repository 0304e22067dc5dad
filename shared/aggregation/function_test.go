package aggregation

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/triptych-bff/triptych/shared/httpcache"
	"github.com/triptych-bff/triptych/shared/identity"
	"github.com/triptych-bff/triptych/shared/problem"
)

// greeting is what a function of the tests is given.
type greeting struct {
	Name string          `json:"name"`
	Copy int64           `json:"copy"`
	Raw  json.RawMessage `json:"raw"`
}

// TestAFunctionStandsAmongTheServices: it is given values of another answer, and
// its own answer feeds a service.
func TestAFunctionStandsAmongTheServices(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{"name":"Ada \u2028 <b>","copies":[9007199254740993],"price":0.10000000000000000555}`)
	w.http("orders", func(rw http.ResponseWriter, r *http.Request) { fmt.Fprintf(rw, `{"asked":%q}`, r.URL.RequestURI()) })
	user := users.Get("/me")
	greet := Func("greet", func(_ context.Context, in greeting) (greeting, error) {
		in.Name = "Hello " + in.Name
		return in, nil
	}).Call(Fields{"name": user.Value("name"), "copy": user.Value("copies[0]"), "raw": user.Value("price")})
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "greeting", From: greet, Mask: `{name,raw}`},
		{Name: "orders", From: orders.Get("/orders/{}", greet.Value("copy"))},
	}})
	got := parts(mustRun(t, p, ada()))
	want := `{"greeting":{"name":"Hello Ada \u2028 \u003cb\u003e","raw":0.10000000000000000555},"orders":{"asked":"/orders/9007199254740993"}}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if cost := p.Cost(); cost != 2 {
		t.Errorf("costs %d calls of services, want 2", cost)
	}
}

// TestAFunctionWithoutFields is given an empty object, and its null is an answer.
func TestAFunctionWithoutFields(t *testing.T) {
	nothing := Func("nothing", func(context.Context, struct{}) (*greeting, error) { return nil, nil })
	p := newWorld(t).compile(Endpoint{Parts: []Part{{Name: "none", From: nothing.Call(nil), Mask: `{name}`}}})
	if got := parts(mustRun(t, p, ada())); got != `{"none":null}` {
		t.Error(got)
	}
}

func TestAFunctionThatFails(t *testing.T) {
	for name, test := range map[string]struct {
		f    func(context.Context, greeting) (greeting, error)
		code string
		log  string
	}{
		"error": {func(context.Context, greeting) (greeting, error) {
			return greeting{}, errors.New("the secret cause")
		}, "internal", "the secret cause"},
		"problem": {func(context.Context, greeting) (greeting, error) {
			return greeting{}, fmt.Errorf("wrapped: %w", problem.Conflict.New("taken"))
		}, "conflict", "conflict: taken"},
		"panic": {func(context.Context, greeting) (greeting, error) { panic("out of luck") }, "internal", "out of luck"},
		"runtime panic": {func(_ context.Context, in greeting) (greeting, error) {
			return greeting{Copy: int64(in.Name[len(in.Name)])}, nil
		}, "internal", "index out of range"},
		"an answer that is no JSON": {func(context.Context, greeting) (greeting, error) {
			return greeting{Raw: json.RawMessage(`{"x":`)}, nil
		}, "internal", "JSON"},
		"a cancellation of its own": {func(ctx context.Context, _ greeting) (greeting, error) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return greeting{}, ctx.Err()
		}, "internal", "context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			call := Func("greet", test.f).Call(Fields{"name": "Ada"})
			required := w.compile(Endpoint{Parts: []Part{{Name: "greeting", From: call}}})
			_, err := required.Run(t.Context(), ada())
			if got := problem.From(err); err == nil || got.Kind.Code() != test.code {
				t.Errorf("got %v, want %s", err, test.code)
			}
			optional := w.compile(Endpoint{Parts: []Part{{Name: "greeting", From: call, Else: Omit}, {Name: "one", From: Constant(`1`)}}})
			a := answer(t, optional, ada())
			if got := string(a.Body); got != `{"one":1,"_meta":{"completeness":"partial","errors":[{"part":"greeting","source":"greet","code":"`+test.code+`"}]}}` {
				t.Error(got)
			}
			if !strings.Contains(a.Flaws[0].Err.Error(), test.log) {
				t.Error(a.Flaws[0].Err)
			}
		})
	}
}

// TestAFunctionIsGivenWhatDoesNotFit: the type of the function is the schema.
func TestAFunctionIsGivenWhatDoesNotFit(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{"copy":"many"}`)
	f := Func("greet", func(_ context.Context, in greeting) (greeting, error) {
		t.Error("called")
		return in, nil
	})
	p := w.compile(Endpoint{Parts: []Part{{Name: "x", From: f.Call(Fields{"copy": users.Get("/me").Value("copy")})}}})
	if _, err := p.Run(t.Context(), ada()); err == nil || problem.From(err).Kind != problem.Internal {
		t.Error(err)
	}
}

// TestAFunctionThatIgnoresItsContext holds nobody up: neither past the call's own
// time, nor past the budget, nor when the client leaves.
func TestAFunctionThatIgnoresItsContext(t *testing.T) {
	w := newWorld(t)
	block, begun := make(chan struct{}), make(chan struct{}, 3)
	defer close(block)
	deaf := Func("deaf", func(context.Context, greeting) (greeting, error) {
		begun <- struct{}{}
		<-block
		return greeting{}, nil
	})
	for name, e := range map[string]Endpoint{
		"within": {Parts: []Part{{Name: "x", From: deaf.Call(nil).Within(10 * time.Millisecond)}}},
		"budget": {Budget: 10 * time.Millisecond, Parts: []Part{{Name: "x", From: deaf.Call(nil)}}},
	} {
		_, err := w.compile(e).Run(t.Context(), ada())
		if got := problem.From(err); err == nil || got.Kind != problem.UpstreamTimeout {
			t.Errorf("%s: %v", name, err)
		}
		<-begun
	}
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		<-begun
		leave()
	}()
	p := w.compile(Endpoint{Parts: []Part{{Name: "x", From: deaf.Call(nil)}, {Name: "y", From: deaf.Call(Fields{"name": "b"}), Else: Omit}}})
	if _, err := p.Run(ctx, ada()); err == nil || problem.From(err).Kind != problem.ClientClosed {
		t.Error(err)
	}
}

// TestAFunctionSeesTheCallersContext: what is in it, and its end.
func TestAFunctionSeesTheCallersContext(t *testing.T) {
	w := newWorld(t)
	ended := make(chan error, 1)
	w.http("users", status(http.StatusNotFound))
	begun := make(chan struct{})
	f := Func("whose", func(ctx context.Context, _ greeting) (greeting, error) {
		if _, ok := ctx.Deadline(); !ok || identity.FromContext(ctx).Subject != "ada" {
			t.Error("no deadline, or nobody")
		}
		close(begun)
		<-ctx.Done()
		ended <- ctx.Err()
		return greeting{}, ctx.Err()
	})
	w.http("users", func(rw http.ResponseWriter, _ *http.Request) {
		<-begun
		rw.WriteHeader(http.StatusNotFound)
	})
	p := w.compile(Endpoint{Parts: []Part{{Name: "x", From: f.Call(nil)}, {Name: "user", From: users.Get("/me")}}})
	in := ada()
	_, err := p.Run(identity.NewContext(t.Context(), in.Identity), in)
	if got := problem.From(err); got.Kind != problem.NotFound {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestWhatAFunctionMadeIsKeptForItsCaller: it may have looked who that is.
func TestWhatAFunctionMadeIsKeptForItsCaller(t *testing.T) {
	w := newWorld(t)
	fails := false
	secret := Func("secret", func(ctx context.Context, _ greeting) (greeting, error) {
		if fails {
			return greeting{}, errors.New("out of luck")
		}
		return greeting{Name: "for " + identity.FromContext(ctx).Subject}, nil
	})
	for _, public := range []bool{false, true} {
		call := secret.Call(nil)
		if public {
			call.Public()
		}
		kept := httpcache.NewKept(1 << 20)
		defer kept.Close()
		p := w.compileIn(Env{Kept: kept}, Endpoint{Parts: []Part{
			{Name: "secret", From: call, Mask: `{name}`, Else: LastGood(time.Hour)}, {Name: "one", From: Constant(`1`)},
		}})
		as := func(subject string) string {
			in := ada()
			in.Identity = &identity.Identity{Subject: subject}
			a, err := p.Run(identity.NewContext(t.Context(), in.Identity), in)
			if err != nil {
				t.Fatal(err)
			}
			return parts(string(a.Body))
		}
		fails = false
		as("ada")
		fails = true
		if got := as("ada"); got != `{"secret":{"name":"for ada"},"one":1}` {
			t.Error(got)
		}
		want := `{"one":1}`
		if public {
			want = `{"secret":{"name":"for ada"},"one":1}`
		}
		if got := as("eve"); got != want {
			t.Errorf("public %v: eve got %s", public, got)
		}
	}
}

func TestConstants(t *testing.T) {
	w := newWorld(t)
	w.http("orders", func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(rw, `{"path":%q,"query":%q,"body":%s}`, r.URL.Path, r.URL.RawQuery, body)
	})
	shelf := Constant(" {\"ids\":[1,2,2,null,3],\"name\":\"a/b\" ,\n\"n\":1e400}\n")
	order := orders.Post("/x/{}", shelf.Value("ids[1]"), Query{"ids": shelf.Each("ids[]").Max(5), "name": shelf.Value("name")},
		Fields{"n": shelf.Value("n"), "all": shelf.Value("")})
	p := w.compile(Endpoint{Route: "POST /x", Parts: []Part{{Name: "order", From: order}, {Name: "shelf", From: shelf, Mask: `{name}`}}})
	got := parts(mustRun(t, p, ada()))
	want := `{"order":{"path":"/x/2","query":"ids=1,2,3&name=a%2Fb","body":{"all":{"ids":[1,2,2,null,3],"name":"a/b","n":1e400},"n":1e400}},"shelf":{"name":"a/b"}}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	_, err := Compile(Endpoint{Route: "GET /x", Policy: "p", Budget: time.Second, Parts: []Part{{Name: "x", From: Constant(`{`)}}}, env(w.lookup))
	if err == nil || !strings.Contains(err.Error(), "expected JSON") {
		t.Error(err)
	}
}

// answer is an answer that must be there.
func answer(t testing.TB, p *Plan, in Input) *Answer {
	t.Helper()
	a, err := p.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// compileIn is compile with more of an environment.
func (w *world) compileIn(in Env, e Endpoint) *Plan {
	w.t.Helper()
	e.Route, e.Policy = cmp.Or(e.Route, "GET /v1/home"), "member"
	if e.Budget == 0 {
		e.Budget = 20 * time.Second
	}
	in.Services = w.lookup
	p, err := Compile(e, in)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}
