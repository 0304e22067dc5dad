package orders

import (
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/triptych-bff/triptych/deploy/services/rest"
	"github.com/triptych-bff/triptych/deploy/services/world"
)

// Service serves the orders of the world, and those that were placed here.
type Service struct {
	http.Handler

	world *world.World

	mu     sync.RWMutex
	placed map[*world.Member][]*world.Order // the newest first
}

// New returns the service with the orders of the world.
func New(w *world.World) *Service {
	s := &Service{world: w}
	s.Reset()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders", s.list)
	mux.HandleFunc("GET /orders/{id}", s.order)
	mux.HandleFunc("POST /orders", s.place)
	mux.HandleFunc("GET /wallets/{user}", s.wallet)
	s.Handler = rest.Handler(mux)
	return s
}

// Reset forgets what was ordered here.
func (s *Service) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.placed = map[*world.Member][]*world.Order{}
}

// of returns the member's orders, the newest first. Like made, has and walletOf
// it needs s.mu to be held.
func (s *Service) of(m *world.Member) []*world.Order {
	return slices.Concat(s.placed[m], m.Orders)
}

func (s *Service) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit, err := rest.Limit(q, 10, 50)
	state, film := q.Get("state"), q.Get("film")
	switch m := s.world.Member(q.Get("user")); {
	case err != nil:
		rest.Refuse(w, http.StatusBadRequest, err.Error())
	case !q.Has("user"):
		rest.Refuse(w, http.StatusBadRequest, "whose orders: user is missing")
	case state != "" && state != "active" && state != "past":
		rest.Refuse(w, http.StatusBadRequest, fmt.Sprintf("state must be active or past, not %q", state))
	case m == nil:
		rest.Refuse(w, http.StatusNotFound, fmt.Sprintf("there is no user %q", q.Get("user")))
	case film != "" && s.world.Shelf.Film(film) == nil:
		rest.Refuse(w, http.StatusNotFound, fmt.Sprintf("there is no film %q", film))
	default:
		rest.Answer(w, rest.Private, s.page(m, film, state, limit))
	}
}

func (s *Service) page(m *world.Member, film, state string, limit int) *Page {
	s.mu.RLock()
	defer s.mu.RUnlock()
	p := &Page{Items: []*Order{}}
	for _, o := range s.of(m) {
		if film != "" && film != o.Film.ID || state != "" && state != stateOf(o) {
			continue
		}
		if p.Total++; p.Total <= limit {
			p.Items = append(p.Items, order(o, s.world.Now))
		}
	}
	return p
}

func (s *Service) order(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	o := s.world.Order(id)
	if o == nil {
		o = s.placedAs(id)
	}
	if o == nil {
		rest.Refuse(w, http.StatusNotFound, fmt.Sprintf("there is no order %q", id))
		return
	}
	rest.Answer(w, rest.Private, order(o, s.world.Now))
}

func (s *Service) placedAs(id string) *world.Order {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, orders := range s.placed {
		for _, o := range orders {
			if o.ID == id {
				return o
			}
		}
	}
	return nil
}

// demand is what POST /orders wants.
type demand struct {
	User    string `json:"user"`
	FilmID  string `json:"film_id"`
	Kind    string `json:"kind"`
	Quality string `json:"quality"`
}

func (s *Service) place(w http.ResponseWriter, r *http.Request) {
	var d demand
	if !rest.Read(w, r, &d) {
		return
	}
	switch {
	case d.User == "" || d.FilmID == "":
		rest.Refuse(w, http.StatusBadRequest, "user and film_id must say who orders what")
	case !slices.Contains([]string{"rental", "purchase"}, d.Kind):
		rest.Refuse(w, http.StatusBadRequest, fmt.Sprintf("kind must be rental or purchase, not %q", d.Kind))
	case !slices.Contains([]string{"sd", "hd", "uhd"}, d.Quality):
		rest.Refuse(w, http.StatusBadRequest, fmt.Sprintf("quality must be sd, hd or uhd, not %q", d.Quality))
	case s.world.Member(d.User) == nil:
		rest.Refuse(w, http.StatusNotFound, fmt.Sprintf("there is no user %q", d.User))
	case s.world.Shelf.Film(d.FilmID) == nil:
		rest.Refuse(w, http.StatusNotFound, fmt.Sprintf("there is no film %q", d.FilmID))
	default:
		o, refusal := s.carryOut(d)
		if refusal != nil {
			refusal.Write(w)
			return
		}
		rest.Created(w, "/orders/"+o.ID, order(o, s.world.Now))
	}
}

// carryOut places the order that a sound demand is for, if the member has not
// got the film and can pay.
func (s *Service) carryOut(d demand) (*world.Order, *rest.Refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.made(d)
	if had := s.has(o.Member, d.FilmID); had != nil {
		return nil, &rest.Refusal{
			Status: http.StatusConflict, Code: "already-ordered",
			Detail: fmt.Sprintf("%s has %s already: %s", d.User, d.FilmID, had.ID),
		}
	}
	if left := s.walletOf(o.Member).Balance; o.Price > left {
		return nil, &rest.Refusal{
			Status: http.StatusPaymentRequired, Code: "insufficient-credit",
			Detail: fmt.Sprintf("%s costs %d; the wallet of %s holds %d", d.FilmID, o.Price, d.User, left),
		}
	}
	s.placed[o.Member] = slices.Insert(s.placed[o.Member], 0, o)
	return o, nil
}

// made returns the order that d asks for. It was placed just so long ago that
// its invoice has been written: the world's clock stands still.
func (s *Service) made(d demand) *world.Order {
	m, f := s.world.Member(d.User), s.world.Shelf.Film(d.FilmID)
	o := &world.Order{
		ID: fmt.Sprintf("%s-%04d", m.ID, len(s.of(m))+1), Member: m, Film: f, Kind: d.Kind, Quality: d.Quality,
		Price: world.Price(f, d.Kind, d.Quality), Credit: true, Duration: world.Duration(f),
		Placed: s.world.Now.Add(-billed),
	}
	if o.Kind == "rental" {
		o.Active, o.Expires = true, o.Placed.Add(world.StartWithin)
	}
	return o
}

// has returns the order by which the member can play the film, or nil.
func (s *Service) has(m *world.Member, film string) *world.Order {
	for _, o := range s.of(m) {
		if o.Film.ID == film && playable(o) {
			return o
		}
	}
	return nil
}
