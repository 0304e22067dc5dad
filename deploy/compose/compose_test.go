package compose

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// A container is one entry of compose.yaml.
type container struct {
	Image string
	Build struct {
		Context, Dockerfile string
		Args                map[string]string
	}
	Command   []string
	Volumes   []string
	Ports     []string
	DependsOn []string `yaml:"depends_on"`

	ReadOnly bool     `yaml:"read_only"`
	CapDrop  []string `yaml:"cap_drop"`
}

func containers(t *testing.T) map[string]container {
	t.Helper()
	text, err := os.ReadFile("../compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Services map[string]container }
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.Services
}

// gateways are the folders that have one.
func gateways(t *testing.T) []string {
	t.Helper()
	folders, err := filepath.Glob("../../bff-*")
	if err != nil || len(folders) == 0 {
		t.Fatalf("no gateways: %v", err)
	}
	for i := range folders {
		folders[i] = filepath.Base(folders[i])
	}
	return folders
}

// inside gives a gateway's configuration the addresses that the containers have: a
// service's port is the demo's, and its host is the name of its container. What
// tokens name as their issuer stays.
func inside(t *testing.T, gateway, config string) string {
	t.Helper()
	hosts := map[string]string{}
	for name, c := range containers(t) {
		for _, port := range listens(c) {
			hosts[port] = name
		}
	}
	var lines []string
	for line := range strings.Lines(config) {
		switch {
		case regexp.MustCompile(`^  listen: .*:808\d\n`).MatchString(line):
			line = "  listen: \":8080\"\n"
		case regexp.MustCompile(`^  listen: .*:908\d\n`).MatchString(line):
			line = "  listen: \":9090\"\n  allow_remote: true\n"
		case !strings.Contains(line, " issuer: "):
			line = regexp.MustCompile(`127\.0\.0\.1:(\d+)`).ReplaceAllStringFunc(line, func(address string) string {
				_, port, _ := net.SplitHostPort(address)
				if hosts[port] == "" {
					t.Errorf("%s: no container listens on %s", gateway, port)
				}
				return hosts[port] + ":" + port
			})
		}
		lines = append(lines, line)
	}
	return "# Generated from " + gateway + "/config.yaml: TRIPTYCH_UPDATE=1 go test ./deploy/compose\n" + strings.Join(lines, "")
}

// listens are the ports that a container of the demo is told to listen on.
func listens(c container) []string {
	var ports []string
	for i, word := range c.Command {
		if i > 0 && slices.Contains([]string{"--listen", "--ops", "--posters"}, c.Command[i-1]) {
			ports = append(ports, strings.TrimPrefix(word, ":"))
		}
	}
	return ports
}

// TestConfigurations: the gateways' configurations here are their own.
func TestConfigurations(t *testing.T) {
	for _, gateway := range gateways(t) {
		config, err := os.ReadFile(filepath.Join("../..", gateway, "config.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		want := inside(t, gateway, string(config))
		if os.Getenv("TRIPTYCH_UPDATE") == "1" {
			if err := os.WriteFile(gateway+".yaml", []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(gateway + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s has changed: TRIPTYCH_UPDATE=1 go test ./deploy/compose (-want +got):\n%s", gateway, diff)
		}
	}
}

// TestContainers: what compose.yaml names exists, and it names every gateway.
func TestContainers(t *testing.T) {
	all := containers(t)
	for _, gateway := range gateways(t) {
		c, there := all[gateway]
		if !there {
			t.Fatalf("no container runs %s", gateway)
		}
		if c.Build.Args["BFF"] != gateway || c.Build.Dockerfile != "deploy/Dockerfile" {
			t.Errorf("%s is built with %+v", gateway, c.Build)
		}
		if want := []string{"run", "--config", "/config.yaml"}; !slices.Equal(c.Command, want) {
			t.Errorf("%s runs %q, not %q", gateway, c.Command, want)
		}
		if want := []string{"./compose/" + gateway + ".yaml:/config.yaml:ro"}; !slices.Equal(c.Volumes, want) {
			t.Errorf("%s has the files %q, not %q", gateway, c.Volumes, want)
		}
	}
	for name, c := range all {
		if _, err := os.Stat(filepath.Join("..", c.Build.Context, c.Build.Dockerfile)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, volume := range c.Volumes {
			if _, err := os.Stat(filepath.Join("..", strings.Split(volume, ":")[0])); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, other := range c.DependsOn {
			if _, there := all[other]; !there {
				t.Errorf("%s waits for %s, which is not there", name, other)
			}
		}
		if c.Image != "" {
			t.Errorf("%s is built under the name %s, which another container may have", name, c.Image)
		}
		if !c.ReadOnly || !slices.Equal(c.CapDrop, []string{"ALL"}) {
			t.Errorf("%s may write or has capabilities", name)
		}
	}
}

// TestPorts: published on the loopback address only, each once, where something
// listens.
func TestPorts(t *testing.T) {
	taken := map[string]string{}
	for name, c := range containers(t) {
		open := listens(c)
		if strings.HasPrefix(name, "bff-") {
			open = []string{"8080", "9090"}
		}
		for _, published := range c.Ports {
			part := strings.Split(published, ":")
			if len(part) != 3 || part[0] != "127.0.0.1" || !slices.Contains(open, part[2]) {
				t.Errorf("%s publishes %s and listens on %v", name, published, open)
				continue
			}
			if other := taken[part[1]]; other != "" {
				t.Errorf("%s and %s both publish %s", name, other, part[1])
			}
			taken[part[1]] = name
		}
	}
	for _, port := range []string{"7000", "7204", "8081", "8082", "8083"} {
		if taken[port] == "" {
			t.Errorf("nobody publishes %s, which clients need", port)
		}
	}
}

// TestTheDemosImage: its programs need nothing beside the folder that is sent to the
// builder, and what compose.yaml runs is in it.
func TestTheDemosImage(t *testing.T) {
	text, err := os.ReadFile("demo.Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range containers(t) {
		if strings.HasPrefix(name, "bff-") {
			continue
		}
		program := strings.TrimPrefix(c.Command[0], "/")
		if !strings.Contains(string(text), " ./"+program) || !strings.Contains(string(text), " /src/bin/"+program+" ") {
			t.Errorf("%s runs /%s, which demo.Dockerfile does not make", name, program)
		}
	}
	list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Dir}}{{end}}", "./services", "./provider")
	list.Dir = ".."
	list.Env = append(os.Environ(), "GOWORK=off")
	out, err := list.CombinedOutput()
	if err != nil {
		t.Fatalf("outside the workspace: %v\n%s", err, out)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for dir := range strings.Lines(string(out)) {
		if dir = strings.TrimSpace(dir); strings.HasPrefix(dir, root+string(filepath.Separator)) && dir != filepath.Join(root, "deploy") {
			t.Errorf("it needs %s, which is not sent to the builder", dir)
		}
	}
}
