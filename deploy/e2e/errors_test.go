package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// A document is a problem as clients read it (RFC 9457).
type document struct {
	Type, Title, Detail, Instance, Code string
	TraceID                             string `json:"trace_id"`
	Status                              int
	Retryable                           *bool
	Errors                              []struct{ Pointer, Detail string }
}

// problemOf checks what every problem has to have.
func problemOf(t *testing.T, a answer) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(a.body, &d); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	if a.header.Get("Content-Type") != "application/problem+json" || d.Type == "" || d.Title == "" || d.Status != a.status || d.Retryable == nil ||
		d.Instance == "" || d.Instance != a.header.Get("X-Request-Id") || len(d.TraceID) != 32 {
		t.Errorf("an incomplete problem: %v %s", a.header, a.body)
	}
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("ETag") != "" || a.header.Get("Content-Encoding") != "" {
		t.Errorf("a problem that can be stored: %v", a.header)
	}
	return d
}

// nobody is an address at which nobody listens.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestEveryProblem: each code that a client can meet, as a client meets it. The
// codes are a promise.
func TestEveryProblem(t *testing.T) {
	s := record(t, func(r *http.Request, w io.Writer) {
		name, status, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/echo/"), "/")
		switch name {
		case "status":
			_, _ = fmt.Fprintf(w, "HTTP/1.1 %s Oops\r\nContent-Type: text/html\r\nRetry-After: 7\r\nAllow: GET\r\nContent-Length: 9\r\n\r\ninternals", status)
		case "json":
			_, _ = fmt.Fprintf(w, "HTTP/1.1 %s Oops\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"own\":true}", status)
		case "hang":
			_, _ = io.Copy(io.Discard, w.(io.Reader))
		case "cut":
			_ = w.(io.Closer).Close()
		default:
			_, _ = io.WriteString(w, anAnswer)
		}
	})
	w := known(t, s, "body_timeout: 200ms", "limits:\n  - {name: few, requests: 1, per: 1h, key: address}\nedge: {max_url: 4KiB}\n")
	dead := nobody(t)
	w.change("bff-mobile",
		"{failures: 1000, ratio: 1, min_requests: 1000}}", "{failures: 1000, ratio: 1, min_requests: 1000}, timeout: 500ms}\n"+
			"  dead: {url: \"http://"+dead+"\", breaker: {failures: 2, open_for: 1h}}",
		"routes:\n", "routes:\n  - {path: /dead/*, upstream: dead, policy: anyone}\n  - {path: /few/*, upstream: service, policy: anyone, limits: [few]}\n"+
			"  - {path: /admin/*, upstream: service, policy: admin}\n  - {path: /read/*, methods: [GET], upstream: service, policy: anyone}\n",
		"policies:\n", "policies:\n  - name: admin\n    scopes: {all: [admin]}\n")
	w.hup("bff-mobile")
	w.eventually("reload", func() bool { return reloads(w, "ok") > 0 })

	token := w.token("mobile", "ada")
	get := func(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n" }
	for _, test := range []struct {
		bytes     string
		status    int
		code      string
		retryable bool
		header    string // that must be there
	}{
		{get("/echo/a?" + strings.Repeat("a&", 600)), 400, "bad-request", false, ""},
		{"GET /echo/a\r\n\r\n", 400, "bad-request", false, ""},
		{get("/echo/status/400"), 400, "bad-request", false, ""},
		{get("/echo/%2f"), 400, "invalid-path", false, ""},
		{get("/member/a"), 401, "unauthenticated", false, "Www-Authenticate"},
		{"GET /member/a HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer a.b.c\r\n\r\n", 401, "invalid-token", false, "Www-Authenticate"},
		{"GET /admin/a HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + token + "\r\n\r\n", 403, "insufficient-scope", false, "Www-Authenticate"},
		{get("/echo/status/403"), 403, "forbidden", false, ""},
		{get("/nowhere"), 404, "no-route", false, ""},
		{get("/films/no-such-film"), 404, "not-found", false, ""},
		{get("/echo/status/404"), 404, "not-found", false, ""},
		{"POST /read/a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", 405, "method-not-allowed", false, "Allow"},
		{"POST /films/a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", 405, "method-not-allowed", false, "Allow"},
		{"BREW /echo/a HTTP/1.1\r\nHost: h\r\n\r\n", 405, "method-not-allowed", false, "Allow"},
		{"TRACE /echo/a HTTP/1.1\r\nHost: h\r\n\r\n", 405, "method-not-allowed", false, "Allow"},
		{get("/echo/status/405"), 405, "method-not-allowed", false, "Allow"},
		{get("/echo/status/406"), 406, "not-acceptable", false, ""},
		{"POST /echo/a HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nslow", 408, "request-timeout", true, ""},
		{get("/echo/status/409"), 409, "conflict", false, ""},
		{"POST /echo/a HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999\r\n\r\n", 413, "payload-too-large", false, ""},
		{"GET /films/a HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 9999999\r\n\r\n", 413, "payload-too-large", false, ""},
		{get("/echo/" + strings.Repeat("a", 5000)), 414, "uri-too-long", false, ""},
		{get("/echo/status/415"), 415, "unsupported-media-type", false, ""},
		{"GET /films/a HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\na", 415, "unsupported-media-type", false, ""},
		{"GET /echo/a HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n", 417, "expectation-failed", false, ""},
		{get("/few/a"), 200, "", false, ""},
		{get("/few/a"), 429, "rate-limited", true, "Retry-After"},
		{get("/echo/status/429"), 429, "rate-limited", true, "Retry-After"},
		{"GET /echo/a HTTP/1.1\r\nHost: h\r\n" + many(101) + "\r\n", 431, "headers-too-large", false, ""},
		{get("/echo/status/501"), 501, "not-supported", false, ""},
		{get("/echo/status/500"), 502, "bad-upstream", true, ""},
		{get("/echo/json/500"), 502, "bad-upstream", true, ""},
		{get("/echo/status/502"), 502, "bad-upstream", true, ""},
		{get("/dead/a"), 502, "unreachable", true, ""},
		{get("/dead/a"), 502, "unreachable", true, ""},
		{get("/dead/a"), 503, "breaker-open", true, "Retry-After"},
		{get("/echo/status/503"), 503, "overloaded", true, "Retry-After"},
		{get("/echo/hang"), 504, "upstream-timeout", true, ""},
		{get("/echo/status/504"), 504, "upstream-timeout", true, ""},
	} {
		name := strings.SplitN(test.bytes, "\r", 2)[0]
		name = name[:min(len(name), 40)]
		a, o := w.only(test.bytes)
		if a.status != test.status {
			t.Errorf("%s: status %d, not %d; %+v", name, a.status, test.status, o)
			continue
		}
		if test.code == "" {
			continue
		}
		p := problemOf(t, a)
		if p.Code != test.code || *p.Retryable != test.retryable {
			t.Errorf("%s: code %q, retryable %v", name, p.Code, *p.Retryable)
		}
		if test.header != "" && a.header.Get(test.header) == "" {
			t.Errorf("%s: no %s", name, test.header)
		}
		for _, inner := range []string{"internals", dead, s.addr, "127.0.0.1", "dial", "grpc", ".go"} {
			if strings.Contains(string(a.body), inner) {
				t.Errorf("%s: the problem tells %q: %s", name, inner, a.body)
			}
		}
	}
	a, _ := w.only(get("/echo/cut"))
	if p := problemOf(t, a); a.status != 502 || p.Code != "unreachable" && p.Code != "bad-upstream" {
		t.Errorf("a service that hangs up: status %d, code %q", a.status, p.Code)
	}
	for status, code := range map[string]int{"404": 404, "409": 409, "422": 422} { // a refusal in JSON is the service's own
		if a, _ := w.only(get("/echo/json/" + status)); a.status != code || string(a.body) != `{"own":true}` {
			t.Errorf("a refusal in JSON: status %d: %s", a.status, a.body)
		}
	}
}

// TestGRPCRoutes: what a client does wrong on a route to a gRPC service is told
// as on any other.
func TestGRPCRoutes(t *testing.T) {
	w := known(t, record(t, nil), "", "")
	for query, pointers := range map[string]string{
		"?colour=red":              "?colour",
		"?page_size=many":          "?page_size",
		"?page_size=1&page_size=2": "?page_size",
		"?page_size=1&pageSize=2":  "?page_size", // one field, spelt in two ways
		"?a=1&b=2":                 "?a ?b",
		"?page_size=99999999999":   "?page_size",
	} {
		a := w.get("bff-mobile", "/films"+query, "")
		p := problemOf(t, a)
		var got []string
		for _, e := range p.Errors {
			got = append(got, e.Pointer)
			if e.Detail == "" {
				t.Errorf("%s: no detail for %s", query, e.Pointer)
			}
		}
		if a.status != 400 || p.Code != "bad-request" || strings.Join(got, " ") != pointers {
			t.Errorf("%s: status %d, code %q, pointers %q", query, a.status, p.Code, got)
		}
	}
	for _, query := range []string{"", "?page_size=2", "?genre=Drama&page_size=1", "?page_token="} {
		if a := w.get("bff-mobile", "/films"+query, ""); a.status != 200 || !json.Valid(a.body) {
			t.Errorf("%s: status %d: %s", query, a.status, a.body)
		}
	}
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
		a, _ := w.only(method + " /films/pulp-fiction-1994 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
		if p := problemOf(t, a); a.status != 405 || p.Code != "method-not-allowed" || a.header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: status %d, code %q, Allow %q", method, a.status, p.Code, a.header.Get("Allow"))
		}
	}
	full := w.get("bff-mobile", "/films/pulp-fiction-1994", "")
	head, _ := w.only("HEAD /films/pulp-fiction-1994 HTTP/1.1\r\nHost: h\r\n\r\n")
	if head.status != 200 || head.header.Get("Content-Length") != length(string(full.body)) || head.header.Get("Content-Type") != "application/json" {
		t.Errorf("HEAD: status %d, %v", head.status, head.header)
	}
	for path, status := range map[string]int{"/films/no-such-film": 404, "/films/a/b": 404, "/films/": 404, "/films:nothing": 404} {
		if a := w.get("bff-mobile", path, ""); a.status != status {
			t.Errorf("%s: status %d: %s", path, a.status, a.body)
		} else {
			problemOf(t, a)
		}
	}
	w.stop("catalog")
	if a := w.get("bff-mobile", "/films/pulp-fiction-1994", ""); a.status != 502 || problemOf(t, a).Code != "unreachable" {
		t.Errorf("without the service: status %d: %s", a.status, a.body)
	}
}

// TestPickyClients: what RFC 9110 lets a client ask of a screen.
func TestPickyClients(t *testing.T) {
	w := open(t)
	token := w.token("mobile", "ada")
	full := w.get("bff-mobile", "/v1/home", token)
	tag := full.header.Get("ETag")
	if full.status != 200 || tag == "" {
		t.Fatalf("status %d, ETag %q", full.status, tag)
	}
	opaque := strings.TrimPrefix(tag, "W/")

	for value, status := range map[string]int{
		tag: 304, opaque: 304, "*": 304, `"x", ` + tag: 304, `W/"x",` + opaque + ` , "y"`: 304, `"with, comma", ` + tag: 304,
		`"x"`: 200, `W/"x"`: 200, strings.Trim(opaque, `"`): 200, "": 200, tag + "x": 200,
	} {
		for _, coding := range []string{"", "gzip", "zstd"} {
			a := w.get("bff-mobile", "/v1/home", token, "If-None-Match", value, "Accept-Encoding", coding)
			if a.status != status || a.header.Get("ETag") != tag || a.header.Get("Vary") != full.header.Get("Vary") || a.header.Get("Cache-Control") != full.header.Get("Cache-Control") {
				t.Errorf("If-None-Match: %s: status %d, not %d; %v", value, a.status, status, a.header)
			}
			if status == 304 && (len(a.body) > 0 || a.header.Get("Content-Type") != "" || a.header.Get("Content-Encoding") != "") {
				t.Errorf("a 304 with %v: %q", a.header, a.body)
			}
		}
	}

	bearer := "Authorization: Bearer " + token + "\r\n"
	head, o := w.only("HEAD /v1/home HTTP/1.1\r\nHost: h\r\n" + bearer + "\r\n")
	if head.status != 200 || head.header.Get("Content-Length") != length(string(full.body)) || head.header.Get("ETag") != tag || o.closed {
		t.Errorf("HEAD: status %d, %v", head.status, head.header)
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PROPFIND"} {
		a, _ := w.only(method + " /v1/home HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n" + bearer + "\r\n")
		if p := problemOf(t, a); a.status != 405 || p.Code != "method-not-allowed" || !strings.Contains(a.header.Get("Allow"), "GET") || !strings.Contains(a.header.Get("Allow"), "HEAD") {
			t.Errorf("%s: status %d, Allow %q", method, a.status, a.header.Get("Allow"))
		}
	}
	for target, allowed := range map[string]string{"*": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS", "/v1/home": "GET, HEAD, OPTIONS"} {
		options, _ := w.only("OPTIONS " + target + " HTTP/1.1\r\nHost: h\r\n\r\n")
		if options.status != 204 || len(options.body) != 0 || options.header.Get("Allow") != allowed {
			t.Errorf("OPTIONS %s: status %d, %v", target, options.status, options.header)
		}
	}

	for accepted, want := range map[string]string{
		"br": "", "deflate, br": "", "x-gzip": "gzip", "GZIP": "gzip", "*": "zstd", "*;q=0": "", "identity;q=0, *;q=0": "", "gzip;q=0, *": "zstd",
		"gzip;q=1.5": "", "gzip;q=": "", ",,,": "", "zstd;q=0.001, gzip;q=0.002": "gzip", "identity;q=1, gzip;q=0.5": "", strings.Repeat("x,", 2000) + "gzip": "", // nobody weighs thousands
	} {
		a := w.get("bff-mobile", "/v1/home", token, "Accept-Encoding", accepted)
		if got := a.header.Get("Content-Encoding"); a.status != 200 || got != want {
			t.Errorf("Accept-Encoding: %.40s: status %d, coding %q, not %q", accepted, a.status, got, want)
		}
	}
	if a := w.get("bff-mobile", "/v1/home", token, "Range", "bytes=0-9", "If-Match", `"x"`, "If-Modified-Since", "Tue, 24 Nov 2099 00:00:00 GMT"); a.status != 200 || len(a.body) != len(full.body) {
		t.Errorf("conditions that a screen does not know: status %d, %d bytes", a.status, len(a.body))
	}
}
