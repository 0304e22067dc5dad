package protojson

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/triptych-bff/triptych/shared/internal/suggest"
)

// MaxSet is the size in bytes up to which [Load] reads a descriptor set.
const MaxSet = 16 << 20

// maxNesting bounds how deep messages nest, in a descriptor set and in JSON.
const maxNesting = 100

// linked are the files that a set may leave out. A set that has them uses its own.
var linked = []protoreflect.FileDescriptor{
	descriptorpb.File_google_protobuf_descriptor_proto,
	anypb.File_google_protobuf_any_proto,
	durationpb.File_google_protobuf_duration_proto,
	emptypb.File_google_protobuf_empty_proto,
	fieldmaskpb.File_google_protobuf_field_mask_proto,
	structpb.File_google_protobuf_struct_proto,
	timestamppb.File_google_protobuf_timestamp_proto,
	wrapperspb.File_google_protobuf_wrappers_proto,
	annotations.File_google_api_annotations_proto,
	annotations.File_google_api_http_proto,
	annotations.File_google_api_field_behavior_proto,
	annotations.File_google_api_resource_proto,
	httpbody.File_google_api_httpbody_proto,
}

// Files are the descriptors of one set. They never change, and any number of
// goroutines may use them at once. The zero value has no services.
type Files struct {
	types    *dynamicpb.Types
	services []protoreflect.ServiceDescriptor
}

// Load reads a binary google.protobuf.FileDescriptorSet of at most [MaxSet]
// bytes. It must hold all imports, but those of google/protobuf and google/api
// that nearly everybody uses. All missing imports are reported at once.
func Load(set []byte) (*Files, error) {
	if len(set) > MaxSet {
		return nil, fmt.Errorf("protojson: the descriptor set has %d bytes; %d are read at most", len(set), MaxSet)
	}
	options := new(protoregistry.Types)
	if err := options.RegisterExtension(annotations.E_Http); err != nil {
		return nil, fmt.Errorf("protojson: %w", err)
	}
	var files descriptorpb.FileDescriptorSet
	read := proto.UnmarshalOptions{Resolver: options, RecursionLimit: maxNesting}
	if err := read.Unmarshal(set, &files); err != nil {
		return nil, fmt.Errorf("protojson: this is no descriptor set: %s", plain(err))
	}
	if len(files.File) == 0 {
		return nil, errors.New("protojson: the descriptor set holds no files")
	}
	if err := complete(&files); err != nil {
		return nil, err
	}
	registry, err := protodesc.NewFiles(&files)
	if err != nil {
		return nil, fmt.Errorf("protojson: descriptor set: %s", plain(err))
	}
	return &Files{types: dynamicpb.NewTypes(registry), services: services(registry)}, nil
}

// complete adds the linked files that the set imports and does not have.
func complete(set *descriptorpb.FileDescriptorSet) error {
	have := make(map[string]bool, len(set.File))
	for _, f := range set.File {
		have[f.GetName()] = true
	}
	var missing []error
	for i := 0; i < len(set.File); i++ { // the set grows: what is added is looked at too
		for _, path := range set.File[i].GetDependency() {
			if have[path] {
				continue
			}
			have[path] = true
			at := slices.IndexFunc(linked, func(fd protoreflect.FileDescriptor) bool { return fd.Path() == path })
			if at < 0 {
				missing = append(missing, fmt.Errorf(
					"protojson: %s imports %s, which is not in the descriptor set: write the set with its imports", set.File[i].GetName(), path))
				continue
			}
			set.File = append(set.File, protodesc.ToFileDescriptorProto(linked[at]))
		}
	}
	return errors.Join(missing...)
}

func services(registry *protoregistry.Files) []protoreflect.ServiceDescriptor {
	var list []protoreflect.ServiceDescriptor
	registry.RangeFiles(func(fd protoreflect.FileDescriptor) bool {
		for i := range fd.Services().Len() {
			list = append(list, fd.Services().Get(i))
		}
		return true
	})
	slices.SortFunc(list, func(a, b protoreflect.ServiceDescriptor) int {
		return strings.Compare(string(a.FullName()), string(b.FullName()))
	})
	return list
}

// Services returns all services of the set by full name, in alphabetical order.
// The slice is the caller's.
func (f *Files) Services() []protoreflect.ServiceDescriptor { return slices.Clone(f.services) }

// Method returns the method of a service, which is given by its full name
// (books.v1.Catalog). The error says what it was probably meant to be. A method
// whose google.api.http rule is at fault is an error too.
func (f *Files) Method(service, method string) (*Method, error) {
	at := slices.IndexFunc(f.services, func(s protoreflect.ServiceDescriptor) bool { return string(s.FullName()) == service })
	if at < 0 {
		return nil, fmt.Errorf("protojson: the descriptor set has no service %q%s", service, f.suggestService(service))
	}
	methods := f.services[at].Methods()
	descriptor := methods.ByName(protoreflect.Name(method))
	if descriptor == nil {
		var names []string
		for i := range methods.Len() {
			names = append(names, string(methods.Get(i).Name()))
		}
		return nil, fmt.Errorf("protojson: %s has no method %q%s", service, method, suggest.Tail(method, names))
	}
	return newMethod(descriptor, f.types)
}

// suggestService knows that the package is what people leave out.
func (f *Files) suggestService(service string) string {
	var names []string
	for _, s := range f.services {
		if string(s.Name()) == service {
			return fmt.Sprintf("; did you mean %q?", s.FullName())
		}
		names = append(names, string(s.FullName()))
	}
	return suggest.Tail(service, names)
}

// plain is the text of an error of the protobuf library without its prefix,
// whose white space that library varies on purpose.
func plain(err error) string {
	return strings.TrimSpace(strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\u00a0", " "), "proto:"))
}
