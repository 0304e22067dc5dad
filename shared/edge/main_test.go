package edge

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/triptych-bff/triptych/shared/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A world is an edge behind a real server.
type world struct {
	*httptest.Server
	log     *lines
	metrics *Metrics
	tel     *telemetry.Telemetry
}

// serve starts a server with the edge around h, on loopback: peers are 127.0.0.1.
func serve(t testing.TB, c Config, h http.HandlerFunc) *world {
	t.Helper()
	w := &world{log: &lines{done: make(chan struct{}, 1000)}}
	w.tel = telemetry.New(w.log, slog.LevelInfo, telemetry.Build{})
	w.metrics = NewMetrics(w.tel)
	w.Server = httptest.NewUnstartedServer(New(c, w.metrics, w.tel, rand.Reader, h))
	w.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	w.Start()
	t.Cleanup(w.Close)
	return w
}

func trusted(prefixes ...string) Config {
	var c Config
	for _, p := range prefixes {
		c.TrustedProxies = append(c.TrustedProxies, netip.MustParsePrefix(p))
	}
	return c
}

// get sends a request and reads its whole answer.
func (w *world) get(t testing.TB, path string, header http.Header) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, w.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		r.Header = header
	}
	return w.do(t, r)
}

func (w *world) do(t testing.TB, r *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := w.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// code is the code of a problem document.
func code(t testing.TB, body string) string {
	t.Helper()
	var p struct {
		Code string `json:"code"`
	}
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatalf("%v: %q", err, body)
	}
	return p.Code
}

// lines is a log that can be waited for.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
	done chan struct{} // one for each line of a request
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.text.Write(p)
	if bytes.Contains(p, []byte(`"msg":"request"`)) {
		l.done <- struct{}{}
	}
	return n, err
}

// next waits for the next request's line and takes it, and what stands before it.
func (l *lines) next(t testing.TB) map[string]any {
	t.Helper()
	<-l.done
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		text, err := l.text.ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		var line map[string]any
		if err := json.Unmarshal(text, &line); err != nil {
			t.Fatal(err)
		}
		if line["msg"] == "request" {
			return line
		}
	}
}

// all is everything that was written since the last line was taken.
func (l *lines) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
