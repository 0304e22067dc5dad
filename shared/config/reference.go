package config

import (
	"fmt"
	"strings"
)

// A Field is one line of the configuration reference.
type Field struct {
	Key      string // with placeholders: "upstreams.<name>.url", "routes[].path"
	Type     string // in words
	Default  string // as it would be written; "" for none
	Doc      string
	Required bool
}

// Reference lists every key of a configuration, dst being a pointer to its
// struct, in the order of the fields.
func Reference(dst any) []Field {
	return reference(nil, "", compile(structOf(dst).Type()))
}

func reference(fields []Field, key string, s *schema) []Field {
	switch s.kind {
	case section:
		for _, f := range s.fields {
			at := within(key, f.name)
			fields = append(fields, Field{at, words(f.schema), f.initial, f.doc, f.required})
			fields = reference(fields, at, f.schema)
		}
	case mapping:
		return reference(fields, key+".<name>", s.elem)
	case list:
		return reference(fields, key+"[]", s.elem)
	}
	return fields
}

// words says in words what a place holds.
func words(s *schema) string {
	switch s.kind {
	case section:
		return "mapping"
	case mapping:
		return s.elem.each("mapping of names to ")
	case list:
		return s.elem.each("list of ")
	case scalars:
		return "list of " + s.scalar.word
	case secret:
		return "secret, " + s.expect()
	default:
		return s.scalar.word
	}
}

func (s *schema) each(of string) string {
	if s.kind == section {
		return of + "mappings"
	}
	return of + words(s)
}

// Markdown writes fields as a table.
func Markdown(fields []Field) string {
	var b strings.Builder
	b.WriteString("| Key | Type | Default | Meaning |\n|---|---|---|---|\n")
	for _, f := range fields {
		initial := ""
		switch {
		case f.Required:
			initial = "required"
		case f.Default != "":
			initial = "`" + f.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Key, cell(f.Type), cell(initial), cell(f.Doc))
	}
	return b.String()
}

// cell keeps a text inside its cell.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(text)
}
