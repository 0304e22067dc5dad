package projection

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompileRefuses(t *testing.T) {
	many := make([]string, maxKeys+1)
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
		{`{*}`, 1, "wildcards are not supported"},
		{`{a.*}`, 3, "wildcards are not supported"},
		{`{!a}`, 1, "exclusions are not supported"},
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
		{`*`, 0, "wildcards are not supported"},
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
