package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/triptych-bff/triptych/shared/aggregation"
)

// film is the page of one film: all that the catalog says to those who may buy it,
// what others say of it, what is like it, and what the member has of it already.
func film(up upstreams) aggregation.Endpoint {
	me, id := aggregation.Claim("sub"), aggregation.PathParam("id")

	film := up.Catalog.Call("GetFilm", aggregation.Fields{"id": id})
	reviews := up.Reviews.Get("/reviews", aggregation.Query{"film": id, "limit": 10}).Public()
	similar := up.Recommendations.Call("SimilarTo", aggregation.Fields{"film_id": id, "limit": 8})
	films := up.Catalog.Call("BatchGetFilms", aggregation.Fields{"ids": similar.Each("items.film_id").Max(8)})
	position := up.Playback.Get("/positions/{}/{}", me, id)
	orders := up.Orders.Get("/orders", aggregation.Query{"user": me, "film": id, "limit": 10})

	parts := []aggregation.Part{
		{Name: "film", From: film, Mask: `{id,title,year,release_date,genre,creative_type,director,distributor,source,mpaa_rating,running_time_min,production_budget_usd,us_gross_usd,worldwide_gross_usd,ratings,posters[]{url,width,height,layout,color},summary,maturity,offers[]{id,kind,quality,price{amount,currency},viewing_window_h},audio,subtitles,availability{state,from},keywords}`},
		{Name: "reviews", From: reviews, Mask: `{total,summary{average,count,histogram},items[]{id,author{name,avatar{url,color}},rating,title,body,spoilers,helpful,unhelpful,created_at,edited_at}}`, Else: aggregation.Omit},
		{
			Name: "similar", From: similar.Join("items.film_id", films, "films.id", "film"),
			Mask: `{items[]{reason,film{id,title,year,genre,ratings,posters[]{url,width,height,layout,color}}}}`, Else: aggregation.Omit,
		},
		{Name: "watch", From: position, Mask: `{position_s,duration_s,percent,finished,updated_at,device}`, Else: aggregation.Omit},
		{Name: "mine", From: orders, Mask: `{total,items[]{id,kind,state,outcome,playable,price{amount,currency},placed_at,starts_at,expires_at,delivery{quality}}}`, Else: aggregation.Omit},
	}
	return aggregation.Endpoint{
		Route: "GET /api/pages/films/{id}", Policy: "member", Limits: []string{"user"}, Budget: 1500 * time.Millisecond,
		Parts: parts, Compose: page(parts, filmHead),
	}
}

// filmHead speaks of the film.
func filmHead(part func(name string) []byte) (head, error) {
	var film struct {
		ID, Title, Summary string
		Year               int
		Posters            pictures
	}
	err := json.Unmarshal(part("film"), &film)
	still := film.Posters.largest("hero")
	return head{
		SEO: seo{
			Title: fmt.Sprintf("%s (%d)", film.Title, film.Year), Description: film.Summary,
			Canonical: "/?film=" + url.QueryEscape(film.ID), Image: still,
		},
		Hints: images(still, film.Posters.largest("poster")),
	}, err
}
