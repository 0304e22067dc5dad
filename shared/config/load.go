package config

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"
)

// A Source is where a configuration comes from. The zero value has no document,
// no environment and no --set: it yields the defaults.
type Source struct {
	Name      string   // of the document, in faults; "" is "config"
	Data      []byte   // the document, YAML; may be empty
	Dir       string   // what relative paths of secrets start from; "" is the working directory
	EnvPrefix string   // such as "BFF_EXAMPLE", without the last underscore; "" leaves the environment out
	Environ   []string // "NAME=value", as of os.Environ; also where {env: NAME} looks
	Set       []string // "key=value"; of the same key, the last one counts
}

// A Document is what stays of a load: where every key was given.
type Document struct {
	places   map[string]place
	warnings Faults
	files    []string
}

// mostFaults bounds a list of faults to what somebody reads.
const mostFaults = 200

// Load reads a configuration into dst, a pointer to a struct. The error is a
// [Faults] with all that is wrong, and dst is then as it was. Fields without a
// config tag keep their values, all others are set anew.
func Load(dst any, src Source) (*Document, error) {
	target := structOf(dst)
	s := compile(target.Type())
	l := newLoad(src)
	node, flaws := parse(src.Data)
	for _, f := range flaws {
		l.fault(place{layer: byDocument, file: l.name, line: f.line, column: f.column}, "", f.message)
	}
	if len(flaws) > 0 {
		return nil, l.faults()
	}
	root := l.root(s, target, node)
	l.readSets()
	l.outline(root)
	l.layers.setDocument(l.values)
	l.applyEnvironment()
	l.applySets()
	l.fill(root)
	l.reportStrays()
	l.require(root)
	l.validate(root)
	if len(l.found) > 0 {
		return nil, l.faults()
	}
	target.Set(root.value)
	l.doc.warnings = ordered(l.warnings)
	return l.doc, nil
}

func structOf(dst any) reflect.Value {
	v := reflect.ValueOf(dst)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("config: %T is not a pointer to a struct", dst))
	}
	return v.Elem()
}

// Fault is a fault at a key that shows only later, when other parts use the
// value. Its place is that of the value that won or, where the key was not
// given, of the nearest key around it.
func (d *Document) Fault(key, format string, args ...any) Fault {
	return d.place(key).fault(key, fmt.Sprintf(format, args...))
}

// Warnings are what validators found legal but unwise, in the order of [Faults].
func (d *Document) Warnings() Faults { return slices.Clone(d.warnings) }

// Files are the files that secrets were read from.
func (d *Document) Files() []string { return slices.Clone(d.files) }

func (d *Document) place(key string) place {
	if p, ok := d.places[key]; ok {
		return p
	}
	for _, above := range ancestors(key) {
		if p, ok := d.places[above]; ok {
			return p
		}
	}
	return place{}
}

func (p place) fault(key, message string) Fault {
	return Fault{File: p.file, Line: p.line, Column: p.column, Key: key, Message: message}
}

// A finding is a fault and the layer that it is sorted by.
type finding struct {
	Fault
	layer layer
}

// A load is one call of Load at work.
type load struct {
	src    Source
	name   string // of the document
	doc    *Document
	layers *layers

	items       map[string]*item    // by key
	byVariable  map[string][]*item  // by name of the environment variable
	values      map[string]*setting // what the document says, by key
	assignments []assignment
	environ     map[string]string
	strays      []string        // variables with the prefix that match no value
	used        map[string]bool // variables that hold secrets

	found    []finding
	warnings []finding
	faulty   map[string]bool // keys that are at fault
	suspect  map[string]bool // keys with a key directly in them at fault
	misspelt map[string]bool // keys that an unknown one was probably meant to be
}

func newLoad(src Source) *load {
	return &load{
		src:        src,
		name:       cmp.Or(src.Name, "config"),
		doc:        &Document{places: make(map[string]place)},
		layers:     newLayers(),
		items:      make(map[string]*item),
		byVariable: make(map[string][]*item),
		values:     make(map[string]*setting),
		environ:    environment(src.Environ),
		used:       make(map[string]bool),
		faulty:     make(map[string]bool),
		suspect:    make(map[string]bool),
		misspelt:   make(map[string]bool),
	}
}

// root is the item of the whole. It begins as a copy of what is there, so that
// fields without a tag are kept.
func (l *load) root(s *schema, target reflect.Value, n *yaml.Node) *item {
	value := reflect.New(target.Type()).Elem()
	value.Set(target)
	p := place{layer: byDocument, file: l.name}
	if n != nil {
		p.line, p.column = n.Line, n.Column
	}
	l.doc.places[""] = p
	return &item{env: l.src.EnvPrefix, schema: s, node: n, place: p, slot: value, value: value, given: true}
}

// fault reports what is certainly wrong.
func (l *load) fault(p place, key, message string) {
	l.found = append(l.found, finding{p.fault(key, message), p.layer})
	if key != "" {
		l.faulty[key] = true
		l.suspect[ancestors(key)[0]] = true
	}
}

// invalid reports what is wrong with a value that was read, unless it was not
// read: then the value is not what was written, and what it lacks says nothing.
func (l *load) invalid(key, message string) {
	if l.faulty[key] || l.suspect[key] {
		return
	}
	for _, above := range ancestors(key) {
		if l.faulty[above] {
			return
		}
	}
	p := l.doc.place(key)
	l.found = append(l.found, finding{p.fault(key, message), p.layer})
}

func (l *load) warn(key, message string) {
	p := l.doc.place(key)
	l.warnings = append(l.warnings, finding{p.fault(key, message), p.layer})
}

func (l *load) faults() Faults {
	all := ordered(l.found)
	if more := len(all) - mostFaults; more > 0 {
		all = append(all[:mostFaults:mostFaults], Fault{File: l.name, Message: fmt.Sprintf("and %d more faults", more)})
	}
	return all
}

// ordered sorts findings by place and drops what was found twice: the Validate
// of an embedded struct is also one of the struct around it.
func ordered(found []finding) Faults {
	slices.SortStableFunc(found, func(a, b finding) int {
		return cmp.Or(
			cmp.Compare(a.layer, b.layer), cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Key, b.Key), cmp.Compare(a.Message, b.Message),
		)
	})
	found = slices.Compact(found)
	faults := make(Faults, len(found))
	for i, f := range found {
		faults[i] = f.Fault
	}
	return faults
}
