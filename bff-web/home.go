package main

import (
	"context"
	"time"

	"github.com/triptych-bff/triptych/shared/aggregation"
)

// home is the browser app's start page: who you are, what you have begun, what you
// may like and why, the best there is, and what you have said of films. A browser
// that asks for text/event-stream gets each of them as soon as it is there.
func home(up upstreams) aggregation.Endpoint {
	me := aggregation.Claim("sub")

	user := up.Users.Get("/users/{}", me)
	begun := up.Orders.Get("/orders", aggregation.Query{"user": me, "state": "active", "limit": 10})
	rented := up.Catalog.Call("BatchGetFilms", aggregation.Fields{"ids": begun.Each("items.film_id").Max(10)})
	picks := up.Recommendations.Call("ForUser", aggregation.Fields{"user_id": me, "limit": 12})
	films := up.Catalog.Call("BatchGetFilms", aggregation.Fields{"ids": picks.Each("items.film_id").Max(12)})
	best := up.Catalog.Call("ListFilms", aggregation.Fields{"order_by": "rating", "page_size": 12})
	reviews := up.Reviews.Get("/reviews", aggregation.Query{"user": me, "limit": 5})

	// The picture of the first recommendation fills the top of the page.
	top := homeHints.Call(aggregation.Fields{"posters": films.Value("films[0].posters").Or(nil)})

	return aggregation.Endpoint{
		Route: "GET /api/pages/home", Policy: "member", Limits: []string{"user"}, Budget: 1500 * time.Millisecond,
		Parts: []aggregation.Part{
			{Name: "seo", From: aggregation.Constant(`{"title":"The film store","description":"Films to rent and to keep, chosen for you.","canonical":"/"}`)},
			{Name: "hints", From: top},
			{Name: "user", From: user, Mask: `{id,name,first_name,tier,locale,avatar{url,width,height,color},preferences{genres,autoplay,subtitles,maturity},stats{rentals,active_rentals,purchases,reviews,minutes_watched}}`},
			{
				Name: "continue", From: begun.Join("items.film_id", rented, "films.id", "film"),
				Mask: `{total,items[]{id,film_id,title,kind,expires_at,progress{position_s,duration_s,percent},film{id,title,year,genre,running_time_min,posters[]{url,width,height,layout,color}}}}`, Else: aggregation.Omit,
			},
			{
				Name: "recommendations", From: picks.Join("items.film_id", films, "films.id", "film"),
				Mask: `{generated_at,items[]{rank,reason,reason_code,basis{film_titles,director,genre},film{id,title,year,genre,director,mpaa_rating,running_time_min,summary,ratings,posters[]{url,width,height,layout,color}}}}`, Else: aggregation.Omit,
			},
			{Name: "best", From: best, Mask: `{items:films[]{id,title,year,genre,director,ratings,posters[]{url,width,height,layout,color}}}`, Else: aggregation.Omit},
			{Name: "reviews", From: reviews, Mask: `{total,summary{average,count,histogram},items[]{id,film_id,film_title,film_year,rating,title,body,helpful,created_at,edited_at}}`, Else: aggregation.Omit},
		},
	}
}

// topOfPage is what fills it.
type topOfPage struct{ Posters pictures }

// topPicture has the largest fetched early.
func topPicture(_ context.Context, p topOfPage) (hints, error) {
	return images(p.Posters.largest("hero")), nil
}

var homeHints = aggregation.Func("home-hints", topPicture)
