// Package recommendations is the service that says what somebody may want to
// see next: gRPC, filmstore.recommendations.v1.Recommendations, whose .proto
// file documents every field. Answers are 3 to 8 kB.
//
// What a user rented, bought and reviewed is compared with every other film:
//
//	director 0.40   how much they liked films of the same director
//	genre    0.25   how often, and how well liked, they watch the genre
//	rating   0.20   how good all others find it
//	votes    0.10   how many others there are
//	era      0.05   how near it is to the years they watch
//
// The reason that is shown is the strongest one that they can check: a film of
// the same director, then of the same genre, then the rating. Nothing that the
// user already ordered comes back, a child gets only what suits children, and
// no director more than twice, so that a list is not one person's collected
// works.
package recommendations

import (
	"cmp"
	"math"
	"slices"

	"github.com/triptych-bff/triptych/deploy/services/films"
	"github.com/triptych-bff/triptych/deploy/services/world"
)

// The signals, in the order of the answer, and their weights.
var signals = [...]struct {
	name   string
	weight float64
}{{"director", 0.40}, {"genre", 0.25}, {"rating", 0.20}, {"votes", 0.10}, {"era", 0.05}}

const (
	director = iota
	genre
	rating
	votes
	era
)

const (
	// perDirector is how many films of one director a list may have.
	perDirector = 2
	// longest is the longest list that may be asked for.
	longest = 50
)

// seen is one film of the history and how much it was liked, 0 to 1.
type seen struct {
	film   *films.Film
	liking float64
}

// taste is what a history says, made ready for comparing many films with it.
type taste struct {
	history   []seen
	directors map[string][]seen
	genres    map[string][]seen
	liked     map[string]float64 // by genre: its share of all liking
	year      float64            // on average
}

// pick is a film found, with its signals.
type pick struct {
	film   *films.Film
	values [len(signals)]float64
	score  float64
}

// historyOf returns what the member ordered, the newest first.
func historyOf(m *world.Member) []seen {
	ratings := map[string]int{}
	for _, r := range m.Reviews {
		ratings[r.Film.ID] = r.Rating
	}
	var list []seen
	for _, o := range m.Orders {
		s := seen{film: o.Film, liking: 0.6} // who rents a film expects to like it
		if r := ratings[o.Film.ID]; r > 0 {
			s.liking = float64(r) / 10
		} else if o.Active {
			s.liking = 0.95 // and what is on right now is what they are in the mood for
		}
		list = append(list, s)
	}
	return list
}

func tasteOf(history []seen) *taste {
	t := &taste{history: history, directors: map[string][]seen{}, genres: map[string][]seen{}, liked: map[string]float64{}}
	sum := 0.0
	for _, s := range history {
		f := s.film
		if f.Director != "" {
			t.directors[f.Director] = append(t.directors[f.Director], s)
		}
		if f.Genre != "" {
			t.genres[f.Genre] = append(t.genres[f.Genre], s)
			t.liked[f.Genre] += s.liking
		}
		sum += s.liking
		t.year += float64(f.Year) / float64(len(history))
	}
	for g := range t.liked {
		t.liked[g] /= sum
	}
	return t
}

// rank compares the candidates with the taste and returns the best, at most
// longest, and how many were compared.
func (t *taste) rank(candidates []*films.Film, suits func(*films.Film) bool) (best []pick, compared int) {
	known := map[*films.Film]bool{}
	for _, s := range t.history {
		known[s.film] = true
	}
	var all []pick
	for _, f := range candidates {
		if !known[f] && suits(f) {
			all = append(all, t.compare(f))
		}
	}
	slices.SortFunc(all, func(a, b pick) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.film.ID, b.film.ID))
	})
	return varied(all), len(all)
}

// varied takes the best, but of no director more than perDirector.
func varied(all []pick) []pick {
	var best []pick
	taken := map[string]int{}
	for _, p := range all {
		if d := p.film.Director; d == "" || taken[d] < perDirector {
			taken[d]++
			best = append(best, p)
		}
		if len(best) == longest {
			break
		}
	}
	return best
}

func (t *taste) compare(f *films.Film) pick {
	p := pick{film: f}
	for _, s := range t.directors[f.Director] {
		p.values[director] = max(p.values[director], s.liking)
	}
	p.values[genre] = t.liked[f.Genre]
	p.values[rating] = f.Score() / 10
	p.values[votes] = min(math.Log10(float64(1+f.Votes))/6, 1)
	p.values[era] = max(1-math.Abs(float64(f.Year)-t.year)/50, 0)
	for i := range p.values {
		p.values[i] = round(p.values[i])
		p.score += round(p.values[i] * signals[i].weight)
	}
	p.score = round(p.score)
	return p
}

// round keeps four digits, so that an answer does not depend on the last bit
// of a machine's arithmetic.
func round(v float64) float64 { return math.Round(v*1e4) / 1e4 }
