package projection

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
)

// The benchmarks project five answers, 68 KB in all, into what one screen shows:
// a user, orders, books, recommendations and reviews, with the share of UTF-8,
// escape sequences, long numbers, times and addresses that such answers have.
// deploy/bench compares other ways to do it.

type answer struct {
	mask     string
	captures []string
	src      []byte
}

func answers(b *testing.B) (all []answer, size int) {
	b.Helper()
	for _, a := range []struct {
		name, mask string
		captures   []string
	}{
		{"user", `{id,name,avatar{url},stats.reviews}`, []string{"id"}},
		{"orders", `{items[:20]{id,title,price:price.amount,expires_at}}`, []string{"items.book_id"}},
		{"books", `{items[:20]{id,title,price:price.amount,image:images[0].url,rating:rating.average}}`, []string{"items.id", "items.authors.id"}},
		{"recommendations", `{items[:9]{id,reason}}`, []string{"items.basis.book_ids[]"}},
		{"reviews", `{items[:3]{rating,title,author:author.name}}`, nil},
	} {
		src, err := os.ReadFile("testdata/answers/" + a.name + ".json")
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, answer{a.mask, a.captures, src})
		size += len(src)
	}
	return all, size
}

func BenchmarkProject(b *testing.B) {
	all, size := answers(b)
	var masks []*Mask
	for _, a := range all {
		masks = append(masks, mustCompile(b, a.mask))
	}
	dst := make([]byte, 0, size)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		dst = dst[:0]
		for i, m := range masks {
			var err error
			if dst, err = m.Project(dst, all[i].src); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkPass projects and takes what further calls need, within limits.
func BenchmarkPass(b *testing.B) {
	all, size := answers(b)
	var passes []*Pass
	for _, a := range all {
		passes = append(passes, NewPass(mustCompile(b, a.mask), pathsOf(b, a.captures), Limits{Items: 1000}))
	}
	dst, found := make([]byte, 0, size), make([]Capture, 0, 1000)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		dst, found = dst[:0], found[:0]
		for i, p := range passes {
			var err error
			if dst, found, err = p.Run(dst, all[i].src, found); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkValid(b *testing.B) {
	all, size := answers(b)
	b.SetBytes(int64(size))
	for b.Loop() {
		for i := range all {
			if Valid(all[i].src) != nil {
				b.Fatal("not valid")
			}
		}
	}
}

// BenchmarkPretty is a document in which a third is white space, copied whole.
func BenchmarkPretty(b *testing.B) {
	all, _ := answers(b)
	var src bytes.Buffer
	if err := json.Indent(&src, all[2].src, "", "  "); err != nil {
		b.Fatal(err)
	}
	m := mustCompile(b, `{items}`)
	dst := make([]byte, 0, src.Len())
	b.SetBytes(int64(src.Len()))
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if dst, err = m.Project(dst[:0], src.Bytes()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPath(b *testing.B) {
	all, _ := answers(b)
	books := all[2].src
	p := mustPath(b, "items.id")
	values := make([][]byte, 0, 32)
	b.SetBytes(int64(len(books)))
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if values, err = p.Append(values[:0], books); err != nil || len(values) != 20 {
			b.Fatal(err)
		}
	}
}
