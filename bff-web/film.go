package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/triptych-bff/triptych/shared/aggregation"
)

// film is the page of one film: all that the catalog says to those who may buy it,
// what others say of it, unless a child looks at it, what is like it, and what the
// member has of it already.
func film(up upstreams) aggregation.Endpoint {
	me, id := aggregation.Claim("sub"), aggregation.PathParam("id")

	film := up.Catalog.Call("GetFilm", aggregation.Fields{"id": id})
	user := up.Users.Get("/users/{}", me)
	reviews := up.Reviews.Get("/reviews", aggregation.Query{"film": id, "limit": 10}).Public().
		When(aggregation.Not(aggregation.Eq(user.Value("preferences.maturity"), "kids")))
	similar := up.Recommendations.Call("SimilarTo", aggregation.Fields{"film_id": id, "limit": 8})
	films := up.Catalog.Call("BatchGetFilms", aggregation.Fields{"ids": similar.Each("items.film_id").Max(8)})
	position := up.Playback.Get("/positions/{}/{}", me, id)
	orders := up.Orders.Get("/orders", aggregation.Query{"user": me, "film": id, "limit": 10})

	about := aggregation.Fields{"film": film.Value("")}

	return aggregation.Endpoint{
		Route: "GET /api/pages/films/{id}", Policy: "member", Limits: []string{"user"}, Budget: 1500 * time.Millisecond,
		Parts: []aggregation.Part{
			{Name: "seo", From: filmSEO.Call(about)},
			{Name: "hints", From: filmHints.Call(about)},
			{Name: "film", From: film, Mask: `{id,title,year,release_date,genre,creative_type,director,distributor,source,mpaa_rating,running_time_min,production_budget_usd,us_gross_usd,worldwide_gross_usd,ratings,posters[]{url,width,height,layout,color},summary,maturity,offers[]{id,kind,quality,price{amount,currency},viewing_window_h},audio,subtitles,availability{state,from},keywords}`},
			{Name: "reviews", From: reviews, Mask: `{total,summary{average,count,histogram},items[]{id,author{name,avatar{url,color}},rating,title,body,spoilers,helpful,unhelpful,created_at,edited_at}}`, Else: aggregation.Omit},
			{
				Name: "similar", From: similar.Join("items.film_id", films, "films.id", "film"),
				Mask: `{items[]{reason,film{id,title,year,genre,ratings,posters[]{url,width,height,layout,color}}}}`, Else: aggregation.Omit,
			},
			{Name: "watch", From: position, Mask: `{position_s,duration_s,percent,finished,updated_at,device}`, Else: aggregation.Omit},
			{Name: "mine", From: orders, Mask: `{total,items[]{id,kind,state,outcome,playable,price{amount,currency},placed_at,starts_at,expires_at,delivery{quality}}}`, Else: aggregation.Omit},
		},
	}
}

// shown is what a page's head is made of.
type shown struct {
	Film struct {
		ID, Title, Summary string
		Year               int
		Posters            pictures
	}
}

var (
	filmSEO = aggregation.Func("film-seo", func(_ context.Context, p shown) (seo, error) {
		return seo{
			Title: fmt.Sprintf("%s (%d)", p.Film.Title, p.Film.Year), Description: p.Film.Summary,
			Canonical: "/?film=" + url.QueryEscape(p.Film.ID), Image: p.Film.Posters.largest("hero"),
		}, nil
	})
	filmHints = aggregation.Func("film-hints", func(_ context.Context, p shown) (hints, error) {
		return images(p.Film.Posters.largest("hero"), p.Film.Posters.largest("poster")), nil
	})
)
