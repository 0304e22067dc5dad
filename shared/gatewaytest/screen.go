package gatewaytest

import (
	"cmp"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/triptych-bff/triptych/shared/gateway"
)

// A Screen is how one aggregation endpoint is tested: what is asked, what the
// services answer, and what must become of it. [Screen.Run] also tries what must
// become of it when they answer otherwise, or are asked otherwise.
type Screen struct {
	App    gateway.App
	As     Caller            // who asks
	Ask    string            // method and target, such as "GET /v1/home?page=2"
	Send   map[string]string // headers of the request
	Body   string            // of the request; it is JSON unless Send has a Content-Type
	Record string            // directory of what the services answer, a file each

	Status int               // of the answer; zero is 200
	Code   string            // of the problem that the answer is; empty where it is a screen, which lacks nothing
	Golden string            // file with the answer's body; empty compares nothing
	Header map[string]string // headers of the answer, each with its whole value; one without a value is not there
	Calls  map[string]int    // how many calls these services receive for it

	// What is true of the answer, and of that of every case, if it is a screen.
	MaxBytes int // how long the body may be before compression; zero is as long as it likes
	Check    func(t testing.TB, a Answer)
}

// A Caller is whom the access token of a request is made out to, through the app
// for which the gateway is. The zero value has no token.
type Caller struct {
	Subject string
	Scopes  string // separated by blanks
}

// Cases are what can happen to a screen, by names that complete a sentence about
// it: "without orders", "for strangers".
type Cases map[string]Case

// A Case is a screen under other circumstances. Its zero value changes nothing,
// and expects that nothing is missing.
type Case struct {
	// What is done to the services, after the screen was asked for so often.
	Before int              // each of these answers must lack nothing
	Stop   []string         // services at whose address nobody listens any more
	Hang   []string         // services that take calls and answer none of them
	Answer map[string]Reply // services that answer something else than was recorded
	Record string           // directory in place of the screen's

	// What is asked, where that is something else than the screen asks.
	As        Caller
	Anonymous bool // without a token
	Ask       string
	Send      map[string]string // beside what the screen sends
	Body      string

	// What is answered.
	Status     int               // zero is the screen's
	Code       string            // of the problem that the answer is
	Missing    []string          // the parts that it names as missing, in its order
	Default    []string          // those that are their default instead
	Incomplete []string          // those that lack something within
	Stale      []string          // those that are older than they should be
	Members    map[string]string // JSON of members of the body, such as what stands in for a missing part: others of those may not be there
	Golden     string
	Header     map[string]string
	Calls      map[string]int // with those of Before
	Check      func(t testing.TB, a Answer)
}

// Run tests the screen as it is recorded, in a subtest named so, and then every
// case in one of its own, each with its own gateway and services.
//
// With TRIPTYCH_RECORD=1 only the first records. The cases, which may spoil the
// services, replay what it has just written.
func (s Screen) Run(t *testing.T, cases Cases) {
	t.Helper()
	recording := os.Getenv(recordVariable) != ""
	ok := t.Run("recorded", func(t *testing.T) { s.try(t, s.recorded(), recording) })
	if recording && !ok {
		return // there is nothing new to replay
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		t.Run(name, func(t *testing.T) { s.Try(t, cases[name]) })
	}
}

// Try tests one case. It never records.
func (s Screen) Try(t testing.TB, c Case) {
	t.Helper()
	s.try(t, c, false)
}

func (s Screen) try(t testing.TB, c Case, record bool) {
	t.Helper()
	c = s.complete(c)
	services, issuer := replay(t, s.App, c.Record, record), issuerOf(t, s.App)
	g := Start(t, s.App, services, issuer)
	token := c.token(t, issuer)
	for range c.Before {
		Case{Status: s.status()}.judge(t, c.ask(g, token))
	}
	c.spoil(services)
	a := c.ask(g, token)
	if c.judge(t, a) {
		s.check(t, c, a)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Calls)) {
		if got := services.Calls(name); got != c.Calls[name] {
			t.Errorf("%s received %d calls, want %d", name, got, c.Calls[name])
		}
	}
}

// recorded is the case in which nothing is changed.
func (s Screen) recorded() Case {
	return Case{Code: s.Code, Golden: s.Golden, Header: s.Header, Calls: s.Calls}
}

// check is what is true of every answer that is a screen, and what the case knows
// beside it.
func (s Screen) check(t testing.TB, c Case, a Answer) {
	t.Helper()
	if c.Code == "" {
		if length := len(a.Plain(t)); s.MaxBytes > 0 && length > s.MaxBytes {
			t.Errorf("%d bytes before compression, at most %d are promised", length, s.MaxBytes)
		}
		if s.Check != nil {
			s.Check(t, a)
		}
	}
	if c.Check != nil {
		c.Check(t, a)
	}
}

// complete is the case with everything that it has of its screen.
func (s Screen) complete(c Case) Case {
	c.Record = cmp.Or(c.Record, s.Record)
	c.As = cmp.Or(c.As, s.As)
	c.Ask = cmp.Or(c.Ask, s.Ask)
	c.Body = cmp.Or(c.Body, s.Body)
	c.Status = cmp.Or(c.Status, s.status())
	send := http.Header{}
	if c.Body != "" {
		send.Set("Content-Type", "application/json")
	}
	for _, headers := range []map[string]string{s.Send, c.Send} {
		for name, value := range headers {
			send.Set(name, value)
		}
	}
	c.Send = map[string]string{}
	for name := range send {
		c.Send[name] = send.Get(name)
	}
	return c
}

func (s Screen) status() int { return cmp.Or(s.Status, http.StatusOK) }

// ask sends the request.
func (c Case) ask(g *Gateway, token string) Answer {
	g.t.Helper()
	method, target, _ := strings.Cut(c.Ask, " ")
	var headers []string
	for name, value := range c.Send {
		headers = append(headers, name, value)
	}
	return g.Do(method, target, token, []byte(c.Body), headers...)
}

// token is what the caller has, or empty.
func (c Case) token(t testing.TB, issuer *Issuer) string {
	t.Helper()
	if c.Anonymous || c.As == (Caller{}) {
		return ""
	}
	if issuer == nil {
		t.Fatalf("the configuration trusts no issuer of a token for %s", c.As.Subject)
	}
	return issuer.Token(c.As.Subject, c.As.Scopes)
}

// spoil does to the services what the case wants.
func (c Case) spoil(services *Services) {
	services.t.Helper()
	for _, name := range c.Stop {
		services.Stop(name)
	}
	for _, name := range c.Hang {
		services.Hang(name)
	}
	for name, reply := range c.Answer {
		services.Answer(name, reply)
	}
}

// spoiled are the services to which something was done.
func (c Case) spoiled() []string {
	return slices.Concat(c.Stop, c.Hang, slices.Sorted(maps.Keys(c.Answer)))
}

// issuerOf is the first issuer that the app's own configuration trusts, as far as
// a token says where it comes from; nil where it trusts none.
func issuerOf(t testing.TB, app gateway.App) *Issuer {
	t.Helper()
	trusted := load(t, app).Auth.Issuers
	if len(trusted) == 0 {
		return nil
	}
	return NewIssuer(t, trusted[0].Audience, trusted[0].Clients[0])
}
