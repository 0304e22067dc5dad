package protojson

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// compileSet compiles .proto files into a descriptor set, as protoc does. The
// sources are those of testdata/proto and the ones given, by path. With imports,
// the set holds the files of google that are used.
func compileSet(t testing.TB, imports bool, sources map[string]string) []byte {
	t.Helper()
	if sources == nil {
		sources = map[string]string{"books/v1/books.proto": read(t, "books/v1/books.proto"), "books/v1/types.proto": read(t, "books/v1/types.proto")}
	}
	compiler := protocompile.Compiler{Resolver: protocompile.CompositeResolver{
		&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(sources)},
		protocompile.ResolverFunc(linkedFile),
	}}
	var paths []string
	for path := range sources {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	compiled, err := compiler.Compile(context.Background(), paths...)
	if err != nil {
		t.Fatal(err)
	}
	set := &descriptorpb.FileDescriptorSet{}
	seen := map[string]bool{}
	for _, f := range compiled {
		collect(set, seen, f, imports)
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/proto/" + path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func linkedFile(path string) (protocompile.SearchResult, error) {
	for _, fd := range linked {
		if fd.Path() == path {
			return protocompile.SearchResult{Desc: fd}, nil
		}
	}
	return protocompile.SearchResult{}, errors.New("no such file")
}

func collect(set *descriptorpb.FileDescriptorSet, seen map[string]bool, f protoreflect.FileDescriptor, imports bool) {
	if seen[f.Path()] || !imports && strings.HasPrefix(f.Path(), "google/") {
		return
	}
	seen[f.Path()] = true
	for i := range f.Imports().Len() {
		collect(set, seen, f.Imports().Get(i).FileDescriptor, imports)
	}
	set.File = append(set.File, protodesc.ToFileDescriptorProto(f))
}

func load(t testing.TB) *Files {
	t.Helper()
	f, err := Load(compileSet(t, false, nil))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func method(t testing.TB, service, name string) *Method {
	t.Helper()
	m, err := load(t).Method(service, name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
