package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

// TestHomeContract is what the services answer and what becomes of it; make record
// writes both anew.
func TestHomeContract(t *testing.T) {
	g, _, token := start(t, "testdata/home")
	answer := g.Get("/v1/home", token)
	wantFull(t, answer)
	gatewaytest.Golden(t, "testdata/home.golden.json", answer.Body)
}

// TestHomeSuitsOldSets keeps the promises to a set that cannot be updated: a
// length is always given, gzip is the only coding, and the answer is small.
func TestHomeSuitsOldSets(t *testing.T) {
	g, _, token := start(t, "testdata/home")
	const limit = 8 << 10
	answer := g.Get("/v1/home", token)
	if len(answer.Body) > limit {
		t.Errorf("%d bytes; a home has at most %d", len(answer.Body), limit)
	}
	if answer.Header.Get("Content-Length") == "" {
		t.Error("no Content-Length")
	}
	for offered, want := range map[string]string{"gzip, zstd, br": "gzip", "zstd, br": ""} {
		if got := g.Get("/v1/home", token, "Accept-Encoding", offered).Header.Get("Content-Encoding"); got != want {
			t.Errorf("offered %q: content coding %q, want %q", offered, got, want)
		}
	}
}

func TestHomeWithout(t *testing.T) {
	for service, rows := range map[string][]string{
		"recommendations": {"hero", "picks"},
		"orders":          {"continue"},
	} {
		t.Run(service, func(t *testing.T) {
			g, services, token := start(t, "testdata/home")
			services.Stop(service)
			wantWithout(t, g.Get("/v1/home", token), service, rows...)
		})
	}
}

// TestHomeWithoutCatalog: pictures and titles come from there, so nothing is
// left to show.
func TestHomeWithoutCatalog(t *testing.T) {
	g, services, token := start(t, "testdata/home")
	services.Stop("catalog")
	wantProblem(t, g.Get("/v1/home", token), http.StatusBadGateway, "unreachable")
}

func TestHomeNeverWaitsForAHungService(t *testing.T) {
	g, services, token := start(t, "testdata/home")
	services.Hang("orders")
	wantWithout(t, g.Get("/v1/home", token), "orders", "continue")
}

func TestHomeIsForMembers(t *testing.T) {
	g, _, _ := start(t, "testdata/home")
	wantProblem(t, g.Get("/v1/home", ""), http.StatusUnauthorized, "unauthenticated")
}

// TestNextLeadsSomewhere: every address that home gives is one that the set can
// ask for. Without a token it is told who it is that may, not that nothing is there.
func TestNextLeadsSomewhere(t *testing.T) {
	g, _, token := start(t, "testdata/home")
	var screen struct {
		Rows []struct{ ID, Next, State string }
	}
	if err := json.Unmarshal(g.Get("/v1/home", token).Body, &screen); err != nil {
		t.Fatal(err)
	}
	shells := 0
	for _, row := range screen.Rows {
		if row.State == "shell" {
			shells++
		}
		if row.Next != "" {
			wantProblem(t, g.Get(row.Next, ""), http.StatusUnauthorized, "unauthenticated")
		} else if row.State == "shell" {
			t.Errorf("nothing says where the films of %s are", row.ID)
		}
	}
	if shells == 0 {
		t.Error("home has no shells")
	}
}

// TestRowsWithoutFilmsAreNotThere: whatever is drawn full can take the focus.
func TestRowsWithoutFilmsAreNotThere(t *testing.T) {
	filled := []row{
		{id: "hero", title: "Tonight", layout: "hero"},
		{id: "continue", title: "Continue watching", layout: "landscape"},
		{id: "picks", title: "For you", layout: "poster"},
		{id: "best", title: "Best of all time", layout: "poster", paged: true},
	}
	shells := []row{{id: "drama", title: "Drama", layout: "poster", paged: true}}
	const shell = `{"id":"drama","title":"Drama","layout":"poster","items":[],"next":"/v1/rows/drama","state":"shell"}`
	for want, parts := range map[string]map[string]string{
		`{"first_focus":{"row":0,"index":0},"rows":[` +
			`{"id":"picks","title":"For you","layout":"poster","items":[{"id":1}],"state":"filled"},` +
			`{"id":"best","title":"Best of all time","layout":"poster","items":[{"id":2},{"id":3}],"next":"/v1/rows/best/pages?page=a%2Fb%2B","state":"filled"},` +
			shell + `]}`: {
			"hero": `{"items":[]}`, "continue": `null`, "picks": `{"items":[{"id":1}]}`,
			"best": `{"items":[{"id":2},{"id":3}],"next_page_token":"a/b+"}`,
		},
		`{"first_focus":null,"rows":[` + shell + `]}`: {"hero": `{}`, "picks": `{"items":null}`},
	} {
		got, err := screen(filled, shells)(nil, func(name string) []byte {
			if part, ok := parts[name]; ok {
				return []byte(part)
			}
			return nil
		})
		if err != nil || string(got) != want {
			t.Errorf("got  %s, %v\nwant %s", got, err, want)
		}
	}
	if _, err := screen(filled, shells)(nil, func(string) []byte { return []byte(`{"items":1}`) }); err == nil || !strings.Contains(err.Error(), "items") {
		t.Errorf("what is no row makes one: %v", err)
	}
}
