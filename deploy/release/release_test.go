package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/exp/apidiff"

	"github.com/triptych-bff/triptych/deploy/internal/subprocess"
)

const testModule = "example.test/house/shared"

// A checkout is a small repository of the same shape as ours, worked on with the
// real git and go commands, without a network.
type checkout struct {
	*testing.T
	root string
}

func newCheckout(t *testing.T) checkout {
	t.Helper()
	home := t.TempDir()
	for name, value := range map[string]string{
		"GOPROXY": "off", "GOMODCACHE": filepath.Join(home, "mod"), "GOFLAGS": "-modcacherw", "GOWORK": "", "GONOSUMDB": "", "GOPRIVATE": "example.test",
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_SYSTEM": os.DevNull,
		"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.test", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.test",
		"GIT_COMMITTER_DATE": "2026-11-24T12:00:00+01:00",
	} {
		t.Setenv(name, value)
	}
	c := checkout{t, filepath.Join(home, "house")}
	c.write("shared/go.mod", "module "+testModule+"\n\ngo 1.26.0\n")
	c.write("shared/LICENSE", "free\n")
	c.write("shared/CHANGELOG.md", "# Changes\n\n## v0.1.0\n\nThe first.\n")
	c.write("shared/greet/greet.go", "package greet\n\n// Hello greets.\nfunc Hello() string { return \"one\" }\n")
	c.write("shared/internal/secret/secret.go", "package secret\n\nfunc Gone() {}\n")
	for _, bff := range []string{"bff-a", "bff-b"} {
		c.write(bff+"/go.mod", "module example.test/house/"+bff+"\n\ngo 1.26.0\n")
		c.write(bff+"/main.go", "package main\n\nimport \""+testModule+"/greet\"\n\nfunc main() { println(greet.Hello()) }\n")
	}
	c.write("go.work", "go 1.26.0\n\nuse (\n\t./bff-a\n\t./bff-b\n\t./shared\n)\n\n// Why the lines are here.\nreplace "+testModule+" v0.1.0 => ./shared\n")
	c.run("git", "init", "-q")
	c.commit()
	return c
}

func (c checkout) write(name, text string) {
	c.Helper()
	path := filepath.Join(c.root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		c.Fatal(err)
	}
}

func (c checkout) read(name string) string {
	c.Helper()
	text, err := os.ReadFile(filepath.Join(c.root, filepath.FromSlash(name)))
	if err != nil {
		c.Fatal(err)
	}
	return string(text)
}

func (c checkout) run(name string, args ...string) string {
	c.Helper()
	text, err := subprocess.Output(c.Context(), c.root, nil, name, args...)
	if err != nil {
		c.Fatal(err)
	}
	return text
}

func (c checkout) commit() {
	c.Helper()
	c.run("git", "add", "-A")
	c.run("git", "commit", "-q", "-m", "state")
}

// do opens the checkout and calls one command. It returns what was printed.
func (c checkout) do(call func(*repository, context.Context) error) (string, error) {
	c.Helper()
	var out bytes.Buffer
	r, err := open(c.Context(), c.root, &out)
	if err != nil {
		c.Fatal(err)
	}
	err = call(r, c.Context())
	return out.String(), err
}

func (c checkout) release(version string) (string, error) {
	c.Helper()
	return c.do(func(r *repository, ctx context.Context) error { return r.release(ctx, version) })
}

func (c checkout) upgrade(bff, version string) error {
	c.Helper()
	_, err := c.do(func(r *repository, ctx context.Context) error { return r.upgrade(ctx, bff, version) })
	return err
}

func (c checkout) verify(strict bool) (string, error) {
	c.Helper()
	return c.do(func(r *repository, ctx context.Context) error { return r.verify(ctx, strict) })
}

func (c checkout) mustRelease(version string) string {
	c.Helper()
	out, err := c.release(version)
	if err != nil {
		c.Fatal(err)
	}
	c.commit()
	return out
}

func (c checkout) mustUpgrade(bff, version string) {
	c.Helper()
	if err := c.upgrade(bff, version); err != nil {
		c.Fatal(err)
	}
	c.commit()
}

// pinned runs a gateway with the shared that it pins: what is shipped.
func (c checkout) pinned(bff string) string {
	c.Helper()
	var text string
	_, err := c.do(func(r *repository, ctx context.Context) error {
		env, err := r.goEnv(ctx)
		if err != nil {
			return err
		}
		binary := filepath.Join(c.TempDir(), bff)
		if _, err := subprocess.Output(ctx, filepath.Join(c.root, bff), env, "go", "build", "-o", binary, "."); err != nil {
			return err
		}
		text, err = subprocess.Output(ctx, c.root, nil, "sh", "-c", binary+" 2>&1")
		return err
	})
	if err != nil {
		c.Fatal(err)
	}
	return strings.TrimSpace(text)
}

// wantError fails unless the message of err has all the parts.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Fatalf("got error %v, want one with %q", err, part)
		}
	}
}

// The whole story: two gateways on two versions in one checkout, each building what
// it pins, both building HEAD in the workspace.
func TestTwoGatewaysTwoVersions(t *testing.T) {
	c := newCheckout(t)
	if out := c.mustRelease("v0.1.0"); !strings.Contains(out, "first release") {
		t.Errorf("printed %q", out)
	}
	if got := c.read("deploy/modproxy/" + testModule + "/@v/v0.1.0.info"); got != `{"Version":"v0.1.0","Time":"2026-11-24T11:00:00Z"}` {
		t.Errorf(".info: %s", got)
	}
	if got := c.run("git", "tag"); got != "shared/v0.1.0\n" {
		t.Errorf("tags: %q", got)
	}
	c.mustUpgrade("bff-a", "v0.1.0")

	c.write("shared/greet/greet.go", "package greet\n\n// Hello greets.\nfunc Hello() string { return \"two\" }\n\n// Bye is new.\nfunc Bye() {}\n")
	c.write("shared/CHANGELOG.md", "# Changes\n\n## v0.2.0\n\nBye.\n\n## v0.1.0\n\nThe first.\n")
	c.commit()
	if out := c.mustRelease("v0.2.0"); !strings.Contains(out, "Bye: added") {
		t.Errorf("printed %q, want the difference of the API", out)
	}
	c.mustUpgrade("bff-b", "v0.2.0")

	if a, b := c.pinned("bff-a"), c.pinned("bff-b"); a != "one" || b != "two" {
		t.Errorf("pinned, the gateways say %q and %q, want one and two", a, b)
	}
	lines := "replace (\n\t// Why the lines are here.\n\t" + testModule + " v0.1.0 => ./shared\n\t" + testModule + " v0.2.0 => ./shared\n)\n"
	if !strings.HasSuffix(c.read("go.work"), lines) {
		t.Errorf("go.work:\n%s", c.read("go.work"))
	}
	c.run("go", "vet", "./bff-a", "./bff-b") // the workspace needs no proxy
	if out, err := c.verify(true); err != nil || strings.Count(out, "equal to what tree") != 2 {
		t.Errorf("verify: %s%v", out, err)
	}

	c.mustUpgrade("bff-a", "v0.2.0")
	if strings.Contains(c.read("go.work"), "v0.1.0") || !strings.Contains(c.read("go.work"), "// Why the lines are here.\nreplace") {
		t.Errorf("go.work keeps a version that nobody pins, or loses its comment:\n%s", c.read("go.work"))
	}
}

func TestReleaseRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		version string
		change  func(checkout)
		want    []string
	}{
		"a short version":    {"v0.1", func(checkout) {}, []string{"want one such as v0.2.0"}},
		"another major":      {"v2.0.0", func(checkout) {}, []string{"does not fit the module path"}},
		"nothing to tell":    {"v0.3.0", func(checkout) {}, []string{"CHANGELOG.md says nothing about v0.3.0"}},
		"uncommitted change": {"v0.1.0", func(c checkout) { c.write("shared/greet/greet.go", "package greet\n") }, []string{"not committed", "greet.go"}},
		"untracked file":     {"v0.1.0", func(c checkout) { c.write("shared/new.go", "package shared\n") }, []string{"not committed", "new.go"}},
		"no license": {"v0.1.0", func(c checkout) {
			c.run("git", "rm", "-q", "shared/LICENSE")
			c.commit()
		}, []string{"LICENSE is missing"}},
		"does not build": {"v0.1.0", func(c checkout) {
			c.write("shared/greet/greet.go", "package greet\n\nimport _ \"example.test/elsewhere\"\n")
			c.commit()
		}, []string{"does not build without the workspace"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCheckout(t)
			test.change(c)
			_, err := c.release(test.version)
			wantError(t, err, test.want...)
			if _, err := os.Stat(filepath.Join(c.root, "deploy")); err == nil {
				t.Error("something was published all the same")
			}
		})
	}
}

func TestVersionIsNeverChanged(t *testing.T) {
	c := newCheckout(t)
	c.mustRelease("v0.1.0")
	_, err := c.release("v0.1.0")
	wantError(t, err, "a version is never changed")
}

func TestIncompatibleChange(t *testing.T) {
	c := newCheckout(t)
	c.mustRelease("v0.1.0")
	c.write("shared/greet/greet.go", "package greet\n\n// Hello greets somebody.\nfunc Hello(who string) string { return who }\n")
	c.write("shared/internal/secret/secret.go", "package secret\n")
	c.write("shared/CHANGELOG.md", "## v0.2.0\n\nMore.\n\n## v0.1.1\n\nLess.\n")
	c.commit()
	_, err := c.release("v0.1.1")
	wantError(t, err, "needs a new minor version")
	out, err := c.release("v0.2.0")
	wantError(t, err, `needs a heading "### Breaking"`)
	if !strings.Contains(out, "Hello: changed from func() string to func(string) string") || strings.Contains(out, "Gone") {
		t.Errorf("printed:\n%s\nwant the change of Hello and nothing internal", out)
	}
	c.write("shared/CHANGELOG.md", "## v0.2.0\n\n### Breaking\n\nSay whom to greet.\n")
	c.commit()
	c.mustRelease("v0.2.0")
}

func TestAllowed(t *testing.T) {
	report := func(compatible ...bool) (r apidiff.Report) {
		for _, ok := range compatible {
			r.Changes = append(r.Changes, apidiff.Change{Message: "x", Compatible: ok})
		}
		return r
	}
	adds, breaks := report(true), report(true, false)
	for _, test := range []struct {
		name, base, version string
		report              apidiff.Report
		section             string
		ok                  bool
	}{
		{"first", "", "v0.1.0", breaks, "", true},
		{"fix", "v1.2.3", "v1.2.4", report(), "", true},
		{"addition in a patch below v1", "v0.1.0", "v0.1.1", adds, "", true},
		{"addition in a patch", "v1.0.0", "v1.0.1", adds, "", false},
		{"addition in a minor", "v1.0.0", "v1.1.0", adds, "", true},
		{"break in a minor", "v1.0.0", "v1.1.0", breaks, "### Breaking\n", false},
		{"break towards v1", "v0.9.0", "v1.0.0", breaks, "### Breaking changes\n", true},
		{"break without a heading", "v0.9.0", "v0.10.0", breaks, "breaking news\n", false},
	} {
		if err := allowed(test.base, test.version, test.report, test.section); (err == nil) != test.ok {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestBase(t *testing.T) {
	versions := []string{"v0.1.0", "v0.2.0-rc.1", "v0.2.0", "v0.10.0"}
	for version, want := range map[string]string{"v0.1.0": "", "v0.2.0": "v0.1.0", "v0.2.1": "v0.2.0", "v0.11.0": "v0.10.0"} {
		if got := base(versions, version); got != want {
			t.Errorf("base of %s: %q, want %q", version, got, want)
		}
	}
}

func TestChanges(t *testing.T) {
	text := "# Changes\n\n## [v0.2.0] 2026-11-24\n\nTwo.\n\n### Breaking\n\nMuch.\n\n## v0.1.10\n\nTen.\n## v0.1.1\n"
	for version, want := range map[string]string{
		"v0.2.0": "Two.\n\n### Breaking\n\nMuch.", "v0.1.10": "Ten.", "v0.1.1": "", "v0.3.0": "",
	} {
		if diff := cmp.Diff(want, changes(text, version)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", version, diff)
		}
	}
	if !announcesBreak(changes(text, "v0.2.0")) || announcesBreak(changes(text, "v0.1.10")) {
		t.Error("the heading Breaking is seen where it is not, or not where it is")
	}
}

func TestUpgradeRefuses(t *testing.T) {
	c := newCheckout(t)
	c.mustRelease("v0.1.0")
	wantError(t, c.upgrade("bff-a", "v0.9.0"), "is not released")
	wantError(t, c.upgrade("shared", "v0.1.0"), "is not a folder beside shared")
	wantError(t, c.upgrade("../house", "v0.1.0"), "is not a folder beside shared")
	c.write("bff-a/main.go", "package main\n\nfunc main() {}\n")
	before := c.read("bff-a/go.mod")
	wantError(t, c.upgrade("bff-a", "v0.1.0"), "does nothing in it import")
	if diff := cmp.Diff(before, c.read("bff-a/go.mod")); diff != "" {
		t.Errorf("a refused upgrade has changed go.mod (-before +after):\n%s", diff)
	}
	if _, err := os.Stat(filepath.Join(c.root, "bff-a", "go.sum")); err == nil {
		t.Error("a refused upgrade has left a go.sum")
	}
}

func TestVerifyFinds(t *testing.T) {
	const at = "deploy/modproxy/" + testModule + "/@v/"
	for name, test := range map[string]struct {
		change func(checkout)
		want   []string
	}{
		"a zip of other content": {func(c checkout) {
			other := newCheckout(c.T)
			other.write("shared/greet/greet.go", "package greet\n\n// Hello lies.\nfunc Hello() string { return \"three\" }\n")
			other.commit()
			other.mustRelease("v0.1.0")
			c.write(at+"v0.1.0.zip", other.read(at+"v0.1.0.zip"))
		}, []string{"is not what tree", "bff-a/go.sum has another checksum"}},
		"a broken zip":   {func(c checkout) { c.write(at+"v0.1.0.zip", "no zip") }, []string{"v0.1.0: "}},
		"another .mod":   {func(c checkout) { c.write(at+"v0.1.0.mod", "module "+testModule+"\n") }, []string{"its .mod is not the go.mod in its zip"}},
		"another .info":  {func(c checkout) { c.write(at+"v0.1.0.info", `{"Version":"v0.1.1"}`) }, []string{`speaks of "v0.1.1"`}},
		"half a release": {func(c checkout) { c.write(at+"v0.2.0.zip", "") }, []string{"belongs to no listed version"}},
		"a line nobody needs": {func(c checkout) {
			c.write("go.work", c.read("go.work")+"\nreplace "+testModule+" v0.7.0 => ./shared\n")
		}, []string{"make upgrade keeps them in step"}},
		"a pin of nothing":     {func(c checkout) { c.write("bff-b/go.mod", c.read("bff-b/go.mod")+"\nrequire "+testModule+" v0.7.0\n") }, []string{"bff-b pins v0.7.0, which is not released"}},
		"a checksum forgotten": {func(c checkout) { c.write("bff-a/go.sum", "") }, []string{"bff-a/go.sum has another checksum"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCheckout(t)
			c.mustRelease("v0.1.0")
			c.mustUpgrade("bff-a", "v0.1.0")
			if _, err := c.verify(true); err != nil {
				t.Fatalf("before the change: %v", err)
			}
			test.change(c)
			_, err := c.verify(true)
			wantError(t, err, test.want...)
		})
	}
}

func TestVerifyWithoutHistory(t *testing.T) {
	c := newCheckout(t)
	c.mustRelease("v0.1.0")
	c.mustUpgrade("bff-a", "v0.1.0")
	c.run("git", "checkout", "-q", "--orphan", "fresh")
	c.write("shared/more.txt", "the history begins with another tree\n")
	c.commit()
	if out, err := c.verify(false); err != nil || !strings.Contains(out, "was not rebuilt") {
		t.Errorf("%s%v", out, err)
	}
	_, err := c.verify(true)
	wantError(t, err, "cannot be rebuilt")
}

func TestVerifyAfterHistoryIsRewritten(t *testing.T) {
	c := newCheckout(t)
	c.mustRelease("v0.1.0")
	c.mustUpgrade("bff-a", "v0.1.0")
	c.run("git", "checkout", "-q", "--orphan", "fresh") // the same trees, another commit
	c.commit()
	if out, err := c.verify(true); err != nil || !strings.Contains(out, "equal to what tree") {
		t.Errorf("%s%v", out, err)
	}
}
