package gateway_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/triptych-bff/triptych/shared/aggregation"
	"github.com/triptych-bff/triptych/shared/gateway"
)

// asks is a request to the page of explanations.
func (l *library) asks(method, query, body string, header ...string) (status int, media, text string) {
	l.t.Helper()
	r, _ := http.NewRequestWithContext(l.t.Context(), method, l.Admin+"/explain"+query, bytes.NewReader([]byte(body)))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := streaming.RoundTrip(r)
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(data)
}

func about(parameters ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(parameters); i += 2 {
		q.Add(parameters[i], parameters[i+1])
	}
	return "?" + q.Encode()
}

const plainText = "text/plain; charset=utf-8"

func TestExplainOnTheOperatorsListener(t *testing.T) {
	l := open(t).willing()
	const all = "GET /v1/page\nGET /v1/pages/{id}\nGET /v1/cookie\nGET /v1/composed\nPOST /v1/orders\n"
	if status, media, text := l.asks("GET", "", ""); status != 200 || media != plainText || text != all {
		t.Errorf("the list: %d %s %s", status, media, text)
	}
	if _, media, text := l.asks("GET", "", "", "Accept", "application/json"); media != "application/json" || !strings.HasPrefix(text, `["GET /v1/page",`) {
		t.Errorf("the list: %s %s", media, text)
	}
	if status, media, text := l.asks("GET", about("route", "GET /v1/page"), ""); status != 200 || media != plainText ||
		!strings.HasPrefix(text, "GET /v1/page  policy open, limits calls, budget 1m0s, at most 3 calls\n") || !strings.Contains(text, "GET /orders?page={?page}") {
		t.Errorf("a plan: %d %s %s", status, media, text)
	}
	if status, media, text := l.asks("HEAD", about("route", "GET /v1/page"), ""); status != 200 || media != plainText || text != "" {
		t.Errorf("HEAD: %d %s %s", status, media, text)
	}
	if n := l.users.called() + l.orders.called() + l.picks.called(); n != 0 {
		t.Errorf("%d calls were made to explain", n)
	}
}

// explained is what would be called for a request, by call.
func (l *library) explained(method, body string, parameters ...string) map[string]aggregation.ExplainedCall {
	l.t.Helper()
	status, _, text := l.asks(method, about(parameters...), body, "Accept", "application/json")
	var e aggregation.Explanation
	if err := json.Unmarshal([]byte(text), &e); status != 200 || err != nil {
		l.t.Fatalf("%d %s", status, text)
	}
	calls := map[string]aggregation.ExplainedCall{}
	for _, c := range e.Calls {
		calls[c.Name] = c
	}
	return calls
}

func TestExplainOneRequest(t *testing.T) {
	l := open(t)
	calls := l.explained("GET", "", "request", "GET /v1/page?fields=orders&page=%322&repair=x")
	if c := calls["orders GET /orders"]; len(calls) != 1 || c.Now != "made" || c.Request != "GET /orders?page=22" {
		t.Errorf("%+v", calls)
	}
	calls = l.explained("GET", "", "request", "GET /v1/cookie", "header", "accept-language: de")
	if c := calls["users GET /user"]; c.Request != "GET /user?in=de" {
		t.Errorf("%+v", calls)
	}
	calls = l.explained("POST", `{"book":"b1"}`, "request", "POST /v1/orders", "claims", `{"sub":"ada"}`)
	if c := calls["orders POST /orders"]; c.Now != "made" || !strings.Contains(c.Request, `{"book":"b1","user":"ada"}`) {
		t.Errorf("%+v", calls)
	}
	calls = l.explained("GET", "", "request", "POST /v1/orders")
	if c := calls["orders POST /orders"]; !strings.HasPrefix(c.Now, "fails: ") {
		t.Errorf("without a body and a caller: %+v", calls)
	}
}

func TestWhatCannotBeExplained(t *testing.T) {
	l := open(t)
	for _, test := range []struct {
		method, query, body string
		status              int
		want                string
	}{
		{"GET", about("route", "GET /v1/pag"), "", 404, `did you mean \"GET /v1/page\"?`},
		{"GET", about("request", "GET /v1/nowhere"), "", 404, "no route takes"},
		{"GET", about("request", "GET /through/x"), "", 404, "passes through"},
		{"GET", about("request", "/v1/page"), "", 400, "a method and a path"},
		{"GET", about("request", "GET /v1/..%2fx"), "", 400, "invalid-path"},
		{"GET", about("request", "GET /v1/page?fields=x"), "", 400, "?fields=x"},
		{"GET", about("request", "GET /v1/page", "claims", "[]"), "", 400, "claims"},
		{"GET", about("request", "GET /v1/page", "claims", `{"sub":7}`), "", 400, "claims"},
		{"GET", about("request", "GET /v1/page", "header", "x"), "", 400, "Accept-Language"},
		{"POST", about("request", "POST /v1/orders"), "{", 400, "JSON"},
		{"POST", about("request", "POST /v1/orders"), strings.Repeat(" ", 65<<10), 413, "payload-too-large"},
		{"DELETE", "", "", 405, "method-not-allowed"},
	} {
		status, media, text := l.asks(test.method, test.query, test.body)
		if status != test.status || media != "application/problem+json" || !strings.Contains(text, test.want) {
			t.Errorf("%s %s: %d %s", test.method, test.query, status, text)
		}
	}
	resp, err := http.Get(l.Admin + "/nothing")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); !strings.Contains(string(text), "/explain, /livez, /metrics, /readyz") {
		t.Errorf("%s", text)
	}
}

// TestExplainAConfiguration that nobody serves.
func TestExplainAConfiguration(t *testing.T) {
	screens, err := gateway.Screens(pagesApp(), gateway.Source{})
	if err != nil || len(screens) != 5 {
		t.Fatalf("%q, %v", screens, err)
	}
	e, err := gateway.Explain(pagesApp(), gateway.Source{}, gateway.Question{Request: "GET /v1/pages/7"})
	if err != nil || e.Route != "GET /v1/pages/{id}" || e.Calls[0].Now != "made" {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := gateway.Explain(pagesApp("policy: open", "policy: shut"), gateway.Source{}, gateway.Question{}); err == nil {
		t.Error("a faulty configuration is explained")
	}
}
