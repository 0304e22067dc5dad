package transcoding

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bufbuild/protocompile"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/triptych-bff/triptych/shared/protojson"
	"github.com/triptych-bff/triptych/shared/routing"
	"github.com/triptych-bff/triptych/shared/telemetry"
	"github.com/triptych-bff/triptych/shared/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// compileProto is the descriptor set of one .proto file, with what it imports
// from google/api; the rest of google is linked into package protojson.
func compileProto(t testing.TB, source string) []byte {
	t.Helper()
	linked := map[string]protoreflect.FileDescriptor{
		"google/api/annotations.proto": annotations.File_google_api_annotations_proto,
		"google/api/http.proto":        annotations.File_google_api_http_proto,
		"google/api/httpbody.proto":    httpbody.File_google_api_httpbody_proto,
	}
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(protocompile.CompositeResolver{
		&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(map[string]string{"test.proto": source})},
		protocompile.ResolverFunc(func(path string) (protocompile.SearchResult, error) {
			if f := linked[path]; f != nil {
				return protocompile.SearchResult{Desc: f}, nil
			}
			return protocompile.SearchResult{}, fmt.Errorf("%s: not found", path)
		}),
	})}
	files, err := compiler.Compile(context.Background(), "test.proto")
	if err != nil {
		t.Fatal(err)
	}
	set, err := proto.Marshal(&descriptorpb.FileDescriptorSet{
		File: []*descriptorpb.FileDescriptorProto{protodesc.ToFileDescriptorProto(files[0])},
	})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// header is what every test's .proto file begins with.
const header = `syntax = "proto3"; package test; import "google/api/annotations.proto";
message Nothing {}
message In { string id = 1; string other = 2; repeated string list = 3; map<string, string> names = 4; Inner inner = 5; }
message Inner { string id = 1; int32 n = 2; }
`

// library is what the tests call.
const library = `syntax = "proto3"; package test;
import "google/api/annotations.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/field_mask.proto";

service Library {
  rpc GetBook(BookRequest) returns (Answer) {
    option (google.api.http) = { get: "/v1/{name=shelves/*/books/*}" additional_bindings { get: "/v1/books/{id}" } };
  }
  rpc ListBooks(ListRequest) returns (Answer) { option (google.api.http) = { get: "/v1/books" }; }
  rpc CreateBook(CreateRequest) returns (Answer) { option (google.api.http) = { post: "/v1/shelves/{shelf}/books" body: "book" }; }
  rpc AddTags(CreateRequest) returns (Answer) { option (google.api.http) = { post: "/v1/shelves/{shelf}/tags" body: "tags" }; }
  rpc UpdateBook(Book) returns (Answer) { option (google.api.http) = { patch: "/v1/books/{id}" body: "*" }; }
  rpc ReplaceBook(Book) returns (Answer) { option (google.api.http) = { put: "/v1/books/{details.isbn}/details" body: "*" }; }
  rpc CancelBook(Book) returns (Answer) { option (google.api.http) = { post: "/v1/books/{id}:cancel" body: "*" }; }
  rpc BatchGetBooks(ListRequest) returns (Answer) { option (google.api.http) = { get: "/v1/books:batchGet" }; }
  rpc DeleteBook(BookRequest) returns (Answer) { option (google.api.http) = { delete: "/v1/books/{id}" }; }
  rpc Titles(ListRequest) returns (Answer) { option (google.api.http) = { get: "/v1/titles" response_body: "titles" }; }
  rpc First(ListRequest) returns (Answer) { option (google.api.http) = { get: "/v1/first" response_body: "book" }; }
  rpc Anything(BookRequest) returns (Answer) { option (google.api.http) = { custom: { kind: "*" path: "/v1/any/{name=**}" } }; }
  rpc Head(BookRequest) returns (Answer) { option (google.api.http) = { custom: { kind: "HEAD" path: "/v1/head" } }; }
  rpc Watch(BookRequest) returns (stream Answer) { option (google.api.http) = { get: "/v1/watch" }; }
  rpc Upload(stream Book) returns (Answer) { option (google.api.http) = { post: "/v1/upload" body: "*" }; }
  rpc Internal(BookRequest) returns (Answer);
}
service Other { rpc Hidden(BookRequest) returns (Answer) { option (google.api.http) = { get: "/v1/hidden" }; } }

enum Genre { GENRE_UNSPECIFIED = 0; NOVEL = 1; }
message BookRequest { string name = 1; string id = 2; }
message Book { string id = 1; string title = 2; Details details = 3; }
message Details { string isbn = 1; int32 pages = 2; Details next = 3; }
message CreateRequest { string shelf = 1; Book book = 2; repeated string tags = 3; bool dry_run = 4; }
message ListRequest {
  int32 i32 = 1; int64 i64 = 2; uint32 u32 = 3; uint64 u64 = 4; float f = 5; double d = 6; bool b = 7; string s = 8; bytes by = 9;
  Genre genre = 10; Details details = 11; repeated int32 numbers = 12; repeated Genre genres = 13; map<string, string> labels = 14;
  google.protobuf.Timestamp since = 15; google.protobuf.Duration within = 16; google.protobuf.Int64Value limit = 17;
  google.protobuf.FieldMask read_mask = 18; oneof by_who { string author = 19; string publisher = 20; } optional int32 page_size = 21;
  repeated google.protobuf.Timestamp days = 22; sint32 si32 = 23; fixed64 fi64 = 24; google.protobuf.StringValue note = 25;
}
message Answer { string method = 1; string request = 2; repeated string titles = 3; Book book = 4; int64 count = 5; string metadata = 6; }
`

// A world is a transcoder in front of a gRPC server that answers what it was asked.
type world struct {
	*httptest.Server
	transcoder *Transcoder
	exchange   atomic.Pointer[telemetry.Exchange] // of the last request
}

func serve(t testing.TB, rewrite routing.Rewrite, names ...string) *world {
	t.Helper()
	files, err := protojson.Load(compileProto(t, library))
	if err != nil {
		t.Fatal(err)
	}
	pool := upstream.NewPool(telemetry.Discard())
	t.Cleanup(pool.Close)
	service, err := pool.Service("library", upstream.Config{GRPC: backend(t, files)}, files)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{}
	if w.transcoder, err = New(service, rewrite, names...); err != nil {
		t.Fatal(err)
	}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		path, err := routing.Canonical(r.URL.EscapedPath()) // what the edge does
		if err != nil {
			t.Errorf("%s: %v", r.URL, err)
		}
		r.URL.Path, r.URL.RawPath = path, ""
		x := &telemetry.Exchange{ID: "r1"}
		w.transcoder.ServeHTTP(rw, r.WithContext(telemetry.NewContext(r.Context(), x)))
		w.exchange.Store(x)
	}))
	t.Cleanup(w.Close)
	return w
}

// backend is a gRPC server for all methods: it answers the request as JSON, or
// the status that the id of the request names, such as "status 5 text".
func backend(t testing.TB, files *protojson.Files) string {
	t.Helper()
	answer := func(_ any, stream grpc.ServerStream) error {
		name, _ := grpc.MethodFromServerStream(stream)
		service, method, _ := strings.Cut(strings.TrimPrefix(name, "/"), "/")
		m, err := files.Method(service, method)
		if err != nil {
			return err
		}
		in := m.NewInput()
		if err := stream.RecvMsg(in); err != nil {
			return err
		}
		request, err := protojson.Append(nil, minimal(in))
		if err != nil {
			return err
		}
		if id := in.ProtoReflect().Descriptor().Fields().ByName("id"); id != nil {
			var code codes.Code
			var text string
			if n, _ := fmt.Sscanf(in.ProtoReflect().Get(id).String(), "status-%d-%s", &code, &text); n == 2 {
				return status.Error(code, text)
			}
		}
		md, _ := metadata.FromIncomingContext(stream.Context())
		out := m.NewOutput().ProtoReflect()
		set := func(field string, v any) {
			out.Set(out.Descriptor().Fields().ByName(protoreflect.Name(field)), protoreflect.ValueOf(v))
		}
		set("method", method)
		set("request", string(request))
		set("metadata", strings.Join(md.Get("accept-language"), ",")+"|"+strings.Join(md.Get("authorization"), ","))
		set("count", int64(1)<<60)
		titles := out.Mutable(out.Descriptor().Fields().ByName("titles")).List()
		titles.Append(protoreflect.ValueOfString("a"))
		titles.Append(protoreflect.ValueOfString("b"))
		if err := stream.SetHeader(metadata.Pairs("x-internal", "secret")); err != nil {
			return err
		}
		return stream.SendMsg(out.Interface())
	}
	server := grpc.NewServer(grpc.UnknownServiceHandler(answer))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() { server.Stop(); <-done })
	return l.Addr().String()
}

// minimal is the message without the knowledge of how to write defaults: only
// what was set stands in the tests' expectations.
func minimal(m proto.Message) proto.Message {
	bytes, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(err)
	}
	copied := dynamicpb.NewMessage(m.ProtoReflect().Descriptor())
	if err := proto.Unmarshal(bytes, copied); err != nil {
		panic(err)
	}
	return copied
}
