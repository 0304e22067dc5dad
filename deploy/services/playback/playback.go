// Package playback is the service that knows how far somebody has watched a
// film, in which forms a film can be played, and who is watching now:
//
//	GET    /positions?user=ada&limit=10    200 Page · 400 · 404 unknown user
//	GET    /positions/{user}/{film}        200 Position · 404 unknown user or film
//	PUT    /positions/{user}/{film}        200 Position · 400 · 404 · 413 · 415 · 507
//	GET    /films/{film}/streams           200 Streams · 404
//	POST   /sessions                       201 Session · 400 · 404 unknown user or film · 413 · 415 · 503
//	POST   /sessions/{id}/heartbeat        204 · 400 · 404 · 409 · 413 · 415 · 507
//	DELETE /sessions/{id}                  204 · 404
//
// A list has what has been played at all, the latest first; limit is 1 to 50,
// usually 10. A film that a member never played has a position too, at the
// start: zeros, and null for when and on what. A position is moved by
//
//	{"position_s": 1800, "device": "Ada's phone"}
//
// where device is a name of up to 64 letters. A player that does not want to
// count opens a session, and tells where it is every 30 seconds; seq grows, and
// a heartbeat that a later one has overtaken changes nothing. state is playing
// or paused:
//
//	{"user": "ada", "film_id": "pulp-fiction-1994", "device": "Ada's phone"}
//	{"seq": 1, "position_s": 30, "state": "playing"}
//
// A member may watch on two devices. More sessions can begin, but their
// heartbeats get 409 (concurrency-limit) until one of the first two has ended. A
// session ends when it is deleted, or has missed three heartbeats: that alone is
// measured by a clock that runs. What is moved here is kept in memory, 500 films
// a member and a thousand sessions, and no other service hears of it.
//
// Positions and sessions are personal, so none may be stored by a cache;
// streams, about 2 kB a film, are the same for everybody. Lengths are whole
// seconds, times RFC 3339 in UTC.
package playback

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

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

const (
	// mostMoved is how many positions of a member are kept.
	mostMoved = 500
	// longestName is that of a device, in letters.
	longestName = 64
)

// deviceWanted says what a device must be.
var deviceWanted = fmt.Sprintf("device must be a name of 1 to %d letters", longestName)

func named(device string) bool {
	return device != "" && utf8.RuneCountInString(device) <= longestName
}

// Service serves the positions of the world's members and the streams of its
// films, with what was played here.
type Service struct {
	http.Handler

	world *world.World
	clock func() time.Time // runs, unlike the world's

	mu       sync.Mutex
	moved    map[*world.Member][]*Position // the latest first
	sessions []*session                    // the first first
	begun    int                           // sessions so far
}

// New returns the service for the world. The clock tells which sessions have
// ended without saying so.
func New(w *world.World, clock func() time.Time) *Service {
	s := &Service{world: w, clock: clock}
	s.Reset()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /positions", s.list)
	mux.HandleFunc("GET /positions/{user}/{film}", s.get)
	mux.HandleFunc("PUT /positions/{user}/{film}", s.put)
	mux.HandleFunc("GET /films/{film}/streams", s.streams)
	mux.HandleFunc("POST /sessions", s.begin)
	mux.HandleFunc("POST /sessions/{id}/heartbeat", s.heartbeat)
	mux.HandleFunc("DELETE /sessions/{id}", s.end)
	s.Handler = rest.Handler(mux)
	return s
}

// Reset forgets what was played here.
func (s *Service) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moved, s.sessions, s.begun = map[*world.Member][]*Position{}, nil, 0
}

func (s *Service) list(w http.ResponseWriter, r *http.Request) {
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

func (s *Service) get(w http.ResponseWriter, r *http.Request) {
	m, f := s.find(w, r.PathValue("user"), r.PathValue("film"))
	if m == nil {
		return
	}
	s.mu.Lock()
	p := s.of(m, f)
	s.mu.Unlock()
	rest.Answer(w, rest.Private, p)
}

// find returns the member and the film of these ids; where there is no such
// member or film it says so, and returns nil.
func (s *Service) find(w http.ResponseWriter, user, film string) (*world.Member, *films.Film) {
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

func (s *Service) put(w http.ResponseWriter, r *http.Request) {
	m, f := s.find(w, r.PathValue("user"), r.PathValue("film"))
	var place struct {
		PositionS *int   `json:"position_s"`
		Device    string `json:"device"`
	}
	if m == nil || !rest.Read(w, r, &place) {
		return
	}
	switch {
	case place.PositionS == nil:
		rest.Refuse(w, http.StatusBadRequest, "position_s is missing")
	case !named(place.Device):
		rest.Refuse(w, http.StatusBadRequest, deviceWanted)
	default:
		s.mu.Lock()
		p, refusal := s.move(m, f, *place.PositionS, place.Device)
		s.mu.Unlock()
		if refusal != nil {
			refusal.Write(w)
			return
		}
		rest.Answer(w, rest.Private, p)
	}
}

// move makes a position the member's latest. Like of it needs s.mu to be held.
func (s *Service) move(m *world.Member, f *films.Film, seconds int, device string) (*Position, *rest.Refusal) {
	p := at(m, f, seconds)
	if seconds < 0 || seconds > p.DurationS {
		detail := fmt.Sprintf("position_s must be 0 to %d, where %s ends", p.DurationS, f.ID)
		return nil, &rest.Refusal{Status: http.StatusBadRequest, Detail: detail}
	}
	others := slices.DeleteFunc(slices.Clone(s.moved[m]), func(p *Position) bool { return p.FilmID == f.ID })
	if len(others) == mostMoved {
		detail := fmt.Sprintf("%d positions are all that is kept of a member", mostMoved)
		return nil, &rest.Refusal{Status: http.StatusInsufficientStorage, Detail: detail}
	}
	p.UpdatedAt, p.Device = &s.world.Now, &device
	s.moved[m] = slices.Insert(others, 0, p)
	return p, nil
}

func (s *Service) streams(w http.ResponseWriter, r *http.Request) {
	f := s.world.Shelf.Film(r.PathValue("film"))
	if f == nil {
		rest.Refuse(w, http.StatusNotFound, fmt.Sprintf("there is no film %q", r.PathValue("film")))
		return
	}
	rest.Answer(w, rest.Public, streams(f))
}

// played returns the member's positions in what has been played at all, the
// latest first.
func (s *Service) played(m *world.Member) []*Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	ordered := []*Position{}
	for _, o := range m.Orders {
		if !o.Started.IsZero() && s.movedIn(m, o.Film) == nil {
			ordered = append(ordered, s.ordered(o))
		}
	}
	slices.SortStableFunc(ordered, func(a, b *Position) int {
		return cmp.Or(b.UpdatedAt.Compare(*a.UpdatedAt), cmp.Compare(a.FilmID, b.FilmID))
	})
	return slices.Insert(ordered, 0, s.moved[m]...)
}

// of returns the member's position in the film.
func (s *Service) of(m *world.Member, f *films.Film) *Position {
	if p := s.movedIn(m, f); p != nil {
		return p
	}
	for _, o := range m.Orders {
		if o.Film == f && !o.Started.IsZero() {
			return s.ordered(o)
		}
	}
	return at(m, f, 0)
}

func (s *Service) movedIn(m *world.Member, f *films.Film) *Position {
	for _, p := range s.moved[m] {
		if p.FilmID == f.ID {
			return p
		}
	}
	return nil
}

// ordered returns the position that follows from an order that was begun: the
// film was watched in one go, as far as there has been time for it.
func (s *Service) ordered(o *world.Order) *Position {
	p := at(o.Member, o.Film, int(o.Position.Seconds()))
	updated := o.Started.Add(o.Position)
	if updated.After(s.world.Now) {
		updated = s.world.Now
	}
	device := chance.Pick(chance.Of("watched", o.ID), users.Devices(o.Member, s.world.Now)).Name
	p.UpdatedAt, p.Device = &updated, &device
	return p
}

func at(m *world.Member, f *films.Film, seconds int) *Position {
	duration := int(world.Duration(f).Seconds())
	return &Position{
		UserID: m.ID, FilmID: f.ID, PositionS: seconds, DurationS: duration,
		Percent: 100 * seconds / duration, Finished: seconds == duration,
	}
}
