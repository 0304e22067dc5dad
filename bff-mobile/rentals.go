package main

import (
	"net/http"
	"time"

	"github.com/triptych-bff/triptych/shared/aggregation"
)

// rentals is the screen of what you can still watch.
func rentals(up upstreams) aggregation.Endpoint {
	me := aggregation.Claim("sub")

	active := up.Orders.Get("/orders", aggregation.Query{"user": me, "state": "active", "limit": 20})
	films := up.Catalog.Call("BatchGetFilms", aggregation.Fields{"ids": active.Each("items.film_id").Max(20)})

	return aggregation.Endpoint{
		Route: "GET /v1/rentals", Policy: "customer", Limits: []string{"user"}, Budget: 900 * time.Millisecond,
		Parts: []aggregation.Part{
			{
				Name: "rentals", From: active.Join("items.film_id", films, "films.id", "film"),
				Mask: `{total,items[]{id,film_id,title,expires_at,percent:progress.percent,film{year,poster:posters[0].url}}}`,
			},
		},
	}
}

// rent takes one film for 48 hours. A film that the catalog does not know is
// never paid for; the balance is shown if it can be had.
func rent(up upstreams) aggregation.Endpoint {
	me, id := aggregation.Claim("sub"), aggregation.BodyValue("film_id")

	film := up.Catalog.Call("GetFilm", aggregation.Fields{"id": id})
	rental := up.Orders.Post("/orders", aggregation.Fields{"user": me, "film_id": id, "kind": "rental", "quality": "hd"})
	wallet := up.Orders.Get("/wallets/{}", rental.Value("user_id")) // when it is paid

	return aggregation.Endpoint{
		Route: "POST /v1/rentals", Policy: "buyer", Limits: []string{"user", "purchases"}, Budget: 2 * time.Second,
		Status: http.StatusCreated,
		Parts: []aggregation.Part{
			{Name: "rental", From: rental, Mask: `{id,film_id,title,expires_at,price{amount,currency}}`},
			{Name: "film", From: film, Mask: `{id,title,year,poster:posters[0].url}`},
			{Name: "wallet", From: wallet, Mask: `{balance,currency}`, Else: aggregation.Omit},
		},
	}
}
