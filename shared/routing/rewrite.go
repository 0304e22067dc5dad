package routing

import (
	"fmt"
	"strings"
)

// A Rewrite says which path the service behind a route sees. The two prefixes
// together replace one by the other. The zero value changes nothing.
type Rewrite struct {
	StripPrefix string `config:"strip_prefix" doc:"Prefix that is taken off the path: with /api the service sees /books for /api/books."`
	AddPrefix   string `config:"add_prefix" doc:"Prefix that is put in front of the path, after strip_prefix."`
}

// Apply is the canonical path that the service sees for a canonical path. A
// prefix counts in whole segments; a path without it keeps what it has.
func (r Rewrite) Apply(path string) string {
	if rest, ok := strings.CutPrefix(path, r.StripPrefix); ok && (rest == "" || rest[0] == '/') {
		path = rest
	}
	if r.AddPrefix != "" {
		path = r.AddPrefix + path
	}
	if path == "" {
		return "/"
	}
	return path
}

// Check says what is wrong with the prefixes: each is empty, or a canonical path
// of whole segments, without a slash at the end.
func (r Rewrite) Check() error {
	if err := checkPrefix("strip_prefix", r.StripPrefix); err != nil {
		return err
	}
	return checkPrefix("add_prefix", r.AddPrefix)
}

// Fits says why the rewrite cannot belong to a route of this pattern: a prefix
// that the pattern does not begin with would never be taken off.
func (r Rewrite) Fits(p *Pattern) error {
	rest, ok := strings.CutPrefix(p.text, r.StripPrefix)
	if !ok || rest != "" && rest[0] != '/' {
		return fmt.Errorf("strip_prefix %q is not where the path %q begins", r.StripPrefix, p.text)
	}
	return nil
}

func checkPrefix(key, prefix string) error {
	if prefix == "" {
		return nil
	}
	path, err := Canonical(prefix)
	switch {
	case err != nil:
		return fmt.Errorf("%s %q: %w", key, prefix, err)
	case path != prefix:
		return fmt.Errorf("%s %q has escapes; prefixes are written decoded", key, prefix)
	case strings.HasSuffix(prefix, "/"):
		return fmt.Errorf("%s %q must not end in a slash", key, prefix)
	}
	return nil
}
