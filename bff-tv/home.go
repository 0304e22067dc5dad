package main

import (
	"bytes"
	"time"

	"github.com/triptych-bff/triptych/shared/aggregation"
)

// home is the first screen of the television app: rows that the set draws as
// they come. Every picture has its final address, in the pixels of its row's
// layout, so that an old set calculates nothing.
func home(up upstreams) aggregation.Endpoint {
	me := aggregation.Claim("sub")

	watching := up.Orders.Get("/orders", aggregation.Query{"user": me, "state": "active"})
	watched := up.Catalog.Call("BatchGetFilms", aggregation.Fields{"ids": watching.Each("items.film_id").Max(8)})
	picks := up.Recommendations.Call("ForUser", aggregation.Fields{"user_id": me, "limit": 9})
	films := up.Catalog.Call("BatchGetFilms", aggregation.Fields{"ids": picks.Each("items.film_id").Max(9)})
	best := up.Catalog.Call("ListFilms", aggregation.Fields{"order_by": "rating", "page_size": 8})

	suggested := picks.Join("items.film_id", films, "films.id", "film")
	return aggregation.Endpoint{
		Route: "GET /v1/home", Policy: "member", Limits: []string{"user"}, Budget: 4 * time.Second,
		Parts: []aggregation.Part{
			{Name: "hero", From: suggested, Mask: `{items[:1]{film_id,title:film.title,year:film.year,reason,image:film.posters[3].url}}`, Else: aggregation.Omit},
			{
				Name: "continue", From: watching.Join("items.film_id", watched, "films.id", "film"),
				Mask: `{items[:8]{film_id,title,percent:progress.percent,image:film.posters[2].url}}`, Else: aggregation.Omit,
			},
			{Name: "picks", From: suggested, Mask: `{items[:8]{film_id,title:film.title,year:film.year,reason,image:film.posters[0].url}}`, Else: aggregation.Omit},
			{Name: "best", From: best, Mask: `{items:films[:8]{film_id:id,title,year,image:posters[0].url}}`, Else: aggregation.Omit},
		},
		Compose: rows,
	}
}

// layout of each row, in the order on the screen. The layouts' pixels on a
// 1920 × 1080 interface: hero 1920 × 1080, landscape 416 × 234, poster 240 × 360.
var layout = []struct{ part, head string }{
	{"hero", `{"id":"hero","title":"Tonight","layout":"hero"`},
	{"continue", `{"id":"continue","title":"Continue watching","layout":"landscape"`},
	{"picks", `{"id":"picks","title":"For you","layout":"poster"`},
	{"best", `{"id":"best","title":"Best of all time","layout":"poster"`},
}

// rows puts the parts, each {"items":[…]}, into rows. A row without items is
// not there: nothing on the screen can take the focus and then do nothing.
func rows(dst []byte, part func(name string) []byte) ([]byte, error) {
	empty := dst
	dst = append(dst, `{"first_focus":{"row":0,"index":0},"rows":[`...)
	start := len(dst)
	for _, row := range layout {
		items, ok := bytes.CutPrefix(part(row.part), []byte(`{"items":[{`))
		if !ok {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, row.head...), `,"items":[{`...), items...)
	}
	if len(dst) == start {
		return append(empty, `{"first_focus":null,"rows":[]}`...), nil
	}
	return append(dst, `]}`...), nil
}
