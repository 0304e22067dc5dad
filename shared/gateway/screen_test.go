package gateway_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/triptych-bff/triptych/shared/gateway"
	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

// TestWhatServicesSayOfTheirAnswers reaches the client as far as it may.
func TestWhatServicesSayOfTheirAnswers(t *testing.T) {
	l := open(t).willing()
	l.users.says(http.StatusOK, `{}`, "Cache-Control", "max-age=60", "Vary", "X-Shelf", "Set-Cookie", "taste=sweet; Path=/", "Set-Cookie", "track=1")
	a := l.Get("/v1/cookie", "")
	for name, want := range map[string]string{
		"Cache-Control": "private, max-age=60", "Vary": "Accept-Encoding, X-Shelf, Accept-Language", "Bff-Completeness": "full",
		"Set-Cookie": "taste=sweet; Path=/", "Server-Timing": "",
	} {
		if got := strings.Join(a.Header[name], "|"); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if a.Header.Get("Etag") == "" {
		t.Error("no ETag")
	}
	if a := l.Get("/v1/cookie", "", "Accept", "application/x-ndjson"); a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("a screen that sets cookies is streamed: %v", a.Header)
	}
}

// TestAPartialAnswerIsNotKept and the log says what it lacks, and how.
func TestAPartialAnswerIsNotKept(t *testing.T) {
	l := open(t).willing()
	l.orders.says(http.StatusInternalServerError, "")
	l.picks.says(http.StatusInternalServerError, "")
	a := l.Get("/v1/page", "")
	if got := a.Header.Get("BFF-Completeness"); got != `partial, missing=("orders"), default=("picks")` {
		t.Errorf("%q: %s", got, a.Body)
	}
	if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Etag") != "" {
		t.Errorf("it can be kept: %v", a.Header)
	}
	until(t, "logged", func() bool { return strings.Contains(l.Log.String(), `"missing":"orders,picks:default"`) })
}

// TestFields: what is not chosen is not called.
func TestFields(t *testing.T) {
	l := open(t, "requests: 12", "requests: 1000").willing()
	if a := l.Get("/v1/page?page=3&fields=orders,user(name)", ""); string(a.Body) != `{"user":{"name":"Ada"},"orders":{"items":[7]},"_meta":{"completeness":"full"}}` {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if l.users.called() != 1 || l.picks.called() != 0 {
		t.Error("the calls are not those that were chosen")
	}
	if uri := l.orders.next().RequestURI; uri != "/orders?page=3" {
		t.Errorf("orders was asked for %s", uri)
	}
	for query, want := range map[string]string{
		"fields=nobody":                        "bad-request ?fields=nobody",
		"fields=user(age)":                     "bad-request ?fields=user/age",
		"fields=":                              "bad-request ?fields",
		"fields=user&%66ields=orders":          "bad-request ?fields",
		"fields=" + strings.Repeat("x", 3<<10): "bad-request ?fields",
		"fields=user(":                         "bad-request ?fields",
	} {
		if a := l.Get("/v1/page?"+query, ""); a.Status != http.StatusBadRequest || fault(a) != want {
			t.Errorf("%s: %d %s", query, a.Status, a.Body)
		}
	}
	if n := l.users.called() + l.orders.called() + l.picks.called(); n != 0 {
		t.Errorf("%d calls for what was refused", n)
	}
	if a := l.Get("/v1/pages/7?fields=nobody&fields=user", ""); a.Status != http.StatusOK || !strings.Contains(string(a.Body), `"orders"`) {
		t.Errorf("a screen that does not let clients choose: %d %s", a.Status, a.Body)
	}
}

// lacking asks for a screen while orders fails, and returns the link to repair it.
func (l *library) lacking(path, token string) string {
	l.t.Helper()
	l.orders.says(http.StatusInternalServerError, "")
	a := l.Get(path, token)
	for _, f := range flaws(l.t, a.Body) {
		if f.Part == "orders" && f.Repair != "" {
			l.users.called()
			l.orders.called()
			l.picks.called()
			l.orders.says(http.StatusOK, `{"items":[7]}`)
			return f.Repair
		}
	}
	l.t.Fatalf("no link: %s", a.Body)
	return ""
}

const repaired = `{"orders":{"items":[7]},"_meta":{"completeness":"full"}}`

func TestRepair(t *testing.T) {
	l := open(t, "requests: 12", "requests: 1000").willing()
	ada := l.issuer.Token("ada")
	for _, path := range []string{"/v1/page", "/v1/page?page=2", "/v1/page?fields=orders,user(name)", "/v1/pages/a%20b?x=%2f&&y"} {
		link := l.lacking(path, ada)
		if !strings.HasPrefix(link, path) {
			t.Errorf("%s is repaired by %s", path, link)
		}
		a := l.Get(link, ada)
		if string(a.Body) != repaired || a.Header.Get("Etag") == "" {
			t.Errorf("%s: %d %s %v", link, a.Status, a.Body, a.Header)
		}
		if l.users.called()+l.picks.called() != 0 {
			t.Error("more was called than the link is for")
		}
		if got, want := l.orders.next().RequestURI, "/orders?page=1"; got != want && path != "/v1/page?page=2" {
			t.Errorf("orders was asked for %s", got)
		}
		if head := l.Do(http.MethodHead, link, ada, nil); head.Status != http.StatusOK {
			t.Errorf("HEAD: %d", head.Status)
		}
	}
	// One that fails again has a link of its own, without the one before.
	link := l.lacking("/v1/page", ada)
	l.orders.says(http.StatusInternalServerError, "")
	if a := l.Get(link, ada); a.Status != http.StatusBadGateway || a.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("nothing that could be repaired: %d %s", a.Status, a.Body)
	}
}

func TestRepairOfAnotherPlace(t *testing.T) {
	l := open(t, "requests: 12", "requests: 1000").willing()
	ada := l.issuer.Token("ada")
	link := l.lacking("/v1/page?page=2", ada)
	token := link[strings.LastIndex(link, "=")+1:]
	changed := []byte(token)
	changed[20]++
	for name, test := range map[string]struct{ target, token string }{
		"another user":    {link, l.issuer.Token("ben")},
		"nobody":          {link, ""},
		"another query":   {"/v1/page?page=3&repair=" + token, ada},
		"another order":   {"/v1/page?repair=" + token + "&page=2&x", ada},
		"another path":    {"/v1/pages/7?page=2&repair=" + token, ada},
		"chosen fields":   {"/v1/page?page=2&fields=user&repair=" + token, ada},
		"two":             {link + "&repair=" + token, ada},
		"changed":         {"/v1/page?page=2&repair=" + string(changed), ada},
		"empty":           {"/v1/page?page=2&repair=", ada},
		"a name":          {"/v1/page?page=2&repair=orders", ada},
		"endless":         {"/v1/page?page=2&repair=" + strings.Repeat("A", 7000), ada},
		"an anonymous's":  {l.lacking("/v1/page", ""), ada},
		"of other escape": {"/v1/page?page=%32&repair=" + token, ada},
	} {
		if a := l.Get(test.target, test.token); a.Status != http.StatusBadRequest || fault(a) != "bad-request ?repair" {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	if n := l.users.called() + l.orders.called() + l.picks.called(); n != 0 {
		t.Errorf("%d calls for what was refused", n)
	}
	// The same parameter of a screen that has no links is as any unknown one.
	if a := l.Get("/v1/composed?repair=x", ""); a.Status != http.StatusOK {
		t.Errorf("composed: %d %s", a.Status, a.Body)
	}
}

const linkKeys = "links: {keys: [{env: LINK_KEY}]}\nroutes:"

// TestReplicasKnowEachOthersLinks if they have the same keys.
func TestReplicasKnowEachOthersLinks(t *testing.T) {
	l := open(t).willing()
	replica := func(edits ...string) *gatewaytest.Gateway {
		return gatewaytest.Run(t, pagesApp(edits...), gateway.Source{
			Environ: []string{"LINK_KEY=" + strings.Repeat("k", 32)},
			Set:     []string{"upstreams.users.url=" + l.users.URL, "upstreams.orders.url=" + l.orders.URL, "server.listen=127.0.0.1:0", "admin.listen=127.0.0.1:0"},
		})
	}
	first, second, stranger := replica("routes:", linkKeys), replica("routes:", linkKeys), replica()
	l.Gateway = first
	link := l.lacking("/v1/pages/7", "")
	for _, g := range []*gatewaytest.Gateway{first, second} {
		if a := g.Get(link, ""); string(a.Body) != repaired {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	}
	if a := stranger.Get(link, ""); a.Status != http.StatusBadRequest {
		t.Errorf("a replica with another key: %d %s", a.Status, a.Body)
	}
}

func TestFaultsOfWhatScreensHave(t *testing.T) {
	for want, edits := range map[string][]string{
		"links.keys[0]: has 1 bytes":                  {"routes:", linkKeys},
		"links.for: must be from 1s to 24h":           {"routes:", "links: {for: 0s}\nroutes:"},
		`server_timing: no policy is named "nobody"`:  {"server_timing: staff", "server_timing: nobody"},
		"limits[0].charge: must be requests or calls": {"charge: calls", "charge: kilometres"},
	} {
		if _, err := gateway.Check(pagesApp(edits...), gateway.Source{Environ: []string{"LINK_KEY=k"}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if report, err := gateway.Check(pagesApp(), gateway.Source{}); err != nil || len(report.Warnings) > 0 {
		t.Errorf("the document itself: %v, %v", err, report)
	}
}

// TestALimitThatCountsCalls charges a screen what it may call, and what passes
// through 1.
func TestALimitThatCountsCalls(t *testing.T) {
	l := open(t).willing()
	for _, step := range []struct{ path, left string }{
		{"/v1/page", `"calls";r=9;`},
		{"/v1/page?fields=user", `"calls";r=6;`}, // the whole plan's cost
		{"/through/user", `"calls";r=5;`},
		{"/v1/page", `"calls";r=2;`},
	} {
		if a := l.Get(step.path, ""); a.Status != http.StatusOK || !strings.HasPrefix(a.Header.Get("RateLimit"), step.left) {
			t.Errorf("%s: %d %q, want %s", step.path, a.Status, a.Header.Get("RateLimit"), step.left)
		}
	}
	l.users.called()
	if a := l.Get("/v1/page", ""); a.Status != http.StatusTooManyRequests || l.users.called() != 0 || !strings.Contains(string(a.Body), "calls: 12 calls per 1h") {
		t.Errorf("beyond it: %d %s", a.Status, a.Body)
	}
}

// TestTimingIsForThosePolicyNames and for nobody where none is named.
func TestTimingIsForThosePolicyNames(t *testing.T) {
	l := open(t).willing()
	staff := l.issuer.Token("ada", "staff")
	metrics := regexp.MustCompile(`^user;dur=[0-9.]+, orders;dur=[0-9.]+, picks;dur=[0-9.]+$`)
	if a := l.Get("/v1/page", staff); !metrics.MatchString(a.Header.Get("Server-Timing")) {
		t.Errorf("staff: %q", a.Header.Get("Server-Timing"))
	}
	for name, token := range map[string]string{"nobody": "", "a user": l.issuer.Token("ada", "other")} {
		if a := l.Get("/v1/page", token); a.Status != http.StatusOK || a.Header.Get("Server-Timing") != "" {
			t.Errorf("%s: %d %q", name, a.Status, a.Header.Get("Server-Timing"))
		}
	}
	silent := open(t, "server_timing: staff", "").willing()
	if a := silent.Get("/v1/page", silent.issuer.Token("ada", "staff")); a.Status != http.StatusOK || a.Header.Get("Server-Timing") != "" {
		t.Errorf("nobody is named: %d %q", a.Status, a.Header.Get("Server-Timing"))
	}
}

// TestARefusalOfAServiceIsChallenged: a 401 says how to be let in.
func TestARefusalOfAServiceIsChallenged(t *testing.T) {
	l := open(t).willing()
	l.users.says(http.StatusUnauthorized, "")
	if a := l.Get("/v1/page", ""); a.Status != http.StatusUnauthorized || a.Header.Get("WWW-Authenticate") != `Bearer realm="example"` {
		t.Errorf("%d %v", a.Status, a.Header)
	}
}
