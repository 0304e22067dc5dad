package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
)

// files that every peer finds in the folder that it runs in.
var files = []string{"cert.pem", "key.pem", "both.pem", "issuer.pem"}

// A gateway is a peer that runs.
type gateway struct {
	*process
	listen string   // host:port
	tokens []string // that it is shown, in turn
	length int      // of its answer on the wire
}

// with runs a peer for one scenario and calls do as soon as it answers as it
// should. With a folder for profiles, our own gateway writes one.
func (w *world) with(s *scenario, p *peer, profiles string, do func(*gateway) error) error {
	var env []string
	if profiles != "" && p.program == "gateway" {
		if err := os.MkdirAll(profiles, 0o755); err != nil {
			return err
		}
		env = append(env, "CPU_PROFILE="+filepath.Join(profiles, s.name+"-"+p.name+".pprof"))
	}
	g, err := w.startPeer(p, s, env...)
	if err != nil {
		return err
	}
	defer g.end()
	if !p.anonymous {
		g.tokens = w.tokens[:s.tokens]
	}
	if g.length, err = g.check(s); err != nil {
		return err
	}
	return do(g)
}

// startPeer starts a peer for one scenario, in a folder of its own.
func (w *world) startPeer(p *peer, s *scenario, env ...string) (*gateway, error) {
	folder, err := os.MkdirTemp(w.folder, s.name+"-"+p.name+"-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(folder, 0o755); err != nil {
		return nil, err
	}
	for _, name := range files {
		if err := os.Link(filepath.Join(w.folder, name), filepath.Join(folder, name)); err != nil {
			return nil, err
		}
	}
	listen, err := freePort()
	if err != nil {
		return nil, err
	}
	conf := &setup{Listen: listen, Services: w.services, TLS: s.tls, Identity: s.must, Duties: p.duties, scenario: s}
	if err := p.write(folder, conf); err != nil {
		return nil, err
	}
	path, err := p.find()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, p.args(conf)...)
	cmd.Dir = folder
	cmd.Env = append([]string{"HOME=" + folder, "USAGE_DISABLE=1"}, env...)
	running, err := w.cores.start(cmd, filepath.Join(folder, "log"), true)
	return &gateway{process: running, listen: listen}, err
}

// freePort is an address of 127.0.0.1 on which nobody listens, for programs that
// cannot say which one they took.
func freePort() (string, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
