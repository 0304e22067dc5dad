package transcoding

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/triptych-bff/triptych/shared/routing"
)

// A template is a compiled path template (google/api/http.proto):
//
//	Template  = "/" Segments [ ":" Literal ] ;
//	Segments  = Segment { "/" Segment } ;
//	Segment   = "*" | "**" | Literal | Variable ;
//	Variable  = "{" FieldPath [ "=" Segments ] "}" ;
//	FieldPath = Ident { "." Ident } ;
//
// "*" is one segment that is not empty, "**" any number of segments at the end.
// It is matched against canonical, decoded paths, so a literal is written decoded.
type template struct {
	text     string
	segments []segment
	verb     string
	fields   []capture
}

type segment struct {
	kind    segmentKind
	literal string
}

// segmentKind is in order of precedence.
type segmentKind uint8

const (
	literal segmentKind = iota
	star
	doubleStar
)

// A capture is a field that takes the text of some segments.
type capture struct {
	path       string // of the field: "book.id"
	start, end int    // segments[start:end]
}

// maxSegments bounds a template, so that a match needs no allocation of its own.
const maxSegments = 32

func parseTemplate(text string) (*template, error) {
	rest, ok := strings.CutPrefix(text, "/")
	if !ok {
		return nil, fmt.Errorf(`template %q does not begin with "/"`, text)
	}
	p := &parser{rest: rest, template: &template{text: text}}
	if err := p.parse(); err != nil {
		return nil, fmt.Errorf("template %q: %w", text, err)
	}
	return p.template, nil
}

// parser is a reader by recursive descent; rest is what it has not read.
type parser struct {
	rest string
	*template
}

func (p *parser) parse() error {
	if err := p.parseSegments(false); err != nil {
		return err
	}
	if verb, ok := p.cut(':'); ok {
		p.rest = verb
		p.verb = p.word()
		if !canStandInPath(p.verb) {
			return fmt.Errorf("%q is no verb", p.verb)
		}
	}
	switch {
	case p.rest != "":
		return fmt.Errorf("%q is unexpected", p.rest)
	case len(p.segments) > maxSegments:
		return fmt.Errorf("it has more than %d segments", maxSegments)
	}
	return p.check()
}

// cut reads one byte if it is next.
func (p *parser) cut(c byte) (rest string, ok bool) {
	if p.rest == "" || p.rest[0] != c {
		return p.rest, false
	}
	return p.rest[1:], true
}

func (p *parser) parseSegments(inside bool) error {
	for {
		if err := p.parseSegment(inside); err != nil {
			return err
		}
		rest, more := p.cut('/')
		if !more {
			return nil
		}
		p.rest = rest
	}
}

func (p *parser) parseSegment(inside bool) error {
	if rest, ok := p.cut('{'); ok {
		if inside {
			return errors.New("a variable stands in a variable")
		}
		p.rest = rest
		return p.parseVariable()
	}
	switch word := p.word(); {
	case word == "*":
		p.segments = append(p.segments, segment{kind: star})
	case word == "**":
		p.segments = append(p.segments, segment{kind: doubleStar})
	case canStandInPath(word):
		p.segments = append(p.segments, segment{literal: word})
	default:
		return fmt.Errorf("%q is no segment", word)
	}
	return nil
}

func (p *parser) parseVariable() error {
	name := p.word()
	before, pattern, hasPattern := strings.Cut(name, "=")
	c := capture{path: before, start: len(p.segments)}
	if !fieldPath(before) {
		return fmt.Errorf("%q is no field", before)
	}
	if slices.ContainsFunc(p.fields, func(o capture) bool { return overlap(o.path, before) }) {
		return fmt.Errorf("the field %q is bound twice", before)
	}
	if hasPattern {
		p.rest = pattern + p.rest
		if err := p.parseSegments(true); err != nil {
			return err
		}
	} else {
		p.segments = append(p.segments, segment{kind: star})
	}
	rest, closed := p.cut('}')
	if !closed {
		return fmt.Errorf("the variable %q has no end", before)
	}
	p.rest, c.end = rest, len(p.segments)
	p.fields = append(p.fields, c)
	return nil
}

// word reads up to the next byte that means something in the grammar.
func (p *parser) word() string {
	end := strings.IndexAny(p.rest, "/{}:")
	if end < 0 {
		end = len(p.rest)
	}
	word := p.rest[:end]
	p.rest = p.rest[end:]
	return word
}

func (p *parser) check() error {
	for i, s := range p.segments {
		if s.kind == doubleStar && i < len(p.segments)-1 {
			return errors.New(`"**" may only be the last segment`)
		}
	}
	return nil
}

// canStandInPath reports whether a canonical path can have the segment, and the
// grammar as a literal.
func canStandInPath(s string) bool {
	path, err := routing.Canonical("/" + s)
	return s != "" && err == nil && path == "/"+s && !strings.ContainsAny(s, "=*")
}

func fieldPath(s string) bool {
	for name := range strings.SplitSeq(s, ".") {
		if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" || name[0] <= '9' {
			return false
		}
	}
	return true
}

// overlap reports whether one field path is the other or a part of it.
func overlap(a, b string) bool {
	return a == b || strings.HasPrefix(a, b+".") || strings.HasPrefix(b, a+".")
}

// match reports whether the canonical path matches, and what each field takes.
func (t *template) match(path string) ([]string, bool) {
	if t.verb != "" {
		rest, ok := strings.CutSuffix(path, t.verb)
		if rest, ok = cutLast(rest, ok, ':'); !ok {
			return nil, false
		}
		path = rest
	}
	var starts [maxSegments + 1]int // of each segment in path
	ends, ok := t.walk(path, &starts)
	if !ok {
		return nil, false
	}
	values := make([]string, len(t.fields))
	for i, f := range t.fields {
		values[i] = path[starts[f.start]:ends[f.end-1]]
	}
	return values, true
}

func cutLast(s string, ok bool, c byte) (string, bool) {
	if !ok || s == "" || s[len(s)-1] != c {
		return s, false
	}
	return s[:len(s)-1], true
}

// walk finds where each segment begins and ends.
func (t *template) walk(path string, starts *[maxSegments + 1]int) (ends [maxSegments]int, ok bool) {
	at := 0
	for i, s := range t.segments {
		if at >= len(path) || path[at] != '/' {
			return ends, false
		}
		at++
		starts[i] = at
		if s.kind == doubleStar {
			ends[i] = len(path)
			return ends, true
		}
		if slash := strings.IndexByte(path[at:], '/'); slash >= 0 {
			at += slash
		} else {
			at = len(path)
		}
		ends[i] = at
		if text := path[starts[i]:at]; text == "" || s.kind == literal && text != s.literal {
			return ends, false
		}
	}
	return ends, at == len(path)
}

// compare orders templates by precedence: at the first segment in which they
// differ, a literal before "*" before "**"; and with a verb before without.
func (t *template) compare(u *template) int {
	return cmp.Or(
		slices.CompareFunc(t.segments, u.segments, func(a, b segment) int {
			return cmp.Or(int(a.kind)-int(b.kind), strings.Compare(a.literal, b.literal))
		}),
		-strings.Compare(t.verb, u.verb),
	)
}
