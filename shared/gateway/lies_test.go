package gateway_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/triptych-bff/triptych/shared/aggregation"
	"github.com/triptych-bff/triptych/shared/gateway"
	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

// lied is a gateway before one service, with a screen and a route that passes
// through.
type lied struct{ gateway.Config }

func (*lied) Endpoints() []aggregation.Endpoint {
	service := aggregation.HTTP("service")
	return []aggregation.Endpoint{{
		Route: "GET /screen/{id}", Policy: "open", Budget: 5 * time.Second,
		Parts: []aggregation.Part{{Name: "answer", From: service.Get("/{}", aggregation.PathParam("id"))}},
	}}
}

const lying = `
server: {listen: 127.0.0.1:0}
admin: {listen: 127.0.0.1:0}
policies:
  - {name: open, public: true}
upstreams:
  service:
    url: http://%s
    timeout: 400ms
    stall: 400ms
    breaker: {failures: 1000, min_requests: 1000}
routes:
  - {path: /pass/*, upstream: service, strip_prefix: /pass, policy: open}
`

// poison is what must reach nobody.
const poison = `"poison"`

// TestServicesThatLie puts a gateway before a service that answers what is no
// answer: the client gets a problem, nothing of the lie, and whoever asks next
// gets the own answer.
func TestServicesThatLie(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	answer := ok + "Content-Length: 8\r\n\r\n" + poison
	lies := map[string]struct {
		say  string
		hang bool
		code string
	}{
		"nothing":          {hang: true, code: "upstream-timeout"},
		"the end":          {code: "unreachable"},
		"half a head":      {say: ok + "X: " + poison, hang: true, code: "upstream-timeout"},
		"a head of 1 MB":   {say: ok + "X: " + poison + strings.Repeat("x", 1<<20) + "\r\n\r\n", hang: true, code: "bad-upstream"},
		"a folded line":    {say: ok + "X: " + poison + "\r\n folded\r\nContent-Length: 0\r\n\r\n", code: "bad-upstream"},
		"two lengths":      {say: ok + "Content-Length: 8\r\nContent-Length: 0\r\n\r\n" + poison, code: "bad-upstream"},
		"length and chunk": {say: ok + "Content-Length: 8\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n" + poison + "\r\n0\r\n\r\n", code: "bad-upstream"},
		"two answers":      {say: answer + answer, code: "bad-upstream"},
		"interim for ever": {say: strings.Repeat("HTTP/1.1 102 Processing\r\nX: "+poison+"\r\n\r\n", 1000), hang: true, code: "bad-upstream"},
		"a switch":         {say: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n" + poison, hang: true, code: "bad-upstream"},
		"an old protocol":  {say: poison + "\r\n\r\n", code: "bad-upstream"},
	}
	address := lie(t, func(path string) (string, bool) {
		l := lies[strings.ReplaceAll(strings.TrimPrefix(path, "/"), "_", " ")]
		return l.say, l.hang
	})
	g := gatewaytest.Run(t, gateway.App{
		Name: "bff-example", Files: fstest.MapFS{"config.yaml": {Data: fmt.Appendf(nil, lying, address)}},
		Settings: func() gateway.Settings { return new(lied) },
	}, gateway.Source{})
	for name, l := range lies {
		for _, route := range []string{"/pass/", "/screen/"} {
			t.Run(name+" "+route, func(t *testing.T) {
				for range 3 {
					a := g.Get(route+strings.ReplaceAll(name, " ", "_"), "")
					var p struct{ Code string }
					if err := json.Unmarshal(a.Body, &p); err != nil || p.Code != l.code {
						t.Errorf("status %d: %.200s; want %s", a.Status, a.Body, l.code)
					}
					if text := fmt.Sprint(a.Header) + string(a.Body); strings.Contains(text, "poison") {
						t.Errorf("the client gets to see it: %.200s", text)
					}
					own := g.Get(route+"own", "")
					if own.Status != http.StatusOK || !strings.Contains(string(own.Body), `"/own"`) || strings.Contains(string(own.Body), "poison") {
						t.Errorf("who asks next gets %d: %.200s", own.Status, own.Body)
					}
				}
			})
		}
	}
}

// lie is a service that says what it is told to, by path, and otherwise answers
// with the path.
func lie(t *testing.T, say func(path string) (text string, hang bool)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				for r := bufio.NewReader(c); ; {
					req, err := http.ReadRequest(r)
					switch {
					case err != nil:
						return
					case req.URL.Path == "/own":
						_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 6\r\n\r\n\"/own\"")
						continue
					}
					text, hang := say(req.URL.Path)
					_, _ = io.WriteString(c, text)
					if hang {
						_, _ = io.Copy(io.Discard, c)
					}
					if text == "" {
						return
					}
				}
			})
		}
	})
	return l.Addr().String()
}
