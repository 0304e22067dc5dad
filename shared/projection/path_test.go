package projection

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAppend(t *testing.T) {
	tests := []struct {
		path, src string
		want      []string
	}{
		{"user.id", `{"user":{"id":"x"}}`, []string{`"x"`}},
		{"user.id", `{"user":null}`, nil},
		{"user.id", `{"user":{"id":null}}`, []string{`null`}},
		{"items.id", `{"items":[{"id":1},{},{"id":"2"},5,[{"id":3}]]}`, []string{"1", `"2"`, "3"}},
		{"items.id", `{"items":{"id":1}}`, []string{"1"}},
		{"items[].id", `{"items":[{"id":1},{"id":2}]}`, []string{"1", "2"}},
		{"items[0].id", `{"items":[{"id":1},{"id":2}]}`, []string{"1"}},
		{"items[2].id", `{"items":[{"id":1},{"id":2}]}`, nil},
		{"items[]", `{"items":[{"id" : 1} , [2],3]}`, []string{`{"id" : 1}`, "[2]", "3"}},
		{"items[]", `{"items":{"id":1}}`, nil},
		{"items", `{"items":[1, 2]}`, []string{"[1, 2]"}},
		{"items[1]", `{"items":[1, 2]}`, []string{"2"}},
		{"id", `[{"id":1},{"id":2}]`, []string{"1", "2"}},
		{"[]", `[1,[2]]`, []string{"1", "[2]"}},
		{"[1].id", `[{"id":1},{"id":2}]`, []string{"2"}},
		{"items.basis.ids[]", `{"items":[{"basis":{"ids":["a","b"]}},{"basis":{"ids":["c"]}}]}`, []string{`"a"`, `"b"`, `"c"`}},
		{"a", `{"\u0061":1,"ab":2,"\u0061b":3}`, []string{"1"}},
		{"a_long_key_name", `{"a_long_key":1,"a_long_key_name":2,"a_long_key_names":3}`, []string{"2"}},
		{"a", ` { "a" : 1 } `, []string{"1"}},
		{"a", `5`, nil},
	}
	for _, tt := range tests {
		p := mustPath(t, tt.path)
		src := []byte(tt.src)
		values, err := p.Append([][]byte{[]byte("before")}, src)
		if err != nil {
			t.Errorf("%s of %s: %v", tt.path, tt.src, err)
			continue
		}
		var got []string
		for _, v := range values[1:] {
			got = append(got, string(v))
			if cap(v) != len(v) {
				t.Errorf("%s of %s: appending to %s would overwrite the document", tt.path, tt.src, v)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s of %s: %s", tt.path, tt.src, diff)
		}
		spans, err := p.Spans(nil, src)
		if err != nil || len(spans) != len(got) {
			t.Errorf("%s of %s: %d spans, %v", tt.path, tt.src, len(spans), err)
			continue
		}
		for i, s := range spans {
			if string(src[s.Start:s.End]) != got[i] {
				t.Errorf("%s of %s: span %d is %s", tt.path, tt.src, i, src[s.Start:s.End])
			}
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	for _, src := range []string{`{"a":1,"a":2}`, `{"a":1}x`, `{"a":1`, `{"b":[1,]}`, "{\"b\":\"\xff\"}"} {
		values, err := mustPath(t, "a").Append([][]byte{nil}, []byte(src))
		var fault *DocumentError
		if !errors.As(err, &fault) || len(values) != 1 {
			t.Errorf("%q: %q, %v", src, values, err)
		}
	}
}

func TestText(t *testing.T) {
	for raw, want := range map[string]string{
		`"abc"`:           "abc",
		`""`:              "",
		`"a\u00e9\n\""`:   "aé\n\"",
		`"\ud83d\ude00"`:  "😀",
		`"\ud800"`:        "\ufffd",
		`1.50`:            "1.50",
		`-0`:              "-0",
		` true `:          "true",
		` "with spaces" `: "with spaces",
	} {
		if got, err := Text([]byte(raw)); err != nil || got != want {
			t.Errorf("%s: got %q, %v", raw, got, err)
		}
	}
	for _, raw := range []string{`null`, `{}`, `[1]`} {
		if _, err := Text([]byte(raw)); !errors.Is(err, ErrNoText) {
			t.Errorf("%s: %v", raw, err)
		}
	}
	for _, raw := range []string{``, `"`, `nul`, `1 2`, "\"\xff\""} {
		if _, err := Text([]byte(raw)); err == nil || errors.Is(err, ErrNoText) {
			t.Errorf("%q: %v", raw, err)
		}
	}
}
