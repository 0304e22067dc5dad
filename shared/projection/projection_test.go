package projection

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func mustCompile(t testing.TB, mask string) *Mask {
	t.Helper()
	m, err := Compile(mask)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func mustPath(t testing.TB, path string) *Path {
	t.Helper()
	p, err := CompilePath(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProject(t *testing.T) {
	tests := []struct{ name, mask, src, want string }{
		{"members in document order", `{b,a}`, `{"a":1,"x":[{}],"b":"2"}`, `{"a":1,"b":"2"}`},
		{"nothing selected is there", `{z}`, `{"a":1}`, `{}`},
		{"empty object", `{z}`, `{}`, `{}`},
		{"nested", `{user{id,name}}`, `{"user":{"name":"n","id":1,"x":2}}`, `{"user":{"name":"n","id":1}}`},
		{"renamed", `{title:name,who:user{id}}`, `{"name":"n","user":{"id":1}}`, `{"title":"n","who":{"id":1}}`},
		{"flattened", `{price.amount,price.currency}`, `{"price":{"currency":"EUR","x":0,"amount":5}}`, `{"currency":"EUR","amount":5}`},
		{"flattened and renamed", `{p:a.b.c}`, `{"a":{"b":{"c":[1, 2]}}}`, `{"p":[1,2]}`},
		{"flattened object", `{a.b{c}}`, `{"a":{"b":{"c":1,"d":2}}}`, `{"b":{"c":1}}`},
		{"first image", `{image:images[0].url}`, `{"images":[{"url":"u","w":1},{"url":"v"}]}`, `{"image":"u"}`},
		{"second element whole", `{images[1]}`, `{"images":[1,{"a": 2}]}`, `{"images":{"a":2}}`},
		{"element with members", `{images[1]{u}}`, `{"images":[1,{"u":2,"v":3}]}`, `{"images":{"u":2}}`},
		{"no such element", `{images[2]{u},a}`, `{"images":[1],"a":1}`, `{"a":1}`},
		{"no element at all", `{images[0]}`, `{"images":[ ]}`, `{}`},
		{"every element", `{items[]{id}}`, `{"items":[{"id":1,"x":1},{"id":2}]}`, `{"items":[{"id":1},{"id":2}]}`},
		{"limit", `{items[:2]{id}}`, `{"items":[{"id":1},{"id":2},{"id":3}]}`, `{"items":[{"id":1},{"id":2}]}`},
		{"limit of whole elements", `{tags[:1]}`, `{"tags":["a","b"]}`, `{"tags":["a"]}`},
		{"empty array", `{items[]{id}}`, `{"items":[ ]}`, `{"items":[]}`},
		{"list of names", `{names:tags[].name}`, `{"tags":[{"name":"a"},{},null,{"name":"b"}]}`, `{"names":["a","b"]}`},
		{"list of nothing", `{tags[].name}`, `{"tags":[{},7]}`, `{"name":[]}`},
		{"lists of lists", `{a[].b[].c}`, `{"a":[{"b":[{"c":1},{"c":2}]},{"b":[]},{}]}`, `{"c":[[1,2],[]]}`},
		{"array in array", `{a[][0]}`, `{"a":[[1,2],[],[3]]}`, `{"a":[1,3]}`},
		{"list behind an element", `{a[0].b[].c}`, `{"a":[{"b":[{"c":1}]}]}`, `{"c":[1]}`},
		{"top array", `[]{id}`, ` [ {"id":1,"x":2} , null ] `, `[{"id":1},null]`},
		{"top array with limit", `[:1]{id}`, `[{"id":1},{"id":2}]`, `[{"id":1}]`},
		{"top array, whole", `[]`, `[ 1, [ 2 ] ]`, `[1,[2]]`},
		{"top array, one element", `[1]{id}`, `[{"id":1},{"id":2}]`, `{"id":2}`},
		{"top array, no such element", `[1].id`, `[{"id":1}]`, `null`},
		{"null, of an object", `{a}`, ` null `, `null`},
		{"null, of an array", `[]{a}`, `null`, `null`},
		{"null, of an element", `[0].a`, `null`, `null`},
		{"null where the mask descends", `{a{b},c.d,e[]{f},g[0].h}`, `{"a":null,"c":null,"e":null,"g":null}`, `{"a":null,"e":null}`},
		{"wrong types", `{a{b},c.d,e[]{f},g[0].h}`, `{"a":[1],"c":"s","e":{"f":1},"g":5}`, `{"a":null,"e":null}`},
		{"escaped key", `{id,items[]{name}}`, `{"\u0069d":1,"it\u0065ms":[{"\u006E\u0061me":2}]}`, `{"id":1,"items":[{"name":2}]}`},
		{"escaped key that is another", `{id}`, `{"i\u0064x":1,"\/id":2,"\u1069d":3}`, `{}`},
		{"keys with a common beginning", `{a_long_key_name}`, `{"a_long_key":1,"a_long_key_nope":2,"a_long_key_name":3,"a_long_key_names":4}`, `{"a_long_key_name":3}`},
		{"numbers stay", `{a,b,c}`, `{"a":12345678901234567890.000,"b":-0,"c":1e400}`, `{"a":12345678901234567890.000,"b":-0,"c":1e400}`},
		{"strings stay", `{a}`, `{"a":"\ud800 \/ \" é \u00e9"}`, `{"a":"\ud800 \/ \" é \u00e9"}`},
		{"white space goes", `{a}`, "{ \"a\" : { \"b c\" : [ 1 ,\n2 ] , \"d\\\" \" : \" \\\\\" } }", `{"a":{"b c":[1,2],"d\" ":" \\"}}`},
		{"repeated keys that nobody selects", `{a}`, `{"x":1,"x":2,"a":{"y":1,"y":2}}`, `{"a":{"y":1,"y":2}}`},
		{"every member", `{prices{*{net}}}`, `{"prices":{"EUR":{"net":1,"x":2},"\u0055SD":{"net":3}}}`, `{"prices":{"EUR":{"net":1},"\u0055SD":{"net":3}}}`},
		{"every member, flattened", `{prices.*.net}`, `{"prices":{"EUR":{"net":1},"USD":{},"GBP":{"net":3},"x":null}}`, `{"net":{"EUR":1,"GBP":3}}`},
		{"every member, renamed", `{p:prices.*.net}`, `{"prices":{"EUR":{"net":1}}}`, `{"p":{"EUR":1}}`},
		{"every member, whole", `{prices.*}`, `{"prices":{"EUR" : [1, 2]}}`, `{"prices":{"EUR":[1,2]}}`},
		{"every member of the document", `{*{a}}`, `{"x":{"a":1,"b":2},"y":5}`, `{"x":{"a":1},"y":null}`},
		{"every member, arrays of them", `{*[:1].a}`, `{"x":[{"a":1},{"a":2}],"y":[]}`, `{"x":[1],"y":[]}`},
		{"every member, one element", `{*[1]}`, `{"x":[1,2],"y":[],"z":[3]}`, `{"x":2}`},
		{"every member of every element", `[].*.a`, `[{"x":{"a":1}},5,{"y":{"a":2},"z":{}}]`, `[{"x":1},null,{"y":2}]`},
		{"every member of every member", `{*{*.a}}`, `{"x":{"y":{"a":1},"z":2}}`, `{"x":{"y":1}}`},
		{"every member of nothing", `{a.*.b,c{*}}`, `{"a":{},"c":[1]}`, `{"b":{},"c":null}`},
		{"every member, repeated", `{*}`, `{"a":1,"a":2}`, `{"a":1,"a":2}`},
		{"an excluded member", `{-b}`, `{"a":1,"b":{"c":[]},"d" : [1, 2]}`, `{"a":1,"d":[1,2]}`},
		{"an excluded member, repeated and escaped", `{-b}`, `{"b":1,"\u0062":2,"a":3,"b":4}`, `{"a":3}`},
		{"excluded in every element", `{items[]{-internal}}`, `{"items":[{"id":1,"internal":2},{"internal":3},null]}`, `{"items":[{"id":1},{},null]}`},
		{"excluded beside members of its own", `{-b,address{zip},tags[:1],x{*{y}}}`, `{"b":1,"address":{"zip":1,"city":2},"x":{"z":{"y":1,"a":2}},"tags":[1,2],"\u0061":[ ]}`, `{"address":{"zip":1},"x":{"z":{"y":1}},"tags":[1],"\u0061":[]}`},
		{"excluded below excluded", `{-b,a{-b}}`, `{"a":{"b":1,"c":2},"b":3}`, `{"a":{"c":2}}`},
		{"white space in the mask", " {\n a ,\n b : c [ :2 ] { d } ,\n e . f } ", `{"a":1,"c":[{"d":2}],"e":{"f":3}}`, `{"a":1,"b":[{"d":2}],"f":3}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := mustCompile(t, tt.mask)
			got, err := m.Project([]byte("before "), []byte(tt.src))
			if err != nil {
				t.Fatal(err)
			}
			if want := "before " + tt.want; string(got) != want {
				t.Errorf("got %s, want %s", got, want)
			}
			// Exactly sized: nothing behind the document or the output may be touched.
			src := []byte(tt.src)
			got, err = m.Project(make([]byte, 0, len(tt.want)), src[:len(src):len(src)])
			if err != nil || string(got) != tt.want {
				t.Errorf("without slack: got %s, %v", got, err)
			}
		})
	}
}

func TestProjectRefuses(t *testing.T) {
	deep := strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth)
	tests := []struct {
		mask, src string
		offset    int
		message   string
	}{
		{`{a}`, `5`, 0, "the mask selects from an object, and this is none,"},
		{`{a}`, ` [1]`, 1, "the mask selects from an object, and this is none,"},
		{`[]{a}`, `{}`, 0, "the mask selects from an array, and this is none,"},
		{`{a}`, `[1`, 2, "unexpected end"},
		{`{a}`, ``, 0, "unexpected end"},
		{`{a}`, "\ufeff{}", 0, "expected a value"},
		{`{a}`, `{"a":1,"b":2,"a":3}`, 14, "repeated key"},
		{`{a}`, `{"a":1,"\u0061":3}`, 8, "repeated key"},
		{`{-b,a{x}}`, `{"a":{},"a":1}`, 9, "repeated key"},
		{`{*}`, `[]`, 0, "the mask selects from an object, and this is none,"},
		{`{a.x,a.y}`, `{"a":{"x":1},"a":{"y":1}}`, 14, "repeated key"},
		{`{a}`, `{"x":"` + "\x01" + `"}`, 6, "control byte in a string"},
		{`{a}`, `{"x":"1234567` + "\x80" + `9"}`, 13, "invalid UTF-8"},
		{`{a}`, `{"x":"\q"}`, 7, "unknown escape sequence"},
		{`{a}`, `{"x":"\u12g4"}`, 10, "bad hexadecimal digit in an escape sequence"},
		{`{a}`, `{"x":01}`, 6, "expected ',' or the end of the array or object"},
		{`{a}`, `{"x":1.}`, 7, "expected a digit behind the decimal point"},
		{`{a}`, `{"x":1e}`, 7, "expected a digit in the exponent"},
		{`{a}`, `{"x":tru}`, 5, "expected a value"},
		{`{a}`, `{"a":1,}`, 7, "expected a key"},
		{`{a}`, `{"x" 1}`, 5, "expected ':'"},
		{`{a}`, `{"a":1}{`, 7, "unexpected byte behind the value"},
		{`{a}`, `{"a":[1}`, 7, "expected ',' or the end of the array or object"},
		{`{a}`, `{"x":` + deep + `}`, 5 + MaxDepth - 1, "nesting too deep"},
	}
	for _, tt := range tests {
		m := mustCompile(t, tt.mask)
		got, err := m.Project([]byte("kept"), []byte(tt.src))
		var fault *DocumentError
		if !errors.As(err, &fault) {
			t.Errorf("%s of %.40q: got %q, %v", tt.mask, tt.src, got, err)
			continue
		}
		if string(got) != "kept" {
			t.Errorf("%s of %.40q: left %q in the output", tt.mask, tt.src, got)
		}
		if diff := cmp.Diff(&DocumentError{Offset: tt.offset, Message: tt.message, Limit: tt.message == tooDeep}, fault); diff != "" {
			t.Errorf("%s of %.40q: %s", tt.mask, tt.src, diff)
		}
	}
}

func TestDepth(t *testing.T) {
	for _, pair := range []string{"[]", "{}"} {
		open, inner, shut := "[", "", "]"
		if pair == "{}" {
			open, inner, shut = `{"a":`, "1", "}"
		}
		at := func(n int) []byte {
			return []byte(strings.Repeat(open, n) + inner + strings.Repeat(shut, n))
		}
		if err := Valid(at(MaxDepth)); err != nil {
			t.Errorf("%s at the limit: %v", pair, err)
		}
		if err := Valid(at(MaxDepth + 1)); err == nil {
			t.Errorf("%s beyond the limit is accepted", pair)
		}
		for _, path := range []string{"a.a.a", "[][].a", "b"} {
			p := mustPath(t, path)
			if _, err := p.Append(nil, at(MaxDepth)); err != nil {
				t.Errorf("path %s, %s at the limit: %v", path, pair, err)
			}
			if _, err := p.Append(nil, at(MaxDepth+1)); err == nil {
				t.Errorf("path %s, %s beyond the limit is accepted", path, pair)
			}
		}
	}
}

// corpus is testdata: each file is one document, and its name begins with what
// RFC 8259 says of it: y (valid), n (not valid).
func corpus(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/corpus/*.json")
	if err != nil || len(files) < 50 {
		t.Fatalf("the corpus is not there: %d files, %v", len(files), err)
	}
	documents := map[string][]byte{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		documents[filepath.Base(f)] = b
	}
	return documents
}

func TestCorpus(t *testing.T) {
	for name, src := range corpus(t) {
		err := Valid(src)
		if want := name[0] == 'y'; (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
		agree(t, src)
	}
}

// agree fails when this package and the standard library disagree on src, or
// when the three walkers of this package do.
func agree(t *testing.T, src []byte) {
	t.Helper()
	valid := Valid(src) == nil
	if want := json.Valid(src) && utf8.Valid(src); valid != want && nesting(src) <= MaxDepth {
		t.Fatalf("%q: valid is %v, encoding/json says %v", src, valid, want)
	}
	for _, mask := range []string{`{a{b}}`, `{a.b[0].c}`, `[]{a}`, `[1].a`, `[:2]`, `{*{*}}`, `{-a}`} {
		m := mustCompile(t, mask)
		out, err := m.Project(nil, src)
		var fault *DocumentError
		if errors.As(err, &fault) && (fault.Message == "repeated key" || strings.HasPrefix(fault.Message, "the mask selects")) {
			continue
		}
		if (err == nil) != valid {
			t.Fatalf("%q through %s: %v, but valid is %v", src, mask, err, valid)
		}
		if err == nil && !json.Valid(out) {
			t.Fatalf("%q through %s: wrote %q", src, mask, out)
		}
	}
	for _, path := range []string{`a.b`, `[]`, `a[0].b`} {
		p := mustPath(t, path)
		values, err := p.Append(nil, src)
		var fault *DocumentError
		if errors.As(err, &fault) && fault.Message == "repeated key" {
			continue
		}
		if (err == nil) != valid {
			t.Fatalf("%q by %s: %v, but valid is %v", src, path, err, valid)
		}
		for _, v := range values {
			if !json.Valid(v) {
				t.Fatalf("%q by %s: gave %q", src, path, v)
			}
		}
	}
}

// nesting is an upper bound for how deep src nests.
func nesting(src []byte) int { return bytes.Count(src, []byte("[")) + bytes.Count(src, []byte("{")) }

// TestUnicode has every lead byte with every second one, and the edges of the
// third and fourth, in the middle of a document and at its end.
func TestUnicode(t *testing.T) {
	edges := []byte{'"', 0x7f, 0x80, 0xbf, 0xc0}
	long := append(bytes.Repeat([]byte("."), 40), '"', ']')
	for lead := 0x80; lead <= 0xff; lead++ {
		for second := ' '; second <= 0xff; second++ {
			for _, third := range edges {
				for _, fourth := range edges {
					text := []byte{byte(lead), byte(second), third, fourth}
					if bytes.ContainsAny(text[:2], `"\\`) {
						continue
					}
					for _, behind := range [][]byte{long, long[40:]} {
						src := append(append([]byte(`["`), text...), behind...)
						if got, want := Valid(src) == nil, utf8.Valid(src) && json.Valid(src); got != want {
							t.Fatalf("%q: valid is %v", src, got)
						}
					}
				}
			}
		}
	}
}

// TestNumbers has numbers of every length around the eight digits that are read at
// once.
func TestNumbers(t *testing.T) {
	var runs []string
	for n := range 19 {
		runs = append(runs, strings.Repeat("9", n), strings.Repeat("9", n)+":", strings.Repeat("0", n))
	}
	for _, whole := range runs {
		for _, format := range []string{"%s", "-%s", "%s.5", "1.%s", "1e%s", "1.0E-%s", "%s.", "%se+"} {
			number := fmt.Sprintf(format, whole)
			for _, src := range []string{number, "[" + number + "]", `{"a":` + number + `,"b":"` + strings.Repeat(".", 30) + `"}`} {
				if got, want := Valid([]byte(src)) == nil, json.Valid([]byte(src)); got != want {
					t.Errorf("%s: valid is %v", src, got)
				}
			}
		}
	}
}

func FuzzValid(f *testing.F) {
	for _, src := range corpus(f) {
		f.Add(src)
	}
	for i := range uint64(8) {
		f.Add([]byte(document(i, true)))
	}
	f.Fuzz(func(t *testing.T, src []byte) { agree(t, src) })
}

// TestMutants makes one or two faults in valid documents, at every place in
// turn, so that every rule of the grammar is broken somewhere.
func TestMutants(t *testing.T) {
	spare := []byte("\"\\{}[]:,0-.eE tn\x00\x1f\x7f\x80\xc3\xff u9\n")
	documents := 30
	if testing.Short() {
		documents = 3
	}
	for i := range uint64(documents) {
		src := []byte(document(i, i%2 == 0))
		if len(src) > 600 {
			src = []byte(`{"a":[` + string(src[:0]) + `{"b":"\u00e9é","c":[-1.5e+7,true,null]}]}`)
		}
		for at := range src {
			broken := bytes.Clone(src)
			broken[at] = spare[(at+int(i))%len(spare)]
			agree(t, broken)
			agree(t, append(broken[:at:at], src[min(at+1, len(src)):]...))
			agree(t, src[:at])
		}
	}
}

// A trial is a pass and what it is tried on, as text. Without a mask, nothing is
// written.
type trial struct {
	mask   string
	paths  string // separated by blanks
	limits Limits
	src    []byte
}

// compare makes a pass by both implementations.
func compare(t *testing.T, try trial) {
	t.Helper()
	var m *Mask
	if try.mask != "" {
		var err error
		if m, err = Compile(try.mask); err != nil {
			t.Skip(err)
		}
	}
	var paths []*Path
	for _, text := range strings.Fields(try.paths) {
		p, err := CompilePath(text)
		if err != nil {
			t.Skip(err)
		}
		paths = append(paths, p)
	}
	tree, err := decode(try.src)
	if err != nil || Valid(try.src) != nil {
		t.Skip("not a document")
	}
	want, wantErr := any(nil), error(nil)
	if m != nil {
		want, wantErr = reference(parseMask(try.mask), tree)
	}
	captures := make([][]any, len(paths))
	for i, p := range paths {
		var err error
		if captures[i], err = captureOf(p.String(), tree); err != nil && wantErr == nil {
			wantErr = err
		}
	}
	depth, items := extent(tree)
	l := try.limits
	beyond := l.Depth > 0 && depth > l.Depth || l.Items > 0 && items > l.Items

	got, found, err := NewPass(m, paths, l).Run(nil, try.src, nil)
	switch {
	case beyond && wantErr == nil && !errors.Is(err, ErrLimit):
		t.Fatalf("%+v: %v, but it is %d deep with %d elements", try, err, depth, items)
	case !beyond && errors.Is(err, ErrLimit) || (err == nil) != (wantErr == nil && !beyond):
		t.Fatalf("%+v: %v, the reference says %v", try, err, wantErr)
	case err != nil:
		return
	}
	sameOutput(t, try, got, want)
	for _, c := range found {
		value, err := decode(try.src[c.Span.Start:c.Span.End])
		if err != nil || len(captures[c.Path]) == 0 {
			t.Fatalf("%+v: capture %+v: %v", try, c, err)
		}
		if g, w := encode(nil, value), encode(nil, captures[c.Path][0]); !bytes.Equal(g, w) {
			t.Fatalf("%+v: captured %s, want %s", try, g, w)
		}
		captures[c.Path] = captures[c.Path][1:]
	}
	for i, rest := range captures {
		if len(rest) > 0 {
			t.Fatalf("%+v: %s has %d values more", try, paths[i], len(rest))
		}
	}
}

// sameOutput compares what was written with what should have been, and demands
// that it is compact.
func sameOutput(t *testing.T, try trial, got []byte, want any) {
	t.Helper()
	if want == nil {
		if len(got) > 0 {
			t.Fatalf("%+v: wrote %s", try, got)
		}
		return
	}
	back, err := decode(got)
	if err != nil {
		t.Fatalf("%+v: wrote %s", try, got)
	}
	if g, w := encode(nil, back), encode(nil, want); !bytes.Equal(g, w) {
		t.Fatalf("%+v:\n got %s\nwant %s", try, g, w)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, got); err != nil || !bytes.Equal(compact.Bytes(), got) {
		t.Fatalf("%+v: %s is not compact (%v)", try, got, err)
	}
}

func (try trial) String() string {
	return fmt.Sprintf("%s with %s within %+v of %s", try.mask, try.paths, try.limits, try.src)
}

func TestReference(t *testing.T) {
	compiled := 0
	for i := range uint64(6000) {
		try := trial{mask: mask(i), paths: paths(i), src: []byte(document(i*31, i%2 == 0))}
		switch i % 5 {
		case 0:
			try.limits = Limits{Items: int(i % 7)}
		case 1:
			try.limits = Limits{Depth: int(i % 8)}
		case 2:
			try.mask = ""
		}
		if try.mask != "" {
			if _, err := Compile(try.mask); err != nil {
				continue
			}
		}
		compiled++
		t.Run(fmt.Sprint(i), func(t *testing.T) { compare(t, try) })
	}
	if compiled < 1500 {
		t.Errorf("only %d generated masks compile", compiled)
	}
}

func FuzzProject(f *testing.F) {
	for i := range uint64(20) {
		f.Add(mask(i), paths(i), byte(i%3*3), byte(i%4*2), []byte(document(i, true)))
	}
	f.Fuzz(func(t *testing.T, mask, paths string, depth, items byte, src []byte) {
		if strings.ContainsAny(mask, " \t\r\n") || strings.Count(paths, " ") > 8 || !utf8.Valid(src) {
			t.Skip("the reference does not read white space in masks")
		}
		compare(t, trial{mask, paths, Limits{int(depth), int(items)}, src})
	})
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{`{a}`, `[:3]{id}`, `{a[0].b,c:d[]{e}}`, ` { a , b : c } `, `{a[`, `{a.b,a{c}}`, `{*}`, `{a.*.b,c{*[]{d}}}`, `{-a,b{c}}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := Compile(text)
		var syntax *SyntaxError
		if err != nil {
			if !errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(text) || syntax.Message == "" {
				t.Fatalf("%q: %#v", text, err)
			}
			return
		}
		same(t, m.root, mustCompile(t, m.root.print()).root)
		for _, p := range m.Paths() {
			if _, err := CompilePath(p); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		}
		for _, src := range []string{`{"a":[{"b":1}],"id":[]}`, `[{"id":1}]`} {
			out, err := m.Project(nil, []byte(src))
			if err == nil && !json.Valid(out) {
				t.Fatalf("%q wrote %q", text, out)
			}
		}
	})
}

func TestNoAllocation(t *testing.T) {
	src := []byte(`{"\u0069d":1,"items":[{"id":"x","price":{"amount":5,"x":[ 1 , 2 ]}}],"name":"é"}`)
	m := mustCompile(t, `{id,name,items[]{id,price.x}}`)
	p := mustPath(t, "items.price.amount")
	pass := NewPass(m, []*Path{p, mustPath(t, "items.id")}, Limits{Depth: 9, Items: 9})
	dst, values, spans := make([]byte, 0, 256), make([][]byte, 0, 4), make([]Span, 0, 4)
	found, members := make([]Capture, 0, 4), make([]Member, 0, 4)
	n := testing.AllocsPerRun(100, func() {
		var err error
		if dst, found, err = pass.Run(dst[:0], src, found[:0]); err != nil || len(found) != 2 {
			t.Fatal(err)
		}
		if members, err = Members(members[:0], src); err != nil || len(members) != 3 {
			t.Fatal(err)
		}
		if dst, err = m.Project(dst[:0], src); err != nil {
			t.Fatal(err)
		}
		if values, err = p.Append(values[:0], src); err != nil || len(values) != 1 {
			t.Fatal(err)
		}
		if spans, err = p.Spans(spans[:0], src); err != nil || len(spans) != 1 {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
