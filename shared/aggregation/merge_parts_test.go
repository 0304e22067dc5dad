package aggregation

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/triptych-bff/triptych/shared/httpcache"
	"github.com/triptych-bff/triptych/shared/problem"
)

// pieces adds a service for each answer, in order, and is calls of them.
func pieces(w *world, answers ...string) (calls []*Call) {
	for i, body := range answers {
		name := fmt.Sprint("m", i)
		if body == "" {
			w.http(name, status(http.StatusInternalServerError))
		} else {
			w.json(name, body)
		}
		calls = append(calls, HTTP(name).Get("/"))
	}
	return calls
}

// TestPartsOfOneName become one member, in the order of the table, where the first
// of them stands.
func TestPartsOfOneName(t *testing.T) {
	for name, test := range map[string]struct {
		merge   Merge
		answers []string // "" fails
		want    string   // the member; "" is none
		flaws   int
	}{
		"first":                 {First, []string{`{"a":1}`, `{"b":2}`}, `{"a":1}`, 0},
		"first that is there":   {First, []string{``, `{"b":2}`, `{"c":3}`}, `{"b":2}`, 1},
		"last":                  {Last, []string{`{"a":1}`, `{"b":2}`}, `{"b":2}`, 0},
		"last that is there":    {Last, []string{`{"a":1}`, `{"b":2}`, ``}, `{"b":2}`, 1},
		"deep":                  {Deep, []string{`{"a":{"x":1}}`, `{"a":{"y":2},"b":3}`}, `{"a":{"x":1,"y":2},"b":3}`, 0},
		"deep around a failure": {Deep, []string{`{"a":1}`, ``, `{"c":3}`}, `{"a":1,"c":3}`, 1},
		"deep with null":        {Deep, []string{`null`, `{"a":1}`, `null`}, `{"a":1}`, 0},
		"lists":                 {Concat, []string{`[1]`, `[ ]`, `[2, 3]`}, `[1,2,3]`, 0},
		"a list and no list":    {Concat, []string{`[1]`, `{"a":1}`, `[2]`}, `[1,2]`, 1},
		"only the first list":   {Concat, []string{`[1]`, ``, ``}, `[1]`, 2},
		"by key":                {UniqueBy("id"), []string{`[{"id":1,"a":1}]`, `[{"id":1,"b":2},{"id":2}]`}, `[{"id":1,"a":1},{"id":2}]`, 0},
		"joined":                {JoinBy("id"), []string{`[{"id":1,"a":1}]`, `[{"id":1,"b":2},{"id":2}]`}, `[{"id":1,"a":1,"b":2},{"id":2}]`, 0},
		"large numbers":         {Deep, []string{`{"a":9007199254740993}`, `{"b":1.50}`}, `{"a":9007199254740993,"b":1.50}`, 0},
		"none":                  {Concat, []string{``, ``}, ``, 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.json("users", `{"id":"ada"}`)
			var table []Part
			for i, call := range pieces(w, test.answers...) {
				p := Part{Name: "m", From: call, Else: Omit}
				if i > 0 {
					p.Merge = test.merge
				}
				table = append(table, p)
				if i == 0 {
					table = append(table, Part{Name: "user", From: users.Get("/me")})
				}
			}
			a, err := w.compile(Endpoint{Parts: table}).Run(t.Context(), ada())
			if err != nil {
				t.Fatal(err)
			}
			want := `{"m":` + test.want + `,"user":{"id":"ada"}}`
			if test.want == "" {
				want = `{"user":{"id":"ada"}}`
			}
			if got := parts(string(a.Body)); got != want || len(a.Flaws) != test.flaws {
				t.Errorf("got  %s, %d flaws\nwant %s, %d", got, len(a.Flaws), want, test.flaws)
			}
		})
	}
}

// TestAPartThatDoesNotFit is as good as none: it is named in its place, it is not kept,
// and where it is required there is no answer.
func TestAPartThatDoesNotFit(t *testing.T) {
	w := newWorld(t)
	kept := httpcache.NewKept(1 << 20)
	t.Cleanup(kept.Close)
	m := pieces(w, `[1]`, `{"no":"list"}`, `[2]`, ``)
	table := []Part{
		{Name: "m", From: m[0]},
		{Name: "m", From: m[1], Merge: Concat, Else: LastGood(time.Hour), Cookies: []string{"c"}},
		{Name: "m", From: m[2], Merge: Concat},
		{Name: "z", From: m[3], Else: Omit},
	}
	e := Endpoint{Route: "GET /x", Policy: "p", Budget: time.Minute, Parts: table}
	p, err := Compile(e, Env{Services: w.lookup, Kept: kept})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time something could have been kept
		a, err := p.Run(t.Context(), ada())
		if err != nil {
			t.Fatal(err)
		}
		if parts(string(a.Body)) != `{"m":[1,2]}` || a.CacheControl != "no-store" {
			t.Errorf("%s, %s", a.Body, a.CacheControl)
		}
		if got := a.Completeness(); got != `partial, missing=("z"), incomplete=("m")` {
			t.Error(got)
		}
		if len(a.Flaws) != 2 || a.Flaws[0].Part != "m" || a.Flaws[0].Source != "m1" || a.Flaws[0].Code != "bad-upstream" || a.Flaws[1].Part != "z" {
			t.Errorf("%+v", a.Flaws)
		}
		if text := a.Flaws[0].Err.Error(); !strings.Contains(text, "an object; expected an array") {
			t.Error(text)
		}
	}
	table[1].Else = Else{}
	_, err = w.compile(Endpoint{Parts: table}).Run(t.Context(), ada())
	if err == nil || problem.From(err).Kind != problem.BadUpstream || problem.From(err).Detail != "m could not be had from m1" {
		t.Error(err)
	}
}

// TestADefaultIsMergedAsAPart whatever white space it is written with.
func TestADefaultIsMergedAsAPart(t *testing.T) {
	w := newWorld(t)
	m := pieces(w, ``, `[1]`, ``)
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "m", From: m[0], Else: Default(" [ ]\n")},
		{Name: "m", From: m[1], Merge: Concat},
		{Name: "m", From: m[2], Merge: Concat, Else: Default(` [ 2 , {"a" : 3} ]`)},
	}})
	if got := parts(mustRun(t, p, ada())); got != `{"m":[1,2,{"a":3}]}` {
		t.Error(got)
	}
}

// TestComposeSeesMergedParts as often as it looks.
func TestComposeSeesMergedParts(t *testing.T) {
	w := newWorld(t)
	m := pieces(w, `[1]`, `"no list"`, `[2]`)
	e := Endpoint{
		Parts: []Part{
			{Name: "m", From: m[0]},
			{Name: "m", From: m[1], Merge: Concat, Else: Omit},
			{Name: "m", From: m[2], Merge: Concat},
		},
		Compose: func(dst []byte, part func(string) []byte) ([]byte, error) {
			return fmt.Appendf(dst, ` {"one":%s,"two":%s} `, part("m"), part("m")), nil
		},
	}
	a, err := w.compile(e).Run(t.Context(), ada())
	if err != nil {
		t.Fatal(err)
	}
	if parts(string(a.Body)) != `{"one":[1,2],"two":[1,2]}` || len(a.Flaws) != 1 {
		t.Errorf("%s, %+v", a.Body, a.Flaws)
	}
	// a compose that looks at nothing does not hide what does not fit
	e.Compose = func(dst []byte, _ func(string) []byte) ([]byte, error) { return append(dst, "{ }"...), nil }
	if a, err = w.compile(e).Run(t.Context(), ada()); err != nil {
		t.Fatal(err)
	}
	if want := `{"_meta":{"completeness":"partial","errors":[{"part":"m","state":"incomplete","source":"m1","code":"bad-upstream"}]}}`; string(a.Body) != want {
		t.Errorf("got  %s\nwant %s", a.Body, want)
	}
	e.Parts[1].Else = Else{}
	if _, err := w.compile(e).Run(t.Context(), ada()); err == nil || problem.From(err).Kind != problem.BadUpstream {
		t.Error(err)
	}
}

// TestMergesWhenSomethingIsChanged must not be what fails.
func TestMergesWhenSomethingIsChanged(t *testing.T) {
	w := newWorld(t)
	m := pieces(w, `[1]`, `[2]`)
	e := Endpoint{Route: "POST /x", Policy: "p", Budget: time.Minute, Parts: []Part{
		{Name: "m", From: m[0]},
		{Name: "m", From: HTTP("m1").Post("/"), Merge: Concat},
	}}
	if _, err := Compile(e, env(w.lookup)); err == nil || !strings.Contains(err.Error(), `part "m": its merge could still fail when the change is made`) {
		t.Error(err)
	}
	e.Parts[1].Merge = Last
	if got := parts(mustRun(t, w.compile(e), ada())); got != `{"m":[2]}` {
		t.Error(got)
	}
}

// TestMergesOfSkippedParts: what was not to be made is not missing.
func TestMergesOfSkippedParts(t *testing.T) {
	w := newWorld(t)
	m := pieces(w, `[1]`, `[2]`, `[3]`)
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "m", From: m[0].When(Has(QueryParam("a")))},
		{Name: "m", From: m[1].When(Has(QueryParam("b"))), Merge: Concat},
		{Name: "m", From: m[2].When(Has(QueryParam("c"))), Merge: Concat},
	}})
	for query, want := range map[string]string{
		"":        `{}`,
		"a=1":     `{"m":[1]}`,
		"b=1":     `{"m":[2]}`,
		"a=&c=":   `{"m":[1,3]}`,
		"a&b&c=1": `{"m":[1,2,3]}`,
	} {
		in := ada()
		in.RawQuery = query
		got := strings.Replace(mustRun(t, p, in), `"_meta":{"completeness":"full"}`, "", 1)
		if got = strings.Replace(got, ",}", "}", 1); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
}

// TestMergesAreStreamedOnce their last part is in.
func TestMergesAreStreamedOnce(t *testing.T) {
	w := newWorld(t)
	m := pieces(w, `[1]`, `{}`, `[2]`)
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "m", From: m[0]},
		{Name: "m", From: m[1], Merge: Concat, Else: Omit},
		{Name: "m", From: m[2], Merge: Concat},
	}})
	sent := 0
	a, err := p.Stream(t.Context(), ada(), func(s Section) error {
		if sent++; s.Name != "m" || string(s.Body) != "[1,2]" || len(s.Flaws) != 1 || s.Flaws[0].Source != "m1" {
			return errors.New(fmt.Sprint(s))
		}
		return nil
	})
	if err != nil || sent != 1 || len(a.Flaws) != 1 || a.CacheControl != "no-store" {
		t.Errorf("%v, %d sections, %+v", err, sent, a)
	}
}
