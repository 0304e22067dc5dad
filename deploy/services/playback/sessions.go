package playback

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/triptych-bff/triptych/deploy/services/chance"
	"github.com/triptych-bff/triptych/deploy/services/films"
	"github.com/triptych-bff/triptych/deploy/services/rest"
	"github.com/triptych-bff/triptych/deploy/services/world"
)

const (
	// beat is how often a player should tell where it is, and a session that
	// has missed so many is over.
	beat, missed = 30 * time.Second, 3
	// atOnce is on how many devices a member may watch.
	atOnce = 2
	// mostSessions is how many there can be of all members.
	mostSessions = 1000
)

// Session is one film on one device. It is where the device finds the film in
// the quality that was ordered, or in hd.
type Session struct {
	ID         string `json:"id"`
	FilmID     string `json:"film_id"`
	Manifest   string `json:"manifest"`
	License    string `json:"license"`
	HeartbeatS int    `json:"heartbeat_s"`
	PositionS  int    `json:"position_s"`
}

// session is one that has begun.
type session struct {
	id, device string
	member     *world.Member
	film       *films.Film
	seq        int
	heard      time.Time // when there was a sign of it
}

type beginning struct {
	User   string `json:"user"`
	FilmID string `json:"film_id"`
	Device string `json:"device"`
}

func (s *Service) begin(w http.ResponseWriter, r *http.Request) {
	var b beginning
	if !rest.Read(w, r, &b) {
		return
	}
	if !named(b.Device) {
		rest.Refuse(w, http.StatusBadRequest, deviceWanted)
		return
	}
	m, f := s.find(w, b.User, b.FilmID)
	if m == nil {
		return
	}
	answer := s.open(m, f, b.Device)
	if answer == nil {
		rest.Refuse(w, http.StatusServiceUnavailable, fmt.Sprintf("there are %d sessions already", mostSessions))
		return
	}
	rest.Created(w, "/sessions/"+answer.ID, answer)
}

// open begins a session, unless there are too many.
func (s *Service) open(m *world.Member, f *films.Film, device string) *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	if len(s.sessions) == mostSessions {
		return nil
	}
	s.begun++
	c := chance.Of("session", strconv.Itoa(s.begun))
	begun := &session{id: "ses_" + c.Hex(16), member: m, film: f, device: device, heard: s.clock()}
	s.sessions = append(s.sessions, begun)
	return &Session{
		ID: begun.id, FilmID: f.ID, Manifest: Manifest(f, quality(m, f)), License: license(f, "widevine"),
		HeartbeatS: int(beat.Seconds()), PositionS: s.of(m, f).PositionS,
	}
}

func quality(m *world.Member, f *films.Film) string {
	for _, o := range m.Orders {
		if o.Film == f {
			return o.Quality
		}
	}
	return "hd"
}

// sweep drops the sessions that have ended without saying so.
func (s *Service) sweep() {
	over := s.clock().Add(-missed * beat)
	s.sessions = slices.DeleteFunc(s.sessions, func(other *session) bool { return !other.heard.After(over) })
}

type heartbeat struct {
	Seq       int    `json:"seq"`
	PositionS int    `json:"position_s"`
	State     string `json:"state"`
}

func (s *Service) heartbeat(w http.ResponseWriter, r *http.Request) {
	var h heartbeat
	if !rest.Read(w, r, &h) {
		return
	}
	switch {
	case h.Seq < 1:
		rest.Refuse(w, http.StatusBadRequest, fmt.Sprintf("seq must be 1 or more, not %d", h.Seq))
	case h.State != "playing" && h.State != "paused":
		rest.Refuse(w, http.StatusBadRequest, fmt.Sprintf("state must be playing or paused, not %q", h.State))
	default:
		if refusal := s.hear(r.PathValue("id"), h); refusal != nil {
			refusal.Write(w)
			return
		}
		rest.Done(w)
	}
}

// hear takes a heartbeat; one that was overtaken by a later one says nothing.
func (s *Service) hear(id string, h heartbeat) *rest.Refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	i := s.index(id)
	if i < 0 {
		return unknown(id)
	}
	live := s.sessions[i]
	live.heard = s.clock()
	if first := s.before(i); first >= atOnce {
		return &rest.Refusal{
			Status: http.StatusConflict, Code: "concurrency-limit",
			Detail: fmt.Sprintf("%s watches on %d other devices", live.member.ID, first),
		}
	}
	if h.Seq <= live.seq {
		return nil
	}
	if _, refusal := s.move(live.member, live.film, h.PositionS, live.device); refusal != nil {
		return refusal
	}
	live.seq = h.Seq
	return nil
}

// before counts the sessions that the member of the i-th had before it.
func (s *Service) before(i int) int {
	n := 0
	for _, other := range s.sessions[:i] {
		if other.member == s.sessions[i].member {
			n++
		}
	}
	return n
}

func (s *Service) index(id string) int {
	return slices.IndexFunc(s.sessions, func(other *session) bool { return other.id == id })
}

func unknown(id string) *rest.Refusal {
	return &rest.Refusal{Status: http.StatusNotFound, Detail: fmt.Sprintf("there is no session %q, or it has ended", id)}
}

func (s *Service) end(w http.ResponseWriter, r *http.Request) {
	if refusal := s.close(r.PathValue("id")); refusal != nil {
		refusal.Write(w)
		return
	}
	rest.Done(w)
}

func (s *Service) close(id string) *rest.Refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	i := s.index(id)
	if i < 0 {
		return unknown(id)
	}
	s.sessions = slices.Delete(s.sessions, i, i+1)
	return nil
}
