package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// pin is the version of shared that a gateway's go.mod requires.
func pin(t *testing.T, gateway string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", gateway, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)triptych/shared (v\S+)`).FindSubmatch(text)
	if found == nil {
		t.Fatalf("%s pins no shared", gateway)
	}
	return string(found[1])
}

// shipped starts a gateway as its team ships it: with the shared that it pins.
func (w *world) shipped(gateway string) {
	w.t.Helper()
	w.configure(gateway, nil)
	w.startAs(gateway, filepath.Join("pinned", gateway), nil, "run", "--config", w.file(gateway))
}

// TestTeamsShipAlone: each gateway with the version of shared that its team has chosen,
// side by side before the same services. Each serves its screen, and says which version
// it has.
func TestTeamsShipAlone(t *testing.T) {
	w := closed(t)
	w.start("provider", nil, "--listen", w.addr["provider"])
	for _, name := range services {
		w.service(name)
	}
	for _, gateway := range gateways {
		w.shipped(gateway)
	}
	w.ready()
	versions := map[string]bool{}
	for _, gateway := range gateways {
		shared := pin(t, gateway)
		versions[shared] = true
		a := w.get(gateway, screens[gateway], w.token(client(gateway), "ada"))
		if got := a.header.Get("BFF-Completeness"); a.status != http.StatusOK || got != "full" {
			t.Errorf("%s: status %d, completeness %q: %s", gateway, a.status, got, a.body)
		}
		said, err := exec.Command(binary(t, filepath.Join("pinned", gateway)), "version").CombinedOutput()
		if err != nil || !strings.HasPrefix(string(said), gateway+" ") || !strings.Contains(string(said), "(shared "+shared+", commit ") {
			t.Errorf("%s pins shared %s and says: %s%v", gateway, shared, said, err)
		}
		info := regexp.MustCompile(`(?m)^build_info\{.*\} 1$`).FindString(string(w.admin(gateway, "/metrics").body))
		for _, label := range []string{`program="` + gateway + `"`, `shared="` + shared + `"`, `version="`, `commit="`} {
			if !strings.Contains(info, label) {
				t.Errorf("%s: no %s in the metric %q", gateway, label, info)
			}
		}
		t.Logf("%s: %s", gateway, strings.TrimSpace(string(said)))
	}
	if len(versions) == 1 {
		t.Log("All teams have chosen the same version, so this shows little; deploy/release tests two.")
	}
}

// TestComposeConfigurations: the gateways take what compose.yaml gives them.
func TestComposeConfigurations(t *testing.T) {
	for _, gateway := range gateways {
		for _, program := range []string{gateway, filepath.Join("pinned", gateway)} {
			out, err := exec.Command(binary(t, program), "check", "--config", filepath.Join("..", "compose", gateway+".yaml")).CombinedOutput()
			if err != nil || !strings.Contains(string(out), "no faults") {
				t.Errorf("%s: %v\n%s", program, err, out)
			}
		}
	}
}

// TestComposeCommands: the demo's programs take the command lines of compose.yaml. Here
// they get free ports in place of those that they would have to themselves.
func TestComposeCommands(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct{ Command []string }
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	w := closed(t)
	for name, container := range file.Services {
		if strings.HasPrefix(name, "bff-") {
			continue
		}
		words := container.Command
		for i, word := range words {
			if regexp.MustCompile(`^:\d+$`).MatchString(word) {
				words[i] = ":0"
			}
		}
		w.startAs(name, strings.TrimPrefix(words[0], "/"), nil, words[1:]...)
		ready := "msg=serving service=" + name + " "
		if name == "provider" {
			ready = "http://127.0.0.1:7000/\n"
		}
		w.eventually(name+" serves", func() bool {
			w.alive(name)
			return strings.Contains(w.run[name].out.String(), ready)
		})
	}
	if want := len(services) + 1; len(w.run) != want {
		t.Errorf("compose.yaml has %d of %d: %v", len(w.run), want, services)
	}
}
