package transcoding

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/triptych-bff/triptych/shared/protojson"
	"github.com/triptych-bff/triptych/shared/routing"
	"github.com/triptych-bff/triptych/shared/telemetry"
	"github.com/triptych-bff/triptych/shared/upstream"
)

func (w *world) do(t testing.TB, method, target, body string, header ...string) (*http.Response, string) {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequest(method, w.URL+target, reader)
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := w.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(all)
}

// An answer is what the server behind was asked.
type answer struct{ Method, Request, Metadata string }

func asked(t testing.TB, body string) (a answer, request map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if err := json.Unmarshal([]byte(a.Request), &request); err != nil {
		t.Fatalf("%v: %s", err, a.Request)
	}
	return a, request
}

// set keeps what is not a default.
func set(v map[string]any) map[string]any {
	for name, value := range v {
		switch value := value.(type) {
		case map[string]any:
			if set(value); len(value) == 0 {
				delete(v, name)
			}
		case []any:
			if len(value) == 0 {
				delete(v, name)
			}
		case string:
			if value == "" || value == "0" || value == "GENRE_UNSPECIFIED" {
				delete(v, name)
			}
		case nil:
			delete(v, name)
		default:
			if value == false || value == 0.0 {
				delete(v, name)
			}
		}
	}
	return v
}

func TestRules(t *testing.T) {
	w := serve(t, routing.Rewrite{})
	for _, tt := range []struct{ method, target, body, rpc, request string }{
		{"GET", "/v1/shelves/s1/books/b1", "", "GetBook", `{"name":"shelves/s1/books/b1"}`},
		{"GET", "/v1/books/b%201", "", "GetBook", `{"id":"b 1"}`},
		{"GET", "/v1/books/a:b", "", "GetBook", `{"id":"a:b"}`},
		{"HEAD", "/v1/books/b1", "", "", ""},
		{"GET", "/v1/books/b1?name=n", "", "GetBook", `{"id":"b1","name":"n"}`},
		{"GET", "/v1/books", "", "ListBooks", `{}`},
		{"GET", "/v1/books:batchGet?numbers=1&numbers=2", "", "BatchGetBooks", `{"numbers":[1,2]}`},
		{"DELETE", "/v1/books/b1", "", "DeleteBook", `{"id":"b1"}`},
		{"POST", "/v1/shelves/s1/books?dry_run=true", `{"title":"T"}`, "CreateBook", `{"shelf":"s1","book":{"title":"T"},"dry_run":true}`},
		{"POST", "/v1/shelves/s1/books", "", "CreateBook", `{"shelf":"s1"}`},
		{"POST", "/v1/shelves/s1/tags", `["a","b"]`, "AddTags", `{"shelf":"s1","tags":["a","b"]}`},
		{"PATCH", "/v1/books/b1", `{"title":"T","id":"overruled"}`, "UpdateBook", `{"id":"b1","title":"T"}`},
		{"PATCH", "/v1/books/b1", "", "UpdateBook", `{"id":"b1"}`},
		{"PUT", "/v1/books/i1/details", `{"details":{"pages":7}}`, "ReplaceBook", `{"details":{"isbn":"i1","pages":7}}`},
		{"POST", "/v1/books/b1:cancel", `{}`, "CancelBook", `{"id":"b1"}`},
		{"POST", "/v1/any/", "", "Anything", `{}`},
		{"PUT", "/v1/any/a/b/c", "", "Anything", `{"name":"a/b/c"}`},
	} {
		resp, body := w.do(t, tt.method, tt.target, tt.body)
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/json" || resp.Header.Get("X-Internal") != "" {
			t.Errorf("%s %s: %d %v %s", tt.method, tt.target, resp.StatusCode, resp.Header, body)
			continue
		}
		if tt.method == "HEAD" {
			continue
		}
		a, got := asked(t, body)
		var want map[string]any
		if err := json.Unmarshal([]byte(tt.request), &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, set(got)); a.Method != tt.rpc || diff != "" {
			t.Errorf("%s %s calls %s, want %s; request %s", tt.method, tt.target, a.Method, tt.rpc, diff)
		}
	}
}

func TestQuery(t *testing.T) {
	w := serve(t, routing.Rewrite{})
	for query, want := range map[string]string{
		"i32=-5&i64=-9007199254740993&u32=5&u64=18446744073709551615": `{"i32":-5,"i64":"-9007199254740993","u32":5,"u64":"18446744073709551615"}`,
		"si32=-1&fi64=2":                           `{"si32":-1,"fi64":"2"}`,
		"f=1.5&d=-1e10":                            `{"f":1.5,"d":-1e10}`,
		"d=Infinity&f=-Infinity":                   `{"d":"Infinity","f":"-Infinity"}`,
		"b=true&s=a+b%26c":                         `{"b":true,"s":"a b&c"}`,
		"by=_-8":                                   `{"by":"/+8="}`,
		"by=/%2B8=":                                `{"by":"/+8="}`,
		"genre=NOVEL&genres=1&genres=NOVEL":        `{"genre":"NOVEL","genres":["NOVEL","NOVEL"]}`,
		"details.isbn=i&details.next.pages=7":      `{"details":{"isbn":"i","next":{"pages":7}}}`,
		"since=2026-01-02T03:04:05Z&within=1.500s": `{"since":"2026-01-02T03:04:05Z","within":"1.500s"}`,
		"limit=7&note=x":                           `{"limit":"7","note":"x"}`,
		"read_mask=a,b_c":                          `{"read_mask":"a,bC"}`,
		"readMask=a&pageSize=3":                    `{"read_mask":"a","page_size":3}`,
		"author=a":                                 `{"author":"a"}`,
		"days=2026-01-02T00:00:00Z&days=2026-01-03T00:00:00Z": `{"days":["2026-01-02T00:00:00Z","2026-01-03T00:00:00Z"]}`,
	} {
		resp, body := w.do(t, "GET", "/v1/books?"+query, "")
		if resp.StatusCode != 200 {
			t.Errorf("%s: %s", query, body)
			continue
		}
		_, got := asked(t, body)
		var wanted map[string]any
		if err := json.Unmarshal([]byte(want), &wanted); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wanted, set(got)); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
}

// A doc is a problem document.
type doc struct {
	Code, Detail, Instance string
	Errors                 []struct{ Pointer, Detail string }
}

func problemOf(t testing.TB, body string) (d doc) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &d); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return d
}

func TestQueryFaults(t *testing.T) {
	w := serve(t, routing.Rewrite{})
	for query, want := range map[string]string{
		"unknown=1":              `there is no field "unknown"`,
		"i32=x":                  "is no whole number of type int32",
		"i32=2147483648":         "is no whole number of type int32",
		"i32=1.0":                "is no whole number of type int32",
		"i64=x":                  "is no whole number of type int64",
		"u32=-1":                 "is no whole number of type uint32",
		"u64=-1":                 "is no whole number of type uint64",
		"f=x":                    "is no number",
		"f=1e99":                 "is no number",
		"d=0x10":                 "is no number",
		"d=inf":                  "is no number",
		"b=1":                    "is neither true nor false",
		"s=%FF":                  "is not UTF-8",
		"read_mask=%DC":          "is not UTF-8",
		"by=%25":                 "is not base64",
		"genre=POEM":             "is no value of Genre",
		"genre=9":                "is no value of Genre",
		"details=1":              "cannot be given in a query",
		"details.x=1":            `there is no field "details.x"`,
		"s.x=1":                  `there is no field "s.x"`,
		"numbers.x=1":            `there is no field "numbers.x"`,
		"labels=1":               "cannot be given in a query",
		"since=yesterday":        "is no Timestamp",
		"days=yesterday":         "is no Timestamp",
		"numbers=x":              "is no whole number of type int32",
		"limit=x":                "is no whole number of type int64",
		"s=1&s=2":                "is given twice",
		"page_size=1&pageSize=1": "is given twice",
		"author=a&publisher=p":   "excludes author",
		strings.Repeat("details.next.", 20) + "pages=1": "there is no field",
	} {
		resp, body := w.do(t, "GET", "/v1/books?"+query, "")
		d := problemOf(t, body)
		if resp.StatusCode != 400 || d.Code != "bad-request" || len(d.Errors) != 1 || !strings.Contains(d.Errors[0].Detail, want) {
			t.Errorf("%s: %d %s, want %s", query, resp.StatusCode, body, want)
		}
	}
	_, body := w.do(t, "GET", "/v1/books?b=x&a=1&i32=1", "")
	if d := problemOf(t, body); len(d.Errors) != 2 || d.Errors[0].Pointer != "?a" || d.Errors[1].Pointer != "?b" {
		t.Errorf("not all faults: %s", body)
	}
	for method, target := range map[string]string{
		"GET":   "/v1/books/b1?id=b2",                   // stands in the path
		"POST":  "/v1/shelves/s/books?book.title=T",     // stands in the body
		"PATCH": "/v1/books/b1?title=T",                 // all stands in the body
		"PUT":   "/v1/books/i1/details?details.isbn=i2", // both
	} {
		if resp, body := w.do(t, method, target, ""); resp.StatusCode != 400 || len(problemOf(t, body).Errors) != 1 {
			t.Errorf("%s %s: %d %s", method, target, resp.StatusCode, body)
		}
	}
	if resp, body := w.do(t, "GET", "/v1/books?s=%zz", ""); resp.StatusCode != 400 {
		t.Errorf("malformed query: %d %s", resp.StatusCode, body)
	}
}

func TestRefusals(t *testing.T) {
	w := serve(t, routing.Rewrite{})
	for _, tt := range []struct {
		method, target, body string
		header               []string
		status               int
		code                 string
	}{
		{"GET", "/v1/none", "", nil, 404, "no-route"},
		{"GET", "/v1/shelves/s1/books/b1/", "", nil, 404, "no-route"},
		{"GET", "/v1/books/", "", nil, 404, "no-route"},
		{"GET", "/v1/watch", "", nil, 404, "no-route"},
		{"GET", "/test.Library/Internal", "", nil, 404, "no-route"},
		{"POST", "/v1/books", "{}", nil, 405, "method-not-allowed"},
		{"OPTIONS", "/v1/books", "", nil, 405, "method-not-allowed"},
		{"PATCH", "/v1/books/b1", "{}", []string{"Content-Type", "text/plain"}, 415, "unsupported-media-type"},
		{"PATCH", "/v1/books/b1", "{}", []string{"Content-Type", ""}, 415, "unsupported-media-type"},
		{"PATCH", "/v1/books/b1", "{}", []string{"Content-Type", "application/json; charset=latin1"}, 415, "unsupported-media-type"},
		{"PATCH", "/v1/books/b1", "{}", []string{"Content-Type", "application/json; charset=UTF-8"}, 200, ""},
		{"PATCH", "/v1/books/b1", "{}", []string{"Content-Encoding", "gzip"}, 415, "unsupported-media-type"},
		{"PATCH", "/v1/books/b1", `{"titel":"T"}`, nil, 400, "bad-request"},
		{"PATCH", "/v1/books/b1", `{"title":1}`, nil, 400, "bad-request"},
		{"PATCH", "/v1/books/b1", `{"title":"T"} {}`, nil, 400, "bad-request"},
		{"PATCH", "/v1/books/b1", `[]`, nil, 400, "bad-request"},
		{"POST", "/v1/shelves/s1/books", `{"title":"T"},"dry_run":true`, nil, 400, "bad-request"},
		{"POST", "/v1/shelves/s1/books", `{"dry_run":true}`, nil, 400, "bad-request"},
		{"DELETE", "/v1/books/b1", `{}`, nil, 400, "bad-request"},
		{"PATCH", "/v1/books/b1", `{"title":"` + strings.Repeat("x", maxBody) + `"}`, nil, 413, "payload-too-large"},
	} {
		resp, body := w.do(t, tt.method, tt.target, tt.body, tt.header...)
		if resp.StatusCode != tt.status || tt.code != "" && problemOf(t, body).Code != tt.code {
			t.Errorf("%s %s %.40s: %d %s, want %d", tt.method, tt.target, tt.body, resp.StatusCode, body, tt.status)
		}
		if tt.code != "" && (problemOf(t, body).Instance != "r1" || w.exchange.Load().Code != tt.code || w.exchange.Load().Err == nil) {
			t.Errorf("%s %s: the log lacks it: %+v", tt.method, tt.target, w.exchange.Load())
		}
	}
	resp, _ := w.do(t, "POST", "/v1/books/b1", "")
	if got := resp.Header.Get("Allow"); got != "DELETE, GET, HEAD, PATCH" {
		t.Errorf("Allow: %s", got)
	}
	_, body := w.do(t, "PATCH", "/v1/books/b1", `{"titel":"T"}`)
	if d := problemOf(t, body); !strings.Contains(d.Detail, `unknown field "titel"`) {
		t.Errorf("the detail does not help: %s", d.Detail)
	}
}

func TestStatuses(t *testing.T) {
	w := serve(t, routing.Rewrite{})
	for id, want := range map[string]struct {
		status int
		code   string
		shown  bool
	}{
		"status-2-secret":  {502, "bad-upstream", false},
		"status-3-shown":   {400, "bad-request", true},
		"status-4-secret":  {504, "upstream-timeout", false},
		"status-5-secret":  {404, "not-found", false},
		"status-6-secret":  {409, "conflict", false},
		"status-7-secret":  {403, "forbidden", false},
		"status-8-secret":  {429, "rate-limited", false},
		"status-9-shown":   {400, "bad-request", true},
		"status-10-secret": {409, "conflict", false},
		"status-11-shown":  {400, "bad-request", true},
		"status-12-secret": {501, "not-supported", false},
		"status-13-secret": {502, "bad-upstream", false},
		"status-14-secret": {502, "unreachable", false},
		"status-15-secret": {502, "bad-upstream", false},
		"status-16-secret": {502, "bad-upstream", false},
	} {
		resp, body := w.do(t, "GET", "/v1/books/"+id, "")
		if resp.StatusCode != want.status || problemOf(t, body).Code != want.code {
			t.Errorf("%s: %d %s", id, resp.StatusCode, body)
		}
		if shown := strings.Contains(problemOf(t, body).Detail, "shown"); shown != want.shown || strings.Contains(body, "secret") {
			t.Errorf("%s: %s", id, body)
		}
		if err := w.exchange.Load().Err; err == nil || !strings.Contains(err.Error(), strings.Split(id, "-")[2]) {
			t.Errorf("%s: the log has %v", id, err)
		}
	}
}

func TestResponseBody(t *testing.T) {
	w := serve(t, routing.Rewrite{})
	if _, body := w.do(t, "GET", "/v1/titles", ""); body != `["a","b"]` {
		t.Errorf("%s", body)
	}
	if _, body := w.do(t, "GET", "/v1/first", ""); body != "null" {
		t.Errorf("%s", body)
	}
	_, body := w.do(t, "GET", "/v1/books", "")
	if !strings.Contains(body, `"count":"1152921504606846976"`) {
		t.Errorf("a 64-bit number loses digits: %s", body)
	}
}

func TestForwardedHeaders(t *testing.T) {
	w := serve(t, routing.Rewrite{})
	_, body := w.do(t, "GET", "/v1/books", "", "Accept-Language", "de", "Authorization", "Bearer secret")
	if a, _ := asked(t, body); a.Metadata != "de|" {
		t.Errorf("metadata %q", a.Metadata)
	}
}

func TestRewrite(t *testing.T) {
	w := serve(t, routing.Rewrite{StripPrefix: "/api/library", AddPrefix: "/v1"})
	if resp, body := w.do(t, "GET", "/api/library/books/b1", ""); resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

func TestOnlyTheNamedServices(t *testing.T) {
	all, some := serve(t, routing.Rewrite{}), serve(t, routing.Rewrite{}, "test.Library")
	if resp, _ := all.do(t, "GET", "/v1/hidden", ""); resp.StatusCode != 200 {
		t.Errorf("all: %d", resp.StatusCode)
	}
	if resp, _ := some.do(t, "GET", "/v1/hidden", ""); resp.StatusCode != 404 {
		t.Errorf("some: %d", resp.StatusCode)
	}
}

func TestSkippedAndRoutes(t *testing.T) {
	tr := serve(t, routing.Rewrite{}, "test.Library").transcoder
	want := []string{
		"test.Library.Head is not served as HEAD /v1/head: only [GET POST PUT PATCH DELETE] are",
		"test.Library.Watch is not served as REST: it streams answers",
		"test.Library.Upload is not served as REST: it streams requests",
	}
	if diff := cmp.Diff(want, tr.Skipped()); diff != "" {
		t.Error(diff)
	}
	routes := tr.Routes()
	if len(routes) != 17 || routes[0] != (Route{"DELETE", "/v1/any/{name=**}", "/test.Library/Anything"}) {
		t.Errorf("%d routes: %+v", len(routes), routes)
	}
}

// build is New over a .proto file, without a server.
func build(t testing.TB, source string, names ...string) (*Transcoder, error) {
	t.Helper()
	files, err := protojson.Load(compileProto(t, source))
	if err != nil {
		t.Fatal(err)
	}
	pool := upstream.NewPool(telemetry.Discard())
	t.Cleanup(pool.Close)
	service, err := pool.Service("library", upstream.Config{GRPC: "127.0.0.1:1"}, files)
	if err != nil {
		t.Fatal(err)
	}
	return New(service, routing.Rewrite{}, names...)
}

func TestNewRefuses(t *testing.T) {
	rule := func(rules string) string {
		return header + `service S { rpc A(In) returns (Nothing) { option (google.api.http) = { ` + rules + ` }; } }`
	}
	for source, want := range map[string]string{
		header + `service S { rpc A(In) returns (Nothing); }`:                      "has a google.api.http rule",
		rule(`get: "/v1/{x}"`):                                                     `there is no field "x"`,
		rule(`get: "/v1/{list}"`):                                                  `"list" cannot be bound to text`,
		rule(`get: "/v1/{names}"`):                                                 `"names" cannot be bound to text`,
		rule(`get: "/v1/{inner}"`):                                                 `"inner" cannot be bound to text`,
		rule(`get: "/v1/{id}/{id}"`):                                               `"id" is bound twice`,
		rule(`post: "/v1/{inner.id}" body: "inner"`):                               `"inner.id" is also in the body`,
		rule(`get: "/v1/**/a"`):                                                    "may only be the last",
		rule(`get: "/v1/{id}" additional_bindings { get: "/v1/{other}" }`):         "match the same paths",
		rule(`get: "/a" additional_bindings { custom: { kind: "*" path: "/a" } }`): "GET /a of /test.S/A and /a of /test.S/A match the same paths",
	} {
		if _, err := build(t, source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", strings.TrimPrefix(source, header), err, want)
		}
	}
	if _, err := build(t, rule(`get: "/a"`), "test.T"); err == nil || !strings.Contains(err.Error(), "have no service test.T") {
		t.Errorf("an unknown service: %v", err)
	}
	_, err := build(t, header+`service S {
		rpc A(In) returns (Nothing) { option (google.api.http) = { get: "/v1/{x}" }; }
		rpc B(In) returns (Nothing) { option (google.api.http) = { get: "/v1/{y}" }; } }`)
	if err == nil || !strings.Contains(err.Error(), "test.S.A") || !strings.Contains(err.Error(), "test.S.B") {
		t.Errorf("not all faults: %v", err)
	}
}

func TestNewNeedsDescriptors(t *testing.T) {
	pool := upstream.NewPool(telemetry.Discard())
	defer pool.Close()
	service, err := pool.Service("users", upstream.Config{URL: "http://127.0.0.1:1"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(service, routing.Rewrite{}); err == nil || !strings.Contains(err.Error(), "users has no descriptors") {
		t.Errorf("%v", err)
	}
}

func TestHTTPBodyIsSkipped(t *testing.T) {
	tr, err := build(t, header+`import "google/api/httpbody.proto"; service S {
		rpc A(In) returns (google.api.HttpBody) { option (google.api.http) = { get: "/a" }; }
		rpc B(google.api.HttpBody) returns (Nothing) { option (google.api.http) = { post: "/b" body: "*" }; }
		rpc C(In) returns (Nothing) { option (google.api.http) = { get: "/c" }; } }`)
	if err != nil {
		t.Fatal(err)
	}
	if got := tr.Skipped(); len(got) != 2 || len(tr.Routes()) != 1 {
		t.Errorf("%q", got)
	}
}

func TestServiceThatIsGone(t *testing.T) {
	tr, err := build(t, library)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{transcoder: tr}
	w.Server = newServer(t, tr)
	if resp, body := w.do(t, "GET", "/v1/books", ""); resp.StatusCode != 502 || problemOf(t, body).Code != "unreachable" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

// FuzzQuery binds any query: it must be refused, or become a message that can be
// sent.
func FuzzQuery(f *testing.F) {
	for _, query := range []string{
		"i32=1&numbers=2&numbers=3", "details.next.pages=7", "since=2026-01-02T03:04:05Z", "limit=7", "read_mask=a,b",
		"author=a&publisher=b", "by=_-8", "d=NaN", "labels=x", "genres=NOVEL", "s=%FF", "page_size=1&pageSize=2", "days=x",
	} {
		f.Add(query)
	}
	files, err := protojson.Load(compileProto(f, library))
	if err != nil {
		f.Fatal(err)
	}
	rpc, err := files.Method("test.Library", "ListBooks")
	if err != nil {
		f.Fatal(err)
	}
	list, err := compileRule(rpc, rpc.HTTPRules()[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, query string) {
		message := rpc.NewInput()
		faults, err := list.bindQuery(message.ProtoReflect(), query)
		if err != nil || len(faults) > 0 {
			return
		}
		if _, err := proto.Marshal(message); err != nil {
			t.Fatalf("%q: %v", query, err)
		}
	})
}

func BenchmarkServe(b *testing.B) {
	w := serve(b, routing.Rewrite{})
	r := httptest.NewRequest("GET", "/v1/books/b1?name=n", nil)
	b.ReportAllocs()
	for b.Loop() {
		w.transcoder.ServeHTTP(httptest.NewRecorder(), r)
	}
}

func BenchmarkMessage(b *testing.B) {
	tr := serve(b, routing.Rewrite{}).transcoder
	r := httptest.NewRequest("GET", "/v1/books?i32=5&genre=NOVEL&numbers=1&numbers=2&details.pages=7", nil)
	b.ReportAllocs()
	for b.Loop() {
		rule, values, err := tr.find("GET", "/v1/books")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := rule.message(nil, r, values); err != nil {
			b.Fatal(err)
		}
	}
}
