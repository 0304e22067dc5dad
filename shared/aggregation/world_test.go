package aggregation

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bufbuild/protocompile"
	"go.uber.org/goleak"
	google "google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/triptych-bff/triptych/shared/identity"
	"github.com/triptych-bff/triptych/shared/telemetry"
	"github.com/triptych-bff/triptych/shared/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// library is the schema of a gRPC service for tests.
const library = `
syntax = "proto3";
package library.v1;
service Library {
  rpc BatchGetBooks(BatchGetBooksRequest) returns (BatchGetBooksResponse);
}
message BatchGetBooksRequest { repeated string ids = 1; int64 edition = 2; }
message BatchGetBooksResponse { repeated Book books = 1; }
message Book { string id = 1; string title = 2; int64 copies = 3; }
`

// world is a set of services behind the engine, each a real server.
type world struct {
	t    testing.TB
	pool *upstream.Pool
	by   map[string]Binding
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, pool: upstream.NewPool(telemetry.Discard()), by: map[string]Binding{}}
	t.Cleanup(func() {
		// Calls that were given up end on their own goroutines, soon.
		for end := time.Now().Add(10 * time.Second); w.pool.Unfinished() > 0; runtime.Gosched() {
			if time.Now().After(end) {
				t.Fatalf("%d calls were neither waited for nor cancelled", w.pool.Unfinished())
			}
		}
		w.pool.Close()
	})
	return w
}

// http adds a service that speaks HTTP.
func (w *world) http(name string, h http.HandlerFunc) {
	w.t.Helper()
	s := httptest.NewServer(h)
	w.t.Cleanup(s.Close)
	service, err := w.pool.Service(name, upstream.Config{URL: s.URL, Timeout: 10 * time.Second}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.by[name] = Binding{Caller: service}
}

// nobody adds a service at whose address nobody listens.
func (w *world) nobody(name string, http2 bool) {
	w.t.Helper()
	s := httptest.NewServer(nil)
	s.Close()
	service, err := w.pool.Service(name, upstream.Config{URL: s.URL, HTTP2: http2, Timeout: 10 * time.Second}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.by[name] = Binding{Caller: service}
}

// json adds a service that always answers the same.
func (w *world) json(name, body string) {
	w.http(name, func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, body) })
}

// books adds the gRPC service; answer makes the response from the request, both
// as JSON.
func (w *world) books(answer func(request string) string) {
	w.t.Helper()
	w.rpc(func(_ context.Context, request string) (string, error) { return answer(request), nil })
}

func descriptors(t testing.TB) []byte {
	t.Helper()
	c := protocompile.Compiler{Resolver: &protocompile.SourceResolver{
		Accessor: protocompile.SourceAccessorFromMap(map[string]string{"library.proto": library}),
	}}
	files, err := c.Compile(context.Background(), "library.proto")
	if err != nil {
		t.Fatal(err)
	}
	set := &descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{protodesc.ToFileDescriptorProto(files[0])}}
	data, err := proto.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (w *world) lookup(name string) (Binding, bool) {
	b, ok := w.by[name]
	return b, ok
}

// env is what plans of these services are bound to.
func env(services Lookup) Env { return Env{Services: services} }

// compile fills in what a test does not care about.
func (w *world) compile(e Endpoint) *Plan {
	w.t.Helper()
	if e.Route == "" {
		e.Route = "GET /v1/home"
	}
	if e.Policy == "" {
		e.Policy = "member"
	}
	if e.Budget == 0 {
		e.Budget = 20 * time.Second
	}
	p, err := Compile(e, env(w.lookup))
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// ada is a request of somebody.
func ada() Input {
	return Input{
		Identity: &identity.Identity{Subject: "ada", Claims: []byte(`{"sub":"ada","org":{"id":12345678901234567890}}`)},
		Param:    func(string) string { return "" },
	}
}

// mustRun is the body of an answer that must be there.
func mustRun(t testing.TB, p *Plan, in Input) string {
	t.Helper()
	a, err := p.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return string(a.Body)
}

// parts is a body without its _meta.
func parts(body string) string {
	before, _, _ := strings.Cut(body, `,"_meta"`)
	return before + "}"
}

func unmarshal(text string, m proto.Message) error { return google.Unmarshal([]byte(text), m) }
