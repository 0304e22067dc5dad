package httpcache

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseControl(t *testing.T) {
	said := func(change func(*control)) control {
		c := silent
		change(&c)
		return c
	}
	for _, test := range []struct {
		lines string // several are separated by a bar
		want  control
		ok    bool
	}{
		{"public, max-age=60", said(func(c *control) { c.public, c.maxAge = true, time.Minute }), true},
		{"PUBLIC,Max-Age=60", said(func(c *control) { c.public, c.maxAge = true, time.Minute }), true},
		{"public|s-maxage=5", said(func(c *control) { c.public, c.sMaxAge = true, 5*time.Second }), true},
		{`max-age="60"`, said(func(c *control) { c.maxAge = time.Minute }), true},
		{`max-age="6\0"`, said(func(c *control) { c.maxAge = time.Minute }), true},
		{"max-age=99999999999999999999", said(func(c *control) { c.maxAge = math.MaxInt32 * time.Second }), true},
		{" , public ,, max-age=0 ,", said(func(c *control) { c.public, c.maxAge = true, 0 }), true},
		{`private="x, public", no-cache="set-cookie", no-store`, said(func(c *control) { c.private, c.noCache, c.noStore = true, true, true }), true},
		{`community="UCI, max-age=5", immutable`, said(func(*control) {}), true},
		{"Must-Revalidate, no-transform", said(func(c *control) { c.mustRevalidate, c.noTransform = true, true }), true},
		{"stale-while-revalidate=30|stale-if-error=60", said(func(c *control) { c.whileRevalidate, c.ifError = 30*time.Second, time.Minute }), true},
		{"", said(func(*control) {}), true},
		{"max-age=60, max-age=60", control{}, false},
		{"max-age=60|max-age=5", control{}, false},
		{"stale-if-error=60, stale-if-error=60", control{}, false},
		{"max-age=60, stale-while-revalidate", control{}, false},
		{"max-age=60, stale-if-error=soon", control{}, false},
		{"public, max-age", control{}, false},
		{"public, max-age=", control{}, false},
		{"public, max-age=-1", control{}, false},
		{"public, max-age=1.5", control{}, false},
		{"public, max-age=60s", control{}, false},
		{"public, max-age = 60", control{}, false},
		{"public max-age=60", control{}, false},
		{"public; max-age=60", control{}, false},
		{`public, max-age="60`, control{}, false},
		{`public, max-age="60\`, control{}, false},
		{"public, =60", control{}, false},
		{"public, mäx-age=60", control{}, false},
		{"public, x=\"a\x00b\"", control{}, false},
	} {
		got, ok := parseControl(strings.Split(test.lines, "|"))
		if ok != test.ok {
			t.Errorf("%q: accepted %v, want %v", test.lines, ok, test.ok)
		}
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(control{})); diff != "" {
			t.Errorf("%q: %s", test.lines, diff)
		}
	}
}

// What the parser accepts means the same when its members stand in lines of
// their own, and a word that forbids is never overlooked.
func FuzzParseControl(f *testing.F) {
	for _, seed := range []string{
		"public, max-age=60", `private="a, b", s-maxage=1`, ",,", "no-store", `x="\"",no-cache`, "max-age=1,max-age=2", "a=b=c",
		"must-revalidate, no-transform, stale-while-revalidate=1, stale-if-error=2",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		whole, ok := parseControl([]string{line})
		if !ok {
			if whole != (control{}) {
				t.Fatalf("%q is refused, and says %+v", line, whole)
			}
			return
		}
		again, ok := parseControl([]string{line, ",", ""})
		if !ok || again != whole {
			t.Fatalf("%q: %+v, in lines %+v, %v", line, whole, again, ok)
		}
		if !strings.Contains(line, `"`) {
			forbidden := false
			for member := range strings.SplitSeq(strings.ToLower(line), ",") {
				forbidden = forbidden || strings.Trim(member, " \t") == "no-store"
			}
			if forbidden != whole.noStore && !strings.Contains(strings.ToLower(line), "no-store=") {
				t.Fatalf("%q: no-store is %v", line, whole.noStore)
			}
		}
		if min(whole.maxAge, whole.sMaxAge, whole.whileRevalidate, whole.ifError) < -1 {
			t.Fatalf("%q: %+v", line, whole)
		}
	})
}
