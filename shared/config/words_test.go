package config_test

import (
	"math"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/triptych-bff/triptych/shared/config"
)

func TestSize(t *testing.T) {
	for text, want := range map[string]config.Size{
		"0": 0, "512": 512, "512B": 512, "64KiB": 64 << 10, "1MiB": 1 << 20, "3GiB": 3 << 30, "2TiB": 2 << 40,
		"9223372036854775807": math.MaxInt64, "8388607TiB": 8388607 << 40,
	} {
		var got config.Size
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "B", "KiB", "-1", "+1", "1.5MiB", "1KB", "1k", "1 KiB", "1KiBB", "1BKiB", "8388608TiB", "9223372036854775808", "1_000"} {
		got := config.Size(7)
		if err := got.UnmarshalText([]byte(text)); err == nil || got != 7 {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for size, want := range map[config.Size]string{0: "0", 1: "1", 1023: "1023", 1024: "1KiB", 1536: "1536", 1 << 20: "1MiB", 5 << 40: "5TiB"} {
		if got := size.String(); got != want {
			t.Errorf("%d: %s, want %s", int64(size), got, want)
		}
	}
}

func TestKey(t *testing.T) {
	for want, steps := range map[string][]any{
		"":                       nil,
		"routes[2].path":         {"routes", 2, "path"},
		`hosts["a.example"].url`: {"hosts", "a.example", "url"},
		`["a b"]["\""][0]`:       {"a b", `"`, 0},
		`a[""]`:                  {"a", ""},
	} {
		if got := config.Key(steps...); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestReference(t *testing.T) {
	fields := config.Reference(&world{})
	want := []config.Field{
		{Key: "listen", Type: "text", Default: "127.0.0.1:8080", Doc: "Address to listen on."},
		{Key: "upstreams", Type: "mapping of names to mappings", Doc: "The services behind, by name."},
		{Key: "upstreams.<name>.url", Type: "text", Doc: "Where it is.", Required: true},
		{Key: "upstreams.<name>.retries", Type: "whole number from -128 to 127", Default: "1"},
		{Key: "upstreams.<name>.breaker.failures", Type: "whole number", Default: "5"},
		{Key: "upstreams.<name>.token", Type: "secret, {file: path} or {env: NAME}"},
		{Key: "routes", Type: "list of mappings", Doc: "What is passed through."},
		{Key: "routes[].path", Type: "text", Required: true},
		{Key: "routes[].headers", Type: "mapping of names to text"},
		{Key: "trusted", Type: "list of netip.Prefix"},
	}
	byKey := make(map[string]config.Field)
	for _, f := range fields {
		byKey[f.Key] = f
	}
	for _, w := range want {
		if diff := cmp.Diff(w, byKey[w.Key]); diff != "" {
			t.Error(diff)
		}
	}
}

func TestMarkdown(t *testing.T) {
	const file = "testdata/reference.md"
	got := config.Markdown(config.Reference(&world{}))
	if *update {
		write(t, file, got)
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}
