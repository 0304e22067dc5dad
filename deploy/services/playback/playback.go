// Package playback is the service that knows how far somebody has watched a
// film, and in which forms a film can be played:
//
//	GET /positions?user=ada&limit=10    200 Page · 400 · 404 unknown user
//	GET /positions/{user}/{film}        200 Position · 404 unknown user or film
//	GET /films/{film}/streams           200 Streams · 404
//
// A list has what has been played at all, the latest first; limit is 1 to 50,
// usually 10. A film that a member never played has a position too, at the
// start: zeros, and null for when and on what.
//
// Positions are personal, so none may be stored by a cache; streams, about 2 kB
// a film, are the same for everybody. Lengths are whole seconds, times RFC 3339
// in UTC.
package playback

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/triptych-bff/triptych/deploy/services/chance"
	"github.com/triptych-bff/triptych/deploy/services/films"
	"github.com/triptych-bff/triptych/deploy/services/rest"
	"github.com/triptych-bff/triptych/deploy/services/users"
	"github.com/triptych-bff/triptych/deploy/services/world"
)

// Page is the answer to a list.
type Page struct {
	Items []*Position `json:"items"`
	Total int         `json:"total"` // before the limit
}

// Position is how far one member has watched one film.
type Position struct {
	UserID    string     `json:"user_id"`
	FilmID    string     `json:"film_id"`
	PositionS int        `json:"position_s"`
	DurationS int        `json:"duration_s"`
	Percent   int        `json:"percent"`
	Finished  bool       `json:"finished"`
	UpdatedAt *time.Time `json:"updated_at"` // null: never played
	Device    *string    `json:"device"`     // the name of the last one
}

// Handler serves the positions of the world's members and the streams of its
// films.
func Handler(w *world.World) http.Handler {
	s := &service{world: w}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /positions", s.list)
	mux.HandleFunc("GET /positions/{user}/{film}", s.position)
	mux.HandleFunc("GET /films/{film}/streams", s.streams)
	return rest.Handler(mux)
}

type service struct{ world *world.World }

func (s *service) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit, err := rest.Limit(q, 10, 50)
	switch m := s.world.Member(q.Get("user")); {
	case err != nil:
		rest.Refuse(w, http.StatusBadRequest, err.Error())
	case !q.Has("user"):
		rest.Refuse(w, http.StatusBadRequest, "whose positions: user is missing")
	case m == nil:
		rest.Refuse(w, http.StatusNotFound, fmt.Sprintf("there is no user %q", q.Get("user")))
	default:
		played := s.played(m)
		rest.Answer(w, rest.Private, &Page{Items: played[:min(limit, len(played))], Total: len(played)})
	}
}

func (s *service) position(w http.ResponseWriter, r *http.Request) {
	if m, f := s.named(w, r.PathValue("user"), r.PathValue("film")); m != nil {
		rest.Answer(w, rest.Private, s.of(m, f))
	}
}

// named returns the member and the film of these ids; where there is no such
// member or film it says so, and returns nil.
func (s *service) named(w http.ResponseWriter, user, film string) (*world.Member, *films.Film) {
	switch m, f := s.world.Member(user), s.world.Shelf.Film(film); {
	case m == nil:
		rest.Refuse(w, http.StatusNotFound, fmt.Sprintf("there is no user %q", user))
	case f == nil:
		rest.Refuse(w, http.StatusNotFound, fmt.Sprintf("there is no film %q", film))
	default:
		return m, f
	}
	return nil, nil
}

func (s *service) streams(w http.ResponseWriter, r *http.Request) {
	f := s.world.Shelf.Film(r.PathValue("film"))
	if f == nil {
		rest.Refuse(w, http.StatusNotFound, fmt.Sprintf("there is no film %q", r.PathValue("film")))
		return
	}
	rest.Answer(w, rest.Public, streams(f))
}

// played returns the member's positions that are not at the very start, the
// latest first.
func (s *service) played(m *world.Member) []*Position {
	list := []*Position{}
	for _, o := range m.Orders {
		if !o.Started.IsZero() {
			list = append(list, s.ordered(o))
		}
	}
	slices.SortStableFunc(list, func(a, b *Position) int {
		return cmp.Or(b.UpdatedAt.Compare(*a.UpdatedAt), cmp.Compare(a.FilmID, b.FilmID))
	})
	return list
}

// of returns the member's position in the film.
func (s *service) of(m *world.Member, f *films.Film) *Position {
	for _, o := range m.Orders {
		if o.Film == f && !o.Started.IsZero() {
			return s.ordered(o)
		}
	}
	return at(m, f, 0)
}

// ordered returns the position that follows from an order that was begun: the
// film was watched in one go, as far as there has been time for it.
func (s *service) ordered(o *world.Order) *Position {
	p := at(o.Member, o.Film, o.Position)
	updated := o.Started.Add(o.Position)
	if updated.After(s.world.Now) {
		updated = s.world.Now
	}
	device := chance.Pick(chance.Of("watched", o.ID), users.Devices(o.Member, s.world.Now)).Name
	p.UpdatedAt, p.Device = &updated, &device
	return p
}

func at(m *world.Member, f *films.Film, position time.Duration) *Position {
	duration := world.Duration(f)
	return &Position{
		UserID: m.ID, FilmID: f.ID, PositionS: int(position.Seconds()), DurationS: int(duration.Seconds()),
		Percent: int(100 * position / duration), Finished: position >= duration,
	}
}
