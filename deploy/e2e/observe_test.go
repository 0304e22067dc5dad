package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// lines are the access log's lines so far.
func (w *world) lines(gateway string) []map[string]any {
	w.t.Helper()
	var all []map[string]any
	for line := range strings.Lines(w.run[gateway].out.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			w.t.Fatalf("a line of the log is no JSON: %q", line)
		}
		if fields["msg"] == "request" {
			all = append(all, fields)
		}
	}
	return all
}

// logged waits for the line of a request and returns it.
func (w *world) logged(gateway, id string) map[string]any {
	w.t.Helper()
	var found []map[string]any
	w.eventually("the line of request "+id, func() bool {
		found = nil
		for _, line := range w.lines(gateway) {
			if line["request_id"] == id {
				found = append(found, line)
			}
		}
		return len(found) > 0
	})
	if len(found) > 1 {
		w.t.Errorf("%d lines for request %s", len(found), id)
	}
	return found[0]
}

// TestWhatOperatorsSee: one line a request, its trace, no secret anywhere; and
// metrics that no client can make grow.
func TestWhatOperatorsSee(t *testing.T) {
	s := record(t, nil)
	w := known(t, s, "", "")
	token := w.token("mobile", "ada")
	const trace = "0af7651916cd43dd8448eb211c80319c"

	a := w.get("bff-mobile", "/member/some?code=s3cret", token, "Traceparent", "00-"+trace+"-b7ad6b7169203331-01", "Cookie", "sid=s3cret", "User-Agent", "s3cret")
	line := w.logged("bff-mobile", a.header.Get("X-Request-Id"))
	for field, want := range map[string]any{
		"method": "GET", "route": "/member/*", "path": "/member/some", "status": 200.0, "client": "127.0.0.1", "protocol": "HTTP/1.1",
		"trace_id": trace, "subject": "ada", "app": "phone-app", "program": "bff-mobile", "level": "INFO",
	} {
		if line[field] != want {
			t.Errorf("the log has %s %v, not %v", field, line[field], want)
		}
	}
	if header(s.take()[0], "Traceparent")[3:35] != trace {
		t.Error("the service is in another trace")
	}

	for name, bytes := range map[string]string{
		"a bad token":         "GET /member/a?s3cret=1 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer s3cret.s3cret.s3cret\r\n\r\n",
		"a bad path":          "GET /echo/%2f?x=s3cret HTTP/1.1\r\nHost: h\r\nCookie: s3cret\r\n\r\n",
		"no route":            "GET /nowhere?x=s3cret HTTP/1.1\r\nHost: h\r\n\r\n",
		"a bad query":         "GET /films?x=s3cret HTTP/1.1\r\nHost: h\r\n\r\n",
		"a bad header":        "GET /echo/a HTTP/1.1\r\nHost: h\r\ns3cret : s3cret\r\n\r\n",
		"a bad request line":  "GET /echo/a?s3cret s3cret HTTP/1.1\r\nHost: h\r\n\r\n",
		"a user in the URL":   "GET http://u:s3cret@h/echo/a HTTP/1.1\r\nHost: h\r\n\r\n",
		"a bad query in gRPC": "GET /films/a?x=%zzs3cret HTTP/1.1\r\nHost: h\r\n\r\n",
		"a bad body":          "POST /films HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\ns3cret",
	} {
		a, _ := w.only(bytes)
		if a.status < 400 || a.status >= 500 {
			t.Errorf("%s: status %d", name, a.status)
			continue
		}
		line := w.logged("bff-mobile", a.header.Get("X-Request-Id"))
		if line["code"] != a.problem(t) || line["status"] != float64(a.status) {
			t.Errorf("%s: the log says %v", name, line)
		}
	}
	before := len(w.lines("bff-mobile"))

	const visitors = 300
	for i := range visitors {
		w.only(fmt.Sprintf("M%d /p%d/q?%d HTTP/1.1\r\nHost: h%d.example\r\n\r\n", i, i, i, i))
		w.get("bff-mobile", fmt.Sprintf("/echo/%d", i), "")
		w.get("bff-mobile", fmt.Sprintf("/films/no-%d", i), "")
	}
	w.eventually("a line for every request", func() bool { return len(w.lines("bff-mobile")) == before+3*visitors })
	metrics := string(w.admin("bff-mobile", "/metrics").body)
	for _, want := range []string{
		`http_requests_total{method="GET",route="/echo/*",status="200"} 300`, `http_requests_total{method="GET",route="/films/*",status="404"} 300`,
		`http_requests_total{method="other",route="none",status="404"} 300`, "http_requests_in_flight 0",
	} {
		if !strings.Contains(metrics, "\n"+want+"\n") {
			t.Errorf("no metric %s", want)
		}
	}
	if n := strings.Count(metrics, "\n"); n > 600 {
		t.Errorf("%d lines of metrics", n)
	}
	for what, text := range map[string]string{"log": w.run["bff-mobile"].out.String(), "metrics": metrics} {
		for _, secret := range []string{token, "s3cret", "p299", "Bearer"} {
			if what == "log" && secret == "p299" {
				continue // the path is what the log is for
			}
			if strings.Contains(text, secret) {
				t.Errorf("the %s has %q", what, secret)
			}
		}
	}
}

// TestOperatorsListener: what it serves, to whom, and that it is nobody else's.
func TestOperatorsListener(t *testing.T) {
	w := behind(t, record(t, nil), "", "")
	admin := func(request string) answer {
		t.Helper()
		other := &world{t: t, addr: map[string]string{"bff-mobile": w.addr["bff-mobile admin"]}}
		a, o := other.only(request)
		if a.status == 0 {
			t.Fatalf("%q: %+v", request, o)
		}
		return a
	}
	for _, test := range []struct {
		request string
		status  int
	}{
		{"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", 200},
		{"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n", 200},
		{"HEAD /readyz HTTP/1.1\r\nHost: [::1]\r\n\r\n", 200},
		{"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 200},
		{"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		{"GET /debug/pprof/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		{"GET /metrics HTTP/1.1\r\nHost: rebound.example\r\n\r\n", 403},
		{"GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
		{"POST /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
		{"GET /./readyz HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
	} {
		a := admin(test.request)
		if a.status != test.status {
			t.Errorf("%q: status %d, not %d: %s", test.request, a.status, test.status, a.body)
		} else if a.status >= 400 {
			a.problem(t)
		}
	}
	var ready struct {
		Ready   bool
		State   string
		Reasons []any
	}
	if err := json.Unmarshal(w.admin("bff-mobile", "/readyz").body, &ready); err != nil || !ready.Ready || ready.State != "serving" || len(ready.Reasons) != 0 {
		t.Errorf("/readyz: %v, %+v", err, ready)
	}
	for _, path := range []string{"/metrics", "/readyz", "/livez"} {
		if a := w.get("bff-mobile", path, ""); a.status != http.StatusNotFound {
			t.Errorf("the public listener serves %s: status %d", path, a.status)
		}
	}
}

// TestOperatorsListenerStaysAtHome: other machines reach it only when it is said.
func TestOperatorsListenerStaysAtHome(t *testing.T) {
	w := closed(t)
	w.front(&recorder{addr: "127.0.0.1:1"}, "", "")
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "example.com:0"} {
		out, err := exec.Command(binary(t, "bff-mobile"), "check", "--config", w.file("bff-mobile"), "--set", "admin.listen="+address).CombinedOutput()
		if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 2 || !strings.Contains(string(out), "admin.listen") || !strings.Contains(string(out), "allow_remote") {
			t.Errorf("%s: %v\n%s", address, err, out)
		}
		if out, err := exec.Command(binary(t, "bff-mobile"), "check", "--config", w.file("bff-mobile"), "--set", "admin.listen="+address, "--set", "admin.allow_remote=true").CombinedOutput(); err != nil {
			t.Errorf("%s, meant: %v\n%s", address, err, out)
		}
	}
}

// TestAClientThatLeavesIsNoError: it is logged as what it is.
func TestAClientThatLeavesIsNoError(t *testing.T) {
	entered, left := make(chan struct{}, 1), make(chan struct{})
	s := record(t, func(_ *http.Request, w io.Writer) {
		entered <- struct{}{}
		<-left
		_, _ = io.WriteString(w, anAnswer)
	})
	w := behind(t, s, "", "")
	conn := w.dial()
	_, _ = io.WriteString(conn, "GET /echo/a HTTP/1.1\r\nHost: h\r\n\r\n")
	<-entered
	_ = conn.Close()
	w.eventually("its line", func() bool {
		for _, line := range w.lines("bff-mobile") {
			if line["status"] == 499.0 && line["code"] == "client-closed" && line["level"] == "INFO" {
				return true
			}
		}
		return false
	})
	close(left)
	if metrics := string(w.admin("bff-mobile", "/metrics").body); !strings.Contains(metrics, `status="499"`) {
		t.Error("the metrics do not show it")
	}
	// Half a request leaves no line: nothing was asked.
	before := len(w.lines("bff-mobile"))
	conn = w.dial()
	_, _ = io.WriteString(conn, "GET /echo/a HTTP/1.1\r\nHos")
	_ = conn.Close()
	conn = w.dial()
	_, _ = io.WriteString(conn, "GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n")
	if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
		t.Fatal(err)
	}
	w.eventually("the line of the next", func() bool { return len(w.lines("bff-mobile")) == before+1 })
}
