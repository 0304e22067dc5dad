package app

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

const frames = "http://127.0.0.1:8080"

// serve starts the app in front of a provider, and returns its address.
func serve(t *testing.T, provider http.HandlerFunc) string {
	t.Helper()
	behind := httptest.NewServer(provider)
	t.Cleanup(behind.Close)
	return serveBefore(t, behind.URL+"/")
}

func serveBefore(t *testing.T, provider string) string {
	t.Helper()
	server := httptest.NewServer(Handler(Config{Provider: provider, Frames: frames}))
	t.Cleanup(server.Close)
	return server.URL
}

func nobody(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }

// do sends a request and returns the answer with its whole body.
func do(t *testing.T, req *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
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

func get(t *testing.T, address string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, req)
}

func TestFiles(t *testing.T) {
	address := serve(t, nobody)
	for path, contentType := range map[string]string{
		"/":                "text/html; charset=utf-8",
		"/?as=ada&film=x":  "text/html; charset=utf-8",
		"/app/app.css":     "text/css; charset=utf-8",
		"/app/app.js":      "text/javascript; charset=utf-8",
		"/app/none.js":     "",
		"/app/":            "",
		"/app/a/b":         "",
		"/app/%2e%2e/x.go": "",
		"/other":           "",
	} {
		resp, body := get(t, address+path)
		h := resp.Header
		if strings.Contains(h.Get("Content-Security-Policy"), "unsafe") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s is not guarded: %v", path, h)
		}
		if contentType == "" {
			if resp.StatusCode != http.StatusNotFound || h.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s: %d %s", path, resp.StatusCode, h.Get("Content-Type"))
			}
			continue
		}
		if resp.StatusCode != http.StatusOK || h.Get("Content-Type") != contentType || body == "" {
			t.Errorf("%s: %d %s, %d bytes", path, resp.StatusCode, h.Get("Content-Type"), len(body))
		}
	}
}

// TestEveryFileHasAType: and every file that a file names is there.
func TestEveryFileHasAType(t *testing.T) {
	files := load(Config{})
	names := regexp.MustCompile(`(?:/app/|from "\./)([a-z-]+\.(?:js|css|svg))`)
	for name, f := range files {
		if f.Type == "" {
			t.Errorf("%s has no content type", name)
		}
		for _, m := range names.FindAllStringSubmatch(string(f.Body), -1) {
			if _, ok := files[m[1]]; !ok {
				t.Errorf("%s names %s, which is not there", name, m[1])
			}
		}
	}
}

func TestNothingInline(t *testing.T) {
	page := string(load(Config{})["index.html"].Body)
	if found := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script[^>]*>[^<]`).FindString(page); found != "" {
		t.Errorf("the policy forbids %q", found)
	}
}

func TestFrames(t *testing.T) {
	resp, body := get(t, serve(t, nobody)+"/")
	if policy := resp.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors "+frames+";") {
		t.Error(policy)
	}
	if !strings.Contains(body, `<meta name="frames" content="`+frames+`">`) {
		t.Errorf("the page does not know whom it may talk with:\n%s", body)
	}
	alone := httptest.NewServer(Handler(Config{Frames: "", Pictures: "http://pictures.example"}))
	defer alone.Close()
	resp, _ = get(t, alone.URL+"/")
	for _, want := range []string{"frame-ancestors 'none';", "img-src 'self' http://pictures.example;"} {
		if policy := resp.Header.Get("Content-Security-Policy"); !strings.Contains(policy, want) {
			t.Errorf("no %q in %s", want, policy)
		}
	}
}

func TestRevalidation(t *testing.T) {
	address := serve(t, nobody)
	for _, path := range []string{"/", "/app/app.js"} {
		first, _ := get(t, address+path)
		if first.Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: Cache-Control %q", path, first.Header.Get("Cache-Control"))
		}
		req, _ := http.NewRequest(http.MethodGet, address+path, http.NoBody)
		req.Header.Set("If-None-Match", first.Header.Get("ETag"))
		again, body := do(t, req)
		if again.StatusCode != http.StatusNotModified || body != "" || again.Header.Get("ETag") != first.Header.Get("ETag") {
			t.Errorf("%s: %d, %d bytes, ETag %s", path, again.StatusCode, len(body), again.Header.Get("ETag"))
		}
	}
}

// sign signs in with a form and returns status, content type and body.
func sign(t *testing.T, address string, form url.Values) (int, string, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, address+"/app/sign-in", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, body := do(t, req)
	if !strings.Contains(resp.Header.Get("Cache-Control"), "no-store") {
		t.Errorf("Cache-Control %q of %s", resp.Header.Get("Cache-Control"), body)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), body
}

func TestSignIn(t *testing.T) {
	var asked url.Values
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		asked = r.PostForm
		if r.Method != http.MethodPost || r.URL.Path != "/dev/token" {
			nobody(w, r)
			return
		}
		if r.PostForm.Get("as") == "eve" {
			http.Error(w, `user "eve" is unknown`, http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, "head.claims.mark")
	})
	status, _, body := sign(t, address, url.Values{"as": {"ada"}, "client": {"tv"}, "ttl": {"24h"}})
	var answer struct {
		Token string `json:"access_token"`
		In    int    `json:"expires_in"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != http.StatusOK || answer.Token != "head.claims.mark" || answer.In != 300 {
		t.Errorf("%d %s %v", status, body, err)
	}
	if want := (url.Values{"client": {"web"}, "as": {"ada"}, "ttl": {"5m0s"}}); asked.Encode() != want.Encode() {
		t.Errorf("the provider was asked %v: a form decides who, and nothing else", asked)
	}
	if status, _, body := sign(t, address, url.Values{"as": {"eve"}}); status != http.StatusBadRequest || !strings.Contains(body, "eve") {
		t.Errorf("%d %s", status, body)
	}
	if status, _, body := sign(t, address, url.Values{"who": {"ada"}}); status != http.StatusBadRequest || !strings.Contains(body, "as=ada") {
		t.Errorf("%d %s", status, body)
	}
	if status, _, body := sign(t, address, url.Values{"as": {strings.Repeat("a", maxForm)}}); status != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %s", status, body)
	}
}

func TestSignInFails(t *testing.T) {
	for name, test := range map[string]struct {
		provider http.HandlerFunc
		says     string
	}{
		"an error": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "secret reason", http.StatusInternalServerError)
		}, "500"},
		"no token": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, "not a token"},
		"too much": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "a.b."+strings.Repeat("c", maxToken))
		}, "not a token"},
		"elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere.invalid/", http.StatusFound)
		}, "302"},
		"cut": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "a.b.c")
		}, "broke off"},
	} {
		status, contentType, body := sign(t, serve(t, test.provider), url.Values{"as": {"ada"}})
		if status != http.StatusBadGateway || contentType != "application/problem+json" || !strings.Contains(body, test.says) || strings.Contains(body, "secret") {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	gone := httptest.NewServer(http.HandlerFunc(nobody))
	gone.Close()
	status, _, body := sign(t, serveBefore(t, gone.URL), url.Values{"as": {"ada"}})
	if status != http.StatusBadGateway || !strings.Contains(body, "cannot be reached") {
		t.Errorf("%d %s", status, body)
	}
}
