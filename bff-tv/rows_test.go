package main

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

// TestRowContract is what the services answer and what becomes of it, of each kind
// of row and of a last page; make record writes both anew.
func TestRowContract(t *testing.T) {
	g, _, token := start(t, "testdata/rows")
	next := ""
	for _, id := range []string{"continue", "picks", "western"} {
		answer := g.Get("/v1/rows/"+id, token)
		wantFull(t, answer)
		gatewaytest.Golden(t, "testdata/row-"+id+".golden.json", answer.Body)
		next = nextOf(t, answer)
	}
	answer := g.Get(next, token)
	wantFull(t, answer)
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

// TestRowsAreSmall: what a set draws in one line, it reads in one go.
func TestRowsAreSmall(t *testing.T) {
	g, _, token := start(t, "testdata/rows")
	const limit, most = 6 << 10, 20
	for _, id := range []string{"continue", "picks", "western"} {
		answer := g.Get("/v1/rows/"+id, token)
		var row struct{ Items []json.RawMessage }
		if err := json.Unmarshal(answer.Body, &row); err != nil {
			t.Fatal(err)
		}
		if len(answer.Body) > limit || len(row.Items) > most {
			t.Errorf("%s: %d films in %d bytes; a row has at most %d in %d", id, len(row.Items), len(answer.Body), most, limit)
		}
	}
}

// TestRowWithout: a row is nothing without what it is made of.
func TestRowWithout(t *testing.T) {
	for service, id := range map[string]string{"orders": "continue", "recommendations": "picks", "catalog": "western"} {
		t.Run(service, func(t *testing.T) {
			g, services, token := start(t, "testdata/rows")
			services.Stop(service)
			wantProblem(t, g.Get("/v1/rows/"+id, token), http.StatusBadGateway, "unreachable")
		})
	}
}

// TestUnknownRow: nor has every row pages.
func TestUnknownRow(t *testing.T) {
	g, _, token := start(t, "testdata/rows")
	for _, path := range []string{"/v1/rows/cartoons", "/v1/rows/hero", "/v1/rows/picks/pages?page=2", "/v1/rows/western/pages/2"} {
		wantProblem(t, g.Get(path, token), http.StatusNotFound, "no-route")
	}
}

// TestPagesNeedAPage: without one, they are not the first.
func TestPagesNeedAPage(t *testing.T) {
	g, services, token := start(t, "testdata/rows")
	wantProblem(t, g.Get("/v1/rows/western/pages", token), http.StatusBadRequest, "bad-request")
	if n := services.Calls("catalog"); n > 0 {
		t.Errorf("%d calls for no page", n)
	}
}

func TestRowsAreForMembers(t *testing.T) {
	g, _, _ := start(t, "testdata/rows")
	for _, path := range []string{"/v1/rows/western", "/v1/rows/western/pages?page=2"} {
		wantProblem(t, g.Get(path, ""), http.StatusUnauthorized, "unauthenticated")
	}
}
