package main

import (
	"encoding/json"
	"net/url"
	"time"

	"github.com/triptych-bff/triptych/shared/aggregation"
)

// A row is a line of films on the screen. Every picture has its final address, in
// the pixels of the row's layout, so that an old set calculates nothing. On an
// interface of 1920 × 1080 these are 1920 × 1080 for hero, 416 × 234 for landscape
// and 240 × 360 for poster.
type row struct {
	id, title, layout string
	from              aggregation.Source
	mask              string // makes {"items":[…]} of the source, and "next_page_token" where there are pages
	paged             bool
}

// rows are all rows of the store, in their order on the screen, each with at most
// n films. Those that have pages begin at the page of this token; the first page's
// is "".
func rows(up upstreams, n int, token any) []row {
	me := aggregation.Claim("sub")

	watching := up.Orders.Get("/orders", aggregation.Query{"user": me, "state": "active", "limit": n})
	watched := up.Catalog.Call("BatchGetFilms", aggregation.Fields{"ids": watching.Each("items.film_id").Max(n)})
	picks := up.Recommendations.Call("ForUser", aggregation.Fields{"user_id": me, "limit": n})
	films := up.Catalog.Call("BatchGetFilms", aggregation.Fields{"ids": picks.Each("items.film_id").Max(n)})

	begun := watching.Join("items.film_id", watched, "films.id", "film")
	suggested := picks.Join("items.film_id", films, "films.id", "film")
	best := func(id, title, genre string) row {
		list := up.Catalog.Call("ListFilms", aggregation.Fields{"genre": genre, "order_by": "rating", "page_size": n, "page_token": token}).Public()
		return row{id, title, "poster", list, `{items:films[]{film_id:id,title,year,image:posters[0].url},next_page_token}`, true}
	}

	return []row{
		{"hero", "Tonight", "hero", tonight.Call(aggregation.Fields{"picks": picks.Value(""), "films": films.Value("")}), "", false},
		{"continue", "Continue watching", "landscape", begun, `{items[]{film_id,title,percent:progress.percent,image:film.posters[2].url}}`, false},
		{"picks", "For you", "poster", suggested, `{items[]{film_id,title:film.title,year:film.year,reason,image:film.posters[0].url}}`, false},
		best("best", "Best of all time", ""),
		best("drama", "Drama", "Drama"),
		best("thriller", "Thrillers", "Thriller/Suspense"),
		best("comedy", "Comedy", "Comedy"),
		best("adventure", "Adventure", "Adventure"),
		best("action", "Action", "Action"),
		best("romance", "Romantic comedy", "Romantic Comedy"),
		best("black-comedy", "Black comedy", "Black Comedy"),
		best("horror", "Horror", "Horror"),
		best("western", "Western", "Western"),
		best("musical", "Musical", "Musical"),
		best("documentary", "Documentary", "Documentary"),
	}
}

// alone is every row by itself, but for the hero, which is no more than the first
// of the picks: what fills the shells of home, what comes behind the films that home
// has, and what the set asks for when one row has changed.
func alone(up upstreams) []aggregation.Endpoint {
	const most = 20
	first, further := rows(up, most, "")[1:], rows(up, most, aggregation.QueryParam("page"))[1:]
	var list []aggregation.Endpoint
	for i, r := range first {
		list = append(list, r.endpoint(r.path()))
		if r.paged {
			list = append(list, further[i].endpoint(r.pages()))
		}
	}
	return list
}

func (r row) path() string { return "/v1/rows/" + r.id }

// pages is the path of what comes behind. Which page stands in the query, where any
// token can: the catalog does not say what its tokens are made of.
func (r row) pages() string { return r.path() + "/pages" }

func (r row) endpoint(path string) aggregation.Endpoint {
	return aggregation.Endpoint{
		Route: "GET " + path, Policy: "member", Limits: []string{"user"}, Budget: 4 * time.Second,
		Parts: []aggregation.Part{r.part()},
		Compose: func(dst []byte, part func(name string) []byte) ([]byte, error) {
			l, err := r.filled(part(r.id))
			return appendJSON(dst, l, err)
		},
	}
}

// part is the row's films. A screen that hangs on a wall shows those of yesterday
// rather than none.
func (r row) part() aggregation.Part {
	return aggregation.Part{Name: r.id, From: r.from, Mask: r.mask, Else: aggregation.LastGood(24 * time.Hour)}
}

// line is a row as the set gets it.
type line struct {
	ID     string            `json:"id"`
	Title  string            `json:"title"`
	Layout string            `json:"layout"`
	Items  []json.RawMessage `json:"items"`
	Next   string            `json:"next,omitempty"`  // where the films behind these are
	State  string            `json:"state,omitempty"` // on home: filled or shell
}

// filled is the row with the films of its part.
func (r row) filled(part []byte) (line, error) {
	var films struct {
		Items []json.RawMessage `json:"items"`
		Token string            `json:"next_page_token"`
	}
	err := json.Unmarshal(part, &films)
	l := line{ID: r.id, Title: r.title, Layout: r.layout, Items: append([]json.RawMessage{}, films.Items...)}
	if films.Token != "" {
		l.Next = r.pages() + "?page=" + url.QueryEscape(films.Token)
	}
	return l, err
}

// shell is the row without its films: the set asks for them when the focus comes
// near.
func (r row) shell() line {
	return line{ID: r.id, Title: r.title, Layout: r.layout, Items: []json.RawMessage{}, Next: r.path(), State: "shell"}
}

// appendJSON appends v unless there was an error before.
func appendJSON(dst []byte, v any, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(v)
	return append(dst, text...), err
}
