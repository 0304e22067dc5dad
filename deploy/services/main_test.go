package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	catalogpb "github.com/triptych-bff/triptych/deploy/proto/filmstore/catalog/v1"
	recommendationspb "github.com/triptych-bff/triptych/deploy/proto/filmstore/recommendations/v1"
	"github.com/triptych-bff/triptych/deploy/services/films"
	"github.com/triptych-bff/triptych/deploy/services/meter"
	"github.com/triptych-bff/triptych/deploy/services/orders"
	"github.com/triptych-bff/triptych/deploy/services/playback"
	"github.com/triptych-bff/triptych/deploy/services/reviews"
	"github.com/triptych-bff/triptych/deploy/services/users"
	"github.com/triptych-bff/triptych/deploy/services/world"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const posterBase = "http://posters.example"

// theWorld is built once: it is immutable.
var theWorld = sync.OnceValues(func() (*world.World, error) {
	shelf, err := films.Load()
	if err != nil {
		return nil, err
	}
	return world.New(shelf, now()), nil
})

func worldOf(t testing.TB) *world.World {
	t.Helper()
	w, err := theWorld()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// newWorld builds another one.
func newWorld(t testing.TB) *world.World {
	t.Helper()
	shelf, err := films.Load()
	if err != nil {
		t.Fatal(err)
	}
	return world.New(shelf, now())
}

// serve runs a service on free ports until the test ends.
func serve(t testing.TB, service string, flags ...string) *serving {
	t.Helper()
	c, err := parse(append([]string{service}, flags...))
	if err != nil {
		t.Fatal(err)
	}
	c.listen, c.ops = "127.0.0.1:0", "127.0.0.1:0"
	if c.posters != "" {
		c.posters, c.postersURL = "127.0.0.1:0", posterBase
	}
	s, err := start(c, worldOf(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	return s
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

func ask(t testing.TB, method, url string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, req)
}

func do(t testing.TB, req *http.Request) answer {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, body}
}

func (s *serving) get(t testing.TB, listener, path string) answer {
	t.Helper()
	return ask(t, http.MethodGet, "http://"+s.addr(listener)+path)
}

func decode[T any](t testing.TB, a answer) *T {
	t.Helper()
	v := new(T)
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return v
}

func within(t *testing.T, what string, size, least, most int) {
	t.Helper()
	if size < least || size > most {
		t.Errorf("%s has %d bytes; want %d to %d", what, size, least, most)
	}
}

func TestUsers(t *testing.T) {
	s := serve(t, "users")
	for _, m := range worldOf(t).Members {
		a := s.get(t, api, "/users/"+m.ID)
		if a.status != http.StatusOK || a.header.Get("Cache-Control") != "private, no-cache" || a.header.Get("Content-Type") != "application/json" {
			t.Fatalf("%s: %d %v", m.ID, a.status, a.header)
		}
		within(t, "user "+m.ID, len(a.body), 2000, 4200)
		u := decode[users.User](t, a)
		if u.ID != m.ID || u.Stats.Rentals+u.Stats.Purchases != len(m.Orders) || u.Stats.Reviews != len(m.Reviews) {
			t.Errorf("%s has stats %+v; there are %d orders and %d reviews", m.ID, u.Stats, len(m.Orders), len(m.Reviews))
		}
	}
	if u := decode[users.User](t, s.get(t, api, "/users/cleo")); u.Preferences.Maturity != "kids" {
		t.Errorf("cleo may see %q", u.Preferences.Maturity)
	}
}

func TestOrders(t *testing.T) {
	s := serve(t, "orders")
	for _, user := range []string{"ada", "ben", "cleo"} {
		a := s.get(t, api, "/orders?user="+user)
		within(t, "orders of "+user, len(a.body), 8000, 15000)
		page := decode[orders.Page](t, a)
		active := decode[orders.Page](t, s.get(t, api, "/orders?state=active&user="+user))
		past := decode[orders.Page](t, s.get(t, api, "/orders?state=past&limit=50&user="+user))
		if len(page.Items) != 10 || active.Total != 4 || active.Total+past.Total != page.Total {
			t.Errorf("%s: %d items of %d, %d active, %d past", user, len(page.Items), page.Total, active.Total, past.Total)
		}
		for _, o := range active.Items {
			if !o.ExpiresAt.After(now()) || o.State != "active" || !o.Playable {
				t.Errorf("%s is not active: %+v", o.ID, o)
			}
			alone := decode[orders.Order](t, s.get(t, api, "/orders/"+o.ID))
			if diff := cmp.Diff(o, alone); diff != "" {
				t.Errorf("%s alone differs (-page +alone):\n%s", o.ID, diff)
			}
		}
	}
	one := decode[orders.Page](t, s.get(t, api, "/orders?user=ada&limit=1"))
	if len(one.Items) != 1 || one.Items[0].FilmID != "jackie-brown-1997" {
		t.Errorf("ada's newest order is %+v", one.Items)
	}
}

func TestReviews(t *testing.T) {
	s := serve(t, "reviews")
	a := s.get(t, api, "/reviews?film=pulp-fiction-1994")
	within(t, "reviews of a film", len(a.body), 8000, 15000)
	if got := a.header.Get("Cache-Control"); got != "public, max-age=60" {
		t.Errorf("of a film: Cache-Control %q", got)
	}
	page := decode[reviews.Page](t, a)
	sum := 0
	for _, n := range page.Summary.Histogram {
		sum += n
	}
	if len(page.Items) != 12 || page.Total < 50 || sum != page.Total || page.Summary.Average < 7.9 || page.Summary.Average > 9.9 {
		t.Errorf("%d items of %d, summary %+v", len(page.Items), page.Total, page.Summary)
	}
	for i, r := range page.Items[1:] {
		if r.Helpful > page.Items[i].Helpful {
			t.Errorf("%s is more helpful than %s before it", r.ID, page.Items[i].ID)
		}
	}

	a = s.get(t, api, "/reviews?user=ada&limit=50")
	if got := a.header.Get("Cache-Control"); got != "private, no-cache" {
		t.Errorf("of a user: Cache-Control %q", got)
	}
	mine := decode[reviews.Page](t, a)
	film := mine.Items[7].FilmID
	both := decode[reviews.Page](t, s.get(t, api, "/reviews?user=ada&film="+film))
	if both.Total != 1 || both.Items[0].ID != mine.Items[7].ID {
		t.Errorf("ada's review of %s: %+v", film, both)
	}
	none := s.get(t, api, "/reviews?user=cleo&film=pulp-fiction-1994")
	if want := `{"items":[],"total":0,"summary":{"average":0,"count":0,"histogram":[0,0,0,0,0,0,0,0,0,0]}}`; strings.TrimSpace(string(none.body)) != want {
		t.Errorf("no reviews are %s", none.body)
	}
}

func TestProblems(t *testing.T) {
	for service, cases := range map[string][]struct {
		path   string
		status int
	}{
		"users":    {{"/users/zoltan", 404}, {"/users", 404}, {"/", 404}},
		"orders":   {{"/orders", 400}, {"/orders?user=zoltan", 404}, {"/orders?user=ada&film=nothing-1900", 404}, {"/orders?user=ada&state=lost", 400}, {"/orders?user=ada&limit=51", 400}, {"/orders/ada-9999", 404}, {"/wallets/zoltan", 404}},
		"reviews":  {{"/reviews", 400}, {"/reviews?film=nothing-1900", 404}, {"/reviews?user=zoltan", 404}, {"/reviews?film=heat-1995&limit=x", 400}},
		"playback": {{"/positions", 400}, {"/positions?user=zoltan", 404}, {"/positions?user=ada&limit=0", 400}, {"/positions/zoltan/memento-2001", 404}, {"/positions/ada/nothing-1900", 404}, {"/films/nothing-1900/streams", 404}, {"/films", 404}},
	} {
		s := serve(t, service)
		for _, c := range cases {
			a := s.get(t, api, c.path)
			problem := decode[struct {
				Type, Title, Detail string
				Status              int
			}](t, a)
			if a.status != c.status || problem.Status != c.status || problem.Detail == "" || a.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s%s: %d %v %+v; want %d", service, c.path, a.status, a.header, problem, c.status)
			}
		}
	}
	s := serve(t, "orders")
	if a := ask(t, http.MethodDelete, "http://"+s.addr(api)+"/orders"); a.status != 405 || a.header.Get("Allow") != "GET, HEAD, POST" {
		t.Errorf("DELETE /orders: %d %v", a.status, a.header)
	}
}

func TestStats(t *testing.T) {
	s := serve(t, "users")
	if a := s.get(t, ops, "/healthz"); a.status != http.StatusOK {
		t.Errorf("healthz: %d", a.status)
	}
	want := 0
	for _, path := range []string{"/users/ada", "/users/ben", "/users/zoltan"} {
		want += len(s.get(t, api, path).body)
	}
	ask(t, http.MethodHead, "http://"+s.addr(api)+"/users/ada")
	type stats struct {
		Service string
		meter.Counts
	}
	got := decode[stats](t, s.get(t, ops, "/stats"))
	if diff := cmp.Diff(&stats{"users", meter.Counts{Requests: 4, Bytes: int64(want)}}, got); diff != "" {
		t.Error(diff)
	}
}

func dial(t testing.TB, s *serving) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(s.addr(api), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// asJSON is the size that a message has for a gateway that reads it as JSON.
func asJSON(t testing.TB, m proto.Message) int {
	t.Helper()
	data, err := protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer // protojson sprinkles blanks
	if err := json.Compact(&compact, data); err != nil {
		t.Fatal(err)
	}
	return compact.Len()
}

func TestCatalog(t *testing.T) {
	s := serve(t, "catalog")
	c := catalogpb.NewCatalogClient(dial(t, s))
	f, err := c.GetFilm(t.Context(), &catalogpb.GetFilmRequest{Id: "pulp-fiction-1994"})
	if err != nil {
		t.Fatal(err)
	}
	within(t, "a film", proto.Size(f), 1200, 2500)
	within(t, "a film as JSON", asJSON(t, f), 1500, 4000)
	if f.GetDirector() != "Quentin Tarantino" || f.GetWorldwideGrossUsd() != 212928762 || f.RunningTimeMin != nil || f.GetRatings().GetImdb().GetScore() != 8.9 {
		t.Errorf("got %v", f)
	}
	for _, p := range f.GetPosters() {
		a := s.get(t, pictures, strings.TrimPrefix(p.GetUrl(), posterBase))
		if a.status != http.StatusOK || a.header.Get("Content-Type") != "image/svg+xml" || !strings.Contains(a.header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", p.GetUrl(), a.status, a.header)
		}
	}

	batch, err := c.BatchGetFilms(t.Context(), &catalogpb.BatchGetFilmsRequest{
		Ids: []string{"jackie-brown-1997", "no-such-film-1900", "alien3-1992", "jackie-brown-1997"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"jackie-brown-1997", "alien3-1992"}, ids(batch.GetFilms())); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"no-such-film-1900"}, batch.GetMissingIds()); diff != "" {
		t.Error(diff)
	}
	reading := decode[struct {
		Service string
		meter.Counts
		Others map[string]meter.Counts
	}](t, s.get(t, ops, "/stats"))
	if want := int64(proto.Size(f) + proto.Size(batch)); reading.Requests != 2 || reading.Bytes != want || reading.Others["posters"].Requests != 4 {
		t.Errorf("counted %+v; want 2 requests, %d bytes, 4 posters", reading, want)
	}
}

func ids(list []*catalogpb.Film) []string {
	var ids []string
	for _, f := range list {
		ids = append(ids, f.GetId())
	}
	return ids
}

func TestListFilms(t *testing.T) {
	c := catalogpb.NewCatalogClient(dial(t, serve(t, "catalog")))
	pages := func(genre, order string, size uint32) []*catalogpb.Film {
		var all []*catalogpb.Film
		req := &catalogpb.ListFilmsRequest{Genre: genre, OrderBy: order, PageSize: size}
		for {
			page, err := c.ListFilms(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, page.GetFilms()...)
			if req.PageToken = page.GetNextPageToken(); req.GetPageToken() == "" {
				if int(page.GetTotalSize()) != len(all) {
					t.Errorf("%s: total_size is %d; there were %d", genre, page.GetTotalSize(), len(all))
				}
				return all
			}
		}
	}
	if n := len(pages("", "", 100)); n != 3200 {
		t.Errorf("there are %d films", n)
	}
	westerns := pages("Western", "year asc", 7)
	for i, f := range westerns {
		if f.GetGenre() != "Western" || i > 0 && f.GetYear() < westerns[i-1].GetYear() {
			t.Errorf("%s does not belong at %d", f.GetId(), i)
		}
	}
	if first := pages("", "gross", 100)[0]; first.GetId() != "avatar-2009" {
		t.Errorf("the highest gross is %s", first.GetId())
	}

	page, err := c.ListFilms(t.Context(), &catalogpb.ListFilmsRequest{Genre: "Western"})
	if err != nil || len(page.GetFilms()) != 20 {
		t.Fatalf("%d films, %v", len(page.GetFilms()), err)
	}
	for name, req := range map[string]*catalogpb.ListFilmsRequest{
		"another list's token": {Genre: "Horror", PageToken: page.GetNextPageToken()},
		"no token":             {Genre: "Western", PageToken: "?"},
		"unknown genre":        {Genre: "Opera"},
		"unknown order":        {OrderBy: "luck"},
		"unknown direction":    {OrderBy: "year up"},
		"too many":             {PageSize: 101},
	} {
		if _, err := c.ListFilms(t.Context(), req); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCatalogRefuses(t *testing.T) {
	c := catalogpb.NewCatalogClient(dial(t, serve(t, "catalog")))
	if _, err := c.GetFilm(t.Context(), &catalogpb.GetFilmRequest{Id: "no-such-film-1900"}); status.Code(err) != codes.NotFound {
		t.Error(err)
	}
	if _, err := c.GetFilm(t.Context(), &catalogpb.GetFilmRequest{}); status.Code(err) != codes.InvalidArgument {
		t.Error(err)
	}
	for _, n := range []int{0, 101} {
		if _, err := c.BatchGetFilms(t.Context(), &catalogpb.BatchGetFilmsRequest{Ids: make([]string, n)}); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%d ids: %v", n, err)
		}
	}
}

func TestRecommendations(t *testing.T) {
	c := recommendationspb.NewRecommendationsClient(dial(t, serve(t, "recommendations")))
	got, err := c.ForUser(t.Context(), &recommendationspb.ForUserRequest{UserId: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	within(t, "recommendations", proto.Size(got), 3000, 8000)
	within(t, "recommendations as JSON", asJSON(t, got), 3000, 9000)
	if len(got.GetItems()) != 12 {
		t.Errorf("%d items", len(got.GetItems()))
	}
	similar, err := c.SimilarTo(t.Context(), &recommendationspb.SimilarToRequest{FilmId: "jackie-brown-1997", Limit: 3})
	if err != nil || len(similar.GetItems()) != 3 || similar.GetItems()[0].GetReason() != "Also by Quentin Tarantino" {
		t.Errorf("%v, %v", similar, err)
	}
	for name, call := range map[string]struct {
		code codes.Code
		user string
		n    uint32
	}{"unknown": {codes.NotFound, "zoltan", 1}, "too many": {codes.InvalidArgument, "ada", 51}} {
		_, err := c.ForUser(t.Context(), &recommendationspb.ForUserRequest{UserId: call.user, Limit: call.n})
		if status.Code(err) != call.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.SimilarTo(t.Context(), &recommendationspb.SimilarToRequest{FilmId: "x"}); status.Code(err) != codes.NotFound {
		t.Error(err)
	}
}

func TestHealthAndReflection(t *testing.T) {
	for service, name := range map[string]string{
		"catalog":         "filmstore.catalog.v1.Catalog",
		"recommendations": "filmstore.recommendations.v1.Recommendations",
	} {
		s := serve(t, service)
		conn := dial(t, s)
		health, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{Service: name})
		if err != nil || health.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("%s: %v, %v", name, health, err)
		}
		stream, err := reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ask := &reflectionpb.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: name}
		if err := stream.Send(&reflectionpb.ServerReflectionRequest{MessageRequest: ask}); err != nil {
			t.Fatal(err)
		}
		reply, err := stream.Recv()
		if err != nil || len(reply.GetFileDescriptorResponse().GetFileDescriptorProto()) == 0 {
			t.Errorf("%s: %v, %v", name, reply, err)
		}
		reading := decode[struct {
			Service string
			meter.Counts
			Others map[string]meter.Counts
		}](t, s.get(t, ops, "/stats"))
		if reading.Requests != 0 {
			t.Errorf("%s counts health and reflection: %+v", service, reading)
		}
	}
}

// Two worlds of one moment give equal answers, byte for byte.
func TestSameWorld(t *testing.T) {
	answers := func() []byte {
		w := newWorld(t)
		var all bytes.Buffer
		for _, h := range []struct {
			handler http.Handler
			path    string
		}{
			{users.New(w), "/users/"},
			{orders.New(w), "/orders?limit=50&user="},
			{reviews.New(w), "/reviews?limit=50&user="},
			{playback.New(w, now), "/positions?limit=50&user="},
		} {
			for _, m := range w.Members {
				all.Write(answerOf(t, h.handler, h.path+m.ID))
			}
		}
		return all.Bytes()
	}
	if first, second := answers(), answers(); len(first) < 1e6 || !bytes.Equal(first, second) {
		t.Errorf("%d and %d bytes, or different ones", len(first), len(second))
	}
}

type recorder struct {
	bytes.Buffer
	header http.Header
}

func (r *recorder) Header() http.Header { return r.header }
func (r *recorder) WriteHeader(int)     {}

func answerOf(t *testing.T, h http.Handler, path string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{header: http.Header{}}
	h.ServeHTTP(r, req)
	return r.Bytes()
}

func TestRunStops(t *testing.T) {
	for _, service := range names() {
		ctx, cancel := context.WithCancel(t.Context())
		args := []string{service, "--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0"}
		if service == "catalog" {
			args = append(args, "--posters", "127.0.0.1:0")
		}
		serving := make(chan struct{})
		log := slog.New(slog.NewTextHandler(first{serving}, nil))
		done := make(chan error, 1)
		go func() { done <- run(ctx, args, log) }()
		<-serving
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("%s: %v", service, err)
			}
		case <-time.After(2 * grace):
			t.Fatalf("%s does not stop", service)
		}
	}
}

// first closes its channel at the first line of log.
type first struct{ done chan struct{} }

func (f first) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("serving")) {
		close(f.done)
	}
	return len(p), nil
}

func TestParseRefuses(t *testing.T) {
	for _, args := range [][]string{
		{},
		{"billing"},
		{"users", "more"},
		{"users", "--posters", "x"},
		{"users", "--frames", "x"},
		{"users", "--latency", "61s"},
		{"users", "--failure", "luck"},
		{"users", "--rate", "2"},
		{"users", "--rate", "NaN"},
		{"catalog", "--failure", "cut"},
		{"catalog", "--latency", "-1s"},
	} {
		if c, err := parse(args); err == nil {
			t.Errorf("%q is %+v", args, c)
		}
	}
}
