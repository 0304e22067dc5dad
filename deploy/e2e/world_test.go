package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// addresses are those of the demo, as they stand in the configurations. Each
// world has free ones in their place.
var addresses = map[string]string{
	"provider":            "127.0.0.1:7000",
	"users":               "127.0.0.1:7001",
	"users ops":           "127.0.0.1:7101",
	"orders":              "127.0.0.1:7002",
	"orders ops":          "127.0.0.1:7102",
	"reviews":             "127.0.0.1:7003",
	"reviews ops":         "127.0.0.1:7103",
	"catalog":             "127.0.0.1:7004",
	"catalog ops":         "127.0.0.1:7104",
	"catalog posters":     "127.0.0.1:7204",
	"recommendations":     "127.0.0.1:7005",
	"recommendations ops": "127.0.0.1:7105",
	"playback":            "127.0.0.1:7007",
	"playback ops":        "127.0.0.1:7107",
	"app":                 "127.0.0.1:7008",
	"app ops":             "127.0.0.1:7108",
	"bff-mobile":          "127.0.0.1:8081",
	"bff-mobile admin":    "127.0.0.1:9081",
	"bff-web":             "127.0.0.1:8082",
	"bff-web admin":       "127.0.0.1:9082",
	"bff-tv":              "127.0.0.1:8083",
	"bff-tv admin":        "127.0.0.1:9083",
}

var (
	services = []string{"users", "orders", "reviews", "catalog", "recommendations", "playback", "app"}
	gateways = []string{"bff-mobile", "bff-web", "bff-tv"}
	screens  = map[string]string{"bff-mobile": "/v1/home", "bff-web": "/api/dashboard", "bff-tv": "/v1/home"}
)

// A world is the demo on ports of its own, as long as a test.
type world struct {
	t    *testing.T
	dir  string
	addr map[string]string // as addresses, with the ports of this world
	run  map[string]*process
}

// open starts the provider, all services and the gateways.
func open(t *testing.T) *world {
	t.Helper()
	w := closed(t)
	w.start("provider", nil, "--listen", w.addr["provider"])
	for _, name := range services {
		w.service(name)
	}
	for _, name := range gateways {
		w.configure(name, nil)
		w.gateway(name)
	}
	w.ready()
	return w
}

// closed is a world in which nothing runs yet.
func closed(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), addr: map[string]string{}, run: map[string]*process{}}
	var held []net.Listener
	for name := range addresses {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, l)
		w.addr[name] = l.Addr().String()
	}
	for _, l := range held {
		_ = l.Close()
	}
	return w
}

func (w *world) service(name string) {
	w.t.Helper()
	args := []string{name, "--listen", w.addr[name], "--ops", w.addr[name+" ops"]}
	switch name {
	case "catalog":
		args = append(args, "--posters", w.addr["catalog posters"], "--posters-url", "http://"+w.addr["catalog posters"])
	case "app":
		args = append(args, "--provider", "http://"+w.addr["provider"])
	}
	w.startAs(name, "services", nil, args...)
}

// file is a gateway's configuration in this world.
func (w *world) file(name string) string { return filepath.Join(w.dir, name+".yaml") }

// configure writes a gateway's own configuration with this world's addresses,
// changed by edit.
func (w *world) configure(name string, edit func(string) string) {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", name, "config.yaml"))
	if err != nil {
		w.t.Fatal(err)
	}
	text := string(data)
	for at, address := range addresses {
		text = strings.ReplaceAll(text, address, w.addr[at])
	}
	if edit != nil {
		text = edit(text)
	}
	w.write(w.file(name), text)
}

func (w *world) write(file, text string) {
	w.t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) gateway(name string) { w.start(name, nil, "run", "--config", w.file(name)) }

func (w *world) start(name string, env []string, args ...string) { w.startAs(name, name, env, args...) }

// startAs starts a program under a name of its own.
func (w *world) startAs(name, program string, env []string, args ...string) {
	w.t.Helper()
	p := &process{done: make(chan struct{})}
	p.cmd = exec.Command(binary(w.t, program), args...)
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	w.run[name] = p
	w.t.Cleanup(func() {
		p.end()
		if w.t.Failed() {
			w.t.Logf("%s:\n%s", name, p.out.tail(4000))
		}
	})
}

// binary is the path of a program in bin/.
func binary(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "bin", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v; make build puts the programs there", err)
	}
	return path
}

// ready waits until everything that runs says so.
func (w *world) ready() {
	w.t.Helper()
	for name := range w.run {
		url := "http://" + w.addr[name+" ops"] + "/healthz"
		switch {
		case name == "provider":
			url = "http://" + w.addr[name] + "/ready"
		case strings.HasPrefix(name, "bff-"):
			url = "http://" + w.addr[name+" admin"] + "/readyz"
		}
		w.eventually(name+" is ready", func() bool {
			w.alive(name)
			resp, err := http.Get(url)
			if err != nil {
				return false
			}
			defer resp.Body.Close()
			return resp.StatusCode == http.StatusOK
		})
	}
}

func (w *world) alive(name string) {
	w.t.Helper()
	select {
	case <-w.run[name].done:
		w.t.Fatalf("%s has ended:\n%s", name, w.run[name].out.tail(4000))
	default:
	}
}

// eventually waits until something that must come has come.
func (w *world) eventually(what string, came func() bool) {
	w.t.Helper()
	end := time.Now().Add(patience)
	for !came() {
		if time.Now().After(end) {
			w.t.Fatalf("not after %v: %s", patience, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// stop ends a process; nobody listens at its address any more.
func (w *world) stop(name string) { w.run[name].end() }

// hang suspends a process until the test ends.
func (w *world) hang(name string) {
	w.t.Helper()
	p := w.run[name]
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		w.t.Fatal(err)
	}
}

// token is an access token of the provider's for a client (mobile, web or tv).
func (w *world) token(client, as string, more ...string) string {
	w.t.Helper()
	form := url.Values{"client": {client}, "as": {as}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	resp, err := http.PostForm("http://"+w.addr["provider"]+"/dev/token", form)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		w.t.Fatalf("token: %d %s %v", resp.StatusCode, body, err)
	}
	return string(body)
}

// client is the short name of a gateway's client app.
func client(gateway string) string { return strings.TrimPrefix(gateway, "bff-") }

// An answer is a whole response.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// problem is the code of a problem document.
func (a answer) problem(t *testing.T) string {
	t.Helper()
	var p struct{ Code string }
	if ct := a.header.Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("status %d with content type %q: %s", a.status, ct, a.body)
	}
	if err := json.Unmarshal(a.body, &p); err != nil {
		t.Errorf("problem: %v: %s", err, a.body)
	}
	return p.Code
}

var plain = &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16}, Timeout: patience}

// get asks a gateway. Headers are names and values in turn.
func (w *world) get(gateway, path, token string, header ...string) answer {
	w.t.Helper()
	a, err := w.try(context.Background(), gateway, path, token, header...)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) try(ctx context.Context, gateway, path, token string, header ...string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.addr[gateway]+path, nil)
	if err != nil {
		return answer{}, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := plain.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, body}, err
}

// stats are what a service has done so far.
type stats struct{ Requests, Bytes int }

func (w *world) stats(service string) stats {
	w.t.Helper()
	resp, err := http.Get("http://" + w.addr[service+" ops"] + "/stats")
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	var s stats
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
		w.t.Fatal(err)
	}
	return s
}

// admin asks the listener for operators.
func (w *world) admin(gateway, path string) answer {
	w.t.Helper()
	resp, err := http.Get("http://" + w.addr[gateway+" admin"] + path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, body}
}

// A process is a running program.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	out  buffer
}

// end asks the process to stop, and sees to it.
func (p *process) end() {
	_ = p.cmd.Process.Signal(syscall.SIGCONT)
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// A buffer is what a process has printed.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *buffer) tail(n int) string {
	text := b.String()
	return text[max(0, len(text)-n):]
}
