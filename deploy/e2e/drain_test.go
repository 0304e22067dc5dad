package e2e

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

func (w *world) signal(name string, s syscall.Signal) {
	w.t.Helper()
	if err := w.run[name].cmd.Process.Signal(s); err != nil {
		w.t.Fatal(err)
	}
}

// unready waits until /readyz says that no more should be sent here.
func (w *world) unready(gateway string) {
	w.t.Helper()
	w.eventually("/readyz turns to 503", func() bool {
		a := w.admin(gateway, "/readyz")
		return a.status == http.StatusServiceUnavailable && strings.Contains(string(a.body), `"state":"draining"`)
	})
}

// TestDrain: balancers are told first and served on, then clients are asked to
// leave, and what is under way ends as it should.
func TestDrain(t *testing.T) {
	entered, leave := make(chan struct{}, 10), make(chan struct{})
	s := record(t, func(r *http.Request, w io.Writer) {
		if r.URL.Path == "/echo/hold" {
			entered <- struct{}{}
			<-leave
		}
		_, _ = io.WriteString(w, anAnswer)
	})
	w := behind(t, s, "drain_delay: 1s, drain_timeout: 30s", "")

	held := make(chan outcome, 1)
	go func() { held <- w.wire("GET /echo/hold HTTP/1.1\r\nHost: h\r\n\r\n", 1) }()
	<-entered
	idle := w.dial()
	_, _ = io.WriteString(idle, "GET /echo/a HTTP/1.1\r\nHost: h\r\n\r\n")
	in := bufio.NewReader(idle)
	if resp, err := http.ReadResponse(in, nil); err != nil || resp.Close {
		t.Fatal(resp, err)
	} else if _, err := io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	l := w.load("bff-mobile", []string{"/echo/a", "/echo/b"}, "")
	defer l.stop()
	l.after(w, 50)

	w.signal("bff-mobile", syscall.SIGTERM)
	w.unready("bff-mobile")
	if a := w.admin("bff-mobile", "/livez"); a.status != http.StatusOK {
		t.Errorf("/livez: status %d", a.status)
	}
	l.after(w, 50) // within the delay everybody is served
	l.stop()
	if n := l.failed.Load(); n > 0 {
		t.Errorf("%d of %d requests failed; the first: %s", n, l.done.Load(), *l.first.Load())
	}
	if a := w.get("bff-mobile", "/echo/a", ""); a.status != http.StatusOK {
		t.Errorf("a new client within the delay: status %d", a.status)
	}
	if _, err := io.ReadAll(in); err != nil { // waits for the end of the delay
		t.Errorf("an idle connection: %v", err)
	}
	close(leave)
	if o := <-held; len(o.answers) != 1 || o.answers[0].status != http.StatusOK || !o.closed {
		t.Errorf("the request under way: %+v", o)
	}
	if status := w.wait("bff-mobile"); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if log := w.run["bff-mobile"].out.String(); strings.Contains(log, `"level":"ERROR"`) || !strings.Contains(log, `"msg":"draining"`) {
		t.Errorf("log: %s", log)
	}
}

// TestDrainHasAnEnd: what does not end by itself is cut, and a second signal does
// not wait for anything.
func TestDrainHasAnEnd(t *testing.T) {
	entered := make(chan struct{}, 10)
	s := record(t, func(*http.Request, io.Writer) {
		entered <- struct{}{}
		select {}
	})
	for name, test := range map[string]struct {
		server string
		twice  bool
		status int
	}{
		"cut":             {"drain_timeout: 200ms", false, 0},
		"a second signal": {"drain_timeout: 10m", true, -1},
	} {
		w := behind(t, s, test.server, "")
		w.change("bff-mobile", "breaker: {", "timeout: 1h, breaker: {")
		w.hup("bff-mobile")
		w.eventually("reload", func() bool { return reloads(w, "ok") > 0 })
		ended := make(chan outcome, 1)
		go func() { ended <- w.wire("GET /echo/hold HTTP/1.1\r\nHost: h\r\n\r\n", 1) }()
		<-entered
		w.signal("bff-mobile", syscall.SIGTERM)
		if test.twice {
			w.unready("bff-mobile")
			w.signal("bff-mobile", syscall.SIGTERM)
		}
		if status := w.wait("bff-mobile"); status != test.status {
			t.Errorf("%s: exit status %d", name, status)
		}
		if o := <-ended; !o.closed {
			t.Errorf("%s: %+v", name, o)
		}
		if log := w.run["bff-mobile"].out.String(); !test.twice && !strings.Contains(log, "connections were cut") {
			t.Errorf("%s: log: %s", name, log)
		}
	}
}

// TestPortTaken: the message names the key, and whoever was there goes on.
func TestPortTaken(t *testing.T) {
	s := record(t, nil)
	w := behind(t, s, "", "")
	for key, address := range map[string]string{"server.listen": w.addr["bff-mobile"], "admin.listen": w.addr["bff-mobile admin"]} {
		other := closed(t)
		other.front(s, "", "")
		other.start("bff-mobile", nil, "run", "--config", other.file("bff-mobile"), "--set", key+"="+address)
		if status := other.wait("bff-mobile"); status != 1 {
			t.Errorf("%s: exit status %d", key, status)
		}
		if out := other.run["bff-mobile"].out.String(); !strings.Contains(out, key+": another process listens on "+address) || strings.Contains(out, "serving") {
			t.Errorf("%s: %s", key, out)
		}
	}
	if a := w.get("bff-mobile", "/echo/a", ""); a.status != http.StatusOK {
		t.Errorf("the one that was there: status %d", a.status)
	}
}
