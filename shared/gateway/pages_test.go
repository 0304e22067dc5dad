package gateway_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/triptych-bff/triptych/shared/aggregation"
	"github.com/triptych-bff/triptych/shared/gateway"
	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

// pages are the settings of a gateway whose services answer when a test says so.
type pages struct{ gateway.Config }

func (*pages) Endpoints() []aggregation.Endpoint {
	users, orders, picks := aggregation.HTTP("users"), aggregation.HTTP("orders"), aggregation.HTTP("picks")
	user := aggregation.Part{Name: "user", From: users.Get("/user"), Mask: `{id,name}`}
	list := aggregation.Part{Name: "orders", From: orders.Get("/orders", aggregation.Query{"page": aggregation.QueryParam("page").Or("1")}), Else: aggregation.Omit}
	return []aggregation.Endpoint{
		{Route: "GET /v1/page", Policy: "open", Limits: []string{"calls"}, Budget: time.Minute, Fields: true, Parts: []aggregation.Part{
			user, list,
			{Name: "picks", From: picks.Get("/picks"), Else: aggregation.Default("[1]")},
		}},
		{Route: "GET /v1/pages/{id}", Policy: "open", Budget: time.Minute, Parts: []aggregation.Part{user, list}},
		{Route: "GET /v1/cookie", Policy: "open", Budget: time.Minute, Parts: []aggregation.Part{
			{Name: "user", From: users.Get("/user", aggregation.Query{"in": aggregation.HeaderField("Accept-Language").Or("en")}), Cookies: []string{"taste"}},
		}},
		{
			Route: "GET /v1/composed", Policy: "open", Budget: time.Minute, Parts: []aggregation.Part{list},
			Compose: func(dst []byte, part func(string) []byte) ([]byte, error) {
				return append(append(append(dst, `{"o":`...), part("orders")...), '}'), nil
			},
		},
		{Route: "POST /v1/orders", Policy: "open", Budget: time.Minute, Parts: []aggregation.Part{
			{Name: "order", From: orders.Post("/orders", aggregation.Fields{"user": aggregation.Claim("sub"), "book": aggregation.BodyValue("book")})},
		}},
	}
}

const pagesDocument = `
auth:
  realm: example
  issuers: [{issuer: x, jwks: "http://127.0.0.1:1/", audience: bff-example, clients: [app]}]
policies:
  - {name: open, public: true}
  - {name: staff, scopes: {all: [staff]}}
limits:
  - {name: calls, requests: 12, per: 1h, key: address, charge: calls}
server_timing: staff
upstreams:
  users: {url: http://127.0.0.1:1, timeout: 1m}
  orders: {url: http://127.0.0.1:1, timeout: 1m}
  picks: {url: http://127.0.0.1:1, timeout: 1m}
routes:
  - {path: /through/*, upstream: users, strip_prefix: /through, policy: open, limits: [calls]}
`

// pagesApp is the program with its document, of which edits are old and new texts in
// turn.
func pagesApp(edits ...string) gateway.App {
	text := strings.NewReplacer(edits...).Replace(pagesDocument)
	return gateway.App{
		Name: "bff-example", Files: fstest.MapFS{"config.yaml": {Data: []byte(text)}},
		Settings: func() gateway.Settings { return new(pages) },
	}
}

// A library is a running gateway with its services.
type library struct {
	*gatewaytest.Gateway
	t                    *testing.T
	issuer               *gatewaytest.Issuer
	users, orders, picks *service
}

func open(t *testing.T, edits ...string) *library {
	t.Helper()
	l := &library{t: t, issuer: gatewaytest.NewIssuer(t, "bff-example", "app"), users: newService(t), orders: newService(t), picks: newService(t)}
	l.Gateway = gatewaytest.Start(t, pagesApp(edits...), nil, l.issuer,
		"upstreams.users.url="+l.users.URL, "upstreams.orders.url="+l.orders.URL, "upstreams.picks.url="+l.picks.URL)
	return l
}

// willing has all services answer at once.
func (l *library) willing() *library {
	l.users.says(http.StatusOK, `{"id":"ada","name":"Ada"}`)
	l.orders.says(http.StatusOK, `{"items":[7]}`)
	l.picks.says(http.StatusOK, `["x"]`)
	return l
}

// A service holds each call until the test answers it, or answers all of them alike.
type service struct {
	*httptest.Server
	t     *testing.T
	calls chan *call
	all   chan http.HandlerFunc // the one in it answers; nothing in it holds
}

// A call is one that waits for its answer.
type call struct {
	*http.Request
	answer chan http.HandlerFunc
}

func newService(t *testing.T) *service {
	s := &service{t: t, calls: make(chan *call, 100), all: make(chan http.HandlerFunc, 1)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{r, make(chan http.HandlerFunc, 1)}
		s.calls <- c
		select {
		case h := <-s.all:
			s.all <- h
			h(w, r)
		case h := <-c.answer:
			h(w, r)
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func replying(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Add(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// says has every call answered like this, now and from now on.
func (s *service) says(status int, body string, header ...string) {
	select {
	case <-s.all:
	default:
	}
	s.all <- replying(status, body, header...)
}

// next is the next call.
func (s *service) next() *call {
	s.t.Helper()
	select {
	case c := <-s.calls:
		return c
	case <-time.After(30 * time.Second):
		s.t.Fatal("the service is not called")
		return nil
	}
}

// called is how many calls there were since it was last asked.
func (s *service) called() (n int) {
	for ; len(s.calls) > 0; n++ {
		<-s.calls
	}
	return n
}

func (c *call) says(status int, body string) { c.answer <- replying(status, body) }

// A stream is an answer that comes in pieces.
type stream struct {
	*http.Response
	t     *testing.T
	lines *bufio.Reader
	leave context.CancelFunc
}

// stream asks for a streamed answer, and returns when its head is here.
func (l *library) stream(path, accept, coding, token string) *stream {
	l.t.Helper()
	ctx, leave := context.WithTimeout(l.t.Context(), 30*time.Second)
	l.t.Cleanup(leave)
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, l.URL+path, nil)
	r.Header.Set("Accept", accept)
	r.Header.Set("Accept-Encoding", coding)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := streaming.RoundTrip(r)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { resp.Body.Close() })
	return &stream{resp, l.t, bufio.NewReader(decoded(l.t, resp)), leave}
}

var streaming = &http.Transport{DisableCompression: true, DisableKeepAlives: true}

// decoded reads an answer as it comes.
func decoded(t *testing.T, resp *http.Response) io.Reader {
	t.Helper()
	switch coding := resp.Header.Get("Content-Encoding"); coding {
	case "gzip":
		return &lazy{open: func() (io.Reader, error) { return gzip.NewReader(resp.Body) }}
	case "zstd":
		d, err := zstd.NewReader(resp.Body, zstd.WithDecoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(d.Close)
		return d
	case "":
		return resp.Body
	default:
		t.Fatalf("coding %q", coding)
		return nil
	}
}

// lazy opens a reader that reads a header when it is first read from.
type lazy struct {
	io.Reader
	open func() (io.Reader, error)
}

func (l *lazy) Read(p []byte) (n int, err error) {
	if l.Reader == nil {
		if l.Reader, err = l.open(); err != nil {
			return 0, err
		}
	}
	return l.Reader.Read(p)
}

// line is the next line; "" at the end.
func (s *stream) line() string {
	s.t.Helper()
	text, err := s.lines.ReadString('\n')
	if err != nil && (err != io.EOF || text != "") {
		s.t.Fatalf("%q, then %v", text, err)
	}
	return text
}

// want fails the test unless these are the next lines.
func (s *stream) want(lines ...string) {
	s.t.Helper()
	for _, want := range lines {
		if want != "" {
			want += "\n"
		}
		if got := s.line(); got != want {
			s.t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
}

// flaws are those that an answer's _meta names.
func flaws(t *testing.T, body []byte) []aggregation.Flaw {
	t.Helper()
	var answer struct {
		Meta struct{ Errors []aggregation.Flaw } `json:"_meta"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return answer.Meta.Errors
}

// fault is the code and the pointers of a problem.
func fault(a gatewaytest.Answer) string {
	var p struct {
		Code   string
		Errors []struct{ Pointer string }
	}
	_ = json.Unmarshal(a.Body, &p)
	text := p.Code
	for _, e := range p.Errors {
		text += " " + e.Pointer
	}
	return strings.TrimSpace(text)
}
