package world

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/triptych-bff/triptych/deploy/services/films"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func build(t *testing.T) *World {
	t.Helper()
	shelf, err := films.Load()
	if err != nil {
		t.Fatal(err)
	}
	return New(shelf, now)
}

func TestMembers(t *testing.T) {
	w := build(t)
	if len(w.Members) != population+3 {
		t.Errorf("there are %d members", len(w.Members))
	}
	kids := 0
	for _, m := range w.Members {
		if w.Member(m.ID) != m || m.Born.After(m.Joined) || m.Joined.After(now) || len(m.Genres) != 3 {
			t.Errorf("%+v", m)
		}
		if m.Maturity == "kids" {
			kids++
		}
	}
	if kids < 10 || kids > 40 {
		t.Errorf("%d members are children", kids)
	}
	for id, maturity := range map[string]string{"ada": "all", "ben": "all", "cleo": "kids"} {
		if m := w.Member(id); m == nil || m.Maturity != maturity {
			t.Errorf("%s is %+v", id, m)
		}
	}
}

func TestOrders(t *testing.T) {
	w := build(t)
	for _, m := range w.Members {
		taken := map[*films.Film]bool{}
		for i, o := range m.Orders {
			forKids := o.Film.MPAA == "G" || o.Film.MPAA == "PG"
			if taken[o.Film] || m.Maturity == "kids" && !forKids || w.Order(o.ID) != o {
				t.Errorf("%s of %s", o.ID, o.Film.ID)
			}
			taken[o.Film] = true
			if i > 0 && o.Placed.After(m.Orders[i-1].Placed) {
				t.Errorf("%s is newer than the one before it", o.ID)
			}
			if o.Placed.Before(m.Joined) || o.Placed.After(now) || o.Started.After(now) || o.Placed.Nanosecond() != 0 {
				t.Errorf("%s: joined %v, placed %v, started %v", o.ID, m.Joined, o.Placed, o.Started)
			}
			if o.Active != (o.Kind == "rental" && o.Expires.After(now)) || o.Position > o.Duration || o.Price < 199 {
				t.Errorf("%s: %+v", o.ID, o)
			}
		}
		// Whoever adds orders counts on.
		if want := fmt.Sprintf("%s-%04d", m.ID, len(m.Orders)); m.Orders[0].ID != want {
			t.Errorf("the newest order of %s is %s; want %s", m.ID, m.Orders[0].ID, want)
		}
		if len(m.Orders) < 18 {
			t.Errorf("%s has %d orders", m.ID, len(m.Orders))
		}
	}
}

func TestKnown(t *testing.T) {
	w := build(t)
	for id, list := range known {
		for i, film := range list {
			if got := w.Member(id).Orders[i].Film.ID; got != film {
				t.Errorf("%s ordered %s; want %s", id, got, film)
			}
		}
	}
}

// Whoever signs in as another sees another store.
func TestKnownDiffer(t *testing.T) {
	w := build(t)
	owners, genres := map[string][]string{}, map[string]string{}
	for id := range known {
		m, counts := w.Member(id), map[string]int{}
		for _, o := range m.Orders {
			owners[o.Film.ID] = append(owners[o.Film.ID], id)
			counts[o.Film.Genre]++
		}
		most := slices.MaxFunc(slices.Collect(maps.Keys(counts)), func(a, b string) int { return cmp.Compare(counts[a], counts[b]) })
		if genres[most] != "" {
			t.Errorf("%s and %s order above all %s", id, genres[most], most)
		}
		genres[most] = id
	}
	shared := 0
	for _, list := range owners {
		if len(list) > 1 {
			shared++
		}
	}
	if len(owners) < 100 || shared > 5 {
		t.Errorf("of %d films %d are ordered by more than one of them", len(owners), shared)
	}
}

func TestReviews(t *testing.T) {
	w := build(t)
	total, votes := 0, map[bool]int{}
	off := 0.0
	films := 0
	for _, f := range w.Shelf.All() {
		list := w.Reviews(f.ID)
		total += len(list)
		sum := 0
		for _, r := range list {
			if r.Rating < 1 || r.Rating > 10 || r.Created.After(now) || r.Edited.After(now) || !r.Member.Suits(f) || r.Created.Nanosecond() != 0 {
				t.Errorf("%+v", r)
			}
			sum += r.Rating
			votes[f.Votes > 100000] = max(votes[f.Votes > 100000], r.Helpful)
		}
		if len(list) >= 20 {
			off += math.Abs(float64(sum)/float64(len(list)) - f.IMDB)
			films++
		}
	}
	mine := 0
	for _, m := range w.Members {
		mine += len(m.Reviews)
	}
	if total != mine || total < 10000 {
		t.Errorf("%d reviews of films, %d by members", total, mine)
	}
	if films < 20 || off/float64(films) > 0.6 {
		t.Errorf("%d films are %.2f off their IMDB rating", films, off/float64(films))
	}
	if votes[true] <= votes[false] {
		t.Errorf("the most helpful review of a famous film has %d, of an obscure one %d", votes[true], votes[false])
	}
}
