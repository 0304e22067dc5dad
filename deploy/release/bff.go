package main

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/mod/semver"

	"github.com/triptych-bff/triptych/deploy/image/oci"
)

// ship releases one gateway: tests what it pins, makes its image and tags the commit.
// Everything is taken from HEAD's folder of the gateway and deploy/modproxy, so what
// other teams have not committed does not matter, and cannot get in.
func (r *repository) ship(ctx context.Context, bff, version string) error {
	if semver.Canonical(version) != version || version == "" {
		return fmt.Errorf("version %q: want one such as v0.2.0", version)
	}
	source, err := oci.Open(ctx, r.root, bff)
	if err != nil {
		return err
	}
	defer source.Close()
	if err := r.mayShip(ctx, source, version); err != nil {
		return err
	}
	fmt.Fprintf(r.out, "Testing %s with shared %s.\n", bff, source.Shared.Version)
	if err := source.Test(ctx); err != nil {
		return fmt.Errorf("%s does not work with the shared that it pins: %w", bff, err)
	}
	image, err := source.Image(ctx, version)
	if err != nil {
		return err
	}
	file, err := image.Write(filepath.Join(r.root, "bin", "images"))
	if err != nil {
		return err
	}
	fmt.Fprintf(r.out, "\n%s %s of commit %s is in %s:\n", bff, version, source.Stamp(), file)
	if err := r.digests(file); err != nil {
		return err
	}
	tag := bff + "/" + version
	if _, err := r.git(ctx, "tag", tag, source.Commit); err != nil {
		fmt.Fprintf(r.out, "Note: no tag %s was made; the image does not depend on it. %v\n", tag, err)
	}
	return nil
}

// mayShip looks at whether the version is a new one, and announced.
func (r *repository) mayShip(ctx context.Context, source *oci.Source, version string) error {
	tags, err := r.git(ctx, "tag", "--list", source.Name+"/v*")
	if err != nil {
		return err
	}
	for _, tag := range strings.Fields(tags) {
		if err := follows(version, strings.TrimPrefix(tag, source.Name+"/")); err != nil {
			return fmt.Errorf("%w (tag %s)", err, tag)
		}
	}
	changelog, err := r.git(ctx, "show", source.Commit+":"+source.Name+"/CHANGELOG.md")
	if err != nil {
		return err
	}
	if changes(changelog, version) == "" {
		return fmt.Errorf("%s/CHANGELOG.md says nothing about %s: write a section \"## %s\"", source.Name, version, version)
	}
	// Where tags cannot be pushed, the changelog is what remembers.
	for _, other := range announced(changelog) {
		if other == version {
			continue
		}
		if err := follows(version, other); err != nil {
			return fmt.Errorf("%w (%s/CHANGELOG.md)", err, source.Name)
		}
	}
	return nil
}

// follows says whether a version may come after one that exists.
func follows(version, existing string) error {
	switch order := semver.Compare(version, existing); {
	case !semver.IsValid(existing) || order > 0:
		return nil
	case order == 0:
		return fmt.Errorf("%s exists, and a version is never changed: take the next one", version)
	}
	return fmt.Errorf("%s is older than %s, which exists: take a version after it", version, existing)
}

// announced are the versions that a changelog has sections about.
func announced(changelog string) []string {
	var versions []string
	for _, heading := range regexp.MustCompile(`(?m)^## \[?(v[0-9][^\]\s]*)`).FindAllStringSubmatch(changelog, -1) {
		versions = append(versions, heading[1])
	}
	return versions
}

// digests prints what the image and its parts are called by in a registry.
func (r *repository) digests(file string) error {
	var parts strings.Builder
	digest, err := oci.Read(file, func(p oci.Platform) error {
		fmt.Fprintf(&parts, "  %-11s  %s  %.1f MB\n", p.Name, p.Digest, float64(p.Packed)/1e6)
		return nil
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(r.out, "  image        %s\n%s", digest, &parts)
	return err
}
