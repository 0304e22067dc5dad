package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

// TestHomeContract is what the services answer and what becomes of it; make record
// writes both anew. A set that cannot be updated is promised a length, a small
// answer, and no coding but gzip.
func TestHomeContract(t *testing.T) {
	gatewaytest.Screen{
		App: app(), As: member, Ask: "GET /v1/home",
		Record: "testdata/home", Golden: "testdata/home.golden.json", MaxBytes: 8 << 10,
		Check: suitsOldSets,
	}.Run(t, gatewaytest.Cases{
		"without recommendations": {Stop: []string{"recommendations"}, Missing: []string{"hero", "picks"}},
		"without orders":          {Stop: []string{"orders"}, Missing: []string{"continue"}},
		"when orders hang":        {Hang: []string{"orders"}, Missing: []string{"continue"}},
		// Pictures and titles come from there, so nothing is left to show.
		"without the catalog": {Stop: []string{"catalog"}, Status: 502, Code: "unreachable"},
		// A set that hangs on the wall shows what it had.
		"when all of them stop": {
			Before: 1, Stop: []string{"catalog", "orders", "recommendations"},
			Stale: []string{"hero", "continue", "picks", "best"},
		},
		"for members": {Anonymous: true, Status: 401, Code: "unauthenticated"},
		"compressed": {
			Send:   map[string]string{"Accept-Encoding": "gzip, zstd, br"},
			Header: map[string]string{"Content-Encoding": "gzip"},
		},
		"in codings that no set reads": {
			Send:   map[string]string{"Accept-Encoding": "zstd, br"},
			Header: map[string]string{"Content-Encoding": ""},
		},
	})
}

// suitsOldSets: the length is given, and no row is drawn that is named as missing.
func suitsOldSets(t testing.TB, a gatewaytest.Answer) {
	if a.Header.Get("Content-Length") == "" {
		t.Error("no Content-Length")
	}
	said, err := a.Completeness()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rowsOf(t, a) {
		if slices.Contains(said.Missing, row.ID) {
			t.Errorf("%s is there all the same: %s", row.ID, a.Body)
		}
	}
}

// drawn is a row as the set sees it.
type drawn struct{ ID, Next, State string }

func rowsOf(t testing.TB, a gatewaytest.Answer) []drawn {
	t.Helper()
	var screen struct{ Rows []drawn }
	if err := json.Unmarshal(a.Plain(t), &screen); err != nil {
		t.Fatal(err)
	}
	return screen.Rows
}

// TestNextLeadsSomewhere: every address that home gives is one that the set can
// ask for. Without a token it is told who it is that may, not that nothing is there.
func TestNextLeadsSomewhere(t *testing.T) {
	issuer := gatewaytest.NewIssuer(t, "bff-tv", "tv-app")
	g := gatewaytest.Start(t, app(), gatewaytest.Replay(t, app(), "testdata/home"), issuer)
	shells := 0
	for _, row := range rowsOf(t, g.Get("/v1/home", issuer.Token(member.Subject, member.Scopes))) {
		if row.State == "shell" {
			shells++
		}
		if row.Next != "" {
			g.Get(row.Next, "").Refused(t, http.StatusUnauthorized, "unauthenticated")
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
