package protojson

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// A Method is one method of a service. It never changes, and any number of
// goroutines may use it at once. [Files.Method] makes it.
type Method struct {
	descriptor protoreflect.MethodDescriptor
	types      *dynamicpb.Types
	name       string
	rules      []Rule
}

func newMethod(descriptor protoreflect.MethodDescriptor, types *dynamicpb.Types) (*Method, error) {
	rules, err := rulesOf(descriptor)
	if err != nil {
		return nil, fmt.Errorf("protojson: %s: %w", descriptor.FullName(), err)
	}
	name := "/" + string(descriptor.Parent().FullName()) + "/" + string(descriptor.Name())
	return &Method{descriptor: descriptor, types: types, name: name, rules: rules}, nil
}

// Name is the name that the method has on the wire: /books.v1.Catalog/GetBook.
func (m *Method) Name() string { return m.name }

// Descriptor says the rest: whether it streams, its messages, its comments.
func (m *Method) Descriptor() protoreflect.MethodDescriptor { return m.descriptor }

// HTTPRules returns the google.api.http rule of the method, the main binding
// first, then its additional ones; nothing where there is no rule. The slice is
// the caller's.
func (m *Method) HTTPRules() []Rule { return slices.Clone(m.rules) }

// NewInput returns an empty request message.
func (m *Method) NewInput() proto.Message { return m.message(m.descriptor.Input()) }

// NewOutput returns an empty answer message, to be received into.
func (m *Method) NewOutput() proto.Message { return m.message(m.descriptor.Output()) }

func (m *Method) message(descriptor protoreflect.MessageDescriptor) message {
	return message{dynamicpb.NewMessage(descriptor), m.types}
}

// A message knows the types of its set, so that [Append] finds what an Any holds.
type message struct {
	*dynamicpb.Message
	types *dynamicpb.Types
}

// An InputError says why JSON is no request of a method. Its detail names
// fields and places of what the client sent, and nothing else.
type InputError struct {
	Message string // the full name of the message that was wanted
	Detail  string // `(line 1:12): unknown field "titel"`
}

func (e *InputError) Error() string { return "protojson: " + e.Message + ": " + e.Detail }

// Decode reads one JSON object into a request message. Members that the message
// does not have, members that stand twice, values of the wrong type and nesting
// deeper than 100 messages give an [*InputError]. Empty input is an error, not an
// empty message.
func (m *Method) Decode(json []byte) (proto.Message, error) {
	into := m.message(m.descriptor.Input())
	options := protojson.UnmarshalOptions{Resolver: m.types, RecursionLimit: maxNesting}
	if err := options.Unmarshal(json, into); err != nil {
		return nil, &InputError{Message: string(m.descriptor.Input().FullName()), Detail: plain(err)}
	}
	return into, nil
}

// Append appends a message as compact JSON. What a google.protobuf.Any holds is
// looked up in the set that [Method.NewInput] or [Method.NewOutput] made the
// message from, and for all other messages among the types that are linked into
// the program. An Any of an unknown type, a missing required field and a string
// that is not UTF-8 are errors; dst then comes back as it was.
func Append(dst []byte, m proto.Message) ([]byte, error) {
	options := protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true}
	if own, ok := m.(message); ok {
		options.Resolver = own.types
	}
	out, err := options.MarshalAppend(dst, m)
	if err != nil {
		return dst, fmt.Errorf("protojson: %s: %s", m.ProtoReflect().Descriptor().FullName(), plain(err))
	}
	return out[:len(dst)+compact(out[len(dst):])], nil
}

// compact drops the spaces between tokens, in place, and returns the new length.
// The protobuf library puts some there or not, by a hash of the program, so that
// nobody relies on its bytes; a gateway does, for its entity tags.
func compact(json []byte) int {
	n, quoted := 0, false
	for i := 0; i < len(json); i++ {
		c := json[i]
		if c == ' ' && !quoted {
			continue
		}
		json[n] = c
		n++
		switch c {
		case '"':
			quoted = !quoted
		case '\\': // only strings hold backslashes; the next byte cannot end one
			i++
			json[n] = json[i]
			n++
		}
	}
	return n
}
