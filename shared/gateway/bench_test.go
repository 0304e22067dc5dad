package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/triptych-bff/triptych/shared/aggregation"
	"github.com/triptych-bff/triptych/shared/gateway"
	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

// BenchmarkScreen is a whole request: five services on loopback, 14 KB from
// each, and an answer of 5 KB. What the services do is in it; what the client
// does is not.
func BenchmarkScreen(b *testing.B) {
	for _, encoding := range []string{"identity", "gzip", "zstd"} {
		b.Run(encoding, func(b *testing.B) {
			h, r := serving(b, "/v1/page")
			r.Header.Set("Accept-Encoding", encoding)
			b.ReportAllocs()
			for b.Loop() {
				serve(b, h, r)
			}
		})
	}
}

// BenchmarkChain is what stands before every routed request: who is calling,
// whether they may, and whether they may now.
func BenchmarkChain(b *testing.B) {
	g, token := bench(b)
	h := g.Chain("member", "user", "address")
	r := request("/x", token)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(&discard{header: http.Header{}}, r)
	}
}

// BenchmarkEdgeAndChain is a request that is routed and refused nothing, but has
// no service behind it: what a gateway costs by itself.
func BenchmarkEdgeAndChain(b *testing.B) {
	h, r := serving(b, "/v1/nothing")
	b.ReportAllocs()
	for b.Loop() {
		serve(b, h, r)
	}
}

// page is a gateway with one screen of five services, and one of none.
type page struct{ gateway.Config }

func (*page) Endpoints() []aggregation.Endpoint {
	e := aggregation.Endpoint{Route: "GET /v1/page", Policy: "member", Limits: []string{"user", "address"}, Budget: time.Minute}
	for i := range 5 {
		call := aggregation.HTTP(fmt.Sprint("s", i)).Get("/users/{}", aggregation.Claim("sub"))
		e.Parts = append(e.Parts, aggregation.Part{Name: fmt.Sprint("part", i), From: call, Mask: `{items[:10]{id,title,price{amount,currency}}}`})
	}
	never := aggregation.HTTP("s0").Get("/x", aggregation.Query{"ids": aggregation.HTTP("s1").Get("/none").Public().Each("none").Max(1)})
	nothing := aggregation.Endpoint{
		Route: "GET /v1/nothing", Policy: "member", Limits: e.Limits, Budget: time.Minute,
		Parts: []aggregation.Part{{Name: "nothing", From: never}},
	}
	return []aggregation.Endpoint{e, nothing}
}

func bench(b *testing.B) (*gateway.Gateway, string) {
	b.Helper()
	item := `{"id":"item-%d","title":"A title of usual length","price":{"amount":1299,"currency":"EUR","rates":[1,2,3]},"text":"` + strings.Repeat("what nobody asked for ", 8) + `"}`
	var body strings.Builder
	for i := range 46 {
		fmt.Fprintf(&body, ","+item, i)
	}
	text := `{"items":[` + body.String()[1:] + `],"total":46}`
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "public, max-age=3600")
		if r.URL.Path == "/none" {
			_, _ = io.WriteString(w, `{}`)
			return
		}
		_, _ = io.WriteString(w, text)
	}))
	b.Cleanup(service.Close)
	issuer := gatewaytest.NewIssuer(b, "bff-example", "app")
	document := strings.ReplaceAll(`
auth:
  realm: example
  issuers:
    - {issuer: ISSUER, jwks: ISSUERkeys, audience: bff-example, clients: [app]}
policies:
  - name: member
    scopes: {any: ["orders:read"]}
limits:
  - {name: user, requests: 60000000, per: 1m, key: user}
  - {name: address, requests: 60000000, per: 1m, key: address}
upstreams:
`, "ISSUER", issuer.URL)
	for i := range 5 {
		document += fmt.Sprintf("  s%d: {url: %s}\n", i, service.URL)
	}
	app := gateway.App{
		Name: "bff-example", Files: fstest.MapFS{"config.yaml": {Data: []byte(document)}},
		Settings: func() gateway.Settings { return new(page) },
	}
	g, err := gateway.New(app, gateway.Source{}, io.Discard)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(g.Close)
	return g, issuer.Token("ada", "orders:read")
}

func serving(b *testing.B, path string) (http.Handler, *http.Request) {
	b.Helper()
	g, token := bench(b)
	return g.Handler(), request(path, token)
}

func request(path, token string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

func serve(b *testing.B, h http.Handler, r *http.Request) {
	w := &discard{header: http.Header{}}
	h.ServeHTTP(w, r)
	if w.status != http.StatusOK || w.header.Get(aggregation.CompletenessHeader) != "full" {
		b.Fatal(w.status, w.header)
	}
}

// discard is a client that reads nothing.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
