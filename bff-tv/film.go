package main

import (
	"time"

	"github.com/triptych-bff/triptych/shared/aggregation"
)

// film is the screen of one film: what it is, where and from when to play it, and
// what is like it.
func film(up upstreams) aggregation.Endpoint {
	me, id := aggregation.Claim("sub"), aggregation.PathParam("id")

	film := up.Catalog.Call("GetFilm", aggregation.Fields{"id": id})
	position := up.Playback.Get("/positions/{}/{}", me, id)
	streams := up.Playback.Get("/films/{}/streams", id).Public()
	similar := up.Recommendations.Call("SimilarTo", aggregation.Fields{"film_id": id, "limit": 8})
	films := up.Catalog.Call("BatchGetFilms", aggregation.Fields{"ids": similar.Each("items.film_id").Max(8)})

	return aggregation.Endpoint{
		Route: "GET /v1/films/{id}", Policy: "member", Limits: []string{"user"}, Budget: 4 * time.Second,
		Parts: []aggregation.Part{
			{Name: "film", From: film, Mask: `{id,title,year,genre,director,minutes:running_time_min,rating:ratings.imdb.score,summary,image:posters[3].url}`},
			{Name: "film", From: film, Mask: `{poster:posters[0].url}`, Merge: aggregation.Deep}, // one mask takes one picture
			{Name: "play", From: position, Mask: `{position_s,duration_s,percent}`, Else: aggregation.Omit},
			{Name: "play", From: streams, Mask: `{manifest:items[0].manifest}`, Else: aggregation.Omit, Merge: aggregation.Deep},
			{
				Name: "similar", From: similar.Join("items.film_id", films, "films.id", "film"),
				Mask: `{items[]{film_id,title:film.title,year:film.year,image:film.posters[0].url}}`, Else: aggregation.Omit,
			},
		},
	}
}
