package config

import (
	"errors"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// read sets v from the value that won, a scalar or a list of them. A fault names
// the element, or -1 for the value itself.
func (s *schema) read(v reflect.Value, n *yaml.Node, fault func(element int, err error)) {
	if s.kind == single {
		if err := s.scalar.read(v, n.Value); err != nil {
			fault(-1, err)
		}
		return
	}
	values := reflect.MakeSlice(s.typ, len(n.Content), len(n.Content))
	for i, c := range n.Content {
		if err := s.scalar.read(values.Index(i), c.Value); err != nil {
			fault(i, err)
		}
	}
	v.Set(values)
}

var errList = errors.New("expected a list such as a,b or [a, b]")

// written is a value that stands in a tag, a variable or a --set, as the node
// that it would be in the document.
func written(s *schema, text string) (*yaml.Node, error) {
	if s.kind == single {
		return &yaml.Node{Kind: yaml.ScalarNode, Value: text}, nil
	}
	if strings.HasPrefix(text, "[") {
		return bracketed(text)
	}
	n := &yaml.Node{Kind: yaml.SequenceNode}
	if text == "" {
		return n, nil
	}
	for value := range strings.SplitSeq(text, ",") {
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: strings.TrimSpace(value)})
	}
	return n, nil
}

func bracketed(text string) (*yaml.Node, error) {
	n, flaws := parse([]byte(text))
	if len(flaws) > 0 || n.Kind != yaml.SequenceNode {
		return nil, errList
	}
	for _, c := range n.Content {
		if c.Kind != yaml.ScalarNode || isNull(c) {
			return nil, errList
		}
	}
	return n, nil
}
