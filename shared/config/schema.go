package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// A kind is what a place in the configuration holds.
type kind uint8

const (
	section kind = iota // a struct: known keys
	mapping             // a map: keys that are names
	list                // a list of sections, mappings, lists or secrets
	scalars             // a list of single values; one value to the layers
	single              // a single value
	secret              // a reference to a secret
)

// A schema is what a Go type says about a place in the configuration.
type schema struct {
	kind     kind
	typ      reflect.Type // without the pointer
	optional bool         // *typ: nil until something is set
	fields   []field      // of a section or secret
	embedded [][]int      // of a section: the structs it inlines, inner first
	elem     *schema      // of a mapping or list
	scalar   *scalar      // of a single value or of each in a list of them
}

// A field is one key of a section.
type field struct {
	name     string
	index    []int
	schema   *schema
	required bool
	byTag    bool // there is a default
	initial  string
	doc      string
}

// leaf tells whether the place is one value to the layers.
func (s *schema) leaf() bool { return s.kind == single || s.kind == scalars }

func (s *schema) names() []string {
	names := make([]string, len(s.fields))
	for i, f := range s.fields {
		names[i] = f.name
	}
	return names
}

// expect says what the document should hold at such a place.
func (s *schema) expect() string {
	switch s.kind {
	case section:
		return "a mapping with keys such as " + strings.Join(s.names()[:min(3, len(s.fields))], ", ")
	case mapping:
		return "a mapping of names to values"
	case list:
		return "a list, an item a line with a dash before it"
	case scalars:
		return "a list such as [a, b]"
	case secret:
		return "{file: path} or {env: NAME}"
	default:
		return s.scalar.expect
	}
}

// compile reads a struct type. The types that it is inside of show recursion.
func compile(t reflect.Type, inside ...reflect.Type) *schema {
	if t.Kind() == reflect.Pointer {
		s := *compile(t.Elem(), inside...)
		if s.optional {
			misuse(t, "is a pointer to a pointer")
		}
		s.optional = true
		return &s
	}
	if slices.Contains(inside, t) {
		misuse(t, "contains itself")
	}
	inside = append(slices.Clip(inside), t)
	switch {
	case t == secretType:
		text := &schema{kind: single, typ: stringType, scalar: scalarOf(stringType)}
		return &schema{kind: secret, typ: t, fields: []field{{name: "file", schema: text}, {name: "env", schema: text}}}
	case scalarOf(t) != nil:
		return &schema{kind: single, typ: t, scalar: scalarOf(t)}
	case t.Kind() == reflect.Struct:
		s := &schema{kind: section, typ: t}
		s.inline(t, nil, inside)
		return s
	case t.Kind() == reflect.Map && t.Key().Kind() == reflect.String:
		return &schema{kind: mapping, typ: t, elem: compile(t.Elem(), inside...)}
	case t.Kind() == reflect.Slice:
		return compileList(t, inside)
	}
	misuse(t, "cannot be configured")
	return nil
}

func compileList(t reflect.Type, inside []reflect.Type) *schema {
	elem := compile(t.Elem(), inside...)
	if elem.kind == single && !elem.optional {
		return &schema{kind: scalars, typ: t, scalar: elem.scalar}
	}
	return &schema{kind: list, typ: t, elem: elem}
}

// inline adds the fields of a struct and of those that it embeds without a tag.
func (s *schema) inline(t reflect.Type, index []int, inside []reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(slices.Clip(index), i)
		tag, tagged := f.Tag.Lookup("config")
		switch {
		case tagged && tag != "-":
			s.add(t, f, tag, at, inside)
		case !tagged && f.Anonymous && f.Type.Kind() == reflect.Struct:
			if !f.IsExported() && reflect.PointerTo(f.Type).Implements(validatorType) {
				misuse(t, "embeds %s, whose Validate could not be called; export it", f.Name)
			}
			s.inline(f.Type, at, inside)
			s.embedded = append(s.embedded, at)
		}
	}
}

func (s *schema) add(t reflect.Type, f reflect.StructField, name string, index []int, inside []reflect.Type) {
	if !f.IsExported() || !fieldName(name) {
		misuse(t, "field %s: config:%q needs an exported field and a name of lower-case letters, digits, - and _", f.Name, name)
	}
	if slices.Contains(s.names(), name) {
		misuse(t, "field %s: the key %q is taken", f.Name, name)
	}
	initial, byTag := f.Tag.Lookup("default")
	added := field{
		name: name, index: index, schema: compile(f.Type, inside...), required: f.Tag.Get("required") == "true",
		byTag: byTag, initial: initial, doc: f.Tag.Get("doc"),
	}
	if err := added.checkDefault(); err != nil {
		misuse(t, "field %s: default %q: %v", f.Name, initial, err)
	}
	s.fields = append(s.fields, added)
}

func (f field) checkDefault() error {
	switch {
	case !f.byTag:
		return nil
	case !f.schema.leaf() || f.required:
		return fmt.Errorf("only a single value or a list of them that is not required has a default")
	}
	node, err := written(f.schema, f.initial)
	if err != nil {
		return err
	}
	f.schema.read(reflect.New(f.schema.typ).Elem(), node, func(_ int, fault error) { err = fault })
	return err
}

func fieldName(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}

// misuse reports a struct type that cannot be configured: a fault of the program.
func misuse(t reflect.Type, format string, args ...any) {
	panic(fmt.Sprintf("config: %v: ", t) + fmt.Sprintf(format, args...))
}
