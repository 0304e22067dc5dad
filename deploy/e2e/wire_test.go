package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A recorder is a service that keeps every whole request as it came over the wire.
// What it answers, answer decides; nil is 200 and a little JSON.
type recorder struct {
	addr   string
	answer func(r *http.Request, w io.Writer)

	mu   sync.Mutex
	seen []string
}

const anAnswer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"ok\":true}"

func record(t *testing.T, answer func(r *http.Request, w io.Writer)) *recorder {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &recorder{addr: l.Addr().String(), answer: answer}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() { _ = l.Close() }) // connections end with the gateway
	return s
}

func (s *recorder) serve(conn net.Conn) {
	defer conn.Close()
	var raw bytes.Buffer
	wire := bufio.NewReader(io.TeeReader(conn, &raw))
	for {
		r, err := http.ReadRequest(wire)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return // a request that is cut is none
		}
		s.mu.Lock()
		s.seen = append(s.seen, raw.String())
		s.mu.Unlock()
		raw.Reset()
		if s.answer == nil {
			_, _ = io.WriteString(conn, anAnswer)
		} else {
			s.answer(r, conn)
		}
	}
}

// take is what came since it was last taken.
func (s *recorder) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen
	s.seen = nil
	return seen
}

// front is bff-mobile without screens in front of a recorder:
//
//	/echo/*     whoever comes
//	/member/*   members, and the service gets no token
//	/trusted/*  members, and the service gets the token
//	/films/*    whoever comes, by the catalog's gRPC service
//
// server is put into the server section, more at the end.
func (w *world) front(s *recorder, server, more string) {
	w.t.Helper()
	w.write(w.file("bff-mobile"), strings.NewReplacer(
		"{listen}", w.addr["bff-mobile"], "{admin}", w.addr["bff-mobile admin"], "{provider}", w.addr["provider"],
		"{service}", s.addr, "{catalog}", w.addr["catalog"], "{server}", server, "{descriptors}", w.descriptors(),
	).Replace(frontConfig)+more)
}

const frontConfig = `
server: {listen: "{listen}", {server}}
admin: {listen: "{admin}"}
screens: []
auth:
  realm: mobile
  issuers:
    - {issuer: "http://{provider}/", jwks: "http://{provider}/keys", audience: bff-mobile, clients: [phone-app]}
policies:
  - name: anyone
    public: true
  - name: member
    scopes: {any: [films:read]}
upstreams:
  service: {url: "http://{service}", breaker: {failures: 1000, ratio: 1, min_requests: 1000}}
  catalog: {grpc: "{catalog}", descriptors: {descriptors}}
routes:
  - {path: /echo/*, upstream: service, policy: anyone}
  - {path: /member/*, upstream: service, policy: member}
  - {path: /trusted/*, upstream: service, policy: member, forward_token: true}
  - {path: /films/*, upstream: catalog, policy: anyone}
  - {path: /films, upstream: catalog, policy: anyone}
`

// descriptors puts the catalog's beside the configuration, which names them by
// a relative path.
func (w *world) descriptors() string {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "bff-mobile", "descriptors", "catalog.binpb"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(filepath.Join(w.dir, "catalog.binpb"), string(data))
	return "catalog.binpb"
}

// behind starts a gateway in front of a recorder, and nothing else.
func behind(t *testing.T, s *recorder, server, more string) *world {
	t.Helper()
	w := closed(t)
	w.front(s, server, more)
	w.gateway("bff-mobile")
	w.ready()
	return w
}

// known is as behind, with the provider and the catalog.
func known(t *testing.T, s *recorder, server, more string) *world {
	t.Helper()
	w := closed(t)
	w.start("provider", nil, "--listen", w.addr["provider"])
	w.service("catalog")
	w.front(s, server, more)
	w.gateway("bff-mobile")
	w.ready()
	return w
}

// An outcome is what a client gets for the bytes that it sends: the answers up to
// the close of the connection.
type outcome struct {
	answers []answer
	rest    string // behind the last answer
	closed  bool   // the connection was closed behind them; else it waits for more
}

// dial opens a connection to the front.
func (w *world) dial() net.Conn {
	w.t.Helper()
	conn, err := net.Dial("tcp", w.addr["bff-mobile"])
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// wire sends bytes as they are and reads answers until as many as wanted have
// come or the connection is closed.
func (w *world) wire(bytes string, wanted int) outcome {
	w.t.Helper()
	conn := w.dial()
	defer conn.Close()
	if _, err := io.WriteString(conn, bytes); err != nil && !errors.Is(err, net.ErrClosed) {
		w.t.Logf("sending: %v", err)
	}
	method, _, _ := strings.Cut(bytes, " ")
	in := bufio.NewReader(conn)
	var o outcome
	for len(o.answers) < wanted {
		resp, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			o.closed = closing(err)
			if !o.closed {
				o.rest = err.Error()
			}
			return o
		}
		if resp.StatusCode < 200 {
			continue
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			o.rest = "in the body: " + err.Error()
		}
		o.answers = append(o.answers, answer{resp.StatusCode, resp.Header, body})
		o.closed = resp.Close
	}
	return o
}

// header is a field of a request as a recorder has kept it, empty where there is
// none. All its lines are joined.
func header(request, name string) string {
	head, _, _ := strings.Cut(request, "\r\n\r\n")
	var values []string
	for line := range strings.SplitSeq(head, "\r\n") {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(key, name) {
			values = append(values, strings.TrimSpace(value))
		}
	}
	return strings.Join(values, ", ")
}

// closing tells the end of a connection from nonsense on it.
func closing(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(err.Error(), "connection reset")
}

// only is the one answer that bytes get.
func (w *world) only(bytes string) (answer, outcome) {
	w.t.Helper()
	o := w.wire(bytes, 1)
	if len(o.answers) == 0 {
		return answer{}, o
	}
	return o.answers[0], o
}

// length is that of a body, as a header says it.
func length(body string) string { return strconv.Itoa(len(body)) }

// change edits a configuration that was written.
func (w *world) change(gateway string, oldnew ...string) {
	w.t.Helper()
	data, err := os.ReadFile(w.file(gateway))
	if err != nil {
		w.t.Fatal(err)
	}
	text := string(data)
	for i := 0; i+1 < len(oldnew); i += 2 {
		text = replace(w.t, text, oldnew[i], oldnew[i+1])
	}
	w.write(w.file(gateway), text)
}

// wait is the exit status of a process that ends by itself.
func (w *world) wait(name string) int {
	w.t.Helper()
	p := w.run[name]
	select {
	case <-p.done:
	case <-time.After(patience):
		w.t.Fatalf("%s has not ended:\n%s", name, p.out.tail(2000))
	}
	return p.cmd.ProcessState.ExitCode()
}
