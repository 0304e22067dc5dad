package gatewaytest_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/triptych-bff/triptych/shared/aggregation"
	"github.com/triptych-bff/triptych/shared/gateway"
	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

const library = `
syntax = "proto3";
package library.v1;
service Library { rpc GetBook(GetBookRequest) returns (Book); }
message GetBookRequest { string id = 1; }
message Book { string title = 1; int32 copies = 2; }
`

func descriptors(t *testing.T) []byte {
	t.Helper()
	c := protocompile.Compiler{Resolver: &protocompile.SourceResolver{
		Accessor: protocompile.SourceAccessorFromMap(map[string]string{"library.proto": library}),
	}}
	files, err := c.Compile(t.Context(), "library.proto")
	if err != nil {
		t.Fatal(err)
	}
	data, err := proto.Marshal(&descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{protodesc.ToFileDescriptorProto(files[0])}})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

type books struct{ gateway.Config }

func (*books) Endpoints() []aggregation.Endpoint {
	return []aggregation.Endpoint{{
		Route: "GET /v1/books/{id}", Policy: "anybody", Budget: 5 * time.Second,
		Parts: []aggregation.Part{{
			Name: "book",
			From: aggregation.RPC("library", "library.v1.Library").Call("GetBook", aggregation.Fields{"id": aggregation.PathParam("id")}),
		}},
	}}
}

// TestScreenOfGRPC: a service answers in its own protocol, and needs no record for
// what a case has it answer.
func TestScreenOfGRPC(t *testing.T) {
	dir := t.TempDir()
	const record = `[{"request": "/library.v1.Library/GetBook {\"id\":\"b1\"}", "status": 0, "body": {"title": "One", "copies": 1}}]`
	if err := os.WriteFile(filepath.Join(dir, "library.json"), []byte(record), 0o600); err != nil {
		t.Fatal(err)
	}
	app := gateway.App{
		Name: "bff-example", Settings: func() gateway.Settings { return new(books) },
		Files: fstest.MapFS{
			"library.binpb": {Data: descriptors(t)},
			"config.yaml": {Data: []byte(`
policies: [{name: anybody, public: true}]
upstreams: {library: {grpc: "127.0.0.1:1", descriptors: "embedded:library.binpb", timeout: 3s}}
`)},
		},
	}
	const get = "/library.v1.Library/GetBook "
	gatewaytest.Screen{App: app, Ask: "GET /v1/books/b1", Record: dir, Calls: map[string]int{"library": 1}}.Run(t, gatewaytest.Cases{
		"in two copies":      {Answer: replies("library", gatewaytest.Reply{Body: `{"title":"One","copies":2}`}), Members: map[string]string{"book": `{"title":"One","copies":2}`}},
		"of another book":    {Ask: "GET /v1/books/b2", Answer: replies("library", gatewaytest.Reply{To: get + `{"id":"b2"}`, Body: `{"title":"Two"}`}), Members: map[string]string{"book": `{"title":"Two","copies":0}`}},
		"beside another":     {Answer: replies("library", gatewaytest.Reply{To: get + `{"id":"b2"}`, Status: 13}), Members: map[string]string{"book": `{"title":"One","copies":1}`}},
		"of no book":         {Answer: replies("library", gatewaytest.Reply{Status: 5, Body: "no such book"}), Status: 404, Code: "not-found"},
		"of a silent one":    {Hang: []string{"library"}, Status: 504, Code: "upstream-timeout"},
		"without the server": {Stop: []string{"library"}, Status: 502, Code: "unreachable"},
	})
}
