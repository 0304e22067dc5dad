package playback

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/triptych-bff/triptych/deploy/services/films"
	"github.com/triptych-bff/triptych/deploy/services/world"
)

// clock stands until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// serve returns how to post to a service whose sessions live by the clock.
func serve(t *testing.T, c *clock) func(path, body string) (status int, location string) {
	t.Helper()
	shelf, err := films.Load()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(New(world.New(shelf, c.now()), c.now))
	t.Cleanup(server.Close)
	return func(path, body string) (int, string) {
		t.Helper()
		resp, err := server.Client().Post(server.URL+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode, resp.Header.Get("Location")
	}
}

const (
	begin = `{"user":"ada","film_id":"jackie-brown-1997","device":"phone"}`
	alive = `{"seq":%d,"position_s":30,"state":"playing"}`
)

// A session that nobody ended is over when three heartbeats have not come, and
// makes room for another device.
func TestLostSession(t *testing.T) {
	c := &clock{at: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	post := serve(t, c)
	var places []string
	for range atOnce + 1 {
		_, place := post("/sessions", begin)
		places = append(places, place)
	}
	last := places[atOnce]
	for i, want := range []int{http.StatusConflict, http.StatusConflict, http.StatusConflict, http.StatusNoContent} {
		if got, _ := post(last+"/heartbeat", fmt.Sprintf(alive, i+1)); got != want {
			t.Errorf("after %d beats: %d; want %d", i, got, want)
		}
		c.pass(beat)
	}
	if got, _ := post(places[0]+"/heartbeat", fmt.Sprintf(alive, 1)); got != http.StatusNotFound {
		t.Errorf("the lost one: %d", got)
	}
}

func TestMostSessions(t *testing.T) {
	c := &clock{at: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	post := serve(t, c)
	for i := range mostSessions {
		if got, _ := post("/sessions", begin); got != http.StatusCreated {
			t.Fatalf("session %d: %d", i, got)
		}
	}
	if got, _ := post("/sessions", begin); got != http.StatusServiceUnavailable {
		t.Errorf("one more: %d", got)
	}
	c.pass(missed * beat)
	if got, _ := post("/sessions", begin); got != http.StatusCreated {
		t.Errorf("when those are lost: %d", got)
	}
}
