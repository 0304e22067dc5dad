package transcoding

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/triptych-bff/triptych/shared/routing"
)

func newServer(t testing.TB, h http.Handler) *httptest.Server {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func TestTemplates(t *testing.T) {
	for _, tt := range []struct {
		template, path string
		values         []string
		no             bool
	}{
		{template: "/v1/books", path: "/v1/books"},
		{template: "/v1/books", path: "/v1/books/", no: true},
		{template: "/v1/books", path: "/v1/book", no: true},
		{template: "/v1/books", path: "/v1", no: true},
		{template: "/v1/*", path: "/v1/a"},
		{template: "/v1/*", path: "/v1/", no: true},
		{template: "/v1/*", path: "/v1/a/b", no: true},
		{template: "/v1/**", path: "/v1/a/b"},
		{template: "/v1/**", path: "/v1/"},
		{template: "/v1/**", path: "/v1", no: true},
		{template: "/**", path: "/"},
		{template: "/v1/{id}", path: "/v1/a", values: []string{"a"}},
		{template: "/v1/{id=*}", path: "/v1/a", values: []string{"a"}},
		{template: "/v1/{id=**}", path: "/v1/a/b", values: []string{"a/b"}},
		{template: "/v1/{id=**}", path: "/v1/", values: []string{""}},
		{template: "/v1/{name=a/*/b/*}", path: "/v1/a/1/b/2", values: []string{"a/1/b/2"}},
		{template: "/v1/{name=a/*/b/*}", path: "/v1/a/1/c/2", no: true},
		{template: "/v1/{name=a/**}", path: "/v1/a/1/2", values: []string{"a/1/2"}},
		{template: "/v1/{a.b=x/*}/{c_d}/e", path: "/v1/x/1/2/e", values: []string{"x/1", "2"}},
		{template: "/{a}/{b}/{c=**}", path: "/1/2/3/4", values: []string{"1", "2", "3/4"}},
		{template: "/v1/books:batch", path: "/v1/books:batch"},
		{template: "/v1/books:batch", path: "/v1/books", no: true},
		{template: "/v1/books:batch", path: "/v1/books/batch", no: true},
		{template: "/v1/{id}:cancel", path: "/v1/a:cancel", values: []string{"a"}},
		{template: "/v1/{id}:cancel", path: "/v1/a:b:cancel", values: []string{"a:b"}},
		{template: "/v1/{id}:cancel", path: "/v1/:cancel", no: true},
		{template: "/v1/{id}:cancel", path: "/v1/acancel", no: true},
		{template: "/v1/{id}:cancel", path: "cancel", no: true},
		{template: "/v1/{id=**}:cancel", path: "/v1/a/b:cancel", values: []string{"a/b"}},
		{template: "/v1/{id}", path: "/v1/a:cancel", values: []string{"a:cancel"}},
		{template: "/v1/{id}", path: "", no: true},
	} {
		parsed, err := parseTemplate(tt.template)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := parsed.match(tt.path)
		if ok == tt.no || !slices.Equal(got, tt.values) {
			t.Errorf("%s matches %s: %v %q, want %v %q", tt.template, tt.path, ok, got, !tt.no, tt.values)
		}
	}
}

func TestParseTemplateRefuses(t *testing.T) {
	for _, text := range []string{
		"", "v1", "/", "//a", "/a/", "/a//b", "/{", "/{}", "/{a", "/a}", "/{a}}", "/{a=}", "/{a=/}", "/{a=b/}", "/{1a}", "/{a..b}", "/{a.}", "/{.a}", "/{a b}",
		"/{a={b}}", "/a{b}", "/{a}b", "/{a}{b}", "/a*", "/***", "/**/a", "/{a=**}/b", "/a:", "/a:b:c", "/a:b/c", "/a:*", "/:a",
		"/a?b", "/a%20b", "/..", "/a;b", "/{a}/{a}", "/{a}/{a.b}", "/{a.b}/{a}", "/\xff", "/a=b", "/" + strings.Repeat("a/", maxSegments) + "a",
	} {
		if parsed, err := parseTemplate(text); err == nil {
			t.Errorf("%q passes: %+v", text, parsed)
		}
	}
}

func TestPrecedence(t *testing.T) {
	want := []string{"/v1/a:b", "/v1/a", "/v1/a/{x}", "/v1/a/**", "/v1/{x}:b", "/v1/{x}", "/v1/{x}/a", "/v1/**", "/{x}"}
	var templates []*template
	for _, text := range want {
		parsed, err := parseTemplate(text)
		if err != nil {
			t.Fatal(err)
		}
		templates = append(templates, parsed)
	}
	slices.Reverse(templates)
	slices.SortStableFunc(templates, (*template).compare)
	for i, tpl := range templates {
		if tpl.text != want[i] {
			t.Errorf("%d is %s, want %s", i, tpl.text, want[i])
		}
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add("/v1/{name=shelves/*/books/*}:cancel", "/v1/shelves/1/books/2:cancel")
	f.Add("/v1/{a.b=**}", "/v1/x/y")
	f.Add("/v1/books:batch", "/v1/books:batch")
	f.Add("/*/**", "/a/b/c")
	f.Fuzz(func(t *testing.T, text, path string) {
		parsed, err := parseTemplate(text)
		if err != nil {
			return
		}
		values, ok := parsed.match(path)
		if !ok {
			return
		}
		if len(values) != len(parsed.fields) {
			t.Fatalf("%q matches %q with %q", text, path, values)
		}
		// What matches can be put together again from its parts.
		if _, err := routing.Canonical(routing.Escape(path)); err == nil && !strings.HasPrefix(path, "/") {
			t.Fatalf("%q matches %q", text, path)
		}
		at := 0
		for _, v := range values {
			i := strings.Index(path[at:], v)
			if i < 0 {
				t.Fatalf("%q of %q: %q is no part of it, in order", text, path, values)
			}
			at += i + len(v)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	parsed, err := parseTemplate("/v1/{name=shelves/*/books/*}")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		parsed.match("/v1/shelves/1/books/2")
	}
}
