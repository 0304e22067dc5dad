package aggregation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/triptych-bff/triptych/shared/projection"
)

// merges are all policies by name.
var merges = map[string]Merge{
	"First": First, "Last": Last, "Deep": Deep, "Concat": Concat,
	"UniqueBy": UniqueBy(""), "UniqueBy id": UniqueBy("id"), "JoinBy id": JoinBy("id"),
}

func compiled(t testing.TB, m Merge) bound {
	t.Helper()
	b, err := m.compile()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// merged is what texts become together, without the text that stood before it.
func merged(b bound, texts ...string) (string, error) {
	parts := make([][]byte, len(texts))
	for i := range texts {
		parts[i] = []byte(texts[i])
	}
	out, err := b.apply([]byte(`{"before":`), parts...)
	rest, kept := strings.CutPrefix(string(out), `{"before":`)
	if !kept || err != nil && rest != "" {
		return rest, fmt.Errorf("what stood before has become %q: %w", out, err)
	}
	return rest, err
}

// One of a kind with one of each kind, in both orders.
func TestMergeTypes(t *testing.T) {
	const notArray = "; expected an array"
	object, list, text, number, truth, null := `{"a":1}`, `[1]`, `"x"`, `1.50`, `true`, `null`
	for _, c := range []struct{ a, b, deep, concat string }{
		{object, `{"b":2}`, `{"a":1,"b":2}`, "part 1 of this name is an object" + notArray},
		{object, list, list, "part 1 of this name is an object" + notArray},
		{object, text, text, "part 1 of this name is an object" + notArray},
		{object, null, object, "part 1 of this name is an object" + notArray},
		{null, object, object, "part 2 of this name is an object" + notArray},
		{list, object, object, "part 2 of this name is an object" + notArray},
		{list, `[2]`, `[2]`, `[1,2]`},
		{list, `[]`, `[]`, `[1]`},
		{`[]`, list, list, `[1]`},
		{`[]`, `[]`, `[]`, `[]`},
		{`[]`, null, `[]`, `[]`},
		{list, null, list, list},
		{null, list, list, list},
		{list, text, text, "part 2 of this name is a string" + notArray},
		{text, number, number, "part 1 of this name is a string" + notArray},
		{number, text, text, "part 1 of this name is a number or boolean" + notArray},
		{truth, null, truth, "part 1 of this name is a number or boolean" + notArray},
		{null, number, number, "part 2 of this name is a number or boolean" + notArray},
		{null, null, null, null},
	} {
		for name, want := range map[string]string{
			"First": c.a, "Last": c.b, "Deep": c.deep,
			"Concat": c.concat, "UniqueBy": c.concat, "UniqueBy id": c.concat, "JoinBy id": c.concat,
		} {
			got, err := merged(compiled(t, merges[name]), c.a, c.b)
			if err != nil {
				got = strings.TrimPrefix(err.Error(), "merge: ")
			}
			if got != want {
				t.Errorf("%s of %s and %s: %s, want %s", name, c.a, c.b, got, want)
			}
		}
	}
}

func TestMerge(t *testing.T) {
	for name, c := range map[string]struct {
		merge Merge
		parts []string
		want  string
	}{
		"first of one":         {First, []string{`1`}, `1`},
		"last of three":        {Last, []string{`1`, `2`, `3`}, `3`},
		"null as it is, first": {First, []string{`null`, `1`}, `null`},
		"null as it is, last":  {Last, []string{`1`, `null`}, `null`},

		"members in order":         {Deep, []string{`{"b":1,"a":2}`, `{"d":3,"a":4,"c":5}`}, `{"b":1,"a":4,"d":3,"c":5}`},
		"objects in objects":       {Deep, []string{`{"a":{"x":1,"y":{"p":1}}}`, `{"a":{"y":{"q":2},"z":3}}`}, `{"a":{"x":1,"y":{"p":1,"q":2},"z":3}}`},
		"lists are replaced":       {Deep, []string{`{"a":[{"x":1}]}`, `{"a":[{"y":2}]}`}, `{"a":[{"y":2}]}`},
		"null gives way, later":    {Deep, []string{`{"a":1,"b":{"x":1}}`, `{"a":null,"b":{"x":null}}`}, `{"a":1,"b":{"x":1}}`},
		"null gives way, earlier":  {Deep, []string{`{"a":null,"b":null}`, `{"a":1,"b":{"x":1}}`}, `{"a":1,"b":{"x":1}}`},
		"null and null":            {Deep, []string{`{"a":null}`, `{"a":null}`}, `{"a":null}`},
		"null in only one":         {Deep, []string{`{"a":null}`, `{"b":null}`}, `{"a":null,"b":null}`},
		"an object replaces":       {Deep, []string{`{"a":1}`, `{"a":{"x":1}}`}, `{"a":{"x":1}}`},
		"an object is replaced":    {Deep, []string{`{"a":{"x":1}}`, `{"a":2}`, `{"a":{"y":3}}`}, `{"a":{"y":3}}`},
		"empty objects":            {Deep, []string{`{}`, `{}`}, `{}`},
		"one object as it is":      {Deep, []string{`null`, `{"a":1,"a":2}`, `null`}, `{"a":1,"a":2}`},
		"into an empty one":        {Deep, []string{`{}`, `{"a":1}`, `{}`}, `{"a":1}`},
		"numbers as they are":      {Deep, []string{`{"a":1.50,"b":-0}`, `{"c":1e+2,"d":12345678901234567890123}`}, `{"a":1.50,"b":-0,"c":1e+2,"d":12345678901234567890123}`},
		"texts as they are":        {Deep, []string{`{"a":"\u0041\/"}`, `{"b":"é\u00e9"}`}, `{"a":"\u0041\/","b":"é\u00e9"}`},
		"names by meaning":         {Deep, []string{`{"\u0061":1,"é":2}`, `{"a":3,"\u00E9":4}`}, `{"\u0061":3,"é":4}`},
		"names with quotes":        {Deep, []string{`{"\"":1,"\\":2}`, `{"\u0022":3,"\u005c":4}`}, `{"\"":3,"\\":4}`},
		"a name begins another":    {Deep, []string{`{"a":1,"":2}`, `{"aa":3,"a\u0000":4,"":5}`}, `{"a":1,"":5,"aa":3,"a\u0000":4}`},
		"three, by what they mean": {Deep, []string{`{"a":{"x":1}}`, `null`, `{"a":{"x":2,"y":{"z":1}}}`, `{"a":{"y":{"u":2}}}`}, `{"a":{"x":2,"y":{"z":1,"u":2}}}`},

		"three lists":        {Concat, []string{`[1,2]`, `[]`, `null`, `[[3]]`}, `[1,2,[3]]`},
		"lists of lists":     {Concat, []string{`[[]]`, `[{}]`}, `[[],{}]`},
		"brackets in a text": {Concat, []string{`["["]`, `["{"]`}, `["[","{"]`},

		"unique, whole":         {UniqueBy(""), []string{`[1,"a",null,1.0,1]`, `["\u0061",null,true,[1],{"a":1}]`, `[[1],[1.0],{"a":1},true]`}, `[1,"a",null,1.0,true,[1],{"a":1},[1.0]]`},
		"unique, by id":         {UniqueBy("id"), []string{`[{"id":1,"x":1},{"id":2}]`, `[{"id":2,"x":2},{"id":3},{"id":1}]`}, `[{"id":1,"x":1},{"id":2},{"id":3}]`},
		"unique in one list":    {UniqueBy("id"), []string{`[{"id":1,"x":1},{"id":1}]`, `null`}, `[{"id":1,"x":1}]`},
		"no id":                 {UniqueBy("id"), []string{`[{"x":1},{"id":null},5]`, `[{"x":1},{"id":null},5,{"id":1}]`}, `[{"x":1},{"id":null},5,{"x":1},{"id":null},5,{"id":1}]`},
		"ids of several types":  {UniqueBy("id"), []string{`[{"id":1},{"id":"1"},{"id":true},{"id":"true"}]`, `[{"id":1.0},{"id":"\u0031"},{"id":true}]`}, `[{"id":1},{"id":"1"},{"id":true},{"id":"true"},{"id":1.0}]`},
		"ids that are lists":    {UniqueBy("id"), []string{`[{"id":[1]},{"id":{"a":1}}]`, `[{"id":[1]},{"id":{"a":1}},{"id":{"a":2}}]`}, `[{"id":[1]},{"id":{"a":1}},{"id":{"a":2}}]`},
		"an id deep inside":     {UniqueBy("a.b[0]"), []string{`[{"a":{"b":[1,2]}}]`, `[{"a":{"b":[1,3]}},{"a":{"b":[2]}}]`}, `[{"a":{"b":[1,2]}},{"a":{"b":[2]}}]`},
		"an id with a quote":    {UniqueBy("id"), []string{`[{"id":"\""}]`, `[{"id":"\u0022","x":1},{"id":"\\\""}]`}, `[{"id":"\""},{"id":"\\\""}]`},
		"joined":                {JoinBy("id"), []string{`[{"id":1,"a":1},{"id":2}]`, `[{"id":3},{"id":1,"b":2}]`}, `[{"id":1,"a":1,"b":2},{"id":2},{"id":3}]`},
		"joined deeply":         {JoinBy("id"), []string{`[{"id":"x","a":{"p":1,"q":[1]}}]`, `[{"a":{"q":[2],"r":null},"id":"\u0078"}]`}, `[{"id":"\u0078","a":{"p":1,"q":[2],"r":null}}]`},
		"joined in one list":    {JoinBy("id"), []string{`[{"id":1,"a":1},{"id":1,"b":2},{"id":1,"a":3}]`, `[]`}, `[{"id":1,"a":3,"b":2}]`},
		"without a partner":     {JoinBy("id"), []string{`[{"x":1},{"id":null},5]`, `[{"x":1},null,{"id":1}]`}, `[{"x":1},{"id":null},5,{"x":1},null,{"id":1}]`},
		"joined with what is 0": {JoinBy("id"), []string{`[{"id":0}]`, `[{"id":-0},{"id":0,"a":1}]`}, `[{"id":0,"a":1},{"id":-0}]`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := merged(compiled(t, c.merge), c.parts...)
			if err != nil || got != c.want {
				t.Errorf("%s, %v\nwant %s", got, err, c.want)
			}
		})
	}
}

func TestMergeRefuses(t *testing.T) {
	deepest := func(n int) string { return strings.Repeat(`{"a":`, n) + `1` + strings.Repeat(`}`, n) }
	for name, c := range map[string]struct {
		merge Merge
		parts []string
		want  string
	}{
		"no policy":              {Merge{}, []string{`1`, `2`}, "merge: several parts of one name"},
		"the third is no list":   {Concat, []string{`[1]`, `null`, `{}`}, "merge: part 3 of this name is an object; expected an array"},
		"a name twice":           {Deep, []string{`{"a":1}`, `{"b":1,"\u0062":2}`}, "merge: an object has two members of one name"},
		"a name twice inside":    {Deep, []string{`{"x":{"a":1,"a":2}}`, `{"x":{}}`}, "merge: an object has two members of one name"},
		"a name twice, far away": {Deep, []string{many(100, 0), strings.Replace(many(100, 0), `"m77"`, `"m11"`, 1)}, "merge: an object has two members of one name"},
		"an id twice":            {UniqueBy("id"), []string{`[{"id":1,"id":2}]`, `[]`}, "repeated key"},
		"many ids":               {JoinBy("a.id"), []string{`[{"a":[{"id":1},{"id":2}]}]`, `[]`}, "merge: an element has several values at a.id; expected one"},
		"no JSON in an object":   {Deep, []string{`{"a":1}`, `{"a":x}`}, "merge: projection: expected a value"},
		"no JSON in a list":      {UniqueBy(""), []string{`[1]`, `[1`}, "merge: projection: unexpected end"},
		"too deep":               {Deep, []string{deepest(projection.MaxDepth + 1), deepest(projection.MaxDepth + 1)}, "nesting too deep"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := merged(compiled(t, c.merge), c.parts...)
			if err == nil || !strings.Contains(err.Error(), c.want) || got != "" {
				t.Errorf("%q, %v; want %s", got, err, c.want)
			}
		})
	}
	got, err := merged(compiled(t, Deep), deepest(projection.MaxDepth), deepest(projection.MaxDepth))
	if err != nil || got != deepest(projection.MaxDepth) {
		t.Errorf("as deep as may be: %v", err)
	}
}

func TestMergeCompile(t *testing.T) {
	for name, m := range map[string]Merge{
		"a path that is none":   UniqueBy("a..b"),
		"one that goes nowhere": JoinBy("["),
		"nothing to join by":    JoinBy(""),
	} {
		if _, err := m.compile(); err == nil {
			t.Errorf("%s: compiled", name)
		}
	}
	for name, m := range merges {
		if m.isZero() {
			t.Errorf("%s is the zero value", name)
		}
	}
	if _, err := (Merge{}).compile(); err != nil || !(Merge{}).isZero() {
		t.Errorf("the zero value: %v", err)
	}
	if UniqueBy("id") == JoinBy("id") || UniqueBy("id") == UniqueBy("name") {
		t.Error("two merges are one")
	}
}

// The parts may be what dst has, as they are where several are merged in turn.
func TestMergeOfWhatIsThere(t *testing.T) {
	for _, room := range []int{0, 100} {
		dst := append(make([]byte, 0, 24+room), `{"a":[1]}{"a":[2],"b":3}`...)
		out, err := compiled(t, Deep).apply(dst, dst[:9], dst[9:])
		if want := string(dst) + `{"a":[2],"b":3}`; err != nil || string(out) != want {
			t.Errorf("%s, %v; want %s", out, err, want)
		}
	}
}

// Two keys of one hash are two keys.
func TestGroupsOfOneHash(t *testing.T) {
	g := groups{places: map[uint64]int{}}
	for _, key := range []string{"a", "b"} {
		g.add(item{key: []byte(key)})
	}
	g.places = map[uint64]int{maphash.Bytes(hashes, []byte("c")): 0, maphash.Bytes(hashes, []byte("c")) + 1: 1}
	for range 2 {
		g.add(item{key: []byte("c")})
	}
	if g.find([]byte("c")) != 2 || g.find([]byte("d")) != -1 || len(g.items) != 4 || !g.items[3].later {
		t.Errorf("%+v, %v", g.items, g.places)
	}
}

// many is an object of n members from the number from on.
func many(n, from int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"m%d":{"v%d":%d}`, from+i, i, i)
	}
	return "{" + b.String()[1:] + "}"
}

// A reference that decodes, merges two by two, and is slow.

type prop struct {
	Name  string
	Value any
}

type object []prop

func (o object) get(name string) (any, int) {
	for i, f := range o {
		if f.Name == name {
			return f.Value, i
		}
	}
	return nil, -1
}

func decoded(t testing.TB, text string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	return decodeNext(t, d)
}

func decodeNext(t testing.TB, d *json.Decoder) any {
	t.Helper()
	token, err := d.Token()
	if err != nil {
		t.Fatal(err)
	}
	switch token {
	case json.Delim('{'):
		o := object{}
		for d.More() {
			name, _ := d.Token()
			o = append(o, prop{name.(string), decodeNext(t, d)})
		}
		_, _ = d.Token()
		return o
	case json.Delim('['):
		list := []any{}
		for d.More() {
			list = append(list, decodeNext(t, d))
		}
		_, _ = d.Token()
		return list
	}
	return token
}

func slowDeep(a, b any) any {
	x, isObject := a.(object)
	y, bothObjects := b.(object)
	switch {
	case b == nil:
		return a
	case !isObject || !bothObjects:
		return b
	}
	out := slices.Clone(x)
	for _, f := range y {
		if _, at := out.get(f.Name); at >= 0 {
			out[at].Value = slowDeep(out[at].Value, f.Value)
		} else {
			out = append(out, f)
		}
	}
	return out
}

// slowLists merges two arrays whose elements with a key are found by key.
func slowLists(a, b any, key func(any) any, unite func(a, b any) any) any {
	if a == nil && b == nil {
		return nil
	}
	x, _ := a.([]any)
	y, _ := b.([]any)
	out := []any{}
	for _, element := range append(slices.Clone(x), y...) {
		at := -1
		if k := key(element); k != nil {
			at = slices.IndexFunc(out, func(e any) bool { return cmp.Equal(key(e), k) })
		}
		if at >= 0 {
			out[at] = unite(out[at], element)
		} else {
			out = append(out, element)
		}
	}
	return out
}

func slow(name string, a, b any) any {
	id := func(e any) any {
		o, _ := e.(object)
		v, _ := o.get("id")
		return v
	}
	first := func(a, _ any) any { return a }
	switch name {
	case "First":
		return a
	case "Last":
		return b
	case "Deep":
		return slowDeep(a, b)
	case "Concat":
		return slowLists(a, b, func(any) any { return nil }, nil)
	case "UniqueBy":
		return slowLists(a, b, func(e any) any { return object{{"whole", e}} }, first)
	case "UniqueBy id":
		return slowLists(a, b, id, first)
	}
	return slowLists(a, b, id, slowDeep)
}

// A drawing makes JSON in many spellings. With fixed kinds, what a member is
// follows from its name.
type drawing struct {
	*rapid.T
	fixed bool
}

func (d drawing) pick(from ...string) string { return rapid.SampledFrom(from).Draw(d.T, "pick") }

func (d drawing) scalar() string {
	return d.pick(`1`, `1.0`, `1e0`, `-0`, `2`, `12345678901234567890`, `"a"`, `"\u0061"`, `"1"`, `"é"`, `"\u00e9\n"`, `""`, `true`, `false`, `null`)
}

func (d drawing) value(depth int) string {
	switch n := rapid.IntRange(0, 5).Draw(d.T, "kind"); {
	case depth > 0 && n == 0:
		return d.list(depth - 1)
	case depth > 0 && n <= 2:
		return d.object(depth - 1)
	}
	return d.scalar()
}

func (d drawing) list(depth int) string {
	if !d.fixed && rapid.IntRange(0, 9).Draw(d.T, "none") == 0 {
		return "null"
	}
	elements := make([]string, rapid.IntRange(0, 5).Draw(d.T, "elements"))
	for i := range elements {
		elements[i] = d.value(depth)
	}
	return "[" + strings.Join(elements, ",") + "]"
}

func (d drawing) object(depth int) string {
	names := rapid.SliceOfDistinct(rapid.SampledFrom([]string{"id", "o", "p", "a", "b", "c", "é", "", "l"}), rapid.ID).Draw(d.T, "names")
	if rapid.IntRange(0, 9).Draw(d.T, "large") == 0 {
		for i := range 2 * few {
			names = append(names, "m"+strconv.Itoa(i))
		}
	}
	members := make([]string, len(names))
	for i, name := range names {
		members[i] = d.spelled(name) + ":" + d.member(name, depth)
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (d drawing) member(name string, depth int) string {
	switch {
	case name == "id":
		return d.scalar()
	case !d.fixed:
		return d.value(depth)
	case depth > 0 && (name == "o" || name == "p"):
		return d.pick(d.object(depth-1), "null")
	case name == "o" || name == "p":
		return "null"
	}
	return d.scalar()
}

// spelled is a name as a string of JSON, in one of its spellings.
func (d drawing) spelled(name string) string {
	if name == "" || !rapid.Bool().Draw(d.T, "escaped") {
		return `"` + name + `"`
	}
	var b strings.Builder
	for _, r := range name {
		fmt.Fprintf(&b, `\u%04x`, r)
	}
	return `"` + b.String() + `"`
}

// part draws a part that the policy can take.
func (d drawing) part(name string) string {
	switch name {
	case "First", "Last", "Deep":
		if d.fixed {
			return d.object(2)
		}
		return d.value(3)
	case "UniqueBy": // arrays and objects are compared as they are spelled; these have one spelling
		list := make([]string, rapid.IntRange(0, 20).Draw(d.T, "elements"))
		for i := range list {
			list[i] = d.pick(d.scalar(), `[1]`, `[1,2]`, `{"a":1}`)
		}
		return "[" + strings.Join(list, ",") + "]"
	case "UniqueBy id", "JoinBy id": // a path goes into lists, and would find several values
		list := make([]string, rapid.IntRange(0, 5).Draw(d.T, "elements"))
		for i := range list {
			list[i] = d.pick(d.object(1), d.object(1), d.scalar(), `[1]`)
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	return d.list(2)
}

func TestMergeAgainstReference(t *testing.T) {
	for name, m := range merges {
		b := compiled(t, m)
		t.Run(name, rapid.MakeCheck(func(rt *rapid.T) {
			d := drawing{T: rt}
			texts := make([]string, rapid.IntRange(2, 4).Draw(rt, "parts"))
			for i := range texts {
				texts[i] = d.part(name)
			}
			got, err := merged(b, texts...)
			if err != nil {
				rt.Fatalf("%v: %v", texts, err)
			}
			if err := projection.Valid([]byte(got)); err != nil {
				rt.Fatalf("%v: %s: %v", texts, got, err)
			}
			// A list alone may have to be merged in itself.
			want := decoded(t, texts[0])
			if _, isList := want.([]any); isList && (strings.HasSuffix(name, "id") || name == "UniqueBy") {
				want = slow(name, want, nil)
			}
			for _, text := range texts[1:] {
				want = slow(name, want, decoded(t, text))
			}
			if diff := cmp.Diff(want, decoded(t, got)); diff != "" {
				rt.Fatalf("%v: %s\n%s", texts, got, diff)
			}
			pairs := texts[0]
			for _, text := range texts[1:] {
				if pairs, err = merged(b, pairs, text); err != nil {
					rt.Fatal(err)
				}
			}
			if pairs != got {
				rt.Fatalf("%v: %s\ntwo by two %s", texts, got, pairs)
			}
		}))
	}
}

// It makes no difference which two of three parts are merged first, as long as
// nobody takes for an object what is none for others.
func TestMergeIsAssociative(t *testing.T) {
	for name, m := range merges {
		b := compiled(t, m)
		t.Run(name, rapid.MakeCheck(func(rt *rapid.T) {
			d := drawing{T: rt, fixed: true}
			x, y, z := d.part(name), d.part(name), d.part(name)
			all, err := merged(b, x, y, z)
			if err != nil {
				rt.Fatalf("%s %s %s: %v", x, y, z, err)
			}
			behind, err := merged(b, y, z)
			if err != nil {
				rt.Fatal(err)
			}
			if behind, err = merged(b, x, behind); err != nil || behind != all {
				rt.Fatalf("%s %s %s: %s\nthe last two first: %s, %v", x, y, z, all, behind, err)
			}
		}))
	}
}

func FuzzMerge(f *testing.F) {
	for _, seed := range []string{`{"a":{"b":1}}`, `[{"id":1},{"id":"\u0031"}]`, `null`, `{"":{},"\u0000":[]}`, `"x"`, `[`, `{"a"`, ``, `"`, ` []`} {
		f.Add([]byte(seed), []byte(`{"a":{"c":2}}`))
		f.Add([]byte(`[{"id":1,"x":[]},null]`), []byte(seed))
	}
	bounds := map[string]bound{}
	for name, m := range merges {
		bounds[name] = compiled(f, m)
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		valid := compact(&a) && compact(&b)
		for name, m := range bounds {
			got, err := m.apply(nil, a, b)
			if err != nil || !valid { // what is no JSON gives anything but a panic
				continue
			}
			if err := projection.Valid(got); err != nil {
				t.Fatalf("%s of %s and %s: %s: %v", name, a, b, got, err)
			}
			if name != "Deep" {
				continue
			}
			want := slowDeep(decoded(t, string(a)), decoded(t, string(b)))
			if diff := cmp.Diff(want, decoded(t, string(got))); diff != "" {
				t.Fatalf("%s and %s: %s\n%s", a, b, got, diff)
			}
		}
	})
}

// compact takes white space out of a valid document.
func compact(text *[]byte) bool {
	var b bytes.Buffer
	if projection.Valid(*text) != nil || json.Compact(&b, *text) != nil {
		return false
	}
	*text = b.Bytes()
	return true
}

func BenchmarkMerge(b *testing.B) {
	list := func(from, to int) string {
		var s strings.Builder
		for i := from; i < to; i++ {
			fmt.Fprintf(&s, `,{"id":"item-%d","title":"The title of number %d","price":{"amount":%d.90,"currency":"EUR"}}`, i, i, i)
		}
		return "[" + s.String()[1:] + "]"
	}
	user := `{"id":"u-1","name":"Ada","address":{"city":"London","street":"Dorset Street 1"},"tags":["a","b"]}`
	more := `{"id":"u-1","address":{"country":"GB","city":"Marylebone"},"plan":"family","since":2019}`
	for _, c := range []struct {
		name  string
		merge Merge
		a, b  string
	}{
		{"Last", Last, user, more},
		{"Deep/small", Deep, user, more},
		{"Deep/100+100", Deep, many(100, 0), many(100, 50)},
		{"Concat/50+50", Concat, list(0, 50), list(25, 75)},
		{"UniqueBy/50+50", UniqueBy("id"), list(0, 50), list(25, 75)},
		{"JoinBy/50+50", JoinBy("id"), list(0, 50), list(25, 75)},
	} {
		b.Run(c.name, func(b *testing.B) {
			m, dst := compiled(b, c.merge), make([]byte, 0, len(c.a)+len(c.b))
			x, y := []byte(c.a), []byte(c.b)
			b.SetBytes(int64(len(x) + len(y)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.apply(dst, x, y); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
