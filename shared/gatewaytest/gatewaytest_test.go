package gatewaytest_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"github.com/triptych-bff/triptych/shared/aggregation"
	"github.com/triptych-bff/triptych/shared/gateway"
	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type settings struct{ gateway.Config }

func (*settings) Endpoints() []aggregation.Endpoint {
	users, orders := aggregation.HTTP("users"), aggregation.HTTP("orders")
	return []aggregation.Endpoint{{
		Route: "GET /v1/home", Policy: "member", Budget: 5 * time.Second,
		Parts: []aggregation.Part{
			{Name: "user", From: users.Get("/users/{}", aggregation.Claim("sub"))},
			{Name: "orders", From: orders.Get("/orders"), Else: aggregation.Omit},
		},
	}, {
		Route: "POST /v1/orders", Policy: "member", Budget: 5 * time.Second,
		Parts: []aggregation.Part{
			{Name: "order", From: orders.Post("/orders", aggregation.Fields{"book": aggregation.BodyValue("book")})},
		},
	}}
}

func app(users, orders string) gateway.App {
	document := fmt.Sprintf(`
policies: [{name: member}]
upstreams: {users: {url: %s, timeout: 500ms}, orders: {url: %s, timeout: 500ms}}
`, users, orders)
	return gateway.App{
		Name: "bff-example", Files: fstest.MapFS{"config.yaml": {Data: []byte(document)}},
		Settings: func() gateway.Settings { return new(settings) },
	}
}

// home asks a gateway on these services for its screen.
func home(t testing.TB, app gateway.App, services *gatewaytest.Services, subject string) gatewaytest.Answer {
	t.Helper()
	issuer := gatewaytest.NewIssuer(t, "bff-example", "app")
	g := gatewaytest.Start(t, app, services, issuer)
	return g.Get("/v1/home", issuer.Token(subject))
}

// real is a service that says who asks for what.
func real(t *testing.T) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"asked":%q}`, r.URL.Path)
	}))
	t.Cleanup(s.Close)
	return s
}

const want = `{"user":{"asked":"/users/ada"},"orders":{"asked":"/orders"},"_meta":{"completeness":"full"}}`

func TestWhatIsRecordedIsReplayed(t *testing.T) {
	dir, users, orders := t.TempDir(), real(t), real(t)
	app := app(users.URL, orders.URL)
	t.Run("record", func(t *testing.T) {
		t.Setenv("TRIPTYCH_RECORD", "1")
		if got := home(t, app, gatewaytest.Replay(t, app, dir), "ada"); string(got.Body) != want {
			t.Errorf("got %s", got.Body)
		}
	})
	users.Close()
	orders.Close()
	t.Run("replay", func(t *testing.T) {
		services := gatewaytest.Replay(t, app, dir)
		if got := home(t, app, services, "ada"); string(got.Body) != want {
			t.Errorf("got %s", got.Body)
		}
		if services.Calls("users") != 1 || services.Calls("orders") != 1 {
			t.Error("the calls are not counted")
		}
	})
	t.Run("failures", func(t *testing.T) {
		services := gatewaytest.Replay(t, app, dir)
		services.Stop("orders")
		if got := home(t, app, services, "ada"); got.Status != http.StatusOK || got.Header.Get("BFF-Completeness") != `partial, missing=("orders")` {
			t.Errorf("stopped: %d %s", got.Status, got.Body)
		}
		services.Hang("users")
		if got := home(t, app, services, "ada"); got.Status != http.StatusGatewayTimeout {
			t.Errorf("hanging: %d %s", got.Status, got.Body)
		}
	})
	t.Run("not recorded", func(t *testing.T) {
		fake := &recorder{TB: t}
		home(fake, app, gatewaytest.Replay(fake, app, dir), "ben")
		if !strings.Contains(fake.text, "users: nothing is recorded for GET /users/ben") {
			t.Errorf("said %q", fake.text)
		}
		fake.cleanup()
		if !strings.Contains(fake.text, "the gateway's log:") {
			t.Errorf("said %q", fake.text)
		}
	})
}

// TestAChangeIsRecordedWithItsBody: equal requests with other bodies are others.
func TestAChangeIsRecordedWithItsBody(t *testing.T) {
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	t.Cleanup(echo.Close)
	dir, app := t.TempDir(), app(echo.URL, echo.URL)
	buy := func(t *testing.T, book string) string {
		issuer := gatewaytest.NewIssuer(t, "bff-example", "app")
		g := gatewaytest.Start(t, app, gatewaytest.Replay(t, app, dir), issuer)
		a := g.Do(http.MethodPost, "/v1/orders", issuer.Token("ada"), []byte(`{"book":"`+book+`"}`), "Content-Type", "application/json")
		return string(a.Body)
	}
	t.Run("record", func(t *testing.T) {
		t.Setenv("TRIPTYCH_RECORD", "1")
		buy(t, "b1")
	})
	echo.Close()
	t.Run("replay", func(t *testing.T) {
		if got, want := buy(t, "b1"), `{"order":{"book":"b1"},"_meta":{"completeness":"full"}}`; got != want {
			t.Errorf("got %s", got)
		}
	})
	record, err := os.ReadFile(filepath.Join(dir, "orders.json"))
	if err != nil || !strings.Contains(string(record), `"POST /orders {\"book\":\"b1\"}"`) {
		t.Errorf("%v: %s", err, record)
	}
}

// TestARecordIsNotSpoiled by services that fail while it is made.
func TestARecordIsNotSpoiled(t *testing.T) {
	dir, users := t.TempDir(), real(t)
	file := filepath.Join(dir, "users.json")
	if err := os.WriteFile(file, []byte(`[]`), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + l.Addr().String()
	_ = l.Close()
	t.Setenv("TRIPTYCH_RECORD", "1")
	for name, record := range map[string]func(*recorder){
		"a service that is down": func(fake *recorder) {
			app := app(users.URL, nobody)
			home(fake, app, gatewaytest.Replay(fake, app, dir), "ada")
			if !strings.Contains(fake.text, "orders: nothing to record for GET /orders") {
				t.Errorf("said %q", fake.text)
			}
		},
		"a test of a failure": func(fake *recorder) {
			app := app(users.URL, users.URL)
			services := gatewaytest.Replay(fake, app, dir)
			services.Stop("orders")
			home(fake, app, services, "ada")
		},
	} {
		fake := &recorder{TB: t}
		record(fake)
		fake.cleanup()
		if text, err := os.ReadFile(file); err != nil || string(text) != `[]` {
			t.Errorf("%s: the record is now %s, %v", name, text, err)
		}
	}
}

func TestGoldenShowsTheDifference(t *testing.T) {
	file := filepath.Join(t.TempDir(), "deep", "x.json")
	t.Setenv("TRIPTYCH_UPDATE", "1")
	gatewaytest.Golden(t, file, []byte(`{"a":1,"b":[2,3]}`))
	t.Setenv("TRIPTYCH_UPDATE", "")
	gatewaytest.Golden(t, file, []byte(`{"a":1, "b":[2,3]}`))
	fake := &recorder{TB: t}
	gatewaytest.Golden(fake, file, []byte(`{"a":1,"b":[2,4]}`))
	for _, want := range []string{"x.json differs", `    3`, `    4`} {
		if !strings.Contains(fake.text, want) {
			t.Errorf("%q is not in %q", want, fake.text)
		}
	}
}

// recorder is a test that remembers how it fails.
type recorder struct {
	testing.TB
	text     string
	cleanups []func()
}

func (r *recorder) Errorf(format string, args ...any) { r.text += fmt.Sprintf(format, args...) + "\n" }

// Fatalf ends the goroutine, as that of a real test does.
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Logf(format string, args ...any) { r.text += fmt.Sprintf(format, args...) + "\n" }
func (r *recorder) Failed() bool                    { return r.text != "" }
func (r *recorder) Cleanup(f func())                { r.cleanups = append(r.cleanups, f) }
func (r *recorder) cleanup() {
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
}
