package projection

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/valyala/fastjson"
)

// The benchmark projects five answers, 70 KB in all, into what one screen shows:
// a user, orders, books, recommendations and reviews, with the share of UTF-8,
// escape sequences, long numbers, times and addresses that such answers have.

type body struct {
	mask string
	src  []byte
}

func bodies() []body {
	g := &fixture{Rand: rand.New(rand.NewPCG(1, 2))}
	return []body{
		{`{id,name,avatar{url},stats.reviews}`, g.user()},
		{`{items[:20]{id,title,price:price.amount,expires_at}}`, g.list(20, g.order)},
		{`{items[:20]{id,title,price:price.amount,image:images[0].url,rating:rating.average}}`, g.list(20, g.book)},
		{`{items[:9]{id,reason}}`, g.list(9, g.recommendation)},
		{`{items[:3]{rating,title,author:author.name}}`, g.list(24, g.review)},
	}
}

type fixture struct{ *rand.Rand }

func (g *fixture) words(n int) string {
	words := strings.Fields(`the a of and quiet river night \"house\" señor café garden über silver line 東京 story winter letter to ocean light\/dark`)
	out := make([]string, n)
	for i := range out {
		out[i] = words[g.IntN(len(words))]
	}
	return strings.Join(out, " ")
}

func (g *fixture) uuid() string {
	h := fmt.Sprintf("%016x%016x", g.Uint64(), g.Uint64())
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func (g *fixture) time() string {
	return fmt.Sprintf("2026-%02d-%02dT%02d:%02d:%02dZ", 1+g.IntN(12), 1+g.IntN(28), g.IntN(24), g.IntN(60), g.IntN(60))
}

func (g *fixture) url() string { return "https://images.example.com/" + g.uuid() + ".jpg" }

func (g *fixture) list(n int, item func() string) []byte {
	items := make([]string, n)
	for i := range items {
		items[i] = item()
	}
	return fmt.Appendf(nil, `{"items":[%s],"total":%d,"next":null}`, strings.Join(items, ","), n)
}

func (g *fixture) user() []byte {
	devices := make([]string, 8)
	for i := range devices {
		devices[i] = fmt.Sprintf(`{"id":%q,"kind":"device","name":"%s","seen_at":%q,"trusted":true}`, g.uuid(), g.words(2), g.time())
	}
	return fmt.Appendf(nil, `{"id":%q,"name":"%s","email":"someone@example.com","born":"1984-02-03","joined_at":%q,`+
		`"avatar":{"url":%q,"width":256,"height":256,"color":"#336699"},"address":{"street":"%s","city":"%s","zip":"10115"},`+
		`"preferences":{"genres":["drama","history"],"autoplay":false,"subtitles":null},"devices":[%s],"stats":{"orders":31,"reviews":12}}`,
		g.uuid(), g.words(2), g.time(), g.url(), g.words(3), g.words(1), strings.Join(devices, ","))
}

func (g *fixture) order() string {
	return fmt.Sprintf(`{"id":%d,"user_id":%q,"book_id":%q,"title":"%s","state":"active","price":{"amount":%d.%02d,"currency":"EUR"},`+
		`"placed_at":%q,"expires_at":%q,"progress":{"position":%d,"percent":%.4f},"payment":{"method":"card","last4":"4242","token":%q},"events":[{"at":%q,"kind":"placed"},{"at":%q,"kind":"paid"}]}`,
		g.Uint64N(1e18), g.uuid(), g.uuid(), g.words(4), g.IntN(90), g.IntN(100), g.time(), g.time(), g.IntN(9000), g.Float64()*100, g.uuid(), g.time(), g.time())
}

func (g *fixture) book() string {
	images := make([]string, 4)
	for i := range images {
		images[i] = fmt.Sprintf(`{"url":%q,"width":%d,"height":%d,"layout":"cover"}`, g.url(), 240*(i+1), 360*(i+1))
	}
	return fmt.Sprintf(`{"id":%q,"title":"%s","summary":"%s","authors":[{"id":%q,"name":"%s"}],"images":[%s],"price":{"amount":%d.%02d,"currency":"EUR","tax":0.07},`+
		`"rating":{"average":%.2f,"count":%d,"histogram":[1,5,20,41,33]},"published":"1999-05-06","pages":%d,"tags":["fiction","translated"],"stock":{"warehouse":%q,"available":%d,"reserved":false}}`,
		g.uuid(), g.words(4), g.words(75), g.uuid(), g.words(2), strings.Join(images, ","), g.IntN(90), g.IntN(100), g.Float64()*5, g.IntN(9000), g.IntN(900), g.uuid(), g.IntN(50))
}

func (g *fixture) recommendation() string {
	ids := make([]string, 16)
	for i := range ids {
		ids[i] = `"` + g.uuid() + `"`
	}
	return fmt.Sprintf(`{"id":%q,"rank":%d,"score":%.17f,"reason":"%s","basis":{"book_ids":[%s],"genre":"drama"},"trace":%q,"model":"m-7"}`,
		g.uuid(), g.IntN(100), g.Float64(), g.words(8), strings.Join(ids, ","), g.uuid())
}

func (g *fixture) review() string {
	return fmt.Sprintf(`{"id":%q,"book_id":%q,"author":{"id":%q,"name":"%s","avatar":%q},"rating":%d,"title":"%s","body":"%s","helpful":%d,"created_at":%q,"edited_at":null}`,
		g.uuid(), g.uuid(), g.uuid(), g.words(2), g.url(), 1+g.IntN(5), g.words(4), g.words(50), g.IntN(400), g.time())
}

// A way is one way to do it: it appends the projection of a body.
type way func(dst []byte, b *body) []byte

func BenchmarkProject(b *testing.B) {
	all := bodies()
	masks := make(map[*body]*Mask, len(all))
	trees := make(map[*body]selection, len(all))
	size := 0
	for i := range all {
		masks[&all[i]] = mustCompile(b, all[i].mask)
		trees[&all[i]] = parseMask(all[i].mask)
		size += len(all[i].src)
	}
	var parser fastjson.Parser
	ours := func(dst []byte, one *body) []byte {
		dst, err := masks[one].Project(dst, one.src)
		if err != nil {
			b.Fatal(err)
		}
		return dst
	}
	ways := []struct {
		name string
		way  way
	}{
		{"projection", ours},
		{"fastjson", func(dst []byte, one *body) []byte {
			v, err := parser.ParseBytes(one.src)
			if err != nil {
				b.Fatal(err)
			}
			return walkFast(dst, trees[one], v)
		}},
		{"map", func(dst []byte, one *body) []byte {
			dec := json.NewDecoder(bytes.NewReader(one.src))
			dec.UseNumber()
			var v map[string]any
			if err := dec.Decode(&v); err != nil {
				b.Fatal(err)
			}
			out, err := json.Marshal(walkMap(trees[one], v))
			if err != nil {
				b.Fatal(err)
			}
			return append(dst, out...)
		}},
	}
	for _, w := range ways {
		b.Run(w.name, func(b *testing.B) {
			for i := range all {
				sameJSON(b, ours(nil, &all[i]), w.way(nil, &all[i]))
			}
			dst := make([]byte, 0, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				dst = dst[:0]
				for i := range all {
					dst = w.way(dst, &all[i])
				}
			}
		})
	}
}

func BenchmarkValid(b *testing.B) {
	all := bodies()
	size := 0
	for i := range all {
		size += len(all[i].src)
	}
	b.Run("projection", func(b *testing.B) {
		b.SetBytes(int64(size))
		for b.Loop() {
			for i := range all {
				if Valid(all[i].src) != nil {
					b.Fatal("not valid")
				}
			}
		}
	})
	b.Run("json", func(b *testing.B) {
		b.SetBytes(int64(size))
		for b.Loop() {
			for i := range all {
				if !json.Valid(all[i].src) {
					b.Fatal("not valid")
				}
			}
		}
	})
}

// BenchmarkPretty is a document in which a third is white space, copied whole.
func BenchmarkPretty(b *testing.B) {
	var src bytes.Buffer
	if err := json.Indent(&src, bodies()[2].src, "", "  "); err != nil {
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
	books := bodies()[2].src
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

func sameJSON(b *testing.B, x, y []byte) {
	b.Helper()
	var u, v any
	if json.Unmarshal(x, &u) != nil || json.Unmarshal(y, &v) != nil {
		b.Fatalf("not JSON: %s or %s", x, y)
	}
	p, _ := json.Marshal(u)
	q, _ := json.Marshal(v)
	if !bytes.Equal(p, q) {
		b.Fatalf("different:\n%s\n%s", p, q)
	}
}

// walkMap and walkFast are what a gateway would write on top of a parser: they
// select, and do no more. Both know only the forms that the masks above use.

func walkMap(sel selection, v any) any {
	for _, s := range sel.steps {
		switch {
		case v == nil:
			return nil
		case s[0] != '[':
			object, _ := v.(map[string]any)
			v = object[s]
		case s[1] == ':':
			list, _ := v.([]any)
			list = list[:min(len(list), limitOf(s))]
			out := make([]any, len(list))
			for i := range list {
				out[i] = walkMembers(sel.below, list[i])
			}
			return out
		default:
			list, _ := v.([]any)
			v = list[0]
		}
	}
	if sel.deep {
		return walkMembers(sel.below, v)
	}
	return v
}

func walkMembers(below []selection, v any) map[string]any {
	out := make(map[string]any, len(below))
	for _, b := range below {
		out[b.out] = walkMap(b, v)
	}
	return out
}

func walkFast(dst []byte, sel selection, v *fastjson.Value) []byte {
	for _, s := range sel.steps {
		switch {
		case s[0] != '[':
			v = v.Get(s)
		case s[1] == ':':
			list := v.GetArray()
			dst = append(dst, '[')
			for i, e := range list[:min(len(list), limitOf(s))] {
				if i > 0 {
					dst = append(dst, ',')
				}
				dst = walkFastMembers(dst, sel.below, e)
			}
			return append(dst, ']')
		default:
			v = v.GetArray()[0]
		}
	}
	if sel.deep {
		return walkFastMembers(dst, sel.below, v)
	}
	return v.MarshalTo(dst)
}

func walkFastMembers(dst []byte, below []selection, v *fastjson.Value) []byte {
	dst = append(dst, '{')
	for i, b := range below {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), b.out...), `":`...)
		dst = walkFast(dst, b, v)
	}
	return append(dst, '}')
}

func limitOf(step string) int {
	n, err := strconv.Atoi(step[2 : len(step)-1])
	if err != nil {
		panic(err)
	}
	return n
}
