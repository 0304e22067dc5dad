package routing

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Pattern is the path of a route, compiled. It is immutable.
type Pattern struct {
	text     string
	segments []segment
	names    []string
}

type segment struct {
	kind    segmentKind
	literal string
}

// segmentKind is in order of precedence.
type segmentKind uint8

const (
	literal segmentKind = iota
	param
	wildcard
)

// ParsePattern compiles a pattern such as "/books/{id}" or "/orders/*".
func ParsePattern(text string) (*Pattern, error) {
	if text == "" || text[0] != '/' {
		return nil, fmt.Errorf(`pattern %q does not begin with "/"`, text)
	}
	p := &Pattern{text: text}
	parts := strings.Split(text[1:], "/")
	for i, part := range parts {
		if err := p.add(part, i == len(parts)-1); err != nil {
			return nil, fmt.Errorf("pattern %q: %w", text, err)
		}
	}
	return p, nil
}

func (p *Pattern) add(part string, last bool) error {
	name, isParam := strings.CutPrefix(part, "{")
	switch {
	case part == "*" && last:
		p.segments = append(p.segments, segment{kind: wildcard})
		p.names = append(p.names, "*")
	case part == "*":
		return errors.New(`"*" may only be the last segment`)
	case isParam:
		name, closed := strings.CutSuffix(name, "}")
		if !closed || !identifier(name) {
			return fmt.Errorf(`%q is not "{name}" with a name of letters, digits and "_"`, part)
		}
		if slices.Contains(p.names, name) {
			return fmt.Errorf("the parameter {%s} stands in it twice", name)
		}
		p.segments = append(p.segments, segment{kind: param})
		p.names = append(p.names, name)
	case strings.ContainsAny(part, "{}*"):
		return fmt.Errorf(`%q mixes text with a parameter or wildcard; each must be a whole segment`, part)
	default:
		return p.addLiteral(part, last)
	}
	return nil
}

// addLiteral takes only what a canonical path can hold: anything else would
// never match, which is worse than a fault.
func (p *Pattern) addLiteral(part string, last bool) error {
	if part == "" && !last {
		return ErrEmptySegment
	}
	if _, err := Canonical("/" + part); err != nil || strings.Contains(part, "%") {
		return fmt.Errorf("%q can stand in no path (patterns are written decoded)", part)
	}
	p.segments = append(p.segments, segment{literal: part})
	return nil
}

func identifier(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// String is the pattern as it was written.
func (p *Pattern) String() string { return p.text }

// Names are the pattern's parameters from left to right; the wildcard's is "*".
func (p *Pattern) Names() []string { return p.names }

// Match reports whether the canonical path matches, and appends to values what
// the parameters stand for, in the order of [Pattern.Names].
func (p *Pattern) Match(path string, values []string) ([]string, bool) {
	if len(p.names) == 0 {
		return values, path == p.text
	}
	found := values
	for _, s := range p.segments {
		if path == "" || path[0] != '/' {
			return values, false
		}
		path = path[1:]
		if s.kind == wildcard {
			return append(found, path), true
		}
		end := strings.IndexByte(path, '/')
		if end < 0 {
			end = len(path)
		}
		switch {
		case s.kind == literal && path[:end] != s.literal, s.kind == param && end == 0:
			return values, false
		case s.kind == param:
			found = append(found, path[:end])
		}
		path = path[end:]
	}
	if path != "" {
		return values, false
	}
	return found, true
}

// matches is Match for those who do not need the values.
func (p *Pattern) matches(path string) bool {
	var room [8]string
	_, ok := p.Match(path, room[:0])
	return ok
}

// shape is the pattern without the names of its parameters: patterns of one
// shape match the same paths.
func (p *Pattern) shape() string {
	var b strings.Builder
	for _, s := range p.segments {
		b.WriteByte('/')
		b.WriteString([...]string{literal: s.literal, param: "{}", wildcard: "*"}[s.kind])
	}
	return b.String()
}

// compare orders patterns by precedence. Literals that differ never match the
// same path, so their order is only there to make it total.
func (p *Pattern) compare(q *Pattern) int {
	return slices.CompareFunc(p.segments, q.segments, func(a, b segment) int {
		if a.kind != b.kind {
			return int(a.kind) - int(b.kind)
		}
		return strings.Compare(a.literal, b.literal)
	})
}

// mayShare reports whether some path could match both patterns. It says yes too
// often rather than too seldom, also where only an empty last segment tells them
// apart: routers disagree there, and whoever asks matches the path again.
func (p *Pattern) mayShare(q *Pattern) bool {
	for i := range min(len(p.segments), len(q.segments)) {
		a, b := p.segments[i], q.segments[i]
		if a.kind == wildcard || b.kind == wildcard {
			return true
		}
		differ := a.kind == literal && b.kind == literal && a.literal != b.literal
		if differ && a.literal != "" && b.literal != "" {
			return false
		}
	}
	longer, n := p.segments, len(q.segments)
	if len(p.segments) < len(q.segments) {
		longer, n = q.segments, len(p.segments)
	}
	rest := longer[n:]
	return len(rest) == 0 || len(rest) == 1 && (rest[0].kind == wildcard || rest[0] == segment{})
}
