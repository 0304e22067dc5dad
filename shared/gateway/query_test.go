package gateway

import (
	"slices"
	"testing"
)

func TestTake(t *testing.T) {
	for query, want := range map[string]struct {
		values []string
		rest   string
	}{
		"":                          {nil, ""},
		"a=1&b=2":                   {nil, "a=1&b=2"},
		"x=1":                       {[]string{"1"}, ""},
		"x":                         {[]string{""}, ""},
		"x=1&a=%2f&&b":              {[]string{"1"}, "a=%2f&&b"},
		"a=1&x=1":                   {[]string{"1"}, "a=1"},
		"a=1&x=1&b=2":               {[]string{"1"}, "a=1&b=2"},
		"x=1&a=1&%78=2+%28":         {[]string{"1", "2 ("}, "a=1"},
		"xx=1&ax=1&a=x":             {nil, "xx=1&ax=1&a=x"},
		"x=%zz&%zz=1&x=a=b&x=c;d&a": {[]string{"%zz", "a=b", "c;d"}, "%zz=1&a"},
		"a=1&":                      {nil, "a=1&"},
	} {
		values, rest := take(query, "x")
		if !slices.Equal(values, want.values) || rest != want.rest {
			t.Errorf("%s: %q and %q, want %q and %q", query, values, rest, want.values, want.rest)
		}
	}
}

func TestPreferred(t *testing.T) {
	for _, test := range []struct {
		accept string
		want   form
	}{
		{"*/*", whole},
		{"", whole},
		{"application/json", whole},
		{"text/event-stream", events},
		{"Application/X-NDJSON", lines},
		{"application/*", whole},
		{"text/*", events},
		{"application/json, application/x-ndjson", whole},
		{"application/x-ndjson, */*", whole},
		{"application/x-ndjson, */*;q=0.9", lines},
		{"application/json;q=0.5, application/*", lines},
		{"application/json;q=0, */*", lines},
		{"text/event-stream;q=0.9, application/x-ndjson;q=0.8, application/json;q=0.1", events},
		{"text/event-stream;charset=utf-8;q=0.2, application/json;q=0.3", whole},
		{"text/event-stream; Q=1.0 , application/json;q=0.3", events},
		{"text/event-stream;q=0", whole},
		{"text/event-stream;q=2", whole},
		{"text/event-stream;q=NaN, application/x-ndjson;q=x", whole},
		{"text/event-stream;q=0.1, text/*, application/json;q=0.5", whole},
	} {
		if got := preferred([]string{test.accept}); got != test.want {
			t.Errorf("%s: %s, want %s", test.accept, media[got], media[test.want])
		}
	}
	if preferred(nil) != whole || preferred([]string{"application/json;q=0.2", "text/event-stream;q=0.3"}) != events {
		t.Error("no line, or several")
	}
}
