package transcoding

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// maxPath bounds how deep a message is set from a query: a message that contains
// itself would have fields of any depth.
const maxPath = 16

// resolve finds the fields on the way to the one that a path names, each by its
// name in the .proto file or in JSON.
func resolve(m protoreflect.MessageDescriptor, path string) ([]protoreflect.FieldDescriptor, error) {
	var fields []protoreflect.FieldDescriptor
	for name := range strings.SplitSeq(path, ".") {
		if m == nil || len(fields) == maxPath {
			return nil, fmt.Errorf("there is no field %q", path)
		}
		f := m.Fields().ByTextName(name)
		if f == nil {
			f = m.Fields().ByJSONName(name)
		}
		if f == nil {
			return nil, fmt.Errorf("there is no field %q", path)
		}
		fields = append(fields, f)
		if m = f.Message(); f.IsList() || f.IsMap() {
			m = nil // elements have no names
		}
	}
	return fields, nil
}

// single reports whether one text can be the value of the field, or of one of its
// elements.
func single(f protoreflect.FieldDescriptor) bool {
	if f.Message() == nil {
		return true
	}
	switch f.Message().FullName() {
	case "google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask":
		return true
	}
	return wrapped(f.Message()) != nil
}

// wrapped is the value's field of a wrapper such as google.protobuf.StringValue.
func wrapped(m protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	name, ok := strings.CutPrefix(string(m.FullName()), "google.protobuf.")
	if !ok || !strings.HasSuffix(name, "Value") || m.Fields().Len() != 1 {
		return nil
	}
	if f := m.Fields().ByName("value"); f != nil && f.Message() == nil {
		return f
	}
	return nil
}

// bind sets the field at the end of the path, or adds an element to it. Messages
// on the way come into being.
func bind(m protoreflect.Message, path []protoreflect.FieldDescriptor, text string) error {
	for _, f := range path[:len(path)-1] {
		if err := alone(m, f); err != nil {
			return err
		}
		m = m.Mutable(f).Message()
	}
	f := path[len(path)-1]
	if err := alone(m, f); err != nil {
		return err
	}
	switch {
	case f.IsList():
		return appendTo(m.Mutable(f).List(), f, text)
	case f.Message() != nil:
		return setMessage(m.Mutable(f).Message(), text)
	}
	v, err := scalar(f, text)
	if err == nil {
		m.Set(f, v)
	}
	return err
}

// alone refuses to set a second field of a oneof, which would unset the first.
func alone(m protoreflect.Message, f protoreflect.FieldDescriptor) error {
	if of := f.ContainingOneof(); of != nil {
		if set := m.WhichOneof(of); set != nil && set != f {
			return fmt.Errorf("excludes %s", set.Name())
		}
	}
	return nil
}

func appendTo(list protoreflect.List, f protoreflect.FieldDescriptor, text string) error {
	if f.Message() != nil {
		element := list.NewElement()
		if err := setMessage(element.Message(), text); err != nil {
			return err
		}
		list.Append(element)
		return nil
	}
	v, err := scalar(f, text)
	if err == nil {
		list.Append(v)
	}
	return err
}

// setMessage reads the messages that JSON writes as one string or number.
func setMessage(m protoreflect.Message, text string) error {
	if f := wrapped(m.Descriptor()); f != nil {
		v, err := scalar(f, text)
		if err == nil {
			m.Set(f, v)
		}
		return err
	}
	if err := utf8Error(text); err != nil {
		return err
	}
	if m.Descriptor().FullName() == "google.protobuf.FieldMask" {
		paths := m.Mutable(m.Descriptor().Fields().ByName("paths")).List()
		for path := range strings.SplitSeq(text, ",") {
			paths.Append(protoreflect.ValueOfString(path))
		}
		return nil
	}
	if err := protojson.Unmarshal(strconv.AppendQuote(nil, text), m.Interface()); err != nil {
		return fmt.Errorf("is no %s", m.Descriptor().Name())
	}
	return nil
}

// scalar reads a text as ProtoJSON reads it in a string.
func scalar(f protoreflect.FieldDescriptor, text string) (protoreflect.Value, error) {
	switch f.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(text), utf8Error(text)
	case protoreflect.BytesKind:
		return bytesOf(text)
	case protoreflect.BoolKind:
		switch text {
		case "true", "false":
			return protoreflect.ValueOfBool(text == "true"), nil
		}
		return protoreflect.Value{}, errors.New("is neither true nor false")
	case protoreflect.EnumKind:
		return enumOf(f.Enum(), text)
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return floatOf(f.Kind(), text)
	}
	return integerOf(f.Kind(), text)
}

func integerOf(kind protoreflect.Kind, text string) (protoreflect.Value, error) {
	var v protoreflect.Value
	var err error
	switch kind {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		var n int64
		n, err = strconv.ParseInt(text, 10, 32)
		v = protoreflect.ValueOfInt32(int32(n))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		var n int64
		n, err = strconv.ParseInt(text, 10, 64)
		v = protoreflect.ValueOfInt64(n)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		var n uint64
		n, err = strconv.ParseUint(text, 10, 32)
		v = protoreflect.ValueOfUint32(uint32(n))
	default:
		var n uint64
		n, err = strconv.ParseUint(text, 10, 64)
		v = protoreflect.ValueOfUint64(n)
	}
	if err != nil {
		return v, fmt.Errorf("is no whole number of type %v", kind)
	}
	return v, nil
}

func floatOf(kind protoreflect.Kind, text string) (protoreflect.Value, error) {
	bits := 64
	if kind == protoreflect.FloatKind {
		bits = 32
	}
	n, err := strconv.ParseFloat(text, bits)
	if named := strings.TrimLeft(text, "+-"); err == nil && (math.IsInf(n, 0) || math.IsNaN(n) || strings.ContainsAny(named, "xX_")) {
		n, err = namedFloat(text)
	}
	if err != nil {
		return protoreflect.Value{}, errors.New("is no number")
	}
	if bits == 32 {
		return protoreflect.ValueOfFloat32(float32(n)), nil
	}
	return protoreflect.ValueOfFloat64(n), nil
}

// namedFloat takes the three names of ProtoJSON, and not the many of Go.
func namedFloat(text string) (float64, error) {
	switch text {
	case "NaN":
		return math.NaN(), nil
	case "Infinity":
		return math.Inf(1), nil
	case "-Infinity":
		return math.Inf(-1), nil
	}
	return 0, strconv.ErrSyntax
}

// enumOf takes a name or a number that the enum has.
func enumOf(enum protoreflect.EnumDescriptor, text string) (protoreflect.Value, error) {
	v := enum.Values().ByName(protoreflect.Name(text))
	if v == nil {
		if n, err := strconv.ParseInt(text, 10, 32); err == nil {
			v = enum.Values().ByNumber(protoreflect.EnumNumber(n))
		}
	}
	if v == nil {
		return protoreflect.Value{}, fmt.Errorf("is no value of %s", enum.Name())
	}
	return protoreflect.ValueOfEnum(v.Number()), nil
}

// bytesOf takes base64 in either alphabet, with or without padding.
func bytesOf(text string) (protoreflect.Value, error) {
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(text, "-_") {
		encoding = base64.RawURLEncoding
	}
	b, err := encoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return protoreflect.Value{}, errors.New("is not base64")
	}
	return protoreflect.ValueOfBytes(b), nil
}

func utf8Error(text string) error {
	if strings.ToValidUTF8(text, "") != text {
		return errors.New("is not UTF-8")
	}
	return nil
}
