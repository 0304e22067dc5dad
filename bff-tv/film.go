package main

import (
	"bytes"
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
			{Name: "poster", From: film, Mask: `{poster:posters[0].url}`},
			{Name: "play", From: position, Mask: `{position_s,duration_s,percent}`, Else: aggregation.Omit},
			{Name: "manifest", From: streams, Mask: `{manifest:items[0].manifest}`, Else: aggregation.Omit},
			{
				Name: "similar", From: similar.Join("items.film_id", films, "films.id", "film"),
				Mask: `{items[]{film_id,title:film.title,year:film.year,image:film.posters[0].url}}`, Else: aggregation.Omit,
			},
		},
		Compose: filmScreen,
	}
}

// filmScreen puts together what one mask cannot: a film and the second of its
// pictures, how far it was played and what to play.
func filmScreen(dst []byte, part func(name string) []byte) ([]byte, error) {
	dst = append(dst, '{')
	dst = appendMember(dst, "film", part("film"), part("poster"))
	dst = appendMember(dst, "play", part("play"), part("manifest"))
	dst = appendMember(dst, "similar", part("similar"))
	return append(dst, '}'), nil
}

// appendMember appends a member with everything that is in the objects, which have
// no name in common. Where all of them are missing or empty, it appends nothing.
func appendMember(dst []byte, name string, objects ...[]byte) []byte {
	var inside [][]byte
	for _, object := range objects {
		if members, ok := bytes.CutPrefix(object, []byte("{")); ok && len(members) > 1 {
			inside = append(inside, bytes.TrimSuffix(members, []byte("}")))
		}
	}
	if len(inside) == 0 {
		return dst
	}
	if !bytes.HasSuffix(dst, []byte("{")) {
		dst = append(dst, ',')
	}
	dst = append(dst, `"`+name+`":{`...)
	dst = append(dst, bytes.Join(inside, []byte(","))...)
	return append(dst, '}')
}
