package protojson

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func TestLoad(t *testing.T) {
	for _, imports := range []bool{false, true} {
		files, err := Load(compileSet(t, imports, nil))
		if err != nil {
			t.Fatalf("with imports %v: %v", imports, err)
		}
		var names []protoreflect.FullName
		for _, s := range files.Services() {
			names = append(names, s.FullName())
		}
		if diff := cmp.Diff([]protoreflect.FullName{"books.v1.Catalog", "books.v1.Orders"}, names); diff != "" {
			t.Error(diff)
		}
	}
	if _, err := protoregistry.GlobalFiles.FindFileByPath("books/v1/books.proto"); err == nil {
		t.Error("the set is registered for the whole program")
	}
}

func TestLoadRefuses(t *testing.T) {
	file := func(name string, imports ...string) *descriptorpb.FileDescriptorProto {
		return &descriptorpb.FileDescriptorProto{Name: &name, Dependency: imports}
	}
	set := func(files ...*descriptorpb.FileDescriptorProto) []byte {
		b, err := proto.Marshal(&descriptorpb.FileDescriptorSet{File: files})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	tests := []struct {
		name string
		set  []byte
		want string
	}{
		{"nothing", nil, "holds no files"},
		{"other bytes", []byte("syntax = \"proto3\";"), "this is no descriptor set"},
		{"too large", make([]byte, MaxSet+1), "are read at most"},
		{"missing import", set(file("a.proto", "b.proto")), "a.proto imports b.proto, which is not in the descriptor set"},
		{"second missing import", set(file("a.proto", "b.proto", "c.proto")), "a.proto imports c.proto"},
		{"import cycle", set(file("a.proto", "b.proto"), file("b.proto", "a.proto")), "import cycle"},
		{"twice", set(file("a.proto"), file("a.proto")), "appears multiple times"},
	}
	for _, tt := range tests {
		if _, err := Load(tt.set); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestMethod(t *testing.T) {
	m := method(t, "books.v1.Catalog", "GetBook")
	if m.Name() != "/books.v1.Catalog/GetBook" || m.Descriptor().IsStreamingServer() {
		t.Errorf("%s, %v", m.Name(), m.Descriptor())
	}
	if !method(t, "books.v1.Catalog", "WatchBooks").Descriptor().IsStreamingServer() {
		t.Error("WatchBooks does not stream")
	}
	for _, tt := range []struct{ service, method, want string }{
		{"books.v1.Catalogue", "GetBook", `no service "books.v1.Catalogue"; did you mean "books.v1.Catalog"?`},
		{"Orders", "Place", `no service "Orders"; did you mean "books.v1.Orders"?`},
		{"users", "Get", `no service "users"`},
		{"books.v1.Catalog", "GetBok", `books.v1.Catalog has no method "GetBok"; did you mean "GetBook"?`},
		{"books.v1.Catalog", "Delete", `books.v1.Catalog has no method "Delete"`},
		{"", "", `no service ""`},
	} {
		_, err := load(t).Method(tt.service, tt.method)
		if err == nil || !strings.HasSuffix(err.Error(), tt.want) {
			t.Errorf("%s/%s: %v", tt.service, tt.method, err)
		}
	}
}

func TestHTTPRules(t *testing.T) {
	for name, want := range map[string][]Rule{
		"GetBook": {
			{Method: "GET", Template: "/v1/books/{id}"},
			{Method: "GET", Template: "/v1/shelves/{shelf}/books/{id}"},
			{Method: "HEAD", Template: "/v1/books/{id}", ResponseBody: "title"},
		},
		"CreateBook": {{Method: "POST", Template: "/v1/books", Body: "book"}},
		"WatchBooks": nil,
	} {
		if diff := cmp.Diff(want, method(t, "books.v1.Catalog", name).HTTPRules()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestHTTPRulesRefuses(t *testing.T) {
	for rule, want := range map[string]string{
		`get: "v1/books"`:                     "begins with '/'",
		`body: "*"`:                           "expected a method and a path",
		`post: "/v1/books" body: "idd"`:       `body: field "idd" is not in x.Empty`,
		`get: "/v1/books" response_body: "x"`: `response_body: field "x" is not in x.Empty`,
		`get: "/a" additional_bindings { get: "/b" additional_bindings { get: "/c" } }`:            "bindings of its own",
		`get: "/a" additional_bindings { custom { kind: "" path: "/b" } }`:                         "expected a method and a path",
		`get: "/a" additional_bindings { body: "*" additional_bindings { get: "/never-looked" } }`: "bindings of its own",
	} {
		files, err := Load(compileSet(t, false, map[string]string{"x.proto": `syntax = "proto3"; package x;
			import "google/api/annotations.proto";
			message Empty {}
			service S { rpc M(Empty) returns (Empty) { option (google.api.http) = { ` + rule + ` }; } }`}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := files.Method("x.S", "M"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

// book is every field of a Book in the form that Append gives it.
const book = `{"id":"b1","title":"A \"night\": , it rains","stock":"9007199254740993","pages":320,"lent":true,"weight":0.5,"cover":"AQI=",` +
	`"genre":"GENRE_DRAMA","authors":[{"author_name":"Ann","born":1950},{"author_name":"","born":0}],"roles":{"a":{"author_name":"Bo","born":0},"b":{"author_name":"Cy","born":0}},` +
	`"notes":{"1":"one","2":"two  spaces"},"editor":{"author_name":"Di","born":0},"subtitle":"","published_at":"2026-01-02T03:04:05Z","extra":{"any":[1,{"thing":null}]},` +
	`"detail":{"@type":"type.googleapis.com/books.v1.Edition","number":2},"series":"S","soft":0,` +
	`"sequel":{"id":"","title":"","stock":"0","pages":0,"lent":false,"weight":0,"cover":"","genre":"GENRE_UNSPECIFIED","authors":[],"roles":{},"notes":{}}}`

func TestDecodeAppend(t *testing.T) {
	m := method(t, "books.v1.Catalog", "CreateBook")
	want := `{"book":` + book + `}`
	in, err := m.Decode([]byte(want))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Append([]byte("before "), in)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("before "+want, string(got)); diff != "" {
		t.Error(diff)
	}

	// Over the wire, as a service would answer.
	wire, err := proto.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	back := m.NewInput()
	if err := proto.Unmarshal(wire, back); err != nil {
		t.Fatal(err)
	}
	if got, err := Append(nil, back); err != nil || string(got) != want {
		t.Errorf("over the wire: %s, %v", got, err)
	}
}

func TestDefaults(t *testing.T) {
	got, err := Append(nil, method(t, "books.v1.Catalog", "GetBook").NewOutput())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"","title":"","stock":"0","pages":0,"lent":false,"weight":0,"cover":"","genre":"GENRE_UNSPECIFIED","authors":[],"roles":{},"notes":{}}`
	if string(got) != want {
		t.Errorf("got %s", got)
	}
}

func TestDecodeBothNames(t *testing.T) {
	m := method(t, "books.v1.Catalog", "GetBook")
	for _, in := range []string{`{"page_ids":["1"]}`, ` { "pageIds" : [ "1" ] } `} {
		msg, err := m.Decode([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := Append(nil, msg); string(got) != `{"id":"","shelf":"","page_ids":["1"]}` {
			t.Errorf("%s: %s", in, got)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	deep := strings.Repeat(`{"sequel":`, 200) + "{}" + strings.Repeat("}", 200)
	for in, want := range map[string]string{
		`{"titel":"x"}`:                 `(line 1:2): unknown field "titel"`,
		`{"book":{"titel":"x"}}`:        `(line 1:10): unknown field "titel"`,
		`{"book":{"title":5}}`:          `invalid value for string field title: 5`,
		`{"book":{"pages":-1}}`:         `invalid value for uint32 field pages: -1`,
		`{"book":{"genre":"X"}}`:        `invalid value for enum field genre: "X"`,
		`{"book":{},"book":{}}`:         `duplicate field "book"`,
		`{"book":{"hard":"","soft":1}}`: `oneof books.v1.Book.binding is already set`,
		`{"book":{}`:                    `unexpected EOF`,
		`{"book":{}} x`:                 `invalid value x`,
		``:                              `unexpected token`,
		`[]`:                            `unexpected token [`,
		`null`:                          `unexpected token null`,
		"{\"book\":{\"id\":\"\xff\"}}":  `invalid UTF-8`,
		`{"book":` + deep + `}`:         `exceeded max recursion depth`,
		`{"book":{"detail":{"@type":"type.googleapis.com/users.v1.User"}}}`: `unable to resolve`,
	} {
		_, err := method(t, "books.v1.Catalog", "CreateBook").Decode([]byte(in))
		var fault *InputError
		if !errors.As(err, &fault) || fault.Message != "books.v1.CreateBookRequest" || !strings.Contains(fault.Detail, want) {
			t.Errorf("%.60s: %v, want %s", in, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "\u00a0") {
			t.Errorf("%.60s: the error has white space that varies by build", in)
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	m := method(t, "books.v1.Catalog", "GetBook")
	out := m.NewOutput()
	fields := out.ProtoReflect().Descriptor().Fields()
	any := out.ProtoReflect().Mutable(fields.ByName("detail")).Message()
	any.Set(any.Descriptor().Fields().ByName("type_url"), protoreflect.ValueOfString("type.googleapis.com/users.v1.User"))
	got, err := Append([]byte("kept"), out)
	if err == nil || string(got) != "kept" || !strings.Contains(err.Error(), "books.v1.Book") {
		t.Errorf("%s, %v", got, err)
	}
}

func TestAppendLinkedMessage(t *testing.T) {
	got, err := Append(nil, &timestamppb.Timestamp{Seconds: 1})
	if err != nil || string(got) != `"1970-01-01T00:00:01Z"` {
		t.Errorf("%s, %v", got, err)
	}
}

func TestCheckPaths(t *testing.T) {
	in := method(t, "books.v1.Catalog", "CreateBook")
	for path, want := range map[string]string{
		"book":                        "",
		"book.title":                  "",
		"book.authors.author_name":    "",
		"book.authors[].author_name":  "",
		"book.authors[0].author_name": "",
		"book.authors[]":              "",
		"book.roles":                  "",
		"book.roles.anyone.born":      "",
		"book.notes.7":                "",
		"book.extra.what.ever[3].x":   "",
		"book.detail.number":          "",
		"book.sequel.sequel.id":       "",
		"book.published_at":           "",
		"book.hard":                   "",

		"":                       `"" is no path of fields`,
		"book.":                  `"book." is no path of fields`,
		"book[x].id":             `"book[x].id" is no path of fields`,
		"book.authors[0":         `is no path of fields`,
		"book.authors[0]x":       `is no path of fields`,
		"book.titel":             `field "titel" is not in books.v1.Book; did you mean "title"?`,
		"bok":                    `field "bok" is not in books.v1.CreateBookRequest; did you mean "book"?`,
		"book.publishedAt":       `field "publishedAt" is not in books.v1.Book; its name is "published_at"`,
		"book.quantity":          `field "quantity" is not in books.v1.Book`,
		"book.title.x":           `field "title" of books.v1.Book is of type string and has no fields`,
		"book.published_at.day":  `field "published_at" of books.v1.Book is a google.protobuf.Timestamp, one value in JSON, and has no fields there`,
		"book.series.value":      `one value in JSON, and has no fields there`,
		"book[0].title":          `field "book" of books.v1.CreateBookRequest is not an array at "book[0]"`,
		"book.authors[0][1]":     `is not an array at "authors[0][1]"`,
		"book.roles[0].born":     `is not an array at "roles[0]"`,
		"book.roles.x[0].born":   `is not an array at "x[0]"`,
		"book.roles.anyone.name": `field "name" is not in books.v1.Author`,
		"book.notes.7.x":         `field "notes" of books.v1.Book is of type string and has no fields`,
	} {
		err := in.CheckInput(path)
		if (err == nil) != (want == "") || err != nil && !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", path, err, want)
		}
	}
	if err := in.CheckOutput("title"); err != nil {
		t.Error(err)
	}
	if err := in.CheckOutput("book.title"); err == nil {
		t.Error("the answer is not the request")
	}
}

func TestCompact(t *testing.T) {
	for in, want := range map[string]string{
		`{"a": 1, "b": [1, 2]}`:    `{"a":1,"b":[1,2]}`,
		`{"a": " b\" , ", "c": 1}`: `{"a":" b\" , ","c":1}`,
		`{"a\\": "\\", "b": 2}`:    `{"a\\":"\\","b":2}`,
		`"x y"`:                    `"x y"`,
	} {
		b := []byte(in)
		if got := string(b[:compact(b)]); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(compileSet(f, false, nil))
	f.Add(compileSet(f, true, nil))
	f.Fuzz(func(t *testing.T, set []byte) {
		files, err := Load(set)
		if err != nil {
			return
		}
		for _, s := range files.Services() {
			for i := range s.Methods().Len() {
				m, err := files.Method(string(s.FullName()), string(s.Methods().Get(i).Name()))
				if err != nil {
					continue
				}
				_ = m.CheckInput("id")
				if msg, err := m.Decode([]byte(`{}`)); err == nil {
					_, _ = Append(nil, msg)
				}
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	m := method(f, "books.v1.Catalog", "CreateBook")
	for _, s := range []string{`{"book":` + book + `}`, `{}`, `{"book":{"notes":{"1":"a"},"extra":{"x":[[]]}}}`, `{"titel":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		msg, err := m.Decode(in)
		if err != nil {
			return
		}
		out, err := Append(nil, msg)
		if err != nil {
			t.Fatalf("%q is read and not written: %v", in, err)
		}
		var compacted bytes.Buffer
		if err := json.Compact(&compacted, out); err != nil || !bytes.Equal(compacted.Bytes(), out) {
			t.Fatalf("%q becomes %q: %v", in, out, err)
		}
		again, err := m.Decode(out)
		if err != nil {
			t.Fatalf("%q is not read back: %v", out, err)
		}
		if second, err := Append(nil, again); err != nil || !bytes.Equal(out, second) {
			t.Fatalf("%q becomes %q, then %q", in, out, second)
		}
	})
}

func FuzzCheckInput(f *testing.F) {
	m := method(f, "books.v1.Catalog", "CreateBook")
	for _, s := range []string{"book.title", "book.roles.x[0]", "a[", "a]", "..", "book.authors[][]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) { _ = m.CheckInput(path) })
}

func BenchmarkAppend(b *testing.B) {
	in, err := method(b, "books.v1.Catalog", "CreateBook").Decode([]byte(`{"book":` + book + `}`))
	if err != nil {
		b.Fatal(err)
	}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		if dst, err = Append(dst[:0], in); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(dst)))
}

// BenchmarkCompact is the part of BenchmarkAppend that makes the bytes stable.
func BenchmarkCompact(b *testing.B) {
	src := []byte(strings.ReplaceAll(book, `,"`, `, "`))
	dst := make([]byte, len(src))
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		copy(dst, src)
		compact(dst)
	}
}

func BenchmarkDecode(b *testing.B) {
	m := method(b, "books.v1.Catalog", "CreateBook")
	src := []byte(`{"book":` + book + `}`)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Decode(src); err != nil {
			b.Fatal(err)
		}
	}
}
