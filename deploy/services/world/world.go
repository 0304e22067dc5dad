// Package world is who lives in the demo and what they have done: about two
// hundred members of the film store, what they rented and bought, and what they
// think of it. Every service is given the same world and shows its own side
// of it, so that an order is of a film that exists and a review is by somebody
// who does.
//
// Nothing is stored and nothing is rolled twice: the world is derived from the
// film data, from the members' ids and from the moment that is handed in as
// now, by package chance. Two worlds of the same moment are equal. Three
// members are written down by hand, because people sign in as them: ada, who
// watches Tarantino; ben, who watches action; and cleo, a child.
package world

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/triptych-bff/triptych/deploy/services/chance"
	"github.com/triptych-bff/triptych/deploy/services/films"
)

// World is everything that has happened up to a moment. It is immutable.
type World struct {
	Now     time.Time
	Shelf   *films.Shelf
	Members []*Member // by id

	byID    map[string]*Member
	orders  map[string]*Order
	reviews map[string][]*Review // by film id
}

// Member is somebody with an account.
type Member struct {
	ID, FirstName, LastName string
	Place                   Place
	Born, Joined            time.Time
	Tier                    string   // "basic", "plus" or "premium"
	Maturity                string   // "all" or "kids": films rated G or PG
	Genres                  []string // the favourites, the dearest first
	Orders                  []*Order // the newest first
	Reviews                 []*Review
}

// Name is the full name.
func (m *Member) Name() string { return m.FirstName + " " + m.LastName }

// Order is one film rented or bought.
type Order struct {
	ID       string
	Member   *Member
	Film     *films.Film
	Kind     string // "rental" or "purchase"
	Quality  string // "sd", "hd" or "uhd"
	Price    int    // in the minor unit of the member's currency
	Credit   bool   // paid out of the wallet
	Active   bool   // a rental that can still be watched
	Placed   time.Time
	Started  time.Time     // zero: not yet
	Expires  time.Time     // zero for a purchase
	Position time.Duration // how far it was watched
	Duration time.Duration
}

// Review is what a member thinks of a film.
type Review struct {
	ID        string
	Member    *Member
	Film      *films.Film
	Order     *Order // nil when the film was seen elsewhere
	Rating    int    // 1 to 10
	Title     string // as written; empty: to be made up
	Body      string
	Helpful   int
	Unhelpful int
	Created   time.Time
	Edited    time.Time // zero: never
}

// New derives the world of the films at the moment now.
func New(shelf *films.Shelf, now time.Time) *World {
	w := &World{
		Now: now.UTC(), Shelf: shelf,
		byID: map[string]*Member{}, orders: map[string]*Order{}, reviews: map[string][]*Review{},
	}
	popular := slices.SortedFunc(slices.Values(shelf.All()), func(a, b *films.Film) int {
		return cmp.Or(cmp.Compare(b.Votes, a.Votes), cmp.Compare(a.ID, b.ID))
	})
	w.Members = members(w.Now)
	for _, m := range w.Members {
		w.byID[m.ID] = m
		w.order(m)
		w.review(m, popular)
	}
	for _, list := range w.reviews {
		slices.SortFunc(list, func(a, b *Review) int {
			return cmp.Or(cmp.Compare(b.Helpful, a.Helpful), cmp.Compare(a.ID, b.ID))
		})
	}
	return w
}

// Member returns the member of that id, or nil.
func (w *World) Member(id string) *Member { return w.byID[id] }

// Order returns the order of that id, or nil.
func (w *World) Order(id string) *Order { return w.orders[id] }

// Reviews returns the reviews of a film, the most helpful first.
func (w *World) Reviews(filmID string) []*Review { return w.reviews[filmID] }

// Suits reports whether the member may see the film.
func (m *Member) Suits(f *films.Film) bool {
	return m.Maturity != "kids" || f.MPAA == "G" || f.MPAA == "PG"
}

// taste returns a film that the member may like and has not taken yet, or nil.
func (w *World) taste(c *chance.Chance, m *Member, taken map[string]bool) *films.Film {
	for range 200 {
		list := w.Shelf.All()
		if c.Is(0.75) {
			list = w.Shelf.Genre(chance.Skewed(c, m.Genres))
		}
		if f := chance.Skewed(c, list); !taken[f.ID] && m.Suits(f) {
			taken[f.ID] = true
			return f
		}
	}
	return nil
}

// rate scatters around the rating of all, with a point of grace for one's own
// favourite genre.
func rate(c *chance.Chance, m *Member, f *films.Film) int {
	mean := f.IMDB
	if mean == 0 {
		mean = 6.5
	}
	if slices.Contains(m.Genres, f.Genre) {
		mean += 0.5
	}
	return int(math.Round(min(max(mean+1.4*c.Normal(), 1), 10)))
}

// slug makes an id of a name.
func slug(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, " ", "-"))
}
