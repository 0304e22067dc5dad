package oci

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// inside is the image's program as a container runs it: as its user, below its root
// and without any environment. Only root can do that; for others it is the program
// alone.
func inside(rootfs string, env []string, args ...string) *exec.Cmd {
	c := &exec.Cmd{Path: "/" + gateway, Args: append([]string{gateway}, args...), Dir: "/", Env: append([]string{}, env...)}
	if os.Getuid() != 0 {
		c.Path = filepath.Join(rootfs, gateway)
		return c
	}
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: rootfs, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	return c
}

// TestRunsAlone: nothing but the image is needed to run the program.
func TestRunsAlone(t *testing.T) {
	p := image(t)
	rootfs := p.here(t)
	t.Run("as its user below its root", func(t *testing.T) {
		if os.Getuid() != 0 {
			skip(t, "only root can change the root; the program runs beside the machine's files")
		}
	})
	said := func(env []string, args ...string) string {
		t.Helper()
		out, err := inside(rootfs, env, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	if got, want := said(nil, "version"), "bff-tv "+release+" (shared "+p.source.Shared.Version+", commit "+p.source.Stamp()+", "; !strings.HasPrefix(got, want) {
		t.Errorf("version says %q, not %q", got, want)
	}
	if got := said(nil, "check"); !strings.Contains(got, "no faults") {
		t.Errorf("check says %s", got)
	}
	// A variable that the program does not know would be a fault.
	if got := said(container(gateway).Env, "check"); !strings.Contains(got, "no faults") {
		t.Errorf("with the image's environment, check says %s", got)
	}
	serves(t, rootfs)
}

// serves runs the gateway until SIGTERM.
func serves(t *testing.T, rootfs string) {
	t.Helper()
	public, admin := freeAddress(t), freeAddress(t)
	run := inside(rootfs, nil, "run", "--set", "server.listen="+public, "--set", "admin.listen="+admin)
	var out bytes.Buffer
	run.Stdout, run.Stderr = &out, &out
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	defer func() { _ = run.Process.Kill() }()

	patience := time.After(30 * time.Second)
	for again := time.NewTicker(20 * time.Millisecond); !ready("http://" + admin + "/readyz"); {
		select {
		case <-again.C:
		case err := <-ended:
			t.Fatalf("it has ended: %v\n%s", err, &out)
		case <-patience:
			t.Fatal("it is not ready after 30 s")
		}
	}
	if resp, err := http.Get("http://" + public + "/v1/home"); err != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token, the first screen: %+v, %v", resp, err)
	}
	if err := run.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("after SIGTERM it ends with %v\n%s", err, &out)
		}
	case <-patience:
		t.Fatal("it has not ended 30 s after its start")
	}
}

func ready(url string) bool {
	resp, err := http.Get(url)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
