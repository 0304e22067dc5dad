//go:build soak

package oci

import (
	"bytes"
	"path/filepath"
	"testing"
)

// TestProgramFromNothing: the program does not depend on what was compiled before.
// It compiles everything anew, which takes a minute or two.
func TestProgramFromNothing(t *testing.T) {
	p := image(t)
	t.Setenv("GOCACHE", t.TempDir())
	source, err := Open(t.Context(), filepath.Dir(p.file), gateway)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	again, err := source.build(t.Context(), "amd64", release)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again, p.program(t, "linux/amd64")) {
		t.Error("with an empty build cache, the program is another one")
	}
}
