package catalog

import "testing"

func TestToken(t *testing.T) {
	at, err := offset("1a2b3c4d", token("1a2b3c4d", 40), 100)
	if at != 40 || err != nil {
		t.Errorf("%d, %v", at, err)
	}
	if at, err := offset("1a2b3c4d", "", 100); at != 0 || err != nil {
		t.Errorf("no token: %d, %v", at, err)
	}
	for name, tok := range map[string]string{
		"another query": token("00000000", 40), "behind the end": token("1a2b3c4d", 100), "the start": token("1a2b3c4d", 0), "noise": "%%",
	} {
		if at, err := offset("1a2b3c4d", tok, 100); err == nil {
			t.Errorf("%s: %d", name, at)
		}
	}
}

func FuzzOffset(f *testing.F) {
	for _, seed := range []string{"", "%%", token("1a2b3c4d", 40), token("1a2b3c4d", -1), token("", 1)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, tok string) {
		if at, err := offset("1a2b3c4d", tok, 100); err == nil && (at < 0 || at >= 100) {
			t.Errorf("%q is %d", tok, at)
		}
	})
}
