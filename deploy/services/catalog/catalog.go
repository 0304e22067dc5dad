// Package catalog is the service that knows the films: gRPC,
// filmstore.catalog.v1.Catalog, whose .proto file documents every field. It
// answers as such services do, with everything it knows of a film.
//
// The messages are made once, when the service starts; after that an answer
// is a look-up. Calls that ask for the impossible get INVALID_ARGUMENT, a
// single film that is unknown NOT_FOUND, and unknown films of a batch are named.
package catalog

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/triptych-bff/triptych/deploy/proto/filmstore/catalog/v1"
	"github.com/triptych-bff/triptych/deploy/services/chance"
	"github.com/triptych-bff/triptych/deploy/services/films"
)

const (
	// largestBatch is how many ids a batch may have.
	largestBatch = 100
	// usualPage and largestPage bound a page of ListFilms.
	usualPage, largestPage = 20, 100
)

// Server answers for the films of a shelf.
type Server struct {
	pb.UnimplementedCatalogServer

	byID   map[string]*pb.Film
	sorted map[string][]*pb.Film // by order, in its natural direction
}

// NewServer makes the messages of all films. postersURL is the base of the
// posters' URLs; now is the moment that availability is told from.
func NewServer(shelf *films.Shelf, postersURL string, now time.Time) *Server {
	s := &Server{byID: map[string]*pb.Film{}, sorted: map[string][]*pb.Film{}}
	var best []*pb.Film
	for _, f := range shelf.All() {
		m := film(shelf, f, postersURL, now)
		s.byID[f.ID] = m
		best = append(best, m)
	}
	for name, compare := range orders {
		s.sorted[name] = best
		if compare != nil {
			s.sorted[name] = slices.Clone(best)
			slices.SortStableFunc(s.sorted[name], compare)
		}
	}
	return s
}

// GetFilm implements the RPC of the same name.
func (s *Server) GetFilm(_ context.Context, req *pb.GetFilmRequest) (*pb.Film, error) {
	if req.GetId() == "" {
		return nil, status.Error(codes.InvalidArgument, "id is missing")
	}
	f := s.byID[req.GetId()]
	if f == nil {
		return nil, status.Errorf(codes.NotFound, "there is no film %q", req.GetId())
	}
	return f, nil
}

// BatchGetFilms implements the RPC of the same name.
func (s *Server) BatchGetFilms(_ context.Context, req *pb.BatchGetFilmsRequest) (*pb.BatchGetFilmsResponse, error) {
	if n := len(req.GetIds()); n == 0 || n > largestBatch {
		return nil, status.Errorf(codes.InvalidArgument, "ids must be 1 to %d, not %d", largestBatch, n)
	}
	answer := &pb.BatchGetFilmsResponse{}
	done := map[string]bool{}
	for _, id := range req.GetIds() {
		switch f := s.byID[id]; {
		case done[id]:
		case f == nil:
			answer.MissingIds = append(answer.MissingIds, id)
		default:
			answer.Films = append(answer.Films, f)
		}
		done[id] = true
	}
	return answer, nil
}

// ListFilms implements the RPC of the same name.
func (s *Server) ListFilms(_ context.Context, req *pb.ListFilmsRequest) (*pb.ListFilmsResponse, error) {
	list, err := s.list(req.GetGenre(), req.GetOrderBy())
	if err != nil {
		return nil, err
	}
	size := int(req.GetPageSize())
	switch {
	case size == 0:
		size = usualPage
	case size > largestPage:
		return nil, status.Errorf(codes.InvalidArgument, "page_size must be at most %d, not %d", largestPage, size)
	}
	query := chance.Of(req.GetGenre(), req.GetOrderBy()).Hex(8)
	from, err := offset(query, req.GetPageToken(), len(list))
	if err != nil {
		return nil, err
	}
	to := min(from+size, len(list))
	answer := &pb.ListFilmsResponse{Films: list[from:to], TotalSize: uint32(len(list))}
	if to < len(list) {
		answer.NextPageToken = token(query, to)
	}
	return answer, nil
}

// list returns the films of the genre, or of all, in the order asked for.
func (s *Server) list(genre, orderBy string) ([]*pb.Film, error) {
	name, direction, _ := strings.Cut(orderBy, " ")
	if name == "" {
		name = "rating"
	}
	list, ok := s.sorted[name]
	if !ok || direction != "" && direction != "asc" && direction != "desc" {
		return nil, status.Errorf(codes.InvalidArgument,
			"order_by must be rating, votes, year, gross or title, with asc or desc behind it or not; not %q", orderBy)
	}
	if genre != "" {
		list = slices.DeleteFunc(slices.Clone(list), func(f *pb.Film) bool { return f.GetGenre() != genre })
		if len(list) == 0 {
			return nil, status.Errorf(codes.InvalidArgument, "there is no genre %q", genre)
		}
	}
	if natural := name != "title"; direction == "asc" && natural || direction == "desc" && !natural {
		list = slices.Clone(list)
		slices.Reverse(list)
	}
	return list, nil
}

// token says where the next page of a query starts. The query is in it so that
// a token cannot be used to page through another.
func token(query string, offset int) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s.%d", query, offset))
}

func offset(query, token string, length int) (int, error) {
	if token == "" {
		return 0, nil
	}
	data, err := base64.RawURLEncoding.DecodeString(token)
	of, at, _ := strings.Cut(string(data), ".")
	n, errN := strconv.Atoi(at)
	if err != nil || errN != nil || of != query || n < 1 || n >= length {
		return 0, status.Error(codes.InvalidArgument, "page_token is not of this list")
	}
	return n, nil
}
