package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Key writes a key from its steps: a string is a name, an int is a position in a
// list. Key("routes", 2, "path") is "routes[2].path", and a name that would not
// stand for itself is quoted: Key("hosts", "a.example") is `hosts["a.example"]`.
// It panics for any other type.
func Key(steps ...any) string {
	key := ""
	for _, s := range steps {
		switch s := s.(type) {
		case string:
			key = child(key, s)
		case int:
			key = element(key, s)
		default:
			panic(fmt.Sprintf("config: a key has no step of type %T", s))
		}
	}
	return key
}

func child(key, name string) string {
	switch {
	case !plain(name):
		return key + "[" + strconv.Quote(name) + "]"
	case key == "":
		return name
	}
	return key + "." + name
}

func element(key string, i int) string { return key + "[" + strconv.Itoa(i) + "]" }

// within puts a relative key below a base.
func within(base, key string) string {
	if base == "" || key == "" || key[0] == '[' {
		return base + key
	}
	return base + "." + key
}

// plain tells whether a name can be written in a key without quotes.
func plain(name string) bool {
	if name == "" || !utf8.ValidString(name) {
		return false
	}
	for _, r := range name {
		if strings.ContainsRune(`.[]"=`, r) || unicode.IsSpace(r) || !unicode.IsGraphic(r) {
			return false
		}
	}
	return true
}

// A step is one part of a key that was read back.
type step struct {
	name     string // the name, when the step is not a position
	position bool
	key      string // the key up to and with this step, in its one spelling
}

var errKey = errors.New("not a key")

// steps reads a key up to its end or an "=", and returns what follows it.
func steps(s string) (path []step, rest string, err error) {
	key := ""
	for first := true; first || (s != "" && s[0] != '='); first = false {
		var next step
		switch {
		case s != "" && s[0] == '[':
			next, s, err = bracket(key, s[1:])
		case first:
			next, s, err = name(key, s)
		case s[0] == '.':
			next, s, err = name(key, s[1:])
		default:
			err = errKey
		}
		if err != nil {
			return nil, "", err
		}
		path, key = append(path, next), next.key
	}
	return path, s, nil
}

// ancestors are the keys that a key stands in, nearest first, up to the root "".
func ancestors(key string) []string {
	path, rest, err := steps(key)
	if err != nil || rest != "" {
		return []string{""}
	}
	above := make([]string, 0, len(path))
	for i := len(path) - 2; i >= 0; i-- {
		above = append(above, path[i].key)
	}
	return append(above, "")
}

func name(key, s string) (step, string, error) {
	end := strings.IndexAny(s, ".[=")
	if end < 0 {
		end = len(s)
	}
	if !plain(s[:end]) {
		return step{}, "", errKey
	}
	return step{name: s[:end], key: child(key, s[:end])}, s[end:], nil
}

func bracket(key, s string) (step, string, error) {
	if quoted, err := strconv.QuotedPrefix(s); err == nil {
		name, err := strconv.Unquote(quoted)
		rest, closed := strings.CutPrefix(s[len(quoted):], "]")
		if err != nil || !closed || quoted[0] != '"' {
			return step{}, "", errKey
		}
		return step{name: name, key: child(key, name)}, rest, nil
	}
	digits, rest, closed := strings.Cut(s, "]")
	i, err := strconv.ParseUint(digits, 10, 31)
	if err != nil || !closed {
		return step{}, "", errKey
	}
	return step{position: true, key: element(key, int(i))}, rest, nil
}
