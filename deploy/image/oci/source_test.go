package oci

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/triptych-bff/triptych/deploy/internal/subprocess"
)

// A checkout is a repository with one gateway and one released version of shared.
type checkout struct {
	*testing.T
	root string
}

func newCheckout(t *testing.T) checkout {
	for name, value := range map[string]string{
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_SYSTEM": os.DevNull,
		"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.test", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.test",
		"GIT_COMMITTER_DATE": "2026-11-24T12:00:00+01:00",
	} {
		t.Setenv(name, value)
	}
	c := checkout{t, t.TempDir()}
	c.write("bff-a/go.mod", "module example.test/house/bff-a\n\ngo 1.26.0\n\nrequire example.test/house/shared v0.1.0\n")
	c.write("bff-a/main.go", "package main\n\nfunc main() {}\n")
	c.write("shared/go.mod", "module example.test/house/shared\n")
	c.write("deploy/modproxy/example.test/house/shared/@v/v0.1.0.zip", "a zip")
	c.run("init", "-q")
	c.commit()
	return c
}

func (c checkout) write(name, text string) {
	c.Helper()
	path := filepath.Join(c.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		c.Fatal(err)
	}
}

func (c checkout) run(args ...string) {
	c.Helper()
	if _, err := subprocess.Output(c.Context(), c.root, nil, "git", args...); err != nil {
		c.Fatal(err)
	}
}

func (c checkout) commit() {
	c.Helper()
	c.run("add", "-A")
	c.run("commit", "-q", "-m", "state")
}

// TestSource: the copy has the gateway and the released modules as HEAD has them,
// whatever else is going on in the checkout.
func TestSource(t *testing.T) {
	c := newCheckout(t)
	c.write("shared/new.go", "package shared // of somebody else, not committed\n")
	c.write("deploy/modproxy/example.test/house/shared/@v/v0.2.0.zip", "not committed either")
	s, err := Open(t.Context(), c.root, "bff-a")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.House != "example.test/house" || s.Shared.String() != "example.test/house/shared@v0.1.0" || s.Time.Format("15:04 MST") != "11:00 UTC" || len(s.Commit) != 40 {
		t.Errorf("it is %+v", s)
	}
	var got []string
	if err := filepath.Walk(s.dir, func(path string, about os.FileInfo, err error) error {
		if err == nil && !about.IsDir() {
			got = append(got, strings.TrimPrefix(path, s.dir))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if want := "/bff-a/go.mod /bff-a/main.go /deploy/modproxy/example.test/house/shared/@v/v0.1.0.zip"; strings.Join(got, " ") != want {
		t.Errorf("copied: %q, want %q", got, want)
	}
	for _, want := range []string{"GOWORK=off", "GOFLAGS=", "GOENV=off", "GONOPROXY=none", "GOPROXY=file://" + s.dir + "/deploy/modproxy"} {
		found := false
		for _, got := range s.env {
			found = found || strings.HasPrefix(got, want)
		}
		if !found {
			t.Errorf("the environment has no %s", want)
		}
	}
}

// TestTheCheckoutsOwnProxyIsNotAsked: it may hold what nobody has committed.
func TestTheCheckoutsOwnProxyIsNotAsked(t *testing.T) {
	c := newCheckout(t)
	t.Setenv("GOPROXY", "file://"+c.root+"/deploy/modproxy,https://proxy.example.test")
	s, err := Open(t.Context(), c.root, "bff-a")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	last := ""
	for _, variable := range s.env {
		if strings.HasPrefix(variable, "GOPROXY=") {
			last = variable
		}
	}
	if want := "GOPROXY=file://" + s.dir + "/deploy/modproxy,https://proxy.example.test"; last != want {
		t.Errorf("%s, want %s", last, want)
	}
}

// TestOneCommit: what is copied is of the commit that the image will name, even if
// somebody commits in between.
func TestOneCommit(t *testing.T) {
	c := newCheckout(t)
	s := &Source{Name: "bff-a", dir: t.TempDir()}
	if err := s.describe(t.Context(), c.root); err != nil {
		t.Fatal(err)
	}
	c.write("bff-a/main.go", "package main // of the next commit\n")
	c.commit()
	if err := s.copy(t.Context(), c.root); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(s.dir, "bff-a", "main.go"))
	if want := "package main\n\nfunc main() {}\n"; err != nil || string(got) != want {
		t.Errorf("copied %q, want %q: %v", got, want, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	const at = "deploy/modproxy/example.test/house/shared/@v/v0.1.0.zip"
	for name, test := range map[string]struct {
		bff    string
		change func(checkout)
		want   string
	}{
		"another folder":        {"shared", func(checkout) {}, "is not a folder such as bff-tv"},
		"a path":                {"../bff-a", func(checkout) {}, "is not a folder such as bff-tv"},
		"nothing":               {"", func(checkout) {}, "is not a folder such as bff-tv"},
		"no such gateway":       {"bff-b", func(checkout) {}, "bff-b is no module at HEAD"},
		"an uncommitted file":   {"bff-a", func(c checkout) { c.write("bff-a/new.go", "package main\n") }, "bff-a/new.go"},
		"an uncommitted change": {"bff-a", func(c checkout) { c.write("bff-a/main.go", "package main\n") }, "not committed"},
		"a replaced module": {"bff-a", func(c checkout) {
			c.write("bff-a/go.mod", "module example.test/house/bff-a\n\nrequire example.test/house/shared v0.1.0\n\nreplace example.test/house/shared => ../shared\n")
			c.commit()
		}, "replace directive"},
		"no pin": {"bff-a", func(c checkout) {
			c.write("bff-a/go.mod", "module example.test/house/bff-a\n")
			c.commit()
		}, "requires no version of example.test/house/shared"},
		"a pin that only the checkout has": {"bff-a", func(c checkout) {
			c.run("rm", "-q", "--cached", at)
			c.write("deploy/modproxy/README", "something is committed there\n")
			c.run("add", "deploy/modproxy/README")
			c.run("commit", "-q", "-m", "state")
		}, "bff-a pins shared v0.1.0, and deploy/modproxy of HEAD does not have it"},
		"no releases at all": {"bff-a", func(c checkout) {
			c.run("rm", "-q", at)
			c.run("commit", "-q", "-m", "state")
		}, "deploy/modproxy, which HEAD must have"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCheckout(t)
			test.change(c)
			s, err := Open(t.Context(), c.root, test.bff)
			if err == nil {
				s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestImageRefusesVersions(t *testing.T) {
	for _, version := range []string{"", "v1 2", "-v", "v1+meta", "v1/2", strings.Repeat("v", 129)} {
		if _, err := new(Source).Image(t.Context(), version); err == nil || !strings.Contains(err.Error(), "want one that can be an image's tag") {
			t.Errorf("%q: %v", version, err)
		}
	}
}

// TestUnpackStaysInside: whoever lists the image of a stranger gets no file of his.
func TestUnpackStaysInside(t *testing.T) {
	for name, head := range map[string]*tar.Header{
		"a path upwards": {Typeflag: tar.TypeReg, Name: "../out", Mode: 0o644},
		"a whole path":   {Typeflag: tar.TypeReg, Name: "/out", Mode: 0o644},
		"a link":         {Typeflag: tar.TypeSymlink, Name: "out", Linkname: "/"},
		"a device":       {Typeflag: tar.TypeChar, Name: "out"},
	} {
		var archive bytes.Buffer
		w := tar.NewWriter(&archive)
		if err := w.WriteHeader(head); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := unpack(t.TempDir(), &archive); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
