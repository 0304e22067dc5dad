package oci

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// An instruction is one of a Dockerfile's.
type instruction struct{ name, rest string }

// dockerfile reads a Dockerfile: its stages by name, the last one under "".
func dockerfile(t *testing.T, name string) map[string][]instruction {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	stages, stage := map[string][]instruction{}, "before"
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", "")) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if word == "" || strings.HasPrefix(word, "#") {
			continue
		}
		if word == "FROM" {
			_, stage, _ = strings.Cut(rest, " AS ")
		}
		stages[stage] = append(stages[stage], instruction{word, rest})
	}
	return stages
}

// TestDockerfileCopies: what comes from outside is the gateway and the released
// modules, and the rest from the stage that builds.
func TestDockerfileCopies(t *testing.T) {
	var got []string
	for _, stage := range dockerfile(t, "../../Dockerfile") {
		for _, i := range stage {
			switch {
			case i.name == "ADD" || strings.Contains(i.rest, "--mount"):
				t.Errorf("%s %s", i.name, i.rest)
			case i.name == "COPY" && !strings.HasPrefix(i.rest, "--from=build "):
				got = append(got, i.rest)
			}
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"${BFF}/ ${BFF}/", "deploy/modproxy/ deploy/modproxy/"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	sent, err := os.ReadFile("../../Dockerfile.dockerignore")
	if err != nil || !strings.HasSuffix(string(sent), "\n*\n!bff-*\n!deploy/modproxy\n") {
		t.Errorf("what is sent to the builder: %s%v", sent, err)
	}
}

// TestDockerfileRunsAlike: a container of either image runs in the same way.
func TestDockerfileRunsAlike(t *testing.T) {
	stages := dockerfile(t, "../../Dockerfile")
	var gateways []string
	for name := range stages {
		if strings.HasPrefix(name, "bff-") {
			gateways = append(gateways, name)
		}
	}
	folders, err := filepath.Glob("../../../bff-*")
	if err != nil || len(folders) != len(gateways) {
		t.Errorf("there are gateways %v, and the Dockerfile knows %v", folders, gateways)
	}
	for _, name := range gateways {
		got := v1.Config{ExposedPorts: map[string]struct{}{}}
		for _, i := range slices.Concat(stages["gateway"], stages[name], stages[""]) {
			switch i.name {
			case "ENV":
				got.Env = append(got.Env, strings.Fields(i.rest)...)
			case "ENTRYPOINT":
				words(t, i.rest, &got.Entrypoint)
			case "CMD":
				words(t, i.rest, &got.Cmd)
			case "USER":
				got.User = i.rest
			case "WORKDIR":
				got.WorkingDir = i.rest
			case "STOPSIGNAL":
				got.StopSignal = i.rest
			case "EXPOSE":
				for _, port := range strings.Fields(i.rest) {
					got.ExposedPorts[port+"/tcp"] = struct{}{}
				}
			}
		}
		if diff := cmp.Diff(container(name), got); diff != "" {
			t.Errorf("%s (-make image +Dockerfile):\n%s", name, diff)
		}
	}
}

func words(t *testing.T, text string, to *[]string) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), to); err != nil {
		t.Errorf("%s: %v", text, err)
	}
}

// TestDockerfileBuildsTheSame runs the Dockerfile's commands, without Docker, on the
// same commit: they make the very same program and the same user.
func TestDockerfileBuildsTheSame(t *testing.T) {
	p := image(t)
	rootfs := p.here(t)
	source, err := Open(t.Context(), filepath.Dir(p.file), gateway)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	arguments := map[string]string{"BFF": gateway, "TARGETARCH": runtime.GOARCH, "VERSION": release, "COMMIT": source.Stamp()}
	if os.Getenv("GOPROXY") == "" {
		arguments["GOPROXY"] = "https://proxy.golang.org,direct"
	}
	for _, i := range dockerfile(t, "../../Dockerfile")["build"] {
		if i.name != "RUN" {
			continue
		}
		c := exec.Command("sh", "-ec", strings.ReplaceAll(i.rest, "/src", source.dir))
		c.Dir, c.Env = source.dir, os.Environ()
		for _, name := range slices.Sorted(maps.Keys(arguments)) {
			c.Env = append(c.Env, name+"="+arguments[name])
		}
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", i.rest, err, out)
		}
	}
	for name, path := range map[string]string{"program": gateway, "passwd": "etc/passwd", "group": "etc/group"} {
		got, err := os.ReadFile(filepath.Join(source.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(rootfs, path))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("the Dockerfile's %s is not the image's /%s", name, path)
		}
	}
}
