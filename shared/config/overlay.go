package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/triptych-bff/triptych/shared/internal/suggest"
)

// environment is a list of NAME=value as a map; the last of a name counts, as
// for os/exec.
func environment(environ []string) map[string]string {
	m := make(map[string]string, len(environ))
	for _, e := range environ {
		if name, value, ok := strings.Cut(e, "="); ok {
			m[name] = value
		}
	}
	return m
}

// variableName is a name as it stands in the name of a variable.
func variableName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, name)
}

// applyEnvironment hands every variable that names a value to the layers, and
// keeps the others: one of them may still be where a secret is.
func (l *load) applyEnvironment() {
	if l.src.EnvPrefix == "" {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(l.environ)) {
		if !strings.HasPrefix(name, l.src.EnvPrefix+"_") {
			continue
		}
		values := l.leaves(name)
		switch len(values) {
		case 0:
			l.strays = append(l.strays, name)
		case 1:
			l.layers.setEnvironment(values[0].key, &variable{name, l.environ[name]})
		default:
			l.fault(place{layer: byEnvironment, file: name}, "", fmt.Sprintf("means both %s and %s; use --set or the document", values[0].key, values[1].key))
		}
	}
}

func (l *load) leaves(variable string) []*item {
	var leaves []*item
	for _, it := range l.byVariable[variable] {
		if it.schema.leaf() {
			leaves = append(leaves, it)
		}
	}
	slices.SortFunc(leaves, func(a, b *item) int { return strings.Compare(a.key, b.key) })
	return leaves
}

// reportStrays runs when it is known which variables hold secrets.
func (l *load) reportStrays() {
	candidates := l.valueVariables()
	for _, name := range l.strays {
		if !l.used[name] {
			l.fault(place{layer: byEnvironment, file: name}, "", l.stray(name, candidates))
		}
	}
}

// stray says why a variable matches no value, and which one was meant.
func (l *load) stray(name string, candidates []string) string {
	if its := l.byVariable[name]; len(its) > 0 {
		return its[0].key + " " + notAValue(its[0].schema, "_")
	}
	if isServiceLink(name, l.environ[name]) {
		return "matches no key; Kubernetes sets it for a Service of that name: set enableServiceLinks: false for the pod"
	}
	guess := suggest.Tail(name, candidates)
	switch it := l.around(name); {
	case it == nil:
		return "matches no key" + guess
	case it.schema.kind == list:
		return "matches no key; elements of " + it.key + " are set in the document"
	case it.schema.kind == scalars:
		return "matches no key; " + it.key + " is set as a whole"
	case it.schema.kind == mapping:
		return "matches no key; a new entry of " + it.key + " is made in the document or with --set" + guess
	}
	return "matches no key" + guess
}

// valueVariables are the variables that would match a value, sorted.
func (l *load) valueVariables() []string {
	if len(l.strays) == 0 {
		return nil
	}
	var names []string
	for name := range l.byVariable {
		if len(l.leaves(name)) > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// around is the innermost item that a variable's name points into, or nil.
func (l *load) around(name string) *item {
	for i := strings.LastIndexByte(name, '_'); i > 0; i = strings.LastIndexByte(name[:i], '_') {
		if its := l.byVariable[name[:i]]; len(its) > 0 {
			return its[0]
		}
	}
	return nil
}

// isServiceLink recognises the variables that Kubernetes puts into every pod for
// the Services of its namespace, such as BFF_SERVICE_HOST and BFF_PORT.
func isServiceLink(name, value string) bool {
	return strings.HasSuffix(name, "_SERVICE_HOST") || strings.Contains(name, "_SERVICE_PORT") ||
		strings.Contains(name, "_PORT_") || strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://")
}

// notAValue says what to set where a section, mapping, list or secret cannot be
// set as a whole. The separator is how the next part of the name is joined.
func notAValue(s *schema, separator string) string {
	switch s.kind {
	case secret:
		file, env := "file", "env"
		if separator == "_" {
			file, env = "FILE", "ENV"
		}
		return fmt.Sprintf("is a secret; say where it is with …%s%s or …%s%s", separator, file, separator, env)
	case list:
		return "is a list of more than single values; it is set in the document"
	}
	return "is a mapping; set one of its keys"
}

// An assignment is one --set.
type assignment struct {
	path []step
	text string
}

func (a assignment) key() string { return a.path[len(a.path)-1].key }

func (l *load) readSets() {
	for _, set := range l.src.Set {
		path, rest, err := steps(set)
		if err != nil || !strings.HasPrefix(rest, "=") {
			if before, _, ok := strings.Cut(set, "="); ok {
				set = before + "=…" // the value may be no business of a log
			}
			l.fault(place{layer: byCommand, file: command}, "", "expected key=value such as upstreams.users.timeout=150ms, not "+excerpt(set))
			continue
		}
		l.assignments = append(l.assignments, assignment{path, rest[1:]})
	}
}

// named are the names that --set uses in the mapping at a key.
func (l *load) named(key string) []string {
	var names []string
	for _, a := range l.assignments {
		around := ""
		for _, s := range a.path {
			if around == key && !s.position && s.name != "" {
				names = append(names, s.name)
				break
			}
			around = s.key
		}
	}
	return names
}

func (l *load) applySets() {
	for _, a := range l.assignments {
		it, ok := l.items[a.key()]
		if !ok || !it.schema.leaf() || slices.ContainsFunc(a.path, func(s step) bool { return s.position }) {
			l.fault(place{layer: byCommand, file: command}, a.key(), l.unsettable(a))
			continue
		}
		node, err := written(it.schema, a.text)
		if err != nil {
			l.fault(place{layer: byCommand, file: command}, a.key(), err.Error())
			continue
		}
		l.layers.setCommand(it.key, node)
	}
}

// unsettable says why a --set cannot be: at the first step that is not there, or
// at the end.
func (l *load) unsettable(a assignment) string {
	around := l.items[""]
	for _, s := range a.path {
		if s.position || around.schema.kind == list {
			return "elements of a list cannot be set one by one"
		}
		next, ok := l.items[s.key]
		switch {
		case ok:
			around = next
		case around.schema.leaf():
			return around.key + " is a single value, with no keys below"
		default:
			return unknown(s.name, around.schema.names())
		}
	}
	return notAValue(around.schema, ".")
}
