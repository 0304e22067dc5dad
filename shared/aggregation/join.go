package aggregation

import (
	"fmt"

	"github.com/triptych-bff/triptych/shared/projection"
)

// apply is the document into with the matching elements of from put into its
// elements.
func (j *join) apply(into, from []byte) ([]byte, error) {
	found, err := j.lookup(from)
	if err != nil {
		return nil, fmt.Errorf("join with %s: %w", j.listOf, err)
	}
	elements, err := j.intoList.Append(nil, into)
	if err != nil {
		return nil, fmt.Errorf("join at %s: %w", j.listIn, err)
	}
	out := make([]byte, 0, len(into)+len(from))
	done := 0
	for _, element := range elements {
		match, err := j.match(element, found)
		if err != nil {
			return nil, fmt.Errorf("join at %s: %w", j.listIn, err)
		}
		if match == nil {
			continue
		}
		// An element is a piece of into, so what is behind it tells where it ends.
		end := len(into) - (cap(element) - len(element) - (cap(into) - len(into)))
		out = append(out, into[done:end-1]...) // without its closing brace
		out = append(append(append(out, j.member...), match...), '}')
		done = end
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

// match is the element that belongs to this one, or nil.
func (j *join) match(element []byte, found map[string][]byte) ([]byte, error) {
	key, err := keyOf(j.intoKey, element)
	if err != nil || key == "" {
		return nil, err
	}
	return found[key], nil
}

// keyOf is the text of the key in an element, or "" where it has none.
func keyOf(path *projection.Path, element []byte) (string, error) {
	values, err := path.Append(nil, element)
	if err != nil || len(values) == 0 || isNull(values[0]) {
		return "", err
	}
	return projection.Text(values[0])
}
