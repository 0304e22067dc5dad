package projection

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// captured names what a pass found: the number of the path and the value.
func captured(src string, found []Capture) []string {
	var all []string
	for _, c := range found {
		all = append(all, fmt.Sprintf("%d %s", c.Path, src[c.Span.Start:c.Span.End]))
	}
	return all
}

func TestPass(t *testing.T) {
	books := `{"items":[{"id":1,"by":{"id":"a"}},{"id":2,"by":{"id":"b"}},{"id":3}],"next":"n"}`
	tests := []struct {
		name, mask string
		captures   []string
		src, want  string
		found      []string
	}{
		{"beyond the limit", `{items[:1]{id}}`, []string{"items.id"}, books, `{"items":[{"id":1}]}`, []string{"0 1", "0 2", "0 3"}},
		{"what is not selected", `{items[]{id}}`, []string{"items.by.id", "next"}, books, `{"items":[{"id":1},{"id":2},{"id":3}]}`, []string{`0 "a"`, `0 "b"`, `1 "n"`}},
		{"inside of what is copied", `{items[:2]}`, []string{"items.by.id"}, `{"items":[ {"by": {"id": 1}}, 2, {"by":{"id":3}}]}`, `{"items":[{"by":{"id":1}},2]}`, []string{"0 1", "0 3"}},
		{"around and inside", `{next}`, []string{"items[0].by", "items[0]", "items[0].by.id"}, books, `{"next":"n"}`, []string{`1 {"id":1,"by":{"id":"a"}}`, `0 {"id":"a"}`, `2 "a"`}},
		{"twice the same", `{next}`, []string{"next", "next"}, books, `{"next":"n"}`, []string{`0 "n"`, `1 "n"`}},
		{"one element", `{items[1]}`, []string{"items[0].id", "items[2].id"}, books, `{"items":{"id":2,"by":{"id":"b"}}}`, []string{"0 1", "1 3"}},
		{"elements and their members", `{a[:2]{x}}`, []string{"a[1].y", "a[]", "a.y"}, `{"a":[{"x":1,"y":2},{"x":3,"y":4},{"y":5}]}`, `{"a":[{"x":1},{"x":3}]}`, []string{
			`1 {"x":1,"y":2}`, "2 2", `1 {"x":3,"y":4}`, "0 4", "2 4", `1 {"y":5}`, "2 5",
		}},
		{"arrays in arrays", `{a}`, []string{"a.b"}, `{"a":[[{"b":1}],[[{"b":2}],3]]}`, `{"a":[[{"b":1}],[[{"b":2}],3]]}`, []string{"0 1", "0 2"}},
		{"another type for the mask", `{items{id}}`, []string{"items.id"}, `{"items":[{"id":1}]}`, `{"items":null}`, []string{"0 1"}},
		{"another type for the capture", `{items{id}}`, []string{"items[].id", "items[0]"}, `{"items":{"id":1}}`, `{"items":{"id":1}}`, nil},
		{"another type, flattened", `{items[0].id}`, []string{"items.id"}, `{"items":{"id":1}}`, `{}`, []string{"0 1"}},
		{"every member", `{a{x}}`, []string{"*.y", "a.y", "a.*"}, `{"a":{"x":1,"y":2},"b":{"y":3},"c":[{"y":4}]}`, `{"a":{"x":1}}`, []string{"2 1", "0 2", "1 2", "2 2", "0 3", "0 4"}},
		{"every member for both", `{*{x}}`, []string{"a.y", "*.z"}, `{"a":{"x":1,"y":2},"b":{"y":3,"z":4}}`, `{"a":{"x":1},"b":{}}`, []string{"0 2", "1 4"}},
		{"in what is excluded", `{-a}`, []string{"a.y", "b.y"}, `{"a":{"x":1,"y":2},"b":{"y":3}}`, `{"b":{"y":3}}`, []string{"0 2", "1 3"}},
		{"null", `{a}`, []string{"a"}, ` null`, `null`, nil},
		{"null in it", `{a{b}}`, []string{"a", "a.b"}, `{"a":null}`, `{"a":null}`, []string{"0 null"}},
		{"everything", `*`, []string{"a"}, ` { "a" : 1 } `, `{"a":1}`, []string{"0 1"}},
		{"everything of null", `*`, []string{"a"}, `null `, `null`, nil},
		{"everything of a scalar", `*`, nil, ` "a b" `, `"a b"`, nil},
		{"nothing", ``, []string{"a"}, `{"a":1}`, ``, []string{"0 1"}},
		{"nothing of an array", ``, []string{"a"}, `[{"a":1}]`, ``, []string{"0 1"}},
		{"nothing of null", ``, []string{"a"}, `null`, ``, nil},
		{"escaped key", `{b}`, []string{"a"}, `{"\u0061":1,"b":2}`, `{"b":2}`, []string{"0 1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := NewPass(maskOf(t, tt.mask), pathsOf(t, tt.captures), Limits{})
			out, found, err := p.Run([]byte("before "), []byte(tt.src), []Capture{{Path: 9}})
			if err != nil {
				t.Fatal(err)
			}
			if want := "before " + tt.want; string(out) != want {
				t.Errorf("wrote %s, want %s", out, want)
			}
			if diff := cmp.Diff(tt.found, captured(tt.src, found[1:])); diff != "" || found[0].Path != 9 {
				t.Error(diff)
			}
		})
	}
}

// maskOf compiles a mask; nothing is no mask, and * the whole one.
func maskOf(t testing.TB, text string) *Mask {
	t.Helper()
	switch text {
	case "":
		return nil
	case "*":
		return Whole()
	}
	return mustCompile(t, text)
}

func pathsOf(t testing.TB, texts []string) []*Path {
	t.Helper()
	var paths []*Path
	for _, text := range texts {
		paths = append(paths, mustPath(t, text))
	}
	return paths
}

func TestPassRefuses(t *testing.T) {
	tests := []struct {
		mask     string
		captures []string
		limits   Limits
		src      string
		limit    bool
	}{
		{`{a}`, []string{"b"}, Limits{}, `{"b":1,"a":1,"b":2}`, false},
		{`{a}`, []string{"b"}, Limits{}, `{"a":1,"b":2`, false},
		{`{a}`, []string{"b"}, Limits{}, `{"b":1,"a":1}x`, false},
		{`{a}`, []string{"b"}, Limits{}, `[{"b":1}]`, false},
		{`{a}`, []string{"b"}, Limits{}, `nul`, false},
		{``, []string{"b"}, Limits{}, `{"b":1,}`, false},
		{`{-b}`, []string{"b"}, Limits{}, `{"b":1,"b":2}`, false},
		{`{*}`, []string{"b"}, Limits{}, `{"b":1,"b":2}`, false},
		{`{a}`, nil, Limits{Depth: 2}, `{"a":[[]]}`, true},
		{`{a[]}`, nil, Limits{Depth: 2}, `{"a":[[]]}`, true},
		{`{a[][]}`, nil, Limits{Depth: 2}, `{"a":[[1]]}`, true},
		{`{a{b{c}}}`, nil, Limits{Depth: 2}, `{"a":{"b":{"c":1}}}`, true},
		{``, []string{"a.b.c"}, Limits{Depth: 2}, `{"a":{"b":{"c":1}}}`, true},
		{``, nil, Limits{Depth: 2}, `{"x":{"y":{}}}`, true},
		{``, nil, Limits{}, strings.Repeat("[", MaxDepth+1), true},
		{``, []string{"a"}, Limits{Depth: MaxDepth + 9}, strings.Repeat("[", MaxDepth+1), true},
		{`{a}`, nil, Limits{Items: 2}, `{"a":[1,2,3]}`, true},
		{`{a[:1]}`, nil, Limits{Items: 2}, `{"a":[1,2,3]}`, true},
		{`{a[0]}`, nil, Limits{Items: 2}, `{"a":[1,2,3]}`, true},
		{``, []string{"a[5]"}, Limits{Items: 2}, `{"a":[1,2,3]}`, true},
		{`{a}`, nil, Limits{Items: 2}, `{"x":[{"y":[]},[1,[],3,4]]}`, true},
		{`[]`, nil, Limits{Items: 2}, `[ 1 , 2 , 3]`, true},
	}
	for _, tt := range tests {
		p := NewPass(maskOf(t, tt.mask), pathsOf(t, tt.captures), tt.limits)
		out, found, err := p.Run([]byte("kept"), []byte(tt.src), []Capture{{Path: 9}})
		var fault *DocumentError
		if !errors.As(err, &fault) || errors.Is(err, ErrLimit) != tt.limit {
			t.Errorf("%q of %.40s: %v", tt.mask, tt.src, err)
		}
		if string(out) != "kept" || len(found) != 1 || found[0].Path != 9 {
			t.Errorf("%q of %.40s: left %s and %v", tt.mask, tt.src, out, found)
		}
	}
}

// TestWithinLimits is at the limits, with arrays next to and inside of each other.
func TestWithinLimits(t *testing.T) {
	src := `{"a":[[1,2],[3,4]],"x":[[[],[1,2]],{"y":[1,2]}],"z":[1 , 2]}`
	for _, mask := range []string{``, `*`, `{a[]}`, `{x[:1]}`, `{z[1]}`} {
		for _, captures := range [][]string{nil, {"a[]", "x.y"}} {
			p := NewPass(maskOf(t, mask), pathsOf(t, captures), Limits{Depth: 4, Items: 2})
			if _, _, err := p.Run(nil, []byte(src), nil); err != nil {
				t.Errorf("%q: %v", mask, err)
			}
		}
	}
}

// TestManyMembers has more members to find in one object than a word has bits.
func TestManyMembers(t *testing.T) {
	var captures []*Path
	var fields []string
	for i := range 200 {
		captures = append(captures, mustPath(t, fmt.Sprintf("m%d", i)))
		fields = append(fields, fmt.Sprintf(`"m%d":%d`, i, i))
	}
	p := NewPass(nil, captures, Limits{})
	src := "{" + strings.Join(fields, ",") + "}"
	_, found, err := p.Run(nil, []byte(src), nil)
	if err != nil || len(found) != 200 {
		t.Fatalf("%d found, %v", len(found), err)
	}
	for i, c := range found {
		if c.Path != i || src[c.Span.Start:c.Span.End] != fmt.Sprint(i) {
			t.Errorf("%d: %+v", i, c)
		}
	}
	for _, again := range []int{3, 63, 64, 127, 128, 199} {
		twice := "{" + strings.Join(append(fields, fields[again]), ",") + "}"
		if _, _, err := p.Run(nil, []byte(twice), nil); err == nil || !strings.Contains(err.Error(), "repeated key") {
			t.Errorf("m%d twice: %v", again, err)
		}
	}
}

func TestMembers(t *testing.T) {
	src := []byte(` { "a" : [1, 2] ,"b\u0063":{"x":1},"a":null } `)
	members, err := Members(make([]Member, 1), src)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range members[1:] {
		got = append(got, string(src[m.Name.Start:m.Name.End])+" "+string(src[m.Value.Start:m.Value.End]))
	}
	if diff := cmp.Diff([]string{"a [1, 2]", `b\u0063 {"x":1}`, "a null"}, got); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{``, `[]`, `null`, `{"a":1`, `{"a":1}x`, `{"a":[}`, `{"a":1,}`, `{x}`} {
		var fault *DocumentError
		if members, err := Members(make([]Member, 1), []byte(bad)); !errors.As(err, &fault) || len(members) != 1 {
			t.Errorf("%s: %v, %v", bad, members, err)
		}
	}
	if members, err := Members(nil, []byte(`{ }`)); err != nil || members != nil {
		t.Errorf("of nothing: %v, %v", members, err)
	}
}

func TestElements(t *testing.T) {
	src := []byte(` [ {"a": 1} , [2],"3" ] `)
	elements, err := Elements(make([]Span, 1), src)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range elements[1:] {
		got = append(got, string(src[e.Start:e.End]))
	}
	if diff := cmp.Diff([]string{`{"a": 1}`, "[2]", `"3"`}, got); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{``, `{}`, `null`, `[1`, `[1]x`, `[{]`, `[1,]`} {
		var fault *DocumentError
		if elements, err := Elements(make([]Span, 1), []byte(bad)); !errors.As(err, &fault) || len(elements) != 1 {
			t.Errorf("%s: %v, %v", bad, elements, err)
		}
	}
	if elements, err := Elements(nil, []byte(`[ ]`)); err != nil || elements != nil {
		t.Errorf("of nothing: %v, %v", elements, err)
	}
}
