package gatewaytest_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/triptych-bff/triptych/shared/gateway"
	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

// store has screens, whose callers need a token, and a route to what users say,
// whatever that is.
func store(users, orders string) gateway.App {
	document := fmt.Sprintf(`
auth:
  issuers: [{issuer: "http://127.0.0.1:1/", jwks: "http://127.0.0.1:1/keys", audience: bff-example, clients: [app]}]
policies: [{name: member, scopes: {any: [read]}}]
upstreams: {users: {url: %s, timeout: 500ms}, orders: {url: %s, timeout: 500ms}}
routes: [{path: /raw, upstream: users, policy: member}]
`, users, orders)
	return gateway.App{
		Name: "bff-example", Files: fstest.MapFS{"config.yaml": {Data: []byte(document)}},
		Settings: func() gateway.Settings { return new(settings) },
	}
}

const nowhere = "http://127.0.0.1:1"

// homeScreen replays what was recorded of the two services.
func homeScreen(t *testing.T) gatewaytest.Screen {
	t.Helper()
	dir := t.TempDir()
	for file, text := range map[string]string{
		"users.json": `[
			{"request": "GET /users/ada", "status": 200, "header": {"Content-Type": "application/json"}, "body": {"name": "Ada"}}
		]`,
		"orders.json": `[
			{"request": "GET /orders", "status": 200, "header": {"Content-Type": "application/json"}, "body": {"n": 1}},
			{"request": "POST /orders {\"book\":\"b1\"}", "status": 201, "header": {"Content-Type": "application/json"}, "body": {"id": 1}}
		]`,
		"home.golden.json": `{
  "user": {
    "name": "Ada"
  },
  "orders": {
    "n": 1
  },
  "_meta": {
    "completeness": "full"
  }
}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return gatewaytest.Screen{
		App: store(nowhere, nowhere), As: gatewaytest.Caller{Subject: "ada", Scopes: "read"},
		Ask: "GET /v1/home", Record: dir, Golden: filepath.Join(dir, "home.golden.json"), MaxBytes: 4 << 10,
	}
}

func TestScreen(t *testing.T) {
	seen := 0
	screen := homeScreen(t)
	screen.Check = func(testing.TB, gatewaytest.Answer) { seen++ }
	screen.Run(t, gatewaytest.Cases{
		"as it is":           {},
		"without orders":     {Stop: []string{"orders"}, Missing: []string{"orders"}, Members: map[string]string{"user": `{ "name": "Ada" }`}},
		"when orders hang":   {Hang: []string{"orders"}, Missing: []string{"orders"}, Calls: map[string]int{"orders": 1}},
		"when orders fail":   {Answer: replies("orders", gatewaytest.Reply{Status: 500}), Missing: []string{"orders"}},
		"without users":      {Stop: []string{"users"}, Status: 502, Code: "unreachable"},
		"with other orders":  {Answer: replies("orders", gatewaytest.Reply{Body: `{"n":2}`}), Members: map[string]string{"orders": `{"n":2}`}},
		"for strangers":      {Anonymous: true, Status: 401, Code: "unauthenticated", Calls: map[string]int{"users": 0}},
		"for others":         {As: gatewaytest.Caller{Subject: "ada"}, Status: 403, Code: "insufficient-scope"},
		"three times":        {Before: 2, Calls: map[string]int{"users": 3}},
		"compressed by gzip": compressed("gzip"),
		"compressed by zstd": compressed("zstd"),
		"where it is known":  {Send: map[string]string{"If-None-Match": "*"}, Status: 304},
		"of another address": {Ask: "GET /v1/nothing", Status: 404, Code: "no-route"},
		"with a body":        {Ask: "POST /v1/orders", Body: `{"book":"b1"}`, Members: map[string]string{"order": `{"id":1}`}},
	})
	if want := 11; seen != want { // all but the problems
		t.Errorf("the screen's own check ran %d times, want %d", seen, want)
	}
}

// compressed is a long answer in this coding, which is compared all the same.
func compressed(coding string) gatewaytest.Case {
	long := `{"n":"` + strings.Repeat("many ", 500) + `"}`
	return gatewaytest.Case{
		Send:    map[string]string{"Accept-Encoding": coding},
		Answer:  replies("orders", gatewaytest.Reply{Body: long}),
		Header:  map[string]string{"Content-Encoding": coding},
		Members: map[string]string{"orders": long},
	}
}

func replies(name string, r gatewaytest.Reply) map[string]gatewaytest.Reply {
	return map[string]gatewaytest.Reply{name: r}
}

// said is how a case fails.
func said(t *testing.T, screen gatewaytest.Screen, c gatewaytest.Case) string {
	t.Helper()
	fake := &recorder{TB: t}
	var ended sync.WaitGroup
	ended.Go(func() { screen.Try(fake, c) }) // FailNow ends a goroutine
	ended.Wait()
	text := fake.text
	fake.cleanup()
	return text
}

func TestEveryExpectationCanFail(t *testing.T) {
	screen := homeScreen(t)
	golden := filepath.Join(t.TempDir(), "x.json")
	if err := os.WriteFile(golden, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	calls := func(n int) map[string]int { return map[string]int{"users": n} }
	stopped := []string{"orders"}
	for want, c := range map[string]gatewaytest.Case{
		`status 200, want 201`: {Status: 201},
		`status 502, want 200`: {Stop: []string{"users"}, Missing: []string{"user"}},
		`the answer is "application/json", want a problem with the code unreachable`: {Code: "unreachable"},
		`problem 502 "unreachable", want 502 "upstream-timeout"`:                     {Stop: []string{"users"}, Status: 502, Code: "upstream-timeout"},
		`completeness "full", want partial, missing=("orders")`:                      {Missing: stopped},
		`completeness "full", want stale, stale=("orders")`:                          {Stale: stopped},
		`completeness "partial, missing=(\"orders\")", want full`:                    {Stop: stopped},
		`want partial, missing=("user")`:                                             {Stop: stopped, Missing: []string{"user"}},
		`want partial, missing=("orders" "user")`:                                    {Stop: stopped, Missing: []string{"orders", "user"}},
		`Vary: Accept-Encoding, Accept, want ""`:                                     {Header: map[string]string{"Vary": ""}},
		`Content-Type: application/json, want "text/plain"`:                          {Header: map[string]string{"Content-Type": "text/plain"}},
		`user is {"name":"Ada"}, want {"name":"Ben"}`:                                {Members: map[string]string{"user": `{"name":"Ben"}`}},
		`nobody is , want null`:                                                      {Members: map[string]string{"nobody": `null`}},
		`the wanted user is not JSON`:                                                {Members: map[string]string{"user": `{`}},
		`x.json differs`:                                                             {Golden: golden},
		`users received 1 calls, want 0`:                                             {Calls: calls(0)},
		`users received 2 calls, want 1`:                                             {Before: 1, Calls: calls(1)},
		`a check's own`:                                                              {Check: failing},
		`the configuration names no service "books"`:                                 {Stop: []string{"books"}, Missing: []string{"orders"}},
		`users: nothing is recorded for GET /users/ben`:                              {As: gatewaytest.Caller{Subject: "ben", Scopes: "read"}, Status: 501},
	} {
		if got := said(t, screen, c); !strings.Contains(got, want) {
			t.Errorf("said %q, want %q", got, want)
		}
	}
	t.Run("before", func(t *testing.T) {
		broken := screen
		broken.Status = 202
		if got := said(t, broken, gatewaytest.Case{Before: 1, Status: 200}); !strings.Contains(got, "status 200, want 202") {
			t.Errorf("said %q", got)
		}
	})
	t.Run("screen", func(t *testing.T) {
		broken := screen
		broken.Check, broken.MaxBytes = failing, 9
		got := said(t, broken, gatewaytest.Case{})
		for _, want := range []string{"a check's own", "bytes before compression, at most 9 are promised"} {
			if !strings.Contains(got, want) {
				t.Errorf("said %q, want %q", got, want)
			}
		}
	})
	t.Run("nobody's token", func(t *testing.T) {
		broken := screen
		broken.App = app(nowhere, nowhere)
		if got := said(t, broken, gatewaytest.Case{}); !strings.Contains(got, "the configuration trusts no issuer of a token for ada") {
			t.Errorf("said %q", got)
		}
	})
}

func failing(t testing.TB, _ gatewaytest.Answer) { t.Errorf("a check's own") }

// TestWhatAnAnswerSaysOfItself: what a screen says of its parts is believed only
// if its header, its body and its other headers agree.
func TestWhatAnAnswerSaysOfItself(t *testing.T) {
	screen := homeScreen(t)
	screen.Ask = "GET /raw"
	const errA = `{"part":"a","source":"users","code":"unreachable","retry_after_ms":5}`
	partial := `{"_meta":{"errors":[` + errA + `],"completeness":"partial","since":1}}`
	stale := `{"c":1,"_meta":{"completeness":"stale","errors":[{"stale_age_s":0,"code":"unreachable","source":"users","part":"c"}]}}`
	both := strings.Replace(stale, `"stale","errors":[`, `"partial","errors":[`+errA+`,`, 1)
	missing, old := []string{"a"}, []string{"c"}
	for _, test := range []struct {
		header, body string
		c            gatewaytest.Case
		want         string // what fails; empty for nothing
	}{
		{`full`, `{"_meta":{"completeness":"full"}}`, gatewaytest.Case{}, ``},
		{`full;v=2, other`, `{"_meta":{"completeness":"full"}}`, gatewaytest.Case{}, ``},
		{`missing=("a"), partial`, partial, gatewaytest.Case{Missing: missing}, ``},
		{`stale, stale=("c")`, stale, gatewaytest.Case{Stale: old}, ``},
		{`stale=("c");n=1`, stale, gatewaytest.Case{Stale: old}, ``},
		{`partial, missing=("a"), stale=("c")`, both, gatewaytest.Case{Missing: missing, Stale: old}, ``},
		{`partial, missing=("a")`, `{"a":[],` + partial[1:], gatewaytest.Case{Missing: missing, Members: map[string]string{"a": `[]`}}, ``},

		{``, `{"_meta":{"completeness":"full"}}`, gatewaytest.Case{}, `completeness ""`},
		{`full, ,`, `{"_meta":{"completeness":"full"}}`, gatewaytest.Case{}, `BFF-Completeness: `},
		{`full, missing=("a")`, partial, gatewaytest.Case{Missing: missing}, `BFF-Completeness: it says ["full" "missing"]`},
		{`partial`, partial, gatewaytest.Case{}, `BFF-Completeness: it says ["partial"]`},
		{`missing=("a")`, partial, gatewaytest.Case{Missing: missing}, `BFF-Completeness: it says ["missing"]`},
		{`full`, `[]`, gatewaytest.Case{}, `not a JSON object`},
		{`full`, `{}`, gatewaytest.Case{}, `_meta : `},
		{`full`, partial, gatewaytest.Case{}, `_meta says "partial", the header full`},
		{`partial, missing=("a")`, `{"_meta":{"completeness":"full"}}`, gatewaytest.Case{Missing: missing}, `_meta names [], the header ["a"]`},
		{`partial, missing=("b")`, partial, gatewaytest.Case{Missing: []string{"b"}}, `_meta names ["a"], the header ["b"]`},
		{`partial, missing=("a")`, strings.Replace(partial, "users", "books", 1), gatewaytest.Case{Missing: missing}, `_meta says that a is missing because of books; it is because of [users]`},
		{`partial, missing=("a")`, strings.Replace(partial, "unreachable", "", 1), gatewaytest.Case{Missing: missing}, `_meta does not say why a is missing`},
		{`partial, missing=("c")`, strings.Replace(stale, `"stale"`, `"partial"`, 1), gatewaytest.Case{Missing: old}, `_meta says that c is stale`},
		{`partial, missing=("a")`, `{"a":[],` + partial[1:], gatewaytest.Case{Missing: missing}, `a is missing, and there all the same: []`},
	} {
		c := test.c
		c.Answer = replies("users", gatewaytest.Reply{
			To: "GET /raw", Body: test.body,
			Header: map[string]string{"BFF-Completeness": test.header, "Cache-Control": "no-store"},
		})
		if got := said(t, screen, c); test.want == "" && got != "" || !strings.Contains(got, test.want) {
			t.Errorf("%s %s: said %q, want %q", test.header, test.body, got, test.want)
		}
	}
	for _, header := range []map[string]string{
		{"Cache-Control": "private, no-cache"},
		{"Cache-Control": "no-store", "ETag": `"x"`},
	} {
		header["BFF-Completeness"] = `partial, missing=("a")`
		c := gatewaytest.Case{Missing: missing, Answer: replies("users", gatewaytest.Reply{Header: header, Body: partial})}
		if got := said(t, screen, c); !strings.Contains(got, "an answer with missing parts can be stored") {
			t.Errorf("%v: said %q", header, got)
		}
	}
	c := gatewaytest.Case{Answer: replies("users", gatewaytest.Reply{Body: "x", Header: map[string]string{"BFF-Completeness": "full", "Content-Encoding": "br"}})}
	if got := said(t, screen, c); !strings.Contains(got, `unknown content coding "br"`) {
		t.Errorf("said %q", got)
	}
}

func TestAnAnswerByItself(t *testing.T) {
	fake := &recorder{TB: t}
	refused := gatewaytest.Answer{
		Status: 404, Header: http.Header{"Content-Type": {"application/problem+json"}},
		Body: []byte(`{"status":404,"code":"no-route"}`),
	}
	refused.Refused(fake, 404, "no-route")
	if fake.text != "" {
		t.Errorf("said %q", fake.text)
	}
	refused.Whole(fake, 404)
	refused.Refused(fake, 404, "not-found")
	for _, want := range []string{`completeness ""`, `want 404 "not-found"`} {
		if !strings.Contains(fake.text, want) {
			t.Errorf("said %q, want %q", fake.text, want)
		}
	}
}

// TestOnlyTheScreenItselfRecords: its cases replay what it has written, whatever
// they do to the services.
func TestOnlyTheScreenItselfRecords(t *testing.T) {
	users, orders := real(t), real(t)
	dir := t.TempDir()
	screen := gatewaytest.Screen{
		App: store(users.URL, orders.URL), As: gatewaytest.Caller{Subject: "ada", Scopes: "read"},
		Ask: "GET /v1/home", Record: filepath.Join(dir, "home"), Golden: filepath.Join(dir, "home.json"),
	}
	partial := gatewaytest.Case{Stop: []string{"orders"}, Missing: []string{"orders"}, Golden: filepath.Join(dir, "partial.json")}
	t.Run("record", func(t *testing.T) {
		t.Setenv("TRIPTYCH_RECORD", "1")
		t.Setenv("TRIPTYCH_UPDATE", "1")
		screen.Run(t, gatewaytest.Cases{"without orders": partial})
	})
	users.Close()
	orders.Close()
	screen.Run(t, gatewaytest.Cases{"without orders": partial})
	for file, want := range map[string]string{"home/orders.json": `"/orders"`, "home/users.json": `"/users/ada"`, "partial.json": `"partial"`} {
		if text, err := os.ReadFile(filepath.Join(dir, file)); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v: %s", file, err, text)
		}
	}
}

// brokenScreen makes TestBrokenScreen one, in a process of its own: subtests that
// fail cannot be faked.
const brokenScreen = "GATEWAYTEST_BROKEN_SCREEN"

func TestBrokenScreen(t *testing.T) {
	if os.Getenv(brokenScreen) == "" {
		return
	}
	screen := homeScreen(t)
	screen.Header, screen.Calls, screen.MaxBytes = map[string]string{"Vary": ""}, map[string]int{"users": 7}, 9
	if err := os.WriteFile(screen.Golden, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	screen.Run(t, gatewaytest.Cases{"other": {Status: 201}})
	screen.Status, screen.Code = 404, "no-route"
	screen.Run(t, nil)
}

func TestAScreenThatIsBrokenFails(t *testing.T) {
	run := func(variables ...string) string {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBrokenScreen$")
		cmd.Env = append(os.Environ(), append(variables, brokenScreen+"=1")...)
		out, err := cmd.CombinedOutput()
		if err == nil {
			t.Errorf("it passes: %s", out)
		}
		return string(out)
	}
	got := run()
	for _, want := range []string{
		"FAIL: TestBrokenScreen/recorded ", "home.golden.json differs", `Vary: Accept-Encoding, Accept, want ""`,
		"users received 1 calls, want 7", "at most 9 are promised",
		"FAIL: TestBrokenScreen/other ", "status 200, want 201",
		"FAIL: TestBrokenScreen/recorded#01 ", "status 200, want 404",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("want %q in %s", want, got)
		}
	}
	if got := run("TRIPTYCH_RECORD=1"); !strings.Contains(got, "users: nothing to record") || strings.Contains(got, "TestBrokenScreen/other") {
		t.Errorf("cases are tried although there is no record: %s", got)
	}
}
