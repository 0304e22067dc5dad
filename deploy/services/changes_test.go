package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/triptych-bff/triptych/deploy/services/orders"
	"github.com/triptych-bff/triptych/deploy/services/playback"
	"github.com/triptych-bff/triptych/deploy/services/reviews"
	"github.com/triptych-bff/triptych/deploy/services/users"
	"github.com/triptych-bff/triptych/deploy/services/world"
)

// send makes a request whose body is JSON.
func (s *serving) send(t testing.TB, listener, method, path, body string) answer {
	t.Helper()
	return s.sendAs(t, "application/json", listener, method, path, body)
}

func (s *serving) sendAs(t testing.TB, contentType, listener, method, path, body string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.addr(listener)+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	return do(t, req)
}

// code is that of a problem, which is to have this status.
func code(t testing.TB, a answer, status int) string {
	t.Helper()
	p := decode[struct {
		Type, Title, Detail, Code string
		Status                    int
	}](t, a)
	if a.status != status || p.Status != status || p.Detail == "" || a.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %s; want %d", a.status, a.body, status)
	}
	return p.Code
}

func TestPlaceOrder(t *testing.T) {
	s := serve(t, "orders")
	before := s.get(t, api, "/orders?user=ada&limit=50")
	a := s.send(t, api, http.MethodPost, "/orders", `{"user":"ada","film_id":"pulp-fiction-1994","kind":"rental","quality":"hd"}`)
	if a.status != http.StatusCreated || a.header.Get("Location") != "/orders/ada-0033" || a.header.Get("Cache-Control") != "private, no-cache" {
		t.Fatalf("%d %v %s", a.status, a.header, a.body)
	}
	o := decode[orders.Order](t, a)
	if o.ID != "ada-0033" || o.State != "active" || o.Outcome != "waiting" || !o.Playable || o.Price.Amount != 399 || o.Price.Currency != "GBP" ||
		o.StartsAt != nil || o.ExpiresAt.Sub(o.PlacedAt) != world.StartWithin || o.Payment.Kind != "credit" || o.Invoice.IssuedAt.After(now()) {
		t.Errorf("ordered %+v", o)
	}
	if diff := cmp.Diff(o, decode[orders.Order](t, s.get(t, api, a.header.Get("Location")))); diff != "" {
		t.Errorf("it reads differently (-posted +read):\n%s", diff)
	}
	active := decode[orders.Page](t, s.get(t, api, "/orders?user=ada&state=active"))
	if active.Total != 5 || active.Items[0].ID != o.ID {
		t.Errorf("%d are active, the first is %s", active.Total, active.Items[0].ID)
	}
	of := decode[orders.Page](t, s.get(t, api, "/orders?user=ada&film=pulp-fiction-1994"))
	if of.Total != 1 || of.Items[0].ID != o.ID {
		t.Errorf("of the film there are %+v", of)
	}
	wallet := decode[orders.Wallet](t, s.get(t, api, "/wallets/ada"))
	if want := (orders.Wallet{UserID: "ada", Balance: 4601, Currency: "GBP", Credit: 5000, SpentHere: 399}); *wallet != want {
		t.Errorf("the wallet is %+v; want %+v", *wallet, want)
	}
	if a := s.send(t, api, http.MethodPost, "/orders", `{"user":"ada","film_id":"pulp-fiction-1994","kind":"purchase","quality":"uhd"}`); code(t, a, 409) != "already-ordered" {
		t.Errorf("again: %s", a.body)
	}

	if a := s.send(t, ops, http.MethodPost, "/reset", ""); a.status != http.StatusNoContent {
		t.Errorf("reset: %d %s", a.status, a.body)
	}
	if after := s.get(t, api, "/orders?user=ada&limit=50"); string(after.body) != string(before.body) {
		t.Error("after a reset, ada's orders are others than before")
	}
	a = s.send(t, api, http.MethodPost, "/orders", `{"user":"ada","film_id":"pulp-fiction-1994","kind":"rental","quality":"hd"}`)
	if diff := cmp.Diff(o, decode[orders.Order](t, a)); diff != "" {
		t.Errorf("after a reset it is another order (-before +after):\n%s", diff)
	}
}

// A purchase is owned at once, and a wallet is emptied but never overdrawn, by
// however many at a time.
func TestWallet(t *testing.T) {
	s := serve(t, "orders")
	a := s.send(t, api, http.MethodPost, "/orders", `{"user":"cleo","film_id":"the-lion-king-1994","kind":"purchase","quality":"sd"}`)
	if o := decode[orders.Order](t, a); o.State != "past" || o.Outcome != "owned" || !o.Playable || o.ExpiresAt != nil || o.Price.Amount != 799 {
		t.Errorf("bought %+v", o)
	}
	if a := s.send(t, api, http.MethodPost, "/orders", `{"user":"cleo","film_id":"aladdin-1992","kind":"rental","quality":"sd"}`); code(t, a, 402) != "insufficient-credit" {
		t.Errorf("with 201 left: %s", a.body)
	}

	list := worldOf(t).Shelf.Genre("Horror")[:40]
	statuses := make([]int, len(list))
	var all sync.WaitGroup
	for i, f := range list {
		all.Go(func() {
			body := fmt.Sprintf(`{"user":"ben","film_id":%q,"kind":"rental","quality":"uhd"}`, f.ID)
			statuses[i] = s.send(t, api, http.MethodPost, "/orders", body).status
		})
	}
	all.Wait()
	placed := 0
	for i, status := range statuses {
		switch status {
		case http.StatusCreated:
			placed++
		case http.StatusPaymentRequired, http.StatusConflict:
		default:
			t.Errorf("%s: %d", list[i].ID, status)
		}
	}
	wallet := decode[orders.Wallet](t, s.get(t, api, "/wallets/ben"))
	active := decode[orders.Page](t, s.get(t, api, "/orders?user=ben&state=active&limit=50"))
	sum, ids := 0, map[string]bool{}
	for _, o := range active.Items[:placed] {
		sum += o.Price.Amount
		ids[o.ID] = true
	}
	if active.Total != placed+4 || len(ids) != placed || wallet.SpentHere != sum || wallet.Balance < 0 || wallet.Balance >= 399 {
		t.Errorf("%d placed, %d active, %d ids, %d paid; wallet %+v", placed, active.Total, len(ids), sum, wallet)
	}
}

func TestWriteReview(t *testing.T) {
	s := serve(t, "reviews")
	mine := decode[reviews.Page](t, s.get(t, api, "/reviews?user=ada"))
	of := decode[reviews.Page](t, s.get(t, api, "/reviews?film=jackie-brown-1997&limit=50"))
	a := s.send(t, api, http.MethodPost, "/reviews", `{"user":"ada","film":"jackie-brown-1997","rating":10,"title":" Pam Grier ","body":"Nothing <else> is needed."}`)
	r := decode[reviews.Review](t, a)
	if a.status != http.StatusCreated || a.header.Get("Location") != "/reviews?film=jackie-brown-1997&user=ada" ||
		r.Title != "Pam Grier" || r.Body != "Nothing <else> is needed." || r.Rating != 10 || r.Helpful != 0 || !r.Source.Verified ||
		r.Source.CheckedAt.After(now()) || r.Author.Reviews != mine.Total+1 {
		t.Errorf("%d %v %+v", a.status, a.header, r)
	}
	there := decode[reviews.Page](t, s.get(t, api, a.header.Get("Location")))
	if diff := cmp.Diff([]*reviews.Review{r}, there.Items); diff != "" {
		t.Errorf("it reads differently (-posted +read):\n%s", diff)
	}
	if now := decode[reviews.Page](t, s.get(t, api, "/reviews?user=ada")); now.Total != mine.Total+1 || now.Items[0].ID != r.ID {
		t.Errorf("ada has %d reviews, the newest is %s", now.Total, now.Items[0].ID)
	}
	now := decode[reviews.Page](t, s.get(t, api, "/reviews?film=jackie-brown-1997&limit=50"))
	if now.Total != of.Total+1 || now.Summary.Histogram[9] != of.Summary.Histogram[9]+1 || now.Items[0].ID != of.Items[0].ID {
		t.Errorf("the film had %+v and has %+v", of.Summary, now.Summary)
	}
	if a := s.send(t, api, http.MethodPost, "/reviews", `{"user":"ada","film":"jackie-brown-1997","rating":1,"title":"No","body":"No."}`); code(t, a, 409) != "already-reviewed" {
		t.Errorf("again: %s", a.body)
	}
	s.send(t, ops, http.MethodPost, "/reset", "")
	if diff := cmp.Diff(mine, decode[reviews.Page](t, s.get(t, api, "/reviews?user=ada"))); diff != "" {
		t.Errorf("after a reset (-before +after):\n%s", diff)
	}
}

func TestPreferences(t *testing.T) {
	s := serve(t, "users")
	before := decode[users.User](t, s.get(t, api, "/users/ada"))
	a := s.send(t, api, http.MethodPatch, "/users/ada/preferences", `{"genres":["Western","Drama"],"autoplay":false,"maturity":"kids"}`)
	after := decode[users.User](t, a)
	want := *before
	want.Preferences.Genres, want.Preferences.Autoplay, want.Preferences.Maturity = []string{"Western", "Drama"}, false, "kids"
	want.UpdatedAt = now()
	if diff := cmp.Diff(&want, after); diff != "" || a.status != http.StatusOK {
		t.Errorf("%d (-want +got):\n%s", a.status, diff)
	}
	s.send(t, api, http.MethodPatch, "/users/ada/preferences", `{"subtitles":"it"}`)
	want.Preferences.Subtitles = "it"
	if diff := cmp.Diff(&want, decode[users.User](t, s.get(t, api, "/users/ada"))); diff != "" {
		t.Errorf("after a second change (-want +got):\n%s", diff)
	}
	s.send(t, ops, http.MethodPost, "/reset", "")
	if diff := cmp.Diff(before, decode[users.User](t, s.get(t, api, "/users/ada"))); diff != "" {
		t.Errorf("after a reset (-before +after):\n%s", diff)
	}
}

// What cannot be carried out is refused, and changes nothing.
func TestRefusedChanges(t *testing.T) {
	large := `{"user":"` + strings.Repeat("a", 64<<10) + `"}`
	long := func(n int) string { return strings.Repeat("ü", n) }
	for service, cases := range map[string][]struct {
		method, path, body string
		status             int
	}{
		"orders": {
			{"POST", "/orders", `{"user":"ada","film_id":"memento-2001","kind":"rental","quality":"hd"}`, 409},
			{"POST", "/orders", `{"user":"zoltan","film_id":"pulp-fiction-1994","kind":"rental","quality":"hd"}`, 404},
			{"POST", "/orders", `{"user":"ada","film_id":"nothing-1900","kind":"rental","quality":"hd"}`, 404},
			{"POST", "/orders", `{"user":"ada","film_id":"pulp-fiction-1994","kind":"gift","quality":"hd"}`, 400},
			{"POST", "/orders", `{"user":"ada","film_id":"pulp-fiction-1994","kind":"rental","quality":"8k"}`, 400},
			{"POST", "/orders", `{"user":"ada","kind":"rental","quality":"hd"}`, 400},
			{"POST", "/orders", `{"user":"ada","film_id":"pulp-fiction-1994","kind":"rental","quality":"hd","price":1}`, 400},
			{"POST", "/orders", `{"user":"ada","film_id":7}`, 400},
			{"POST", "/orders", `{"user":"ada"} {}`, 400},
			{"POST", "/orders", `[]`, 400},
			{"POST", "/orders", `null`, 400},
			{"POST", "/orders", ``, 400},
			{"POST", "/orders", `{"user":`, 400},
			{"POST", "/orders", large, 413},
		},
		"reviews": {
			{"POST", "/reviews", `{"user":"zoltan","film":"memento-2001","rating":5,"title":"a","body":"b"}`, 404},
			{"POST", "/reviews", `{"user":"ada","film":"nothing-1900","rating":5,"title":"a","body":"b"}`, 404},
			{"POST", "/reviews", `{"user":"ada","film":"memento-2001","rating":11,"title":"a","body":"b"}`, 400},
			{"POST", "/reviews", `{"user":"ada","film":"memento-2001","rating":4.5,"title":"a","body":"b"}`, 400},
			{"POST", "/reviews", `{"user":"ada","film":"memento-2001","rating":5,"title":"  ","body":"b"}`, 400},
			{"POST", "/reviews", `{"user":"ada","film":"memento-2001","rating":5,"title":"` + long(121) + `","body":"b"}`, 400},
			{"POST", "/reviews", `{"user":"ada","film":"memento-2001","rating":5,"title":"a","body":"` + long(4001) + `"}`, 400},
			{"POST", "/reviews", large, 413},
		},
		"users": {
			{"PATCH", "/users/zoltan/preferences", `{}`, 404},
			{"PATCH", "/users/ada/preferences", `{"genres":[]}`, 400},
			{"PATCH", "/users/ada/preferences", `{"genres":["Opera"]}`, 400},
			{"PATCH", "/users/ada/preferences", `{"genres":["Drama","Drama"]}`, 400},
			{"PATCH", "/users/ada/preferences", `{"subtitles":"xx"}`, 400},
			{"PATCH", "/users/ada/preferences", `{"maturity":"grown"}`, 400},
			{"PATCH", "/users/ada/preferences", `{"quality":"hd"}`, 400},
			{"PATCH", "/users/ada/preferences", large, 413},
		},
		"playback": {
			{"PUT", "/positions/zoltan/memento-2001", `{"position_s":1,"device":"d"}`, 404},
			{"PUT", "/positions/ada/nothing-1900", `{"position_s":1,"device":"d"}`, 404},
			{"PUT", "/positions/ada/memento-2001", `{"device":"d"}`, 400},
			{"PUT", "/positions/ada/memento-2001", `{"position_s":1}`, 400},
			{"PUT", "/positions/ada/memento-2001", `{"position_s":-1,"device":"d"}`, 400},
			{"PUT", "/positions/ada/memento-2001", `{"position_s":99999,"device":"d"}`, 400},
			{"PUT", "/positions/ada/memento-2001", `{"position_s":1,"device":"` + long(65) + `"}`, 400},
			{"POST", "/sessions", `{"user":"zoltan","film_id":"memento-2001","device":"d"}`, 404},
			{"POST", "/sessions", `{"user":"ada","film_id":"nothing-1900","device":"d"}`, 404},
			{"POST", "/sessions", `{"user":"ada","film_id":"memento-2001"}`, 400},
			{"POST", "/sessions", large, 413},
			{"POST", "/sessions/ses_0/heartbeat", `{"seq":1,"position_s":1,"state":"playing"}`, 404},
			{"POST", "/sessions/ses_0/heartbeat", `{"seq":0,"position_s":1,"state":"playing"}`, 400},
			{"POST", "/sessions/ses_0/heartbeat", `{"seq":1,"position_s":1,"state":"dozing"}`, 400},
			{"DELETE", "/sessions/ses_0", ``, 404},
		},
	} {
		s := serve(t, service)
		reads := []string{"/orders?user=ada", "/reviews?user=ada", "/users/ada", "/positions?user=ada"}
		before := map[string]string{}
		for _, path := range reads {
			before[path] = string(s.get(t, api, path).body)
		}
		for _, c := range cases {
			code(t, s.send(t, api, c.method, c.path, c.body), c.status)
			if c.body != "" && c.status == http.StatusBadRequest {
				code(t, s.sendAs(t, "text/plain", api, c.method, c.path, c.body), http.StatusUnsupportedMediaType)
			}
			if t.Failed() {
				t.Fatalf("%s %s %.100s", c.method, c.path, c.body)
			}
		}
		for _, path := range reads {
			if after := string(s.get(t, api, path).body); after != before[path] {
				t.Errorf("%s has changed", path)
			}
		}
	}
}

// What is kept in memory is bounded, and what is kept can still be changed.
func TestKeptIsBounded(t *testing.T) {
	w := worldOf(t)
	send := func(h http.Handler, method, path, body string) int {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		recorded := httptest.NewRecorder()
		h.ServeHTTP(recorded, r)
		return recorded.Code
	}
	list := w.Shelf.All()

	positions := playback.New(w, now)
	play := func(i int) int {
		return send(positions, http.MethodPut, "/positions/ada/"+list[i].ID, `{"position_s":1,"device":"d"}`)
	}
	for i := range 500 {
		if got := play(i); got != http.StatusOK {
			t.Fatalf("position %d: %d", i+1, got)
		}
	}
	if one, again := play(500), play(0); one != http.StatusInsufficientStorage || again != http.StatusOK {
		t.Errorf("one more position: %d; one of those: %d", one, again)
	}

	opinions := reviews.New(w)
	write := func(i int) int {
		body := fmt.Sprintf(`{"user":"ada","film":%q,"rating":5,"title":"a","body":"b"}`, list[i].ID)
		return send(opinions, http.MethodPost, "/reviews", body)
	}
	written := map[int]int{} // by status
	for i := 0; written[http.StatusCreated] < 1000 && i < len(list); i++ {
		written[write(i)]++ // or ada has reviewed it before
	}
	if one := write(len(list) - 1); written[http.StatusCreated] != 1000 || one != http.StatusInsufficientStorage {
		t.Errorf("reviews by status: %v; one more: %d", written, one)
	}
}

func TestPositions(t *testing.T) {
	s := serve(t, "playback")
	for _, m := range worldOf(t).Members {
		page := decode[playback.Page](t, s.get(t, api, "/positions?limit=50&user="+m.ID))
		begun := 0
		for _, o := range m.Orders {
			if !o.Started.IsZero() {
				begun++
			}
		}
		if page.Total != begun {
			t.Errorf("%s has %d positions; %d orders were begun", m.ID, page.Total, begun)
		}
		for i, p := range page.Items {
			if p.PositionS < 0 || p.PositionS > p.DurationS || p.Finished != (p.PositionS == p.DurationS) || p.UpdatedAt.After(now()) ||
				*p.Device == "" || i > 0 && p.UpdatedAt.After(*page.Items[i-1].UpdatedAt) {
				t.Errorf("%s: %+v", m.ID, p)
			}
		}
	}
	for film, want := range map[string]playback.Position{
		"pulp-fiction-1994": {UserID: "ada", FilmID: "pulp-fiction-1994", DurationS: 7082},
		"memento-2001":      {UserID: "ada", FilmID: "memento-2001", DurationS: 6782}, // waits for its first play
	} {
		if diff := cmp.Diff(&want, decode[playback.Position](t, s.get(t, api, "/positions/ada/"+film))); diff != "" {
			t.Errorf("%s, never played (-want +got):\n%s", film, diff)
		}
	}

	before := s.get(t, api, "/positions?user=ada&limit=50")
	a := s.send(t, api, http.MethodPut, "/positions/ada/jackie-brown-1997", `{"position_s":9267,"device":"the bus"}`)
	p := decode[playback.Position](t, a)
	if a.status != http.StatusOK || !p.Finished || p.Percent != 100 || !p.UpdatedAt.Equal(now()) || *p.Device != "the bus" {
		t.Errorf("%d %+v", a.status, p)
	}
	s.send(t, api, http.MethodPut, "/positions/ada/pulp-fiction-1994", `{"position_s":0,"device":"the bus"}`)
	page := decode[playback.Page](t, s.get(t, api, "/positions?user=ada&limit=2"))
	if had := decode[playback.Page](t, before).Total; page.Total != had+1 || page.Items[0].FilmID != "pulp-fiction-1994" || page.Items[1].FilmID != "jackie-brown-1997" {
		t.Errorf("%d of %d: %+v", page.Total, had, page.Items)
	}
	s.send(t, ops, http.MethodPost, "/reset", "")
	if after := s.get(t, api, "/positions?user=ada&limit=50"); string(after.body) != string(before.body) {
		t.Error("after a reset, ada's positions are others than before")
	}
}

func TestStreams(t *testing.T) {
	s := serve(t, "playback")
	for _, f := range worldOf(t).Shelf.All()[:200] {
		a := s.get(t, api, "/films/"+f.ID+"/streams")
		within(t, "streams of "+f.ID, len(a.body), 1500, 2500)
		streams := decode[playback.Streams](t, a)
		if got := a.header.Get("Cache-Control"); got != "public, max-age=60" || len(streams.Items) != 3 || streams.DurationS != int(world.Duration(f).Seconds()) {
			t.Errorf("%s: %q %+v", f.ID, got, streams)
		}
		for i, item := range streams.Items {
			if i > 0 && item.BitrateKbps >= streams.Items[i-1].BitrateKbps || len(item.Audio) == 0 || item.Audio[0] != "en" {
				t.Errorf("%s: %+v", f.ID, item)
			}
		}
	}
}

func TestSessions(t *testing.T) {
	s := serve(t, "playback")
	begin := func(user, device string) *playback.Session {
		t.Helper()
		a := s.send(t, api, http.MethodPost, "/sessions", fmt.Sprintf(`{"user":%q,"film_id":"jackie-brown-1997","device":%q}`, user, device))
		if a.status != http.StatusCreated {
			t.Fatalf("%d %s", a.status, a.body)
		}
		return decode[playback.Session](t, a)
	}
	beat := func(session *playback.Session, seq, position int) answer {
		t.Helper()
		body := fmt.Sprintf(`{"seq":%d,"position_s":%d,"state":"playing"}`, seq, position)
		return s.send(t, api, http.MethodPost, "/sessions/"+session.ID+"/heartbeat", body)
	}
	position := func() int {
		t.Helper()
		return decode[playback.Position](t, s.get(t, api, "/positions/ada/jackie-brown-1997")).PositionS
	}

	first, second, other := begin("ada", "phone"), begin("ada", "set"), begin("ben", "phone")
	if first.PositionS != 6710 || other.PositionS != 0 || first.HeartbeatS != 30 || first.ID == second.ID || !strings.HasSuffix(other.Manifest, "/jackie-brown-1997/hd.mpd") {
		t.Errorf("ada's %+v, ben's %+v", first, other)
	}
	for _, step := range []struct{ seq, position, want int }{{1, 7000, 7000}, {3, 7060, 7060}, {2, 7030, 7060}, {3, 7090, 7060}} {
		if a := beat(first, step.seq, step.position); a.status != http.StatusNoContent || len(a.body) > 0 || position() != step.want {
			t.Errorf("heartbeat %d: %d, position %d; want %d", step.seq, a.status, position(), step.want)
		}
	}
	code(t, beat(first, 4, 99999), http.StatusBadRequest)
	third := begin("ada", "laptop")
	if a := beat(third, 1, 10); code(t, a, http.StatusConflict) != "concurrency-limit" || position() != 7060 {
		t.Errorf("on a third device: %s, position %d", a.body, position())
	}
	for _, session := range []*playback.Session{first, second, other} {
		if a := beat(session, 5, 7100); a.status != http.StatusNoContent {
			t.Errorf("%s beside a third: %d %s", session.ID, a.status, a.body)
		}
	}
	if a := s.send(t, api, http.MethodDelete, "/sessions/"+first.ID, ""); a.status != http.StatusNoContent {
		t.Errorf("the end: %d %s", a.status, a.body)
	}
	code(t, beat(first, 6, 7200), http.StatusNotFound)
	if a := beat(third, 2, 20); a.status != http.StatusNoContent || position() != 20 {
		t.Errorf("the third after the first has ended: %d, position %d", a.status, position())
	}
	s.send(t, ops, http.MethodPost, "/reset", "")
	code(t, beat(second, 9, 1), http.StatusNotFound)
	if again := begin("ada", "phone"); *again != *first {
		t.Errorf("after a reset the first session is %+v, and was %+v", again, first)
	}
}
