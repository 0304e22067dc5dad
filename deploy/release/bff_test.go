package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/triptych-bff/triptych/deploy/image/oci"
)

// newShip is a checkout in which bff-a can be released: it pins shared v0.1.0, has a
// test and announces its v0.2.0.
func newShip(t *testing.T) checkout {
	c := newCheckout(t)
	c.mustRelease("v0.1.0")
	c.write("bff-a/CHANGELOG.md", "# Changelog of bff-a\n\n## v0.2.0\n\nGreets.\n\n## v0.1.0\n\nThe first.\n")
	c.write("bff-a/main_test.go", "package main\n\nimport (\n\t\"testing\"\n\n\t\""+testModule+"/greet\"\n)\n\nfunc TestHello(t *testing.T) {\n\tif greet.Hello() != \"one\" {\n\t\tt.Error(greet.Hello())\n\t}\n}\n")
	c.mustUpgrade("bff-a", "v0.1.0")
	return c
}

func (c checkout) ship(bff, version string) (string, error) {
	c.Helper()
	return c.do(func(r *repository, ctx context.Context) error { return r.ship(ctx, bff, version) })
}

// TestATeamReleasesAlone: what the others have in hand neither hinders nor gets in.
func TestATeamReleasesAlone(t *testing.T) {
	c := newShip(t)
	c.write("shared/greet/greet.go", "package greet\n\n// Hello is being worked on.\nfunc Hello() string { return nil }\n")
	c.write("bff-b/main.go", "no program")
	out, err := c.ship("bff-a", "v0.2.0")
	if err != nil {
		t.Fatal(err)
	}
	if tagged, head := c.run("git", "rev-parse", "bff-a/v0.2.0"), c.run("git", "rev-parse", "HEAD"); tagged != head {
		t.Errorf("the tag is on %s, not on %s", tagged, head)
	}
	var platforms []string
	digest, err := oci.Read(filepath.Join(c.root, "bin", "images", "bff-a-v0.2.0.tar"), func(p oci.Platform) error {
		platforms = append(platforms, p.Name, p.Digest.String())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range append(platforms, digest.String(), "Testing bff-a with shared v0.1.0", "bff-a v0.2.0 of commit "+c.run("git", "rev-parse", "--short=12", "HEAD")[:12]) {
		if !strings.Contains(out, text) {
			t.Errorf("it does not print %q:\n%s", text, out)
		}
	}
	if len(platforms) != 4 || platforms[0] != "linux/amd64" || platforms[2] != "linux/arm64" {
		t.Errorf("the image is for %q", platforms)
	}
}

// TestReleaseWithoutTags: where no tag can be made, the rest is done all the same.
func TestReleaseWithoutTags(t *testing.T) {
	c := newShip(t)
	c.run("git", "tag", "bff-a") // in whose way no tag bff-a/… can be
	out, err := c.ship("bff-a", "v0.2.0")
	if err != nil || !strings.Contains(out, "Note: no tag bff-a/v0.2.0 was made; the image does not depend on it.") {
		t.Errorf("%v, printed:\n%s", err, out)
	}
}

func TestReleaseOfAGatewayRefuses(t *testing.T) {
	house := newShip(t)
	for name, test := range map[string]struct {
		bff, version string
		change       func(checkout)
		want         []string
	}{
		"a short version":              {"bff-a", "v0.2", func(checkout) {}, []string{"want one such as v0.2.0"}},
		"no version":                   {"bff-a", "", func(checkout) {}, []string{"want one such as v0.2.0"}},
		"no gateway":                   {"shared", "v0.2.0", func(checkout) {}, []string{"is not a folder such as bff-tv"}},
		"the same again":               {"bff-a", "v0.2.0", func(c checkout) { c.run("git", "tag", "bff-a/v0.2.0") }, []string{"v0.2.0 exists, and a version is never changed", "tag bff-a/v0.2.0"}},
		"a step back":                  {"bff-a", "v0.2.0", func(c checkout) { c.run("git", "tag", "bff-a/v0.10.0") }, []string{"v0.2.0 is older than v0.10.0", "tag bff-a/v0.10.0"}},
		"a step back in the changelog": {"bff-a", "v0.1.0", func(checkout) {}, []string{"v0.1.0 is older than v0.2.0", "bff-a/CHANGELOG.md"}},
		"nothing to tell":              {"bff-a", "v0.3.0", func(checkout) {}, []string{"bff-a/CHANGELOG.md says nothing about v0.3.0"}},
		"uncommitted change":           {"bff-a", "v0.2.0", func(c checkout) { c.write("bff-a/main.go", "package main\n") }, []string{"not committed", "bff-a/main.go"}},
		"a version of shared that is not released": {"bff-a", "v0.2.0", func(c checkout) {
			c.write("bff-a/go.mod", strings.ReplaceAll(c.read("bff-a/go.mod"), "v0.1.0", "v0.7.0"))
			c.commit()
		}, []string{"bff-a pins shared v0.7.0, and deploy/modproxy of HEAD does not have it"}},
		"a failing test": {"bff-a", "v0.2.0", func(c checkout) {
			c.write("bff-a/main_test.go", strings.ReplaceAll(c.read("bff-a/main_test.go"), `"one"`, `"two"`))
			c.commit()
		}, []string{"bff-a does not work with the shared that it pins", "FAIL: TestHello"}},
		"a test that only the workspace lets pass": {"bff-a", "v0.2.0", func(c checkout) {
			c.write("shared/greet/greet.go", "package greet\n\n// Hello greets.\nfunc Hello() string { return \"two\" }\n")
			c.write("bff-a/main_test.go", strings.ReplaceAll(c.read("bff-a/main_test.go"), `"one"`, `"two"`))
			c.commit()
			c.run("go", "test", "./bff-a")
		}, []string{"bff-a does not work with the shared that it pins"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := checkout{t, t.TempDir()}
			if err := os.CopyFS(c.root, os.DirFS(house.root)); err != nil {
				t.Fatal(err)
			}
			test.change(c)
			before := c.run("git", "tag")
			_, err := c.ship(test.bff, test.version)
			wantError(t, err, test.want...)
			if after := c.run("git", "tag"); after != before {
				t.Errorf("a refused release has made a tag: %s", after)
			}
			if _, err := os.Stat(filepath.Join(c.root, "bin")); err == nil {
				t.Error("a refused release has made an image")
			}
		})
	}
}

func TestAnnounced(t *testing.T) {
	got := strings.Join(announced("# Changelog\n\n## Unreleased\n\n## [v0.2.0] 2026-11-24\n\n### v9.9.9\n\n## v0.1.0-rc.1\nText ## v7.0.0\n"), " ")
	if want := "v0.2.0 v0.1.0-rc.1"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
