package projection

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func mustSelect(t testing.TB, text string) *Selection {
	t.Helper()
	s, err := ParseSelection(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSelection(t *testing.T) {
	for text, want := range map[string]string{
		"next":                          "next",
		"items(title,id),next":          "items(id,title),next",
		" next , items ( id , \ttitle)": "items(id,title),next",
		"b(a(d,c)),a":                   "a,b(a(c,d))",
		"x-1,_y,Z9":                     "Z9,_y,x-1",
	} {
		if got := mustSelect(t, text).String(); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	s := mustSelect(t, "next,items(title,id)")
	if diff := cmp.Diff([]string{"items", "next"}, s.Names()); diff != "" {
		t.Error(diff)
	}
	if sub := s.Sub("items"); sub == nil || sub.String() != "id,title" {
		t.Errorf("inside items: %v", sub)
	}
	if s.Sub("next") != nil || s.Sub("other") != nil {
		t.Error("something is selected inside of what has no list")
	}
}

func TestParseSelectionRefuses(t *testing.T) {
	names := make([]string, maxSelectionPaths+1)
	for i := range names {
		names[i] = fmt.Sprintf("n%02d", i)
	}
	tests := []struct {
		text    string
		offset  int
		message string
	}{
		{``, 0, "expected a name"},
		{`a,`, 2, "expected a name"},
		{`a()`, 2, "expected a name"},
		{`a(b`, 3, "expected ',' or ')'"},
		{`a)`, 1, "expected ',' or the end"},
		{`a b`, 2, "expected ',' or the end"},
		{"a\x00", 1, "expected ',' or the end"},
		{`a.b`, 1, "expected ',' or the end"},
		{`a,b,a`, 4, `"a" is already selected`},
		{`a(b),a`, 5, `"a" is already selected`},
		{`a(b,b)`, 4, `"b" is already selected`},
		{strings.Join(names, ","), 200, "at most 50 names"},
		{strings.Repeat("a(", 16) + "a" + strings.Repeat(")", 16), 31, "at most 16 levels"},
		{strings.Repeat("a", 2049), 2048, "at most 2048 bytes"},
	}
	for _, tt := range tests {
		_, err := ParseSelection(tt.text)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%.40s: %v", tt.text, err)
			continue
		}
		if syntax.Offset != tt.offset || !strings.Contains(syntax.Message, tt.message) {
			t.Errorf("%.40s: byte %d: %s", tt.text, syntax.Offset, syntax.Message)
		}
	}
	mustSelect(t, strings.Join(names[1:], ","))
	mustSelect(t, strings.Repeat("a(", 15)+"a"+strings.Repeat(")", 15))
	mustSelect(t, strings.Repeat("a", 2048))
}

func TestNarrow(t *testing.T) {
	tests := []struct{ mask, selection, want string }{
		{`{id,name}`, "name", `{name}`},
		{`{title:name,id}`, "title", `{title:name}`},
		{`{user{id,name},x}`, "user(name)", `{user{name}}`},
		{`{user{id,name},x}`, "user", `{user{id,name}}`},
		{`{items[:3]{id,name},x}`, "items(id)", `{items[:3]{id}}`},
		{`{price.amount,price.currency}`, "currency", `{price.currency}`},
		{`{p:price.amount,c:price.currency{x,y}}`, "c(y)", `{c:price.currency{y}}`},
		{`{image:images[0].url,width:images[0].size.w,height:images[0].size.h}`, "height,image", `{image:images[0].url,height:images[0].size.h}`},
		{`{names:tags[].user{a,b}}`, "names(b)", `{names:tags[].user{b}}`},
		{`{tags[].name}`, "name", `{tags[].name}`},
		{`{all:tags[]}`, "all", `{all:tags[]}`},
		{`{m[][0]{a,b}}`, "m(b)", `{m[][0]{b}}`},
		{`{a{id,b{id,c{id}}}}`, "a(b(c))", `{a{b{c{id}}}}`},
		{`{prices{*{net,tax}}}`, "prices(EUR(net),USD)", `{prices{EUR{net},USD{net,tax}}}`},
		{`{prices.*.net}`, "net(EUR)", `{net:prices{EUR:EUR.net}}`},
		{`{*[0].a{b,c}}`, "x(b),y", `{x:x[0].a{b},y:y[0].a{b,c}}`},
		{`{*[].a{b,c}}`, "x(b),y", `{x:x[].a{b},y:y[].a{b,c}}`},
		{`{*}`, "x", `{x}`},
		{`{-a,b{c,d},e[]{-f}}`, "b(d),e(g),z", `{b{d},e[]{g},z}`},
		{`{x{-a}}`, "x", `{x{-a}}`},
		{`[]{id,name}`, "id", `[]{id}`},
		{`[0]{id,name}`, "id", `[0]{id}`},
		{`[0].a{id,name}`, "id", `[0].a{id}`},
		{`[][:2].a{id,name}`, "id", `[][:2].a{id}`},
	}
	for _, tt := range tests {
		m, err := mustCompile(t, tt.mask).Narrow(mustSelect(t, tt.selection))
		if err != nil {
			t.Errorf("%s to %s: %v", tt.mask, tt.selection, err)
			continue
		}
		if m.String() != tt.want {
			t.Errorf("%s to %s: %s, want %s", tt.mask, tt.selection, m, tt.want)
		}
		if same(t, m.root, mustCompile(t, m.String()).root); m.pass == nil {
			t.Errorf("%s to %s cannot be used", tt.mask, tt.selection)
		}
	}
	m := mustCompile(t, `{a}`)
	if all, err := m.Narrow(nil); err != nil || all != m {
		t.Errorf("to all: %v, %v", all, err)
	}
}

// same fails when two masks do not do the same.
func same(t testing.TB, x, y *node) {
	t.Helper()
	if diff := cmp.Diff(x, y, cmp.AllowUnexported(node{}, field{})); diff != "" {
		t.Errorf("not the same mask: %s", diff)
	}
}

// TestNarrowReference narrows generated masks to parts of what they write, and
// compares with those parts of what the whole mask writes.
func TestNarrowReference(t *testing.T) {
	narrowed := 0
	for i := range uint64(6000) {
		m, err := Compile(mask(i))
		if err != nil {
			continue
		}
		src := []byte(document(i*31, i%2 == 0))
		all, err := m.Project(nil, src)
		if err != nil {
			continue
		}
		tree, err := decode(all)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(i, 17))
		text := chosen(r, tree)
		if text == "" {
			continue
		}
		s := mustSelect(t, text)
		to, err := m.Narrow(s)
		if err != nil {
			continue // it selects inside of what is copied whole
		}
		narrowed++
		got, err := to.Project(nil, src)
		if err != nil {
			t.Fatal(err)
		}
		back, err := decode(got)
		if err != nil {
			t.Fatal(err)
		}
		if g, w := encode(nil, back), encode(nil, restrict(s, tree)); !bytes.Equal(g, w) {
			t.Fatalf("%s to %s of %s:\n got %s\nwant %s", m, s, src, g, w)
		}
	}
	if narrowed < 500 {
		t.Errorf("only %d masks were narrowed", narrowed)
	}
}

// chosen is a random selection of the names in v.
func chosen(r *rand.Rand, v any) string {
	switch v := v.(type) {
	case []any:
		if len(v) > 0 {
			return chosen(r, v[r.IntN(len(v))])
		}
	case []pair:
		var names []string
		for _, m := range v {
			if r.IntN(2) > 0 {
				continue
			}
			name := m.key
			if inside := chosen(r, m.value); inside != "" && r.IntN(2) > 0 {
				name += "(" + inside + ")"
			}
			names = append(names, name)
		}
		return strings.Join(names, ",")
	}
	return ""
}

// restrict leaves of v what s selects; nil is all.
func restrict(s *Selection, v any) any {
	if s == nil {
		return v
	}
	switch v := v.(type) {
	case []any:
		out := []any{}
		for _, e := range v {
			out = append(out, restrict(s, e))
		}
		return out
	case []pair:
		out := []pair{}
		for _, m := range v {
			if slices.Contains(s.Names(), m.key) {
				out = append(out, pair{m.key, restrict(s.Sub(m.key), m.value)})
			}
		}
		return out
	}
	return v
}

func TestNarrowRefuses(t *testing.T) {
	tests := []struct {
		mask, selection string
		want            UnknownFieldError
		message         string
	}{
		{`{a,b}`, "c", UnknownFieldError{[]string{"c"}, false}, "there is no field c"},
		{`{x:a}`, "a", UnknownFieldError{[]string{"a"}, false}, "there is no field a"},
		{`{a.b}`, "a(b)", UnknownFieldError{[]string{"a"}, false}, "there is no field a"},
		{`{items[]{id}}`, "items(id,name)", UnknownFieldError{[]string{"items", "name"}, false}, "there is no field items.name"},
		{`{a{b}}`, "a(b(c))", UnknownFieldError{[]string{"a", "b", "c"}, true}, "a.b offers no fields of its own"},
		{`{a[]}`, "a(c)", UnknownFieldError{[]string{"a", "c"}, true}, "a offers no fields of its own"},
		{`{-a}`, "a", UnknownFieldError{[]string{"a"}, false}, "there is no field a"},
		{`{-a}`, "b(c)", UnknownFieldError{[]string{"b", "c"}, true}, "b offers no fields of its own"},
		{`{x:y.*}`, "x(b(c))", UnknownFieldError{[]string{"x", "b", "c"}, true}, "x.b offers no fields of its own"},
		{`[]`, "c", UnknownFieldError{[]string{"c"}, true}, "there is no field c"},
		{`*`, "c", UnknownFieldError{[]string{"c"}, true}, "there is no field c"},
	}
	for _, tt := range tests {
		_, err := maskOf(t, tt.mask).Narrow(mustSelect(t, tt.selection))
		var unknown *UnknownFieldError
		if !errors.As(err, &unknown) {
			t.Errorf("%s to %s: %v", tt.mask, tt.selection, err)
			continue
		}
		if diff := cmp.Diff(&tt.want, unknown); diff != "" || !strings.Contains(err.Error(), tt.message) {
			t.Errorf("%s to %s: %v: %s", tt.mask, tt.selection, err, diff)
		}
	}
}

func TestNames(t *testing.T) {
	tests := []struct {
		mask   string
		want   []string
		closed bool
	}{
		{`{id,title:name,user{id}}`, []string{"id", "title", "user"}, true},
		{`{price.amount,image:images[0].url,w:images[0].size.w,tags[].name}`, []string{"amount", "image", "w", "name"}, true},
		{`[]{id}`, nil, false},
		{`[0]{id}`, nil, false},
		{`*`, nil, false},
		{`{*{a}}`, nil, false},
		{`{-a}`, nil, false},
	}
	for _, tt := range tests {
		names, closed := maskOf(t, tt.mask).Names()
		if diff := cmp.Diff(tt.want, names); diff != "" || closed != tt.closed {
			t.Errorf("%s: %v, %v", tt.mask, names, closed)
		}
	}
}

func FuzzSelection(f *testing.F) {
	for _, text := range []string{"a", "items(id,name),a", " a ( b ) ", "a(b", "a,a", "x(y(z))", "price(amount)"} {
		f.Add(text, `{a,x:items[]{id,name},price{amount}}`)
		f.Add(text, `{-b,a[]{x},x{*.z}}`)
		f.Add(text, `{*.a[0]{x}}`)
	}
	f.Fuzz(func(t *testing.T, text, mask string) {
		s, err := ParseSelection(text)
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(text) || syntax.Message == "" {
				t.Fatalf("%q: %#v", text, err)
			}
			return
		}
		again, err := ParseSelection(s.String())
		if err != nil || again.String() != s.String() || strings.Contains(s.String(), " ") {
			t.Fatalf("%q is %q, and that is %v, %v", text, s, again, err)
		}
		m, err := Compile(mask)
		if err != nil {
			return
		}
		narrowed, err := m.Narrow(s)
		if err != nil {
			return
		}
		same(t, narrowed.root, mustCompile(t, narrowed.String()).root)
		names, closed := narrowed.Names()
		if closed && len(names) != len(s.Names()) {
			t.Fatalf("%s to %s writes %v", mask, s, names)
		}
	})
}
