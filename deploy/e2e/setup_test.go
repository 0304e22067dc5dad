package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// call runs a gateway's program to its end.
func (w *world) call(dir string, env []string, args ...string) (status int, out string) {
	w.t.Helper()
	c := exec.Command(binary(w.t, "bff-mobile"), args...)
	c.Dir, c.Env = dir, append(os.Environ(), env...)
	text, err := c.CombinedOutput()
	if _, ended := err.(*exec.ExitError); err != nil && !ended {
		w.t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), string(text)
}

// TestSetup: single keys from outside the file, and what is said about mistakes.
func TestSetup(t *testing.T) {
	w := closed(t)
	w.configure("bff-mobile", nil)
	front := closed(t)
	front.front(&recorder{addr: "127.0.0.1:1"}, "", "")
	own, bare := w.file("bff-mobile"), front.file("bff-mobile")
	for _, test := range []struct {
		name   string
		env    string
		args   []string
		status int
		says   []string
	}{
		{"the built-in one", "", []string{"check"}, 0, []string{"METHODS", "/v1/home", "member", "screen", "/api/users/*", "account", "users", "no faults; 6 routes"}},
		{"a file", "", []string{"check", "-c", own}, 0, []string{"/v1/home", "no faults; 6 routes"}},
		{"no screens", "", []string{"check", "-c", bare}, 0, []string{"/echo/*", "anyone", "no faults; 5 routes"}},
		{"a screen without its service", "", []string{"check", "-c", bare, "--set", "screens=[GET /v1/home]"}, 0, []string{"note: ", "/v1/home", "users"}},
		{"a screen misspelt", "", []string{"check", "-c", own, "--set", "screens=[GET /v1/hom]"}, 2, []string{"screens", `did you mean "GET /v1/home"`}},
		{"a variable", "BFF_MOBILE_UPSTREAMS_USERS_URL=ftp://x", []string{"check", "-c", own}, 2, []string{"BFF_MOBILE_UPSTREAMS_USERS_URL", "upstreams.users.url", "http://"}},
		{"a variable misspelt", "BFF_MOBILE_UPSTREAMS_USERS_ULR=http://x", []string{"check", "-c", own}, 2, []string{"BFF_MOBILE_UPSTREAMS_USERS_ULR", "did you mean"}},
		{"a variable of nothing", "BFF_MOBILE_SERVR_LISTEN=:1", []string{"check", "-c", own}, 2, []string{"BFF_MOBILE_SERVR_LISTEN", `did you mean`}},
		{"a variable of another program", "BFF_WEB_NONSENSE=1", []string{"check", "-c", own}, 0, []string{"no faults"}},
		{"set", "", []string{"check", "-c", own, "--set", "server.header_timeout=never"}, 2, []string{"--set", "server.header_timeout"}},
		{"set, misspelt", "", []string{"check", "-c", own, "--set", "server.header_timout=1s"}, 2, []string{"server.header_timout", "header_timeout"}},
		{"set without a value", "", []string{"check", "-c", own, "--set", "server.listen"}, 2, []string{"server.listen"}},
		{"set beats a variable", "BFF_MOBILE_UPSTREAMS_USERS_URL=ftp://x", []string{"check", "-c", own, "--set", "upstreams.users.url=http://127.0.0.1:1"}, 0, []string{"no faults"}},
		{"several faults", "", []string{"check", "-c", own, "--set", "upstreams.users.url=x", "--set", "limits[0].requests=-1", "--set", "auth.issuers[0].audience="}, 2, []string{"upstreams.users.url", "audience", "faults; nothing was started"}},
		{"no file", "", []string{"check", "-c", filepath.Join(w.dir, "none.yaml")}, 1, []string{"none.yaml", "no such file"}},
		{"a folder", "", []string{"check", "-c", w.dir}, 1, []string{w.dir}},
		{"an unknown command", "", []string{"rum"}, 2, []string{"rum", `did you mean "run"`}},
		{"an unknown flag", "", []string{"run", "--confg", "x"}, 2, []string{"--confg"}},
		{"too many words", "", []string{"check", own}, 2, []string{own}},
		{"run with a fault", "", []string{"run", "-c", own, "--set", "server.listen=nonsense"}, 2, []string{"server.listen", "host:port", "nothing was started"}},
		{"version", "", []string{"version"}, 0, []string{"bff-mobile", "shared"}},
		{"help", "", nil, 0, []string{"run", "check", "reference"}},
	} {
		status, out := w.call("", strings.Fields(test.env), test.args...)
		if status != test.status {
			t.Errorf("%s: exit status %d, not %d\n%s", test.name, status, test.status, out)
			continue
		}
		for _, text := range test.says {
			if !strings.Contains(out, text) {
				t.Errorf("%s: does not say %q:\n%s", test.name, text, out)
			}
		}
		if strings.Contains(out, "goroutine ") || strings.Contains(out, "panic") {
			t.Errorf("%s: %s", test.name, out)
		}
	}
}

// TestBrokenFiles: whatever the file holds, it is a message and not a start.
func TestBrokenFiles(t *testing.T) {
	w := closed(t)
	file := filepath.Join(w.dir, "broken.yaml")
	for name, test := range map[string]struct{ text, says string }{
		"no YAML":             {"server: [", "broken.yaml:"},
		"a tab":               {"server:\n\tlisten: x\n", "broken.yaml:2"},
		"a key twice":         {"server: {}\nserver: {}\n", "server"},
		"a list in place":     {"server: [a]\n", "broken.yaml:1"},
		"a word in place":     {"routes: all\n", "routes"},
		"a bomb of aliases":   {"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n", "broken.yaml:"},
		"a bare secret":       {"upstreams:\n  a:\n    url: http://h\n    secrets: {X-Key: abc-value}\n", "secret"},
		"a route to nowhere":  {"policies: [{name: p, public: true}]\nroutes: [{path: /a, upstream: b, policy: p}]\nscreens: []\n", `no upstream is named "b"`},
		"a route for nobody":  {"upstreams: {b: {url: http://h}}\nroutes: [{path: /a, upstream: b}]\nscreens: []\n", "policy"},
		"two equal routes":    {"policies: [{name: p, public: true}]\nupstreams: {b: {url: http://h}}\nroutes: [{path: /a, upstream: b, policy: p}, {path: /a, upstream: b, policy: p}]\nscreens: []\n", "routes[0] and routes[1]"},
		"descriptors missing": {"policies: [{name: p, public: true}]\nupstreams: {b: {grpc: h:1, descriptors: none.binpb}}\nscreens: []\n", "none.binpb"},
		"two documents":       {"screens: []\n---\nscreens: []\n", "broken.yaml"},
		"binary":              {"\x00\x01\x02\xff", "broken.yaml"},
	} {
		w.write(file, test.text)
		status, out := w.call("", nil, "check", "-c", file)
		if status != 2 || !strings.Contains(out, test.says) || strings.Contains(out, "abc-value") || strings.Contains(out, "goroutine ") {
			t.Errorf("%s: exit status %d, does not say %q:\n%s", name, status, test.says, out)
		}
	}
}

// TestKeysFromOutsideAreServed: and files beside the configuration are found from
// anywhere.
func TestKeysFromOutsideAreServed(t *testing.T) {
	in, out := record(t, nil), record(t, nil)
	w := closed(t)
	w.service("catalog")
	w.front(in, "", "")
	if status, text := w.call(t.TempDir(), nil, "check", "-c", w.file("bff-mobile")); status != 0 {
		t.Fatalf("from another folder: %d\n%s", status, text)
	}
	w.start("bff-mobile", []string{"BFF_MOBILE_UPSTREAMS_SERVICE_URL=http://" + out.addr, "BFF_MOBILE_LOG_LEVEL=warn"}, "run", "--config", w.file("bff-mobile"), "--set", "edge.max_url=200")
	w.ready()
	if a := w.get("bff-mobile", "/echo/a", ""); a.status != http.StatusOK || len(in.take()) != 0 || len(out.take()) != 1 {
		t.Errorf("the variable's service was not called: status %d", a.status)
	}
	if a := w.get("bff-mobile", "/echo/"+strings.Repeat("a", 200), ""); a.status != http.StatusRequestURITooLong {
		t.Errorf("status %d", a.status)
	}
	if a := w.get("bff-mobile", "/films/pulp-fiction-1994", ""); a.status != http.StatusOK {
		t.Errorf("with the descriptors beside the file: status %d: %s", a.status, a.body)
	}
	if log := w.run["bff-mobile"].out.String(); strings.Contains(log, `"level":"INFO"`) {
		t.Errorf("log: %s", log)
	}
	w.change("bff-mobile", "path: /echo/*", "path: /other/*") // what comes from outside stays
	w.eventually("the change is served", func() bool { return w.get("bff-mobile", "/other/a", "").status == http.StatusOK })
	if len(in.take()) != 0 {
		t.Error("a reload has forgotten the variable")
	}
}
