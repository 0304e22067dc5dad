package httpcache

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/triptych-bff/triptych/shared/http1"
)

// headers reads "Name: value" lines that are separated by bars.
func headers(lines string) (h http1.Fields) {
	if lines == "" {
		return nil
	}
	for line := range strings.SplitSeq(lines, "|") {
		name, value, _ := strings.Cut(line, ": ")
		h = append(h, http1.Field{Name: name, Value: value})
	}
	return h
}

func mixed(answers ...string) *Mix {
	var m Mix
	for _, lines := range answers {
		m.Add(headers(lines))
	}
	return &m
}

func TestMixCacheControl(t *testing.T) {
	control := func(values ...string) []string {
		for i := range values {
			values[i] = "Cache-Control: " + values[i]
		}
		return values
	}
	for name, c := range map[string]struct {
		answers []string
		want    string
	}{
		"no answer":                {nil, "private, no-cache"},
		"one without a word":       {[]string{""}, "private, no-cache"},
		"one of two silent":        {[]string{"cache-control: max-age=60", "Expires: 0"}, "private, no-cache"},
		"the least":                {control("max-age=60", "max-age=30", "max-age=90"), "private, max-age=30"},
		"zero":                     {control("max-age=0", "max-age=30"), "private, max-age=0"},
		"no freshness":             {control("public", "max-age=30"), "private, no-cache"},
		"no-store wins":            {control("max-age=60", "no-store", "no-cache"), "no-store"},
		"no-cache wins":            {control("max-age=60", "no-cache", "max-age=60"), "private, no-cache"},
		"no-cache of some fields":  {control(`no-cache="x", max-age=60`), "private, no-cache"},
		"private of some fields":   {control(`private="x", max-age=60`), "private, max-age=60"},
		"for shared caches":        {control("public, s-maxage=5, max-age=60, proxy-revalidate"), "private, max-age=60"},
		"only for shared caches":   {control("s-maxage=60"), "private, no-cache"},
		"must-revalidate of one":   {control("max-age=60, must-revalidate", "max-age=30"), "private, max-age=30, must-revalidate"},
		"no-transform of one":      {control("max-age=60, no-transform", "max-age=30"), "private, max-age=30, no-transform"},
		"no-transform, no-store":   {control("no-transform, max-age=1", "no-store"), "no-store, no-transform"},
		"no-transform, no-cache":   {control("no-transform", "max-age=1"), "private, no-cache, no-transform"},
		"all may be stale":         {control("max-age=6, stale-while-revalidate=9, stale-if-error=60", "max-age=9, stale-while-revalidate=5, stale-if-error=90"), "private, max-age=6, stale-while-revalidate=5, stale-if-error=60"},
		"one may not be stale":     {control("max-age=6, stale-while-revalidate=9, stale-if-error=9", "max-age=9, stale-if-error=5"), "private, max-age=6, stale-if-error=5"},
		"the first may not":        {control("max-age=9", "max-age=6, stale-while-revalidate=9, stale-if-error=9"), "private, max-age=6"},
		"stale, but must not be":   {control("max-age=6, stale-if-error=9, must-revalidate", "max-age=6, stale-if-error=9"), "private, max-age=6, must-revalidate"},
		"in several lines":         {[]string{"Cache-Control: max-age=60|X: y|CACHE-CONTROL: must-revalidate"}, "private, max-age=60, must-revalidate"},
		"age":                      {[]string{"Age: 20|Cache-Control: max-age=60", "Cache-Control: max-age=50|Age: 1"}, "private, max-age=40"},
		"stale already":            {[]string{"Age: 70|Cache-Control: max-age=60"}, "private, max-age=0"},
		"stale for a while":        {[]string{"Age: 70|Cache-Control: max-age=60, stale-if-error=30, stale-while-revalidate=10"}, "private, max-age=0, stale-if-error=20"},
		"no age":                   {[]string{"Age: young|Cache-Control: max-age=60"}, "private, no-cache"},
		"two ages":                 {[]string{"Age: 1|Age: 1|Cache-Control: max-age=60"}, "private, no-cache"},
		"longer than anybody":      {control("max-age=99999999999999999999"), "private, max-age=2147483647"},
		"malformed":                {control("max-age=60; public"), "private, no-cache"},
		"said twice":               {control("max-age=60, max-age=60"), "private, no-cache"},
		"malformed behind":         {[]string{"Cache-Control: max-age=60|Cache-Control: =|Cache-Control: public"}, "private, no-cache"},
		"malformed, with no-store": {control("max-age=60; NO-STORE"), "no-store"},
		"no-store, and malformed":  {control("no-store, ="), "no-store"},
		"an unknown word":          {control("max-age=60, no-store-at-all"), "private, max-age=60"},
		"varies with everything":   {[]string{"Cache-Control: max-age=60|Vary: *"}, "private, no-cache"},
		"varies, and no-store":     {[]string{"Vary: *|Cache-Control: no-store"}, "no-store"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := mixed(c.answers...).CacheControl(); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestMixVary(t *testing.T) {
	for name, c := range map[string]struct {
		answers []string
		want    []string
	}{
		"no answer":       {nil, nil},
		"nothing":         {[]string{"X: y"}, nil},
		"only the coding": {[]string{"Vary: accept-encoding", "Vary: , Accept-Encoding,"}, nil},
		"the union":       {[]string{"Vary: origin, accept-language", "vary: X-Device|Vary: Accept-Encoding, Origin"}, []string{"Accept-Language", "Origin", "X-Device"}},
		"everything":      {[]string{"Vary: Origin", "Vary: *", "Vary: Accept"}, []string{"*"}},
		"also everything": {[]string{"Vary: Origin, *"}, []string{"*"}},
		"no name":         {[]string{"Vary: Accept Language"}, []string{"*"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, mixed(c.answers...).Vary()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMixKeepsItsVary(t *testing.T) {
	m := mixed("Vary: Accept, Origin")
	m.Vary()[0] = "changed"
	if got := m.Vary(); got[0] != "Accept" {
		t.Errorf("Vary has become %q", got)
	}
}

// The order of the answers says nothing; one more never allows more; and whatever
// is said can be read again, and is the same for whoever mixes it once more.
func TestMixOnlyEverAllowsLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var answers []string
		for range rapid.IntRange(1, 4).Draw(t, "answers") {
			answers = append(answers, answer(t))
		}
		m := mixed(answers...)
		shuffled := slices.Clone(answers)
		rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)).Shuffle(len(shuffled), func(i, j int) {
			shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
		})
		if other := mixed(shuffled...); other.CacheControl() != m.CacheControl() || !slices.Equal(other.Vary(), m.Vary()) {
			t.Fatalf("%q: %q; in another order %q", answers, m.CacheControl(), other.CacheControl())
		}
		again := mixed("Cache-Control: " + m.CacheControl() + "|Vary: " + strings.Join(m.Vary(), ","))
		if again.CacheControl() != m.CacheControl() || !slices.Equal(again.Vary(), m.Vary()) {
			t.Fatalf("%q: %q; mixed once more %q", answers, m.CacheControl(), again.CacheControl())
		}
		more := mixed(append(answers, answer(t))...)
		whole, one := allowed(t, more), allowed(t, m)
		for i := range whole {
			if whole[i] > one[i] {
				t.Fatalf("%q allows %q; with one more answer %q", answers, m.CacheControl(), more.CacheControl())
			}
		}
	})
}

// answer draws the headers of an answer.
func answer(t *rapid.T) string {
	directives := rapid.SliceOfDistinct(rapid.SampledFrom([]string{
		"max-age", "max-age", "max-age", "s-maxage", "stale-while-revalidate", "stale-if-error",
		"public", "private", "must-revalidate", "no-transform", "no-cache", "no-store", "=",
	}), rapid.ID).Draw(t, "directives")
	for i, name := range directives {
		if name == "max-age" || name == "s-maxage" || strings.HasPrefix(name, "stale") {
			directives[i] += "=" + strconv.Itoa(rapid.IntRange(0, 9).Draw(t, name))
		}
	}
	lines := "Cache-Control: " + strings.Join(directives, ", ")
	if rapid.Bool().Draw(t, "aged") {
		lines += "|Age: " + strconv.Itoa(rapid.IntRange(0, 9).Draw(t, "age"))
	}
	return lines + rapid.SampledFrom([]string{"", "", "|Vary: Origin", "|Vary: Accept", "|Vary: *"}).Draw(t, "vary")
}

// allowed is what a mix allows, as numbers of which the greater is the more: to
// keep it, for how long it is fresh, and until when it may be stale.
func allowed(t *rapid.T, m *Mix) [4]int64 {
	c, ok := parseControl([]string{m.CacheControl()})
	if !ok {
		t.Fatalf("%q is malformed", m.CacheControl())
	}
	keep := int64(1)
	if c.noStore {
		keep = 0
	}
	fresh := max(int64(c.maxAge), -1)
	return [4]int64{keep, fresh, fresh + max(int64(c.whileRevalidate), 0), fresh + max(int64(c.ifError), 0)}
}

// Usual answers, whose names are canonical or known, cost no memory.
func TestMixAddDoesNotAllocate(t *testing.T) {
	answers := []http1.Fields{
		headers("Content-Type: application/json|Cache-Control: private, max-age=60, stale-if-error=600|Vary: Accept-Encoding|Age: 3"),
		headers("content-type: application/json|cache-control: max-age=30, must-revalidate|vary: accept-encoding"),
	}
	var m Mix
	if n := testing.AllocsPerRun(100, func() {
		m = Mix{}
		for _, h := range answers {
			m.Add(h)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if got := m.CacheControl(); got != "private, max-age=30, must-revalidate" {
		t.Errorf("Cache-Control: %s", got)
	}
}

func BenchmarkMix(b *testing.B) {
	answers := []http1.Fields{
		headers("Content-Type: application/json|Content-Length: 2100|Cache-Control: private, max-age=60, stale-if-error=600|Vary: Accept-Encoding"),
		headers("Content-Type: application/json|Content-Length: 300|Cache-Control: private, max-age=30, stale-if-error=60|Vary: Accept-Language"),
		headers("Content-Type: application/json|Content-Length: 9000|Cache-Control: public, max-age=600, stale-if-error=60|Age: 3"),
	}
	b.ReportAllocs()
	for b.Loop() {
		var m Mix
		for _, h := range answers {
			m.Add(h)
		}
		if m.CacheControl() == "" || len(m.Vary()) != 1 {
			b.Fatal("wrong")
		}
	}
}
