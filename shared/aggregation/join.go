package aggregation

import (
	"fmt"

	"github.com/triptych-bff/triptych/shared/projection"
)

// apply is the document into with the matching elements of from put into its
// elements, as their last member.
func (j *join) apply(into, from []byte) ([]byte, error) {
	found, err := j.lookup(from)
	if err != nil {
		return nil, fmt.Errorf("join with %s: %w", j.listOf, err)
	}
	spans, err := j.intoList.Spans(nil, into)
	if err != nil {
		return nil, fmt.Errorf("join at %s: %w", j.listIn, err)
	}
	out := make([]byte, 0, len(into)+len(from))
	done := 0
	for _, s := range spans {
		key, err := keyOf(j.intoKey, into[s.Start:s.End])
		if err != nil {
			return nil, fmt.Errorf("join at %s: %w", j.listIn, err)
		}
		if match := found[key]; match != nil {
			out = append(out, into[done:s.End-1]...) // an object with a key: its closing brace is its last byte
			out = append(append(append(out, j.member...), match...), '}')
			done = s.End
		}
	}
	return append(out, into[done:]...), nil
}

// lookup is the elements of a list by their key.
func (j *join) lookup(src []byte) (map[string][]byte, error) {
	elements, err := j.fromList.Append(nil, src)
	if err != nil {
		return nil, err
	}
	found := make(map[string][]byte, len(elements))
	for _, element := range elements {
		key, err := keyOf(j.fromKey, element)
		if err != nil {
			return nil, err
		}
		if key != "" {
			found[key] = element
		}
	}
	return found, nil
}

// keyOf is the text of the key in an element, or "" where it has none.
func keyOf(path *projection.Path, element []byte) (string, error) {
	values, err := path.Append(nil, element)
	if err != nil || len(values) == 0 || isNull(values[0]) {
		return "", err
	}
	return projection.Text(values[0])
}
