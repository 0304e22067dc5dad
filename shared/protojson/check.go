package protojson

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/triptych-bff/triptych/shared/internal/suggest"
)

// CheckInput reports whether the request message has a field at path, by the
// names of the .proto file: "book.id", "items.book_id", "items[0].id". Repeated
// fields are gone through with or without an index; below a map stands a key;
// below google.protobuf.Struct, Value and Any everything may stand. The error
// names the message, and the field that was probably meant.
func (m *Method) CheckInput(path string) error { return checkPath(m.descriptor.Input(), path) }

// CheckOutput is [Method.CheckInput] for the answer message.
func (m *Method) CheckOutput(path string) error { return checkPath(m.descriptor.Output(), path) }

func checkPath(message protoreflect.MessageDescriptor, path string) error {
	names := strings.Split(path, ".")
	for i := 0; i < len(names); i++ {
		name, indexes, ok := cutIndexes(names[i])
		if !ok {
			return fmt.Errorf("protojson: %q is no path of fields", path)
		}
		at, err := field(message, name)
		if err != nil {
			return fmt.Errorf("protojson: %w", err)
		}
		last := i == len(names)-1
		if at.IsMap() && !last && indexes == 0 {
			i++ // the key of the map
			last = i == len(names)-1
			if _, indexes, ok = cutIndexes(names[i]); !ok {
				return fmt.Errorf("protojson: %q is no path of fields", path)
			}
			at = at.MapValue()
		}
		if open(at.Message()) {
			return nil
		}
		if indexes > 0 && !at.IsList() || indexes > 1 {
			return fmt.Errorf("protojson: field %q of %s is not an array at %q", name, message.FullName(), names[i])
		}
		if last {
			return nil
		}
		if why := closed(at); why != "" {
			return fmt.Errorf("protojson: field %q of %s %s", name, message.FullName(), why)
		}
		message = at.Message()
	}
	return nil
}

// cutIndexes takes the [] and [n] off a name and counts them.
func cutIndexes(segment string) (name string, indexes int, ok bool) {
	name, rest, found := strings.Cut(segment, "[")
	for found {
		var index string
		if index, rest, found = strings.Cut(rest, "]"); !found || strings.Trim(index, "0123456789") != "" {
			return name, indexes, false
		}
		indexes++
		if rest == "" {
			break
		}
		if rest, found = strings.CutPrefix(rest, "["); !found {
			return name, indexes, false
		}
	}
	return name, indexes, name != ""
}

func field(message protoreflect.MessageDescriptor, name string) (protoreflect.FieldDescriptor, error) {
	list := message.Fields()
	if fd := list.ByTextName(name); fd != nil {
		return fd, nil
	}
	var names []string
	for i := range list.Len() {
		fd := list.Get(i)
		if fd.JSONName() == name {
			return nil, fmt.Errorf("field %q is not in %s; its name is %q", name, message.FullName(), fd.TextName())
		}
		names = append(names, fd.TextName())
	}
	return nil, fmt.Errorf("field %q is not in %s%s", name, message.FullName(), suggest.Tail(name, names))
}

// open reports whether the JSON of a message has members that its descriptor
// does not tell.
func open(message protoreflect.MessageDescriptor) bool {
	if message == nil {
		return false
	}
	switch message.FullName() {
	case "google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue", "google.protobuf.Any":
		return true
	}
	return false
}

// closed says why nothing stands below a field in JSON, or "" where fields do.
func closed(at protoreflect.FieldDescriptor) string {
	if at.Message() == nil {
		return fmt.Sprintf("is of type %s and has no fields", at.Kind())
	}
	switch name := at.Message().FullName(); name {
	case "google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask",
		"google.protobuf.DoubleValue", "google.protobuf.FloatValue", "google.protobuf.Int64Value", "google.protobuf.UInt64Value",
		"google.protobuf.Int32Value", "google.protobuf.UInt32Value", "google.protobuf.BoolValue", "google.protobuf.StringValue",
		"google.protobuf.BytesValue":
		return fmt.Sprintf("is a %s, one value in JSON, and has no fields there", name)
	}
	return ""
}
