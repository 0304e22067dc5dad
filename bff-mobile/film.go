package main

import (
	"time"

	"github.com/triptych-bff/triptych/shared/aggregation"
)

// film is the screen of one film: what it is and costs, how far you are, what
// others think, and what is like it. Without the film there is no screen. What
// others think is not for children. An app that shows less asks for less, as in
// ?fields=film(id,title),watch.
func film(up upstreams) aggregation.Endpoint {
	me, id := aggregation.Claim("sub"), aggregation.PathParam("id")

	it := up.Catalog.Call("GetFilm", aggregation.Fields{"id": id})
	watch := up.Playback.Get("/positions/{}/{}", me, id)
	user := up.Users.Get("/users/{}", me)
	opinions := up.Reviews.Get("/reviews", aggregation.Query{"film": id, "limit": 2}).Public().
		When(aggregation.Not(aggregation.Eq(user.Value("preferences.maturity"), "kids")))
	similar := up.Recommendations.Call("SimilarTo", aggregation.Fields{"film_id": id, "limit": 6})
	films := up.Catalog.Call("BatchGetFilms", aggregation.Fields{"ids": similar.Each("items.film_id").Max(6)})

	return aggregation.Endpoint{
		Route: "GET /v1/films/{id}", Policy: "member", Limits: []string{"user"}, Budget: 900 * time.Millisecond,
		Fields: true,
		Parts: []aggregation.Part{
			{Name: "film", From: it, Mask: `{id,title,year,genre,director,minutes:running_time_min,rating:ratings.imdb.score,summary,poster:posters[1].url,color:posters[1].color,offers[]{id,kind,quality,price{amount,currency}}}`},
			{Name: "watch", From: watch, Mask: `{position_s,duration_s,percent}`, Else: aggregation.Omit},
			{Name: "opinions", From: opinions, Mask: `{average:summary.average,count:summary.count,items[]{rating,title,author:author.name}}`, Else: aggregation.Omit},
			{
				Name: "similar", From: similar.Join("items.film_id", films, "films.id", "film"),
				Mask: `{items[]{film{id,title,year,poster:posters[0].url}}}`, Else: aggregation.Omit,
			},
		},
	}
}
