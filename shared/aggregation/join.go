package aggregation

import (
	"bytes"
	"strings"

	"github.com/triptych-bff/triptych/shared/projection"
)

// A Joined is a call's answer with the elements of another call's answer put
// into its own elements. Make one with [Call.Join].
type Joined struct {
	into, from *Call
	at, key    string
	as         string
	optional   bool
}

// Join puts elements of other's answer into c's: at is the path in c's answer
// of the value to look up in each element ("items.book_id"), key the path in
// other's answer of the value to find ("books.id"), and as the member's name
// that the found element gets ("book"). Of an answer that is a list itself, the path
// is that of its elements: "[].book_id". An element without a match stays as it
// is.
func (c *Call) Join(at string, other *Call, key, as string) Joined {
	return Joined{into: c, from: other, at: at, key: key, as: as}
}

// Optional leaves the elements as they are where the other answer cannot be had,
// and names the part in the response as incomplete. Otherwise the part cannot be
// had either.
func (j Joined) Optional() Joined {
	j.optional = true
	return j
}

func (j Joined) calls() []*Call { return []*Call{j.into, j.from} }

// listOf is the path of the list in "items.book_id". It is empty for that of an answer
// that is a list itself, "[].book_id".
func listOf(path string) string {
	return strings.TrimSuffix(path[:max(strings.LastIndexByte(path, '.'), 0)], "[]")
}

// inside is the path within the answer that was put into the elements of the list
// as the member: with books joined as "book", items[].book.title is title.
func inside(list, as, path string) (string, bool) {
	names, prefix := strings.Split(path, "."), strings.Split(list+"."+as, ".")
	if len(names) < len(prefix) {
		return "", false
	}
	for i, name := range prefix {
		if bare(names[i]) != bare(name) {
			return "", false
		}
	}
	return strings.Join(names[len(prefix):], "."), true
}

// bare is a name without its index.
func bare(name string) string {
	name, _, _ = strings.Cut(name, "[")
	return name
}

// join is a bound Joined or Each: what is put into the elements of a list.
type join struct {
	from     int    // the call whose answer has the elements, or is made for each
	perItem  bool   // it is made for each
	optional bool   // the elements may stay as they are
	list     int    // which capture of the answer is the list
	key      int    // and which the values to look up
	fromList int    // the same of the other answer
	fromKey  int    //
	own      int    // which capture is a member of that name that elements have already
	member   []byte // the encoded name and a colon
	at, as   string // the path of the list, and the name
}

// answered is an answer and where its captures are.
type answered struct {
	body  []byte
	spans [][]projection.Span // by capture
}

// at is where a capture is in the answer.
func (a *answered) at(capture int) []projection.Span {
	if a.spans == nil {
		return nil
	}
	return a.spans[capture]
}

// put appends the document with the elements that are found in its own.
func (j *join) put(dst []byte, into answered, found *elements) ([]byte, error) {
	keys := into.at(j.key)
	return j.insert(dst, into, func(element projection.Span) ([]byte, error) {
		key, rest, err := keyWithin(into.body, element, keys)
		if keys = rest; err != nil || key == nil {
			return nil, err
		}
		return found.named(key), nil
	})
}

// insert appends the document with a member more in those of its elements for which
// there is a value.
func (j *join) insert(dst []byte, into answered, value func(projection.Span) ([]byte, error)) ([]byte, error) {
	done := 0
	for _, element := range into.at(j.list) {
		v, err := value(element)
		if err != nil {
			return nil, err
		}
		if v == nil || into.body[element.Start] != '{' {
			continue
		}
		end := element.End - 1 // of an object: its closing brace
		dst = append(dst, into.body[done:end]...)
		if !empty(into.body[element.Start:element.End]) {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, j.member...), v...), '}')
		done = element.End
	}
	return append(dst, into.body[done:]...), nil
}

// empty is whether an object has no members.
func empty(object []byte) bool {
	return len(bytes.TrimLeft(object[1:], " \t\r\n")) == 1
}

// elements are those of a list that have a key.
type elements struct {
	src   []byte
	keys  [][]byte
	spans []projection.Span
	byKey map[string]int // nil where they are few
}

// fewKeys are found faster by looking at each.
const fewKeys = 16

func newElements(src []byte, list, keys []projection.Span) (e elements, err error) {
	e = elements{src: src, keys: make([][]byte, 0, len(list)), spans: make([]projection.Span, 0, len(list))}
	for _, element := range list {
		var key []byte
		if key, keys, err = keyWithin(src, element, keys); err != nil {
			return e, err
		}
		if key != nil {
			e.keys, e.spans = append(e.keys, key), append(e.spans, element)
		}
	}
	if len(e.keys) > fewKeys {
		e.byKey = make(map[string]int, len(e.keys))
		for i, key := range e.keys {
			e.byKey[string(key)] = i
		}
	}
	return e, nil
}

// named is the last element with this key, or nil.
func (e *elements) named(key []byte) []byte {
	if e.byKey != nil {
		i, ok := e.byKey[string(key)]
		if !ok {
			return nil
		}
		return e.src[e.spans[i].Start:e.spans[i].End]
	}
	for i := len(e.keys) - 1; i >= 0; i-- {
		if bytes.Equal(e.keys[i], key) {
			return e.src[e.spans[i].Start:e.spans[i].End]
		}
	}
	return nil
}

// keyWithin is the text of the first key that stands within the element, nil where
// none does, and the keys behind it. Keys and elements are in the document's order.
func keyWithin(src []byte, element projection.Span, keys []projection.Span) (key []byte, rest []projection.Span, err error) {
	for len(keys) > 0 && keys[0].Start < element.Start {
		keys = keys[1:]
	}
	if len(keys) == 0 || keys[0].End > element.End {
		return nil, keys, nil
	}
	key, err = textOf(src[keys[0].Start:keys[0].End])
	return key, keys[1:], err
}

// textOf is the text of a JSON scalar, nil of null, mostly without a copy.
func textOf(raw []byte) ([]byte, error) {
	switch {
	case isNull(raw):
		return nil, nil
	case len(raw) > 1 && raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0:
		return raw[1 : len(raw)-1], nil
	}
	text, err := projection.Text(raw)
	return []byte(text), err
}
