// Protogen compiles the protocol buffers of deploy/proto: Go messages and gRPC
// stubs beside each .proto file, and for each client's gateway one binary
// descriptor set a service, which is all that the gateway needs to call it.
//
// It is a program and not a call of protoc because everything it needs is then
// a Go module with a version in go.mod: the compiler (protocompile), the two
// plugins, and the google/api files, which are taken from the descriptors
// that the genproto module registers. The output depends on nothing else, so
// running it on an unchanged tree changes nothing.
//
// Run it in deploy/tools:
//
//	GOWORK=off go run ./protogen
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	// Registers google/api/annotations.proto and what it imports.
	_ "google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// gateways lists the folders, below the root, that get the descriptor sets.
var gateways = []string{"bff-mobile", "bff-web", "bff-tv"}

// plugins lists the packages of the plugins; their versions stand in go.mod.
var plugins = []string{
	"google.golang.org/protobuf/cmd/protoc-gen-go",
	"google.golang.org/grpc/cmd/protoc-gen-go-grpc",
}

func main() {
	root := flag.String("root", "../..", "the repository's root")
	flag.Parse()
	if err := run(context.Background(), *root); err != nil {
		fmt.Fprintln(os.Stderr, "protogen:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root string) error {
	protos := filepath.Join(root, "deploy", "proto")
	names, err := find(protos)
	if err != nil {
		return err
	}
	files, err := compile(ctx, protos, names)
	if err != nil {
		return err
	}
	if err := generate(ctx, protos, files); err != nil {
		return err
	}
	for _, file := range files {
		if err := writeSets(root, file); err != nil {
			return err
		}
	}
	return nil
}

// find returns the .proto files below dir, as import paths, sorted.
func find(dir string) ([]string, error) {
	var names []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".proto") {
			names = append(names, path)
		}
		return err
	})
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("%s: no .proto files", dir)
	}
	return names, err
}

func compile(ctx context.Context, dir string, names []string) (linker.Files, error) {
	compiler := protocompile.Compiler{
		Resolver: protocompile.CompositeResolver{
			&protocompile.SourceResolver{ImportPaths: []string{dir}},
			protocompile.ResolverFunc(registered),
		},
		// The plugins copy comments into the Go code.
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	return compiler.Compile(ctx, names...)
}

// registered finds an import among the descriptors linked into this program.
func registered(path string) (protocompile.SearchResult, error) {
	desc, err := protoregistry.GlobalFiles.FindFileByPath(path)
	return protocompile.SearchResult{Desc: desc}, err
}

// generate runs every plugin over the files and writes what they answer.
func generate(ctx context.Context, dir string, files linker.Files) error {
	bin, err := os.MkdirTemp("", "protogen")
	if err != nil {
		return err
	}
	defer os.RemoveAll(bin)
	request, err := proto.MarshalOptions{Deterministic: true}.Marshal(pluginRequest(files))
	if err != nil {
		return err
	}
	for _, pkg := range plugins {
		if err := runPlugin(ctx, filepath.Join(bin, filepath.Base(pkg)), pkg, request, dir); err != nil {
			return fmt.Errorf("%s: %w", pkg, err)
		}
	}
	return nil
}

func pluginRequest(files linker.Files) *pluginpb.CodeGeneratorRequest {
	request := &pluginpb.CodeGeneratorRequest{Parameter: proto.String("paths=source_relative")}
	seen := map[string]bool{}
	for _, file := range files {
		request.FileToGenerate = append(request.FileToGenerate, file.Path())
		request.ProtoFile = appendWithImports(request.ProtoFile, file, seen)
	}
	return request
}

// appendWithImports appends the file behind everything it imports, the order
// that plugins and readers of descriptor sets expect.
func appendWithImports(
	list []*descriptorpb.FileDescriptorProto, file protoreflect.FileDescriptor, seen map[string]bool,
) []*descriptorpb.FileDescriptorProto {
	if seen[file.Path()] {
		return list
	}
	seen[file.Path()] = true
	imports := file.Imports()
	for i := range imports.Len() {
		list = appendWithImports(list, imports.Get(i).FileDescriptor, seen)
	}
	return append(list, protodesc.ToFileDescriptorProto(file))
}

// runPlugin builds the plugin at exe, speaks the plugin protocol with it
// (google/protobuf/compiler/plugin.proto) and writes its files below dir.
func runPlugin(ctx context.Context, exe, pkg string, request []byte, dir string) error {
	build := exec.CommandContext(ctx, "go", "build", "-o", exe, pkg)
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	plugin := exec.CommandContext(ctx, exe)
	plugin.Stdin = bytes.NewReader(request)
	plugin.Stderr = os.Stderr
	out, err := plugin.Output()
	if err != nil {
		return err
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(out, &response); err != nil {
		return err
	}
	if response.Error != nil {
		return fmt.Errorf("%s", response.GetError())
	}
	for _, file := range response.GetFile() {
		if err := write(filepath.Join(dir, file.GetName()), []byte(file.GetContent())); err != nil {
			return err
		}
	}
	return nil
}

// writeSets writes the file and its imports as a binary FileDescriptorSet,
// without comments, into every gateway's descriptors folder.
func writeSets(root string, file protoreflect.FileDescriptor) error {
	set := &descriptorpb.FileDescriptorSet{File: appendWithImports(nil, file, map[string]bool{})}
	for _, f := range set.GetFile() {
		f.SourceCodeInfo = nil
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(set)
	if err != nil {
		return err
	}
	for _, gateway := range gateways {
		base := strings.TrimSuffix(filepath.Base(file.Path()), ".proto")
		if err := write(filepath.Join(root, gateway, "descriptors", base+".binpb"), data); err != nil {
			return err
		}
	}
	return nil
}

func write(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
