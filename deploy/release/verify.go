package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/zip"
)

// verify looks at everything that is published and pinned, and reports all that is
// wrong. With strict, a version that this history cannot rebuild is wrong too: a
// shallow clone cannot.
func (r *repository) verify(ctx context.Context, strict bool) error {
	versions, err := r.proxy.versions()
	if err != nil {
		return err
	}
	trees, err := r.trees(ctx)
	if err != nil {
		return err
	}
	var faults []error
	sums := map[string]string{}
	for _, version := range versions {
		rebuilt, err := r.verifyVersion(ctx, version, trees, sums)
		if err == nil && !rebuilt && strict {
			err = errors.New("its tree is not in this history, so it cannot be rebuilt")
		}
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("%s: %w", version, err))
		case !rebuilt:
			fmt.Fprintf(r.out, "%s: consistent; its tree is not in this history, so it was not rebuilt\n", version)
		default:
			fmt.Fprintf(r.out, "%s: equal to what tree %s gives\n", version, trees[version])
		}
	}
	faults = append(faults, r.strays(versions)...)
	faults = append(faults, r.verifyPins(versions, sums)...)
	return errors.Join(faults...)
}

// trees knows the id of shared/ at every commit of this history. verifyVersion adds
// the tree of each version under its name.
func (r *repository) trees(ctx context.Context) (map[string]string, error) {
	commits, err := r.git(ctx, "rev-list", "HEAD", "--", sharedDir)
	if err != nil {
		return nil, err
	}
	var questions strings.Builder
	for commit := range strings.Lines(commits) {
		fmt.Fprintf(&questions, "%s:%s\n", strings.TrimSpace(commit), sharedDir)
	}
	cmd := exec.CommandContext(ctx, "git", "cat-file", "--batch-check=%(objectname)")
	cmd.Dir, cmd.Stdin = r.root, strings.NewReader(questions.String())
	answers, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	trees := map[string]string{}
	for line := range strings.Lines(string(answers)) {
		trees[strings.TrimSpace(line)] = ""
	}
	return trees, nil
}

// verifyVersion compares the files of one version with each other and, where the
// history has its tree, with a rebuild. It records the version's checksums as go.sum
// has them.
func (r *repository) verifyVersion(ctx context.Context, version string, trees, sums map[string]string) (rebuilt bool, err error) {
	read := func(suffix string) []byte {
		data, e := os.ReadFile(r.proxy.file(version + suffix))
		err = errors.Join(err, e)
		return data
	}
	info, mod, tree := read(".info"), read(".mod"), strings.TrimSpace(string(read(".tree")))
	if err != nil {
		return false, err
	}
	var about struct{ Version string }
	if err := json.Unmarshal(info, &about); err != nil || about.Version != version {
		return false, fmt.Errorf("its .info speaks of %q", about.Version)
	}
	published, err := dirhash.HashZip(r.proxy.file(version+".zip"), dirhash.Hash1)
	if err != nil {
		return false, err
	}
	if err := r.verifyZip(version, mod); err != nil {
		return false, err
	}
	sums[version] = published
	if sums[version+"/go.mod"], err = hashGoMod(mod); err != nil {
		return false, err
	}
	if _, known := trees[tree]; !known {
		return false, nil
	}
	trees[version] = tree
	again, err := r.rebuild(version, tree)
	if err != nil {
		return false, err
	}
	if again != published {
		return false, fmt.Errorf("its zip (%s) is not what tree %s gives (%s)", published, tree, again)
	}
	return true, ctx.Err()
}

// verifyZip checks that the zip is a well-formed module zip with the same go.mod.
func (r *repository) verifyZip(version string, mod []byte) error {
	name := r.proxy.file(version + ".zip")
	if _, err := zip.CheckZip(module.Version{Path: r.module, Version: version}, name); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "release-verify-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := zip.Unzip(dir, module.Version{Path: r.module, Version: version}, name); err != nil {
		return err
	}
	inside, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err == nil && !bytes.Equal(inside, mod) {
		err = errors.New("its .mod is not the go.mod in its zip")
	}
	return err
}

// hashGoMod is the checksum of a go.mod alone, as the second line of go.sum has it.
func hashGoMod(mod []byte) (string, error) {
	return dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(mod)), nil
	})
}

// rebuild is the checksum of the zip that a tree gives. A tree is enough: the zip
// holds nothing that only a commit knows.
func (r *repository) rebuild(version, tree string) (string, error) {
	var archive bytes.Buffer
	err := zip.CreateFromVCS(&archive, module.Version{Path: r.module, Version: version}, r.root, tree, "")
	if err != nil {
		return "", err
	}
	file, remove, err := writeTemp(archive.Bytes())
	if err != nil {
		return "", err
	}
	defer remove()
	return dirhash.HashZip(file, dirhash.Hash1)
}

// strays finds files of versions that the list does not name: half a release.
func (r *repository) strays(versions []string) []error {
	files, err := filepath.Glob(r.proxy.file("v*"))
	if err != nil {
		return []error{err}
	}
	var faults []error
	for _, file := range files {
		name := filepath.Base(file)
		if !slices.Contains(versions, strings.TrimSuffix(name, filepath.Ext(name))) {
			faults = append(faults, fmt.Errorf("%s belongs to no listed version", file))
		}
	}
	return faults
}

// verifyPins checks that what somebody pins is released, has the checksum of go.sum,
// and has its line in go.work.
func (r *repository) verifyPins(versions []string, sums map[string]string) []error {
	work, err := r.workspace()
	if err != nil {
		return []error{err}
	}
	pins, err := r.pins(work)
	if err != nil {
		return []error{err}
	}
	var faults []error
	for dir, version := range pins {
		if !slices.Contains(versions, version) {
			faults = append(faults, fmt.Errorf("%s pins %s, which is not released", dir, version))
			continue
		}
		faults = append(faults, r.verifySums(dir, version, sums)...)
	}
	var lines []string
	for _, line := range ours(work, r.module) {
		lines = append(lines, line.Old.Version)
	}
	if want := distinct(pins); !slices.Equal(lines, want) {
		faults = append(faults, fmt.Errorf("go.work maps the versions %v to ./shared, and %v are pinned: make upgrade keeps them in step", lines, want))
	}
	return faults
}

func (r *repository) verifySums(dir, version string, sums map[string]string) []error {
	text, err := os.ReadFile(filepath.Join(r.root, dir, "go.sum"))
	if err != nil {
		return []error{err}
	}
	var faults []error
	for _, name := range []string{version, version + "/go.mod"} {
		line := fmt.Sprintf("%s %s %s\n", r.module, name, sums[name])
		if !strings.Contains(string(text), line) {
			faults = append(faults, fmt.Errorf("%s/go.sum has another checksum, or none, than %s", dir, strings.TrimSpace(line)))
		}
	}
	return faults
}
