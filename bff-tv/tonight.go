package main

import (
	"context"

	"github.com/triptych-bff/triptych/shared/aggregation"
)

// tonight is the one film that fills the top of the screen: of those that are picked
// for the member, the one that most people like best.
var tonight = aggregation.Func("tonight", best)

// picked is what it is chosen from.
type picked struct {
	Picks struct {
		Items []struct {
			FilmID string `json:"film_id"`
			Reason string `json:"reason"`
		} `json:"items"`
	} `json:"picks"`
	Films struct {
		Films []candidate `json:"films"`
	} `json:"films"`
}

type candidate struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Year    int    `json:"year"`
	Ratings struct {
		IMDB struct {
			Score float64 `json:"score"`
		} `json:"imdb"`
	} `json:"ratings"`
	Posters []struct {
		URL string `json:"url"`
	} `json:"posters"`
}

// chosen is a row of one film, or of none.
type chosen struct {
	Items []hero `json:"items"`
}

type hero struct {
	FilmID string `json:"film_id"`
	Title  string `json:"title"`
	Year   int    `json:"year"`
	Reason string `json:"reason"`
	Image  string `json:"image"`
}

// best chooses: of two that are liked as well, the one that was picked before the
// other. A film without a picture of the screen's size cannot fill it.
func best(_ context.Context, from picked) (chosen, error) {
	const screen = 3 // which of a film's pictures is 1920 × 1080
	c, score := chosen{Items: []hero{}}, -1.0
	for _, pick := range from.Picks.Items {
		for _, f := range from.Films.Films {
			if f.ID != pick.FilmID || f.Ratings.IMDB.Score <= score || len(f.Posters) <= screen {
				continue
			}
			score = f.Ratings.IMDB.Score
			c.Items = []hero{{FilmID: f.ID, Title: f.Title, Year: f.Year, Reason: pick.Reason, Image: f.Posters[screen].URL}}
		}
	}
	return c, nil
}
