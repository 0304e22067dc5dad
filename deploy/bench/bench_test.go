package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// own are the peers that need nothing but Go.
const own = "triptych,triptych-bare,go-reverseproxy,go-map"

// TestRun builds the programs and runs them.
func TestRun(t *testing.T) {
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", bin, ".", "./services", "./gateway", "./ordinary")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Run("check", func(t *testing.T) { testCheck(t, bin) })
	t.Run("table", func(t *testing.T) { testTable(t, bin) })
}

// testCheck checks all that is ours in every scenario, as a run does before it
// measures.
func testCheck(t *testing.T, bin string) {
	out := bench(t, bin, "-check", "-peers", own)
	for _, line := range []string{
		"identity: triptych answers as it should", "cached: triptych-bare answers as it should",
		"rich: go-map answers as it should", "http2: go-reverseproxy answers as it should",
	} {
		if !strings.Contains(out, line) {
			t.Errorf("it does not say %q:\n%s", line, out)
		}
	}
}

// testTable measures for as short as possible, to see that there is a table; what
// is in it depends on the machine.
func testTable(t *testing.T, bin string) {
	c, err := findCores()
	if err != nil {
		t.Fatal(err)
	}
	if !c.apart() {
		if os.Getenv("REQUIRE_ALL") == "1" {
			t.Fatal("one core is not enough to measure with")
		}
		t.Skip("one core is not enough to measure with")
	}
	out := bench(t, bin, "-peers", "triptych,go-reverseproxy", "-scenarios", "pass,identity", "-rounds", "1", "-secs", "1")
	for _, line := range []string{"(`pass`):", "\n| triptych | ", "\n| go-reverseproxy | ", "(`identity`):"} {
		if !strings.Contains(out, line) || strings.Contains(out, "no result") {
			t.Errorf("it does not say %q:\n%s", line, out)
		}
	}
}

func TestFlags(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"-peers apache", `there is no "apache"; there are triptych`},
		{"-scenarios pass,nothing", `there is no "nothing"; there are pass`},
		{"-rounds 1000", "from 1 to 20 rounds"},
		{"now", `"now" is not a flag`},
	} {
		if _, err := parse(strings.Fields(c.args)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.args, err)
		}
	}
}

func TestParseH2load(t *testing.T) {
	const summary = `
finished in 2.00s, 1000.00 req/s, 1.50MB/s
requests: 2000 total, 2000 started, 2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 2000 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 2.94MB (3084000) total, 80.00KB (81920) headers (space savings 60.00%), 2.86MB (3000000) data
`
	if r, err := parseH2load(summary, 1500, 2*time.Second); err != nil || r.Answers != 2000 {
		t.Errorf("%+v, %v", r, err)
	}
	for _, bad := range []string{
		"", strings.Replace(summary, "0 failed", "3 failed", 1), strings.Replace(summary, "(3000000)", "(2999999)", 1),
	} {
		if _, err := parseH2load(bad, 1500, 2*time.Second); err == nil {
			t.Errorf("no error for %q", bad)
		}
	}
}

func TestForge(t *testing.T) {
	const token = "head.body.signature"
	if forged := forge(token); forged == token || len(forged) != len(token) || !strings.HasPrefix(forged, "head.body.") {
		t.Error(forged)
	}
}

// bench runs the program to its end and returns what it says. It has a folder of
// its own for temporary files, so it waits for no other run.
func bench(t *testing.T, bin string, args ...string) string {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin, "bench"), args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}
