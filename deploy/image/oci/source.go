// Package oci makes a gateway's container image out of a commit.
//
// What goes in is the gateway's folder and deploy/modproxy as HEAD has them, copied
// to a folder of their own: nothing beside them can be built in, neither another
// gateway, nor the shared/ of the checkout, nor what nobody has committed. The image
// has no base. It holds the program, the certificates of the public authorities, the
// user that it runs as, and the list of what the program is made of.
//
// Every time in it is the commit's and every owner and mode is fixed, so the same
// commit, version and Go release give the same digests on any machine. This package
// is of that commit too, with the certificates and the compression that it brings.
package oci

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"github.com/triptych-bff/triptych/deploy/internal/subprocess"
)

// modproxy is the folder of the released modules, in the repository's root.
const modproxy = "deploy/modproxy"

// A Source is what one gateway is built from, in a temporary folder.
type Source struct {
	Name   string         // of the gateway, its folder and its program
	House  string         // what the paths of all our modules begin with
	Shared module.Version // that it pins
	Commit string
	Time   time.Time // of the commit

	dir string
	env []string // of go commands
}

// Open copies what HEAD has of a gateway and of the released modules. It refuses a
// folder that is not as HEAD has it: such an image could never be built again, and
// one of HEAD would not be what its builder sees. Whatever else is not committed is
// not looked at, so that a team ships whatever the others are doing.
func Open(ctx context.Context, checkout, bff string) (*Source, error) {
	if !regexp.MustCompile(`^bff-[a-z0-9-]+$`).MatchString(bff) {
		return nil, fmt.Errorf("which gateway: %q is not a folder such as bff-tv", bff)
	}
	root, err := subprocess.Output(ctx, checkout, nil, "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	root = strings.TrimSpace(root)
	s := &Source{Name: bff}
	if err := s.describe(ctx, root); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "image-"); err != nil {
		return nil, err
	}
	if err := errors.Join(s.copy(ctx, root), s.published()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.env, err = s.environment(ctx, root); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close deletes the copy.
func (s *Source) Close() error { return os.RemoveAll(s.dir) }

// describe reads what there is to know about the gateway at HEAD.
func (s *Source) describe(ctx context.Context, root string) error {
	dirty, err := subprocess.Output(ctx, root, nil, "git", "status", "--porcelain", "--", s.Name)
	if err != nil {
		return err
	}
	if dirty != "" {
		return fmt.Errorf("an image is made from a commit, and these are not committed:\n%s", dirty)
	}
	about, err := subprocess.Output(ctx, root, nil, "git", "show", "--no-patch", "--format=%H %ct", "HEAD")
	if err != nil {
		return err
	}
	var seconds int64
	if _, err := fmt.Sscan(about, &s.Commit, &seconds); err != nil {
		return fmt.Errorf("commit %q: %w", about, err)
	}
	s.Time = time.Unix(seconds, 0).UTC()
	text, err := subprocess.Output(ctx, root, nil, "git", "show", s.Commit+":"+s.Name+"/go.mod")
	if err != nil {
		return fmt.Errorf("%s is no module at HEAD: %w", s.Name, err)
	}
	return s.pin([]byte(text))
}

// pin finds the version of shared that the gateway's go.mod requires.
func (s *Source) pin(text []byte) error {
	mod, err := modfile.Parse(s.Name+"/go.mod", text, nil)
	if err != nil {
		return err
	}
	if len(mod.Replace) > 0 {
		return fmt.Errorf("%s/go.mod has a replace directive: what is built would not be what it requires", s.Name)
	}
	s.House = path.Dir(mod.Module.Mod.Path)
	for _, require := range mod.Require {
		if base, _, _ := module.SplitPathVersion(require.Mod.Path); base == s.House+"/shared" {
			s.Shared = require.Mod
			return nil
		}
	}
	return fmt.Errorf("%s/go.mod requires no version of %s/shared (make upgrade)", s.Name, s.House)
}

// copy unpacks what the image is made from: of the commit that was described, since
// HEAD may have moved on, and with the line ends that are committed.
func (s *Source) copy(ctx context.Context, root string) error {
	archive, err := subprocess.Output(ctx, root, nil, "git", "-c", "core.autocrlf=input", "-c", "core.eol=lf",
		"archive", "--format=tar", s.Commit, "--", s.Name, modproxy)
	if err != nil {
		return fmt.Errorf("%s is built from itself and %s, which HEAD must have: %w", s.Name, modproxy, err)
	}
	return unpack(s.dir, strings.NewReader(archive))
}

// published says whether the pinned version of shared is among what was copied.
func (s *Source) published() error {
	escaped, err := module.EscapePath(s.Shared.Path)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(s.dir, modproxy, escaped, "@v", s.Shared.Version+".zip")); err != nil {
		return fmt.Errorf("%s pins shared %s, and %s of HEAD does not have it (make release-shared, and commit)", s.Name, s.Shared.Version, modproxy)
	}
	return nil
}

// environment is that of the go commands: the user's, except for what could lead to
// another program. Modules come from the copied proxy first, then from wherever the
// user gets them; that may not be the checkout's proxy, which can have more than HEAD.
func (s *Source) environment(ctx context.Context, root string) ([]string, error) {
	text, err := subprocess.Output(ctx, root, nil, "go", "env", "-json",
		"GOPROXY", "GONOSUMDB", "GOFLAGS", "GOMODCACHE", "GOCACHE", "GOSUMDB", "GOINSECURE", "GOAUTH", "GOTOOLCHAIN")
	if err != nil {
		return nil, err
	}
	var user map[string]string
	if err := json.Unmarshal([]byte(text), &user); err != nil {
		return nil, err
	}
	proxies := []string{fileURL(filepath.Join(s.dir, modproxy))}
	for _, proxy := range strings.Split(user["GOPROXY"], ",") {
		if proxy != "" && proxy != fileURL(filepath.Join(root, modproxy)) {
			proxies = append(proxies, proxy)
		}
	}
	user["GOPROXY"] = strings.Join(proxies, ",")
	user["GONOSUMDB"] = strings.TrimSuffix(s.House+"/*,"+user["GONOSUMDB"], ",") // no public log knows our modules
	user["GONOPROXY"] = "none"                                                   // a GOPRIVATE must not lead around the proxy
	if !strings.Contains(user["GOFLAGS"], "-modcacherw") {
		user["GOFLAGS"] = ""
	} else {
		user["GOFLAGS"] = "-modcacherw" // says who may delete the cache, nothing about programs
	}
	env := []string{"GOENV=off", "GOWORK=off", "GOEXPERIMENT=", "GOFIPS140=off"}
	for name, value := range user {
		env = append(env, name+"="+value)
	}
	return env, nil
}

func fileURL(dir string) string {
	slashed := filepath.ToSlash(dir)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/…
	}
	return "file://" + slashed
}

// Test runs the gateway's tests on what it pins.
func (s *Source) Test(ctx context.Context) error {
	_, err := subprocess.Output(ctx, filepath.Join(s.dir, s.Name), s.env, "go", "test", "-vet=off", "./...")
	return err
}

// Stamp is the part of a commit's id that a program says: of a fixed length, since
// git abbreviates by how much else is in a clone.
func (s *Source) Stamp() string { return s.Commit[:min(12, len(s.Commit))] }

// buildFlags are those of go build. Nothing in the program depends on where it was
// built, and nothing that a debugger wants is in it.
func buildFlags(version, commit string) []string {
	return []string{
		"-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -buildid= -X main.version=" + version + " -X main.commit=" + commit,
	}
}

// build compiles the gateway for Linux, static.
func (s *Source) build(ctx context.Context, arch, version string) ([]byte, error) {
	program := filepath.Join(s.dir, s.Name+"."+arch)
	args := append([]string{"build", "-o", program}, buildFlags(version, s.Stamp())...)
	env := append(s.env, "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOAMD64=v1", "GOARM64=v8.0")
	if _, err := subprocess.Output(ctx, filepath.Join(s.dir, s.Name), env, "go", append(args, ".")...); err != nil {
		return nil, err
	}
	return os.ReadFile(program)
}

// unpack writes a tar archive of folders and files below dir.
func unpack(dir string, archive io.Reader) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for reader := tar.NewReader(archive); ; {
		head, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := unpackOne(root, head, reader); err != nil {
			return err
		}
	}
}

func unpackOne(root *os.Root, head *tar.Header, content io.Reader) error {
	name := path.Clean(head.Name)
	switch head.Typeflag {
	case tar.TypeXGlobalHeader: // git's comment: the commit
		return nil
	case tar.TypeDir:
		return root.MkdirAll(name, 0o755)
	case tar.TypeReg:
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		file, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, head.FileInfo().Mode().Perm())
		if err != nil {
			return err
		}
		_, err = io.Copy(file, content)
		return errors.Join(err, file.Close())
	}
	return fmt.Errorf("%s is neither a folder nor a file", head.Name)
}
