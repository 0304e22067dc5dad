package suggest_test

import (
	"testing"

	"github.com/triptych-bff/triptych/shared/internal/suggest"
)

func TestNearest(t *testing.T) {
	keys := []string{"listen", "upstream", "upstreams", "timeout", "url", "open_for", "file", "env"}
	for word, want := range map[string]string{
		"listn": "listen", "upstrem": "upstream", "upstraems": "upstreams", "timeuot": "timeout", "ulr": "url",
		"openFor": "open_for", "open-for": "open_for", "LISTEN": "listen", "fiel": "file", "envs": "env",
		"": "", "x": "", "u": "", "retries": "", "something_else": "",
	} {
		if got := suggest.Nearest(word, keys); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestTail(t *testing.T) {
	if got := suggest.Tail("listn", []string{"listen"}); got != `; did you mean "listen"?` {
		t.Error(got)
	}
	if got := suggest.Tail("retries", []string{"listen"}); got != "" {
		t.Error(got)
	}
}
