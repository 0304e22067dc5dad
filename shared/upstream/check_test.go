package upstream

import (
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/triptych-bff/triptych/shared/http1"
)

func TestCheckPath(t *testing.T) {
	for _, test := range []struct {
		path string
		want error
	}{
		{"/", nil},
		{"/users/1", nil},
		{"/users/", nil},
		{"/books:batchGet", nil},
		{"/a/b%20c/d%C3%A9", nil},
		{"/...", nil},
		{"/.well-known", nil},
		{"/a..b/..c", nil},
		{"/a%25b", nil},
		{"", errRelative},
		{"users", errRelative},
		{"//users", errSegment},
		{"/users//1", errSegment},
		{"/.", errSegment},
		{"/users/..", errSegment},
		{"/users/../admin", errSegment},
		{"/users/%2e%2E/admin", errSegment},
		{"/users/.%2e", errSegment},
		{"/users/a%2fb", errHidden},
		{"/users/a%5Cb", errHidden},
		{"/users/a%00", errHidden},
		{"/users/a%0d%0a", errHidden},
		{"/users/a%7f", errHidden},
		{"/users/%", errEscape},
		{"/users/%2", errEscape},
		{"/users/%zz", errEscape},
		{"/users/a b", errCharacter},
		{"/users/a?b", errCharacter},
		{"/users/a#b", errCharacter},
		{"/users/a\\b", errCharacter},
		{"/users/a\r\nX: y", errCharacter},
		{"/users/é", errCharacter},
	} {
		if got := checkPath(test.path); got != test.want {
			t.Errorf("%q: %v, want %v", test.path, got, test.want)
		}
	}
}

func FuzzCheckPath(f *testing.F) {
	for _, seed := range []string{"/", "/users/1", "/a/%2e%2e/b", "/%2f", "/a%20b/", "//", "/é", "/a;b=c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, escaped string) {
		if checkPath(escaped) != nil {
			return
		}
		plain, err := url.PathUnescape(escaped)
		if err != nil {
			t.Fatalf("accepted %q: %v", escaped, err)
		}
		if clean := path.Clean(plain); clean != plain && clean+"/" != plain {
			t.Fatalf("accepted %q, which is %q, cleaned %q", escaped, plain, clean)
		}
		if strings.Count(plain, "/") != strings.Count(escaped, "/") || strings.ContainsAny(plain, "\\\x00\r\n") {
			t.Fatalf("accepted %q, which hides something: %q", escaped, plain)
		}
		if u, err := url.ParseRequestURI(escaped); err != nil || u.RawQuery != "" || u.Host != "" {
			t.Fatalf("accepted %q, which reads as %+v, %v", escaped, u, err)
		}
	})
}

func TestCheckQuery(t *testing.T) {
	for query, ok := range map[string]bool{
		"": true, "a=b&c=%20": true, "a=b;c": true, "a=[1]": true,
		"a=b c": false, "a=b\r\nX: y": false, "a#b": false, "a=é": false, "a=\x00": false,
	} {
		if got := checkQuery(query) == nil; got != ok {
			t.Errorf("%q: accepted %v, want %v", query, got, ok)
		}
	}
}

func TestCheckHeader(t *testing.T) {
	for _, test := range []struct {
		name, value string
		http, grpc  bool
	}{
		{"Accept-Language", "de, en;q=0.5", true, true},
		{"X-Name", "ren\xc3\xa9", true, false},
		{"X-Name", "a\tb", true, false},
		{"X-Name", "a\r\nb", false, false},
		{"X-Name", "a\x00b", false, false},
		{"X Name", "a", false, true},
		{"", "a", false, true},
		{"Host", "elsewhere", false, true},
		{"transfer-encoding", "chunked", false, true},
		{"Content-Length", "1", false, true},
		{"Grpc-Timeout", "1H", true, false},
	} {
		h := http1.Fields{{Name: test.name, Value: test.value}}
		if got := checkHeader(h) == nil; got != test.http {
			t.Errorf("%q: %q: HTTP accepts %v, want %v", test.name, test.value, got, test.http)
		}
		if got := checkMetadata(h) == nil; got != test.grpc {
			t.Errorf("%q: %q: gRPC accepts %v, want %v", test.name, test.value, got, test.grpc)
		}
	}
}
