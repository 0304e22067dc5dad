package projection

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
)

// The reference is a second projection, written to be obviously right rather
// than fast: it decodes a document into ordered values with encoding/json, and
// follows the text of a mask by its own recursive reading of it.

type pair struct {
	key   string
	value any
}

// decode gives json.RawMessage for scalars, []any, and []pair.
func decode(src []byte) (any, error) {
	src = bytes.TrimLeft(src, " \t\r\n")
	if len(src) == 0 || src[0] != '{' && src[0] != '[' {
		return json.RawMessage(bytes.TrimRight(src, " \t\r\n")), nil
	}
	dec := json.NewDecoder(bytes.NewReader(src))
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	object, list := []pair{}, []any{}
	for dec.More() {
		var m pair
		if src[0] == '{' {
			t, err := dec.Token()
			if err != nil {
				return nil, err
			}
			m.key = t.(string)
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, err
		}
		var err error
		if m.value, err = decode(raw); err != nil {
			return nil, err
		}
		object, list = append(object, m), append(list, m.value)
	}
	if src[0] == '{' {
		return object, nil
	}
	return list, nil
}

func encode(dst []byte, v any) []byte {
	switch v := v.(type) {
	case json.RawMessage:
		return append(dst, v...)
	case []any:
		dst = append(dst, '[')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = encode(dst, e)
		}
		return append(dst, ']')
	case []pair:
		dst = append(dst, '{')
		for i, m := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			// Keys of copied objects keep their spelling; the reference compares
			// meanings, so both sides are brought to one spelling by the test.
			k, _ := json.Marshal(m.key)
			dst = append(append(append(dst, k...), ':'), encode(nil, m.value)...)
		}
		return append(dst, '}')
	}
	panic("no such value")
}

var (
	errRepeated = errors.New("repeated key")
	errType     = errors.New("the document is not what the mask begins with")
)

// A selection is one member of a mask: the steps to its value (a name, "*", "[]",
// "[:n]" or "[n]"), its output name, and the members below.
type selection struct {
	steps []string
	out   string
	below []selection
	deep  bool       // has members below
	every *selection // below {*}, each member
	drop  []string   // below, excluded
}

// parseMask reads a mask that is known to compile.
func parseMask(s string) selection {
	root, _ := parseSelection(s, true)
	return root
}

func parseSelection(s string, root bool) (selection, string) {
	var sel selection
	word := func() string {
		n := 0
		for n < len(s) && !bytes.ContainsRune([]byte(".:,{}[]"), rune(s[n])) {
			n++
		}
		w := s[:n]
		s = s[n:]
		return w
	}
	if !root {
		name := word()
		if s != "" && s[0] == ':' {
			s = s[1:]
			sel.out, name = name, word()
		}
		sel.steps = append(sel.steps, name)
	}
	last := ""
	if !root {
		last = sel.steps[0]
	}
	for s != "" && (s[0] == '.' || s[0] == '[') {
		if s[0] == '.' {
			s = s[1:]
			step := word()
			if step != "*" {
				last = step
			}
			sel.steps = append(sel.steps, step)
			continue
		}
		end := bytes.IndexByte([]byte(s), ']') + 1
		sel.steps = append(sel.steps, s[:end])
		s = s[end:]
	}
	if sel.out == "" {
		sel.out = last
	}
	if s != "" && s[0] == '{' {
		sel.deep = true
		for s[0] != '}' {
			var b selection
			b, s = parseSelection(s[1:], false)
			switch first := b.steps[0]; {
			case first == "*":
				b.steps = b.steps[1:]
				sel.every = &b
			case first[0] == '-':
				sel.drop = append(sel.drop, first[1:])
			default:
				sel.below = append(sel.below, b)
			}
		}
		s = s[1:]
	}
	return sel, s
}

// reference projects v by sel.
func reference(sel selection, v any) (any, error) {
	wantsObject := len(sel.steps) == 0
	if raw, is := v.(json.RawMessage); is && string(raw) == "null" {
		return v, nil
	}
	if _, is := v.([]pair); wantsObject && !is {
		return nil, errType
	}
	if _, is := v.([]any); !wantsObject && !is {
		return nil, errType
	}
	out, ok, err := sel.follow(sel.steps, v)
	if err == nil && !ok {
		out = json.RawMessage("null")
	}
	return out, err
}

// follow says what steps give from v, and whether they give anything.
func (sel selection) follow(steps []string, v any) (any, bool, error) {
	if len(steps) == 0 {
		return sel.finish(v)
	}
	step := steps[0]
	if step == "*" {
		return all(v, func(v any) (any, bool, error) { return sel.follow(steps[1:], v) })
	}
	if step[0] != '[' {
		object, is := v.([]pair)
		if !is {
			return nil, false, nil
		}
		found, n := any(nil), 0
		for _, m := range object {
			if m.key == step {
				found = m.value
				n++
			}
		}
		if n > 1 {
			return nil, false, errRepeated
		}
		if n == 0 {
			return nil, false, nil
		}
		return sel.follow(steps[1:], found)
	}
	list, is := v.([]any)
	if step == "[]" || step[1] == ':' {
		if !is {
			return json.RawMessage("null"), true, nil
		}
		if step != "[]" {
			n, _ := strconv.Atoi(step[2 : len(step)-1])
			list = list[:min(n, len(list))]
		}
		out := []any{}
		for _, e := range list {
			r, ok, err := sel.follow(steps[1:], e)
			if err != nil {
				return nil, false, err
			}
			if ok {
				out = append(out, r)
			}
		}
		return out, true, nil
	}
	n, _ := strconv.Atoi(step[1 : len(step)-1])
	if !is || n >= len(list) {
		return nil, false, nil
	}
	return sel.follow(steps[1:], list[n])
}

// all gives the object of what of makes of each member.
func all(v any, of func(any) (any, bool, error)) (any, bool, error) {
	object, is := v.([]pair)
	if !is {
		return json.RawMessage("null"), true, nil
	}
	out := []pair{}
	for _, m := range object {
		r, ok, err := of(m.value)
		if err != nil {
			return nil, false, err
		}
		if ok {
			out = append(out, pair{m.key, r})
		}
	}
	return out, true, nil
}

// names says whether a member with that name stands below.
func (sel selection) names(name string) bool {
	return slices.ContainsFunc(sel.below, func(b selection) bool { return b.steps[0] == name })
}

// finish applies the members below, in the order of the document.
func (sel selection) finish(v any) (any, bool, error) {
	if !sel.deep {
		return v, true, nil
	}
	if sel.every != nil {
		return all(v, func(v any) (any, bool, error) { return sel.every.follow(sel.every.steps, v) })
	}
	object, is := v.([]pair)
	if !is {
		return json.RawMessage("null"), true, nil
	}
	out := []pair{}
	for _, m := range object {
		if sel.drop != nil && !sel.names(m.key) {
			if !slices.Contains(sel.drop, m.key) {
				out = append(out, m)
			}
			continue
		}
		parts, err := membersOf(sel.below, m)
		if err != nil {
			return nil, false, err
		}
		out = append(out, parts...)
	}
	for _, b := range sel.below {
		if _, _, err := b.follow(b.steps, v); err != nil { // repeated keys
			return nil, false, err
		}
	}
	return out, true, nil
}

// membersOf is what all selections take from one member. Several selections may
// go through the same member (price.amount, price.currency); what they take then
// comes in the order in which it stands inside that member.
func membersOf(below []selection, m pair) ([]pair, error) {
	var through []selection
	for _, b := range below {
		if b.steps[0] != m.key {
			continue
		}
		b.steps = b.steps[1:]
		through = append(through, b)
	}
	return inside(through, m.value)
}

func inside(through []selection, v any) ([]pair, error) {
	var out []pair
	if len(through) == 1 {
		r, ok, err := through[0].follow(through[0].steps, v)
		if ok {
			out = append(out, pair{through[0].out, r})
		}
		return out, err
	}
	switch v := v.(type) {
	case []pair: // all go on by name
		for _, m := range v {
			parts, err := membersOf(through, m)
			if err != nil {
				return nil, err
			}
			out = append(out, parts...)
		}
	case []any: // all go on by the same index
		if len(through) == 0 {
			return nil, nil
		}
		step := through[0].steps[0]
		n, err := strconv.Atoi(step[1 : len(step)-1])
		if err != nil {
			return nil, err
		}
		if n >= len(v) {
			return nil, nil
		}
		for i := range through {
			through[i].steps = through[i].steps[1:]
		}
		return inside(through, v[n])
	}
	return out, nil
}

// captureOf is what a path leads to, in the order of the document.
func captureOf(path string, v any) ([]any, error) {
	sel, _ := parseSelection(path, path[0] == '[')
	return walk(sel.steps, v)
}

func walk(steps []string, v any) (found []any, err error) {
	if len(steps) == 0 {
		return []any{v}, nil
	}
	add := func(steps []string, v any) {
		if err == nil {
			var more []any
			more, err = walk(steps, v)
			found = append(found, more...)
		}
	}
	step, seen := steps[0], 0
	switch v := v.(type) {
	case []any:
		for i, e := range v {
			switch {
			case step[0] != '[':
				add(steps, e)
			case step == "[]" || step == "["+strconv.Itoa(i)+"]":
				add(steps[1:], e)
			}
		}
	case []pair:
		for _, m := range v {
			switch step {
			case "*":
				add(steps[1:], m.value)
			case m.key:
				add(steps[1:], m.value)
				seen++
			}
		}
		if seen > 1 {
			return nil, errRepeated
		}
	}
	return found, err
}

// extent is how deep v nests, and how many elements its longest array has.
func extent(v any) (depth, items int) {
	var inside []any
	switch v := v.(type) {
	case []any:
		inside, items = v, len(v)
	case []pair:
		for _, m := range v {
			inside = append(inside, m.value)
		}
	default:
		return 0, 0
	}
	for _, e := range inside {
		d, n := extent(e)
		depth, items = max(depth, d), max(items, n)
	}
	return depth + 1, items
}
