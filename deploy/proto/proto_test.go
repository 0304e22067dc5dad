// Package proto_test checks that everything made of the .proto files still
// agrees with them: the Go code here and the descriptor sets of the gateways.
package proto_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/descriptorpb"

	catalogpb "github.com/triptych-bff/triptych/deploy/proto/filmstore/catalog/v1"
	recommendationspb "github.com/triptych-bff/triptych/deploy/proto/filmstore/recommendations/v1"
)

func generated() map[string]protoreflect.FileDescriptor {
	return map[string]protoreflect.FileDescriptor{
		"catalog":         catalogpb.File_filmstore_catalog_v1_catalog_proto,
		"recommendations": recommendationspb.File_filmstore_recommendations_v1_recommendations_proto,
	}
}

func TestGoCodeIsCurrent(t *testing.T) {
	compiler := protocompile.Compiler{Resolver: protocompile.CompositeResolver{
		&protocompile.SourceResolver{ImportPaths: []string{"."}},
		protocompile.ResolverFunc(func(path string) (protocompile.SearchResult, error) {
			desc, err := protoregistry.GlobalFiles.FindFileByPath(path)
			return protocompile.SearchResult{Desc: desc}, err
		}),
	}}
	for name, file := range generated() {
		source, err := compiler.Compile(t.Context(), file.Path())
		if err != nil {
			t.Fatal(err)
		}
		want, got := protodesc.ToFileDescriptorProto(source[0]), protodesc.ToFileDescriptorProto(file)
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("%s: run protogen (-source +generated):\n%s", name, diff)
		}
	}
}

func TestSetsAreCurrent(t *testing.T) {
	for name, file := range generated() {
		for _, gateway := range []string{"bff-mobile", "bff-web", "bff-tv"} {
			data, err := os.ReadFile(filepath.Join("..", "..", gateway, "descriptors", name+".binpb"))
			if err != nil {
				t.Fatal(err)
			}
			var set descriptorpb.FileDescriptorSet
			if err := proto.Unmarshal(data, &set); err != nil {
				t.Fatal(err)
			}
			files, err := protodesc.NewFiles(&set)
			if err != nil {
				t.Fatalf("%s: %s: the set is not complete: %v", gateway, name, err)
			}
			got, err := files.FindFileByPath(file.Path())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(protodesc.ToFileDescriptorProto(file), protodesc.ToFileDescriptorProto(got), protocmp.Transform()); diff != "" {
				t.Errorf("%s: %s: run protogen (-generated +set):\n%s", gateway, name, diff)
			}
		}
	}
}

func TestEveryMethodHasARoute(t *testing.T) {
	for name, file := range generated() {
		methods := file.Services().Get(0).Methods()
		for i := range methods.Len() {
			rule, ok := proto.GetExtension(methods.Get(i).Options(), annotations.E_Http).(*annotations.HttpRule)
			if !ok || rule.GetGet() == "" {
				t.Errorf("%s: %s has no route", name, methods.Get(i).Name())
			}
		}
	}
}
