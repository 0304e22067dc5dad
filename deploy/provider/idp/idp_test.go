package idp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // the library tells every refusal
	os.Exit(m.Run())
}

// A clock can be moved; tests do not wait.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A world is a running provider and a browser without redirects.
type world struct {
	*testing.T
	issuer  string
	clock   *clock
	browser *http.Client
}

func start(t *testing.T) *world {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	w := &world{T: t, issuer: "http://" + server.Listener.Addr().String() + "/", clock: &clock{now: time.Now()}}
	provider, err := New(Config{Issuer: w.issuer, Now: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = provider
	server.Start()
	t.Cleanup(server.Close)
	jar, _ := cookiejar.New(nil)
	w.browser = &http.Client{
		Transport: server.Client().Transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return w
}

func (w *world) phone() oauth2.Config {
	return oauth2.Config{
		ClientID: "phone-app", RedirectURL: "http://127.0.0.1:4711/callback",
		Scopes:   []string{"openid", "profile", "offline_access", "films:read", "root"},
		Endpoint: oauth2.Endpoint{AuthURL: w.issuer + "authorize", TokenURL: w.issuer + "oauth/token", AuthStyle: oauth2.AuthStyleInParams},
	}
}

func (w *world) tv() oauth2.Config {
	return oauth2.Config{
		ClientID: "tv-app", ClientSecret: "tv-app-secret",
		Scopes: []string{"openid", "offline_access", "films:read", "root"},
		Endpoint: oauth2.Endpoint{
			DeviceAuthURL: w.issuer + "device_authorization", TokenURL: w.issuer + "oauth/token", AuthStyle: oauth2.AuthStyleInHeader,
		},
	}
}

// page asks as the browser and returns status, body and the address of a redirect.
func (w *world) page(method, address string, form url.Values) (status int, body, location string) {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		w.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := w.browser.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header.Get("Location")
}

func (w *world) absolute(location string) string {
	if strings.HasPrefix(location, "/") {
		return strings.TrimSuffix(w.issuer, "/") + location
	}
	return location
}

// signIn goes the way of a person: redirect, form, name, redirect. It returns the
// address at the application.
func (w *world) signIn(authorize, user string) *url.URL {
	w.Helper()
	status, _, login := w.page("GET", authorize, nil)
	if status != http.StatusFound || !strings.HasPrefix(login, "/login?") {
		w.Fatalf("authorize: %d to %q, want the login page", status, login)
	}
	_, form, _ := w.page("GET", w.absolute(login), nil)
	if !strings.Contains(form, "there are no passwords") {
		w.Fatalf("the login page does not say that there are no passwords:\n%s", form)
	}
	id := regexp.MustCompile(`name="request" value="([^"]+)"`).FindStringSubmatch(form)
	if id == nil {
		w.Fatalf("no request in the form:\n%s", form)
	}
	_, _, next := w.page("POST", w.issuer+"login", url.Values{"request": {id[1]}, "user": {user}})
	_, _, back := w.page("GET", w.absolute(next), nil)
	u, err := url.Parse(back)
	if err != nil {
		w.Fatal(err)
	}
	return u
}

// login signs a user in to the phone app, by code and PKCE.
func (w *world) login(user string) *oauth2.Token {
	w.Helper()
	c, verifier := w.phone(), oauth2.GenerateVerifier()
	back := w.signIn(c.AuthCodeURL("xyz", oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("nonce", "n1")), user)
	if got := back.Query().Get("state"); got != "xyz" {
		w.Fatalf("state %q came back: %s", got, back)
	}
	token, err := c.Exchange(w.Context(), back.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		w.Fatal(err)
	}
	return token
}

func (w *world) refresh(c oauth2.Config, token string) (*oauth2.Token, error) {
	return c.TokenSource(w.Context(), &oauth2.Token{RefreshToken: token}).Token()
}

// wantRefused fails unless err is the OAuth error with this code.
func (w *world) wantRefused(err error, code string) {
	w.Helper()
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.ErrorCode != code {
		w.Fatalf("got %v, want %s", err, code)
	}
}

// verify checks a token against /keys, with another library than the one that signed.
func (w *world) verify(token string) (jwt.MapClaims, error) {
	w.Helper()
	_, body, _ := w.page("GET", w.issuer+"keys", nil)
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(body), &set); err != nil {
		w.Fatal(err)
	}
	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		for _, key := range set.Key(t.Header["kid"].(string)) {
			return key.Key, nil
		}
		return nil, fmt.Errorf("no key %v", t.Header["kid"])
	}, jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(w.issuer), jwt.WithExpirationRequired())
	return claims, err
}

func (w *world) mustVerify(token string) jwt.MapClaims {
	w.Helper()
	claims, err := w.verify(token)
	if err != nil {
		w.Fatal(err)
	}
	return claims
}

func (w *world) userinfo(token string) int {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), "GET", w.issuer+"userinfo", http.NoBody)
	if err != nil {
		w.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := w.browser.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func (w *world) dev(path string, form url.Values) (int, string) {
	w.Helper()
	status, body, _ := w.page("POST", w.issuer+path, form)
	return status, body
}

func TestCodeFlow(t *testing.T) {
	w := start(t)
	token := w.login("ada")
	access := w.mustVerify(token.AccessToken)
	want := map[string]any{
		"iss": w.issuer, "sub": "ada", "client_id": "phone-app", "aud": []any{"phone-app", "bff-mobile"},
		"scope": "openid profile offline_access films:read",
	}
	for name, value := range want {
		if diff := cmp.Diff(value, access[name]); diff != "" {
			t.Errorf("access token, %s (-want +got):\n%s", name, diff)
		}
	}
	if ttl := access["exp"].(float64) - access["iat"].(float64); ttl < 299 || ttl > 301 {
		t.Errorf("the access token is good for %v s, want 300", ttl)
	}
	id := w.mustVerify(token.Extra("id_token").(string))
	if id["nonce"] != "n1" || id["name"] != "Ada Morgenstern" || id["sub"] != "ada" || id["sid"] == "" || id["sid"] != access["sid"] {
		t.Errorf("ID token: %v", id)
	}
	if access["jti"] == nil || access["nonce"] != nil {
		t.Errorf("access token without jti, or with a nonce: %v", access)
	}
	if status := w.userinfo(token.AccessToken); status != http.StatusOK {
		t.Errorf("userinfo: %d", status)
	}
	w.clock.advance(6 * time.Minute)
	if status := w.userinfo(token.AccessToken); status != http.StatusForbidden {
		t.Errorf("userinfo with an expired token: %d", status)
	}
}

func TestAuthorizeDemandsPKCE(t *testing.T) {
	w := start(t)
	c := w.phone()
	for name, options := range map[string][]oauth2.AuthCodeOption{
		"no challenge": nil,
		"plain":        {oauth2.SetAuthURLParam("code_challenge", strings.Repeat("a", 43)), oauth2.SetAuthURLParam("code_challenge_method", "plain")},
		"no method":    {oauth2.SetAuthURLParam("code_challenge", strings.Repeat("a", 43))},
	} {
		_, _, back := w.page("GET", c.AuthCodeURL("s", options...), nil)
		if !strings.HasPrefix(back, c.RedirectURL+"?error=invalid_request") {
			t.Errorf("%s: sent to %q, want invalid_request", name, back)
		}
	}
	_, _, back := w.page("GET", c.AuthCodeURL("s", oauth2.S256ChallengeOption("v"), oauth2.SetAuthURLParam("prompt", "none")), nil)
	if !strings.Contains(back, "error=login_required") {
		t.Errorf("prompt=none: sent to %q", back)
	}
}

func TestCodeIsGoodOnce(t *testing.T) {
	w := start(t)
	c, verifier := w.phone(), oauth2.GenerateVerifier()
	code := w.signIn(c.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier)), "ben").Query().Get("code")
	_, err := c.Exchange(t.Context(), code, oauth2.VerifierOption(oauth2.GenerateVerifier()))
	w.wantRefused(err, "invalid_grant")
	token, err := c.Exchange(t.Context(), code, oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatalf("a wrong verifier must not use the code up: %v", err)
	}
	_, err = c.Exchange(t.Context(), code, oauth2.VerifierOption(verifier))
	w.wantRefused(err, "invalid_grant")
	if status := w.userinfo(token.AccessToken); status != http.StatusForbidden {
		t.Errorf("a code that comes twice must end the session; userinfo: %d", status)
	}
}

func TestCodeExchangesRace(t *testing.T) {
	w := start(t)
	c, verifier := w.phone(), oauth2.GenerateVerifier()
	code := w.signIn(c.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier)), "ben").Query().Get("code")
	if got := atOnce(10, func() error {
		_, err := c.Exchange(t.Context(), code, oauth2.VerifierOption(verifier))
		return err
	}); got != 1 {
		t.Errorf("%d of 10 exchanges at once succeeded, want 1", got)
	}
}

// atOnce counts how many of n calls at the same time succeed.
func atOnce(n int, call func() error) int {
	var group sync.WaitGroup
	var mu sync.Mutex
	succeeded := 0
	for range n {
		group.Go(func() {
			if call() == nil {
				mu.Lock()
				defer mu.Unlock()
				succeeded++
			}
		})
	}
	group.Wait()
	return succeeded
}

func TestRefreshRotates(t *testing.T) {
	w := start(t)
	first := w.login("cleo")
	second, err := w.refresh(w.phone(), first.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if second.RefreshToken == first.RefreshToken || second.AccessToken == first.AccessToken {
		t.Error("the refresh token does not rotate")
	}
	if a, b := w.mustVerify(first.AccessToken)["sid"], w.mustVerify(second.AccessToken)["sid"]; a != b {
		t.Errorf("sid changed from %v to %v", a, b)
	}
	_, err = w.refresh(w.phone(), first.RefreshToken)
	w.wantRefused(err, "invalid_grant")
	_, err = w.refresh(w.phone(), second.RefreshToken) // the whole family is gone
	w.wantRefused(err, "invalid_grant")
	if status := w.userinfo(second.AccessToken); status != http.StatusForbidden {
		t.Errorf("userinfo after the family was revoked: %d", status)
	}
}

func TestRefreshesRace(t *testing.T) {
	w := start(t)
	token := w.login("ada").RefreshToken
	if got := atOnce(20, func() error { _, err := w.refresh(w.phone(), token); return err }); got != 1 {
		t.Errorf("%d of 20 refreshes at once succeeded, want 1", got)
	}
}

func TestRefreshNarrowsScope(t *testing.T) {
	w := start(t)
	token := w.login("ada")
	narrow := func(scope, refresh string) (int, string) {
		return w.dev("oauth/token", url.Values{
			"grant_type": {"refresh_token"}, "client_id": {"phone-app"}, "refresh_token": {refresh}, "scope": {scope},
		})
	}
	if status, body := narrow("orders:read", token.RefreshToken); status != http.StatusBadRequest || !strings.Contains(body, "invalid_scope") {
		t.Errorf("a scope that was never granted: %d %s", status, body)
	}
	_, body := narrow("films:read", token.RefreshToken)
	var answer struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err, body)
	}
	if got := w.mustVerify(answer.Access)["scope"]; got != "films:read" {
		t.Errorf("scope %v, want films:read", got)
	}
	wide, err := w.refresh(w.phone(), answer.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.mustVerify(wide.AccessToken)["scope"]; got != "openid profile offline_access films:read" {
		t.Errorf("the next access token has scope %v, want all that was granted", got)
	}
}

func TestRevoke(t *testing.T) {
	w := start(t)
	token := w.login("ada")
	if status, body := w.dev("revoke", url.Values{"client_id": {"phone-app"}, "token": {token.RefreshToken}}); status != http.StatusOK {
		t.Fatalf("revoke: %d %s", status, body)
	}
	_, err := w.refresh(w.phone(), token.RefreshToken)
	w.wantRefused(err, "invalid_grant")
	if status := w.userinfo(token.AccessToken); status != http.StatusForbidden {
		t.Errorf("userinfo after revocation: %d", status)
	}
}

func TestEndSession(t *testing.T) {
	w := start(t)
	mine, other := w.login("ada"), w.login("ada")
	_, _, back := w.page("GET", w.issuer+"end_session?"+url.Values{
		"id_token_hint": {mine.Extra("id_token").(string)}, "post_logout_redirect_uri": {"filmstore://signed-out"}, "state": {"s"},
	}.Encode(), nil)
	if back != "filmstore://signed-out?state=s" {
		t.Errorf("sent to %q", back)
	}
	_, err := w.refresh(w.phone(), mine.RefreshToken)
	w.wantRefused(err, "invalid_grant")
	if _, err := w.refresh(w.phone(), other.RefreshToken); err != nil {
		t.Errorf("the user's other session has ended too: %v", err)
	}
}

// poll asks once for the tokens of a device.
func (w *world) poll(deviceCode string) (int, string) {
	w.Helper()
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {deviceCode}}
	req, err := http.NewRequestWithContext(w.Context(), "POST", w.issuer+"oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		w.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth("tv-app", "tv-app-secret")
	resp, err := w.browser.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Error  string `json:"error"`
		Access string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		w.Fatal(err)
	}
	return resp.StatusCode, answer.Error + answer.Access
}

func (w *world) wantPoll(deviceCode, want string) {
	w.Helper()
	if _, got := w.poll(deviceCode); got != want {
		w.Fatalf("poll: %q, want %q", got, want)
	}
}

func TestDeviceFlow(t *testing.T) {
	w := start(t)
	c := w.tv()
	device, err := c.DeviceAuth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if device.Interval != 5 || device.VerificationURI != w.issuer+"device" || !strings.HasSuffix(device.VerificationURIComplete, device.UserCode) {
		t.Errorf("device authorization: %+v", device)
	}
	w.wantPoll(device.DeviceCode, "authorization_pending")
	w.clock.advance(4 * time.Second)
	w.wantPoll(device.DeviceCode, "slow_down")
	w.clock.advance(4 * time.Second)
	w.wantPoll(device.DeviceCode, "slow_down") // counted from the last poll, not from the last good one
	w.clock.advance(5 * time.Second)
	w.wantPoll(device.DeviceCode, "authorization_pending")

	_, form, _ := w.page("GET", device.VerificationURIComplete, nil)
	if !strings.Contains(form, `value="`+device.UserCode+`"`) {
		t.Errorf("the code is not in the form:\n%s", form)
	}
	typed := strings.ToLower(strings.ReplaceAll(device.UserCode, "-", " "))
	if status, page := w.dev("device", url.Values{"user_code": {typed}, "user": {"ben"}}); status != http.StatusOK {
		t.Fatalf("connect: %d\n%s", status, page)
	}
	w.clock.advance(5 * time.Second)
	token, err := c.Exchange(t.Context(), "", oauth2.SetAuthURLParam("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
		oauth2.SetAuthURLParam("device_code", device.DeviceCode))
	if err != nil {
		t.Fatal(err)
	}
	claims := w.mustVerify(token.AccessToken)
	if claims["sub"] != "ben" || claims["scope"] != "openid offline_access films:read" || claims["sid"] == "" || claims["client_id"] != "tv-app" {
		t.Errorf("access token: %v", claims)
	}
	if id := w.mustVerify(token.Extra("id_token").(string)); id["sid"] != claims["sid"] || id["sub"] != "ben" {
		t.Errorf("ID token: %v", id)
	}
	next, err := w.refresh(c, token.RefreshToken)
	if err != nil {
		t.Fatalf("a device's refresh token: %v", err)
	}
	if got := w.mustVerify(next.AccessToken)["sid"]; got != claims["sid"] {
		t.Errorf("sid changed from %v to %v", claims["sid"], got)
	}
	w.clock.advance(5 * time.Second)
	w.wantPoll(device.DeviceCode, "access_denied") // used up
}

func TestDeviceIsDenied(t *testing.T) {
	w := start(t)
	c := w.tv()
	device, err := c.DeviceAuth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.dev("device", url.Values{"user_code": {device.UserCode}, "deny": {"yes"}})
	w.wantPoll(device.DeviceCode, "access_denied")
	if status, _ := w.dev("device", url.Values{"user_code": {device.UserCode}, "user": {"ada"}}); status != http.StatusBadRequest {
		t.Errorf("a denied code could be connected: %d", status)
	}
}

func TestDeviceNeedsItsSecret(t *testing.T) {
	w := start(t)
	c := w.tv()
	device, err := c.DeviceAuth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.dev("device", url.Values{"user_code": {device.UserCode}, "user": {"ada"}})
	status, body := w.dev("oauth/token", url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {device.DeviceCode}, "client_id": {"tv-app"},
	})
	if status != http.StatusUnauthorized {
		t.Errorf("without a secret: %d %s", status, body)
	}
	w.clock.advance(5 * time.Second)
	if status, got := w.poll(device.DeviceCode); status != http.StatusOK {
		t.Errorf("a refused poll has used the code up: %s", got)
	}
}

func TestDevToken(t *testing.T) {
	w := start(t)
	for client, audience := range map[string]string{"mobile": "bff-mobile", "web": "bff-web", "tv": "bff-tv"} {
		status, token := w.dev("dev/token", url.Values{"client": {client}, "as": {"ada"}, "ttl": {"1m"}})
		if status != http.StatusOK {
			t.Fatal(status, token)
		}
		claims := w.mustVerify(token)
		if aud, _ := claims.GetAudience(); !slices.Contains(aud, audience) || len(aud) != 2 {
			t.Errorf("%s: audience %v", client, aud)
		}
		if claims["sub"] != "ada" || claims["scope"] != "films:read profile:read orders:read orders:write" || claims["exp"].(float64)-claims["iat"].(float64) > 61 {
			t.Errorf("%s: %v", client, claims)
		}
		if status := w.userinfo(token); status != http.StatusOK {
			t.Errorf("%s: the provider does not know its own token: %d", client, status)
		}
	}
	_, expired := w.dev("dev/token", url.Values{"client": {"tv"}, "as": {"ada"}, "ttl": {"-1m"}})
	if _, err := w.verify(expired); err == nil {
		t.Error("a token with a ttl of -1m verifies")
	}
	_, narrow := w.dev("dev/token", url.Values{"client": {"tv"}, "as": {"ada"}, "scope": {"films:read"}})
	if got := w.mustVerify(narrow)["scope"]; got != "films:read" {
		t.Errorf("scope %v", got)
	}
	for _, bad := range []url.Values{
		{"client": {"fridge"}, "as": {"ada"}},
		{"client": {"tv"}, "as": {"eve"}},
		{"client": {"tv"}, "as": {"ada"}, "ttl": {"25h"}},
		{"client": {"tv"}, "as": {"ada"}, "scope": {"films:write"}},
	} {
		if status, body := w.dev("dev/token", bad); status != http.StatusBadRequest || strings.Count(body, ".") > 1 {
			t.Errorf("%v: %d %s", bad, status, body)
		}
	}
}

func TestRotate(t *testing.T) {
	w := start(t)
	_, token := w.dev("dev/token", url.Values{"client": {"web"}, "as": {"ada"}})
	w.dev("dev/rotate", nil)
	if _, err := w.verify(token); err != nil {
		t.Errorf("after one rotation: %v", err)
	}
	if status := w.userinfo(token); status != http.StatusOK {
		t.Errorf("userinfo after one rotation: %d", status)
	}
	_, fresh := w.dev("dev/token", url.Values{"client": {"web"}, "as": {"ada"}})
	w.dev("dev/rotate", nil)
	if _, err := w.verify(token); err == nil {
		t.Error("after two rotations the token still verifies")
	}
	if status := w.userinfo(token); status != http.StatusUnauthorized {
		t.Errorf("userinfo after two rotations: %d", status)
	}
	w.mustVerify(fresh)
}

func TestOtherOriginsAndHostsAreRefused(t *testing.T) {
	w := start(t)
	ask := func(change func(*http.Request)) int {
		req := httptest.NewRequestWithContext(t.Context(), "POST", w.issuer+"dev/token?client=tv&as=ada", http.NoBody)
		req.RequestURI = ""
		change(req)
		resp, err := w.browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if got := ask(func(*http.Request) {}); got != http.StatusOK {
		t.Errorf("the provider itself: %d", got)
	}
	if got := ask(func(r *http.Request) { r.Host = "evil.example" }); got != http.StatusMisdirectedRequest {
		t.Errorf("another host: %d", got)
	}
	if got := ask(func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }); got != http.StatusForbidden {
		t.Errorf("another origin: %d", got)
	}
}

func TestSweepForgets(t *testing.T) {
	w := start(t)
	w.login("ada")
	provider, err := New(Config{Issuer: w.issuer, Now: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	s := provider.store
	s.devGrant(s.clients["tv-app"], "ada", nil)
	if _, _, _, err := s.CreateAccessAndRefreshTokens(t.Context(), &devRequest{grant: s.devGrant(s.clients["tv-app"], "ada", nil)}, ""); err != nil {
		t.Fatal(err)
	}
	w.clock.advance(sessionLifetime + time.Minute)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	if n := len(s.sessions) + len(s.access) + len(s.refresh); n != 0 {
		t.Errorf("%d expired entries are still there", n)
	}
}
