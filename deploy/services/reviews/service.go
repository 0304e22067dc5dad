package reviews

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/triptych-bff/triptych/deploy/services/films"
	"github.com/triptych-bff/triptych/deploy/services/rest"
	"github.com/triptych-bff/triptych/deploy/services/world"
)

const (
	// mostWritten is how many new reviews are kept.
	mostWritten = 1000
	// longestTitle and longestBody are in letters.
	longestTitle, longestBody = 120, 4000
	// checked is how long after a review somebody has looked at it, at most.
	checked = 10 * time.Minute
)

// Service serves the reviews of the world, and those that were written here.
type Service struct {
	http.Handler

	world *world.World

	mu      sync.RWMutex
	written []*world.Review // the oldest first
}

// New returns the service with the reviews of the world.
func New(w *world.World) *Service {
	s := &Service{world: w}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /reviews", s.list)
	mux.HandleFunc("POST /reviews", s.write)
	s.Handler = rest.Handler(mux)
	return s
}

// Reset forgets what was written here.
func (s *Service) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written = nil
}

func (s *Service) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit, err := rest.Limit(q, 12, 50)
	user, film := q.Get("user"), q.Get("film")
	switch {
	case err != nil:
		rest.Refuse(w, http.StatusBadRequest, err.Error())
	case user == "" && film == "":
		rest.Refuse(w, http.StatusBadRequest, "reviews of what: film or user is missing")
	case film != "" && s.world.Shelf.Film(film) == nil:
		rest.Refuse(w, http.StatusNotFound, fmt.Sprintf("there is no film %q", film))
	case user != "" && s.world.Member(user) == nil:
		rest.Refuse(w, http.StatusNotFound, fmt.Sprintf("there is no user %q", user))
	case user != "":
		rest.Answer(w, rest.Private, s.page(film, s.world.Member(user), limit))
	default:
		rest.Answer(w, rest.Public, s.page(film, nil, limit))
	}
}

// page has the reviews by the member m; of all unless m is given. It has those
// of one film, unless film is empty.
func (s *Service) page(film string, m *world.Member, limit int) *Page {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := s.of(film)
	if m != nil {
		all = s.by(m, film)
	}
	p := &Page{Items: []*Review{}, Total: len(all), Summary: summary(all)}
	for _, r := range all[:min(limit, len(all))] {
		p.Items = append(p.Items, review(r, len(s.by(r.Member, ""))))
	}
	return p
}

// of returns the reviews of a film, the most helpful first: a new one has
// helped nobody yet. Like by it needs s.mu to be held.
func (s *Service) of(film string) []*world.Review {
	list := slices.Clone(s.world.Reviews(film))
	for _, r := range s.written {
		if r.Film.ID == film {
			list = append(list, r)
		}
	}
	return list
}

// by returns the member's reviews, the newest first; of one film unless film is
// empty.
func (s *Service) by(m *world.Member, film string) []*world.Review {
	var list []*world.Review
	for _, r := range slices.Backward(s.written) {
		if r.Member == m && (film == "" || r.Film.ID == film) {
			list = append(list, r)
		}
	}
	for _, r := range m.Reviews {
		if film == "" || r.Film.ID == film {
			list = append(list, r)
		}
	}
	return list
}

// opinion is what POST /reviews wants.
type opinion struct {
	User   string `json:"user"`
	Film   string `json:"film"`
	Rating int    `json:"rating"`
	Title  string `json:"title"`
	Body   string `json:"body"`
}

func (s *Service) write(w http.ResponseWriter, r *http.Request) {
	var o opinion
	if !rest.Read(w, r, &o) {
		return
	}
	o.Title, o.Body = strings.TrimSpace(o.Title), strings.TrimSpace(o.Body)
	switch m, f := s.world.Member(o.User), s.world.Shelf.Film(o.Film); {
	case o.User == "" || o.Film == "":
		rest.Refuse(w, http.StatusBadRequest, "user and film must say who reviews what")
	case o.Rating < 1 || o.Rating > 10:
		rest.Refuse(w, http.StatusBadRequest, fmt.Sprintf("rating must be 1 to 10, not %d", o.Rating))
	case o.Title == "" || utf8.RuneCountInString(o.Title) > longestTitle:
		rest.Refuse(w, http.StatusBadRequest, fmt.Sprintf("title must have 1 to %d letters", longestTitle))
	case o.Body == "" || utf8.RuneCountInString(o.Body) > longestBody:
		rest.Refuse(w, http.StatusBadRequest, fmt.Sprintf("body must have 1 to %d letters", longestBody))
	case m == nil:
		rest.Refuse(w, http.StatusNotFound, fmt.Sprintf("there is no user %q", o.User))
	case f == nil:
		rest.Refuse(w, http.StatusNotFound, fmt.Sprintf("there is no film %q", o.Film))
	default:
		answer, refusal := s.keep(&world.Review{
			ID: m.ID + "." + f.ID, Member: m, Film: f, Order: ordered(m, f), Rating: o.Rating,
			Title: o.Title, Body: o.Body, Created: s.world.Now.Add(-checked),
		})
		if refusal != nil {
			refusal.Write(w)
			return
		}
		rest.Created(w, "/reviews?"+url.Values{"user": {m.ID}, "film": {f.ID}}.Encode(), answer)
	}
}

// keep keeps a review, unless its author has written one of this film before.
func (s *Service) keep(r *world.Review) (*Review, *rest.Refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.by(r.Member, r.Film.ID)) > 0 {
		return nil, &rest.Refusal{
			Status: http.StatusConflict, Code: "already-reviewed",
			Detail: fmt.Sprintf("%s has reviewed %s already", r.Member.ID, r.Film.ID),
		}
	}
	if len(s.written) == mostWritten {
		return nil, &rest.Refusal{
			Status: http.StatusInsufficientStorage,
			Detail: fmt.Sprintf("%d new reviews are all that is kept", mostWritten),
		}
	}
	s.written = append(s.written, r)
	return review(r, len(s.by(r.Member, ""))), nil
}

// ordered returns the order by which the member has seen the film, or nil.
func ordered(m *world.Member, f *films.Film) *world.Order {
	for _, o := range m.Orders {
		if o.Film == f {
			return o
		}
	}
	return nil
}
