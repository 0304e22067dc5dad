package edge

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/telemetry"
)

func TestClientAddress(t *testing.T) {
	for _, tt := range []struct {
		name, peer string
		trusted    []string
		forwarded  []string
		want       string
	}{
		{"nobody is trusted", "192.0.2.1:5", nil, []string{"203.0.113.9"}, "192.0.2.1"},
		{"stranger", "192.0.2.1:5", []string{"10.0.0.0/8"}, []string{"203.0.113.9"}, "192.0.2.1"},
		{"one proxy", "10.0.0.1:5", []string{"10.0.0.0/8"}, []string{"203.0.113.9"}, "203.0.113.9"},
		{"invented ones to the left", "10.0.0.1:5", []string{"10.0.0.0/8"}, []string{"1.1.1.1, 2.2.2.2,203.0.113.9"}, "203.0.113.9"},
		{"two proxies", "10.0.0.1:5", []string{"10.0.0.0/8"}, []string{"1.1.1.1, 203.0.113.9 ,\t10.9.9.9"}, "203.0.113.9"},
		{"several lines", "10.0.0.1:5", []string{"10.0.0.0/8"}, []string{"1.1.1.1", "203.0.113.9", "10.9.9.9"}, "203.0.113.9"},
		{"only proxies", "10.0.0.1:5", []string{"10.0.0.0/8"}, []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"no header", "10.0.0.1:5", []string{"10.0.0.0/8"}, nil, "10.0.0.1"},
		{"empty header", "10.0.0.1:5", []string{"10.0.0.0/8"}, []string{""}, "10.0.0.1"},
		{"unreadable", "10.0.0.1:5", []string{"10.0.0.0/8"}, []string{"203.0.113.9, unknown, 10.0.0.2"}, "10.0.0.2"},
		{"empty entry", "10.0.0.1:5", []string{"10.0.0.0/8"}, []string{"203.0.113.9, , 10.0.0.2"}, "10.0.0.2"},
		{"trailing comma", "10.0.0.1:5", []string{"10.0.0.0/8"}, []string{"203.0.113.9,"}, "10.0.0.1"},
		{"with ports", "10.0.0.1:5", []string{"10.0.0.0/8"}, []string{"203.0.113.9:4711"}, "203.0.113.9"},
		{"IPv6", "[fd00::1]:5", []string{"fd00::/8"}, []string{"2001:db8::9"}, "2001:db8::9"},
		{"IPv6 in brackets", "[fd00::1]:5", []string{"fd00::/8"}, []string{"[2001:db8::9]"}, "2001:db8::9"},
		{"IPv6 with port", "[fd00::1]:5", []string{"fd00::/8"}, []string{"[2001:db8::9]:4711"}, "2001:db8::9"},
		{"mapped peer", "[::ffff:10.0.0.1]:5", []string{"10.0.0.0/8"}, []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"zone", "[fe80::1%eth0]:5", nil, nil, "fe80::1"},
		{"no peer", "@", []string{"10.0.0.0/8"}, []string{"203.0.113.9"}, "invalid IP"},
	} {
		e := &edge{Config: trusted(tt.trusted...)}
		got := e.address(peer(&http.Request{RemoteAddr: tt.peer}), tt.forwarded)
		if got.String() != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, got, tt.want)
		}
	}
}

func FuzzClientAddress(f *testing.F) {
	f.Add("203.0.113.9, 10.0.0.2", "10.0.0.3")
	f.Add("[2001:db8::9]:4711", ",,")
	f.Add("::ffff:10.0.0.1", "unknown, 1.2.3.4:5")
	e := &edge{Config: trusted("10.0.0.0/8")}
	proxy := netip.MustParseAddr("10.0.0.1")
	stranger := netip.MustParseAddr("192.0.2.1")
	f.Fuzz(func(t *testing.T, first, second string) {
		if got := e.address(stranger, []string{first, second}); got != stranger {
			t.Fatalf("a stranger becomes %v", got)
		}
		got := e.address(proxy, []string{first, second})
		if !got.IsValid() || got.Is4In6() || got.Zone() != "" {
			t.Fatalf("address %v", got)
		}
		// What a client writes to the left of what a proxy appends changes nothing.
		appended := second + ", 203.0.113.9"
		if got := e.address(proxy, []string{first, appended}); got.String() != "203.0.113.9" {
			t.Fatalf("a client behind a proxy chooses %v", got)
		}
	})
}

func TestManagedHeadersAreDropped(t *testing.T) {
	w := serve(t, Config{DropHeaders: []string{"X-Tenant-*", "X_Plan"}}, func(w http.ResponseWriter, r *http.Request) {
		_ = r.Header.Write(w)
	})
	kept := http.Header{
		"Accept": {"text/plain"}, "Authorization": {"Bearer x"}, "Cookie": {"a=b"}, "User-Agent": {"test"}, "X-App-Version": {"1"},
		"X-Client-Version": {"1"}, "X-Users": {"1"}, "Traceparent": {"00-1"}, "X-Useragent": {"1"},
	}
	sent := kept.Clone()
	for _, name := range []string{
		"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X_Forwarded_Proto", "x.forwarded.uri", "X-Forwarded", "X-Real-Ip", "X_Real-IP",
		"True-Client-IP", "CF-Connecting-IP", "X-User-Id", "x_user_id", "X.User.Id", "X-User", "X-INTERNAL-ROLE", "Txn-Token", "Txn_Token",
		"Remote-User", "Proxy", "X-HTTP-Method-Override", "X-Original-URL", "X-Rewrite-Url", "X-Request-Id", "Client-Cert",
		"X-Tenant-Id", "x_tenant.id", "X-Plan", "X-User-" + strings.Repeat("a", 200),
	} {
		sent[name] = []string{"forged"}
	}
	_, body := w.get(t, "/", sent)
	if strings.Contains(body, "forged") {
		t.Errorf("came through:\n%s", body)
	}
	for name, values := range kept {
		if !strings.Contains(body, name+": "+values[0]+"\r\n") {
			t.Errorf("%s was lost", name)
		}
	}
}

func TestTrailersAreDropped(t *testing.T) {
	w := serve(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, len(r.Trailer))
	})
	resp := raw(t, w, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-User\r\n\r\n1\r\na\r\n0\r\nX-User: forged\r\n\r\n")
	if body, _ := io.ReadAll(resp.Body); string(body) != "0" {
		t.Errorf("%s trailers", body)
	}
}

func TestHygiene(t *testing.T) {
	c := Config{MaxHeaders: 10, MaxHeader: 100, MaxURL: 100, MaxQuery: 3}
	w := serve(t, c, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s|%s|%s", r.URL.Path, r.URL.Host+r.URL.Scheme+r.URL.RawPath, r.Host)
	})
	many := strings.Repeat("A: 1\r\n", 10)
	for _, tt := range []struct {
		head   string // request line and headers
		status int
		want   string // code of the problem, or the body
	}{
		{"GET /a%20b HTTP/1.1\r\nHost: h:80\r\n", 200, "/a b||h:80"},
		{"GET /%61 HTTP/1.1\r\nHost: h\r\n", 200, "/a||h"},
		{"GET http://other/x HTTP/1.1\r\nHost: h\r\n", 200, "/x||other"},
		{"GET / HTTP/1.0\r\n", 200, "/||"},
		{"OPTIONS * HTTP/1.1\r\nHost: h\r\n", 200, ""},
		{"GET * HTTP/1.1\r\nHost: h\r\n", 400, "invalid-path"},
		{"GET /a%2Fb HTTP/1.1\r\nHost: h\r\n", 400, "invalid-path"},
		{"GET /a/%2e%2e/b HTTP/1.1\r\nHost: h\r\n", 400, "invalid-path"},
		{"GET /a//b HTTP/1.1\r\nHost: h\r\n", 400, "invalid-path"},
		{"GET /a\\b HTTP/1.1\r\nHost: h\r\n", 400, "invalid-path"},
		{"GET http://other HTTP/1.1\r\nHost: h\r\n", 400, "invalid-path"},
		{"GET ftp://other/x HTTP/1.1\r\nHost: h\r\n", 400, "bad-request"},
		{"GET http://u:p@other/x HTTP/1.1\r\nHost: h\r\n", 400, "bad-request"},
		{"CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n", 405, "method-not-allowed"},
		{"TRACE / HTTP/1.1\r\nHost: h\r\n", 405, "method-not-allowed"},
		{"GET /" + strings.Repeat("a", 100) + " HTTP/1.1\r\nHost: h\r\n", 414, "uri-too-long"},
		{"GET /?a&b&c HTTP/1.1\r\nHost: h\r\n", 200, "/||h"},
		{"GET /?a&b&c&d HTTP/1.1\r\nHost: h\r\n", 400, "bad-request"},
		{"GET / HTTP/1.1\r\nHost: h\r\n" + many, 200, "/||h"},
		{"GET / HTTP/1.1\r\nHost: h\r\n" + many + "B: 1\r\n", 431, "headers-too-large"},
		{"GET / HTTP/1.1\r\nHost: h\r\nA: " + strings.Repeat("a", 100) + "\r\n", 431, "headers-too-large"},
		{"GET / HTTP/1.1\r\nHost: a..b\r\n", 400, "bad-request"},
		{"GET / HTTP/1.1\r\nHost: h:port\r\n", 400, ""}, // refused by net/http itself
	} {
		resp := raw(t, w, tt.head+"\r\n")
		body, _ := io.ReadAll(resp.Body)
		got := string(body)
		if resp.Header.Get("Content-Type") == "application/problem+json" {
			got = code(t, got)
		}
		if resp.StatusCode != tt.status || tt.want != "" && got != tt.want {
			t.Errorf("%q: %d %s, want %d %s", tt.head, resp.StatusCode, got, tt.status, tt.want)
		}
		if resp.StatusCode == 405 && resp.Header.Get("Allow") == "" {
			t.Errorf("%q: 405 without Allow", tt.head)
		}
	}
}

// TestHygieneOfHTTP2: what net/http lets through there, and only there.
func TestHygieneOfHTTP2(t *testing.T) {
	e := &edge{Config: Config{}.withDefaults()}
	for name, change := range map[string]func(*http.Request){
		"a whole URL as path": func(r *http.Request) { r.RequestURI = "http://other/a" },
		"two lengths":         func(r *http.Request) { r.Header["Content-Length"] = []string{"3", "4"} },
	} {
		r := httptest.NewRequest("GET", "/a", nil)
		r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0
		if err := e.inspect(r); err != nil {
			t.Fatal(err)
		}
		change(r)
		if p := problem.From(e.inspect(r)); p == nil || p.Kind.Status() != 400 {
			t.Errorf("%s: %v", name, p)
		}
	}
}

// TestRefusedByTheListener: such a request is answered, logged and counted like
// any other.
func TestRefusedByTheListener(t *testing.T) {
	var log bytes.Buffer
	tel := telemetry.New(&log, slog.LevelInfo, telemetry.Build{})
	h := New(Config{}, NewMetrics(tel), tel, zeros{}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was handled") }))
	r := httptest.NewRequest("GET", "/", nil)
	r = r.WithContext(problem.NewContext(r.Context(), problem.BadRequest.New("two readings")))
	r.Method, r.URL.Path, r.RequestURI, r.Host = "", "", "", ""
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 400 || code(t, w.Body.String()) != "bad-request" || w.Header().Get("X-Request-Id") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if text := log.String(); !strings.Contains(text, `"code":"bad-request"`) || !strings.Contains(text, "two readings") {
		t.Errorf("log: %s", text)
	}
}

func TestAsterisk(t *testing.T) {
	tel := telemetry.Discard()
	h := New(Config{}, NewMetrics(tel), tel, zeros{}, http.NotFoundHandler())
	r := httptest.NewRequest("OPTIONS", "*", nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 204 || w.Header().Get("Allow") != methods {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func TestVisibleSmugglingIsRefused(t *testing.T) {
	tel := telemetry.Discard()
	h := New(Config{}, NewMetrics(tel), tel, zeros{}, http.NotFoundHandler())
	r := httptest.NewRequest("POST", "/", strings.NewReader("x"))
	r.TransferEncoding, r.Header["Content-Length"] = []string{"chunked"}, []string{"1"}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 400 {
		t.Errorf("%d", w.Code)
	}
}

func TestValidHost(t *testing.T) {
	for host, want := range map[string]bool{
		"api.example.com": true, "API.example.com.:443": true, "a_b": true, "127.0.0.1:80": true, "[::1]": true, "[::1]:80": true,
		"": false, ":80": false, "a b": false, "a/b": false, "a@b": false, "a:b": false, "a:123456": false, "a..b": false, ".a": false,
		"::1": false, "[::1": false, "[::1]x": false, "[1.2.3.4]": false, "[fe80::1%eth0]": false, "é": false, "a,b": false,
		strings.Repeat("a", 256): false,
	} {
		if validHost(host) != want {
			t.Errorf("validHost(%q) is %v", host, !want)
		}
	}
}

func TestConfig(t *testing.T) {
	var c Config
	load := func(yaml string) error {
		_, err := config.Load(&c, config.Source{Name: "x.yaml", Data: []byte(yaml)})
		return err
	}
	if err := load("{}"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Config{}.withDefaults(), c, cmp.AllowUnexported(netip.Prefix{})); diff != "" {
		t.Errorf("the tags and the zero value differ: %s", diff)
	}
	if err := load("trusted_proxies: [10.0.0.0/8, fd00::/8]\ndrop_headers: [x-tenant-*, x_plan]"); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{
		"trusted_proxies: ['::ffff:10.0.0.0/104']", "trusted_proxies: [ten]", "drop_headers: ['*']", "drop_headers: ['a b']",
		"max_body: -1", "max_in_flight: -1", "never_shed: [health]",
	} {
		if load(bad) == nil {
			t.Errorf("%s passes", bad)
		}
	}
}
