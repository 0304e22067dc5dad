package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"github.com/triptych-bff/triptych/deploy/internal/subprocess"
)

// upgrade pins a gateway to a released version: a difference of two files, and of
// go.work where a version appears or disappears.
func (r *repository) upgrade(ctx context.Context, bff, version string) error {
	if bff == "" || bff == sharedDir || filepath.Base(bff) != bff {
		return fmt.Errorf("which gateway: %q is not a folder beside shared, such as bff-tv", bff)
	}
	if published, err := r.proxy.has(version); err != nil {
		return err
	} else if !published {
		return fmt.Errorf("%q is not released (make release-shared V=…)", version)
	}
	files, err := keep(filepath.Join(r.root, bff, "go.mod"), filepath.Join(r.root, bff, "go.sum"))
	if err != nil {
		return err
	}
	if err := r.require(ctx, bff, version); err != nil {
		return errors.Join(err, files.restore())
	}
	fmt.Fprintf(r.out, "%s pins %s %s.\n", bff, r.module, version)
	return r.alignWorkspace()
}

// require lets the go command write go.mod and go.sum.
func (r *repository) require(ctx context.Context, bff, version string) error {
	env, err := r.goEnv(ctx)
	if err != nil {
		return err
	}
	dir := filepath.Join(r.root, bff)
	if _, err := subprocess.Output(ctx, dir, env, "go", "get", r.module+"@"+version); err != nil {
		return err
	}
	if _, err := subprocess.Output(ctx, dir, env, "go", "mod", "tidy"); err != nil {
		return err
	}
	pinned, err := r.pin(bff)
	if err != nil {
		return err
	}
	if pinned != version {
		return fmt.Errorf("go mod tidy leaves %s at %q: does nothing in it import %s?", bff, pinned, r.module)
	}
	return nil
}

// pin is the version of shared that a module requires, "" if none.
func (r *repository) pin(dir string) (string, error) {
	name := filepath.Join(r.root, dir, "go.mod")
	text, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	mod, err := modfile.Parse(name, text, nil)
	if err != nil {
		return "", err
	}
	for _, require := range mod.Require {
		if require.Mod.Path == r.module {
			return require.Mod.Version, nil
		}
	}
	return "", nil
}

// pins lists the modules of the workspace that require shared, with their versions.
func (r *repository) pins(work *modfile.WorkFile) (map[string]string, error) {
	pins := map[string]string{}
	for _, use := range work.Use {
		dir := strings.TrimPrefix(use.Path, "./")
		version, err := r.pin(dir)
		if err != nil {
			return nil, err
		}
		if version != "" {
			pins[dir] = version
		}
	}
	return pins, nil
}

func (r *repository) workspace() (*modfile.WorkFile, error) {
	name := filepath.Join(r.root, "go.work")
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return modfile.ParseWork(name, text, nil)
}

// alignWorkspace keeps one line in go.work for every version that somebody pins, and
// none for the others:
//
//	replace …/shared v0.1.0 => ./shared
//
// In a workspace the go command reads the go.mod of pinned versions too; with these
// lines it needs no proxy for that, so plain go commands work in a fresh clone.
func (r *repository) alignWorkspace() error {
	work, err := r.workspace()
	if err != nil {
		return err
	}
	pins, err := r.pins(work)
	if err != nil {
		return err
	}
	var comments modfile.Comments // what stands above the lines
	for _, old := range ours(work, r.module) {
		if len(old.Syntax.Before) > 0 {
			comments = old.Syntax.Comments
		}
		if err := work.DropReplace(old.Old.Path, old.Old.Version); err != nil {
			return err
		}
	}
	work.Cleanup()
	for i, version := range distinct(pins) {
		if err := work.AddReplace(r.module, version, "./"+sharedDir, ""); err != nil {
			return err
		}
		if i == 0 {
			ours(work, r.module)[0].Syntax.Comments = comments
		}
	}
	return os.WriteFile(filepath.Join(r.root, "go.work"), modfile.Format(work.Syntax), 0o644)
}

// ours are the lines that map a version of the module to the folder.
func ours(work *modfile.WorkFile, path string) []*modfile.Replace {
	var lines []*modfile.Replace
	for _, replace := range work.Replace {
		if replace.Old.Path == path && replace.Old.Version != "" && replace.New.Path == "./"+sharedDir {
			lines = append(lines, replace)
		}
	}
	return lines
}

// distinct lists the pinned versions, the oldest first.
func distinct(pins map[string]string) []string {
	var list []module.Version
	seen := map[string]bool{}
	for _, version := range pins {
		if !seen[version] {
			seen[version] = true
			list = append(list, module.Version{Version: version})
		}
	}
	module.Sort(list)
	versions := make([]string, len(list))
	for i, v := range list {
		versions[i] = v.Version
	}
	return versions
}

// kept are files as they were; nil data is a file that did not exist.
type kept map[string][]byte

func keep(names ...string) (kept, error) {
	k := kept{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		k[name] = data
	}
	return k, nil
}

func (k kept) restore() error {
	var err error
	for name, data := range k {
		if data == nil {
			if e := os.Remove(name); !errors.Is(e, os.ErrNotExist) {
				err = errors.Join(err, e)
			}
			continue
		}
		err = errors.Join(err, os.WriteFile(name, data, 0o644))
	}
	return err
}
