package upstream

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/resilience"
)

// A reload that moves a service keeps its breaker.
func TestTheBreakerOutlivesTheAddress(t *testing.T) {
	bad := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	good := serve(t, func(http.ResponseWriter, *http.Request) {})
	p := newPool(t)
	old := service(t, p, Config{URL: bad.URL, Breaker: three})
	p.Retain([]*Service{old})
	for range 3 {
		_, _ = get(old, "/")
	}
	moved := service(t, p, Config{URL: good.URL, Breaker: three})
	p.Retain([]*Service{moved})
	if _, err := get(moved, "/"); codeOf(t, err) != BreakerOpen {
		t.Errorf("after a move: %v", err)
	}
	other := three
	other.Failures = 4
	changed := service(t, p, Config{URL: good.URL, Breaker: other})
	p.Retain([]*Service{changed})
	if _, err := get(changed, "/"); err != nil {
		t.Errorf("with a breaker of its own: %v", err)
	}
	p.Retain([]*Service{moved}) // the reload is taken back
	if again := service(t, p, Config{URL: good.URL, Breaker: three}); again.guard != moved.guard {
		t.Error("the breaker that is in use was forgotten")
	}
}

// watched is a service that tells how many connections it has.
type watched struct {
	*httptest.Server
	mu   sync.Mutex
	open map[net.Conn]bool
	none chan struct{} // sent to whenever the last one closes
}

func watch(t *testing.T, handler http.HandlerFunc) *watched {
	w := &watched{Server: httptest.NewUnstartedServer(handler), open: map[net.Conn]bool{}, none: make(chan struct{}, 100)}
	w.Config.ConnState = func(c net.Conn, state http.ConnState) {
		w.mu.Lock()
		defer w.mu.Unlock()
		switch state {
		case http.StateNew:
			w.open[c] = true
		case http.StateClosed:
			delete(w.open, c)
			if len(w.open) == 0 {
				w.none <- struct{}{}
			}
		}
	}
	w.Start()
	t.Cleanup(w.Close)
	return w
}

func TestWhatIsRetiredClosesWhenItIsIdle(t *testing.T) {
	arrived, answer := make(chan struct{}, 1), make(chan struct{})
	server := watch(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			arrived <- struct{}{}
			<-answer
		}
		_, _ = io.WriteString(w, "ok")
	})
	p := newPool(t)
	old := service(t, p, Config{URL: server.URL, Timeout: patience})
	p.Retain([]*Service{old})

	slow := old.Start(t.Context(), &Request{Path: "/slow"})
	receive(t, arrived, "request")
	p.Retain(nil)
	select {
	case <-server.none:
		t.Fatal("the connection was closed under a call")
	default:
	}
	close(answer)
	if resp, err := slow.Wait(); err != nil || string(resp.Body) != "ok" {
		t.Fatalf("a call that was under way: %+v, %v", resp, err)
	}
	receive(t, server.none, "close")

	// A snapshot that is still in some request's hands.
	if resp, err := get(old, "/"); err != nil || string(resp.Body) != "ok" {
		t.Fatalf("a late call: %+v, %v", resp, err)
	}
	receive(t, server.none, "close behind the late call")
}

func TestTheSameTargetKeepsItsConnections(t *testing.T) {
	server := watch(t, func(http.ResponseWriter, *http.Request) {})
	p := newPool(t)
	first := service(t, p, Config{URL: server.URL})
	p.Retain([]*Service{first})
	_, _ = get(first, "/")
	second := service(t, p, Config{URL: server.URL + "/other", Timeout: time.Second, MaxResponse: 1})
	p.Retain([]*Service{second})
	if first.link != second.link {
		t.Error("the link is another one")
	}
	third := service(t, p, Config{URL: server.URL, Connect: 5 * time.Second})
	if third.link == first.link {
		t.Error("the link has another connect time-out")
	}
}

func TestServicesThatCannotBe(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p := newPool(t)
	for _, c := range []Config{
		{},
		{URL: "ftp://127.0.0.1"},
		{URL: "127.0.0.1:80"},
		{GRPC: "127.0.0.1"},
		{URL: "https://127.0.0.1", CA: empty},
	} {
		if _, err := p.Service("users", c, nil); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}

func TestConfig(t *testing.T) {
	for _, test := range []struct {
		name, yaml string
		want       []string
	}{
		{"http", "url: http://127.0.0.1:7001", nil},
		{"https with a path", "{url: 'https://users.internal/v1/', ca: /etc/ca.pem}", nil},
		{"grpc", "{grpc: '127.0.0.1:7004', descriptors: catalog.binpb, tls: true}", nil},
		{"all limits", "{url: 'http://u', timeout: 1s, connect: 1s, idle: 1s, stall: 1s, max_response: 1KiB, headers: {X-Caller: gateway}, secrets: {X-Api-Key: {env: KEY}}, breaker: {failures: 3}}", nil},
		{"neither", "{}", []string{": needs url or grpc"}},
		{"both", "{url: 'http://u', grpc: 'u:1'}", []string{"grpc: stands beside url; a service has one of them"}},
		{"another scheme", "url: ftp://u", []string{"url: must begin with http:// or https://"}},
		{"no scheme", "url: users", []string{"url: must begin with http:// or https://"}},
		{"no host", "url: 'http://'", []string{"url: names no host"}},
		{"credentials", "url: http://a:b@u", []string{"url: must not carry credentials; put them into secrets"}},
		{"a query", "url: http://u/?a=b", []string{"url: must not have a query or a fragment"}},
		{"a step up", "url: http://u/a/../b", []string{"url: has a path that is not canonical"}},
		{"grpc without a port", "grpc: u", []string{"grpc: must be host:port"}},
		{"tls for http", "{url: 'http://u', tls: true, ca: x, descriptors: y}", []string{
			"tls: is for grpc; write https in the url", "ca: needs an https url", "descriptors: is for grpc",
		}},
		{"negative", "{url: 'http://u', timeout: -1s}", []string{"timeout: must not be negative"}},
		{"headers", "{url: 'http://u', headers: {Host: x, 'a b': c, X-A: \"a\\nb\"}}", []string{
			"headers.Host: is set by the gateway itself", "headers.a b: is no header name (RFC 9110 §5.1)",
			"headers.X-A: has a character that no header value may have (RFC 9110 §5.5)",
		}},
		{"a deadline header", "{url: 'http://u', deadline_header: X-Deadline-Ms}", nil},
		{"a deadline header of gRPC", "{grpc: 'u:1', deadline_header: X-Deadline-Ms}", []string{"deadline_header: is for an url; gRPC always says it (grpc-timeout)"}},
		{"a deadline header that is none", "{url: 'http://u', deadline_header: 'a b'}", []string{"deadline_header: is no header name (RFC 9110 §5.1)"}},
		{"a deadline header of the connection", "{url: 'http://u', deadline_header: keep-alive}", []string{"deadline_header: is set by the gateway itself"}},
		{"the trace as deadline header", "{url: 'http://u', deadline_header: traceparent}", []string{"deadline_header: is a header that says something else"}},
		{"a managed deadline header", "{url: 'http://u', deadline_header: X-Forwarded-For}", []string{"deadline_header: is a header that says something else"}},
		{"a deadline header for credentials", "{url: 'http://u', deadline_header: authorization}", []string{"deadline_header: is a header that says something else"}},
		{"a deadline header that is set", "{url: 'http://u', deadline_header: X-a, headers: {x-A: b}}", []string{"deadline_header: stands in headers, too"}},
		{"a deadline header that is secret", "{url: 'http://u', deadline_header: X-a, secrets: {x-A: {env: KEY}}}", []string{"deadline_header: stands in secrets, too"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var c Config
			_, err := config.Load(&c, config.Source{
				Name: "c.yaml", Data: []byte(test.yaml), Environ: []string{"KEY=k"},
			})
			got := map[string]bool{}
			if faults, ok := err.(config.Faults); ok {
				for _, f := range faults {
					got[f.Key+": "+f.Message] = true
				}
			} else if err != nil {
				t.Fatal(err)
			}
			want := map[string]bool{}
			for _, w := range test.want {
				want[w] = true
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What the tags promise is what a Config has that was not loaded.
func TestDefaults(t *testing.T) {
	var loaded Config
	if _, err := config.Load(&loaded, config.Source{Name: "c.yaml", Data: []byte("url: http://u")}); err != nil {
		t.Fatal(err)
	}
	breaker := loaded.Breaker
	loaded.Breaker = resilience.BreakerConfig{}
	if diff := cmp.Diff(Config{URL: "http://u"}.withDefaults(), loaded); diff != "" {
		t.Error(diff)
	}
	want := resilience.BreakerConfig{
		Failures: 10, Ratio: 0.5, MinRequests: 20, Window: 10 * time.Second,
		OpenFor: 5 * time.Second, Probes: 1, ProbeLimit: 10 * time.Second,
	}
	if diff := cmp.Diff(want, breaker); diff != "" {
		t.Error(diff)
	}
}
