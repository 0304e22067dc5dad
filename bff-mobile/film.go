package main

import (
	"time"

	"github.com/triptych-bff/triptych/shared/aggregation"
)

// film is the screen of one film: what it is and costs, how far you are, what
// others think, and what is like it. Without the film there is no screen.
func film(up upstreams) aggregation.Endpoint {
	me, id := aggregation.Claim("sub"), aggregation.PathParam("id")

	it := up.Catalog.Call("GetFilm", aggregation.Fields{"id": id})
	watch := up.Playback.Get("/positions/{}/{}", me, id)
	opinions := up.Reviews.Get("/reviews", aggregation.Query{"film": id, "limit": 2}).Public()
	similar := up.Recommendations.Call("SimilarTo", aggregation.Fields{"film_id": id, "limit": 6})
	films := up.Catalog.Call("BatchGetFilms", aggregation.Fields{"ids": similar.Each("items.film_id").Max(6)})

	return aggregation.Endpoint{
		Route: "GET /v1/films/{id}", Policy: "member", Limits: []string{"user"}, Budget: 900 * time.Millisecond,
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
