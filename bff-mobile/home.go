package main

import (
	"time"

	"github.com/triptych-bff/triptych/shared/aggregation"
)

// home is the first screen of the phone app: who you are, what you are watching
// and what you may like. It carries what the screen shows and nothing else.
func home(up upstreams) aggregation.Endpoint {
	me := aggregation.Claim("sub")

	user := up.Users.Get("/users/{}", me)
	rentals := up.Orders.Get("/orders", aggregation.Query{"user": me, "state": "active", "limit": 3})
	watched := rentals.ForEach("items", "watch", func(rental aggregation.Item) *aggregation.Call {
		return up.Playback.Get("/positions/{}/{}", me, rental.Value("film_id")) // orders hears of it only later
	}).Max(3)
	picks := up.Recommendations.Call("ForUser", aggregation.Fields{"user_id": me, "limit": 8})
	films := up.Catalog.Call("BatchGetFilms", aggregation.Fields{"ids": picks.Each("items.film_id").Max(8)})

	return aggregation.Endpoint{
		Route: "GET /v1/home", Policy: "member", Limits: []string{"user"}, Budget: 900 * time.Millisecond,
		Parts: []aggregation.Part{
			{Name: "user", From: user, Mask: `{id,name:first_name,avatar:avatar.url}`},
			{Name: "rentals", From: watched, Mask: `{items[:3]{id,film_id,title,expires_at,percent:watch.percent}}`, Else: aggregation.Omit},
			{
				Name: "picks", From: picks.Join("items.film_id", films, "films.id", "film"),
				Mask: `{items[]{reason,film{id,title,year,poster:posters[0].url}}}`, Else: aggregation.Omit,
			},
		},
	}
}
