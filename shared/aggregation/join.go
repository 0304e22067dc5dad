package aggregation

import (
	"fmt"
	"strings"

	"github.com/triptych-bff/triptych/shared/projection"
)

// listOf is the path of the list in "items.book_id".
func listOf(path string) string { return path[:max(strings.LastIndexByte(path, '.'), 0)] }

// inside is the path within the other answer, where a path of the mask goes
// into a joined element: with books joined as "book", items[].book.title is
// books[].title.
func (j Joined) inside(path string) (string, bool) {
	names, prefix := strings.Split(path, "."), strings.Split(listOf(j.at)+"."+j.as, ".")
	if len(names) < len(prefix) {
		return "", false
	}
	for i, name := range prefix {
		if bare(names[i]) != bare(name) {
			return "", false
		}
	}
	return strings.Join(append([]string{listOf(j.key)}, names[len(prefix):]...), "."), true
}

// bare is a name without its index.
func bare(name string) string {
	name, _, _ = strings.Cut(name, "[")
	return name
}

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
