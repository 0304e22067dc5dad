package gatewaytest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/triptych-bff/triptych/shared/gateway"
)

// A Gateway is a gateway that runs as long as its test.
type Gateway struct {
	URL   string // of the public listener
	Admin string // of the operators' listener
	Log   *Log

	t       testing.TB
	gateway *gateway.Gateway
}

// Start runs app on free ports with its built-in configuration, where services
// and issuer, each of which may be nil, take the place of the configured ones.
// Further keys are set as with --set. When the test ends, the gateway is drained,
// and its log is shown if the test has failed.
func Start(t testing.TB, app gateway.App, services *Services, issuer *Issuer, set ...string) *Gateway {
	t.Helper()
	keys := []string{"server.listen=127.0.0.1:0", "admin.listen=127.0.0.1:0"}
	keys = append(keys, services.settings()...)
	return Run(t, app, gateway.Source{File: trusting(t, app, issuer), Set: append(keys, set...)})
}

// trusting is a file with app's built-in configuration, which trusts issuer only.
func trusting(t testing.TB, app gateway.App, issuer *Issuer) string {
	t.Helper()
	if issuer == nil {
		return ""
	}
	var document struct {
		Auth map[string]any `yaml:"auth"`
		Rest map[string]any `yaml:",inline"`
	}
	if err := yaml.Unmarshal(read(t, app, builtIn), &document); err != nil {
		t.Fatal(err)
	}
	if document.Auth == nil {
		document.Auth = map[string]any{}
	}
	document.Auth["issuers"] = []any{issuer.settings()}
	data, err := yaml.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), app.Name+".yaml")
	write(t, file, data)
	return file
}

// Run runs app with the given configuration as long as the test.
func Run(t testing.TB, app gateway.App, src gateway.Source) *Gateway {
	t.Helper()
	log := new(Log)
	g, err := gateway.New(app, src, log)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("gateway: %v", err)
		}
		if t.Failed() {
			t.Logf("the gateway's log:\n%s", log)
		}
	})
	return &Gateway{
		URL: "http://" + g.Addr().String(), Admin: "http://" + g.AdminAddr().String(),
		Log: log, t: t, gateway: g,
	}
}

// Reload is [gateway.Gateway.Reload].
func (g *Gateway) Reload() error { return g.gateway.Reload() }

// Get asks for a path of the public listener, with an access token unless it is
// empty.
func (g *Gateway) Get(path, token string, header ...string) Answer {
	g.t.Helper()
	return g.Do(http.MethodGet, path, token, nil, header...)
}

// Do sends a request. Further headers are names and values in turn. The answer
// is as it came over the wire: nothing is decompressed, no redirect followed.
func (g *Gateway) Do(method, path, token string, body []byte, header ...string) Answer {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, g.URL+path, bytes.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return Answer{resp.StatusCode, resp.Header, got}
}

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

var client = &http.Client{
	Transport: &http.Transport{
		DisableCompression: true, DisableKeepAlives: true,
		// A body that is refused before it is read is sent in one write all the same:
		// between two, the connection may be gone, and the answer with it.
		WriteBufferSize: 128 << 10,
	},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// A Log is what a gateway has logged.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements [io.Writer].
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String is all of it.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Golden compares JSON with a file: both are indented, so that a difference can
// be read. The token of a repair link, which is another one every time, is written as
// "signed".
func Golden(t testing.TB, file string, got []byte) {
	t.Helper()
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, repairToken.ReplaceAll(got, []byte("repair=signed")), "", "  "); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, got)
	}
	pretty.WriteByte('\n')
	if os.Getenv("TRIPTYCH_UPDATE") != "" {
		write(t, file, pretty.Bytes())
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(pretty.String(), "\n")); diff != "" {
		t.Errorf("%s differs (-want +got); with TRIPTYCH_UPDATE=1 this test writes it anew\n%s", file, diff)
	}
}

var repairToken = regexp.MustCompile(`repair=[\w-]+`)

func write(t testing.TB, file string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
