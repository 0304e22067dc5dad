package e2e

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// TestBreaker: a service that is down is given a rest, is asked again after it, and
// concerns no other.
func TestBreaker(t *testing.T) {
	w := closed(t)
	w.service("catalog")
	s := record(t, nil)
	w.front(s, "", "")
	w.change("bff-mobile", "upstreams:\n", "upstreams:\n  users: {url: \"http://"+w.addr["users"]+"\", breaker: {failures: 3, open_for: 300ms}}\n",
		"routes:\n", "routes:\n  - {path: /users/*, upstream: users, policy: anyone}\n")
	w.gateway("bff-mobile")
	w.ready()

	for i := range 3 {
		if a := w.get("bff-mobile", "/users/ada", ""); a.status != http.StatusBadGateway || problemOf(t, a).Code != "unreachable" {
			t.Errorf("call %d of a service that is down: status %d: %s", i+1, a.status, a.body)
		}
	}
	refused := 0
	w.eventually("the breaker opens", func() bool {
		a := w.get("bff-mobile", "/users/ada", "")
		if a.status == http.StatusServiceUnavailable {
			refused++
			if problemOf(t, a).Code != "breaker-open" || a.header.Get("Retry-After") != "1" {
				t.Errorf("%s, Retry-After %q", a.body, a.header.Get("Retry-After"))
			}
		}
		return refused == 5
	})
	for path, want := range map[string]int{"/echo/a": 200, "/films/pulp-fiction-1994": 200} {
		if a := w.get("bff-mobile", path, ""); a.status != want {
			t.Errorf("another service: %s: status %d: %s", path, a.status, a.body)
		}
	}
	if metrics := string(w.admin("bff-mobile", "/metrics").body); !strings.Contains(metrics, `service="users"`) {
		t.Error("the metrics do not name the service")
	}
	if ready := w.admin("bff-mobile", "/readyz"); ready.status != http.StatusOK {
		t.Errorf("a service that is down takes the gateway out: %d", ready.status)
	}

	w.service("users")
	w.eventually("the service is asked again", func() bool { return w.get("bff-mobile", "/users/ada", "").status == http.StatusOK })
	var clients sync.WaitGroup
	for range 20 {
		clients.Go(func() {
			if a, err := w.try(context.Background(), "bff-mobile", "/users/ada", ""); err != nil || a.status != http.StatusOK {
				t.Errorf("after recovery: %d %v", a.status, err)
			}
		})
	}
	clients.Wait()
}

// TestClientsFaultsOpenNoBreaker: what the client does wrong says nothing about the
// service, however often.
func TestClientsFaultsOpenNoBreaker(t *testing.T) {
	w := closed(t)
	w.service("users")
	w.service("catalog")
	s := record(t, nil)
	w.front(s, "body_timeout: 50ms", "")
	w.change("bff-mobile", "breaker: {failures: 1000, ratio: 1, min_requests: 1000}", "breaker: {failures: 2, min_requests: 2, open_for: 1h}",
		"descriptors: catalog.binpb}", "descriptors: catalog.binpb, breaker: {failures: 2, min_requests: 2, open_for: 1h}}")
	w.gateway("bff-mobile")
	w.ready()
	const post = "POST /echo/a HTTP/1.1\r\nHost: h\r\n"
	for name, bytes := range map[string]string{
		"slow":      post + "Content-Length: 10\r\n\r\nabc",
		"malformed": post + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
		"too long":  post + "Transfer-Encoding: chunked\r\n\r\n200000\r\n" + strings.Repeat("a", 0x200000) + "\r\n0\r\n\r\n",
		"no film":   "GET /films/none HTTP/1.1\r\nHost: h\r\n\r\n",
		"no field":  "GET /films?none=1 HTTP/1.1\r\nHost: h\r\n\r\n",
	} {
		for range 4 {
			if a, o := w.only(bytes); a.status < 400 || a.status >= 500 {
				t.Errorf("%s: status %d; %+v", name, a.status, o)
			}
		}
		for range 4 { // clients that leave
			conn := w.dial()
			_, _ = conn.Write([]byte(bytes[:len(bytes)-1]))
			_ = conn.Close()
		}
	}
	for _, path := range []string{"/echo/a", "/films/pulp-fiction-1994"} {
		if a := w.get("bff-mobile", path, ""); a.status != http.StatusOK {
			t.Errorf("%s: status %d: %s", path, a.status, a.body)
		}
	}
}
