package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/triptych-bff/triptych/deploy/internal/subprocess"
)

// sharedDir is the folder of the released module, in the repository's root.
const sharedDir = "shared"

// A repository is one checkout: the module, the gateways and the proxy.
type repository struct {
	root   string // absolute
	module string // path of shared, as its go.mod has it now
	proxy  proxy
	out    io.Writer
}

// open finds the checkout around dir.
func open(ctx context.Context, dir string, out io.Writer) (*repository, error) {
	root, err := subprocess.Output(ctx, dir, nil, "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	r := &repository{root: strings.TrimSpace(root), out: out}
	text, err := os.ReadFile(filepath.Join(r.root, sharedDir, "go.mod"))
	if err != nil {
		return nil, err
	}
	if r.module = modfile.ModulePath(text); r.module == "" {
		return nil, errors.New("shared/go.mod names no module")
	}
	r.proxy, err = newProxy(filepath.Join(r.root, "deploy", "modproxy"), r.module)
	return r, err
}

func (r *repository) git(ctx context.Context, args ...string) (string, error) {
	text, err := subprocess.Output(ctx, r.root, nil, "git", args...)
	return strings.TrimSpace(text), err
}

// goEnv is the environment for go commands that read released versions: outside the
// workspace, from the proxy in the repository first. Our module is in no public
// checksum log, and a GOPRIVATE must not lead around the proxy.
func (r *repository) goEnv(ctx context.Context) ([]string, error) {
	text, err := subprocess.Output(ctx, r.root, nil, "go", "env", "GOPROXY", "GONOSUMDB")
	if err != nil {
		return nil, err
	}
	lines := strings.Split(text, "\n")
	return []string{
		"GOWORK=off",
		"GOPROXY=file://" + filepath.ToSlash(r.proxy.root) + "," + lines[0],
		"GONOSUMDB=" + strings.TrimSuffix(r.module+","+lines[1], ","),
		"GONOPROXY=none",
	}, nil
}
