package gateway_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/triptych-bff/triptych/shared/gateway"
	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

// until waits for what must come.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("%s: never", what)
		}
	}
}

func (s *site) served(t *testing.T, path string) func() bool {
	return func() bool { t.Helper(); return s.Get(path, s.token).Status == http.StatusOK }
}

func route(path string) string {
	return "  - {path: " + path + "/*, upstream: users, strip_prefix: " + path + ", policy: member}\n"
}

// TestFilesAreWatched through the ways in which a file comes to have another
// content.
func TestFilesAreWatched(t *testing.T) {
	t.Run("replaced", func(t *testing.T) {
		s := start(t)
		next := filepath.Join(filepath.Dir(s.file), "next")
		if err := os.WriteFile(next, []byte(s.text+route("/new")), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, s.file); err != nil {
			t.Fatal(err)
		}
		until(t, "reloaded", s.served(t, "/new/users/ada"))
	})
	t.Run("gone and back, with its folder", func(t *testing.T) {
		s := start(t)
		if err := os.RemoveAll(filepath.Dir(s.file)); err != nil {
			t.Fatal(err)
		}
		until(t, "noticed", func() bool { return strings.Contains(s.Log.String(), "reload failed") })
		if a := s.Get("/api/users/ada", s.token); a.Status != http.StatusOK {
			t.Errorf("status %d without a file", a.Status)
		}
		if err := os.Mkdir(filepath.Dir(s.file), 0o700); err != nil {
			t.Fatal(err)
		}
		s.write(t, s.text+route("/new"))
		until(t, "reloaded", s.served(t, "/new/users/ada"))
		s.write(t, s.text+route("/newer"))
		until(t, "watched again", s.served(t, "/newer/users/ada"))
	})
}

// TestFilesBehindALinkAreWatched: Kubernetes shows a ConfigMap as links into a
// folder that it swaps.
func TestFilesBehindALinkAreWatched(t *testing.T) {
	s := start(t)
	dir := t.TempDir()
	publish := func(version, text string) {
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, version, "bff.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		link := filepath.Join(dir, "..tmp")
		if err := os.Symlink(version, link); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(link, filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	publish("..1", s.text)
	s.file = filepath.Join(dir, "bff.yaml")
	if err := os.Symlink("..data/bff.yaml", s.file); err != nil {
		t.Fatal(err)
	}
	s.Gateway = gatewaytest.Run(t, app(""), gateway.Source{File: s.file})
	for i, path := range []string{"/second", "/third"} {
		publish("..v"+path[1:], s.text+route(path))
		if i > 0 {
			_ = os.RemoveAll(filepath.Join(dir, "..vsecond"))
		}
		until(t, path, s.served(t, path+"/users/ada"))
	}
}

// TestAFileThatChangesBeforeRun is noticed: between New and Run nobody watches.
func TestAFileThatChangesBeforeRun(t *testing.T) {
	s := start(t)
	g, err := gateway.New(app(""), gateway.Source{File: s.file}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, s.text+route("/new"))
	if err := g.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	second := *s.Gateway
	second.URL = "http://" + g.Addr().String()
	until(t, "reloaded", func() bool { return second.Get("/new/users/ada", s.token).Status == http.StatusOK })
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestOtherFilesAreWatched: a secret, and the authorities of a service.
func TestOtherFilesAreWatched(t *testing.T) {
	s := start(t)
	secret := filepath.Join(filepath.Dir(s.file), "secret")
	if err := os.WriteFile(secret, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	users := s.text[strings.Index(s.text, "  users: {"):]
	users = users[:strings.Index(users, "}")]
	s.write(t, strings.Replace(s.text, users, users+", secrets: {x-user-id: {file: secret}}", 1))
	sees := func(want string) func() bool {
		return func() bool {
			return strings.Contains(string(s.Get("/api/users/ada", s.token).Body), `"seen":"`+want+`"`)
		}
	}
	until(t, "one", sees("one"))
	if err := os.WriteFile(secret, []byte("two"), 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, "two", sees("two"))

	s.write(t, strings.Replace(s.text, users, `  users: {url: "https://127.0.0.1:1", ca: authorities.pem`, 1))
	if err := s.Reload(); err == nil || !strings.Contains(err.Error(), filepath.Join(filepath.Dir(s.file), "authorities.pem")) {
		t.Errorf("a ca beside the document is looked for elsewhere: %v", err)
	}
}

// TestAFailedReloadLeavesNothingBehind of what it would have served.
func TestAFailedReloadLeavesNothingBehind(t *testing.T) {
	s := start(t)
	s.write(t, strings.Replace(s.text, "upstreams:", "upstreams:\n  another: {url: http://127.0.0.1:1}", 1)+
		"  - {path: /bad/*, upstream: nobody, policy: member}\n")
	if err := s.Reload(); err == nil {
		t.Fatal("no error")
	}
	if metrics := s.metrics(t); strings.Contains(metrics, `"another"`) || !strings.Contains(metrics, `"users"`) {
		t.Errorf("the metrics know a service that is not served:\n%s", metrics)
	}
}

func (s *site) metrics(t *testing.T) string {
	t.Helper()
	resp, err := http.Get(s.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReloadsUnderLoad: not one request is lost.
func TestReloadsUnderLoad(t *testing.T) {
	s := start(t)
	s.text = strings.Replace(s.text, "requests: 100,", "requests: 1000000,", 1) // however long the test takes
	s.write(t, s.text)
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	var clients sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				for _, path := range []string{"/v1/home", "/api/users/ada"} {
					if a := s.Get(path, s.token); a.Status != http.StatusOK {
						t.Errorf("%s: status %d: %s", path, a.Status, a.Body)
					}
				}
			}
		})
	}
	for i := range 20 {
		text := s.text
		if i%2 == 0 { // other connections, and another breaker
			text = strings.Replace(text, "users: {", "users: {connect: 2s, breaker: {failures: 7}, ", 1)
		}
		s.write(t, text)
		if err := s.Reload(); err != nil {
			t.Error(err)
		}
	}
	close(done)
	clients.Wait()
}

func TestRunAfterItsTime(t *testing.T) {
	g, err := gateway.New(app(offline), gateway.Source{}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := g.Run(ctx); err != nil {
		t.Error(err)
	}
	if err := g.Reload(); err != nil { // there is nobody to serve, and no harm in it
		t.Error(err)
	}
}
