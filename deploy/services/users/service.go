package users

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/triptych-bff/triptych/deploy/services/rest"
	"github.com/triptych-bff/triptych/deploy/services/world"
)

// Service serves the users of the world, with the preferences that were changed
// here.
type Service struct {
	http.Handler

	world *world.World

	mu      sync.RWMutex
	changed map[string]Preferences // by user id
}

// New returns the service with the users of the world.
func New(w *world.World) *Service {
	s := &Service{world: w}
	s.Reset()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", s.get)
	mux.HandleFunc("PATCH /users/{id}/preferences", s.patch)
	s.Handler = rest.Handler(mux)
	return s
}

// Reset forgets what was changed here.
func (s *Service) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed = map[string]Preferences{}
}

func (s *Service) get(w http.ResponseWriter, r *http.Request) {
	m := s.named(w, r)
	if m == nil {
		return
	}
	s.mu.RLock()
	u := s.user(m)
	s.mu.RUnlock()
	rest.Answer(w, rest.Private, u)
}

// named returns the member whose id is in the path, or says that there is none.
func (s *Service) named(w http.ResponseWriter, r *http.Request) *world.Member {
	m := s.world.Member(r.PathValue("id"))
	if m == nil {
		rest.Refuse(w, http.StatusNotFound, fmt.Sprintf("there is no user %q", r.PathValue("id")))
	}
	return m
}

// user needs s.mu to be held.
func (s *Service) user(m *world.Member) *User {
	u := user(m, s.world.Now)
	if p, ok := s.changed[m.ID]; ok {
		u.Preferences, u.UpdatedAt = p, s.world.Now
	}
	return u
}

// change is what PATCH takes; what is absent stays as it is.
type change struct {
	Genres    *[]string `json:"genres"`
	Autoplay  *bool     `json:"autoplay"`
	Subtitles *string   `json:"subtitles"`
	Maturity  *string   `json:"maturity"`
}

func (s *Service) patch(w http.ResponseWriter, r *http.Request) {
	m := s.named(w, r)
	var c change
	if m == nil || !rest.Read(w, r, &c) {
		return
	}
	u, err := s.apply(m, c)
	if err != nil {
		rest.Refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	rest.Answer(w, rest.Private, u)
}

func (s *Service) apply(m *world.Member, c change) (*User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := c.of(s.user(m).Preferences, s.world.Shelf.Genres())
	if err != nil {
		return nil, err
	}
	s.changed[m.ID] = p
	return s.user(m), nil
}

const (
	// mostGenres is how many favourites somebody may have.
	mostGenres = 10
	off        = "off"
)

var (
	languages  = []string{"de", "en", "es", "fr", "it", "nl"}
	maturities = []string{"all", "kids"}
)

// of returns the preferences as changed, if they make sense then.
func (c change) of(p Preferences, genres []string) (Preferences, error) {
	if c.Genres != nil {
		p.Genres = *c.Genres
	}
	if c.Autoplay != nil {
		p.Autoplay = *c.Autoplay
	}
	if c.Subtitles != nil {
		p.Subtitles = *c.Subtitles
	}
	if c.Maturity != nil {
		p.Maturity = *c.Maturity
	}
	if len(p.Genres) == 0 || len(p.Genres) > mostGenres {
		return p, fmt.Errorf("genres must be 1 to %d", mostGenres)
	}
	for i, g := range p.Genres {
		if !slices.Contains(genres, g) || slices.Contains(p.Genres[:i], g) {
			return p, fmt.Errorf("genres must be different ones of %s; not %q", strings.Join(genres, ", "), g)
		}
	}
	switch {
	case p.Subtitles != off && !slices.Contains(languages, p.Subtitles):
		return p, fmt.Errorf("subtitles must be off or one of %s, not %q", strings.Join(languages, ", "), p.Subtitles)
	case !slices.Contains(maturities, p.Maturity):
		return p, fmt.Errorf("maturity must be all or kids, not %q", p.Maturity)
	}
	return p, nil
}
