package proxy

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/routing"
	"github.com/triptych-bff/triptych/shared/upstream"
)

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// seen is what of a request with these header lines reaches the service: header
// lines in order, without those that every request has.
func seen(t *testing.T, c Config, lines ...string) []string {
	t.Helper()
	url, heads := wire(t, ok, nil)
	f := open(t, url, setup{config: c, upstream: upstream.Config{
		Secrets: map[string]config.Secret{"x-service-key": config.NewSecret("ours")},
	}})
	f.exchange(t, "GET / HTTP/1.1\r\nHost: shop.example\r\n"+strings.Join(append(lines, "Connection: close"), "\r\n")+"\r\n\r\n")
	all := strings.Split(strings.TrimSuffix(receive(t, heads, "request"), "\r\n"), "\r\n")[1:]
	always := []string{
		"Host: " + strings.TrimPrefix(url, "http://"),
		"Traceparent: 00-01000000000000000000000000000000-0200000000000000-00",
		"X-Forwarded-For: 192.0.2.7",
		"X-Forwarded-Host: shop.example",
		"X-Forwarded-Proto: http",
		"X-Request-Id: r1",
		"X-Service-Key: ours",
	}
	for _, line := range always {
		i := slices.Index(all, line)
		if i < 0 {
			t.Errorf("no %q in %q", line, all)
			continue
		}
		all = slices.Delete(all, i, i+1)
	}
	slices.Sort(all)
	return all
}

func TestHeadersThatReachTheService(t *testing.T) {
	const via = "Via: 1.1 triptych"
	for _, test := range []struct {
		name  string
		c     Config
		lines []string
		want  []string
	}{
		{
			name:  "what is meant for it",
			lines: []string{"accept: text/html", "X-Custom: a", "x-custom: b", "If-None-Match: \"1\"", "Range: bytes=0-1", "Via: 1.1 cdn", "User-Agent: curl"},
			want: []string{
				"Accept: text/html", "If-None-Match: \"1\"", "Range: bytes=0-1", "User-Agent: curl",
				"Via: 1.1 cdn", via, "X-Custom: a", "X-Custom: b",
			},
		},
		{
			name:  "not the connection's",
			lines: []string{"keep-alive: timeout=5", "Proxy-Connection: close", "proxy-authorization: Basic x", "TE: gzip", "HTTP2-Settings: AAMAAABk", "Expect: 100-continue"},
			want:  []string{via},
		},
		{
			name:  "nor what the connection names",
			lines: []string{"connection: X-Secret, x-OTHER,  x-third", "Connection: accept", "X-Secret: 1", "X-Other: 2", "x-third: 3", "Accept: text/html", "X-Fourth: 4"},
			want:  []string{via, "X-Fourth: 4"},
		},
		{
			name:  "nothing of ours can be named away",
			lines: []string{"Connection: x-request-id, X-Forwarded-For, x-forwarded-proto, x-forwarded-host, traceparent, X-Service-Key, via"},
			want:  []string{via},
		},
		{
			name:  "trailers are welcome",
			lines: []string{"TE: trailers, deflate;q=0.5"},
			want:  []string{"Te: trailers", via},
		},
		{
			name: "nobody says who or where but us",
			lines: []string{
				"X-Forwarded-For: 10.0.0.1", "x-forwarded-for: 10.0.0.2", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil", "X-Forwarded-Uri: /admin",
				"X-FORWARDED-PREFIX: /x", "Forwarded: for=10.0.0.1", "X-Real-IP: 10.0.0.1", "True-Client-IP: 10.0.0.1", "CF-Connecting-IP: 10.0.0.1",
				"X-User-Id: root", "x-user: root", "X-Internal-Role: admin", "X-Original-URL: /admin", "X-Rewrite-Url: /admin",
				"X-HTTP-Method-Override: DELETE", "X-Envoy-Internal: true", "X-Authenticated-User: root", "Remote-User: root",
				"X-Request-Id: theirs", "traceparent: 00-ff000000000000000000000000000000-0200000000000000-01", "tracestate: a=b",
				"Proxy: http://evil", "X-Service-Key: theirs", "X-Ssl-Client-Verify: SUCCESS", "Client-Cert: x", "SSL-Client-Cert: x",
			},
			want: []string{via},
		},
		{
			name:  "in no other spelling",
			lines: []string{"X_Forwarded_For: 10.0.0.1", "X.User.Id: root", "x_user_id: root", "X_Real-IP: 10.0.0.1", "X_Service_Key: theirs", "Remote_User: root", "X-User~Id: root"},
			want:  []string{via},
		},
		{
			name:  "no secrets",
			lines: []string{"Cookie: session=1", "cookie: b=2", "Authorization: Bearer x", "X-Api-Key: k", "DPoP: p"},
			want:  []string{via},
		},
		{
			name: "but the token, if configured", c: Config{ForwardToken: true},
			lines: []string{"Cookie: session=1", "authorization: Bearer x"},
			want:  []string{"Authorization: Bearer x", via},
		},
		{
			name:  "no protocol but websocket",
			lines: []string{"Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"},
			want:  []string{via},
		},
		{
			name:  "nor two at once",
			lines: []string{"Connection: Upgrade", "Upgrade: websocket, h2c"},
			want:  []string{via},
		},
		{
			name:  "nor in two lines",
			lines: []string{"Connection: Upgrade", "Upgrade: websocket", "Upgrade: h2c"},
			want:  []string{via},
		},
		{
			name:  "nor with a body",
			lines: []string{"Connection: Upgrade", "Upgrade: websocket", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a"},
			want:  []string{"Transfer-Encoding: chunked", via},
		},
		{
			name:  "websocket",
			lines: []string{"Connection: Upgrade", "Upgrade: WebSocket", "Sec-WebSocket-Key: k", "Origin: https://a.example"},
			want:  []string{"Connection: Upgrade", "Origin: https://a.example", "Sec-Websocket-Key: k", "Upgrade: WebSocket", via},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, seen(t, test.c, test.lines...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTargetThatReachesTheService(t *testing.T) {
	strip := routing.Rewrite{StripPrefix: "/api"}
	for _, test := range []struct {
		target string
		rw     routing.Rewrite
		base   string
		want   string
	}{
		{target: "/", want: "/"},
		{target: "/users/42", want: "/users/42"},
		{target: "/users/", want: "/users/"},
		{target: "/a%20b/%C3%A9", want: "/a%20b/%C3%A9"},
		{target: "/a%2520b", want: ""}, // a percent sign in a path has two readings: refused before
		{target: "/%7Euser/%41", want: "/~user/A"},
		{target: "/a!$&'()*+,=:@~b", want: "/a!$&'()*+,=:@~b"},
		{target: "/api/users", rw: strip, want: "/users"},
		{target: "/api", rw: strip, want: "/"},
		{target: "/apis", rw: strip, want: "/apis"},
		{target: "/api/a%20b", rw: routing.Rewrite{StripPrefix: "/api", AddPrefix: "/v 2"}, want: "/v%202/a%20b"},
		{target: "/x?y=1", base: "/base", want: "/base/x?y=1"},
		{target: "/x?a=1;b=2", want: "/x?a=1;b=2"},
		{target: "/x?a=%zz&b=%", want: "/x?a=%zz&b=%"},
		{target: "/x?b=2&a=1&a=%20+&&=&c", want: "/x?b=2&a=1&a=%20+&&=&c"},
		{target: "/x?u=http://h/p?q=/../%2e%2e/%2F%5C", want: "/x?u=http://h/p?q=/../%2e%2e/%2F%5C"},
		{target: `/x?j={"a":[1]}|^` + "`", want: `/x?j={"a":[1]}|^` + "`"},
		{target: "/x?" + strings.Repeat("a&", 12000), want: "/x?" + strings.Repeat("a&", 12000)},
	} {
		if test.want == "" {
			if _, err := routing.Canonical(test.target); err == nil {
				t.Errorf("%s is canonical", test.target)
			}
			continue
		}
		t.Run(test.target[:min(len(test.target), 40)], func(t *testing.T) {
			t.Parallel()
			url, heads := wire(t, ok, nil)
			f := open(t, url+test.base, setup{rewrite: test.rw})
			f.exchange(t, "GET "+test.target+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
			line, _, _ := strings.Cut(receive(t, heads, "request"), "\r\n")
			if want := "GET " + test.want + " HTTP/1.1"; line != want {
				t.Errorf("%q, want %q", line, want)
			}
		})
	}
}

func TestMethodsThatNeverPass(t *testing.T) {
	url, heads := wire(t, ok, nil)
	f := open(t, url, setup{})
	for _, method := range []string{http.MethodConnect, http.MethodTrace} {
		answer := f.exchange(t, method+" / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		if !strings.HasPrefix(answer, "HTTP/1.1 405 ") || !strings.Contains(answer, "\r\nAllow: GET, ") {
			t.Errorf("%s: %s", method, answer)
		}
	}
	if len(heads) != 0 {
		t.Errorf("the service saw %q", receive(t, heads, ""))
	}
}

// Trailers of a request come after every check, so they end here.
func TestTrailersOfTheRequest(t *testing.T) {
	trailers := make(chan http.Header, 1)
	f := open(t, serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		trailers <- r.Trailer
	}), setup{})
	f.exchange(t, "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: X-User-Id\r\n\r\n"+
		"2\r\nab\r\n0\r\nX-User-Id: root\r\n\r\n")
	if got := receive(t, trailers, "request"); len(got) != 0 {
		t.Errorf("the service saw %v", got)
	}
}

func TestHTTP2(t *testing.T) {
	f := open(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s", r.Header.Get("Via"), r.Header.Get("X-Forwarded-Proto"), r.RequestURI, body)
	}), setup{http2: true})
	resp, body := f.get(t, "POST", "/a?b=;", strings.NewReader("hello"))
	if want := "2.0 triptych https /a?b=; hello"; resp.ProtoMajor != 2 || string(body) != want {
		t.Errorf("%s %q, want %q", resp.Proto, body, want)
	}
}

// HTTP/1.0 has no upgrades (RFC 9110 §7.8).
func TestHTTP10(t *testing.T) {
	url, heads := wire(t, ok, nil)
	f := open(t, url, setup{})
	answer := f.exchange(t, "GET / HTTP/1.0\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	if !strings.HasPrefix(answer, "HTTP/1.0 200 ") || !strings.HasSuffix(answer, "\r\n\r\nok") {
		t.Error(answer)
	}
	head := receive(t, heads, "request")
	if strings.Contains(head, "Upgrade") || !strings.Contains(head, "\r\nVia: 1.0 triptych\r\n") {
		t.Errorf("the service saw %s", head)
	}
}
