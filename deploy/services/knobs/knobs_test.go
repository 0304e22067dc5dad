package knobs

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The share that fails is exact, and evenly spread.
func TestRate(t *testing.T) {
	for _, test := range []struct {
		rate float64
		want string // of the first requests, x for one that fails
	}{
		{0, "........"},
		{1, "xxxxxxxx"},
		{0.5, ".x.x.x.x"},
		{0.25, "...x...x"},
		{0.75, ".xxx.xxx"},
	} {
		k, err := New(RPC, Setting{Failure: Error, Rate: test.rate})
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for range len(test.want) {
			if _, failure, _ := k.draw(); failure == Error {
				got.WriteByte('x')
			} else {
				got.WriteByte('.')
			}
		}
		if got.String() != test.want {
			t.Errorf("at %v: %s; want %s", test.rate, got.String(), test.want)
		}
	}
}

// A latency may be longer than the server lets requests take: it ends neither
// the request nor its answer, nor takes their bodies away.
func TestPatience(t *testing.T) {
	k, err := New(HTTP, Setting{Latency: 600 * time.Millisecond, Failure: None, Rate: 1})
	if err != nil {
		t.Fatal(err)
	}
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	server := httptest.NewUnstartedServer(k.Handler(echo))
	server.Config.ReadTimeout, server.Config.WriteTimeout = 300*time.Millisecond, 300*time.Millisecond
	server.Config.IdleTimeout = time.Minute
	server.Start()
	defer server.Close()
	for range 2 { // on one connection
		resp, err := server.Client().Post(server.URL, "text/plain", strings.NewReader("still here"))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(body) != "still here" {
			t.Errorf("%d %q %v", resp.StatusCode, body, err)
		}
	}
}
