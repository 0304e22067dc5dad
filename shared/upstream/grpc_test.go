package upstream

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bufbuild/protocompile"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/http1"
	"github.com/triptych-bff/triptych/shared/protojson"
	"github.com/triptych-bff/triptych/shared/resilience"
	"github.com/triptych-bff/triptych/shared/telemetry"
)

const books = `
syntax = "proto3";
package books.v1;
service Library { rpc GetBook(GetBookRequest) returns (Book); }
message GetBookRequest { string id = 1; }
message Book { string id = 1; string title = 2; int32 pages = 3; }
`

func getBook(t testing.TB) *protojson.Method {
	t.Helper()
	compiler := protocompile.Compiler{Resolver: &protocompile.SourceResolver{
		Accessor: protocompile.SourceAccessorFromMap(map[string]string{"books.proto": books}),
	}}
	compiled, err := compiler.Compile(context.Background(), "books.proto")
	if err != nil {
		t.Fatal(err)
	}
	set, err := proto.Marshal(&descriptorpb.FileDescriptorSet{
		File: []*descriptorpb.FileDescriptorProto{protodesc.ToFileDescriptorProto(compiled[0])},
	})
	if err != nil {
		t.Fatal(err)
	}
	files, err := protojson.Load(set)
	if err != nil {
		t.Fatal(err)
	}
	method, err := files.Method("books.v1.Library", "GetBook")
	if err != nil {
		t.Fatal(err)
	}
	return method
}

// library is a gRPC service whose GetBook answers what answer says, as JSON.
func library(t testing.TB, method *protojson.Method, answer func(ctx context.Context, id string) (string, error), options ...grpc.ServerOption) string {
	t.Helper()
	handler := func(_ any, stream grpc.ServerStream) error {
		in := method.NewInput()
		if err := stream.RecvMsg(in); err != nil {
			return err
		}
		m := in.ProtoReflect()
		text, err := answer(stream.Context(), m.Get(m.Descriptor().Fields().ByName("id")).String())
		if err != nil {
			return err
		}
		out := method.NewOutput()
		m = out.ProtoReflect()
		m.Set(m.Descriptor().Fields().ByName("title"), protoreflect.ValueOfString(text))
		return stream.SendMsg(out)
	}
	server := grpc.NewServer(append(options, grpc.UnknownServiceHandler(handler))...)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Stop(); <-done })
	return listener.Addr().String()
}

func TestGRPC(t *testing.T) {
	method := getBook(t)
	got := make(chan metadata.MD, 1)
	address := library(t, method, func(ctx context.Context, id string) (string, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		if _, ok := ctx.Deadline(); !ok {
			t.Error("the deadline is not passed on")
		}
		got <- md
		_ = grpc.SetHeader(ctx, metadata.Pairs("x-shelf", "3"))
		return "On " + id, nil
	})
	s := service(t, newPool(t), Config{
		GRPC: address, Headers: map[string]string{"X-Caller": "gateway"},
		Secrets: map[string]config.Secret{"X-Api-Key": config.NewSecret("s3cret")},
	})
	if !s.IsGRPC() {
		t.Error("it is not gRPC")
	}
	ctx := telemetry.NewContext(t.Context(), &telemetry.Exchange{ID: "req-1", Trace: telemetry.Trace{ID: [16]byte{1}, Span: [8]byte{2}}})
	resp, err := s.Start(ctx, &Request{
		Operation: method.Name(), RPC: method, Body: []byte(`{"id":"growth"}`),
		Header: http1.Fields{{Name: "Accept-Language", Value: "de"}},
	}).Wait()
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"id":"","title":"On growth","pages":0}`; resp.Status != 200 || string(resp.Body) != want || resp.Header.Get("X-Shelf") != "3" {
		t.Errorf("%d, %s, %v", resp.Status, resp.Body, resp.Header)
	}
	md := receive(t, got, "request")
	for name, want := range map[string]string{
		"accept-language": "de", "x-caller": "gateway", "x-api-key": "s3cret", "x-request-id": "req-1",
		"traceparent": "00-01000000000000000000000000000000-0200000000000000-00",
	} {
		if diff := cmp.Diff([]string{want}, md[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// The table of google/rpc/code.proto; three codes say that there was no answer.
func TestGRPCStatuses(t *testing.T) {
	method := getBook(t)
	var answered error
	address := library(t, method, func(context.Context, string) (string, error) { return "", answered })
	s := service(t, newPool(t), Config{GRPC: address, Breaker: resilience.BreakerConfig{Failures: 1000, MinRequests: 1000}})
	want := map[codes.Code]int{
		codes.InvalidArgument: 400, codes.FailedPrecondition: 400, codes.OutOfRange: 400, codes.Unauthenticated: 401,
		codes.PermissionDenied: 403, codes.NotFound: 404, codes.AlreadyExists: 409, codes.Aborted: 409,
		codes.ResourceExhausted: 429, codes.Unknown: 500, codes.Internal: 500, codes.DataLoss: 500, codes.Unimplemented: 501,
	}
	errs := map[codes.Code]Code{codes.Unavailable: Unreachable, codes.DeadlineExceeded: Timeout, codes.Canceled: BadAnswer}
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		answered = status.Error(code, "the reason")
		resp, err := s.Start(t.Context(), &Request{RPC: method}).Wait()
		if failed, ok := errs[code]; ok {
			if err == nil || codeOf(t, err) != failed {
				t.Errorf("%v: %v, want %v", code, err, failed)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%v: %v", code, err)
		}
		if resp.Status != want[code] || resp.Detail != "the reason" || resp.Body != nil {
			t.Errorf("%v: %+v, want %d", code, resp, want[code])
		}
	}
}

func TestGRPCFailures(t *testing.T) {
	method := getBook(t)
	hanging := func(ctx context.Context, _ string) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	}
	answer := func(text string) func(context.Context, string) (string, error) {
		return func(context.Context, string) (string, error) { return text, nil }
	}
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = nobody.Close()
	web := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) })
	for _, test := range []struct {
		name    string
		address string
		req     Request
		want    Code
	}{
		{"hangs", library(t, method, hanging), Request{Timeout: 50 * time.Millisecond}, Timeout},
		{"is too long", library(t, method, answer(strings.Repeat("x", 2000))), Request{}, TooLarge},
		{"nobody listens", nobody.Addr().String(), Request{}, Unreachable},
		{"speaks HTTP/1.1", strings.TrimPrefix(web.URL, "http://"), Request{}, Unreachable},
		{"a field that is unknown", nobody.Addr().String(), Request{Body: []byte(`{"di":"x"}`)}, BadRequest},
		{"a header that cannot be sent", nobody.Addr().String(), Request{Header: http1.Fields{{Name: "X-A", Value: "é"}}}, BadRequest},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := service(t, newPool(t), Config{GRPC: test.address, MaxResponse: 1024, Timeout: patience})
			test.req.RPC = method
			if _, err := s.Start(t.Context(), &test.req).Wait(); err == nil || codeOf(t, err) != test.want {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
}

func TestGRPCCancel(t *testing.T) {
	method := getBook(t)
	arrived, left := make(chan struct{}), make(chan struct{})
	address := library(t, method, func(ctx context.Context, _ string) (string, error) {
		close(arrived)
		<-ctx.Done()
		close(left)
		return "", ctx.Err()
	})
	s := service(t, newPool(t), Config{GRPC: address, Breaker: first, Timeout: patience})
	pending := s.Start(t.Context(), &Request{RPC: method})
	receive(t, arrived, "request")
	pending.Cancel()
	receive(t, left, "cancellation")
	quiet(t, s)
	if s.guard.State() != resilience.Closed {
		t.Error("it counts against the service")
	}
}

func TestARetiredGRPCConnectionOutlivesItsCalls(t *testing.T) {
	method := getBook(t)
	arrived, answer := make(chan struct{}), make(chan struct{})
	address := library(t, method, func(context.Context, string) (string, error) {
		close(arrived)
		<-answer
		return "late", nil
	})
	p := newPool(t)
	pending := service(t, p, Config{GRPC: address, Timeout: patience}).Start(t.Context(), &Request{RPC: method})
	receive(t, arrived, "request")
	p.Close()
	close(answer)
	if resp, err := pending.Wait(); err != nil || resp.Status != 200 {
		t.Errorf("%+v, %v", resp, err)
	}
}

func TestHTTPAndGRPCAreNotConfused(t *testing.T) {
	p := newPool(t)
	method := getBook(t)
	for _, test := range []struct {
		c   Config
		req *Request
	}{
		{Config{GRPC: "127.0.0.1:1"}, &Request{Path: "/"}},
		{Config{URL: "http://127.0.0.1:1"}, &Request{RPC: method}},
	} {
		if _, err := service(t, p, test.c).Start(t.Context(), test.req).Wait(); codeOf(t, err) != BadRequest {
			t.Error(err)
		}
	}
	if _, err := service(t, p, Config{GRPC: "127.0.0.1:1"}).Open(t.Context(), outgoing("GET", "/", nil), nil); codeOf(t, err) != BadRequest {
		t.Error(err)
	}
}

func TestGRPCOverTLSAndRetired(t *testing.T) {
	web := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	defer web.Close()
	ca := certificateOf(t, web)
	method := getBook(t)
	secure := credentials.NewTLS(&tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS12})
	address := library(t, method, func(context.Context, string) (string, error) { return "ok", nil }, grpc.Creds(secure))
	p := newPool(t)
	s := service(t, p, Config{GRPC: address, CA: ca})
	for range 2 { // the second time after it was retired
		resp, err := s.Start(t.Context(), &Request{RPC: method}).Wait()
		if err != nil || resp.Status != 200 {
			t.Fatalf("%+v, %v", resp, err)
		}
		p.Retain(nil)
		if s.link.carrier.(*grpcCarrier).connection != nil {
			t.Error("the connection is still open")
		}
	}
	if _, err := service(t, p, Config{GRPC: address, TLS: true}).Start(t.Context(), &Request{RPC: method}).Wait(); codeOf(t, err) != Unreachable {
		t.Errorf("without the CA: %v", err)
	}
}

func BenchmarkGRPCStartWait(b *testing.B) {
	method := getBook(b)
	address := library(b, method, func(context.Context, string) (string, error) { return "ok", nil })
	s := service(b, newPool(b), Config{GRPC: address})
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Start(ctx, &Request{RPC: method}).Wait(); err != nil {
			b.Fatal(err)
		}
	}
}
