package main

import (
	"time"

	"github.com/triptych-bff/triptych/shared/aggregation"
)

// dashboard is the browser app's start page, out of five services: the account,
// the orders with their films, what to see next and why, the reviews, and what
// others say of the first recommendation. It carries what the page renders, in
// full sizes.
func dashboard(up upstreams) aggregation.Endpoint {
	me := aggregation.Claim("sub")

	user := up.Users.Get("/users/{}", me)
	orders := up.Orders.Get("/orders", aggregation.Query{"user": me, "limit": 10})
	rented := up.Catalog.Call("BatchGetFilms", aggregation.Fields{"ids": orders.Each("items.film_id").Max(10)})
	picks := up.Recommendations.Call("ForUser", aggregation.Fields{"user_id": me, "limit": 12})
	films := up.Catalog.Call("BatchGetFilms", aggregation.Fields{"ids": picks.Each("items.film_id").Max(12)})
	reviews := up.Reviews.Get("/reviews", aggregation.Query{"user": me, "limit": 10})
	talk := up.Reviews.Get("/reviews", aggregation.Query{"film": picks.Value("items[0].film_id"), "limit": 3}).Public()

	return aggregation.Endpoint{
		Route: "GET /api/dashboard", Policy: "member", Limits: []string{"user"}, Budget: 1500 * time.Millisecond,
		Parts: []aggregation.Part{
			{Name: "user", From: user, Mask: `{id,name,first_name,email,tier,locale,joined_at,avatar{url,width,height,color},preferences{genres,autoplay,subtitles,maturity},stats{rentals,reviews,minutes_watched}}`},
			{
				Name: "orders", From: orders.Join("items.film_id", rented, "films.id", "film"),
				Mask: `{total,items[]{id,kind,state,title,price{amount,currency},placed_at,starts_at,expires_at,progress{position_s,duration_s,percent},film{id,title,year,genre,director,running_time_min,posters[]{url,width,height,layout}}}}`, Else: aggregation.Omit,
			},
			{
				Name: "recommendations", From: picks.Join("items.film_id", films, "films.id", "film"),
				Mask: `{generated_at,items[]{rank,score,reason,reason_code,basis{film_titles,director,genre},film{id,title,year,release_date,genre,director,distributor,mpaa_rating,running_time_min,summary,ratings,posters[]{url,width,height,layout,color},offers[]{id,kind,quality,price{amount,currency}}}}}`, Else: aggregation.Omit,
			},
			{Name: "reviews", From: reviews, Mask: `{total,summary{average,count,histogram},items[]{id,film_id,film_title,rating,title,body,helpful,unhelpful,created_at,edited_at}}`, Else: aggregation.Omit},
			{Name: "talk", From: talk, Mask: `{total,summary{average,count},items[]{id,film_id,film_title,author{name,avatar},rating,title,body,created_at}}`, Else: aggregation.Omit},
		},
	}
}
