package e2e

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestWhatServicesGet: whom a service hears of is told by the gateway alone.
func TestWhatServicesGet(t *testing.T) {
	s := record(t, nil)
	w := known(t, s, "", "")
	token := w.token("mobile", "ada")

	t.Run("nothing forged", func(t *testing.T) {
		var head strings.Builder
		names := []string{
			"Forwarded", "X-Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Uri", "X-Forwarded-User", "X-Forwarded-Prefix",
			"X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "Fastly-Client-IP", "X-Cluster-Client-IP", "X-Originating-IP", "X-Remote-Addr", "X-Envoy-External-Address",
			"X-User", "X-User-Id", "X-User-Email", "X-Internal-Id", "X-Internal-Anything", "X-Authenticated-User", "X-Auth-Request-User", "X-Consumer-Id", "X-Credential-Id",
			"X-Remote-User", "Remote-User", "X-Subject", "X-Client-Cert", "SSL-Client-Cert", "X-SSL-Client-Verify", "Client-Cert",
			"X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "Proxy", "X-Request-Id",
		}
		forms := []func(string) string{
			func(n string) string { return n }, strings.ToLower, strings.ToUpper,
			func(n string) string { return strings.ReplaceAll(n, "-", "_") },
			func(n string) string { return strings.ReplaceAll(n, "-", ".") },
			func(n string) string { return strings.Replace(strings.ToLower(n), "-", "_", 1) },
			func(n string) string { return strings.Replace(n, "-", ".", 1) },
		}
		for at := 0; at < len(names); at += 12 { // under the limit of header lines
			head.Reset()
			for _, name := range names[at:min(at+12, len(names))] {
				for _, form := range forms {
					head.WriteString(form(name) + ": forged\r\n")
				}
			}
			a, o := w.only("GET /echo/a HTTP/1.1\r\nHost: shop.example\r\nX-Fine: yes\r\n" + head.String() + "\r\n")
			seen := s.take()
			if a.status != http.StatusOK || len(seen) != 1 {
				t.Fatalf("status %d, %+v: %s", a.status, o, a.body)
			}
			if strings.Contains(seen[0], "forged") {
				t.Errorf("the service got %q", seen[0])
			}
			for name, want := range map[string]string{
				"X-Fine": "yes", "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "shop.example",
				"X-Request-Id": a.header.Get("X-Request-Id"), "Via": "1.1 triptych",
			} {
				if got := header(seen[0], name); got != want {
					t.Errorf("%s: %q, not %q", name, got, want)
				}
			}
		}
	})

	t.Run("no secrets", func(t *testing.T) {
		secrets := []string{"Cookie", "session=secret", "Proxy-Authorization", "Basic secret", "X-Api-Key", "secret", "DPoP", "secret"}
		for path, want := range map[string]string{"/member/a": "", "/trusted/a": "Bearer " + token, "/echo/a": ""} {
			a := w.get("bff-mobile", path, token, secrets...)
			seen := s.take()
			if a.status != http.StatusOK || len(seen) != 1 {
				t.Fatalf("%s: status %d, the service got %q", path, a.status, seen)
			}
			if got := header(seen[0], "Authorization"); got != want {
				t.Errorf("%s: Authorization %q", path, got)
			}
			if strings.Contains(seen[0], "secret") {
				t.Errorf("%s: the service got %q", path, seen[0])
			}
		}
		if a := w.get("bff-mobile", "/member/a", ""); a.status != http.StatusUnauthorized || a.problem(t) != "unauthenticated" {
			t.Errorf("without a token: status %d", a.status)
		}
		for _, authorization := range []string{"Basic YTpi", "Bearer", "Bearer a b", "bearer x", token, "Bearer " + token + ", Bearer " + token} {
			a := w.get("bff-mobile", "/trusted/a", "", "Authorization", authorization)
			if code := a.problem(t); a.status != http.StatusUnauthorized && a.status != http.StatusBadRequest || code == "" {
				t.Errorf("Authorization %.20q: status %d, code %q", authorization, a.status, code)
			}
		}
		if o := w.wire("GET /trusted/a HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "+token+"\r\nAuthorization: Bearer x\r\n\r\n", 1); o.answers[0].status < 400 {
			t.Errorf("two Authorization headers: status %d", o.answers[0].status)
		}
		if seen := s.take(); len(seen) > 0 {
			t.Errorf("the service got %q", seen)
		}
	})

	t.Run("trace", func(t *testing.T) {
		const trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
		w.get("bff-mobile", "/echo/a", "", "Traceparent", "00-"+trace+"-"+span+"-01", "Tracestate", "a=b")
		got := header(s.take()[0], "Traceparent")
		if !regexp.MustCompile(`^00-`+trace+`-[0-9a-f]{16}-01$`).MatchString(got) || strings.Contains(got, span) {
			t.Errorf("the service got traceparent %q", got)
		}
		own := regexp.MustCompile(`^00-([0-9a-f]{32})-([0-9a-f]{16})-0[01]$`)
		for _, malformed := range []string{
			"", "x", trace, "00-" + strings.ToUpper(trace) + "-" + span + "-01", "00-" + strings.Repeat("0", 32) + "-" + span + "-01",
			"00-" + trace + "-0000000000000000-01", "ff-" + trace + "-" + span + "-01", "00-" + trace + "-" + span + "-01-more", "00-" + trace + "-" + span, "00-" + trace + "-" + span + "-01, 00-" + trace + "-" + span + "-01",
		} {
			w.get("bff-mobile", "/echo/a", "", "Traceparent", malformed, "Tracestate", "a=b")
			seen := s.take()[0]
			if got := own.FindStringSubmatch(header(seen, "Traceparent")); got == nil || got[1] == trace || got[1] == strings.Repeat("0", 32) {
				t.Errorf("after %q the service got traceparent %q", malformed, header(seen, "Traceparent"))
			}
			if header(seen, "Tracestate") != "" {
				t.Errorf("after %q the service got a tracestate", malformed)
			}
		}
		w.only("GET /echo/a HTTP/1.1\r\nHost: h\r\nTraceparent: 00-" + trace + "-" + span + "-01\r\nTraceparent: 00-" + strings.Repeat("1", 32) + "-" + span + "-01\r\n\r\n")
		if got := own.FindStringSubmatch(header(s.take()[0], "Traceparent")); got == nil || got[1] == trace || got[1] == strings.Repeat("1", 32) {
			t.Errorf("two traceparents became %q", got)
		}
	})

	t.Run("id", func(t *testing.T) {
		ids := map[string]bool{}
		for _, sent := range []string{"mine", "0123456789abcdef0123456789abcdef", ""} {
			a := w.get("bff-mobile", "/echo/a", "", "X-Request-Id", sent)
			id := a.header.Get("X-Request-Id")
			if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(id) || id == sent || ids[id] {
				t.Errorf("id %q for %q", id, sent)
			}
			ids[id] = true
			if got := header(s.take()[0], "X-Request-Id"); got != id {
				t.Errorf("the service got id %q, the client %q", got, id)
			}
		}
	})
}

// TestBehindATrustedProxy: what it says about the client is believed, and no more.
func TestBehindATrustedProxy(t *testing.T) {
	s := record(t, nil)
	w := behind(t, s, "", "edge: {trusted_proxies: [127.0.0.0/8, 10.0.0.0/8]}\n")
	for forwarded, want := range map[string]string{
		"":                                 "127.0.0.1",
		"203.0.113.7":                      "203.0.113.7",
		"6.6.6.6, 203.0.113.7":             "203.0.113.7",
		"6.6.6.6, 203.0.113.7, 10.1.2.3":   "203.0.113.7",
		"[2001:db8::1]:4711":               "2001:db8::1",
		"6.6.6.6, unknown":                 "127.0.0.1",
		"::ffff:203.0.113.7":               "203.0.113.7",
		"203.0.113.7, <script>, 10.1.2.3":  "10.1.2.3",
		"203.0.113.7\t,\t203.0.113.8:1234": "203.0.113.8",
	} {
		a := w.get("bff-mobile", "/echo/a", "", "X-Forwarded-For", forwarded, "X-Request-Id", "from-the-proxy", "X-Forwarded-Host", "forged", "X-User-Id", "forged")
		seen := s.take()[0]
		if got := header(seen, "X-Forwarded-For"); got != want {
			t.Errorf("X-Forwarded-For %q: the service got %q, not %q", forwarded, got, want)
		}
		if a.header.Get("X-Request-Id") != "from-the-proxy" || strings.Contains(seen, "forged") {
			t.Errorf("id %q, the service got %q", a.header.Get("X-Request-Id"), seen)
		}
	}
}

// TestWhatAScreensServicesGet: the same holds for calls that no client has made.
func TestWhatAScreensServicesGet(t *testing.T) {
	const user = `{"id":"ada","first_name":"Ada","avatar":{"url":"http://h/a.png"}}`
	s := record(t, func(_ *http.Request, w io.Writer) {
		_, _ = io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nSet-Cookie: a=b\r\nContent-Length: "+length(user)+"\r\n\r\n"+user)
	})
	w := closed(t)
	w.start("provider", nil, "--listen", w.addr["provider"])
	for _, name := range []string{"orders", "playback", "catalog", "recommendations"} {
		w.service(name)
	}
	w.configure("bff-mobile", func(c string) string { return replace(t, c, w.addr["users"], s.addr) })
	w.gateway("bff-mobile")
	w.ready()
	token := w.token("mobile", "ada")
	const trace = "0af7651916cd43dd8448eb211c80319c"
	a := w.get("bff-mobile", "/v1/home?user=ben", token, "Cookie", "a=secret", "X-User-Id", "ben", "Traceparent", "00-"+trace+"-b7ad6b7169203331-01")
	if a.status != http.StatusOK || a.header.Get("BFF-Completeness") != "full" || a.header.Get("Set-Cookie") != "" {
		t.Fatalf("status %d, %v: %s", a.status, a.header, a.body)
	}
	seen := s.take()
	if len(seen) != 1 || !strings.HasPrefix(seen[0], "GET /users/ada HTTP/1.1\r\n") {
		t.Fatalf("the service got %q", seen)
	}
	if strings.Contains(seen[0], token) || strings.Contains(seen[0], "secret") || strings.Contains(seen[0], "ben") {
		t.Errorf("the service got %q", seen[0])
	}
	if header(seen[0], "X-Request-Id") != a.header.Get("X-Request-Id") || !strings.HasPrefix(header(seen[0], "Traceparent"), "00-"+trace+"-") {
		t.Errorf("the service got %q", seen[0])
	}
}
