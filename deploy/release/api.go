package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/exp/apidiff"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
	"golang.org/x/mod/zip"
	"golang.org/x/tools/go/packages"
)

// load compiles the packages of a module zip, outside any workspace. Packages below
// internal and programs are left out: they promise nothing.
func (r *repository) load(ctx context.Context, version, zipFile string) (*apidiff.Module, error) {
	dir, err := os.MkdirTemp("", "release-api-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := zip.Unzip(dir, module.Version{Path: r.module, Version: version}, zipFile); err != nil {
		return nil, err
	}
	env, err := r.goEnv(ctx)
	if err != nil {
		return nil, err
	}
	loaded, err := packages.Load(&packages.Config{
		Context: ctx, Dir: dir, Env: append(os.Environ(), env...),
		Mode: packages.NeedName | packages.NeedTypes,
	}, "./...")
	if err != nil {
		return nil, err
	}
	result := &apidiff.Module{Path: r.module}
	for _, p := range loaded {
		for _, fault := range p.Errors {
			err = errors.Join(err, fault)
		}
		if promises(p.Types) {
			result.Packages = append(result.Packages, p.Types)
		}
	}
	return result, err
}

func promises(p *types.Package) bool {
	return p != nil && p.Name() != "main" && !slices.Contains(strings.Split(p.Path(), "/"), "internal")
}

// allowed says whether the version may bring these changes after base. Below v1 an
// incompatible change needs a new minor version and a heading "Breaking" in the
// changelog; from v1 on it needs a new module path. A zero base is a first release.
func allowed(base, version string, report apidiff.Report, section string) error {
	if base == "" {
		return nil
	}
	var breaks, adds bool
	for _, c := range report.Changes {
		breaks, adds = breaks || !c.Compatible, adds || c.Compatible
	}
	sameMinor := semver.MajorMinor(base) == semver.MajorMinor(version)
	switch {
	case breaks && semver.Major(base) != "v0":
		return fmt.Errorf("%s breaks what %s promises (see above): that needs a new major version, with a module path of its own", version, base)
	case breaks && sameMinor:
		return fmt.Errorf("%s breaks what %s promises (see above): below v1.0.0 that needs a new minor version", version, base)
	case breaks && !announcesBreak(section):
		return fmt.Errorf("%s breaks what %s promises (see above): its section in shared/CHANGELOG.md needs a heading \"### Breaking\" that tells what to do", version, base)
	case adds && sameMinor && semver.Major(base) != "v0":
		return fmt.Errorf("%s adds to what %s promises (see above): that needs a new minor version", version, base)
	}
	return nil
}

// base is the newest release that a version follows, "" for the first. Release
// candidates promise nothing.
func base(versions []string, version string) string {
	found := ""
	for _, v := range versions {
		if semver.Prerelease(v) == "" && semver.Compare(v, version) < 0 && semver.Compare(v, found) > 0 {
			found = v
		}
	}
	return found
}

// writeTemp keeps a zip in a file, as the zip package wants it.
func writeTemp(data []byte) (path string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "release-zip-")
	if err != nil {
		return "", nil, err
	}
	path = filepath.Join(dir, "module.zip")
	return path, func() { _ = os.RemoveAll(dir) }, os.WriteFile(path, data, 0o600)
}

// explain is the report as text.
func explain(report apidiff.Report) string {
	if len(report.Changes) == 0 {
		return "no change of the API\n"
	}
	var text bytes.Buffer
	_ = report.Text(&text) // a buffer takes everything
	return text.String()
}
