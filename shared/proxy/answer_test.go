package proxy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/triptych-bff/triptych/shared/resilience"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// shownTo is the head that the client gets when the service answers with these
// header lines: its lines in order, without those that every answer has.
func shownTo(t *testing.T, ours http.Header, lines ...string) []string {
	t.Helper()
	url, _ := wire(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"+strings.Join(lines, "\r\n")+"\r\n\r\nok", hang)
	f := open(t, url, setup{headers: ours})
	answer := f.exchange(t, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	head, body, _ := strings.Cut(answer, "\r\n\r\n")
	if body != "ok" {
		t.Errorf("body is %q", body)
	}
	all := strings.Split(head, "\r\n")[1:]
	for _, line := range []string{"Content-Length: 2", "Date: Thu, 01 Jan 2026 00:00:00 GMT", "Connection: close"} {
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

func TestHeadersThatReachTheClient(t *testing.T) {
	for _, test := range []struct {
		name  string
		ours  http.Header
		lines []string
		want  []string
	}{
		{
			name:  "what is meant for it",
			lines: []string{"content-type: text/plain", "ETag: \"1\"", "X-Total: 1", "Link: <a>", "link: <b>", "Cache-Control: max-age=1"},
			want:  []string{"Cache-Control: max-age=1", "Content-Type: text/plain", "Etag: \"1\"", "Link: <a>", "Link: <b>", "X-Total: 1"},
		},
		{
			name:  "not the connection's, nor what it names",
			lines: []string{"Content-Type: a/b", "Connection: X-Hop, x-OTHER", "connection: x-third", "x-hop: 1", "X-Other: 2", "X-Third: 3", "Keep-Alive: timeout=5", "Proxy-Authenticate: Basic", "Upgrade: h2c", "Te: trailers", "proxy-connection: x"},
			want:  []string{"Content-Type: a/b"},
		},
		{
			name:  "no cookies, no software, nothing internal, nothing for the whole origin",
			lines: []string{"Content-Type: a/b", "set-cookie: a=b", "Set-Cookie: c=d", "Server: nginx/1", "X-Powered-By: PHP", "Via: 1.1 internal-host", "X-Internal-Shard: 7", "X-User-Id: 1", "X-Request-Id: theirs", "Alt-Svc: h3=\":443\"", "Strict-Transport-Security: max-age=1", "Clear-Site-Data: \"*\"", "X-Envoy-Upstream-Service-Time: 3"},
			want:  []string{"Content-Type: a/b"},
		},
		{
			name:  "what we have said stays",
			ours:  http.Header{"X-Request-Id": {"r1"}, "Access-Control-Allow-Origin": {"https://a.example"}, "Vary": {"Origin"}},
			lines: []string{"Content-Type: a/b", "X-Request-Id: theirs", "Access-Control-Allow-Origin: *", "Vary: Accept"},
			want:  []string{"Access-Control-Allow-Origin: https://a.example", "Content-Type: a/b", "Vary: Accept", "Vary: Origin", "X-Request-Id: r1"},
		},
		{
			name:  "nor where the connection closes",
			lines: []string{"Content-Type: a/b", "Connection: Keep-Alive, close, X-Hop", "Keep-Alive: timeout=5", "X-Hop: 1", "x-hop: 2"},
			want:  []string{"Content-Type: a/b"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, shownTo(t, test.ours, test.lines...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatAStatusBecomes(t *testing.T) {
	const secret = "at com.internal.Stack(10.0.0.7)"
	for _, test := range []struct {
		status int
		header string
		want   int
		code   string // of our problem; empty where the answer passes
		body   string
		also   string // a header line that the client gets
	}{
		{status: 200, body: secret, want: 200},
		{status: 302, header: "Location: http://elsewhere/x", body: secret, want: 302, also: "Location: http://elsewhere/x"},
		{status: 400, header: "Content-Type: application/json; charset=utf-8", body: "{}", want: 400},
		{status: 422, header: "Content-Type: application/problem+json", body: "{}", want: 422},
		{status: 400, header: "Content-Type: text/html", want: 400, code: "bad-request"},
		{status: 401, header: "WWW-Authenticate: Bearer", want: 401, code: "unauthenticated", also: "Www-Authenticate: Bearer"},
		{status: 403, want: 403, code: "forbidden"},
		{status: 404, want: 404, code: "not-found"},
		{status: 405, header: "Allow: PUT", want: 405, code: "method-not-allowed", also: "Allow: PUT"},
		{status: 406, want: 406, code: "not-acceptable"},
		{status: 408, want: 408, code: "request-timeout"},
		{status: 409, want: 409, code: "conflict"},
		{status: 413, want: 413, code: "payload-too-large"},
		{status: 415, want: 415, code: "unsupported-media-type"},
		{status: 429, header: "Retry-After: 7", want: 429, code: "rate-limited", also: "Retry-After: 7"},
		{status: 410, header: "Content-Type: text/html", want: 410, body: ""},
		{status: 412, header: "ETag: \"1\"", want: 412, body: ""},
		{status: 500, header: "Content-Type: application/json", want: 502, code: "bad-upstream"},
		{status: 501, want: 501, code: "not-supported"},
		{status: 502, want: 502, code: "bad-upstream"},
		{status: 503, header: "Retry-After: 7", want: 503, code: "overloaded", also: "Retry-After: 7"},
		{status: 503, header: "Retry-After: 86400", want: 503, code: "overloaded", also: "Retry-After: 300"},
		{status: 503, header: "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nRetry-After: Thu, 01 Jan 2026 00:00:09 GMT", want: 503, code: "overloaded", also: "Retry-After: 9"},
		{status: 504, want: 504, code: "upstream-timeout"},
		{status: 507, want: 502, code: "bad-upstream"},
	} {
		t.Run(fmt.Sprint(test.status, test.header), func(t *testing.T) {
			t.Parallel()
			sent := test.body
			if sent == "" {
				sent = secret
			}
			url, _ := wire(t, fmt.Sprintf("HTTP/1.1 %d Nope\r\n%s\r\nX-Trace: secret\r\nContent-Length: %d\r\n\r\n%s", test.status, orNothing(test.header), len(sent), sent), hang)
			f := open(t, url, setup{})
			resp, body := f.get(t, "GET", "/", nil)
			if resp.StatusCode != test.want {
				t.Errorf("status is %d, want %d", resp.StatusCode, test.want)
			}
			x := receive(t, f.noted, "note")
			if x.Code != test.code || (x.Err != nil) != (test.code != "") {
				t.Errorf("noted %q, %v", x.Code, x.Err)
			}
			if name, value, some := strings.Cut(test.also, ": "); some && resp.Header.Get(name) != value {
				t.Errorf("header is %v, want %s", resp.Header, test.also)
			}
			if test.code == "" {
				if string(body) != test.body {
					t.Errorf("body is %q, want %q", body, test.body)
				}
				return
			}
			if code := problemOf(t, resp.StatusCode, body); code != test.code || strings.Contains(string(body), secret) || resp.Header.Get("X-Trace") != "" {
				t.Errorf("%s %v", body, resp.Header)
			}
		})
	}
}

func orNothing(line string) string {
	if line == "" {
		return "X-Nothing: 1"
	}
	return line
}

func TestWhatAnErrorBecomes(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	unreachable := "http://" + closed.Addr().String()
	hung, _ := wire(t, "", hang)
	nonsense, _ := wire(t, "SSH-2.0-OpenSSH\r\n\r\n", func(net.Conn) {})
	h2c, _ := wire(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", hang)
	socket, _ := wire(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", hang)
	for _, test := range []struct {
		name, url, path string
		status          int
		code            string
	}{
		{"refused", unreachable, "/", 502, "unreachable"},
		{"hung", hung, "/", 504, "upstream-timeout"},
		{"nonsense", nonsense, "/", 502, "bad-upstream"},
		{"another protocol unasked", h2c, "/", 502, "bad-upstream"},
		{"a websocket unasked", socket, "/", 502, "bad-upstream"},
		{"a query that cannot be sent", hung, "/?\xff", 400, "bad-request"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := open(t, test.url, setup{upstream: upstream.Config{Timeout: 200 * time.Millisecond}})
			answer := f.exchange(t, "GET "+test.path+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
			head, body, _ := strings.Cut(answer, "\r\n\r\n")
			if !strings.HasPrefix(head, fmt.Sprintf("HTTP/1.1 %d ", test.status)) || problemOf(t, test.status, []byte(body)) != test.code {
				t.Errorf("%s", answer)
			}
			if x := receive(t, f.noted, "note"); x.Code != test.code || x.Err == nil {
				t.Errorf("noted %q, %v", x.Code, x.Err)
			}
		})
	}
}

func TestOpenBreaker(t *testing.T) {
	f := open(t, serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }), setup{
		upstream: upstream.Config{Breaker: resilience.BreakerConfig{Failures: 1, MinRequests: 1000, OpenFor: time.Hour}},
	})
	f.get(t, "GET", "/", nil)
	resp, body := f.get(t, "POST", "/", strings.NewReader("hello"))
	if code := problemOf(t, resp.StatusCode, body); code != "breaker-open" || resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%d %s %v", resp.StatusCode, body, resp.Header)
	}
	if resp.Close {
		t.Error("the connection is closed although nobody reads the body")
	}
}

func TestBodyThatIsTooLong(t *testing.T) {
	f := open(t, serve(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }), setup{})
	inner := f.Config.Handler
	f.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 10)
		inner.ServeHTTP(w, r)
	})
	resp, body := f.get(t, "POST", "/", io.MultiReader(strings.NewReader("more than "), strings.NewReader("ten bytes")))
	if code := problemOf(t, resp.StatusCode, body); code != "payload-too-large" {
		t.Errorf("%s", body)
	}
}

func TestBodyThatIsMalformed(t *testing.T) {
	f := open(t, serve(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }), setup{})
	answer := f.exchange(t, "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nzz\r\n")
	if !strings.HasPrefix(answer, "HTTP/1.1 400 ") || !strings.Contains(answer, `"bad-request"`) {
		t.Error(answer)
	}
}

func TestHeadAndNotModified(t *testing.T) {
	url, heads := wire(t, "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nX-A: b\r\n\r\n", nil)
	resp, body := open(t, url, setup{}).get(t, "GET", "/", nil)
	if resp.StatusCode != 304 || resp.Header.Get("ETag") != `"1"` || resp.Header.Get("X-A") != "b" || len(body) != 0 {
		t.Errorf("%d %v %q", resp.StatusCode, resp.Header, body)
	}
	receive(t, heads, "request")

	url, heads = wire(t, "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n", nil)
	f := open(t, url, setup{})
	for range 2 { // the second shows that the connections are in order
		resp, body = f.get(t, "HEAD", "/", nil)
		if resp.StatusCode != 200 || resp.ContentLength != 1234 || len(body) != 0 {
			t.Errorf("%d %v %q", resp.StatusCode, resp.Header, body)
		}
		if head := receive(t, heads, "request"); !strings.HasPrefix(head, "HEAD / ") {
			t.Errorf("the service saw %q", head)
		}
	}
	url, _ = wire(t, "HTTP/1.1 404 Not Found\r\nContent-Length: 1234\r\n\r\n", nil)
	resp, body = open(t, url, setup{}).get(t, "HEAD", "/", nil)
	if resp.StatusCode != 404 || len(body) != 0 || resp.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %v %q", resp.StatusCode, resp.Header, body)
	}
}

func TestInformationalAnswers(t *testing.T) {
	url, _ := wire(t, "HTTP/1.1 100 Continue\r\n\r\n"+
		"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nSet-Cookie: a=b\r\nX-User-Id: 1\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n"+
		"HTTP/1.1 103 Early Hints\r\nLink: </b.css>\r\n\r\n"+ok, nil)
	f := open(t, url, setup{headers: http.Header{"X-Request-Id": {"r1"}, "Vary": {"Origin"}}})
	type hint struct {
		Code   int
		Header textproto.MIMEHeader
	}
	var hints []hint
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		hints = append(hints, hint{code, h})
		return nil
	}})
	req, err := http.NewRequestWithContext(ctx, "GET", f.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := f.transport().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != "ok" || resp.Header.Get("X-Request-Id") != "r1" || resp.Header.Get("Vary") != "Origin" || resp.Header.Get("Link") != "" {
		t.Errorf("%q, %v, %v", body, err, resp.Header)
	}
	want := []hint{
		{103, textproto.MIMEHeader{"Link": {"</a.css>"}}},
		{103, textproto.MIMEHeader{"Link": {"</b.css>"}}},
	}
	if diff := cmp.Diff(want, hints); diff != "" {
		t.Error(diff)
	}
	old := f.exchange(t, "GET / HTTP/1.0\r\n\r\n")
	if !strings.HasPrefix(old, "HTTP/1.0 200 ") {
		t.Errorf("HTTP/1.0 was answered %q", old)
	}
}

// Nobody guesses what the service has not said, and answers without a body announce
// none, whatever the service says.
func TestWhatIsNotSaid(t *testing.T) {
	for _, test := range []struct{ answer, never string }{
		{"200 OK\r\nContent-Length: 6\r\n\r\n<html>", "Content-Type"},
		{"204 No Content\r\nContent-Length: 0\r\n\r\n", "Content-Length"},
		{"410 Gone\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n", "Trailer"},
	} {
		for _, http2 := range []bool{false, true} {
			url, _ := wire(t, "HTTP/1.1 "+test.answer, nil)
			resp, _ := open(t, url, setup{http2: http2}).get(t, "GET", "/", nil)
			if got, said := resp.Header[test.never]; said || resp.Trailer != nil {
				t.Errorf("%s %d: %s: %q, %v", resp.Proto, resp.StatusCode, test.never, got, resp.Trailer)
			}
		}
	}
}

// The client learns of trailers that nobody has announced, although the body is
// so short that it could have gone out with its length.
func TestTrailersBehindAShortBody(t *testing.T) {
	url, _ := wire(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n", nil)
	for _, http2 := range []bool{false, true} {
		if resp, body := open(t, url, setup{http2: http2}).get(t, "GET", "/", nil); string(body) != "hi" || resp.Trailer.Get("X-Sum") != "1" {
			t.Errorf("%s: %q, %v", resp.Proto, body, resp.Trailer)
		}
	}
}

func TestTrailers(t *testing.T) {
	url, _ := wire(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, Set-Cookie\r\n\r\n"+
		"2\r\nok\r\n0\r\nX-Sum: 42\r\nX-Late: 1\r\nSet-Cookie: a=b\r\nX-Internal-Id: 7\r\nAuthorization: x\r\n\r\n", nil)
	for _, test := range []struct {
		name string
		url  string
		want http.Header
	}{
		{"announced and not", url, http.Header{"X-Sum": {"42"}, "X-Late": {"1"}}},
		{"announced", serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "X-Sum")
			_, _ = io.WriteString(w, "ok")
			w.Header().Set("X-Sum", "42")
		}), http.Header{"X-Sum": {"42"}}},
	} {
		f := open(t, test.url, setup{})
		resp, body := f.get(t, "GET", "/", nil)
		got := make(http.Header)
		for name, values := range resp.Trailer {
			if values != nil { // announced only
				got[name] = values
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" || string(body) != "ok" {
			t.Errorf("%s: %q %s", test.name, body, diff)
		}
	}
}

// Only what reaches the client is announced to it.
func TestAnnouncedTrailers(t *testing.T) {
	url, _ := wire(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum, Set-Cookie,\r\nTrailer: X-User-Id\r\n\r\n"+
		"2\r\nok\r\n0\r\nX-Sum: 42\r\n\r\n", nil)
	head, body, _ := strings.Cut(open(t, url, setup{}).exchange(t, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), "\r\n\r\n")
	if strings.Count(head, "\r\nTrailer: ") != 1 || !strings.Contains(head, "\r\nTrailer: X-Sum\r\n") || body != "2\r\nok\r\n0\r\nX-Sum: 42\r\n\r\n" {
		t.Errorf("%s\n%q", head, body)
	}
}

// What the Connection header names is of no use here either.
func TestARefusalsConnection(t *testing.T) {
	url, _ := wire(t, "HTTP/1.1 401 Unauthorized\r\nConnection: www-authenticate\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n", nil)
	if resp, body := open(t, url, setup{}).get(t, "GET", "/", nil); resp.StatusCode != 401 || resp.Header["Www-Authenticate"] != nil {
		t.Errorf("%d %v %s", resp.StatusCode, resp.Header, body)
	}
}

// A service that breaks off cannot be made up for: the client must see that its
// answer is not whole.
func TestAnAnswerThatIsCut(t *testing.T) {
	for name, answer := range map[string]string{
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
		"length":  "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\nab",
	} {
		url, _ := wire(t, answer, func(net.Conn) {})
		f := open(t, url, setup{})
		resp, err := f.Client().Get(f.URL)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if string(body) != "ab" || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %q, %v", name, body, err)
		}
		if x := receive(t, f.noted, "note"); x.Code != "bad-upstream" || x.Err == nil {
			t.Errorf("%s: noted %q, %v", name, x.Code, x.Err)
		}
	}
	url, _ := wire(t, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab", func(net.Conn) {})
	if got := open(t, url, setup{}).exchange(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); got != "" {
		t.Errorf("of a small answer that was cut, %q was sent", got)
	}
}

// The status in the log says nothing of a client that did not wait for the body.
func TestAnAnswerThatCannotBeWritten(t *testing.T) {
	f := open(t, serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }), setup{})
	inner := f.Config.Handler
	f.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(deaf{w}, r)
	})
	if resp, err := f.Client().Get(f.URL); err == nil {
		_ = resp.Body.Close()
		t.Errorf("answered %d", resp.StatusCode)
	}
	if x := receive(t, f.noted, "note"); x.Code != "client-closed" || !errors.Is(x.Err, net.ErrClosed) {
		t.Errorf("noted %q, %v", x.Code, x.Err)
	}
}

type deaf struct{ http.ResponseWriter }

func (deaf) Write([]byte) (int, error) { return 0, net.ErrClosed }
