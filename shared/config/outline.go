package config

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/triptych-bff/triptych/shared/internal/suggest"
)

// An item is one place of this configuration: what the schema says of it, what
// the document has there, and where its value goes.
type item struct {
	key, env string // env is the variable's name; "" inside lists, which no variable reaches
	name     string // of an entry, in its mapping
	schema   *schema
	field    *field // of a key in a section
	node     *yaml.Node
	place    place
	slot     reflect.Value // in the parent: the value, or the pointer to it
	value    reflect.Value
	children []*item
	given    bool  // something above the defaults is set here or below
	layer    layer // of a single value: who won
}

// outline lays the schema over the document, and reports what does not fit. The
// values of the document are collected, and not yet read: another layer may win.
func (l *load) outline(it *item) {
	l.items[it.key] = it
	if it.env != "" && it.key != "" {
		l.byVariable[it.env] = append(l.byVariable[it.env], it)
	}
	l.fit(it)
	switch it.schema.kind {
	case section, secret:
		l.outlineSection(it)
	case mapping:
		l.outlineMapping(it)
	case list:
		l.outlineList(it)
	default:
		l.outlineValue(it)
	}
}

// fit drops a node of the wrong shape, after saying what is expected.
func (l *load) fit(it *item) {
	if it.node == nil {
		return
	}
	l.doc.places[it.key] = it.place
	it.given = true
	want := map[kind]yaml.Kind{single: yaml.ScalarNode, scalars: yaml.SequenceNode, list: yaml.SequenceNode}[it.schema.kind]
	if want == 0 {
		want = yaml.MappingNode
	}
	switch {
	case isNull(it.node):
		l.fault(it.place, it.key, noValue(it.schema))
	case it.node.Kind == want:
		return
	case it.schema.kind == secret:
		l.fault(it.place, it.key, "a secret is not written here; say where it is with "+it.schema.expect())
	default:
		l.fault(it.place, it.key, fmt.Sprintf("expected %s, not %s", it.schema.expect(), shape(it.node)))
	}
	it.node = nil
}

func noValue(s *schema) string {
	const message = "has no value; "
	switch s.kind {
	case section, mapping:
		return message + "write {} for an empty mapping, or remove the key"
	case list, scalars:
		return message + "write [] for an empty list, or remove the key"
	}
	if s.kind == single && s.typ.Kind() == reflect.String {
		return message + `write "" for an empty text, or remove the key`
	}
	return message + "expected " + s.expect() + "; or remove the key"
}

func (l *load) outlineSection(it *item) {
	entries := l.entries(it)
	names := it.schema.names()
	for i := range it.schema.fields {
		f := &it.schema.fields[i]
		slot := reflect.New(f.schema.typ).Elem() // of a secret: a reference, which is no field
		if it.schema.kind == section {
			slot = it.value.FieldByIndex(f.index)
			slot.SetZero()
		}
		c := it.child(f.name, f.schema, slot)
		c.field = f
		if e, ok := entries[f.name]; ok {
			c.stand(l.name, e)
			delete(entries, f.name)
		}
		l.outline(c)
	}
	for name, e := range entries {
		l.misspelt[child(it.key, suggest.Nearest(name, names))] = true
		l.fault(l.at(e.key), child(it.key, name), unknown(name, names))
	}
}

func (l *load) outlineMapping(it *item) {
	entries := l.entries(it)
	for _, name := range l.named(it.key) {
		if _, ok := entries[name]; !ok {
			entries[name] = entry{}
		}
	}
	for name, e := range entries {
		c := it.child(name, it.schema.elem, reflect.New(it.schema.typ.Elem()).Elem())
		c.name, c.given = name, true
		c.stand(l.name, e)
		l.outline(c)
	}
}

func (l *load) outlineList(it *item) {
	if it.node == nil {
		return
	}
	n := len(it.node.Content)
	it.value.Set(reflect.MakeSlice(it.schema.typ, n, n))
	for i, node := range it.node.Content {
		c := it.child("", it.schema.elem, it.value.Index(i))
		c.key, c.env, c.given = element(it.key, i), "", true
		c.stand(l.name, entry{key: node, value: node})
		l.outline(c)
	}
}

func (l *load) outlineValue(it *item) {
	if it.field != nil && it.field.byTag {
		initial, _ := written(it.schema, it.field.initial) // checked with the schema
		l.layers.setDefault(it.key, initial)
	}
	if it.node == nil {
		return
	}
	fits := true
	for i, c := range it.node.Content {
		if c.Kind != yaml.ScalarNode || isNull(c) {
			l.fault(l.at(c), element(it.key, i), fmt.Sprintf("expected %s, not %s", it.schema.scalar.expect, shape(c)))
			fits = false
		}
	}
	if fits {
		l.values[it.key] = &setting{it.place, it.node}
	}
}

// child is an item below it that does not stand in the document, as far as known.
func (it *item) child(name string, s *schema, slot reflect.Value) *item {
	c := &item{key: child(it.key, name), schema: s, slot: slot, value: slot}
	if it.env != "" {
		c.env = it.env + "_" + variableName(name)
	}
	if s.optional {
		c.value = reflect.New(s.typ).Elem()
	}
	it.children = append(it.children, c)
	return c
}

// stand says where in the document an item is. Editors jump to the value, or to
// the key when the value begins on a later line or is not there.
func (it *item) stand(file string, e entry) {
	if e.value == nil {
		return
	}
	at := e.key
	if e.value.Kind == yaml.ScalarNode && !isNull(e.value) {
		at = e.value
	}
	it.node, it.place = e.value, place{byDocument, file, at.Line, at.Column}
}

func (l *load) at(n *yaml.Node) place { return place{byDocument, l.name, n.Line, n.Column} }

// An entry is a key and its value in a mapping of the document.
type entry struct{ key, value *yaml.Node }

// entries are those of the item's mapping by name, without the faulty ones.
func (l *load) entries(it *item) map[string]entry {
	entries := make(map[string]entry)
	if it.node == nil {
		return entries
	}
	for i := 0; i+1 < len(it.node.Content); i += 2 {
		e := entry{it.node.Content[i], it.node.Content[i+1]}
		first, twice := entries[e.key.Value]
		switch {
		case !isName(e.key):
			l.fault(l.at(e.key), it.key, "a key is a text without control characters")
		case twice:
			l.fault(l.at(e.key), child(it.key, e.key.Value), fmt.Sprintf("stands twice; the first is in line %d", first.key.Line))
		default:
			entries[e.key.Value] = e
		}
	}
	return entries
}

func isName(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && !isNull(n) && n.Value != "" && strings.IndexFunc(n.Value, unicode.IsControl) < 0
}

func unknown(name string, names []string) string {
	const most = 12
	message := "unknown key" + suggest.Tail(name, names)
	if message == "unknown key" && len(names) > 0 && len(names) <= most {
		message += "; known here: " + strings.Join(names, ", ")
	}
	return message
}
