package page

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"github.com/triptych-bff/triptych/deploy/services/knobs"
	"github.com/triptych-bff/triptych/deploy/services/meter"
	"github.com/triptych-bff/triptych/deploy/services/rest"
)

// A server lingers for half a second behind a connection that it has cut, so that
// its last bytes arrive; that ends by itself.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// A stage is a page with everything that it needs: services with knobs and meters,
// gateways that call them, a provider.
type stage struct {
	t        *testing.T
	url      string // of the page
	shops    map[string]*shop
	phone    *httptest.Server
	tokens   atomic.Int64 // minted so far
	lifetime time.Duration
	clock    atomic.Int64 // seconds since the beginning
	refused  atomic.Bool  // gateways take no token
}

// services are those of the stage, in their order.
var services = []string{"users", "orders"}

var beginning = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func open(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, shops: map[string]*shop{}, lifetime: 5 * time.Minute}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + listener.Addr().String()
	c := Config{
		Origin: s.url, Posters: "http://127.0.0.1:7204",
		Users:     []User{{ID: "ada", Name: "Ada Morgenstern", About: "Thrillers"}, {ID: "ben", Name: "Ben Okonkwo", About: "Action"}},
		Processes: s, Mint: s.mint, Now: func() time.Time { return beginning.Add(time.Duration(s.clock.Load()) * time.Second) },
		Web: Gateway{Name: "bff-web", Address: "127.0.0.1:8082"},
	}
	for _, name := range services {
		one := &shop{name: name, t: t, api: free(t), ops: free(t)}
		s.shops[name] = one
		one.start()
		c.Services = append(c.Services, Service{Name: name, Protocol: "REST", Ops: "http://" + one.ops})
	}
	s.phone = httptest.NewServer(s.gateway("zstd"))
	tv := httptest.NewServer(s.gateway("gzip"))
	c.Phone = Gateway{"bff-mobile", s.phone.Listener.Addr().String(), Build{"v0.2.0", "v0.2.0", "1a2b3c4"}}
	c.TV = Gateway{"bff-tv", tv.Listener.Addr().String(), Build{"v0.1.0", "v0.1.0", "5d6e7f8"}}
	p := New(c)
	server := &http.Server{Handler: p.Handler(), ReadHeaderTimeout: time.Minute}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		server.Close()
		<-served
		p.Close()
		s.phone.Close()
		tv.Close()
		for _, one := range s.shops {
			one.stop()
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return s
}

// free is an address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// mint makes tokens that are good for the stage's lifetime.
func (s *stage) mint(_ context.Context, client, user string) (string, error) {
	if user == "ben" {
		return "", errors.New("ben may not")
	}
	n := s.tokens.Add(1)
	expires := beginning.Add(time.Duration(s.clock.Load())*time.Second + s.lifetime)
	return jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": user, "client": client, "exp": expires.Unix(), "jti": strconv.FormatInt(n, 10),
	}).SignedString([]byte("secret"))
}

// Up, Stop and Start implement Processes.
func (s *stage) Up(name string) bool { return s.shops[name].up() }

func (s *stage) Stop(name string) error {
	s.shops[name].stop()
	return nil
}

func (s *stage) Start(_ context.Context, name string) error {
	if s.shops[name].broken.Load() {
		return errors.New("it has ended. The end of users.log: address already in use")
	}
	s.shops[name].start()
	return nil
}

// gateway answers like one: a screen out of both services, with what is missing.
func (s *stage) gateway(coding string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/home", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("BFF-Completeness", "full")
		parts, faults := map[string]any{"client": r.UserAgent()}, []missing{}
		for _, name := range services {
			text, err := s.call(r, name)
			if err != nil {
				w.Header().Set("BFF-Completeness", `partial, missing=("`+name+`")`)
				faults = append(faults, missing{name, name, "unreachable"})
				continue
			}
			parts[name] = text
		}
		parts["_meta"] = map[string]any{"completeness": "…", "errors": faults}
		body, _ := json.Marshal(parts)
		send(w, r, coding, "application/json", http.StatusOK, body)
	})
	mux.HandleFunc("POST /v1/rentals", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		send(w, r, "", "application/problem+json", http.StatusConflict, fmt.Appendf(nil, `{"code":"conflict","sent":%s,"as":%q}`, body, r.Header.Get("Content-Type")))
	})
	mux.HandleFunc("GET /text", func(w http.ResponseWriter, r *http.Request) {
		send(w, r, coding, "text/plain", http.StatusOK, []byte("a <b> & c"))
	})
	mux.HandleFunc("GET /none", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /br", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "br")
		_, _ = io.WriteString(w, "?")
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") || s.refused.Load() {
			send(w, r, "", "application/problem+json", http.StatusUnauthorized, []byte(`{"code":"invalid-token"}`))
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// call asks a service on behalf of r.
func (s *stage) call(r *http.Request, name string) (string, error) {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "http://"+s.shops[name].api+"/"+name, http.NoBody)
	if err != nil {
		return "", err
	}
	req.Header["Traceparent"] = r.Header["Traceparent"]
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return "", errors.New(resp.Status)
	}
	return string(text), err
}

// send answers in the coding if the client takes it.
func send(w http.ResponseWriter, r *http.Request, coding, contentType string, status int, body []byte) {
	var out bytes.Buffer
	var encoder io.WriteCloser
	switch {
	case !strings.Contains(r.Header.Get("Accept-Encoding"), coding):
	case coding == "zstd":
		encoder, _ = zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1))
	case coding == "gzip":
		encoder = gzip.NewWriter(&out)
	}
	if encoder != nil {
		_, _ = encoder.Write(body)
		_ = encoder.Close()
		body = out.Bytes()
		w.Header().Set("Content-Encoding", coding)
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// A shop is a service as the demo's are: the same meter and knobs around an API,
// and a listener for operators.
type shop struct {
	t              *testing.T
	name, api, ops string
	resets         atomic.Int64
	broken         atomic.Bool // cannot be started

	mu      sync.Mutex
	stopped func() // nil: it does not run
}

func (s *shop) up() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopped != nil
}

func (s *shop) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped != nil {
		s.stopped()
		s.stopped = nil
	}
}

func (s *shop) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped != nil {
		return
	}
	m := &meter.Meter{}
	k, err := knobs.New(knobs.HTTP, knobs.Neutral)
	if err != nil {
		s.t.Error(err)
		return
	}
	answers := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		rest.Answer(w, rest.NoStore, strings.Repeat(s.name, 100))
	})
	operators := http.NewServeMux()
	operators.HandleFunc("GET /stats", func(w http.ResponseWriter, r *http.Request) {
		if id := r.URL.Query().Get("trace"); id != "" {
			rest.Answer(w, rest.NoStore, m.Trace(id))
			return
		}
		rest.Answer(w, rest.NoStore, m.Read())
	})
	operators.HandleFunc("GET /knobs", k.Get)
	operators.HandleFunc("PUT /knobs", k.Put)
	operators.HandleFunc("POST /reset", func(w http.ResponseWriter, _ *http.Request) {
		s.resets.Add(1)
		w.WriteHeader(http.StatusNoContent)
	})
	closeAPI, closeOps := s.serve(s.api, m.Handler(k.Handler(answers))), s.serve(s.ops, operators)
	s.stopped = func() {
		k.Release()
		closeAPI()
		closeOps()
	}
}

func (s *shop) serve(address string, h http.Handler) (end func()) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		s.t.Error(err)
		return func() {}
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(l)
	}()
	return func() {
		server.Close()
		<-served
	}
}

// An answered is what the page's API has answered.
type answered struct {
	status int
	header http.Header
	body   []byte
}

func (s *stage) send(method, path, body string, header ...string) answered {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	resp, err := http.DefaultTransport.RoundTrip(req) // follows nothing
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answered{resp.StatusCode, resp.Header, text}
}

// get decodes an answer that must be a success.
func get[T any](s *stage, method, path, body string) T {
	s.t.Helper()
	a := s.send(method, path, body)
	var v T
	if err := json.Unmarshal(a.body, &v); a.status != http.StatusOK || err != nil {
		s.t.Fatalf("%s %s: %d %s %v", method, path, a.status, a.body, err)
	}
	return v
}

// home asks for the first screen.
func (s *stage) home(device string) exchange {
	s.t.Helper()
	return get[exchange](s, "POST", "/api/devices/"+device+"/requests", `{"user":"ada","method":"GET","path":"/v1/home"}`)
}

// problem fails unless the answer is a problem of that status and code.
func (s *stage) problem(what string, a answered, status int, code string) {
	s.t.Helper()
	var p struct {
		Type, Title, Detail, Code string
		Status                    int
	}
	err := json.Unmarshal(a.body, &p)
	if a.status != status || p.Status != status || p.Code != code || p.Title == "" || p.Detail == "" || err != nil || a.header.Get("Content-Type") != "application/problem+json" {
		s.t.Errorf("%s: %d %s; want %d %s", what, a.status, a.body, status, code)
	}
}
