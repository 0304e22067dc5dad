package e2e

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestHostileBytes sends what no client of good will sends. It gets a problem and
// a closed connection, and the service gets nothing; or it has one reading only,
// and then the service gets that.
func TestHostileBytes(t *testing.T) {
	s := record(t, nil)
	w := behind(t, s, "header_timeout: 2s", "")
	const get, end = "GET /echo/a HTTP/1.1\r\nHost: h\r\n", "\r\n"
	const post = "POST /echo/a HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\n"
	const smuggled = "GET /echo/smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
	for name, test := range map[string]struct {
		bytes  string
		status int
		code   string
		open   bool // the request is whole, and the connection goes on
	}{
		"both lengths":                {post + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG", 400, "bad-request", false},
		"both lengths, other order":   {post + "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nG", 400, "bad-request", false},
		"both lengths, other case":    {post + "transfer-encoding: Chunked\r\ncontent-length: 6\r\n\r\n0\r\n\r\nG", 400, "bad-request", false},
		"unequal lengths":             {post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, "bad-request", false},
		"equal lengths":               {post + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nab", 400, "bad-request", false},
		"a list of lengths":           {post + "Content-Length: 2, 2\r\n\r\nab", 400, "bad-request", false},
		"a signed length":             {post + "Content-Length: +2\r\n\r\nab", 400, "bad-request", false},
		"a negative length":           {post + "Content-Length: -1\r\n\r\nab", 400, "bad-request", false},
		"a hexadecimal length":        {post + "Content-Length: 0x2\r\n\r\nab", 400, "bad-request", false},
		"an empty length":             {post + "Content-Length:\r\n\r\nab", 400, "bad-request", false},
		"a huge length":               {post + "Content-Length: 99999999999999999999\r\n\r\nab", 400, "bad-request", false},
		"chunked twice":               {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "bad-request", false},
		"identity":                    {post + "Transfer-Encoding: identity\r\n\r\n", 400, "bad-request", false},
		"an unknown coding":           {post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, "bad-request", false},
		"chunked with a control byte": {post + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400, "bad-request", false},
		"chunked in HTTP/1.0":         {"POST /echo/a HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "bad-request", false},
		"a space before the colon":    {get + "X-A : b\r\n" + end, 400, "bad-request", false},
		"a space in a length's name":  {post + "Content-Length : 2\r\n\r\nab", 400, "bad-request", false},
		"no colon":                    {get + "X-A\r\n" + end, 400, "bad-request", false},
		"no name":                     {get + ": b\r\n" + end, 400, "bad-request", false},
		"a folded header":             {get + "X-A: b\r\n c\r\n" + end, 400, "bad-request", false},
		"a folded first header":       {"GET /echo/a HTTP/1.1\r\n X-A: b\r\nHost: h\r\n\r\n", 400, "bad-request", false},
		"a bare CR in a header":       {get + "X-A: b\rX-B: c\r\n" + end, 400, "bad-request", false},
		"a bare LF after a header":    {get + "X-A: b\nX-B: c\r\n" + end, 400, "bad-request", false},
		"bare LFs":                    {"GET /echo/a HTTP/1.1\nHost: h\n\n", 400, "bad-request", false},
		"NUL in a header":             {get + "X-A: b\x00c\r\n" + end, 400, "bad-request", false},
		"a control in a header":       {get + "X-A: b\x01c\r\n" + end, 400, "bad-request", false},
		"DEL in a header":             {get + "X-A: b\x7fc\r\n" + end, 400, "bad-request", false},
		"a control in a name":         {get + "X-\x01A: b\r\n" + end, 400, "bad-request", false},
		"a bracket in a name":         {get + "X(A): b\r\n" + end, 400, "bad-request", false},
		"UTF-8 in a name":             {get + "X-Ä: b\r\n" + end, 400, "bad-request", false},
		"no host":                     {"GET /echo/a HTTP/1.1\r\n\r\n", 400, "bad-request", false},
		"two hosts":                   {get + "Host: other\r\n" + end, 400, "bad-request", false},
		"a host with a path":          {"GET /echo/a HTTP/1.1\r\nHost: h/x\r\n\r\n", 400, "bad-request", false},
		"a host with a user":          {"GET /echo/a HTTP/1.1\r\nHost: u@h\r\n\r\n", 400, "bad-request", false},
		"HTTP/0.9":                    {"GET /echo/a\r\n\r\n", 400, "bad-request", false},
		"HTTP/1.2":                    {"GET /echo/a HTTP/3.0\r\nHost: h\r\n\r\n", 400, "bad-request", false},
		"HTTP/2.0 in words":           {"GET /echo/a HTTP/2.0\r\nHost: h\r\n\r\n", 400, "bad-request", false},
		"another protocol":            {"GET /echo/a ICAP/1.0\r\nHost: h\r\n\r\n", 400, "bad-request", false},
		"the preface of HTTP/2":       {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "bad-request", false},
		"TLS":                         {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "bad-request", false},
		"two spaces":                  {"GET  /echo/a HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad-request", false},
		"a tab":                       {"GET\t/echo/a\tHTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad-request", false},
		"a space in the path":         {"GET /echo/a b HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad-request", false},
		"a control in the path":       {"GET /echo/a\x01 HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad-request", false},
		"a fragment":                  {"GET /echo/a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400, "invalid-path", true},
		"no slash":                    {"GET echo/a HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad-request", false},
		"an odd method":               {"G(T /echo/a HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad-request", false},
		"another scheme":              {"GET ftp://h/echo/a HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad-request", true},
		"a user in the URL":           {"GET http://u:p@h/echo/a HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad-request", true},
		"CONNECT":                     {"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", 405, "method-not-allowed", false},
		"CONNECT of a path":           {"CONNECT /echo/a HTTP/1.1\r\nHost: h\r\n\r\n", 405, "method-not-allowed", false},
		"TRACE":                       {"TRACE /echo/a HTTP/1.1\r\nHost: h\r\n\r\n", 405, "method-not-allowed", true},
		"a method in small letters":   {"get /echo/a HTTP/1.1\r\nHost: h\r\n\r\n", 405, "method-not-allowed", true},
		"an unknown method":           {"BREW /echo/a HTTP/1.1\r\nHost: h\r\n\r\n", 405, "method-not-allowed", true},
		"an unknown expectation":      {get + "Expect: tea\r\n" + end, 417, "expectation-failed", false},
		"a chunk size that is none":   {post + "Transfer-Encoding: chunked\r\n\r\nxx\r\nab\r\n0\r\n\r\n", 400, "bad-request", false},
		"a signed chunk size":         {post + "Transfer-Encoding: chunked\r\n\r\n+2\r\nab\r\n0\r\n\r\n", 400, "bad-request", false},
		"a huge chunk size":           {post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nab\r\n0\r\n\r\n", 400, "bad-request", false},
		"a longer chunk than said":    {post + "Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n", 400, "bad-request", false},
		"a bare LF after a chunk":     {post + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\n0\r\n\r\n", 400, "bad-request", false},
		"a bare LF after a size":      {post + "Transfer-Encoding: chunked\r\n\r\n2\nab\r\n0\r\n\r\n", 400, "bad-request", false},
		"a bare LF in an extension":   {post + "Transfer-Encoding: chunked\r\n\r\n2;a\n\r\nab\r\n0\r\n\r\n", 400, "bad-request", false},
	} {
		t.Run(name, func(t *testing.T) {
			s.take()
			o := w.wire(test.bytes+smuggled, 2)
			if len(o.answers) == 0 {
				t.Fatalf("no answer: %+v", o)
			}
			a := o.answers[0]
			if a.status != test.status {
				t.Errorf("status %d, not %d: %s", a.status, test.status, a.body)
			} else if code := a.problem(t); code != test.code {
				t.Errorf("code %q, not %q", code, test.code)
			}
			if a.header.Get("X-Request-Id") == "" {
				t.Error("the answer has no id")
			}
			if test.open != (len(o.answers) == 2) || !test.open && !o.closed {
				t.Errorf("%d answers, closed %v", len(o.answers), o.closed)
			}
			for _, request := range s.take() {
				if !test.open || !strings.HasPrefix(request, "GET /echo/smuggled ") {
					t.Errorf("the service got %q", request)
				}
			}
		})
	}
	w.alive("bff-mobile")
}

// TestOneReading: odd, but allowed, and the same for everybody.
func TestOneReading(t *testing.T) {
	s := record(t, nil)
	w := behind(t, s, "", "")
	for name, test := range map[string]struct {
		bytes, first string
		holds, lacks []string
	}{
		"absolute form": {
			"GET http://other.example/echo/a?b=c HTTP/1.1\r\nHost: h\r\n\r\n", "GET /echo/a?b=c HTTP/1.1\r\n",
			[]string{"Host: " + s.addr, "X-Forwarded-Host: other.example"},
			nil,
		},
		"h2c upgrade": {
			"GET /echo/a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
			"GET /echo/a HTTP/1.1\r\n", nil,
			[]string{"upgrade", "h2c", "http2-settings"},
		},
		"headers that Connection names": {
			"GET /echo/a HTTP/1.1\r\nHost: h\r\nConnection: x-secret, Keep-Alive, authorization\r\nX-Secret: 1\r\nKeep-Alive: timeout=5\r\nX-Stays: 1\r\n\r\n",
			"GET /echo/a HTTP/1.1\r\n",
			[]string{"X-Stays: 1"},
			[]string{"x-secret", "keep-alive"},
		},
		"names of the connection": {
			"GET /echo/a HTTP/1.1\r\nHost: h\r\nProxy-Authorization: Basic eA==\r\nProxy-Connection: keep-alive\r\nTE: gzip\r\nTrailer: X-T\r\nX-Stays: 1\r\n\r\n",
			"GET /echo/a HTTP/1.1\r\n",
			[]string{"X-Stays: 1"},
			[]string{"proxy-", "\nte:", "trailer"},
		},
		"a chunked body": {
			"POST /echo/a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-User-Id\r\n\r\n2;ext=1\r\nab\r\n1\r\nc\r\n0\r\nX-User-Id: root\r\n\r\n",
			"POST /echo/a HTTP/1.1\r\n",
			[]string{"Transfer-Encoding: chunked", "abc"},
			[]string{"ext=1", "x-user-id", "trailer"},
		},
		"a body of a GET": {
			"GET /echo/a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", "GET /echo/a HTTP/1.1\r\n", []string{"Content-Length: 3", "\r\n\r\nabc"}, nil,
		},
		"100-continue": {
			"POST /echo/a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc", "POST /echo/a HTTP/1.1\r\n", []string{"\r\n\r\nabc"}, []string{"expect"},
		},
		"HTTP/1.0": {
			"GET /echo/a HTTP/1.0\r\n\r\n", "GET /echo/a HTTP/1.1\r\n", []string{"Host: " + s.addr}, nil,
		},
		"HTTP/1.2": {
			"GET /echo/a HTTP/1.2\r\nHost: h\r\n\r\n", "GET /echo/a HTTP/1.1\r\n", nil, nil,
		},
		"an empty line before": {
			"\r\nGET /echo/a HTTP/1.1\r\nHost: h\r\n\r\n", "GET /echo/a HTTP/1.1\r\n", nil, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s.take()
			a, o := w.only(test.bytes)
			if a.status != http.StatusOK || string(a.body) != `{"ok":true}` {
				t.Fatalf("status %d, %+v: %s", a.status, o, a.body)
			}
			seen := s.take()
			if len(seen) != 1 || !strings.HasPrefix(seen[0], test.first) {
				t.Fatalf("the service got %q", seen)
			}
			for _, text := range test.holds {
				if !strings.Contains(seen[0], text) {
					t.Errorf("no %q in %q", text, seen[0])
				}
			}
			for _, text := range test.lacks {
				if strings.Contains(strings.ToLower(seen[0]), text) {
					t.Errorf("%q in %q", text, seen[0])
				}
			}
		})
	}
}

// TestPathsHaveOneReading: what the router decides about is what the service sees.
func TestPathsHaveOneReading(t *testing.T) {
	s := record(t, nil)
	w := behind(t, s, "", "")
	for path, want := range map[string]string{
		"/echo/a":           "/echo/a",
		"/echo/":            "/echo/",
		"/echo/%41":         "/echo/A",
		"/echo/a%20b":       "/echo/a%20b",
		"/echo/%C3%A4":      "/echo/%C3%A4",
		"/echo/%c3%a4":      "/echo/%C3%A4",
		"/echo/a+b":         "/echo/a+b",
		"/echo/a:b@c,d=e&f": "/echo/a:b@c,d=e&f",
		"/echo/...":         "/echo/...",
		"/echo/%e2%80%ae":   "/echo/%E2%80%AE",
		"/%65cho/a":         "/echo/a",
		"/echo/a?b=%2f..&c": "/echo/a?b=%2f..&c",
		"/echo/a?":          "/echo/a",
		"/echo/ä":           "/echo/%C3%A4", // not allowed, but sent
	} {
		s.take()
		a, _ := w.only("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n")
		if seen := s.take(); a.status != http.StatusOK || len(seen) != 1 || !strings.HasPrefix(seen[0], "GET "+want+" HTTP/1.1\r\n") {
			t.Errorf("%s: status %d, the service got %q", path, a.status, seen)
		}
	}
	for _, path := range []string{
		"/echo/../member/a", "/echo/..", "/echo/.", "/echo/./a", "/echo/%2e%2e/member/a", "/echo/%2E./member/a", "/echo/.%2e",
		"//echo/a", "/echo//a", "/echo/a//", "/echo/%2fa", "/echo%2fa", "/echo%2Fa", "/echo/..%2fmember", "/echo/a%5cb", "/echo/a\\b", "/echo/..%5cmember",
		"/echo/..;/member/a", "/echo;x/a", "/echo/a;b=c", "/echo/a%3bb", "/echo/%00", "/echo/a%00.json", "/echo/%0d%0aX-A:b", "/echo/%7f", "/echo/%1f",
		"/echo/%252e%252e/a", "/echo/%25", "/echo/%3f", "/echo/%23", "/echo/%", "/echo/%4", "/echo/%zz", "/echo/%u002e", "/echo/%ff", "/echo/%c0%ae%c0%ae/a", "/echo/%ed%a0%80",
	} {
		a, _ := w.only("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n")
		if code := a.problem(t); a.status != http.StatusBadRequest || code != "invalid-path" && code != "bad-request" {
			t.Errorf("%s: status %d, code %q", path, a.status, code)
		}
		if seen := s.take(); len(seen) > 0 {
			t.Errorf("%s: the service got %q", path, seen)
		}
	}
	for _, path := range []string{"/", "/echo", "/ECHO/a", "/member", "/echoes/a", "/films.json"} {
		a, _ := w.only("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n")
		if code := a.problem(t); a.status != http.StatusNotFound || code != "no-route" {
			t.Errorf("%s: status %d, code %q", path, a.status, code)
		}
	}
}

// TestServicesOfIllWill: what a service sends to hurt the client or its next request.
func TestServicesOfIllWill(t *testing.T) {
	var send string
	s := record(t, func(_ *http.Request, w io.Writer) { _, _ = io.WriteString(w, send) })
	w := behind(t, s, "", "")
	for name, test := range map[string]struct {
		send   string
		status int
	}{
		"no HTTP":              {"hello\r\n\r\n", 502},
		"both lengths":         {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 502},
		"two answers":          {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nX-Poison: 1\r\nContent-Length: 5\r\n\r\nstack", 502},
		"unequal lengths":      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 502},
		"a split header":       {"HTTP/1.1 200 OK\r\nX-A: b\rSet-Cookie: c=d\r\nContent-Length: 0\r\n\r\n", 502},
		"a switch unasked for": {"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", 502},
		"failure":              {"HTTP/1.1 500 Oops\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nstack", 502},
		"a page of a framework": {
			"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 4\r\nX-Powered-By: x\r\n\r\npage", 404,
		},
	} {
		send = test.send
		a, _ := w.only("GET /echo/a HTTP/1.1\r\nHost: h\r\n\r\n")
		if a.status != test.status {
			t.Errorf("%s: status %d, not %d: %s", name, a.status, test.status, a.body)
		}
		if a.status >= 400 {
			a.problem(t)
		}
		if a.header.Get("Set-Cookie") != "" || a.header.Get("X-Powered-By") != "" || strings.Contains(string(a.body), "stack") {
			t.Errorf("%s: %v %s", name, a.header, a.body)
		}
	}
	send = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nSet-Cookie: a=b\r\nServer: x\r\nX-Internal-Id: 1\r\nStrict-Transport-Security: x\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n{}"
	for range 3 {
		a, _ := w.only("GET /echo/a HTTP/1.1\r\nHost: h\r\n\r\n")
		for _, name := range []string{"Set-Cookie", "Server", "X-Internal-Id", "Strict-Transport-Security", "X-Hop"} {
			if a.header.Get(name) != "" {
				t.Errorf("the client sees %s", name)
			}
		}
		if a.status != http.StatusOK || string(a.body) != "{}" {
			t.Errorf("status %d: %s", a.status, a.body)
		}
	}
}

// TestAWebSocketPasses: the connection then speaks what it likes.
func TestAWebSocketPasses(t *testing.T) {
	s := record(t, func(r *http.Request, w io.Writer) {
		_, _ = io.WriteString(w, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nfrom the service")
	})
	w := behind(t, s, "", "")
	conn := w.dial()
	_, _ = io.WriteString(conn, "GET /echo/a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\nCookie: secret\r\n\r\n")
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(resp, err)
	}
	got := make([]byte, len("from the service"))
	if _, err := io.ReadFull(in, got); err != nil || string(got) != "from the service" {
		t.Fatalf("%q, %v", got, err)
	}
	if seen := s.take(); len(seen) != 1 || !strings.Contains(seen[0], "Upgrade: websocket\r\n") || strings.Contains(seen[0], "secret") {
		t.Errorf("the service got %q", seen)
	}
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\n\r\n\x00\n") // no request, but the tunnel's
	if _, err := io.ReadAll(in); err != nil {                   // the service closes on it
		t.Error(err)
	}
	w.get("bff-mobile", "/echo/a", "") // and others are served
}
