package recommendations

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/triptych-bff/triptych/deploy/proto/filmstore/recommendations/v1"
	"github.com/triptych-bff/triptych/deploy/services/chance"
	"github.com/triptych-bff/triptych/deploy/services/films"
	"github.com/triptych-bff/triptych/deploy/services/world"
)

const (
	// usual is how many items come when nobody says how many.
	usual = 12
	// kept is how many computed lists are kept before all are dropped.
	kept = 1000
)

// Server answers for the world. The world does not change, so a list is
// computed once, when it is first asked for, and then kept.
type Server struct {
	pb.UnimplementedRecommendationsServer

	world *world.World

	mu    sync.Mutex
	lists map[string]*list
}

// list is one computed answer at its full length.
type list struct {
	items    []*pb.Recommendation
	model    *pb.Model
	revision string
}

// NewServer returns the service for the world.
func NewServer(w *world.World) *Server { return &Server{world: w, lists: map[string]*list{}} }

// ForUser implements the RPC of the same name.
func (s *Server) ForUser(_ context.Context, req *pb.ForUserRequest) (*pb.ForUserResponse, error) {
	n, err := length(req.GetLimit())
	if err != nil {
		return nil, err
	}
	m := s.world.Member(req.GetUserId())
	if m == nil {
		return nil, status.Errorf(codes.NotFound, "there is no user %q", req.GetUserId())
	}
	l := s.list("user/"+m.ID, func() *list {
		return s.compute("for-user", m.ID, historyOf(m), m.Suits)
	})
	return &pb.ForUserResponse{
		Items: l.items[:min(n, len(l.items))], Model: l.model, Revision: l.revision, GeneratedAt: s.generatedAt(),
	}, nil
}

// SimilarTo implements the RPC of the same name.
func (s *Server) SimilarTo(_ context.Context, req *pb.SimilarToRequest) (*pb.SimilarToResponse, error) {
	n, err := length(req.GetLimit())
	if err != nil {
		return nil, err
	}
	f := s.world.Shelf.Film(req.GetFilmId())
	if f == nil {
		return nil, status.Errorf(codes.NotFound, "there is no film %q", req.GetFilmId())
	}
	l := s.list("film/"+f.ID, func() *list {
		return s.compute("similar-to", f.ID, []seen{{film: f, liking: 1}}, func(*films.Film) bool { return true })
	})
	return &pb.SimilarToResponse{
		Items: l.items[:min(n, len(l.items))], Model: l.model, Revision: l.revision, GeneratedAt: s.generatedAt(),
	}, nil
}

func length(limit uint32) (int, error) {
	switch {
	case limit == 0:
		return usual, nil
	case limit > longest:
		return 0, status.Errorf(codes.InvalidArgument, "limit must be at most %d, not %d", longest, limit)
	default:
		return int(limit), nil
	}
}

func (s *Server) generatedAt() string { return s.world.Now.Format(time.RFC3339) }

// list returns what is kept under the key, computed now if it is not there.
func (s *Server) list(key string, compute func() *list) *list {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lists[key] == nil {
		if len(s.lists) >= kept {
			clear(s.lists)
		}
		s.lists[key] = compute()
	}
	return s.lists[key]
}

func (s *Server) compute(model, subject string, history []seen, suits func(*films.Film) bool) *list {
	t := tasteOf(history)
	best, compared := t.rank(s.world.Shelf.All(), suits)
	c := chance.Of("recommendations", model, subject)
	l := &list{
		model: &pb.Model{Name: model, Version: "2026-11", Candidates: uint32(compared), History: uint32(len(history))},
	}
	var content []string
	for i, p := range best {
		item := t.explain(p, model == "similar-to")
		item.Rank = uint32(i + 1)
		item.TrackingId = c.Hex(24)
		l.items = append(l.items, item)
		content = append(content, p.film.ID, fmt.Sprint(p.score), item.GetReason())
	}
	l.revision = chance.Of(content...).Hex(16)
	return l
}

// explain turns a pick into an answer with its reason.
func (t *taste) explain(p pick, similar bool) *pb.Recommendation {
	item := &pb.Recommendation{FilmId: p.film.ID, Score: p.score, Signals: shares(p)}
	if like := t.directors[p.film.Director]; len(like) > 0 {
		item.ReasonCode = "same_director"
		item.Basis = basis(like)
		item.Basis.Director = p.film.Director
		item.Reason = "Because you watched " + item.GetBasis().GetFilmTitles()[0]
		if similar {
			item.Reason = "Also by " + p.film.Director
		}
		return item
	}
	if like := t.genres[p.film.Genre]; len(like) > 0 {
		item.ReasonCode = "same_genre"
		item.Basis = basis(like)
		item.Basis.Genre = p.film.Genre
		item.Reason = "More " + p.film.Genre + ", like " + item.GetBasis().GetFilmTitles()[0]
		return item
	}
	item.ReasonCode = "highly_rated"
	item.Basis = &pb.Basis{}
	item.Reason = fmt.Sprintf("Rated %.1f by %s people", p.film.IMDB, thousands(p.film.Votes))
	return item
}

// basis names the films that lead here, the best liked first, at most three.
func basis(like []seen) *pb.Basis {
	like = slices.Clone(like)
	slices.SortStableFunc(like, func(a, b seen) int { return cmp.Compare(b.liking, a.liking) })
	b := &pb.Basis{}
	for _, s := range like[:min(3, len(like))] {
		b.FilmIds = append(b.FilmIds, s.film.ID)
		b.FilmTitles = append(b.FilmTitles, s.film.Title)
	}
	return b
}

func shares(p pick) []*pb.Signal {
	var list []*pb.Signal
	for i, s := range signals {
		list = append(list, &pb.Signal{Name: s.name, Value: p.values[i], Weight: s.weight, Share: round(p.values[i] * s.weight)})
	}
	return list
}

// thousands writes 417703 as "417,703".
func thousands(n int) string {
	digits := fmt.Sprint(n)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}
