package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// A proxy is a module proxy made of files (go help goproxy), for one module.
type proxy struct {
	root string // what GOPROXY=file://… names
	dir  string // <root>/<module>/@v
}

func newProxy(root, path string) (proxy, error) {
	escaped, err := module.EscapePath(path)
	if err != nil {
		return proxy{}, err
	}
	return proxy{root: root, dir: filepath.Join(root, filepath.FromSlash(escaped), "@v")}, nil
}

// versions lists what is published, the oldest first.
func (p proxy) versions() ([]string, error) {
	text, err := os.ReadFile(p.file("list"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	versions := strings.Fields(string(text))
	semver.Sort(versions)
	return versions, err
}

func (p proxy) has(version string) (bool, error) {
	versions, err := p.versions()
	return slices.Contains(versions, version), err
}

func (p proxy) file(name string) string { return filepath.Join(p.dir, name) }

// A publication is what one version consists of.
type publication struct {
	info, mod, zip []byte
	tree           string // git's id of shared/ at the released commit
}

// publish writes a version. The list comes last: a version that is not in it does
// not exist.
func (p proxy) publish(version string, content publication) error {
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return err
	}
	versions, err := p.versions()
	if err != nil {
		return err
	}
	versions = append(versions, version)
	semver.Sort(versions)
	for _, f := range []struct {
		name string
		data []byte
	}{
		{version + ".zip", content.zip},
		{version + ".mod", content.mod},
		{version + ".info", content.info},
		{version + ".tree", []byte(content.tree + "\n")},
		{"list", []byte(strings.Join(versions, "\n") + "\n")},
	} {
		if err := os.WriteFile(p.file(f.name), f.data, 0o644); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
	}
	return nil
}
