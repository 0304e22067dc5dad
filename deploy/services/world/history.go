package world

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/triptych-bff/triptych/deploy/services/chance"
	"github.com/triptych-bff/triptych/deploy/services/films"
)

const (
	// StartWithin is how long a rental waits for its first play.
	StartWithin = 30 * 24 * time.Hour
	// WatchWithin is how long it lasts from then on.
	WatchWithin = 48 * time.Hour
)

// known is what the three members have certainly ordered, the newest first.
// The first four are rentals that still run.
var known = map[string][]string{
	"ada": {
		"jackie-brown-1997", "memento-2001", "the-usual-suspects-1995", "fargo-1996",
		"reservoir-dogs-1992", "true-romance-1993", "trainspotting-1996",
	},
	"ben": {
		"the-dark-knight-2008", "gladiator-2000", "the-bourne-identity-2002", "the-hangover-2009",
		"iron-man-2008", "casino-royale-2006",
	},
	"cleo": {
		"finding-nemo-2003", "ratatouille-2007", "toy-story-1995", "the-wizard-of-oz-1939",
		"shrek-2001", "babe-1995",
	},
}

// prices in minor units, by kind and quality.
var prices = map[string]int{
	"rental/sd": 299, "rental/hd": 399, "rental/uhd": 499,
	"purchase/sd": 799, "purchase/hd": 999, "purchase/uhd": 1399,
}

// Price is what a film costs, in the currency's minor unit. Old films cost 1.00
// less for every whole 3.00, so that prices still end in 99.
func Price(f *films.Film, kind, quality string) int {
	price := prices[kind+"/"+quality]
	if f.Year < 1990 {
		price -= price / 300 * 100
	}
	return price
}

// Duration is how long the film's file plays, which is known even where the
// data does not say how long the film runs.
func Duration(f *films.Film) time.Duration {
	c := chance.Of("duration", f.ID)
	minutes, seconds := int(f.Minutes), c.IntN(60)
	if minutes == 0 {
		minutes = c.Between(84, 131)
	}
	return time.Duration(minutes)*time.Minute + time.Duration(seconds)*time.Second
}

// order gives the member's orders, the newest first.
func (w *World) order(m *Member) {
	c := chance.Of("orders", m.ID)
	active, total := c.Between(1, 4), c.Between(18, 60)
	if known[m.ID] != nil {
		active = 4
	}
	taken := map[string]bool{}
	for i, f := range w.chosen(c, m, total, taken) {
		o := &Order{ID: fmt.Sprintf("%s-%04d", m.ID, total-i), Member: m, Film: f, Active: i < active, Duration: Duration(f)}
		o.Kind, o.Quality = "rental", chance.Pick(c, []string{"sd", "hd", "hd", "uhd"})
		if !o.Active && c.Is(0.2) {
			o.Kind = "purchase"
		}
		o.Price = Price(f, o.Kind, o.Quality)
		w.schedule(c, o, i, total)
		m.Orders = append(m.Orders, o)
		w.orders[o.ID] = o
	}
}

// chosen returns what the member takes, the newest first.
func (w *World) chosen(c *chance.Chance, m *Member, total int, taken map[string]bool) []*films.Film {
	var list []*films.Film
	for _, id := range known[m.ID] {
		if f := w.Shelf.Film(id); f != nil {
			taken[id] = true
			list = append(list, f)
		}
	}
	for len(list) < total {
		f := w.taste(c, m, taken)
		if f == nil {
			break
		}
		list = append(list, f)
	}
	return list
}

// schedule says when the order, the i-th newest of total, was placed, played
// and run out, and how far it was watched.
func (w *World) schedule(c *chance.Chance, o *Order, i, total int) {
	if o.Active {
		w.scheduleActive(c, o, i)
		return
	}
	// The past ones lie evenly between joining and a month ago, each in its
	// own span, so that their order is their age.
	last := w.Now.Add(-StartWithin - WatchWithin)
	span := (last.Sub(o.Member.Joined) / time.Duration(total)).Truncate(time.Second)
	o.Placed = last.Add(-span*time.Duration(i) - moment(c, span))
	o.Started = o.Placed.Add(moment(c, 20*time.Hour))
	if o.Kind == "rental" {
		o.Expires = o.Started.Add(WatchWithin)
	}
	o.Position = o.Duration
	if c.Is(0.15) {
		o.Position = fraction(o.Duration, c.Float())
	}
}

// scheduleActive makes every other rental one that was begun a few hours ago,
// and the rest ones that wait.
func (w *World) scheduleActive(c *chance.Chance, o *Order, i int) {
	o.Placed = w.Now.Add(-time.Duration(i)*36*time.Hour - 4*time.Hour - moment(c, 30*time.Hour))
	o.Expires = o.Placed.Add(StartWithin)
	if i%2 == 0 {
		o.Started = o.Placed.Add(moment(c, 2*time.Hour))
		if oldest := w.Now.Add(-40 * time.Hour); o.Started.Before(oldest) {
			o.Started = oldest.Add(moment(c, 30*time.Hour))
		}
		o.Expires = o.Started.Add(WatchWithin)
		o.Position = fraction(o.Duration, 0.05+0.85*c.Float())
	}
}

// moment is a whole number of seconds below d.
func moment(c *chance.Chance, d time.Duration) time.Duration {
	return fraction(d, c.Float())
}

func fraction(d time.Duration, f float64) time.Duration {
	return time.Duration(float64(d) * f).Truncate(time.Second)
}

// review gives the member's reviews, the newest first: of half of what they
// watched here, and of well-known films that they saw elsewhere.
func (w *World) review(m *Member, popular []*films.Film) {
	c := chance.Of("reviews", m.ID)
	done := map[string]bool{}
	for _, o := range m.Orders {
		done[o.Film.ID] = true
		if !o.Active && c.Is(0.5) {
			w.write(c, &Review{Member: m, Film: o.Film, Order: o, Created: o.Placed.Add(30*time.Hour + moment(c, 24*20*time.Hour))})
		}
	}
	for range 60 {
		if f := chance.Skewed(c, popular); !done[f.ID] && m.Suits(f) {
			done[f.ID] = true
			w.write(c, &Review{Member: m, Film: f, Created: m.Joined.Add(moment(c, w.Now.Sub(m.Joined)))})
		}
	}
	slices.SortFunc(m.Reviews, func(a, b *Review) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID))
	})
}

// write completes the review: how many found it helpful grows with the number
// of people who know the film.
func (w *World) write(c *chance.Chance, r *Review) {
	r.ID = r.Member.ID + "." + r.Film.ID
	r.Rating = rate(c, r.Member, r.Film)
	reach := math.Sqrt(float64(r.Film.Votes))
	r.Helpful = int(reach * c.Float() * c.Float())
	r.Unhelpful = int(float64(r.Helpful) * c.Float() * 0.4)
	if c.Is(0.15) {
		r.Edited = r.Created.Add(moment(c, w.Now.Sub(r.Created)))
	}
	r.Member.Reviews = append(r.Member.Reviews, r)
	w.reviews[r.Film.ID] = append(w.reviews[r.Film.ID], r)
}
