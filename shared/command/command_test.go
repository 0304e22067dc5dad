package command

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/triptych-bff/triptych/shared/aggregation"
	"github.com/triptych-bff/triptych/shared/gateway"
)

type settings struct {
	gateway.Config
	Greeting string `config:"greeting" default:"hello" doc:"What only this gateway has."`
}

func (s *settings) Endpoints() []aggregation.Endpoint {
	users := aggregation.HTTP("users")
	user := users.Get("/users/{}", aggregation.Claim("sub"), aggregation.Query{"in": aggregation.HeaderField("X-In").Or("en")})
	return []aggregation.Endpoint{{
		Route: "GET /v1/home", Policy: "open", Budget: time.Second, Parts: []aggregation.Part{{Name: "user", From: user}},
	}}
}

const document = `
server: {listen: 127.0.0.1:0}
admin: {listen: 127.0.0.1:0}
policies:
  - {name: open, public: true}
upstreams:
  users: {url: http://127.0.0.1:1}
routes:
  - {path: /users/*, upstream: users, policy: open, methods: [GET, POST]}
`

// try runs a command line of a small gateway.
func try(t *testing.T, environ []string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	app := gateway.App{
		Name: "bff-example", Version: "v1.2.3", Commit: "abc",
		Files:    fstest.MapFS{"config.yaml": {Data: []byte(document)}},
		Settings: func() gateway.Settings { return new(settings) },
	}
	var out, err bytes.Buffer
	status = run(app, args, environ, &out, &err)
	return status, out.String(), err.String()
}

func TestCheck(t *testing.T) {
	status, stdout, stderr := try(t, nil, "check")
	if status != 0 || stderr != "" {
		t.Fatalf("status %d: %s", status, stderr)
	}
	for _, want := range []string{"GET,POST  /users/*  open    users", "no faults; 2 routes\n"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}
}

func TestFaultsAreToldAndNothingStarts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bff.yaml")
	text := strings.Replace(strings.Replace(document, "policy: open", "policy: opn", 1), "admin:", "admn:", 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"check", "run"} {
		status, _, stderr := try(t, nil, command, "--config", file)
		if status != 2 || !strings.Contains(stderr, file+":3:1: admn: unknown key; did you mean \"admin\"?\n") || !strings.Contains(stderr, "nothing was started") {
			t.Errorf("%s: status %d: %s", command, status, stderr)
		}
	}
}

func TestSingleKeys(t *testing.T) {
	if status, _, stderr := try(t, []string{"BFF_EXAMPLE_SERVER_IDLE_TIMEOUT=x"}, "check"); status != 2 || !strings.Contains(stderr, "BFF_EXAMPLE_SERVER_IDLE_TIMEOUT") {
		t.Errorf("environment: status %d: %s", status, stderr)
	}
	if status, _, stderr := try(t, nil, "check", "--set", "upstreams.users.url=ftp://x"); status != 2 || !strings.Contains(stderr, "upstreams.users.url") {
		t.Errorf("--set: status %d: %s", status, stderr)
	}
}

func TestWrongCommandLines(t *testing.T) {
	for _, args := range [][]string{{"run", "--confg", "x"}, {"run", "x"}, {"check", "x"}, {"serve"}, {"check", "--config", "/nowhere.yaml"}} {
		status, _, stderr := try(t, nil, args...)
		if status == 0 || stderr == "" {
			t.Errorf("%q: status %d: %s", args, status, stderr)
		}
		if args[len(args)-1] != "/nowhere.yaml" && status != 2 {
			t.Errorf("%q: status %d, not 2", args, status)
		}
	}
	if _, _, stderr := try(t, nil, "chek"); !strings.Contains(stderr, `did you mean "check"?`) {
		t.Errorf("a misspelt command: %s", stderr)
	}
}

func TestAPortThatIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	status, _, stderr := try(t, nil, "run", "--set", "server.listen="+l.Addr().String())
	if status != 1 || !strings.Contains(stderr, l.Addr().String()) || !strings.Contains(stderr, "server.listen") {
		t.Errorf("status %d: %s", status, stderr)
	}
}

func TestVersionAndReference(t *testing.T) {
	if status, stdout, _ := try(t, nil, "version"); status != 0 || !strings.HasPrefix(stdout, "bff-example v1.2.3 (shared ") || !strings.Contains(stdout, "commit abc") {
		t.Errorf("version: status %d: %s", status, stdout)
	}
	status, stdout, _ := try(t, nil, "reference")
	for _, want := range []string{"`greeting`", "`upstreams.<name>.url`", "`routes[].path`"} {
		if status != 0 || !strings.Contains(stdout, want) {
			t.Errorf("reference: status %d, %s is not in it", status, want)
		}
	}
}

func TestExplain(t *testing.T) {
	for want, args := range map[string][]string{
		"GET /v1/home\n": {},
		"GET /v1/home  policy open, limits , budget 1s, at most 1 calls\n": {"GET /v1/home"},
		"request  GET /users/{claim sub}?in={header X-In}\n":               {"GET /v1/home"},
		"request  GET /users/ada?in=de\n":                                  {"GET /v1/home", "--claims", `{"sub":"ada"}`, "--header", "X-In: de"},
	} {
		status, stdout, stderr := try(t, nil, append([]string{"explain"}, args...)...)
		if status != 0 || !strings.Contains(stdout, want) {
			t.Errorf("%q: status %d: %s%s\nwant %s", args, status, stdout, stderr, want)
		}
	}
	for want, args := range map[string][]string{
		"no route takes GET /v1/hom": {"GET /v1/hom"},
		"Accept-Language: de":        {"GET /v1/home", "--header", "x"},
		"at most 1 arg":              {"GET", "/v1/home"},
	} {
		status, _, stderr := try(t, nil, append([]string{"explain"}, args...)...)
		if status != 2 || !strings.Contains(stderr, want) {
			t.Errorf("%q: status %d: %s", args, status, stderr)
		}
	}
}
