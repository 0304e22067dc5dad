package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"golang.org/x/exp/apidiff"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
	"golang.org/x/mod/zip"

	"github.com/triptych-bff/triptych/deploy/internal/subprocess"
)

// release publishes the shared of HEAD under a new version, after everything that
// could be wrong was looked at. HEAD is asked for once: it may move on meanwhile.
func (r *repository) release(ctx context.Context, version string) error {
	commit, err := r.git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	section, err := r.mayRelease(ctx, commit, version)
	if err != nil {
		return err
	}
	content, err := r.build(ctx, commit, version)
	if err != nil {
		return err
	}
	if err := r.compare(ctx, version, content.zip, section); err != nil {
		return err
	}
	if err := r.proxy.publish(version, content); err != nil {
		return err
	}
	fmt.Fprintf(r.out, "\n%s %s is in deploy/modproxy (%d kB): commit it.\n", r.module, version, len(content.zip)/1000)
	tag := sharedDir + "/" + version
	if _, err := r.git(ctx, "tag", tag, commit); err != nil {
		fmt.Fprintf(r.out, "Note: no tag %s was made; nothing depends on it. %v\n", tag, err)
	}
	return nil
}

// mayRelease looks at what needs no build, and returns the version's section of the
// changelog.
func (r *repository) mayRelease(ctx context.Context, commit, version string) (string, error) {
	_, major, _ := module.SplitPathVersion(r.module)
	if semver.Canonical(version) != version || version == "" {
		return "", fmt.Errorf("version %q: want one such as v0.2.0", version)
	}
	if err := module.CheckPathMajor(version, major); err != nil {
		return "", fmt.Errorf("version %s does not fit the module path %s: %w", version, r.module, err)
	}
	if published, err := r.proxy.has(version); err != nil {
		return "", err
	} else if published {
		return "", fmt.Errorf("%s exists, and a version is never changed: take the next one", version)
	}
	dirty, err := r.git(ctx, "status", "--porcelain", "--", sharedDir)
	if err != nil {
		return "", err
	}
	if dirty != "" {
		return "", fmt.Errorf("a release is made from a commit, and these are not committed:\n%s", dirty)
	}
	if _, err := r.git(ctx, "cat-file", "-e", commit+":"+sharedDir+"/LICENSE"); err != nil {
		return "", fmt.Errorf("shared/LICENSE is missing: the go command would take the one above, and compute another hash")
	}
	changelog, err := r.git(ctx, "show", commit+":"+sharedDir+"/CHANGELOG.md")
	if err != nil {
		return "", err
	}
	section := changes(changelog, version)
	if section == "" {
		return "", fmt.Errorf("shared/CHANGELOG.md says nothing about %s: write a section \"## %s\"", version, version)
	}
	return section, nil
}

// build makes what is published. The same commit gives the same bytes.
func (r *repository) build(ctx context.Context, commit, version string) (publication, error) {
	tree, err := r.git(ctx, "rev-parse", commit+":"+sharedDir)
	if err != nil {
		return publication{}, err
	}
	committed, err := r.git(ctx, "show", "--no-patch", "--format=%ct", commit)
	if err != nil {
		return publication{}, err
	}
	info, err := versionInfo(version, committed)
	if err != nil {
		return publication{}, err
	}
	mod, err := subprocess.Output(ctx, r.root, nil, "git", "show", commit+":"+sharedDir+"/go.mod")
	if err != nil {
		return publication{}, err
	}
	var archive bytes.Buffer
	err = zip.CreateFromVCS(&archive, module.Version{Path: r.module, Version: version}, r.root, commit, sharedDir)
	return publication{info: info, mod: []byte(mod), zip: archive.Bytes(), tree: tree}, err
}

// versionInfo is the .info file: when the version was committed, in seconds since 1970.
func versionInfo(version, committed string) ([]byte, error) {
	var seconds int64
	if _, err := fmt.Sscan(strings.TrimSpace(committed), &seconds); err != nil {
		return nil, fmt.Errorf("commit time %q: %w", committed, err)
	}
	return json.Marshal(struct {
		Version string
		Time    time.Time
	}{version, time.Unix(seconds, 0).UTC()})
}

// compare compiles what is to be released, on its own; prints how its API changes
// since the last release; and refuses what the version number does not allow.
func (r *repository) compare(ctx context.Context, version string, archive []byte, section string) error {
	versions, err := r.proxy.versions()
	if err != nil {
		return err
	}
	file, remove, err := writeTemp(archive)
	if err != nil {
		return err
	}
	defer remove()
	after, err := r.load(ctx, version, file)
	if err != nil {
		return fmt.Errorf("%s does not build without the workspace: %w", version, err)
	}
	last := base(versions, version)
	if last == "" {
		fmt.Fprintf(r.out, "%s is the first release: there is nothing to compare it with.\n", version)
		return nil
	}
	before, err := r.load(ctx, last, r.proxy.file(last+".zip"))
	if err != nil {
		return fmt.Errorf("%s: %w", last, err)
	}
	report := apidiff.ModuleChanges(before, after)
	fmt.Fprintf(r.out, "%s after %s:\n\n%s", version, last, explain(report))
	return allowed(last, version, report, section)
}
