package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// load asks for two paths without a pause until it is stopped, and counts what
// went wrong.
type load struct {
	done, failed atomic.Int64
	first        atomic.Pointer[string] // what went wrong first
	stop         func()
}

func (w *world) load(gateway string, paths []string, token string) *load {
	l := &load{}
	ctx, cancel := context.WithCancel(context.Background())
	var clients sync.WaitGroup
	for _, path := range paths {
		for range 2 {
			clients.Go(func() {
				for ctx.Err() == nil {
					a, err := w.try(context.Background(), gateway, path, token)
					l.done.Add(1)
					if err != nil || a.status != http.StatusOK {
						l.failed.Add(1)
						text := fmt.Sprintf("%s: %d %v %s", path, a.status, err, a.body)
						l.first.CompareAndSwap(nil, &text)
					}
				}
			})
		}
	}
	l.stop = func() {
		cancel()
		clients.Wait()
	}
	return l
}

// after waits until n further requests are done.
func (l *load) after(w *world, n int64) {
	w.t.Helper()
	want := l.done.Load() + n
	w.eventually("the load goes on", func() bool { return l.done.Load() >= want })
}

// TestReloadUnderLoad changes a pass-through route and the address of a service
// that a screen uses, while both are asked for.
func TestReloadUnderLoad(t *testing.T) {
	w := open(t)
	other := closed(t) // a second users service, elsewhere
	other.service("users")
	other.ready()
	token := w.token("mobile", "ada")
	l := w.load("bff-mobile", []string{"/v1/home", "/api/users/ada"}, token)
	defer l.stop()
	l.after(w, 50)
	for i := range 6 {
		moved, path := i%2 == 0, "/api/users/*\n    methods: [GET]"
		w.configure("bff-mobile", func(c string) string {
			if moved {
				c = replace(t, c, "http://"+w.addr["users"], "http://"+other.addr["users"])
				c = replace(t, c, "/api/users/*", path)
			}
			return c
		})
		w.hup("bff-mobile")
		w.eventually("reload", func() bool { return reloads(w, "ok") >= i+1 })
		l.after(w, 50)
	}
	l.stop()
	if n := l.failed.Load(); n > 0 {
		t.Errorf("%d of %d requests failed; the first: %s", n, l.done.Load(), *l.first.Load())
	}
	if other.stats("users").Requests == 0 {
		t.Error("the new address was never called")
	}
	t.Logf("%d requests over 6 reloads", l.done.Load())
}

func (w *world) hup(gateway string) {
	w.t.Helper()
	if err := w.run[gateway].cmd.Process.Signal(syscall.SIGHUP); err != nil {
		w.t.Fatal(err)
	}
}

// reloads is how many reloads there were with a result.
func reloads(w *world, result string) int {
	w.t.Helper()
	n := 0
	for line := range strings.Lines(string(w.admin("bff-mobile", "/metrics").body)) {
		_, _ = fmt.Sscanf(line, `config_reloads_total{result="`+result+`"} %d`, &n)
	}
	return n
}

func TestAReloadKeepsLimitsAndBreakers(t *testing.T) {
	w := closed(t)
	w.start("provider", nil, "--listen", w.addr["provider"])
	for _, name := range uses["bff-mobile"] {
		w.service(name)
	}
	few := func(c string) string {
		return replace(t, c, "requests: 600\n    per: 1m", "requests: 40\n    per: 1h")
	}
	w.configure("bff-mobile", few)
	w.gateway("bff-mobile")
	w.ready()
	token := w.token("mobile", "ada")
	w.stop("users")
	for range 39 { // opens the breaker on the way
		w.get("bff-mobile", "/v1/home", token)
	}
	w.configure("bff-mobile", func(c string) string { return few(c) + "\nlog_level: debug\n" })
	w.hup("bff-mobile")
	w.eventually("reload", func() bool { return reloads(w, "ok") == 1 })
	a := w.get("bff-mobile", "/v1/home", token)
	if code := a.problem(t); a.status != http.StatusServiceUnavailable || code != "breaker-open" {
		t.Errorf("the breaker has forgotten: status %d, code %q", a.status, code)
	}
	a = w.get("bff-mobile", "/v1/home", token)
	if code := a.problem(t); a.status != http.StatusTooManyRequests || code != "rate-limited" {
		t.Errorf("the limit has forgotten: status %d, code %q", a.status, code)
	}
}

func TestABrokenFileChangesNothing(t *testing.T) {
	w := open(t)
	token := w.token("mobile", "ada")
	w.configure("bff-mobile", func(c string) string {
		return replace(t, c, "url: http://"+w.addr["users"], "urll: http://"+w.addr["users"])
	})
	w.eventually("the change of the file was seen", func() bool { return reloads(w, "failed") == 1 })
	if a := w.get("bff-mobile", "/v1/home", token); a.status != http.StatusOK {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	if ready := w.admin("bff-mobile", "/readyz"); ready.status != http.StatusOK || !strings.Contains(string(ready.body), "reload") || !strings.Contains(string(ready.body), "urll") {
		t.Errorf("/readyz: %d %s", ready.status, ready.body)
	}
	if metrics := string(w.admin("bff-mobile", "/metrics").body); !strings.Contains(metrics, "\nconfig_reload_failed 1\n") {
		t.Error("the metric does not show it")
	}
	if log := w.run["bff-mobile"].out.String(); !strings.Contains(log, "reload failed") || !strings.Contains(log, "did you mean") {
		t.Errorf("the log does not show it: %s", log)
	}
	w.configure("bff-mobile", nil)
	w.eventually("the mended file was seen", func() bool { return reloads(w, "ok") == 1 })
	if ready := w.admin("bff-mobile", "/readyz"); strings.Contains(string(ready.body), "urll") {
		t.Errorf("/readyz still complains: %s", ready.body)
	}
}

func TestAMisspeltKey(t *testing.T) {
	w := closed(t)
	line := 0
	w.configure("bff-mobile", func(c string) string {
		before, _, _ := strings.Cut(c, "\npolicies:")
		line = strings.Count(before, "\n") + 2
		return replace(t, c, "\npolicies:", "\npolices:")
	})
	for _, command := range []string{"check", "run"} {
		out, err := exec.Command(binary(t, "bff-mobile"), command, "--config", w.file("bff-mobile")).CombinedOutput()
		exit, ok := err.(*exec.ExitError)
		if !ok || exit.ExitCode() != 2 {
			t.Errorf("%s: %v, not exit status 2\n%s", command, err, out)
		}
		if text := string(out); !strings.Contains(text, fmt.Sprintf("%s:%d:", w.file("bff-mobile"), line)) || !strings.Contains(text, `"policies"`) {
			t.Errorf("%s: the message lacks file and line, or the right name:\n%s", command, text)
		}
	}
}
