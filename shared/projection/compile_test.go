package projection

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompileRefuses(t *testing.T) {
	many := make([]string, maxFields+1)
	for i := range many {
		many[i] = fmt.Sprintf("m%d", i)
	}
	tests := []struct {
		mask    string
		offset  int
		message string // a part of it
	}{
		{``, 0, "expected '{' or '['"},
		{`a`, 0, "expected '{' or '['"},
		{`{}`, 1, "expected a name"},
		{`{a,}`, 3, "expected a name"},
		{`{a b}`, 3, "expected ',' or '}'"},
		{`{a`, 2, "expected ',' or '}'"},
		{`{a}}`, 3, "expected the end of the mask"},
		{`{a}b`, 3, "expected the end of the mask"},
		{`{!a}`, 1, "expected a name"},
		{`*`, 0, "expected '{' or '['"},
		{`{a,*}`, 3, "'*' stands alone in its braces, or behind a '.'"},
		{`{*,a}`, 2, "'*' writes every member, and stands alone"},
		{`{*:a}`, 2, "'*' keeps the names"},
		{`{a:*}`, 3, "'*' keeps the names"},
		{`{*a}`, 2, "expected '}'"},
		{`{*`, 2, "expected '}'"},
		{`{*{}}`, 3, "expected a name"},
		{`{*.}`, 3, "expected a name"},
		{`{a[*]}`, 3, "expected a number"},
		{`{x:a.*.b,y:a.*.c}`, 12, "already selected"},
		{`{x:a.b,y:a.*.c}`, 10, "the object is already selected"},
		{`{x:a.*.b,y:a.c}`, 12, "already selected"},
		{`{-}`, 2, "expected a name"},
		{`{--a}`, 2, "does not begin with '-'"},
		{`{a:-b}`, 3, "does not begin with '-'"},
		{`{a.-b}`, 3, "does not begin with '-'"},
		{`{-a:b}`, 3, "expected ',' or '}'"},
		{`{-a.b}`, 3, "expected ',' or '}'"},
		{`{-a{b}}`, 3, "expected ',' or '}'"},
		{`{-a,-a}`, 4, "is excluded by another member"},
		{`{-a,a{b}}`, 4, "is excluded by another member"},
		{`{a{b},-a}`, 6, "is already selected by another member"},
		{`{-a,a.b}`, 5, "is excluded by another member"},
		{`{-a,x:a[]}`, 7, "is excluded by another member"},
		{`{-a,b}`, 4, "under its own name"},
		{`{b,-a}`, 1, "under its own name"},
		{`{c{d},x:b{c},-a}`, 6, "under its own name"},
		{`{b.c,-a}`, 1, "under its own name"},
		{`{b[0]{c},-a}`, 1, "under its own name"},
		{`{b[].c,-a}`, 1, "under its own name"},
		{`{a:}`, 3, "expected a name"},
		{`{:a}`, 1, "expected a name"},
		{`{a.}`, 3, "expected a name"},
		{`{a[x]}`, 3, "expected a number"},
		{`{a[-1]}`, 3, "expected a number"},
		{`{a[1}`, 4, "expected ']'"},
		{`{a[1:2]}`, 4, "expected ']'"},
		{`{a[:]}`, 4, "expected a number"},
		{`{a[:0]}`, 2, "expected a limit of at least 1"},
		{`{a[99999999999999999999]}`, 3, "expected a number up to 2147483647"},
		{`{ä}`, 1, "expected a name"},
		{`[`, 1, "expected a number"},
		{`[x`, 1, "expected a number"},

		{`{a,a}`, 3, "already selected"},
		{`{x:a,y:a}`, 5, "already selected"},
		{`{a,b:a.x}`, 6, "already selected"},
		{`{a.x,a}`, 5, "already selected"},
		{`{a{x},z:a.y}`, 9, "already selected"},
		{`{a.y,a{x}}`, 5, "already selected"},
		{`{a[]{x},z:a[].y}`, 11, "already selected"},
		{`{a[0],b:a[1]}`, 9, "element 0 of the same array is already selected"},
		{`{a[0],b:a[0].c}`, 12, "already selected"},
		{`{a[0].x,a[]{y}}`, 9, "already selected"},
		{`{a,x.a}`, 3, `already has a member "a"`},
		{`{x:a,y:b,x:c}`, 9, `already has a member "x"`},
		{`{p.a,q.a}`, 5, `already has a member "a"`},

		{`{` + strings.Join(many, ",") + `}`, 247, "at most 64 members"},
		{strings.Repeat("{a", 65) + strings.Repeat("}", 65), 130, "at most 64 levels"},
		{"{a" + strings.Repeat(".a", 65) + "}", 130, "at most 64 levels"},
	}
	for _, tt := range tests {
		_, err := Compile(tt.mask)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%.40s: got %v", tt.mask, err)
			continue
		}
		if syntax.Offset != tt.offset || !strings.Contains(syntax.Message, tt.message) {
			t.Errorf("%.40s: byte %d: %s; want byte %d: %s", tt.mask, syntax.Offset, syntax.Message, tt.offset, tt.message)
		}
	}
}

func TestPaths(t *testing.T) {
	tests := []struct {
		mask string
		want []string
	}{
		{`{id,who:user{id,name}}`, []string{"id", "user.id", "user.name"}},
		{`{items[:3]{price.amount,images[1].url}}`, []string{"items[].price.amount", "items[].images[1].url"}},
		{`[]{id}`, []string{"[].id"}},
		{`[0]`, []string{"[0]"}},
		{`{prices.*.net,x{*[]{y}}}`, []string{"prices.*.net", "x.*[].y"}},
		{`{*}`, []string{"*"}},
		{`{user{-email,address{city}}}`, []string{"user.email", "user.address.city"}},
	}
	if paths := Whole().Paths(); paths != nil {
		t.Errorf("everything names %v", paths)
	}
	for _, tt := range tests {
		m := mustCompile(t, tt.mask)
		if diff := cmp.Diff(tt.want, m.Paths()); diff != "" {
			t.Errorf("%s: %s", tt.mask, diff)
		}
		if m.String() != tt.mask {
			t.Errorf("%s prints as %s", tt.mask, m)
		}
	}
}

func TestCompilePathRefuses(t *testing.T) {
	tests := []struct {
		path    string
		offset  int
		message string
	}{
		{``, 0, "expected a name"},
		{`.a`, 0, "expected a name"},
		{`a.`, 2, "expected a name"},
		{`a..b`, 2, "expected a name"},
		{`a[`, 2, "expected a number"},
		{`a[:2]`, 2, "expected a number"},
		{`a b`, 2, "expected '.', '[' or the end"},
		{`*a`, 1, "expected '.', '[' or the end"},
		{`a.**`, 3, "expected '.', '[' or the end"},
		{`-a`, 0, "does not begin with '-'"},
		{"a" + strings.Repeat("[]", 64), 129, "at most 64 levels"},
	}
	for _, tt := range tests {
		_, err := CompilePath(tt.path)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%s: got %v", tt.path, err)
			continue
		}
		if syntax.Offset != tt.offset || !strings.Contains(syntax.Message, tt.message) {
			t.Errorf("%s: byte %d: %s", tt.path, syntax.Offset, syntax.Message)
		}
	}
}

func TestShows(t *testing.T) {
	for mask, paths := range map[string]struct{ shown, hidden string }{
		`{id,who:user{id,name}}`:    {"id id.x user user.id user.id.x", "who user.x name x"},
		`{items[:3]{price.amount}}`: {"items items.price items.price.amount", "items.price.net items.id"},
		`[]{id}`:                    {"id", "x"},
		`[0]`:                       {"id x.y", ""},
		`{prices.*.net}`:            {"prices prices.x prices.x.net", "prices.x.gross x"},
		`{*}`:                       {"x x.y", ""},
		`{items}`:                   {"items.x.y", "x"},
		`{user{-email,address{city}}}`: {
			"user user.x user.x.y user.address.city", "user.email user.email.x user.address.x x",
		},
	} {
		m := mustCompile(t, mask)
		for _, path := range strings.Fields(paths.shown) {
			if !m.Shows(path) || !Whole().Shows(path) {
				t.Errorf("%s hides %s", mask, path)
			}
		}
		for _, path := range strings.Fields(paths.hidden) {
			if m.Shows(path) {
				t.Errorf("%s shows %s", mask, path)
			}
		}
	}
}

// TestPrint prints masks from what they were compiled to.
func TestPrint(t *testing.T) {
	for mask, want := range map[string]string{
		` { a , b : c [ :2 ] { d } , e . f } `: `{a,b:c[:2]{d},e.f}`,
		`{price.amount,x,c:price.currency}`:    `{price.amount,c:price.currency,x}`,
		`{a[0].b,c:a[0].d[]}`:                  `{a[0].b,c:a[0].d[]}`,
		`{prices.*.net}`:                       `{net:prices{*.net}}`,
		`{prices.*}`:                           `{prices{*}}`,
		`[].*`:                                 `[]{*}`,
		`{*[][0].a{b}}`:                        `{*[][0].a{b}}`,
		`{-a,b{-c},d[:3]}`:                     `{-a,b{-c},d[:3]}`,
	} {
		m := mustCompile(t, mask)
		if got := m.root.print(); got != want {
			t.Errorf("%s: %s, want %s", mask, got, want)
		}
		same(t, m.root, mustCompile(t, want).root)
	}
}
