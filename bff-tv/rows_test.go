package main

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

// TestRowContract is what the services answer and what becomes of it, of each kind
// of row and of a last page, which only the page before knows; make record writes
// both anew.
func TestRowContract(t *testing.T) {
	issuer := gatewaytest.NewIssuer(t, "bff-tv", "tv-app")
	g := gatewaytest.Start(t, app(), gatewaytest.Replay(t, app(), "testdata/rows"), issuer)
	token := issuer.Token(member.Subject, member.Scopes)
	next := ""
	for _, id := range []string{"continue", "picks", "western"} {
		answer := g.Get("/v1/rows/"+id, token)
		answer.Whole(t, http.StatusOK)
		gatewaytest.Golden(t, "testdata/row-"+id+".golden.json", answer.Body)
		next = nextOf(t, answer)
	}
	answer := g.Get(next, token)
	answer.Whole(t, http.StatusOK)
	gatewaytest.Golden(t, "testdata/row-western-2.golden.json", answer.Body)
	if more := nextOf(t, answer); more != "" {
		t.Errorf("behind the last page there is %s", more)
	}
}

func nextOf(t *testing.T, answer gatewaytest.Answer) string {
	t.Helper()
	var row struct{ Next string }
	if err := json.Unmarshal(answer.Body, &row); err != nil {
		t.Fatal(err)
	}
	return row.Next
}

// TestRows: a row is nothing without what it is made of.
func TestRows(t *testing.T) {
	for id, service := range map[string]string{"continue": "orders", "picks": "recommendations", "western": "catalog"} {
		t.Run(id, func(t *testing.T) {
			rowScreen(id).Run(t, gatewaytest.Cases{
				"without " + service: {Stop: []string{service}, Status: 502, Code: "unreachable"},
				"for members":        {Anonymous: true, Status: 401, Code: "unauthenticated", Calls: map[string]int{service: 0}},
			})
		})
	}
}

// rowScreen is a row by itself. What a set draws in one line, it reads in one go.
func rowScreen(id string) gatewaytest.Screen {
	return gatewaytest.Screen{
		App: app(), As: member, Ask: "GET /v1/rows/" + id,
		Record: "testdata/rows", Golden: "testdata/row-" + id + ".golden.json", MaxBytes: 6 << 10,
		Check: func(t testing.TB, a gatewaytest.Answer) {
			var row struct{ Items []json.RawMessage }
			if err := json.Unmarshal(a.Body, &row); err != nil {
				t.Fatal(err)
			}
			if most := 20; len(row.Items) > most {
				t.Errorf("%d films; a row has at most %d", len(row.Items), most)
			}
		},
	}
}

// TestPages: without a page, they are not the first.
func TestPages(t *testing.T) {
	for name, c := range map[string]gatewaytest.Case{
		"without a page":        {Ask: "GET /v1/rows/western/pages", Status: 400, Code: "bad-request", Calls: map[string]int{"catalog": 0}},
		"for members":           {Ask: "GET /v1/rows/western/pages?page=2", Anonymous: true, Status: 401, Code: "unauthenticated"},
		"as a path":             {Ask: "GET /v1/rows/western/pages/2", Status: 404, Code: "no-route"},
		"of a row without them": {Ask: "GET /v1/rows/picks/pages?page=2", Status: 404, Code: "no-route"},
		"of an unknown row":     {Ask: "GET /v1/rows/cartoons", Status: 404, Code: "no-route"},
		"of no row by itself":   {Ask: "GET /v1/rows/hero", Status: 404, Code: "no-route"},
	} {
		t.Run(name, func(t *testing.T) { rowScreen("western").Try(t, c) })
	}
}
