package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// uses are the services that each first screen is made of.
var uses = map[string][]string{
	"bff-mobile": {"users", "orders", "catalog", "recommendations", "playback"},
	"bff-web":    {"users", "orders", "reviews", "catalog", "recommendations"},
	"bff-tv":     {"orders", "catalog", "recommendations"},
}

func TestEveryScreenIsMadeOfItsServices(t *testing.T) {
	w := open(t)
	for _, gateway := range gateways {
		before := map[string]stats{}
		for _, service := range services {
			before[service] = w.stats(service)
		}
		a := w.get(gateway, screens[gateway], w.token(client(gateway), "ada"))
		if a.status != http.StatusOK || a.header.Get("BFF-Completeness") != "full" || !json.Valid(a.body) {
			t.Fatalf("%s: status %d, completeness %q: %s", gateway, a.status, a.header.Get("BFF-Completeness"), a.body)
		}
		behind := 0
		for _, service := range services {
			after := w.stats(service)
			behind += after.Bytes - before[service].Bytes
			used := after.Requests > before[service].Requests
			if should := contains(uses[gateway], service); used != should {
				t.Errorf("%s: %s was called: %v, not %v", gateway, service, used, should)
			}
		}
		t.Logf("%s: %d bytes out of %d of the services", gateway, len(a.body), behind)
		if gateway == "bff-mobile" && len(a.body)*10 > behind {
			t.Errorf("the phone gets %d bytes of %d, which is more than a tenth", len(a.body), behind)
		}
	}
}

func contains(list []string, s string) bool {
	for _, have := range list {
		if have == s {
			return true
		}
	}
	return false
}

// TestWhatIsTheSameForEverybodyIsAskedForOnce: the second person who is shown a
// film gets the talk about it from the gateway's memory.
func TestWhatIsTheSameForEverybodyIsAskedForOnce(t *testing.T) {
	w := open(t)
	token := w.token("web", "ada")
	for i, want := range []int{2, 3} { // her own reviews, and once the talk
		if a := w.get("bff-web", "/api/dashboard", token); a.status != http.StatusOK || a.header.Get("BFF-Completeness") != "full" {
			t.Fatalf("status %d: %s", a.status, a.body)
		}
		if got := w.stats("reviews").Requests; got != want {
			t.Errorf("after request %d: reviews was called %d times, not %d", i+1, got, want)
		}
	}
}

func TestScreensAreEncodedAsTheirClientsLikeIt(t *testing.T) {
	w := open(t)
	for _, test := range []struct{ gateway, offered, want string }{
		{"bff-mobile", "gzip, deflate, br, zstd", "zstd"},
		{"bff-mobile", "gzip", "gzip"},
		{"bff-mobile", "gzip;q=1, zstd;q=0.5", "gzip"},
		{"bff-mobile", "identity", ""},
		{"bff-web", "gzip, zstd", "zstd"},
		{"bff-tv", "gzip, zstd", "gzip"},
		{"bff-tv", "gzip;q=0", ""},
	} {
		a := w.get(test.gateway, screens[test.gateway], w.token(client(test.gateway), "ada"), "Accept-Encoding", test.offered)
		if got := a.header.Get("Content-Encoding"); a.status != http.StatusOK || got != test.want {
			t.Errorf("%s, offered %q: status %d, coding %q, not %q", test.gateway, test.offered, a.status, got, test.want)
		}
		if a.header.Get("Vary") == "" {
			t.Errorf("%s: no Vary", test.gateway)
		}
	}
}

func TestWithoutRecommendations(t *testing.T) {
	w := open(t)
	w.stop("recommendations")
	for gateway, part := range map[string]string{"bff-mobile": "picks", "bff-web": "recommendations", "bff-tv": "picks"} {
		a := w.get(gateway, screens[gateway], w.token(client(gateway), "ada"))
		if a.status != http.StatusOK {
			t.Errorf("%s: status %d: %s", gateway, a.status, a.body)
			continue
		}
		if got := a.header.Get("BFF-Completeness"); !strings.HasPrefix(got, "partial, missing=(") || !strings.Contains(got, `"`+part+`"`) {
			t.Errorf("%s: completeness %q", gateway, got)
		}
		var body struct {
			Meta struct {
				Errors []struct{ Part, Source, Code string }
			} `json:"_meta"`
		}
		if err := json.Unmarshal(a.body, &body); err != nil {
			t.Fatal(err)
		}
		named := false
		for _, e := range body.Meta.Errors {
			named = named || e.Part == part && e.Source == "recommendations" && e.Code == "unreachable"
		}
		if !named {
			t.Errorf("%s: the body does not name the part: %+v", gateway, body.Meta)
		}
	}
}

func TestWithoutUsers(t *testing.T) {
	w := open(t)
	w.stop("users")
	for _, gateway := range []string{"bff-mobile", "bff-web"} {
		a := w.get(gateway, screens[gateway], w.token(client(gateway), "ada"))
		if code := a.problem(t); a.status != http.StatusBadGateway || code != "unreachable" {
			t.Errorf("%s: status %d, code %q", gateway, a.status, code)
		}
		if strings.Contains(string(a.body), w.addr["users"]) {
			t.Errorf("%s: the problem tells where the service is: %s", gateway, a.body)
		}
	}
	if a := w.get("bff-tv", "/v1/home", w.token("tv", "ada")); a.status != http.StatusOK {
		t.Errorf("bff-tv does not use it, and yet: status %d: %s", a.status, a.body)
	}
}

// TestAHungServiceNeverHoldsAScreen: the client's patience is far longer than
// any budget, so an answer at all is within one.
func TestAHungServiceNeverHoldsAScreen(t *testing.T) {
	w := open(t)
	w.hang("orders")
	for _, gateway := range gateways {
		a := w.get(gateway, screens[gateway], w.token(client(gateway), "ada"))
		if got := a.header.Get("BFF-Completeness"); a.status != http.StatusOK || !strings.HasPrefix(got, "partial") {
			t.Errorf("%s: status %d, completeness %q: %s", gateway, a.status, got, a.body)
		}
	}
	w.hang("users")
	a := w.get("bff-mobile", "/v1/home", w.token("mobile", "ada"))
	if code := a.problem(t); a.status != http.StatusGatewayTimeout || code != "upstream-timeout" {
		t.Errorf("status %d, code %q", a.status, code)
	}
}

func TestAClientThatLeavesCancelsTheCalls(t *testing.T) {
	w := open(t)
	token := w.token("tv", "ada")
	w.hang("orders") // its screen waits up to four seconds
	ctx, leave := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer leave()
	if _, err := w.try(ctx, "bff-tv", "/v1/home", token); err == nil {
		t.Fatal("the screen was there before the client could leave")
	}
	w.eventually("no call is under way", func() bool {
		return strings.Contains(string(w.admin("bff-tv", "/metrics").body), "\nupstream_unfinished_calls 0\n")
	})
	w.eventually("the log shows a client that has left", func() bool {
		return strings.Contains(w.run["bff-tv"].out.String(), `"code":"client-closed"`)
	})
}

func TestPassThrough(t *testing.T) {
	w := open(t)
	for _, gateway := range gateways {
		token := w.token(client(gateway), "ada")
		user := w.get(gateway, "/api/users/ada", token)
		if user.status != http.StatusOK || !strings.Contains(string(user.body), `"id":"ada"`) {
			t.Errorf("%s: user: status %d: %s", gateway, user.status, user.body)
		}
		film := w.get(gateway, "/api/films/pulp-fiction-1994", token)
		if film.status != http.StatusOK || !strings.Contains(string(film.body), `"title":"Pulp Fiction"`) {
			t.Errorf("%s: film: status %d: %s", gateway, film.status, film.body)
		}
		absent := w.get(gateway, "/api/films/no-such-film", token)
		if code := absent.problem(t); absent.status != http.StatusNotFound || code != "not-found" {
			t.Errorf("%s: absent film: status %d, code %q", gateway, absent.status, code)
		}
		nowhere := w.get(gateway, "/nowhere", token)
		if code := nowhere.problem(t); nowhere.status != http.StatusNotFound || code != "no-route" {
			t.Errorf("%s: nowhere: status %d, code %q", gateway, nowhere.status, code)
		}
	}
}

func TestPicturesAreThere(t *testing.T) {
	w := open(t)
	a := w.get("bff-tv", "/v1/home", w.token("tv", "ada"))
	var home struct {
		Rows []struct {
			ID, State string
			Items     []struct{ Image string }
		}
	}
	if err := json.Unmarshal(a.body, &home); err != nil || len(home.Rows) < 4 {
		t.Fatalf("%v: %s", err, a.body)
	}
	for i, row := range home.Rows {
		if row.State != "filled" && i >= 4 {
			continue // a shell, which has no pictures yet
		}
		resp, err := http.Get(row.Items[0].Image)
		if err != nil {
			t.Fatalf("row %s: %v", row.ID, err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "image/") {
			t.Errorf("row %s: %s: status %d", row.ID, row.Items[0].Image, resp.StatusCode)
		}
	}
}
