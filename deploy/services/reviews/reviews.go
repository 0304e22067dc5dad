// Package reviews is the service that knows what members think of films, about
// 900 bytes a review, 8 to 15 kB a page of twelve:
//
//	GET  /reviews?film=jackie-brown-1997&limit=12    200 Page · 400 · 404 unknown film
//	GET  /reviews?user=ada&limit=12                  200 Page · 400 · 404 unknown user
//	POST /reviews                                    201 Review · 400 · 404 unknown user or film · 409 · 413 · 415 · 507
//
// One of film and user is required; both together give that user's review of
// that film, if there is one. limit is 1 to 50, usually 12. A film's reviews
// come the most helpful first, a user's the newest first.
//
// A review is given with all of
//
//	{"user": "ada", "film": "jackie-brown-1997", "rating": 9, "title": "A favourite", "body": "Nothing in it …"}
//
// title has up to 120 letters, body up to 4000. Nobody reviews a film twice: 409
// (already-reviewed). New reviews are kept in memory, a thousand of them, and no
// other service hears of them.
//
// What is said of a film is public and may be cached for a minute; a list by
// user is that user's own. Ratings are 1 to 10. Times are RFC 3339 in UTC;
// edited_at is null for a review that never was.
//
// A rating scatters around the film's IMDB rating, and the number of people who
// found a review helpful grows with the votes behind it. The text is put
// together from sentences that suit the rating and the film's facts.
package reviews

import (
	"math"
	"time"

	"github.com/triptych-bff/triptych/deploy/services/chance"
	"github.com/triptych-bff/triptych/deploy/services/users"
	"github.com/triptych-bff/triptych/deploy/services/world"
)

// Page is the answer.
type Page struct {
	Items   []*Review `json:"items"`
	Total   int       `json:"total"`   // before the limit
	Summary Summary   `json:"summary"` // of all, not only of the page
}

// Summary tells all reviews at a glance.
type Summary struct {
	Average   float64 `json:"average"` // 0 when there are none
	Count     int     `json:"count"`
	Histogram [10]int `json:"histogram"` // how many of rating 1, 2, … 10
}

// Review is one member's opinion of one film.
type Review struct {
	ID        string     `json:"id"`
	FilmID    string     `json:"film_id"`
	FilmTitle string     `json:"film_title"`
	FilmYear  int        `json:"film_year"`
	Author    Author     `json:"author"`
	Rating    int        `json:"rating"`
	Title     string     `json:"title"`
	Body      string     `json:"body"`
	Language  string     `json:"language"`
	Spoilers  bool       `json:"spoilers"`
	Helpful   int        `json:"helpful"`
	Unhelpful int        `json:"unhelpful"`
	CreatedAt time.Time  `json:"created_at"`
	EditedAt  *time.Time `json:"edited_at"`
	Source    Source     `json:"source"`
}

// Author is who wrote a review.
type Author struct {
	ID      string       `json:"id"`
	Name    string       `json:"name"`
	Avatar  users.Avatar `json:"avatar"`
	Reviews int          `json:"reviews"` // how many in all
	Since   string       `json:"since"`   // the day of joining
}

// Source is how a review came here, and who has looked at it.
type Source struct {
	Channel    string    `json:"channel"` // store (watched here), import
	OrderID    *string   `json:"order_id"`
	Verified   bool      `json:"verified"` // the author has ordered the film
	Moderation string    `json:"moderation"`
	CheckedAt  time.Time `json:"checked_at"`
	Digest     string    `json:"digest"`
}

func summary(all []*world.Review) Summary {
	s := Summary{Count: len(all)}
	sum := 0
	for _, r := range all {
		s.Histogram[r.Rating-1]++
		sum += r.Rating
	}
	if len(all) > 0 {
		s.Average = math.Round(10*float64(sum)/float64(len(all))) / 10
	}
	return s
}

// review makes the answer of r, whose author has written so many in all.
func review(r *world.Review, written int) *Review {
	c := chance.Of("review", r.ID)
	title, body := r.Title, r.Body
	if title == "" {
		title, body = text(c, r)
	}
	answer := &Review{
		ID: r.ID, FilmID: r.Film.ID, FilmTitle: r.Film.Title, FilmYear: r.Film.Year,
		Author: Author{
			ID: r.Member.ID, Name: r.Member.Name(), Avatar: users.AvatarOf(r.Member),
			Reviews: written, Since: r.Member.Joined.Format(time.DateOnly),
		},
		Rating: r.Rating, Title: title, Body: body, Language: "en", Spoilers: c.Is(0.1),
		Helpful: r.Helpful, Unhelpful: r.Unhelpful, CreatedAt: r.Created,
		Source: source(c, r),
	}
	if !r.Edited.IsZero() {
		answer.EditedAt = &r.Edited
	}
	return answer
}

func source(c *chance.Chance, r *world.Review) Source {
	s := Source{
		Channel: "import", Moderation: "approved",
		CheckedAt: r.Created.Add(time.Duration(c.Between(20, 600)) * time.Second), Digest: c.Hex(32),
	}
	if r.Order != nil {
		s.Channel, s.OrderID, s.Verified = "store", &r.Order.ID, true
	}
	return s
}
