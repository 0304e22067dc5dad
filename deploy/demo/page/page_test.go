package page

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWorld(t *testing.T) {
	s := open(t)
	got := get[world](s, "GET", "/api/world", "")
	phone, tv := s.phone.URL, got.Devices["tv"].Origin
	want := world{
		Users:    []User{{"ada", "Ada Morgenstern", "Thrillers"}, {"ben", "Ben Okonkwo", "Action"}},
		Devices:  map[string]display{"phone": {"bff-mobile", phone}, "web": {"bff-web", "http://127.0.0.1:8082"}, "tv": {"bff-tv", tv}},
		Gateways: map[string]Build{"bff-mobile": {"v0.2.0", "v0.2.0", "1a2b3c4"}, "bff-web": {}, "bff-tv": {"v0.1.0", "v0.1.0", "5d6e7f8"}},
		Services: []view{
			{Name: "users", Protocol: "REST", State: "up", Latency: "0s", Failure: "none"},
			{Name: "orders", Protocol: "REST", State: "up", Latency: "0s", Failure: "none"},
		},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(view{})); diff != "" {
		t.Error(diff)
	}
	s.home("phone")
	if got := get[world](s, "GET", "/api/world", "").Services[0].counts; got != (counts{1, 503}) {
		t.Errorf("after a screen, users has %+v", got)
	}
}

// TestNumbersAgree: what the page says of an exchange is what the connection, the
// services' own counts and the decoded body say.
func TestNumbersAgree(t *testing.T) {
	s := open(t)
	for device, coding := range map[string]string{"phone": "zstd", "tv": "gzip"} {
		before := get[world](s, "GET", "/api/world", "").Services
		e := s.home(device)
		after := get[world](s, "GET", "/api/world", "").Services
		var bytes, requests int64
		for i := range after {
			bytes += after[i].Bytes - before[i].Bytes
			requests += after[i].Requests - before[i].Requests
		}
		if e.Services.Bytes != bytes || e.Services.Calls != requests || requests != 2 {
			t.Errorf("%s: %d calls and %d bytes by trace, %d and %d by the services' counts", device, e.Services.Calls, e.Services.Bytes, requests, bytes)
		}
		if again := get[traced](s, "GET", "/api/traces/"+e.Trace, ""); !cmp.Equal(again, e.Services) {
			t.Errorf("%s: the trace is %+v, then %+v", device, e.Services, again)
		}
		for i, b := range e.Services.By {
			if b.Name != services[i] || b.Calls != 1 || b.Status != http.StatusOK || b.Bytes == 0 {
				t.Errorf("%s: %+v", device, b)
			}
		}
		if e.Status != http.StatusOK || e.Completeness != "full" || len(e.Missing) != 0 || e.MS <= 0 || len(e.Trace) != 32 || e.Method != "GET" || e.Path != "/v1/home" {
			t.Errorf("%s: %+v", device, e)
		}
		head, body := s.raw(device, coding)
		if e.Wire != (wire{head, body, coding}) {
			t.Errorf("%s: wire %+v; a raw socket got %d and %d bytes", device, e.Wire, head, body)
		}
		if !strings.Contains(string(e.Body), "FilmStore-") || len(e.Body) != e.Plain {
			t.Errorf("%s: a body of %d bytes, said to be %d: %s", device, len(e.Body), e.Plain, e.Body)
		}
	}
}

// raw asks a gateway for the first screen over a plain connection.
func (s *stage) raw(device, accepts string) (head, body int64) {
	s.t.Helper()
	at := strings.TrimPrefix(get[world](s, "GET", "/api/world", "").Devices[device].Origin, "http://")
	agent := map[string]string{"phone": "FilmStore-Phone/1.0", "tv": "FilmStore-TV/1.0"}[device]
	c, err := net.Dial("tcp", at)
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	request := "GET /v1/home HTTP/1.1\r\nHost: " + at + "\r\nAuthorization: Bearer x\r\nUser-Agent: " + agent + "\r\nAccept-Encoding: " + accepts + "\r\n\r\n"
	if _, err := io.WriteString(c, request); err != nil {
		s.t.Fatal(err)
	}
	buffer, text := make([]byte, 64<<10), []byte(nil)
	for {
		n, err := c.Read(buffer)
		text = append(text, buffer[:n]...)
		if err != nil {
			s.t.Fatalf("%v after %q", err, text)
		}
		before, after, ok := bytes.Cut(text, []byte("\r\n\r\n"))
		_, length, _ := strings.Cut(string(before), "Content-Length: ")
		length, _, _ = strings.Cut(length, "\r\n")
		var want int
		if ok && json.Unmarshal([]byte(length), &want) == nil && len(after) >= want {
			return int64(len(before) + 4), int64(len(after))
		}
	}
}

func TestWhatIsAnswered(t *testing.T) {
	s := open(t)
	ask := func(request string) exchange {
		return get[exchange](s, "POST", "/api/devices/phone/requests", request)
	}
	rental := ask(`{"user":"ada","method":"POST","path":"/v1/rentals","body":{"film_id":"x"}}`)
	if rental.Status != http.StatusConflict || rental.Completeness != "none" || string(rental.Body) != `{"code":"conflict","sent":{"film_id":"x"},"as":"application/json"}` || rental.Wire.Encoding != "" {
		t.Errorf("a problem: %+v, %s", rental, rental.Body)
	}
	if text := ask(`{"user":"ada","method":"GET","path":"/text","body":null}`); string(text.Body) != `"a <b> & c"` && string(text.Body) != `"a \u003cb\u003e \u0026 c"` || text.Completeness != "full" || text.Plain != 9 {
		t.Errorf("a text: %+v, %s", text, text.Body)
	}
	if none := ask(`{"user":"ada","method":"GET","path":"/none"}`); none.Status != http.StatusNoContent || string(none.Body) != "null" || none.Wire.Body != 0 || none.Services.By == nil {
		t.Errorf("nothing: %+v, %s", none, none.Body)
	}
	if a := s.send("POST", "/api/devices/phone/requests", `{"user":"ada","method":"GET","path":"/none"}`); !bytes.Contains(a.body, []byte(`"missing":[],"services":{"calls":0,"bytes":0,"by":[]}`)) {
		t.Errorf("lists are lists: %s", a.body)
	}
}

func TestSlowBreakStopRestore(t *testing.T) {
	s := open(t)
	put := func(body string) view {
		t.Helper()
		return get[view](s, "PUT", "/api/services/users", body)
	}
	without := []missing{{"users", "users", "unreachable"}}

	if v := put(`{"latency":"60ms"}`); v.Latency != "60ms" || v.State != "up" {
		t.Errorf("slow: %+v", v)
	}
	if e := s.home("phone"); e.MS < 60 || e.Services.By[0].MS < 60 || e.Completeness != "full" {
		t.Errorf("slow: %+v", e)
	}
	if v := put(`{"latency":"0.0s","failure":"error"}`); v.Latency != "0s" || v.Failure != "error" {
		t.Errorf("broken: %+v", v)
	}
	if e := s.home("tv"); e.Completeness != "partial" || !cmp.Equal(e.Missing, without) || e.Services.By[0].Status != http.StatusInternalServerError {
		t.Errorf("broken: %+v", e)
	}
	if v := put(`{"state":"stopped"}`); v.State != "stopped" || v.Failure != "error" || v.Requests != 0 {
		t.Errorf("stopped: %+v", v)
	}
	if c, err := net.Dial("tcp", s.shops["users"].api); err == nil {
		c.Close()
		t.Error("stopped, and there")
	}
	e := s.home("phone")
	if e.Completeness != "partial" || !cmp.Equal(e.Missing, without) || len(e.Services.By) != 1 || e.Services.By[0].Name != "orders" {
		t.Errorf("stopped: %+v", e)
	}
	if v := put(`{"latency":"30ms","failure":"none"}`); v.State != "stopped" || v.Latency != "30ms" || v.Failure != "none" {
		t.Errorf("turned while it is stopped: %+v", v)
	}
	if v := put(`{"state":"stopped"}`); v.State != "stopped" {
		t.Errorf("stopped twice: %+v", v)
	}
	if v := put(`{"state":"up"}`); v.State != "up" || v.Latency != "30ms" || v.Failure != "none" {
		t.Errorf("the knobs have not survived: %+v", v)
	}
	if e := s.home("phone"); e.Completeness != "full" || e.MS < 30 {
		t.Errorf("up again: %+v", e)
	}
	if v := put(`{}`); v.Latency != "30ms" || v.State != "up" {
		t.Errorf("nothing was asked for: %+v", v)
	}
}

// TestKnobsThatOthersTurn are seen, and survive as well.
func TestKnobsThatOthersTurn(t *testing.T) {
	s := open(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+s.shops["users"].ops+"/knobs", strings.NewReader(`{"latency":"5ms","rate":0.5}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	for _, body := range []string{`{}`, `{"state":"stopped"}`, `{"state":"up"}`} {
		if v := get[view](s, "PUT", "/api/services/users", body); v.Latency != "5ms" {
			t.Errorf("%s: %+v", body, v)
		}
	}
}

func TestReset(t *testing.T) {
	s := open(t)
	get[view](s, "PUT", "/api/services/users", `{"state":"stopped","failure":"hang"}`)
	get[view](s, "PUT", "/api/services/orders", `{"latency":"1m"}`)
	for _, v := range get[world](s, "POST", "/api/reset", "").Services {
		if v.State != "up" || v.Latency != "0s" || v.Failure != "none" {
			t.Errorf("%+v", v)
		}
		if n := s.shops[v.Name].resets.Load(); n != 1 {
			t.Errorf("%s was reset %d times", v.Name, n)
		}
	}
	if e := s.home("phone"); e.Completeness != "full" {
		t.Errorf("%+v", e)
	}
}

// TestHangAndReset: one waits for a service that hangs, another resets everything.
func TestHangAndReset(t *testing.T) {
	s := open(t)
	get[view](s, "PUT", "/api/services/users", `{"failure":"hang"}`)
	var wait sync.WaitGroup
	wait.Go(func() {
		if e := s.home("phone"); e.Completeness != "full" {
			t.Errorf("%+v", e)
		}
	})
	for get[world](s, "GET", "/api/world", "").Services[0].Requests == 0 { // until the call hangs; the test's own time limit ends this
	}
	s.send("POST", "/api/reset", "")
	wait.Wait()
}

func TestCannotBeStarted(t *testing.T) {
	s := open(t)
	s.shops["users"].broken.Store(true)
	get[view](s, "PUT", "/api/services/users", `{"state":"stopped"}`)
	a := s.send("PUT", "/api/services/users", `{"state":"up"}`)
	s.problem("up", a, http.StatusInternalServerError, "not-started")
	if !bytes.Contains(a.body, []byte("address already in use")) {
		t.Errorf("the end of its log is missing: %s", a.body)
	}
	s.problem("reset", s.send("POST", "/api/reset", ""), http.StatusInternalServerError, "not-started")
	if v := get[world](s, "GET", "/api/world", "").Services[0]; v.State != "stopped" {
		t.Errorf("%+v", v)
	}
}

func TestManyChanges(t *testing.T) {
	s := open(t)
	var wait sync.WaitGroup
	for i := range 24 {
		name := services[i%2]
		body := []string{`{"state":"stopped"}`, `{"state":"up","latency":"1ms"}`, `{"failure":"error"}`}[i/2%3]
		wait.Go(func() {
			if a := s.send("PUT", "/api/services/"+name, body); a.status != http.StatusOK {
				t.Errorf("%s %s: %d %s", name, body, a.status, a.body)
			}
			s.home("tv")
		})
	}
	wait.Wait()
	for _, v := range get[world](s, "POST", "/api/reset", "").Services {
		if v.State != "up" || v.Latency != "0s" || v.Failure != "none" {
			t.Errorf("%+v", v)
		}
	}
}

func TestTokensAreKeptUntilShortlyBeforeTheyExpire(t *testing.T) {
	s := open(t)
	for _, test := range []struct {
		at   time.Duration // since the beginning
		want int64         // minted so far
		what string
	}{
		{0, 1, "the first request"},
		{time.Minute, 1, "while it is good"},
		{s.lifetime - early - time.Second, 1, "just before it is too old"},
		{s.lifetime - early, 2, "when it is too old"},
		{s.lifetime, 2, "with the new one"},
	} {
		s.clock.Store(int64(test.at / time.Second))
		s.home("phone")
		if got := s.tokens.Load(); got != test.want {
			t.Errorf("%s: %d tokens, want %d", test.what, got, test.want)
		}
	}
	s.home("tv")
	if got := s.tokens.Load(); got != 3 {
		t.Errorf("another device: %d tokens, want 3", got)
	}
	s.refused.Store(true)
	if e := s.home("phone"); e.Status != http.StatusUnauthorized || e.Completeness != "none" {
		t.Errorf("%+v", e)
	}
	s.refused.Store(false)
	s.home("phone")
	if got := s.tokens.Load(); got != 4 {
		t.Errorf("after a token was refused: %d tokens, want 4", got)
	}
	s.lifetime = -time.Minute
	s.clock.Add(int64(s.lifetime/time.Second) + 3600)
	s.home("phone")
	s.home("phone")
	if got := s.tokens.Load(); got != 6 {
		t.Errorf("tokens that are too old at once: %d, want 6", got)
	}
	if !expiry("no token").IsZero() {
		t.Error("what is no token says when it ends")
	}
}

func TestRefusals(t *testing.T) {
	s := open(t)
	const home = `{"user":"ada","method":"GET","path":"/v1/home"}`
	long := strings.Repeat("a", most)
	for _, test := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"GET", "/nothing", "", 404, "no-route"},
		{"GET", "/static/", "", 404, "no-route"},
		{"GET", "/static/..%2fpage.go", "", 404, "no-route"},
		{"GET", "/static/nothing.js", "", 404, "no-route"},
		{"POST", "/api/world", "", 405, "method-not-allowed"},
		{"GET", "/api/reset", "", 405, "method-not-allowed"},
		{"PUT", "/api/services/app", `{"state":"up"}`, 404, "unknown-service"},
		{"PUT", "/api/services/" + long[:5000], `{}`, 404, "unknown-service"},
		{"PUT", "/api/services/users", ``, 400, "bad-request"},
		{"PUT", "/api/services/users", `[]`, 400, "bad-request"},
		{"PUT", "/api/services/users", `{} {}`, 400, "bad-request"},
		{"PUT", "/api/services/users", `{"sate":"up"}`, 400, "bad-request"},
		{"PUT", "/api/services/users", `{"state":"down"}`, 400, "bad-request"},
		{"PUT", "/api/services/users", `{"state":1}`, 400, "bad-request"},
		{"PUT", "/api/services/users", `{"latency":"fast"}`, 400, "bad-request"},
		{"PUT", "/api/services/users", `{"latency":"-1s"}`, 400, "bad-request"},
		{"PUT", "/api/services/users", `{"latency":"61s"}`, 400, "bad-request"},
		{"PUT", "/api/services/users", `{"failure":"cut"}`, 400, "bad-request"},
		{"PUT", "/api/services/users", `{"state":"` + long + `"}`, 413, "payload-too-large"},
		{"PUT", "/api/services/users", `{}` + long, 400, "bad-request"},
		{"PUT", "/api/services/users", `{}` + strings.Repeat(" ", most), 413, "payload-too-large"},
		{"POST", "/api/devices/watch/requests", home, 404, "unknown-device"},
		{"POST", "/api/devices/web/requests", home, 404, "unknown-device"},
		{"POST", "/api/devices/phone/requests", `{"user":"eve","method":"GET","path":"/v1/home"}`, 400, "unknown-user"},
		{"POST", "/api/devices/phone/requests", `{"method":"GET","path":"/v1/home"}`, 400, "unknown-user"},
		{"POST", "/api/devices/phone/requests", `{"user":"ben","method":"GET","path":"/v1/home"}`, 502, "no-token"},
		{"POST", "/api/devices/phone/requests", `{"user":"ada","path":"/v1/home"}`, 400, "bad-request"},
		{"POST", "/api/devices/phone/requests", `{"user":"ada","method":"get","path":"/v1/home"}`, 400, "bad-request"},
		{"POST", "/api/devices/phone/requests", `{"user":"ada","method":"CONNECT","path":"/v1/home"}`, 400, "bad-request"},
		{"POST", "/api/devices/phone/requests", `{"user":"ada","method":"GET","path":"/v1/home","body":{}}`, 400, "bad-request"},
		{"POST", "/api/devices/phone/requests", `{"user":"ada","method":"GET","path":""}`, 400, "bad-request"},
		{"POST", "/api/devices/phone/requests", `{"user":"ada","method":"GET","path":"v1/home"}`, 400, "bad-request"},
		{"POST", "/api/devices/phone/requests", `{"user":"ada","method":"GET","path":"//example.com/"}`, 400, "bad-request"},
		{"POST", "/api/devices/phone/requests", `{"user":"ada","method":"GET","path":"http://example.com/"}`, 400, "bad-request"},
		{"POST", "/api/devices/phone/requests", `{"user":"ada","method":"GET","path":"@example.com/"}`, 400, "bad-request"},
		{"POST", "/api/devices/phone/requests", `{"user":"ada","method":"GET","path":"/a b"}`, 400, "bad-request"},
		{"POST", "/api/devices/phone/requests", `{"user":"ada","method":"GET","path":"/a#b"}`, 400, "bad-request"},
		{"POST", "/api/devices/phone/requests", `{"user":"ada","method":"GET","path":"/a\r\nX: y"}`, 400, "bad-request"},
		{"POST", "/api/devices/phone/requests", `{"user":"ada","method":"GET","path":"/%zz"}`, 400, "bad-request"},
		{"POST", "/api/devices/phone/requests", `{"user":"ada","method":"GET","path":"/` + long[:mostPath] + `"}`, 400, "bad-request"},
		{"POST", "/api/devices/phone/requests", `{"user":"ada","method":"POST","path":"/","body":"` + long + `"}`, 413, "payload-too-large"},
		{"POST", "/api/devices/phone/requests", `{"user":"ada","method":"GET","path":"/br"}`, 502, "bad-answer"},
		{"GET", "/api/traces/" + strings.Repeat("0", 32), "", 400, "bad-request"},
		{"GET", "/api/traces/" + strings.Repeat("A", 32), "", 400, "bad-request"},
		{"GET", "/api/traces/abc", "", 400, "bad-request"},
		{"GET", "/api/traces/" + strings.Repeat("a", 32) + "%26x=y", "", 400, "bad-request"},
	} {
		a := s.send(test.method, test.path, test.body)
		s.problem(test.method+" "+quoted(test.path)+" "+quoted(test.body), a, test.status, test.code)
	}
	if unknown := get[traced](s, "GET", "/api/traces/"+strings.Repeat("a", 32), ""); unknown.Calls != 0 || unknown.By == nil {
		t.Errorf("a trace that nobody knows: %+v", unknown)
	}
}

func TestGatewayIsDown(t *testing.T) {
	s := open(t)
	s.home("phone") // and keeps a connection
	s.phone.Close()
	for range 2 {
		s.problem("phone", s.send("POST", "/api/devices/phone/requests", `{"user":"ada","method":"GET","path":"/v1/home"}`), http.StatusBadGateway, "gateway-unreachable")
	}
	if e := s.home("tv"); e.Status != http.StatusOK {
		t.Errorf("the other device: %+v", e)
	}
}

// TestOnlyThePersonInFront: a name that somebody else decides about, and another
// site's script.
func TestOnlyThePersonInFront(t *testing.T) {
	s := open(t)
	for _, host := range []string{"films.example", "127.0.0.1.films.example:8080", "localhost.films.example", "10.0.0.1:8080", "[::2]:1"} {
		for _, path := range []string{"/", "/static/nothing", "/api/world"} {
			s.problem(host+path, s.send("GET", path, "", "Host", host), http.StatusMisdirectedRequest, "wrong-host")
		}
	}
	for _, host := range []string{"localhost", "LOCALHOST:9", "127.0.0.2:8080", "[::1]:8080", "[::1]"} {
		if a := s.send("GET", "/api/world", "", "Host", host); a.status != http.StatusOK {
			t.Errorf("%s: %d %s", host, a.status, a.body)
		}
		if a := s.send("GET", "/", "", "Host", host); a.status != http.StatusTemporaryRedirect || a.header.Get("Location") != s.url+"/" {
			t.Errorf("%s: the page is not shown under its own name: %d %v", host, a.status, a.header)
		}
	}
	for _, header := range [][]string{
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"}, // another port of this machine, such as the browser app's
		{"Origin", "http://films.example"},
		{"Origin", "null"},
	} {
		for _, to := range [][]string{{"POST", "/api/reset"}, {"PUT", "/api/services/users"}, {"POST", "/api/devices/phone/requests"}} {
			s.problem(header[0]+": "+header[1], s.send(to[0], to[1], `{}`, header...), http.StatusForbidden, "cross-origin")
		}
	}
	if a := s.send("PUT", "/api/services/users", `{}`, "Sec-Fetch-Site", "same-origin", "Origin", s.url); a.status != http.StatusOK {
		t.Errorf("the page's own script: %d %s", a.status, a.body)
	}
	if a := s.send("GET", "/api/world", "", "Origin", "http://films.example"); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("another origin may read")
	}
}

func TestThePageItself(t *testing.T) {
	s := open(t)
	a := s.send("GET", "/", "")
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "text/html; charset=utf-8" || !bytes.Contains(bytes.ToLower(a.body), []byte("<!doctype html>")) {
		t.Errorf("%d %v\n%s", a.status, a.header, a.body)
	}
	policy := a.header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self' http://127.0.0.1:7204", "frame-src http://127.0.0.1:8082", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("%s is missing in %s", want, policy)
		}
	}
	if again := s.send("GET", "/", "", "If-None-Match", a.header.Get("ETag")); again.status != http.StatusNotModified {
		t.Errorf("the copy is still good: %d", again.status)
	}
	for name, f := range files() {
		a := s.send("GET", "/static/"+name, "")
		if f.Type == "" || a.status != http.StatusOK || a.header.Get("Content-Type") != f.Type || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", name, a.status, a.header)
		}
	}
}

func TestQuoted(t *testing.T) {
	if got := quoted("a\"<\n"); got != `"a\"<\n"` {
		t.Error(got)
	}
	if got := quoted(strings.Repeat("ü", 1000)); len(got) > 120 {
		t.Errorf("%d bytes", len(got))
	}
}
