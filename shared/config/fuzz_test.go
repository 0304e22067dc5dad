package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/triptych-bff/triptych/shared/config"
)

// FuzzLoad: whatever the layers hold, Load ends, tells at least one fault or
// none, keeps places inside the document, and comes to the same twice.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		document, _, _ := strings.Cut(string(data), "-- ")
		f.Add([]byte(document), "BFF_UPSTREAMS_USERS_TIMEOUT=1s", `upstreams["a"].url=b`)
	}
	f.Fuzz(func(t *testing.T, data []byte, variable, set string) {
		src := config.Source{Data: data, Dir: t.TempDir(), EnvPrefix: "BFF", Environ: []string{variable}, Set: []string{set}}
		var first, second world
		_, err := config.Load(&first, src)
		_, again := config.Load(&second, src)
		if (err == nil) != (again == nil) || err != nil && err.Error() != again.Error() {
			t.Fatalf("two loads differ:\n%v\n%v", err, again)
		}
		if err == nil && !cmp.Equal(first.Labels, second.Labels) {
			t.Fatal("two loads differ")
		}
		checkFaults(t, err, 1+strings.Count(lineBreaks.Replace(string(data)), "\n"))
	})
}

// lineBreaks are all that YAML counts as one (YAML 1.1 §5.4).
var lineBreaks = strings.NewReplacer("\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

func checkFaults(t *testing.T, err error, lines int) {
	t.Helper()
	var faults config.Faults
	if err != nil && (!errors.As(err, &faults) || len(faults) == 0) {
		t.Fatalf("an error without faults: %v", err)
	}
	for _, fault := range faults {
		if fault.Line > lines || fault.Line < 0 || fault.Message == "" {
			t.Fatalf("a fault outside the %d lines, or without words: %+v", lines, fault)
		}
	}
}
