package recommendations

import (
	"context"
	"math"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/triptych-bff/triptych/deploy/proto/filmstore/recommendations/v1"
	"github.com/triptych-bff/triptych/deploy/services/films"
	"github.com/triptych-bff/triptych/deploy/services/world"
)

func newWorld(t testing.TB) *world.World {
	t.Helper()
	shelf, err := films.Load()
	if err != nil {
		t.Fatal(err)
	}
	return world.New(shelf, time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC))
}

func forUser(t *testing.T, s *Server, id string, n uint32) *pb.ForUserResponse {
	t.Helper()
	got, err := s.ForUser(context.Background(), &pb.ForUserRequest{UserId: id, Limit: n})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestForEverybody(t *testing.T) {
	w := newWorld(t)
	s := NewServer(w)
	reasons := map[string]int{}
	for _, m := range w.Members {
		ordered := map[string]bool{}
		for _, o := range m.Orders {
			ordered[o.Film.ID] = true
		}
		directors := map[string]int{}
		last := 1.0
		for i, item := range forUser(t, s, m.ID, 50).GetItems() {
			f := w.Shelf.Film(item.GetFilmId())
			forKids := f.MPAA == "G" || f.MPAA == "PG"
			if ordered[f.ID] || m.Maturity == "kids" && !forKids || int(item.GetRank()) != i+1 || item.GetScore() > last || item.GetReason() == "" {
				t.Errorf("%s is told to watch %v", m.ID, item)
			}
			last = item.GetScore()
			if directors[f.Director]++; f.Director != "" && directors[f.Director] > perDirector {
				t.Errorf("%s gets too much of %s", m.ID, f.Director)
			}
			sum := 0.0
			for _, signal := range item.GetSignals() {
				sum += signal.GetShare()
			}
			if math.Abs(sum-item.GetScore()) > 1e-9 {
				t.Errorf("%s: shares are %v, the score is %v", m.ID, sum, item.GetScore())
			}
			for _, id := range item.GetBasis().GetFilmIds() {
				if basis := w.Shelf.Film(id); !ordered[id] ||
					item.GetReasonCode() == "same_director" && basis.Director != f.Director ||
					item.GetReasonCode() == "same_genre" && basis.Genre != f.Genre {
					t.Errorf("%s: %s is no reason for %s", m.ID, id, f.ID)
				}
			}
			reasons[item.GetReasonCode()]++
		}
	}
	if reasons["same_director"] == 0 || reasons["same_genre"] == 0 {
		t.Errorf("reasons: %v", reasons)
	}
}

func TestAda(t *testing.T) {
	items := forUser(t, NewServer(newWorld(t)), "ada", 0).GetItems()
	for _, item := range items {
		if item.GetFilmId() == "pulp-fiction-1994" {
			if got := item.GetReason(); got != "Because you watched Jackie Brown" {
				t.Errorf("Pulp Fiction %s", got)
			}
			return
		}
	}
	t.Errorf("Pulp Fiction is not among %v", items)
}

func TestHighlyRated(t *testing.T) {
	w := newWorld(t)
	tt := tasteOf([]seen{{film: &films.Film{ID: "x", Genre: "Opera"}, liking: 1}})
	got := tt.explain(tt.compare(w.Shelf.Film("pulp-fiction-1994")), false)
	if got.GetReasonCode() != "highly_rated" || got.GetReason() != "Rated 8.9 by 417,703 people" {
		t.Errorf("got %v", got)
	}
}

func TestSameAnswer(t *testing.T) {
	first, second := NewServer(newWorld(t)), NewServer(newWorld(t))
	for _, id := range []string{"ada", "ben", "cleo"} {
		if a, b := forUser(t, first, id, 50), forUser(t, second, id, 50); !proto.Equal(a, b) {
			t.Errorf("%s: %v and %v", id, a, b)
		}
	}
}

func TestKept(t *testing.T) {
	w := newWorld(t)
	s := NewServer(w)
	for range kept {
		s.lists[string(rune(len(s.lists)))] = &list{}
	}
	forUser(t, s, "ada", 1)
	if len(s.lists) != 1 {
		t.Errorf("%d lists are kept", len(s.lists))
	}
}

func BenchmarkRank(b *testing.B) {
	w := newWorld(b)
	m := w.Member("ada")
	b.ReportAllocs()
	for b.Loop() {
		tasteOf(historyOf(m)).rank(w.Shelf.All(), m.Suits)
	}
}
