package routing

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestRewrite(t *testing.T) {
	for _, tt := range []struct{ strip, add, path, want string }{
		{"", "", "/a/b", "/a/b"},
		{"/api", "", "/api/users/1", "/users/1"},
		{"/api", "", "/api", "/"},
		{"/api", "", "/api/", "/"},
		{"/api", "", "/apix", "/apix"},
		{"", "/v2", "/users", "/v2/users"},
		{"", "/v2", "/", "/v2/"},
		{"/api", "/v2", "/api/users", "/v2/users"},
		{"/api", "/v2", "/api", "/v2"},
		{"/api/users", "/u", "/api/users/1/x/", "/u/1/x/"},
	} {
		r := Rewrite{StripPrefix: tt.strip, AddPrefix: tt.add}
		if err := r.Check(); err != nil {
			t.Fatal(err)
		}
		if got := r.Apply(tt.path); got != tt.want {
			t.Errorf("%+v of %q is %q, want %q", r, tt.path, got, tt.want)
		}
	}
}

func TestRewriteCheck(t *testing.T) {
	for _, bad := range []string{"api", "/", "/api/", "//", "/a/../b", "/a%20b", "/a;b"} {
		if (Rewrite{StripPrefix: bad}).Check() == nil || (Rewrite{AddPrefix: bad}).Check() == nil {
			t.Errorf("%q passes", bad)
		}
	}
}

func TestRewriteFits(t *testing.T) {
	p, _ := ParsePattern("/api/users/*")
	for strip, fits := range map[string]bool{"": true, "/api": true, "/api/users": true, "/ap": false, "/v1": false, "/api/users/x": false} {
		if err := (Rewrite{StripPrefix: strip}).Fits(p); (err == nil) != fits {
			t.Errorf("%q: %v", strip, err)
		}
	}
}

func TestRewrittenPathsAreCanonical(t *testing.T) {
	segments := rapid.SliceOfN(rapid.SampledFrom([]string{"api", "a b", "é", "x:y", "..."}), 0, 4)
	prefix := rapid.Custom(func(t *rapid.T) string {
		if parts := segments.Draw(t, "prefix"); len(parts) > 0 {
			return "/" + strings.Join(parts, "/")
		}
		return ""
	})
	rapid.Check(t, func(t *rapid.T) {
		r := Rewrite{StripPrefix: prefix.Draw(t, "strip"), AddPrefix: prefix.Draw(t, "add")}
		path := prefix.Draw(t, "path") + rapid.SampledFrom([]string{"", "/"}).Draw(t, "slash")
		if path == "" {
			path = "/"
		}
		checkCanonical(t, r.Apply(path))
	})
}
