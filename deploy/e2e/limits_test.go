package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// TestSizes: what is too large is refused with its own status before a service
// hears of it, and what just fits is served.
func TestSizes(t *testing.T) {
	s := record(t, nil)
	w := behind(t, s, "max_head: 16KiB", "edge: {max_url: 2KiB, max_header: 4KiB, max_headers: 20, max_query: 50, max_body: 64KiB}\n")
	const start, end = "GET /echo/a HTTP/1.1\r\nHost: h\r\n", "\r\n"
	post := func(length int) string {
		return fmt.Sprintf("POST /echo/a HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", length)
	}
	chunked := func(n int) string {
		return "POST /echo/a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("400\r\n"+strings.Repeat("a", 1024)+"\r\n", n) + "0\r\n\r\n"
	}
	a := func(n int) string { return strings.Repeat("a", n) }
	for _, test := range []struct {
		name, bytes string
		status      int
		code        string
	}{
		{"a URL that fits", "GET /echo/" + a(2000) + " HTTP/1.1\r\nHost: h\r\n\r\n", 200, ""},
		{"a long URL", "GET /echo/" + a(2048) + " HTTP/1.1\r\nHost: h\r\n\r\n", 414, "uri-too-long"},
		{"a long query", "GET /echo/a?" + a(2048) + " HTTP/1.1\r\nHost: h\r\n\r\n", 414, "uri-too-long"},
		{"a URL longer than a head", "GET /echo/" + a(20<<10) + " HTTP/1.1\r\nHost: h\r\n\r\n", 414, "uri-too-long"},
		{"a URL without end", "GET /echo/" + a(40<<10), 414, "uri-too-long"},
		{"parameters that fit", "GET /echo/a?" + strings.Repeat("a&", 49) + "a HTTP/1.1\r\nHost: h\r\n\r\n", 200, ""},
		{"many parameters", "GET /echo/a?" + strings.Repeat("a&", 50) + "a HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad-request"},
		{"a header that fits", start + "A: " + a(4000) + "\r\n" + end, 200, ""},
		{"a long header", start + "A: " + a(4096) + "\r\n" + end, 431, "headers-too-large"},
		{"headers that fit", start + strings.Repeat("A: b\r\n", 20) + end, 200, ""},
		{"many headers", start + strings.Repeat("A: b\r\n", 21) + end, 431, "headers-too-large"},
		{"many names", start + many(21) + end, 431, "headers-too-large"},
		{"a long head", start + strings.Repeat("A: "+a(1000)+"\r\n", 17) + end, 431, "headers-too-large"},
		{"a head without end", start + strings.Repeat("A: "+a(1000)+"\r\n", 40), 431, "headers-too-large"},
		{"a body that fits", post(64<<10) + a(64<<10), 200, ""},
		{"a long body", post(64<<10+1) + a(64<<10+1), 413, "payload-too-large"},
		{"a long body, announced only", post(1 << 40), 413, "payload-too-large"},
		{"chunks that fit", chunked(64), 200, ""},
		{"chunks that do not", chunked(65), 413, "payload-too-large"},
		{"far more chunks", chunked(900), 413, "payload-too-large"},
	} {
		answer, o := w.only(test.bytes)
		if answer.status != test.status {
			t.Errorf("%s: status %d, not %d; %+v", test.name, answer.status, test.status, o)
		} else if test.code != "" && answer.problem(t) != test.code {
			t.Errorf("%s: %s", test.name, answer.body)
		}
		if seen := s.take(); (len(seen) == 1) != (test.status == 200) {
			t.Errorf("%s: the service got %d whole requests", test.name, len(seen))
		}
	}
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "A%d: b\r\n", i)
	}
	return b.String()
}

// TestSlowClients: whoever does not get on with a request is cut, also on a
// connection that has been good before, and nobody else waits.
func TestSlowClients(t *testing.T) {
	s := record(t, nil)
	w := behind(t, s, "header_timeout: 300ms, body_timeout: 300ms, idle_timeout: 20s", "")
	const good = "GET /echo/a HTTP/1.1\r\nHost: h\r\n\r\n"
	var slow sync.WaitGroup
	for name, test := range map[string]struct {
		bytes   string
		answers []int
	}{
		"silent":               {"", nil},
		"half a line":          {"GET /ech", nil},
		"half a head":          {"GET /echo/a HTTP/1.1\r\nHost: h\r\nA: b", nil},
		"half a second head":   {good + "GET /echo/b HTTP/1.1\r\nHost: h\r\nA: b", []int{200}},
		"a byte of a second":   {good + "G", []int{200}},
		"half a body":          {"POST /echo/a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc", []int{408}},
		"half of the chunks":   {"POST /echo/a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", []int{408}},
		"a body never sent":    {"POST /echo/a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n", []int{408}},
		"half a body, refused": {"POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc", []int{404}},
	} {
		for range 20 {
			slow.Go(func() {
				o := w.wire(test.bytes, 3)
				if !o.closed || len(o.answers) != len(test.answers) {
					t.Errorf("%s: %+v", name, o)
					return
				}
				for i, answer := range o.answers {
					if answer.status != test.answers[i] || answer.status == 408 && answer.problem(t) != "request-timeout" {
						t.Errorf("%s: status %d: %s", name, answer.status, answer.body)
					}
				}
			})
		}
	}
	for range 50 {
		if a := w.get("bff-mobile", "/echo/a", ""); a.status != http.StatusOK {
			t.Errorf("beside slow clients: status %d: %s", a.status, a.body)
		}
	}
	slow.Wait()
}

// TestConnectionCaps: beyond the cap connections wait; beyond that of one address
// they are closed.
func TestConnectionCaps(t *testing.T) {
	s := record(t, nil)
	w := behind(t, s, "max_connections: 8, max_connections_per_address: 4", "")
	const good = "GET /echo/a HTTP/1.1\r\nHost: h\r\n\r\n"
	for range 4 {
		conn := w.dial()
		_, _ = io.WriteString(conn, good)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("a connection within the cap: %v, %v", resp, err)
		}
	}
	if o := w.wire(good, 1); len(o.answers) != 0 || !o.closed {
		t.Errorf("a connection beyond the cap: %+v", o)
	}
	if ready := w.admin("bff-mobile", "/readyz"); ready.status != http.StatusOK {
		t.Errorf("the operators' listener has a cap of its own: status %d", ready.status)
	}
	if metrics := string(w.admin("bff-mobile", "/metrics").body); !strings.Contains(metrics, "\nhttp_connections_open 4\n") {
		t.Error("the metric does not show the connections")
	}
}

// TestManyAtOnce: every one of many parallel requests is answered, and beyond
// max_in_flight at once, with 503 and a time to come back.
func TestManyAtOnce(t *testing.T) {
	entered, leave := make(chan struct{}, 1000), make(chan struct{})
	s := record(t, func(r *http.Request, w io.Writer) {
		if strings.HasPrefix(r.URL.Path, "/echo/hold") {
			entered <- struct{}{}
			<-leave
		}
		_, _ = io.WriteString(w, anAnswer)
	})
	w := behind(t, s, "", "edge: {max_in_flight: 40, never_shed: [/echo/vital]}\n")
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			if a, err := w.try(context.Background(), "bff-mobile", "/echo/hold", ""); err != nil || a.status != http.StatusOK {
				t.Errorf("%d %v", a.status, err)
			}
		})
	}
	for range 40 {
		<-entered
	}
	for range 20 {
		a := w.get("bff-mobile", "/echo/a", "")
		if code := a.problem(t); a.status != http.StatusServiceUnavailable || code != "overloaded" || a.header.Get("Retry-After") != "1" {
			t.Errorf("beyond the cap: status %d, code %q, Retry-After %q", a.status, code, a.header.Get("Retry-After"))
		}
	}
	if a := w.get("bff-mobile", "/echo/vital", ""); a.status != http.StatusOK {
		t.Errorf("what is never shed: status %d", a.status)
	}
	close(leave)
	all.Wait()
	for range 32 {
		all.Go(func() {
			for range 25 {
				if a, err := w.try(context.Background(), "bff-mobile", "/echo/a", ""); err != nil || a.status != http.StatusOK {
					t.Errorf("%d %v", a.status, err)
				}
			}
		})
	}
	all.Wait()
}
