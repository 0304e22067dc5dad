package config_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/triptych-bff/triptych/shared/config"
)

var update = flag.Bool("update", false, "write the faults that were found into testdata")

// TestFaults loads every file of testdata. Its parts are the document and,
// behind "-- name --" lines, the environment, the --set values and the faults.
func TestFaults(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			head, want, _ := strings.Cut(string(data), "-- want --\n")
			document, set, _ := strings.Cut(head, "-- set --\n")
			document, environ, _ := strings.Cut(document, "-- environ --\n")
			got := load(document, environ, set)
			if *update {
				write(t, file, head+"-- want --\n"+got)
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("faults differ (-want +got):\n%s", diff)
			}
		})
	}
}

func load(document, environ, set string) string {
	var w world
	_, err := config.Load(&w, config.Source{
		Name: "bff.yaml", Data: []byte(document), Dir: "testdata/secrets",
		EnvPrefix: "BFF", Environ: lines(environ), Set: lines(set),
	})
	var faults config.Faults
	switch {
	case err == nil:
		return "none\n"
	case errors.As(err, &faults):
		return faults.Error() + "\n"
	}
	return "not Faults: " + err.Error() + "\n"
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
