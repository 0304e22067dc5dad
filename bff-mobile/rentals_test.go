package main

import (
	"net/http"
	"testing"

	"github.com/triptych-bff/triptych/shared/gatewaytest"
)

func TestRentalsContract(t *testing.T) {
	g, _, token := start(t, "ada", "testdata/rentals")
	complete(t, g.Get("/v1/rentals", token), http.StatusOK, "testdata/rentals.golden.json")
}

func TestRentalsNeedTheirScope(t *testing.T) {
	g, issuer := alone(t)
	refused(t, g.Get("/v1/rentals", issuer.Token("ada", "films:read")), http.StatusForbidden, "insufficient-scope")
	refused(t, g.Get("/v1/rentals", ""), http.StatusUnauthorized, "unauthenticated")
	refused(t, take(g, issuer.Token("ada", "films:read orders:read"), fightClub), http.StatusForbidden, "insufficient-scope")
}

// TestRentalsWithout: without its pictures or its orders there is no screen.
func TestRentalsWithout(t *testing.T) {
	for _, service := range []string{"orders", "catalog"} {
		t.Run(service, func(t *testing.T) {
			g, services, token := start(t, "ada", "testdata/rentals")
			services.Stop(service)
			refused(t, g.Get("/v1/rentals", token), http.StatusBadGateway, "unreachable")
		})
	}
}

// take rents a film.
func take(g *gatewaytest.Gateway, token, body string) gatewaytest.Answer {
	return g.Do(http.MethodPost, "/v1/rentals", token, []byte(body), "Content-Type", "application/json")
}

const fightClub = `{"film_id":"fight-club-1999"}`

// TestRentContract rents as ben, whose orders nobody else records.
func TestRentContract(t *testing.T) {
	g, _, token := start(t, "ben", "testdata/rent")
	answer := take(g, token, fightClub)
	complete(t, answer, http.StatusCreated, "testdata/rent.golden.json")
	const limits = `"user";q=600;w=60, "purchases";q=20;w=60`
	if got := answer.Header.Get("RateLimit-Policy"); got != limits {
		t.Errorf("charged to %s, want %s", got, limits)
	}
}

// TestRentKnownContract: a film that is rented already is not paid twice. The Dark
// Knight is among ben's rentals.
func TestRentKnownContract(t *testing.T) {
	g, _, token := start(t, "ben", "testdata/rent_known")
	refused(t, take(g, token, `{"film_id":"the-dark-knight-2008"}`), http.StatusConflict, "conflict")
}

// TestRentUnknownContract: what the catalog does not know is not asked of orders.
func TestRentUnknownContract(t *testing.T) {
	g, services, token := start(t, "ben", "testdata/rent_unknown")
	refused(t, take(g, token, `{"film_id":"no-such-film"}`), http.StatusNotFound, "not-found")
	if n := services.Calls("orders"); n != 0 {
		t.Errorf("orders was called %d times", n)
	}
}

func TestRentNothing(t *testing.T) {
	g, services, token := start(t, "ben", "testdata/rent")
	refused(t, take(g, token, `{"film":"fight-club-1999"}`), http.StatusBadRequest, "bad-request")
	refused(t, take(g, token, `film_id=fight-club-1999`), http.StatusBadRequest, "bad-request")
	if n := services.Calls("orders"); n != 0 {
		t.Errorf("orders was called %d times", n)
	}
}

// TestRentWhenOrdersHang: the rental may have been made, and the answer says so.
func TestRentWhenOrdersHang(t *testing.T) {
	g, services, token := start(t, "ben", "testdata/rent")
	services.Hang("orders")
	refused(t, take(g, token, fightClub), http.StatusBadGateway, "outcome-unknown")
	if n := services.Calls("orders"); n != 1 {
		t.Errorf("orders was called %d times", n)
	}
}

func TestRentWithoutOrders(t *testing.T) {
	g, services, token := start(t, "ben", "testdata/rent")
	services.Stop("orders")
	refused(t, take(g, token, fightClub), http.StatusBadGateway, "unreachable")
}
