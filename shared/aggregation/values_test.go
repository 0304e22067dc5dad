package aggregation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/triptych-bff/triptych/shared/identity"
	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/protojson"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// rpc adds the gRPC service as a stream of one request and one answer, both as JSON.
func (w *world) rpc(answer func(ctx context.Context, request string) (string, error)) {
	w.t.Helper()
	files, err := protojson.Load(descriptors(w.t))
	if err != nil {
		w.t.Fatal(err)
	}
	method, err := files.Method("library.v1.Library", "BatchGetBooks")
	if err != nil {
		w.t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		in, out := method.NewInput(), method.NewOutput()
		if err := stream.RecvMsg(in); err != nil {
			return err
		}
		text, err := protojson.Append(nil, in)
		if err != nil {
			return err
		}
		reply, err := answer(stream.Context(), string(text))
		if err != nil {
			return err
		}
		if err := unmarshal(reply, out); err != nil {
			return err
		}
		return stream.SendMsg(out)
	}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	w.t.Cleanup(server.Stop)
	service, err := w.pool.Service("library", upstream.Config{GRPC: l.Addr().String(), Timeout: 10 * time.Second}, files)
	if err != nil {
		w.t.Fatal(err)
	}
	w.by["library"] = Binding{Caller: service, Files: files}
}

// seen is what services were asked.
type seen struct {
	mu   sync.Mutex
	list []string
}

func (s *seen) add(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, text)
}

// take is what was seen since the last time.
func (s *seen) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.list
	s.list = nil
	return list
}

// echo adds a service that notes what it is asked, and answers {}.
func (w *world) echo(name string) *seen {
	s := &seen{}
	w.http(name, func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.add(strings.TrimSpace(r.Method + " " + r.RequestURI + " " + r.Header.Get("X-Value") + " " + string(body)))
		fmt.Fprint(rw, `{}`)
	})
	return s
}

// asked is a request with one value in every place.
func asked(value string) Input {
	in := ada()
	in.Param = func(string) string { return value }
	in.RawQuery = url.Values{"q": {value}}.Encode()
	in.Header = http.Header{"X-From": {value}}
	in.Body = []byte(`{"a":[{"b":` + string(jsonText(value)) + `}]}`)
	return in
}

func jsonText(s string) []byte {
	raw, err := quoted(s)
	if err != nil {
		panic(err)
	}
	return raw[0]
}

// TestEveryValueInEveryPlace sends values of every kind to every place that a call
// has.
func TestEveryValueInEveryPlace(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{"a":[{"b":"it's 100% \"ü\" & more"}]}`)
	orders, user := w.echo("orders"), users.Get("/me")
	in := asked(`it's 100% "ü" & more`)
	in.Identity = &identity.Identity{Claims: in.Body}
	for name, v := range map[string]Value{
		"claim": Claim("a[0].b"), "path": PathParam("id"), "query": QueryParam("q"), "header": HeaderField("x-from"),
		"body": BodyValue("a[0].b"), "answer": user.Value("a[0].b"),
	} {
		t.Run(name, func(t *testing.T) {
			p := w.compile(Endpoint{Route: "POST /v1/{id}", Parts: []Part{{Name: "x", From: HTTP("orders").Post(
				"/x/{}/y-{}", v, v, Query{"q": v, "more": true}, Headers{"x-value": v}, Fields{"list": []any{v, Fields{"in": v}}})}}})
			mustRun(t, p, in)
			got := orders.take()
			want := `POST /x/it%27s%20100%25%20%22%C3%BC%22%20&%20more/y-it%27s%20100%25%20%22%C3%BC%22%20&%20more` +
				`?more=true&q=it%27s+100%25+%22%C3%BC%22+%26+more it's 100% "ü" & more {"list":["it's 100% \"ü\" & more",{"in":"it's 100% \"ü\" & more"}]}`
			if name != "answer" { // which stays as its service wrote it
				want = strings.ReplaceAll(want, ` \"ü\" & `, ` \"ü\" \u0026 `)
			}
			if len(got) != 1 || got[0] != want {
				t.Errorf("asked %s\nwant  %s", got, want)
			}
		})
	}
}

// TestNumbersStayAsTheyAre byte for byte, wherever they come from and go to.
func TestNumbersStayAsTheyAre(t *testing.T) {
	for _, number := range []string{"9007199254740993", "-0", "1e400", "0.1000000000000000055511151231257827", "123456789012345678901234567890", "1E+2"} {
		w := newWorld(t)
		w.json("users", `{"n":[`+number+`]}`)
		orders, user := w.echo("orders"), users.Get("/me")
		in := ada()
		in.Body = []byte(`{"n":[` + number + `]}`)
		in.Identity = &identity.Identity{Claims: in.Body}
		for _, v := range []Value{user.Value("n[0]"), BodyValue("n[0]"), Claim("n[0]")} {
			p := w.compile(Endpoint{Route: "POST /x", Parts: []Part{{Name: "x", From: HTTP("orders").Post(
				"/{}", v, Query{"q": v}, Headers{"X-Value": v}, Fields{"n": v})}}})
			mustRun(t, p, in)
			want := "POST /" + number + "?q=" + url.QueryEscape(number) + " " + number + ` {"n":` + number + `}`
			if got := orders.take(); len(got) != 1 || got[0] != want {
				t.Errorf("asked %s\nwant  %s", got, want)
			}
		}
	}
}

// TestHostileValues never change which request is made: each is sent as one value,
// or the request is refused and nobody is asked.
func TestHostileValues(t *testing.T) {
	w := newWorld(t)
	user := users.Get("/me")
	var fromUser string
	w.http("users", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprintf(rw, `{"v":%s}`, fromUser) })
	var got []*http.Request
	var bodies [][]byte
	w.http("orders", func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got, bodies = append(got, r), append(bodies, body)
		fmt.Fprint(rw, `{}`)
	})
	for _, hostile := range []string{
		"a\r\nX-Evil: 1", "a\nb", "..", ".", "", "../admin", "..%2fadmin", "%2e%2e", "a/b", `a\b`, "a%2fb", "a%00b", "a\x00b", "\x7f",
		"?x=1", "a?x=1&y=2#z", "&admin=true", "a;b", `"`, `","admin":true,"x":"`, `\u0022`, "\u2028\u2029", "ü", "\U0001F600", " a ", "\ta",
		"http://evil/", "//evil", "@evil", ":80", "a,b", strings.Repeat("x", 4000), "\xff",
	} {
		for name, v := range map[string]Value{"request": QueryParam("q"), "answer": user.Value("v")} {
			fromUser = string(jsonText(hostile))
			clean := strings.ToValidUTF8(hostile, "\ufffd")
			for place, args := range map[string][]Arg{
				"path": {v, Fields{}}, "query": {Constant(`"k"`).Value(""), Query{"q": v}, Fields{}},
				"header": {Constant(`"k"`).Value(""), Headers{"X-Value": v}, Fields{}}, "body": {Constant(`"k"`).Value(""), Fields{"f": v}},
			} {
				got, bodies = nil, nil
				p := w.compile(Endpoint{Route: "POST /x", Parts: []Part{{Name: "x", From: orders.Post("/a/{}/z", args...)}}})
				_, err := p.Run(t.Context(), asked(hostile))
				if err != nil {
					kind := problem.BadRequest
					if name == "answer" {
						kind = problem.BadUpstream
					}
					if k := problem.From(err).Kind; k != kind || len(got) != 0 {
						t.Errorf("%q of the %s in the %s: %v, and %d requests", hostile, name, place, err, len(got))
					}
					continue
				}
				if len(got) != 1 {
					t.Errorf("%q of the %s in the %s: %d requests", hostile, name, place, len(got))
					continue
				}
				r, key := got[0], "k"
				query, header, body := "", "", "{}"
				switch place {
				case "path":
					key = clean
				case "query":
					query = clean
				case "header":
					header = strings.Trim(clean, " \t")
				case "body":
					body = `{"f":` + string(jsonText(hostile)) + `}`
				}
				if r.URL.Path != "/a/"+key+"/z" || strings.Count(r.URL.EscapedPath(), "/") != 3 || r.URL.Query().Get("q") != query ||
					len(r.URL.Query()) > 1 || r.Header.Get("X-Value") != header || r.Header.Get("X-Evil") != "" || string(bodies[0]) != body {
					t.Errorf("%q of the %s in the %s: asked %s %v %s", hostile, name, place, r.RequestURI, r.Header, bodies[0])
				}
			}
		}
	}
}

// TestValuesInAGRPCRequest and in its metadata.
func TestValuesInAGRPCRequest(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{"edition":"9007199254740993","ids":["a","b","a"]}`)
	var asked, meta string
	w.rpc(func(ctx context.Context, request string) (string, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		asked, meta = request, strings.Join(md.Get("x-value"), "|")+" "+strings.Join(md.Get("x-list"), "|")
		return `{"books":[{"id":"b1","copies":"9007199254740993"}]}`, nil
	})
	user := users.Get("/me")
	books := shelf.Call("BatchGetBooks", Fields{"edition": user.Value("edition"), "ids": user.Each("ids[]").Max(9)},
		Headers{"X-Value": QueryParam("q"), "X-List": user.Each("ids[]").Max(9)})
	orders := w.echo("orders")
	p := w.compile(Endpoint{Parts: []Part{
		{Name: "books", From: books},
		{Name: "order", From: HTTP("orders").Get("/{}", books.Value("books[0].copies"))},
	}})
	mustRun(t, p, Input{RawQuery: "q=" + url.QueryEscape(`a "b"`)})
	if asked != `{"ids":["a","b"],"edition":"9007199254740993"}` || meta != `a "b" a, b` {
		t.Errorf("asked %s, metadata %s", asked, meta)
	}
	if got := orders.take(); len(got) != 1 || got[0] != "GET /9007199254740993" {
		t.Error(got)
	}
	for _, hostile := range []string{"a\r\nb", "a\x00", "ü"} {
		asked = ""
		_, err := p.Run(t.Context(), Input{RawQuery: "q=" + url.QueryEscape(hostile)})
		if got := problem.From(err); err == nil || got.Kind != problem.BadRequest || asked != "" {
			t.Errorf("%q: %v, asked %s", hostile, err, asked)
		}
	}
}

// TestAServicesValueThatDoesNotFit is that service's fault, and not the client's.
func TestAServicesValueThatDoesNotFit(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{"edition":"many","name":"ü"}`)
	w.rpc(func(context.Context, string) (string, error) {
		t.Error("called")
		return `{}`, nil
	})
	user := users.Get("/me")
	for name, call := range map[string]*Call{
		"field":    shelf.Call("BatchGetBooks", Fields{"edition": user.Value("edition")}),
		"metadata": shelf.Call("BatchGetBooks", Fields{}, Headers{"X-Name": user.Value("name"), "X-Sub": Claim("sub")}),
	} {
		p := w.compile(Endpoint{Parts: []Part{{Name: "x", From: call}}})
		if _, err := p.Run(t.Context(), ada()); err == nil || problem.From(err).Kind != problem.BadUpstream {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, call := range []*Call{ // also of a change, which was not sent
		shelf.Call("BatchGetBooks", Fields{"edition": QueryParam("q")}), shelf.Call("BatchGetBooks", Fields{"edition": QueryParam("q")}).Changes(),
	} {
		p := w.compile(Endpoint{Route: "POST /x", Parts: []Part{{Name: "x", From: call}}})
		if _, err := p.Run(t.Context(), Input{RawQuery: "q=many"}); err == nil || problem.From(err).Kind != problem.BadRequest {
			t.Error(err)
		}
	}
}

// TestInsteadOfAValue: Or stands for every kind of absence, and for nothing else.
func TestInsteadOfAValue(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{"null":null,"empty":"","list":[],"false":false,"ten":10}`)
	w.http("bad", status(http.StatusInternalServerError))
	w.http("garbage", write(`{"x":`))
	w.http("none", status(http.StatusNoContent))
	w.json("blank", " null\n")
	user, orders := users.Get("/me"), w.echo("orders")
	no := Has(QueryParam("no"))
	for name, test := range map[string]struct {
		value Value
		want  string
	}{
		"claim":           {Claim("x").Or(1), `1`},
		"null claim":      {Claim("n").Or(true), `true`},
		"query":           {QueryParam("x").Or("a\"b"), `"a\"b"`},
		"empty query":     {QueryParam("e").Or("x"), `""`},
		"header":          {HeaderField("x").Or(nil), `null`},
		"body":            {BodyValue("x").Or(-1.5), `-1.5`},
		"null in body":    {BodyValue("n").Or(2), `2`},
		"answer":          {user.Value("x.y[3]").Or(3), `3`},
		"null answer":     {user.Value("null").Or(4), `4`},
		"empty answer":    {user.Value("empty").Or(4), `""`},
		"false":           {user.Value("false").Or(4), `false`},
		"value":           {user.Value("ten").Or(4), `10`},
		"failed":          {HTTP("bad").Get("/").Value("x").Or(5), `5`},
		"garbage":         {HTTP("garbage").Get("/").Value("x").Or(5), `5`},
		"no content":      {HTTP("none").Get("/").Value("").Or(6), `6`},
		"no content's":    {HTTP("none").Get("/").Value("x").Or(6), `6`},
		"null as a whole": {HTTP("blank").Get("/").Value("").Or(6), `6`},
		"skipped":         {HTTP("bad").Get("/").When(no).Value("x").Or(7), `7`},
		"after a skipped": {HTTP("bad").Get("/{}", users.Get("/other").When(no).Value("ten")).Value("x").Or(7), `7`},
		"list":            {user.Each("list[]").Max(3).Or(8), `[8]`},
		"no list":         {user.Each("x").Max(3).Or(8), `[8]`},
		"nothing listed":  {user.Each("x").Max(3).Or(nil), `[]`},
	} {
		t.Run(name, func(t *testing.T) {
			p := w.compile(Endpoint{Route: "POST /x", Parts: []Part{{Name: "x", From: HTTP("orders").Post("/", Fields{"v": test.value})}}})
			in := ada()
			in.Identity.Claims, in.RawQuery, in.Body = []byte(`{"n":null}`), "e=", []byte(`{"n":null}`)
			mustRun(t, p, in)
			if got := orders.take(); len(got) != 1 || got[0] != `POST /  {"v":`+test.want+`}` {
				t.Errorf("asked %q, want %s", got, test.want)
			}
		})
	}
}

// TestAParameterThatMayBeLeftOut: nothing at all is sent of what is null.
func TestAParameterThatMayBeLeftOut(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{}`)
	orders, user := w.echo("orders"), users.Get("/me")
	p := w.compile(Endpoint{Parts: []Part{{Name: "x", From: HTTP("orders").Get("/o", Query{
		"after": QueryParam("after").Or(nil), "ids": user.Each("ids").Max(3).Or(nil), "limit": QueryParam("limit").Or(10), "zone": QueryParam("zone").Or(nil),
	}, Headers{"X-Value": HeaderField("x-value").Or(nil)})}}})
	for query, want := range map[string]string{
		"": "GET /o?limit=10", "after=7": "GET /o?after=7&limit=10", "zone=a&limit=": "GET /o?limit=&zone=a", "after=": "GET /o?after=&limit=10",
	} {
		mustRun(t, p, Input{RawQuery: query})
		if got := orders.take(); len(got) != 1 || got[0] != want {
			t.Errorf("%q: asked %q, want %q", query, got, want)
		}
	}
	p = w.compile(Endpoint{Parts: []Part{{Name: "x", From: HTTP("orders").Get("/o", Query{"after": QueryParam("after").Or(nil)})}}})
	mustRun(t, p, Input{})
	if got := orders.take(); len(got) != 1 || got[0] != "GET /o" {
		t.Error(got)
	}
	_, err := Compile(Endpoint{Route: "GET /x", Policy: "p", Budget: time.Second, Parts: []Part{
		{Name: "x", From: HTTP("orders").Get("/o/{}", QueryParam("id").Or(nil))},
	}}, env(w.lookup))
	if err == nil || !strings.Contains(err.Error(), "a path cannot do without") {
		t.Error(err)
	}
}

// TestTheWholeBody goes to every call that names it, as it was received.
func TestTheWholeBody(t *testing.T) {
	w := newWorld(t)
	orders, checks := w.echo("orders"), w.echo("checks")
	p := w.compile(Endpoint{Route: "POST /x", Parts: []Part{
		{Name: "order", From: HTTP("orders").Post("/", Body())},
		{Name: "check", From: Func("check", func(_ context.Context, in struct{ Body greeting }) (string, error) {
			return in.Body.Name, nil
		}).Call(Fields{"body": Body()})},
		{Name: "deep", From: Func("deep", func(_ context.Context, in map[string]any) (any, error) { return in, nil }).Call(Fields{"a": []any{Body(), 1}, "n": BodyValue("name")})},
	}})
	in := ada()
	in.Body = []byte("{ \"name\" : \"\\u0041da\",\n\"n\":9007199254740993 }\n")
	got := parts(mustRun(t, p, in))
	if want := `{"order":{},"check":"Ada","deep":{"a":[{"n":9007199254740992,"name":"Ada"},1],"n":"Ada"}}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := orders.take(); len(got) != 1 || got[0] != "POST /  "+strings.TrimSpace(string(in.Body)) {
		t.Errorf("asked %q", got)
	}
	for _, none := range []string{"", "null", " null "} {
		for _, body := range []Arg{Body(), Fields{"x": Body()}} {
			p := w.compile(Endpoint{Route: "POST /x", Parts: []Part{{Name: "order", From: HTTP("checks").Post("/", body)}}})
			in.Body = []byte(none)
			if _, err := p.Run(t.Context(), in); err == nil || problem.From(err).Kind != problem.BadRequest {
				t.Errorf("%q: %v", none, err)
			}
		}
		p := w.compile(Endpoint{Route: "POST /x", Parts: []Part{{Name: "order", From: HTTP("checks").Post("/", Fields{"x": Body().Or("nothing")})}}})
		mustRun(t, p, in)
		if got := checks.take(); len(got) != 1 || got[0] != `POST /  {"x":"nothing"}` {
			t.Errorf("%q: asked %q", none, got)
		}
	}
}

// TestFieldsOfOtherTypes are faults and not silently something else.
func TestFieldsOfOtherTypes(t *testing.T) {
	w := newWorld(t)
	orders, user := w.echo("orders"), Constant(`{"a":1,"b":[2]}`)
	fields := Fields{"values": []Value{user.Value("a"), Claim("sub")}, "texts": []string{"x"}, "fields": []Fields{{"a": user.Value("a")}}, "n": uint8(3), "nil": nil}
	p := w.compile(Endpoint{Route: "POST /x", Parts: []Part{{Name: "x", From: HTTP("orders").Post("/", fields)}}})
	mustRun(t, p, ada())
	if got := orders.take(); len(got) != 1 || got[0] != `POST /  {"fields":[{"a":1}],"n":3,"nil":null,"texts":["x"],"values":[1,"ada"]}` {
		t.Error(got)
	}
	for name, wrong := range map[string]any{
		"a call": user, "a map": map[string]any{"a": Claim("sub")}, "a struct": struct{ A int }{1}, "nested": []any{Fields{"x": []any{user}}}, "an error": errors.New("x"),
	} {
		_, err := Compile(Endpoint{Route: "POST /x", Policy: "p", Budget: time.Second, Parts: []Part{
			{Name: "x", From: HTTP("orders").Post("/", Fields{"x": wrong})},
		}}, env(w.lookup))
		if err == nil || !strings.Contains(err.Error(), `field "x`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAListInAHeader: an element cannot become two.
func TestAListInAHeader(t *testing.T) {
	w := newWorld(t)
	orders := w.echo("orders")
	for list, want := range map[string]string{`["a",7]`: "GET /o a, 7", `["a","b, admin"]`: ""} {
		p := w.compile(Endpoint{Parts: []Part{{Name: "x", From: HTTP("orders").Get("/o", Headers{"X-Value": Constant(list).Each("[]").Max(9)}), Else: Omit}, {Name: "one", From: Constant(`1`)}}})
		a := answer(t, p, ada())
		got := strings.Join(orders.take(), " ")
		if got != want || a.Partial() != (want == "") {
			t.Errorf("%s: asked %q, want %q", list, got, want)
		}
	}
}

// TestACallThatWaitsForItself is refused: without, it would wait for ever.
func TestACallThatWaitsForItself(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{}`)
	when := users.Get("/me")
	when.When(Has(when.Value("x")))
	fields := Fields{}
	body := users.Post("/me", fields)
	other := users.Get("/{}", body.Value("id"))
	fields["x"] = other.Value("id")
	for _, call := range []*Call{when, body} {
		_, err := Compile(Endpoint{Route: "POST /x", Policy: "p", Budget: time.Second, Parts: []Part{{Name: "x", From: call}}}, env(w.lookup))
		if err == nil || !strings.Contains(err.Error(), "waits for its own answer") {
			t.Error(err)
		}
	}
}
