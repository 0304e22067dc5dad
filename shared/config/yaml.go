package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Bounds of a document. They are far above any configuration that a person
// wrote, and keep the work bounded for one that a person did not write.
const (
	largestDocument = 1 * MiB
	mostValues      = 20_000
	deepestLevel    = 32
)

// A flaw is what is wrong with the text itself, before any key is known.
type flaw struct {
	line, column int
	message      string
}

func flawf(line, column int, format string, args ...any) *flaw {
	return &flaw{line, column, fmt.Sprintf(format, args...)}
}

// parse reads one YAML document into its tree. An empty document has no tree.
func parse(data []byte) (*yaml.Node, []*flaw) {
	if f := checkText(data); f != nil {
		return nil, []*flaw{f}
	}
	var doc, second yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, []*flaw{syntax(data, err)}
	}
	if err := decoder.Decode(&second); err == nil {
		return nil, []*flaw{flawf(second.Line, second.Column, "a second document begins here; a configuration is one document")}
	} else if !errors.Is(err, io.EOF) {
		return nil, []*flaw{syntax(data, err)}
	}
	root := doc.Content[0]
	var s survey
	s.visit(root, 0)
	if len(s.flaws) == 0 && isNull(root) {
		return nil, nil
	}
	return root, s.flaws
}

// checkText refuses what no YAML document in UTF-8 holds, with a place that a
// YAML parser does not give.
func checkText(data []byte) *flaw {
	switch {
	case len(data) > int(largestDocument):
		return flawf(0, 0, "the document is larger than %v", largestDocument)
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return flawf(1, 1, "the document begins with a byte order mark; save it as UTF-8 without one")
	case bytes.HasPrefix(data, []byte("\xfe\xff")), bytes.HasPrefix(data, []byte("\xff\xfe")):
		return flawf(1, 1, "the document is UTF-16; save it as UTF-8")
	}
	line, column := 1, 1
	for i := 0; i < len(data); column++ {
		r, n := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			return flawf(line, column, "the document is not UTF-8: byte 0x%02x", data[i])
		case r < ' ' && r != '\t' && r != '\n' && r != '\r', r == 0x7f:
			return flawf(line, column, "control character %U", r)
		case r == '\n':
			line, column = line+1, 0
		}
		i += n
	}
	return nil
}

// syntax gives the YAML parser's error its line and, for the mistakes that
// people make most, words that help.
func syntax(data []byte, err error) *flaw {
	line, message := errorLine(strings.TrimPrefix(err.Error(), "yaml: "))
	if anchor, ok := strings.CutPrefix(message, "unknown anchor '"); ok {
		before, _, _ := bytes.Cut(data, []byte("*"+strings.TrimSuffix(anchor, "' referenced")))
		return flawf(1+bytes.Count(before, []byte("\n")), 0, "%s", noAlias)
	}
	lines := bytes.Split(data, []byte("\n"))
	for i := max(line-2, 0); i <= line && i < len(lines); i++ {
		if indent := bytes.TrimLeft(lines[i], " "); len(indent) > 0 && indent[0] == '\t' {
			return flawf(i+1, len(lines[i])-len(indent)+1, "the line is indented with a tab; YAML allows only spaces")
		}
	}
	if strings.HasPrefix(message, "mapping values are not allowed") {
		message += `; put quotes around a value that holds ": ", and check the indentation`
	}
	return flawf(min(line, len(lines)), 0, "not YAML: %s", message)
}

// errorLine takes the line out of a YAML error. The parser, unlike its scanner,
// counts from 0, and neither names the first line.
func errorLine(message string) (line int, rest string) {
	if after, ok := strings.CutPrefix(message, "line "); ok {
		digits, text, _ := strings.Cut(after, ": ")
		if n, err := strconv.Atoi(digits); err == nil {
			line, message = n, text
		}
	}
	for _, parser := range []string{"key", "',' or ", "'-' indicator", "<document start>", "node content"} {
		if strings.HasPrefix(message, "did not find expected "+parser) {
			return line + 1, message
		}
	}
	return max(line, 1), message
}

const (
	noAlias = "anchors and aliases are not supported; write the value out"
	noTag   = "explicit tags are not supported; the key's type decides"
)

// A survey walks a whole tree once, within the bounds, before anybody trusts it.
type survey struct {
	values int
	flaws  []*flaw
}

func (s *survey) visit(n *yaml.Node, level int) {
	if s.values > mostValues {
		return
	}
	s.values++
	switch {
	case s.values > mostValues:
		s.refuse(n, fmt.Sprintf("the document has more than %d values", mostValues))
		return
	case level > deepestLevel:
		s.refuse(n, fmt.Sprintf("more than %d levels deep", deepestLevel))
		return
	case n.Kind == yaml.AliasNode || n.Anchor != "" || n.Tag == "!!merge":
		s.refuse(n, noAlias)
	case n.Style&yaml.TaggedStyle != 0:
		s.refuse(n, noTag)
	}
	for _, c := range n.Content {
		s.visit(c, level+1)
	}
}

func (s *survey) refuse(n *yaml.Node, message string) {
	s.flaws = append(s.flaws, flawf(n.Line, n.Column, "%s", message))
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// shape says what a value looks like, for "expected …, not …".
func shape(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(n):
		return "null"
	}
	return excerpt(n.Value)
}

// excerpt quotes a value, shortened, so that a message stays a line.
func excerpt(text string) string {
	const most = 40
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return strconv.Quote(text)
}
