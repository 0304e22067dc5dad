package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

// TestHomeContract is what the services answer and what becomes of it; make record
// writes both anew. The page is rich, and yet no more than one page shows.
func TestHomeContract(t *testing.T) {
	gatewaytest.Screen{
		App: app(), As: member, Ask: "GET /api/pages/home",
		Record: "testdata/home", Golden: "testdata/home.golden.json", MaxBytes: 36 << 10,
	}.Run(t, gatewaytest.Cases{
		"without orders":          {Stop: []string{"orders"}, Missing: []string{"continue"}},
		"without recommendations": {Stop: []string{"recommendations"}, Missing: []string{"recommendations"}},
		"without reviews":         {Stop: []string{"reviews"}, Missing: []string{"reviews"}},
		"without the catalog":     {Stop: []string{"catalog"}, Missing: []string{"continue", "recommendations", "best"}},
		"without users":           {Stop: []string{"users"}, Status: 502, Code: "unreachable"},
		"when reviews hang":       {Hang: []string{"reviews"}, Missing: []string{"reviews"}},
		"for members":             {Anonymous: true, Status: 401, Code: "unauthenticated", Calls: map[string]int{"users": 0}},
		"in a browser of today": {
			Send:   map[string]string{"Accept-Encoding": "gzip, deflate, br, zstd"},
			Header: map[string]string{"Content-Encoding": "zstd"},
		},
	})
}

// TestTopPicture: what is not there is not fetched early, and makes no page fail.
func TestTopPicture(t *testing.T) {
	for posters, want := range map[string]string{
		`[{"url":"/small","layout":"hero"},{"url":"/wide","layout":"hero"},{"url":"/other","layout":"poster"}]`: `{"preload":[{"href":"/wide","as":"image"}]}`,
		`[{"url":"/small","layout":"poster"}]`: `{"preload":[]}`,
		`[]`:                                   `{"preload":[]}`,
		`null`:                                 `{"preload":[]}`,
	} {
		var top topOfPage
		if err := json.Unmarshal([]byte(`{"posters":`+posters+`}`), &top); err != nil {
			t.Fatal(err)
		}
		h, err := topPicture(t.Context(), top)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := json.Marshal(h); string(got) != want {
			t.Errorf("%s: got %s, want %s", posters, got, want)
		}
	}
}

// TestHomeInPieces: a browser draws the frame before any service has answered, and
// each section as it comes.
func TestHomeInPieces(t *testing.T) {
	services := gatewaytest.Replay(t, app(), "testdata/home")
	issuer := gatewaytest.NewIssuer(t, "bff-web", "web-app")
	g := gatewaytest.Start(t, app(), services, issuer)
	services.Stop("reviews")
	a := g.Get("/api/pages/home", issuer.Token(member.Subject, member.Scopes), "Accept", "text/event-stream")
	pieces := strings.Split(strings.TrimSuffix(string(a.Body), "\n\n"), "\n\n")
	if a.Status != 200 || a.Header.Get("Content-Type") != "text/event-stream" || len(pieces) != 9 {
		t.Fatalf("status %d, %d pieces: %s", a.Status, len(pieces), a.Body)
	}
	shell, end := pieces[0], pieces[8]
	if shell != "event: shell\ndata: "+`{"type":"shell","members":["seo","hints","user","continue","recommendations","best","reviews"]}` {
		t.Error(shell)
	}
	if !strings.HasPrefix(end, "event: end\ndata: "+`{"type":"end","completeness":"partial","errors":[{"part":"reviews"`) {
		t.Error(end)
	}
	slices.Sort(pieces)
	for i, name := range []string{"best", "continue", "hints", "recommendations", "reviews", "seo", "user"} {
		if !strings.HasPrefix(pieces[1+i], "event: section\ndata: "+`{"type":"section","name":"`+name+`"`) {
			t.Errorf("%s: %s", name, pieces[1+i])
		}
	}
}
