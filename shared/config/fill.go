package config

import (
	"errors"
	"fmt"
	"reflect"
)

// fill reads the value that won everywhere, inner places first.
func (l *load) fill(it *item) {
	for _, c := range it.children {
		l.fill(c)
		if _, known := l.doc.places[it.key]; !known && c.given {
			l.doc.places[it.key] = l.doc.place(c.key) // only a variable or --set names it
		}
		it.given = it.given || c.given
	}
	exists := it.given
	switch it.schema.kind {
	case single, scalars:
		exists = l.fillValue(it)
	case mapping:
		it.fillMapping()
	case secret:
		l.fillSecret(it)
	}
	if it.schema.optional && exists {
		it.slot.Set(it.value.Addr())
	}
}

// fillValue asks the layers, and tells whether any of them has a value.
func (l *load) fillValue(it *item) bool {
	won, v := l.layers.winner(it.key)
	if v != nil {
		at := place{layer: byEnvironment, file: v.name}
		node, err := written(it.schema, v.text)
		if err != nil {
			l.fault(at, it.key, err.Error())
			return false
		}
		won = &setting{at, node}
	}
	if won == nil {
		return it.given
	}
	it.layer = won.layer
	if won.layer > byDefault {
		it.given = true
		l.doc.places[it.key] = won.place
	}
	l.readValue(it, won)
	return true
}

func (l *load) readValue(it *item, won *setting) {
	if won.layer == byDocument {
		for i, c := range won.node.Content {
			l.doc.places[element(it.key, i)] = l.at(c)
		}
	}
	it.schema.read(it.value, won.node, func(i int, err error) {
		key := it.key
		if i >= 0 {
			key = element(key, i)
		}
		l.fault(l.doc.place(key), key, err.Error())
	})
}

// fillMapping makes a map only where one was written: {} is empty, nothing is nil.
func (it *item) fillMapping() {
	if !it.given {
		return
	}
	m := reflect.MakeMapWithSize(it.schema.typ, len(it.children))
	for _, c := range it.children {
		m.SetMapIndex(reflect.ValueOf(c.name).Convert(it.schema.typ.Key()), c.slot)
	}
	it.value.Set(m)
}

// fillSecret follows the reference. A reference of a higher layer replaces one
// of the other form below it.
func (l *load) fillSecret(it *item) {
	file, env := it.children[0], it.children[1]
	l.used[env.value.String()] = true // also when a file replaces it
	ref := file
	switch {
	case !file.given && !env.given:
		if it.given {
			l.invalid(it.key, "expected "+it.schema.expect())
		}
		return
	case file.given && env.given && file.layer == env.layer:
		l.fault(l.doc.place(it.key), it.key, "has both file and env; keep one")
		return
	case !file.given, env.given && env.layer > file.layer:
		ref = env
	}
	if l.faulty[ref.key] {
		return
	}
	s, err := l.follow(ref.field.name, ref.value.String())
	if err != nil {
		l.fault(l.doc.place(ref.key), ref.key, err.Error())
		return
	}
	it.value.Set(reflect.ValueOf(s))
}

func (l *load) follow(form, where string) (Secret, error) {
	if form == "file" {
		path := in(l.src.Dir, where)
		l.doc.files = append(l.doc.files, path)
		return readSecret(path)
	}
	if !isVariableName(where) { // perhaps the secret itself, so it is not repeated
		return Secret{}, errors.New("expected the name of an environment variable, of upper-case letters, digits and _")
	}
	text, ok := l.environ[where]
	if !ok {
		return Secret{}, fmt.Errorf("the environment variable %s is not set", where)
	}
	return trimSecret(text)
}

func isVariableName(s string) bool {
	return s != "" && (s[0] < '0' || s[0] > '9') && variableName(s) == s
}

// require reports keys that must be given, wherever their section exists.
func (l *load) require(it *item) {
	if it.absent() {
		return
	}
	for _, c := range it.children {
		if c.field != nil && c.field.required {
			l.requireItem(c)
		}
		l.require(c)
	}
}

func (l *load) requireItem(it *item) {
	switch {
	case !it.given && !l.misspelt[it.key]:
		l.invalid(it.key, "is required")
	case it.given && it.empty():
		l.invalid(it.key, "is required, and must not be empty")
	}
}

// absent tells whether the place is behind a pointer that stays nil.
func (it *item) absent() bool { return it.schema.optional && !it.given }

func (it *item) empty() bool {
	switch it.value.Kind() {
	case reflect.String, reflect.Slice, reflect.Map:
		return it.value.Len() == 0
	}
	return false
}

// validate asks the validators, inner structs first.
func (l *load) validate(it *item) {
	if it.absent() {
		return
	}
	for _, c := range it.children {
		l.validate(c)
	}
	if it.schema.kind != section {
		return
	}
	for _, index := range it.schema.embedded {
		l.ask(it.value.FieldByIndex(index), it.key)
	}
	l.ask(it.value, it.key)
}

func (l *load) ask(v reflect.Value, key string) {
	if !v.Addr().CanInterface() {
		return // an unexported embedded struct, which is no Validator
	}
	if validator, ok := v.Addr().Interface().(Validator); ok {
		validator.Validate(&Check{l, key})
	}
}
