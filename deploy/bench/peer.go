package main

import (
	"bytes"
	"debug/buildinfo"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
)

// A peer is one gateway in one configuration.
type peer struct {
	name      string
	program   string   // its name
	scenarios []string // that it can do
	config    string   // template in conf, written into the folder that it runs in
	as        string   // the name of the written file
	args      func(s *setup) []string
	version   []string // arguments that make it say its version; nil for our own programs
	duties    bool     // as far as it has them: access log, limits
	anonymous bool     // is never shown a token
}

func (p *peer) named() string { return p.name }

// setup is what a peer's configuration is made of.
type setup struct {
	Listen   string            // host:port
	Services map[string]string // host:port, by name
	TLS      bool
	Identity bool // only for holders of tokens
	Duties   bool
	scenario *scenario
}

var (
	passing     = []string{"pass", "tls", "http2"}
	identifying = []string{"identity", "identity-many"}
	aggregating = []string{"rich", "small", "small-gzip"}
)

// peers are all of them, ours first.
func peers() []*peer {
	return []*peer{
		{
			name: "triptych", program: "gateway", config: "triptych.yaml", as: "config.yaml",
			scenarios: slices.Concat(passing, identifying, aggregating, []string{"cached"}),
			args:      func(*setup) []string { return []string{"run"} },
		},
		{
			name: "triptych-bare", program: "gateway", config: "triptych-bare.yaml", as: "config.yaml", anonymous: true,
			scenarios: slices.Concat(passing, []string{"rich", "small", "cached"}),
			args:      func(*setup) []string { return []string{"run"} },
		},
		{name: "nginx", program: "nginx", config: "nginx.conf", scenarios: passing, args: nginx, version: []string{"-v"}},
		{name: "nginx-duties", program: "nginx", config: "nginx.conf", scenarios: passing, args: nginx, version: []string{"-v"}, duties: true},
		{name: "haproxy", program: "haproxy", config: "haproxy.cfg", scenarios: passing, args: haproxy, version: []string{"-v"}},
		{
			name: "haproxy-duties", program: "haproxy", config: "haproxy.cfg", duties: true,
			scenarios: slices.Concat(passing, identifying), args: haproxy, version: []string{"-v"},
		},
		{
			name: "caddy", program: "caddy", config: "Caddyfile", scenarios: passing, version: []string{"version"},
			args: func(*setup) []string { return []string{"run", "--config", "Caddyfile", "--adapter", "caddyfile"} },
		},
		{
			name: "traefik", program: "traefik", config: "traefik.yaml", scenarios: passing, version: []string{"version"},
			args: func(s *setup) []string {
				return []string{"--global.checknewversion=false", "--global.sendanonymoususage=false", "--log.level=ERROR", "--entrypoints.main.address=" + s.Listen, "--providers.file.filename=traefik.yaml", "--providers.file.watch=false", "--serverstransport.maxidleconnsperhost=256"}
			},
		},
		{
			name: "krakend", program: "krakend", config: "krakend.json", version: []string{"version"},
			scenarios: slices.Concat(passing, identifying, aggregating, []string{"cached"}),
			args:      func(*setup) []string { return []string{"run", "-c", "krakend.json"} },
		},
		{name: "go-reverseproxy", program: "ordinary", scenarios: passing, args: ordinary},
		{name: "go-map", program: "ordinary", scenarios: []string{"rich", "small"}, args: ordinary},
	}
}

func nginx(*setup) []string   { return []string{"-p", ".", "-c", "nginx.conf"} }
func haproxy(*setup) []string { return []string{"-db", "-f", "haproxy.cfg"} }

func ordinary(s *setup) []string {
	where, _ := json.Marshal(s.Services) // of text only: cannot fail
	args := []string{"-listen", s.Listen, "-services", string(where)}
	if s.TLS {
		args = append(args, "-cert", "both.pem")
	}
	return args
}

// find returns the chosen peers whose programs are here, and why others are not.
func find(chosen []string) (installed []*peer, skipped []string) {
	for _, p := range peers() {
		if !slices.Contains(chosen, p.name) {
			continue
		}
		if _, err := p.find(); err != nil {
			skipped = append(skipped, p.name+": "+err.Error())
			continue
		}
		installed = append(installed, p)
	}
	return installed, skipped
}

// findProgram is the path of somebody else's program: what the environment
// variable of its name in upper case says, or in bin/, or in the path.
func findProgram(name string) (string, error) {
	variable := strings.ToUpper(name)
	if path := os.Getenv(variable); path != "" {
		return filepath.Abs(path)
	}
	if path, err := beside(filepath.Join("..", name)); err == nil {
		return path, nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s is neither installed nor named by $%s", name, variable)
	}
	return filepath.Abs(path)
}

// beside is the path of a file next to this program, as our own others are.
func beside(name string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(self), name)
	_, err = os.Stat(path)
	return path, err
}

// find is the path of the peer's program.
func (p *peer) find() (string, error) {
	if p.ours() {
		return beside(p.program)
	}
	return findProgram(p.program)
}

// ours reports whether the program is built with this one.
func (p *peer) ours() bool { return p.version == nil }

// release is what the peer's program says of its version, in its first line that
// has a digit, or what Go has put into it.
func (p *peer) release() string {
	path, err := p.find()
	if err != nil || p.ours() {
		return ""
	}
	out, _ := exec.Command(path, p.version...).CombinedOutput() // whatever it says
	text := "of unknown version"
	for line := range strings.Lines(string(out)) {
		if strings.ContainsAny(line, "0123456789") {
			text = strings.TrimSpace(line)
			break
		}
	}
	if info, err := buildinfo.ReadFile(path); err == nil && strings.HasPrefix(info.Main.Version, "v") {
		text = info.Main.Version
	}
	if !strings.Contains(strings.ToLower(text), p.program) {
		text = p.program + " " + text
	}
	return text
}

//go:embed conf
var conf embed.FS

// write puts the peer's configuration into the folder that it runs in.
func (p *peer) write(folder string, s *setup) error {
	if p.config == "" {
		return nil
	}
	if p.name == "krakend" {
		return os.WriteFile(filepath.Join(folder, p.config), krakend(s), 0o644)
	}
	t, err := template.New(p.config).Option("missingkey=error").ParseFS(conf, "conf/"+p.config)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := t.Execute(&text, s); err != nil {
		return err
	}
	name := p.as
	if name == "" {
		name = p.config
	}
	return os.WriteFile(filepath.Join(folder, name), text.Bytes(), 0o644)
}
