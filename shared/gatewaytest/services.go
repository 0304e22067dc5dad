package gatewaytest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/gateway"
	"github.com/triptych-bff/triptych/shared/protojson"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// Services are servers that stand for the services of a gateway. Each speaks
// its service's own protocol on a port of its own.
type Services struct {
	t      testing.TB
	dir    string
	record bool
	byName map[string]*service

	mu       sync.Mutex
	spoiled  bool // services were stopped or failed: this is no record of them
	finished bool
}

// service is one of them.
type service struct {
	name   string
	config upstream.Config
	files  *protojson.Files // nil where it speaks HTTP
	addr   string
	stop   func()

	mu        sync.Mutex
	exchanges []exchange
	replies   []Reply // in place of exchanges, the newest first
	calls     int
	hanging   chan struct{} // not nil while no call is answered
}

// exchange is a recorded request and its answer.
type exchange struct {
	Request string            `json:"request"` // "GET /users/ada?x=1", with the body behind it where there is one, or the gRPC method and the request message
	Status  int               `json:"status"`  // HTTP status, or gRPC status code
	Header  map[string]string `json:"header,omitempty"`
	Body    json.RawMessage   `json:"body,omitempty"`
	Text    string            `json:"text,omitempty"` // a body that is not JSON, or a gRPC status message
}

// Replay starts a server for every service that the built-in configuration of
// app names. It answers what the file of its name in dir holds: requests that
// nobody has recorded fail the test.
func Replay(t testing.TB, app gateway.App, dir string) *Services {
	t.Helper()
	return replay(t, app, dir, os.Getenv(recordVariable) != "")
}

// recordVariable is the environment's: it makes a replay a recording.
const recordVariable = "TRIPTYCH_RECORD"

func replay(t testing.TB, app gateway.App, dir string, record bool) *Services {
	t.Helper()
	s := &Services{t: t, dir: dir, record: record, byName: map[string]*service{}}
	for name, c := range load(t, app).Upstreams {
		one := &service{name: name, config: c, files: descriptors(t, app, c)}
		if !s.record {
			one.exchanges = s.load(name)
		}
		s.byName[name] = one
		s.start(one)
	}
	t.Cleanup(s.finish)
	return s
}

// builtIn is the configuration among an app's files.
const builtIn = "config.yaml"

// load is the app's own configuration.
func load(t testing.TB, app gateway.App) *gateway.Config {
	t.Helper()
	settings := app.Settings()
	if _, err := config.Load(settings, config.Source{Name: builtIn, Data: read(t, app, builtIn)}); err != nil {
		t.Fatal(err)
	}
	return settings.Core()
}

func read(t testing.TB, app gateway.App, name string) []byte {
	t.Helper()
	data, err := fs.ReadFile(app.Files, name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// descriptors are those of a gRPC service, among the app's files as well.
func descriptors(t testing.TB, app gateway.App, c upstream.Config) *protojson.Files {
	t.Helper()
	if c.GRPC == "" {
		return nil
	}
	files, err := protojson.Load(read(t, app, strings.TrimPrefix(c.Descriptors, "embedded:")))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func (s *Services) start(one *service) {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	one.addr = l.Addr().String()
	if one.files != nil {
		one.stop = s.serveGRPC(one, l)
	} else {
		one.stop = s.serveHTTP(one, l)
	}
}

// settings point a gateway at these services.
func (s *Services) settings() []string {
	if s == nil {
		return nil
	}
	var set []string
	for _, name := range slices.Sorted(maps.Keys(s.byName)) {
		one := s.byName[name]
		if one.files != nil {
			set = append(set, "upstreams."+name+".grpc="+one.addr)
		} else {
			set = append(set, "upstreams."+name+".url=http://"+one.addr)
		}
	}
	return set
}

func (s *Services) service(name string) *service {
	s.t.Helper()
	one := s.byName[name]
	if one == nil {
		s.t.Fatalf("the configuration names no service %q", name)
	}
	return one
}

// spoil keeps what is recorded from being written.
func (s *Services) spoil() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spoiled = true
}

// fault fails the test, unless that is over.
func (s *Services) fault(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spoiled = true
	if !s.finished {
		s.t.Errorf(format, args...)
	}
}

// Stop closes a service: nobody listens at its address any more.
func (s *Services) Stop(name string) {
	s.spoil()
	s.service(name).stop()
}

// Hang makes a service take calls and answer none of them.
func (s *Services) Hang(name string) {
	s.spoil()
	one := s.service(name)
	one.mu.Lock()
	defer one.mu.Unlock()
	one.hanging = make(chan struct{})
}

// A Reply is what a service answers in place of what was recorded.
type Reply struct {
	To     string            // which calls it answers: those that begin so in the record, such as "GET /users/"; empty is all
	Status int               // HTTP status, or gRPC status code; zero is success
	Header map[string]string // of an HTTP answer; Content-Type is application/json if there is none
	Body   string            // the answer message as JSON, or the gRPC status message
}

// Answer makes a service answer so from now on.
func (s *Services) Answer(name string, r Reply) {
	s.spoil()
	one := s.service(name)
	one.mu.Lock()
	defer one.mu.Unlock()
	one.replies = slices.Insert(one.replies, 0, r)
}

// Calls is how many calls a service has received.
func (s *Services) Calls(name string) int {
	one := s.service(name)
	one.mu.Lock()
	defer one.mu.Unlock()
	return one.calls
}

// answer finds what was recorded for a request; what is not recorded fails the
// test. It waits where the service hangs.
func (s *Services) answer(one *service, request string, gone <-chan struct{}) (exchange, bool) {
	one.mu.Lock()
	one.calls++
	hanging := one.hanging
	e, ok := one.find(request)
	one.mu.Unlock()
	if !ok {
		s.fault("%s: nothing is recorded for %s", one.name, request)
		return exchange{}, false
	}
	if hanging != nil {
		select {
		case <-hanging:
		case <-gone:
		}
	}
	return e, true
}

// find is what a request is answered. The service is locked.
func (one *service) find(request string) (exchange, bool) {
	for _, r := range one.replies {
		if strings.HasPrefix(request, r.To) {
			return one.exchange(r), true
		}
	}
	i := slices.IndexFunc(one.exchanges, func(e exchange) bool { return e.Request == request })
	if i < 0 {
		return exchange{}, false
	}
	return one.exchanges[i], true
}

// exchange is the reply in the service's protocol.
func (one *service) exchange(r Reply) exchange {
	switch {
	case one.files == nil:
		header := map[string]string{"Content-Type": "application/json"}
		maps.Copy(header, r.Header)
		return exchange{Status: cmp.Or(r.Status, http.StatusOK), Header: header, Text: r.Body}
	case r.Status == int(codes.OK):
		return exchange{Body: json.RawMessage(r.Body)}
	default:
		return exchange{Status: r.Status, Text: r.Body}
	}
}

// note keeps an exchange for the record; equal requests stand once.
func (one *service) note(e exchange) {
	one.mu.Lock()
	defer one.mu.Unlock()
	one.calls++
	if !slices.ContainsFunc(one.exchanges, func(o exchange) bool { return o.Request == e.Request }) {
		one.exchanges = append(one.exchanges, e)
	}
}

// finish ends all services and, when recording, writes what they answered. A test
// that has failed, or in which services did, leaves the record as it was.
func (s *Services) finish() {
	for _, one := range s.byName {
		one.release()
		one.stop()
	}
	s.mu.Lock()
	s.finished = true
	keep := s.record && !s.spoiled && !s.t.Failed()
	s.mu.Unlock()
	for _, one := range s.byName {
		if keep && len(one.exchanges) > 0 {
			s.save(one)
		}
	}
}

// release lets the calls end that hang.
func (one *service) release() {
	one.mu.Lock()
	defer one.mu.Unlock()
	if one.hanging != nil {
		close(one.hanging)
		one.hanging = nil
	}
}

func (s *Services) file(name string) string { return filepath.Join(s.dir, name+".json") }

func (s *Services) load(name string) []exchange {
	s.t.Helper()
	data, err := os.ReadFile(s.file(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		s.t.Fatal(err)
	}
	var list []exchange
	if err := json.Unmarshal(data, &list); err != nil {
		s.t.Fatalf("%s: %v", s.file(name), err)
	}
	for i := range list { // files are for people, and services do not indent
		var compact bytes.Buffer
		if json.Compact(&compact, list[i].Body) == nil && compact.Len() > 0 {
			list[i].Body = compact.Bytes()
		}
	}
	return list
}

func (s *Services) save(one *service) {
	one.mu.Lock()
	defer one.mu.Unlock()
	slices.SortFunc(one.exchanges, func(a, b exchange) int { return strings.Compare(a.Request, b.Request) })
	var text strings.Builder
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(one.exchanges); err != nil {
		s.t.Error(err)
		return
	}
	write(s.t, s.file(one.name), []byte(text.String()))
}
