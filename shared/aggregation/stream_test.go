package aggregation

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/triptych-bff/triptych/shared/problem"
)

// gated adds a service that answers when the channel is closed.
func (w *world) gated(name, body string) (open chan struct{}) {
	open = make(chan struct{})
	w.http(name, func(rw http.ResponseWriter, r *http.Request) {
		select {
		case <-open:
			fmt.Fprint(rw, body)
		case <-r.Context().Done():
		}
	})
	return open
}

// TestSectionsAreSentAsTheyCome: the next service answers when the section before has
// been sent, so that each is sent while the others are still awaited.
func TestSectionsAreSentAsTheyCome(t *testing.T) {
	for _, order := range [][]string{{"a", "b", "c"}, {"c", "a", "b"}, {"b", "c", "a"}} {
		w := newWorld(t)
		gates := map[string]chan struct{}{}
		var table []Part
		for _, name := range []string{"a", "b", "c"} {
			gates[name] = w.gated(name, `{"of":"`+name+`"}`)
			table = append(table, Part{Name: name, From: HTTP(name).Get("/")})
		}
		close(gates[order[0]])
		var sent []string
		a, err := w.compile(Endpoint{Parts: table}).Stream(t.Context(), ada(), func(s Section) error {
			sent = append(sent, s.Name)
			if want := `{"of":"` + s.Name + `"}`; string(s.Body) != want || s.Flaws != nil {
				t.Errorf("%s: %s, %v", s.Name, s.Body, s.Flaws)
			}
			if len(sent) < len(order) {
				close(gates[order[len(sent)]])
			}
			return nil
		})
		if err != nil || !slices.Equal(sent, order) {
			t.Errorf("sent %v, want %v: %v", sent, order, err)
		}
		if a.Body != nil || string(a.Meta()) != `{"completeness":"full"}` {
			t.Errorf("%s, %s", a.Body, a.Meta())
		}
	}
}

// TestASectionOfSeveralParts is sent when the last of them is in.
func TestASectionOfSeveralParts(t *testing.T) {
	w := newWorld(t)
	first, second := w.gated("a", `[1]`), w.gated("b", `[2]`)
	other := w.gated("c", `3`)
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "m", From: HTTP("a").Get("/")},
		{Name: "c", From: HTTP("c").Get("/")},
		{Name: "m", From: HTTP("b").Get("/"), Merge: Concat},
	}})
	close(second)
	close(other)
	var sent []string
	_, err := p.Stream(t.Context(), ada(), func(s Section) error {
		if sent = append(sent, s.Name+string(s.Body)); s.Name == "c" {
			close(first)
		}
		return nil
	})
	if err != nil || !slices.Equal(sent, []string{"c3", "m[1,2]"}) {
		t.Error(sent, err)
	}
}

var errGone = errors.New("gone")

// TestASectionThatCannotBeSentEndsTheRequest: the services that are still asked see that
// nobody waits for them, and nothing is sent any more.
func TestASectionThatCannotBeSentEndsTheRequest(t *testing.T) {
	w := newWorld(t)
	arrived, left := make(chan struct{}), make(chan struct{})
	w.http("slow", func(rw http.ResponseWriter, r *http.Request) {
		close(arrived)
		hang(left)(rw, r)
	})
	w.http("users", func(rw http.ResponseWriter, _ *http.Request) {
		<-arrived
		fmt.Fprint(rw, `{"id":1}`)
	})
	user := users.Get("/me")
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "slow", From: HTTP("slow").Get("/"), Else: Default(`1`)},
		{Name: "user", From: user},
		{Name: "again", From: user, Else: Omit},
	}})
	n := 0
	a, err := p.Stream(t.Context(), ada(), func(Section) error {
		n++
		return errGone
	})
	if a != nil || err != errGone || n != 1 {
		t.Errorf("%v, %v, sent %d", a, err, n)
	}
	<-left
}

// TestAStreamThatFails sends nothing behind the failure, and tells the problem.
func TestAStreamThatFails(t *testing.T) {
	w := newWorld(t)
	left, sent := make(chan struct{}), make(chan struct{})
	arrived := make(chan struct{})
	w.json("users", `{"id":1}`)
	w.http("orders", func(rw http.ResponseWriter, _ *http.Request) {
		<-sent
		<-arrived
		rw.WriteHeader(http.StatusNotFound)
	})
	w.http("slow", func(rw http.ResponseWriter, r *http.Request) {
		close(arrived)
		hang(left)(rw, r)
	})
	failing := orders.Get("/")
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "user", From: users.Get("/me")},
		{Name: "orders", From: failing},
		{Name: "same", From: failing, Else: Default(`[]`)},
		{Name: "slow", From: HTTP("slow").Get("/"), Else: Default(`1`)},
	}})
	var names []string
	a, err := p.Stream(t.Context(), ada(), func(s Section) error {
		names = append(names, s.Name)
		close(sent)
		return nil
	})
	if got := problem.From(err); a != nil || got == nil || got.Kind != problem.NotFound || !slices.Equal(names, []string{"user"}) {
		t.Error(a, err, names)
	}
	<-left
}

// TestFlawsOfSections come with them, and again with the end.
func TestFlawsOfSections(t *testing.T) {
	w := newWorld(t)
	w.http("orders", status(http.StatusInternalServerError))
	w.json("users", `{"items":[{"id":1},{"id":2}]}`)
	w.http("stock", func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/2" {
			rw.WriteHeader(http.StatusInternalServerError)
		}
		fmt.Fprint(rw, `7`)
	})
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "gone", From: orders.Get("/"), Else: Omit},
		{Name: "default", From: orders.Get("/"), Else: Default(`[]`)},
		{Name: "items", From: users.Get("/").ForEach("items", "n", func(it Item) *Call { return HTTP("stock").Get("/{}", it.Value("id")) }).Max(5)},
		{Name: "skipped", From: users.Get("/x").When(Has(QueryParam("x")))},
	}})
	in := ada()
	in.Repair = func(part string) string { return "/fix/" + part }
	got := map[string]string{}
	a, err := p.Stream(t.Context(), in, func(s Section) error {
		text := string(s.Body)
		for _, f := range s.Flaws {
			text += fmt.Sprintf(" %s %s %s %v %s", f.State, f.Source, f.Code, f.Items, f.Repair)
		}
		got[s.Name] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"gone":    "  orders bad-upstream [] /fix/gone",
		"default": "[] default orders bad-upstream [] /fix/default",
		"items":   `{"items":[{"id":1,"n":7},{"id":2}]} incomplete stock bad-upstream [1] /fix/items`,
		"skipped": "",
	} {
		if got[name] != want {
			t.Errorf("%s: got %q, want %q", name, got[name], want)
		}
	}
	want := `{"completeness":"partial","errors":[{"part":"gone","source":"orders","code":"bad-upstream","repair":"/fix/gone"},` +
		`{"part":"default","state":"default","source":"orders","code":"bad-upstream","repair":"/fix/default"},` +
		`{"part":"items","state":"incomplete","source":"stock","code":"bad-upstream","items":[1],"repair":"/fix/items"}]}`
	if string(a.Meta()) != want || a.CacheControl != "no-store" {
		t.Errorf("got  %s, %s\nwant %s", a.Meta(), a.CacheControl, want)
	}
}

// TestNothingIsSentToAClientThatHasLeft, though parts have something to show instead.
func TestNothingIsSentToAClientThatHasLeft(t *testing.T) {
	w := newWorld(t)
	arrived, left := make(chan struct{}), make(chan struct{})
	w.http("slow", func(rw http.ResponseWriter, r *http.Request) {
		close(arrived)
		hang(left)(rw, r)
	})
	p := w.compile(Endpoint{Parts: []Part{{Name: "slow", From: HTTP("slow").Get("/"), Else: Default(`1`)}}})
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		<-arrived
		leave()
	}()
	_, err := p.Stream(ctx, ada(), func(s Section) error {
		t.Errorf("%s is sent", s.Name)
		return nil
	})
	if got := problem.From(err); got == nil || got.Kind != problem.ClientClosed {
		t.Error(err)
	}
	<-left
}

// TestWhatIsLateIsSentAsItsContractSays when the time is over.
func TestWhatIsLateIsSentAsItsContractSays(t *testing.T) {
	w := newWorld(t)
	left := make(chan struct{})
	w.http("slow", hang(left))
	p := w.compile(Endpoint{Budget: 30 * time.Millisecond, Parts: []Part{{Name: "slow", From: HTTP("slow").Get("/"), Else: Default(`1`)}}})
	n := 0
	a, err := p.Stream(t.Context(), ada(), func(s Section) error {
		if n++; string(s.Body) != "1" || len(s.Flaws) != 1 || s.Flaws[0].Code != "upstream-timeout" {
			t.Errorf("%+v", s)
		}
		return nil
	})
	if err != nil || n != 1 || len(a.Flaws) != 1 {
		t.Error(a, err, n)
	}
	<-left
}

// TestAPanicOfSendEndsTheRequest as its own panic, and no call is left behind.
func TestAPanicOfSendEndsTheRequest(t *testing.T) {
	w := newWorld(t)
	arrived, left := make(chan struct{}), make(chan struct{})
	w.http("slow", func(rw http.ResponseWriter, r *http.Request) {
		close(arrived)
		hang(left)(rw, r)
	})
	w.http("users", func(rw http.ResponseWriter, _ *http.Request) {
		<-arrived
		fmt.Fprint(rw, `1`)
	})
	p := w.compile(Endpoint{Parts: []Part{{Name: "slow", From: HTTP("slow").Get("/")}, {Name: "user", From: users.Get("/")}}})
	defer func() {
		if recover() == nil {
			t.Error("the panic is gone")
		}
		<-left
	}()
	_, _ = p.Stream(t.Context(), ada(), func(Section) error { panic("out of luck") })
}

// TestWhatHasNoStreamedForm says so.
func TestWhatHasNoStreamedForm(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{}`)
	user := []Part{{Name: "user", From: users.Get("/")}}
	for want, e := range map[bool][]Endpoint{
		true: {{Parts: user}, {Parts: user, Fields: true}},
		false: {
			{Parts: user, Compose: func(dst []byte, _ func(string) []byte) ([]byte, error) { return append(dst, "{}"...), nil }},
			{Route: "POST /x", Parts: []Part{{Name: "user", From: users.Post("/")}}},
			{Route: "POST /x", Parts: user},
			{Parts: []Part{{Name: "user", From: users.Get("/"), Cookies: []string{"c"}}}},
		},
	} {
		for i := range e {
			if p := w.compile(e[i]); p.Streams() != want || p.Explain().Streams != want {
				t.Errorf("%v of %+v", !want, e[i])
			}
		}
	}
}
