package routing

import (
	"errors"
	"net/url"
	"path"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestCanonical(t *testing.T) {
	for _, tt := range []struct {
		in, want string
		err      error
	}{
		{in: "/", want: "/"},
		{in: "/users/42", want: "/users/42"},
		{in: "/users/", want: "/users/"},
		{in: "/a%20b", want: "/a b"},
		{in: "/%75sers", want: "/users"},
		{in: "/caf%C3%A9", want: "/café"},
		{in: "/café", want: "/café"},
		{in: "/books:batchGet", want: "/books:batchGet"},
		{in: "/...", want: "/..."},
		{in: "/.well-known/x", want: "/.well-known/x"},
		{in: "/a..b", want: "/a..b"},

		{in: "", err: ErrNotAbsolute},
		{in: "users", err: ErrNotAbsolute},
		{in: "*", err: ErrNotAbsolute},
		{in: "%2Fusers", err: ErrNotAbsolute},
		{in: "/a%", err: ErrEscape},
		{in: "/a%2", err: ErrEscape},
		{in: "/a%zz", err: ErrEscape},
		{in: "/a%2g", err: ErrEscape},
		{in: "/a%2Fb", err: ErrEncoded},
		{in: "/a%2fb", err: ErrEncoded},
		{in: "/a%5Cb", err: ErrEncoded},
		{in: "/a%00", err: ErrEncoded},
		{in: "/a%0d%0aX: y", err: ErrEncoded},
		{in: "/a%25", err: ErrEncoded},
		{in: "/a%252Fb", err: ErrEncoded},
		{in: "/a%3F", err: ErrEncoded},
		{in: "/a%23", err: ErrEncoded},
		{in: "/a%3Bb", err: ErrEncoded},
		{in: "/a%7F", err: ErrEncoded},
		{in: `/a\b`, err: ErrCharacter},
		{in: "/a;b=c", err: ErrCharacter},
		{in: "/a?b", err: ErrCharacter},
		{in: "/a#b", err: ErrCharacter},
		{in: "/a\x00", err: ErrCharacter},
		{in: "/a\nb", err: ErrCharacter},
		{in: "/a\x7f", err: ErrCharacter},
		{in: "/%ff", err: ErrUTF8},
		{in: "/%c0%af", err: ErrUTF8}, // an overlong "/"
		{in: "/\xff", err: ErrUTF8},
		{in: "/.", err: ErrDotSegment},
		{in: "/..", err: ErrDotSegment},
		{in: "/a/../b", err: ErrDotSegment},
		{in: "/a/./b", err: ErrDotSegment},
		{in: "/a/..", err: ErrDotSegment},
		{in: "/%2e%2E/b", err: ErrDotSegment},
		{in: "/.%2e/b", err: ErrDotSegment},
		{in: "//", err: ErrEmptySegment},
		{in: "//host/x", err: ErrEmptySegment},
		{in: "/a//b", err: ErrEmptySegment},
		{in: "/a/..;/b", err: ErrCharacter},
	} {
		got, err := Canonical(tt.in)
		if !errors.Is(err, tt.err) || tt.err == nil && got != tt.want {
			t.Errorf("Canonical(%q) = %q, %v; want %q, %v", tt.in, got, err, tt.want, tt.err)
		}
	}
}

// checkCanonical states what must hold for every path that Canonical returns.
func checkCanonical(t interface{ Fatalf(string, ...any) }, p string) {
	if !utf8.ValidString(p) || strings.ContainsAny(p, "\\;?#%\x00\x7f") || strings.Contains(p, "//") {
		t.Fatalf("canonical path %q holds what it must not", p)
	}
	if cleaned := path.Clean(p); cleaned != p && cleaned+"/" != p {
		t.Fatalf("canonical path %q: another server may see %q", p, cleaned)
	}
	escaped := Escape(p)
	for i := range len(escaped) {
		if c := escaped[i]; c <= ' ' || c >= utf8.RuneSelf {
			t.Fatalf("Escape(%q) = %q is not for a request line", p, escaped)
		}
	}
	if again, err := Canonical(escaped); err != nil || again != p {
		t.Fatalf("Canonical(Escape(%q)) = %q, %v", p, again, err)
	}
	u, err := url.ParseRequestURI(escaped)
	if err != nil || u.Path != p || u.RawQuery != "" || u.Host != "" {
		t.Fatalf("net/url reads %q as %+v, %v; we read %q", escaped, u, err, p)
	}
}

func TestCanonicalPathsAreSeenAlike(t *testing.T) {
	part := rapid.SampledFrom([]string{"/", "a", "users", ".", "..", "%2e", "%2F", "%20", "%41", "é", "%C3%A9", ":", "@", "{x}", "*", "~", "%", "\\", ";", "\xff"})
	rapid.Check(t, func(t *rapid.T) {
		in := "/" + strings.Join(rapid.SliceOfN(part, 0, 8).Draw(t, "parts"), "")
		if p, err := Canonical(in); err == nil {
			checkCanonical(t, p)
		}
	})
}

func FuzzCanonical(f *testing.F) {
	for _, s := range []string{"/", "/a/b", "/a%20b", "/%2e%2e/x", "/a//b", "/caf%C3%A9", "/%c0%af", "/a;b", "/..%2f", "/a%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if p, err := Canonical(in); err == nil {
			checkCanonical(t, p)
		}
	})
}

func TestEscapeSegment(t *testing.T) {
	for in, want := range map[string]string{
		"42": "42", "a/b": "a%2Fb", "a b%": "a%20b%25", "..": "..", "é;": "%C3%A9%3B",
	} {
		if got := EscapeSegment(in); got != want {
			t.Errorf("EscapeSegment(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestPlainPathsCostNothing(t *testing.T) {
	for _, p := range []string{"/api/users/42", "/café/x"} {
		if n := testing.AllocsPerRun(100, func() { _, _ = Canonical(p) }); n != 0 {
			t.Errorf("Canonical(%q): %v allocations", p, n)
		}
	}
	if n := testing.AllocsPerRun(100, func() { _ = Escape("/api/users/42") }); n != 0 {
		t.Errorf("Escape: %v allocations", n)
	}
}

func BenchmarkCanonical(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, _ = Canonical("/api/users/0a1b2c3d/orders")
	}
}
