package config

import (
	"strings"
	"testing"
)

// FuzzSteps: a key that can be read is written back in one spelling, and a name
// that was written can be read back.
func FuzzSteps(f *testing.F) {
	for _, s := range []string{"a", "a.b[2].c", `a["b.c"]`, `["x"]["\x00"]`, "a..b", "a[", "a[-1]", "a[99999999999]", `a["b`, "a=b", "", "=", "ä.İ", "a['b']", "a[`b`]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if path, rest, err := steps(Key("a", s) + "=x"); err != nil || rest != "=x" || len(path) != 2 || path[1].name != s && strings.ToValidUTF8(s, "") == s {
			t.Fatalf("Key(a, %q) was read as %v, %q, %v", s, path, rest, err)
		}
		path, _, err := steps(s)
		if err != nil {
			return
		}
		key := path[len(path)-1].key
		again, rest, err := steps(key)
		if err != nil || rest != "" || again[len(again)-1].key != key || len(again) != len(path) {
			t.Fatalf("%q is %q, which is %v, %q, %v", s, key, again, rest, err)
		}
	})
}

func TestFoldKeepsKeysApart(t *testing.T) {
	seen := make(map[string]string)
	for _, key := range []string{"a", "A", "\x01", "\x0141", "Ä", "ä", "İ", "i̇", "K", "\u212a", "k"} {
		folded := fold(key)
		if other, ok := seen[folded]; ok {
			t.Errorf("%q and %q are one key", key, other)
		}
		if strings.ToLower(folded) != folded || strings.Contains(folded, "\x00") {
			t.Errorf("viper would change %q", folded)
		}
		seen[folded] = key
	}
}
