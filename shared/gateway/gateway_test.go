package gateway_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"github.com/triptych-bff/triptych/shared/aggregation"
	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/gateway"
	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// settings are those of a small gateway with one endpoint.
type settings struct{ gateway.Config }

func (s *settings) Endpoints() []aggregation.Endpoint {
	users, orders := aggregation.HTTP("users"), aggregation.HTTP("orders")
	me := aggregation.Claim("sub")
	return []aggregation.Endpoint{
		{
			Route: "GET /v1/home", Policy: "member", Limits: []string{"user"}, Budget: 5 * time.Second,
			Parts: []aggregation.Part{
				{Name: "user", From: users.Get("/users/{}", me), Mask: `{id,name}`},
				{Name: "orders", From: orders.Get("/orders", aggregation.Query{"user": me}), Mask: `{items[]{id}}`, Else: aggregation.Omit},
			},
		},
		{
			Route: "GET /v1/orders/{id}", Policy: "member", Budget: 5 * time.Second,
			Parts: []aggregation.Part{{Name: "order", From: orders.Get("/orders/{}", aggregation.PathParam("id"))}},
		},
		{
			Route: "GET /v1/broken", Policy: "member", Budget: 5 * time.Second,
			Parts:   []aggregation.Part{{Name: "user", From: users.Get("/users/{}", me)}},
			Compose: func([]byte, func(string) []byte) ([]byte, error) { panic("out of luck") },
		},
		{
			Route: "POST /v1/orders", Policy: "member", Budget: 5 * time.Second, Status: http.StatusCreated,
			Parts: []aggregation.Part{{Name: "order", From: orders.Post("/orders", aggregation.Fields{"user": me, "book": aggregation.BodyValue("book")})}},
		},
		{
			Route: "GET /v1/orders:latest", Policy: "member", Budget: 5 * time.Second,
			Parts: []aggregation.Part{{Name: "latest", From: orders.Get("/latest")}},
		},
	}
}

const document = `
server: {listen: 127.0.0.1:0, drain_timeout: 5s}
admin: {listen: 127.0.0.1:0}
auth:
  realm: example
  issuers:
    - {issuer: ISSUER, jwks: ISSUERkeys, audience: bff-example, clients: [app]}
policies:
  - {name: open, public: true}
  - name: member
    scopes: {any: ["orders:read"]}
limits:
  - {name: user, requests: 100, per: 1m, key: user}
upstreams:
  users: {url: USERS}
  orders: {url: ORDERS}
routes:
  - {path: /api/users/*, upstream: users, strip_prefix: /api, policy: member}
  - {path: /open/*, upstream: users, strip_prefix: /open, policy: open, methods: [GET]}
  - {path: /only/*, upstream: users, policy: open, methods: [GET], host: only.example}
`

// offline is the document with services that nobody can reach.
var offline = strings.NewReplacer("ISSUER", "http://127.0.0.1:1/", "USERS", "http://127.0.0.1:2", "ORDERS", "http://127.0.0.1:3").Replace(document)

func app(yaml string) gateway.App {
	return gateway.App{
		Name: "bff-example", Files: fstest.MapFS{"config.yaml": {Data: []byte(yaml)}},
		Settings: func() gateway.Settings { return new(settings) },
	}
}

// site is a running gateway with its services.
type site struct {
	*gatewaytest.Gateway
	issuer *gatewaytest.Issuer
	token  string
	file   string
	text   string
	orders *httptest.Server
}

func start(t *testing.T) *site {
	t.Helper()
	s := &site{issuer: gatewaytest.NewIssuer(t, "bff-example", "app")}
	users := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/early" {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusAccepted)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"id": strings.TrimPrefix(r.URL.Path, "/users/"), "name": "Ada", "seen": r.Header.Get("X-User-Id")})
	}))
	t.Cleanup(users.Close)
	orders := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			_, _ = io.Copy(w, r.Body)
			return
		}
		_, _ = w.Write([]byte(`{"items":[{"id":"` + r.URL.RequestURI() + `"}]}`))
	}))
	t.Cleanup(orders.Close)
	s.orders = orders
	s.text = strings.NewReplacer("ISSUER", s.issuer.URL, "USERS", users.URL, "ORDERS", orders.URL).Replace(document)
	s.file = filepath.Join(t.TempDir(), "bff.yaml")
	s.write(t, s.text)
	s.Gateway = gatewaytest.Run(t, app(""), gateway.Source{File: s.file})
	s.token = s.issuer.Token("ada", "orders:read")
	return s
}

func (s *site) write(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(s.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestScreen(t *testing.T) {
	s := start(t)
	a := s.Get("/v1/home", s.token)
	if want := `{"user":{"id":"ada","name":"Ada"},"orders":{"items":[{"id":"/orders?user=ada"}]},"_meta":{"completeness":"full"}}`; a.Status != 200 || string(a.Body) != want {
		t.Fatalf("status %d: %s", a.Status, a.Body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Cache-Control": "private, no-cache", "BFF-Completeness": "full",
		"RateLimit-Policy": `"user";q=100;w=60`, "Vary": "Accept-Encoding, Accept",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s: %q, not %q", name, got, want)
		}
	}
	tag := a.Header.Get("ETag")
	again := s.Get("/v1/home", s.token, "If-None-Match", `"x", `+tag)
	if again.Status != http.StatusNotModified || len(again.Body) > 0 || again.Header.Get("ETag") != tag {
		t.Errorf("an unchanged screen: status %d, %v", again.Status, again.Header)
	}
	head := s.Do(http.MethodHead, "/v1/home", s.token, nil)
	if head.Status != 200 || len(head.Body) > 0 || head.Header.Get("Content-Length") != a.Header.Get("Content-Length") {
		t.Errorf("HEAD: status %d, %v", head.Status, head.Header)
	}
	if a := s.Get("/v1/orders/a%20b", s.token); string(a.Body) != `{"order":{"items":[{"id":"/orders/a%20b"}]},"_meta":{"completeness":"full"}}` {
		t.Errorf("path parameter: %s", a.Body)
	}
	if a := s.Get("/v1/orders:latest", s.token); a.Status != 200 || !strings.Contains(string(a.Body), `"latest"`) {
		t.Errorf("a colon in a path: %d %s", a.Status, a.Body)
	}
	if a := s.Get("/v1/ordersXlatest", s.token); a.Status != 404 {
		t.Errorf("a colon in a pattern is taken for a parameter: %d %s", a.Status, a.Body)
	}
}

// TestAScreenThatChanges takes a body, and nobody keeps its answer.
func TestAScreenThatChanges(t *testing.T) {
	s := start(t)
	post := func(body string, header ...string) gatewaytest.Answer {
		return s.Do(http.MethodPost, "/v1/orders", s.token, []byte(body), header...)
	}
	const media = "application/json; charset=utf-8"
	a := post(`{"book":"b1"}`, "Content-Type", media, "If-None-Match", "*")
	want := `{"order":{"book":"b1","user":"ada"},"_meta":{"completeness":"full"}}`
	if a.Status != http.StatusCreated || string(a.Body) != want {
		t.Fatalf("status %d: %s", a.Status, a.Body)
	}
	if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("ETag") != "" {
		t.Errorf("an answer to a change can be kept: %v", a.Header)
	}
	for name, test := range map[string]struct {
		body   string
		header []string
		status int
	}{
		"no type":    {`{"book":"b1"}`, nil, http.StatusUnsupportedMediaType},
		"a form":     {`book=b1`, []string{"Content-Type", "application/x-www-form-urlencoded"}, http.StatusUnsupportedMediaType},
		"a coding":   {`{"book":"b1"}`, []string{"Content-Type", media, "Content-Encoding", "gzip"}, http.StatusUnsupportedMediaType},
		"no JSON":    {`{"book":`, []string{"Content-Type", media}, http.StatusBadRequest},
		"nothing":    {``, []string{"Content-Type", media}, http.StatusBadRequest},
		"no book":    {`{}`, []string{"Content-Type", media}, http.StatusBadRequest},
		"too long":   {`{"book":"` + strings.Repeat("b", 64<<10) + `"}`, []string{"Content-Type", media}, http.StatusRequestEntityTooLarge},
		"two values": {`{"book":"b1"}{"book":"b2"}`, []string{"Content-Type", media}, http.StatusBadRequest},
	} {
		if a := post(test.body, test.header...); a.Status != test.status || a.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: status %d, want %d: %s", name, a.Status, test.status, a.Body)
		}
	}
}

func TestRefusals(t *testing.T) {
	s := start(t)
	for _, test := range []struct {
		method, path, token string
		status              int
		code, header, value string
	}{
		{"GET", "/nowhere", s.token, 404, "no-route", "", ""},
		{"POST", "/v1/home", s.token, 405, "method-not-allowed", "Allow", "GET, HEAD, OPTIONS"},
		{"POST", "/v1/home/", s.token, 404, "no-route", "", ""},
		{"POST", "/only/x", s.token, 404, "no-route", "", ""},
		{"OPTIONS", "/v1/home", "", 204, "", "Allow", "GET, HEAD, OPTIONS"},
		{"OPTIONS", "/nowhere", "", 404, "no-route", "", ""},
		{"OPTIONS", "/only/x", "", 404, "no-route", "", ""},
		{"GET", "/v1/broken", s.token, 500, "internal", "Cache-Control", "no-store"},
		{"GET", "/v1/home", "", 401, "unauthenticated", "Www-Authenticate", `Bearer realm="example"`},
		{"GET", "/v1/home", s.issuer.Token("ada", "other"), 403, "insufficient-scope", "", ""},
		{"GET", "/api/users/..%2fadmin", s.token, 400, "invalid-path", "", ""},
		{"GET", "/open/users/ada", "garbage", 401, "invalid-token", "", ""},
		{"GET", "/open/users/ada", "", 200, "", "", ""},
	} {
		a := s.Do(test.method, test.path, test.token, nil)
		var p struct{ Code string }
		_ = json.Unmarshal(a.Body, &p)
		if a.Status != test.status || p.Code != test.code {
			t.Errorf("%s %s: %d %q: %s", test.method, test.path, a.Status, p.Code, a.Body)
		}
		if test.header != "" && !strings.Contains(a.Header.Get(test.header), test.value) {
			t.Errorf("%s %s: %s is %q", test.method, test.path, test.header, a.Header.Get(test.header))
		}
	}
}

// TestWhatTheLogSays and the client must not know.
func TestWhatTheLogSays(t *testing.T) {
	s := start(t)
	s.orders.Close()
	a := s.Get("/v1/home", s.token)
	if a.Status != http.StatusOK || a.Header.Get("BFF-Completeness") != `partial, missing=("orders")` || a.Header.Get("ETag") != "" {
		t.Fatalf("status %d, %v", a.Status, a.Header)
	}
	b := s.Get("/v1/orders/7", s.token)
	if b.Status != http.StatusBadGateway || b.Header.Get("RateLimit") != "" || b.Header.Get("Content-Encoding") != "" {
		t.Fatalf("status %d, %v", b.Status, b.Header)
	}
	address := s.orders.Listener.Addr().String()
	if text := string(a.Body) + string(b.Body); strings.Contains(text, address) || strings.Contains(text, "refused") {
		t.Errorf("the client learns where services are: %s", text)
	}
	until(t, "logged", func() bool { return strings.Count(s.Log.String(), `"msg":"request"`) == 2 })
	for _, want := range []string{
		`"missing":"orders","err":"part orders from orders: upstream orders: unreachable: dial tcp ` + address,
		`"code":"unreachable","err":"unreachable: A service that this answer needs cannot be reached.: part order from orders: `,
	} {
		if !strings.Contains(s.Log.String(), want) {
			t.Errorf("not logged: %s\n%s", want, s.Log)
		}
	}
}

// TestAPanicIsOneRequests and nobody else's.
func TestAPanicIsOneRequests(t *testing.T) {
	s := start(t)
	if a := s.Get("/v1/broken", s.token); a.Status != http.StatusInternalServerError || strings.Contains(string(a.Body), "luck") {
		t.Errorf("status %d: %s", a.Status, a.Body)
	}
	if a := s.Get("/v1/home", s.token); a.Status != http.StatusOK {
		t.Errorf("the next: status %d", a.Status)
	}
	if !strings.Contains(s.Log.String(), `"panic":"out of luck"`) {
		t.Errorf("not logged: %s", s.Log)
	}
}

// TestEarlyHintsPassThrough: they are no final answer.
func TestEarlyHintsPassThrough(t *testing.T) {
	s := start(t)
	if a := s.Get("/open/early", ""); a.Status != http.StatusAccepted {
		t.Errorf("status %d: %s", a.Status, a.Body)
	}
}

func TestWhatIsNotUsedIsAWarning(t *testing.T) {
	text := strings.Replace(offline, "limits:\n", "  - {name: member2, public: true}\nlimits:\n  - {name: usr, requests: 1}\n", 1)
	report, err := gateway.Check(app(text), gateway.Source{Set: []string{"screens=[GET /v1/broken]"}})
	if err != nil {
		t.Fatal(err)
	}
	got := report.Warnings.Error()
	for _, want := range []string{
		"policies[2]: nothing that is served uses this policy", "limits[0]: nothing that is served uses this limit",
		"limits[1]: nothing that is served uses this limit", "upstreams.orders: nothing that is served uses this upstream",
	} {
		if !strings.Contains(got, "built-in config.yaml:") || !strings.Contains(got, want) {
			t.Errorf("no warning %q in\n%s", want, got)
		}
	}
	if len(report.Warnings) != 4 {
		t.Errorf("%d warnings:\n%s", len(report.Warnings), got)
	}
}

// TestServicesSeeNoForgedIdentity: a client cannot tell a service who it is.
func TestServicesSeeNoForgedIdentity(t *testing.T) {
	s := start(t)
	for _, name := range []string{"X-User-Id", "X_User_Id", "x.user.id"} {
		if a := s.Get("/api/users/ada", s.token, name, "root"); strings.Contains(string(a.Body), "root") {
			t.Errorf("%s reached the service: %s", name, a.Body)
		}
	}
}

func TestReload(t *testing.T) {
	s := start(t)
	if a := s.Get("/new/users/ben", s.token); a.Status != 404 {
		t.Fatal(a.Status)
	}
	s.write(t, s.text+"  - {path: /new/*, upstream: users, strip_prefix: /new, policy: member}\n")
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	if a := s.Get("/new/users/ben", s.token); a.Status != 200 {
		t.Errorf("status %d: %s", a.Status, a.Body)
	}
	for want, text := range map[string]string{
		"takes effect only with a restart": strings.Replace(s.text, "drain_timeout: 5s", "drain_timeout: 6s", 1),
		"did you mean":                     strings.Replace(s.text, "upstreams:", "upstream:", 1),
		"no such file":                     "",
	} {
		if text == "" {
			_ = os.Remove(s.file)
		} else {
			s.write(t, text)
		}
		if err := s.Reload(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		if a := s.Get("/new/users/ben", s.token); a.Status != 200 {
			t.Errorf("after a failed reload: status %d", a.Status)
		}
	}
}

func TestFaultsOfAConfiguration(t *testing.T) {
	base := offline
	for want, edit := range map[string][2]string{
		`routes[0].upstream: no upstream is named "user"; did you mean "users"?`:     {"upstream: users, strip_prefix: /api", "upstream: user, strip_prefix: /api"},
		`routes[0].policy: no policy is named "members"; did you mean "member"?`:     {"/api, policy: member", "/api, policy: members"},
		`routes[0].policy: is required`:                                              {", strip_prefix: /api, policy: member", ", strip_prefix: /api"},
		`policies[1].name: "open" stands twice`:                                      {"- name: member", "- name: open"},
		`screens[0]: no screen is named "GET /v1/hom"; did you mean "GET /v1/home"?`: {"routes:", "screens: [GET /v1/hom]\nroutes:"},
		`routes[0] and routes[1]:`:                                                   {"/open/*, upstream: users, strip_prefix: /open", "/api/users/*, upstream: users, strip_prefix: /api"},
		`screen GET /v1/home: no policy is named "member"`:                           {"- name: member", "- name: other"},
		`upstreams.users.descriptors:`:                                               {"users: {url: http://127.0.0.1:2}", "users: {grpc: 127.0.0.1:2, descriptors: nowhere.binpb}"},
		`strip_prefix`:                                                               {"strip_prefix: /api", "strip_prefix: api"},
	} {
		text := strings.Replace(base, edit[0], edit[1], 1)
		if text == base {
			t.Fatalf("%q is not in the document", edit[0])
		}
		_, err := gateway.Check(app(text), gateway.Source{})
		faults, ok := err.(config.Faults)
		if !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v\nwant %s", err, want)
			continue
		}
		for _, f := range faults {
			if f.File == "" {
				t.Errorf("%v: no file", f)
			}
		}
	}
	if _, err := gateway.Check(app(base), gateway.Source{}); err != nil {
		t.Errorf("the document itself: %v", err)
	}
}

func TestAScreenWhoseServiceIsNotConfigured(t *testing.T) {
	text := strings.NewReplacer("ISSUER", "http://127.0.0.1:1/", "USERS", "http://127.0.0.1:2", "  orders: {url: ORDERS}\n", "").Replace(document)
	report, err := gateway.Check(app(text), gateway.Source{})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Routes) != 4 || len(report.Notes) != 4 || !strings.Contains(report.Notes[0], "orders") {
		t.Errorf("%+v", report)
	}
	none := gateway.Source{Set: []string{"screens=[]"}}
	if report, err = gateway.Check(app(text), none); err != nil || len(report.Notes) != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestReference(t *testing.T) {
	const file = "CONFIGURATION.md"
	want := "# Configuration\n\nEvery key of a gateway's configuration. Generated: TRIPTYCH_UPDATE=1 go test ./shared/gateway writes it anew.\n\n" +
		config.Markdown(config.Reference(new(gateway.Config)))
	if os.Getenv("TRIPTYCH_UPDATE") != "" {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("%s is not what the code says (%v); with TRIPTYCH_UPDATE=1 this test writes it anew", file, err)
	}
}
