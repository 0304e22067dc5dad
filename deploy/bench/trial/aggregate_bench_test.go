package trial

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/triptych-bff/triptych/deploy/bench/documents"
	"github.com/triptych-bff/triptych/deploy/bench/load"
	"github.com/triptych-bff/triptych/shared/projection"
)

var carriers = []struct {
	name string
	open func(address string) Carrier
}{
	{"none", inMemory},
	{"nethttp", NetHTTP},
	{"fasthttp", FastHTTP},
	{"fasthttp-kept", func(address string) Carrier { return &fastHTTP{newHostClient(address), true} }},
	{"driven", func(address string) Carrier { return NewDriven(address, false) }},
	{"driven-inline", func(address string) Carrier { return NewDriven(address, true) }},
	{"http1", Own},
	{"http1-kept", func(address string) Carrier { return unreleased{Own(address)} }},
}

// unreleased keeps every answer, as a screen does that shares or stores them.
type unreleased struct{ Carrier }

func (u unreleased) Start(ctx context.Context, path string) Pending {
	return held{u.Carrier.Start(ctx, path)}
}

type held struct{ Pending }

func (held) Release() {}

// inMemory calls nobody: what a screen costs without any carrier.
func inMemory(string) Carrier { return memory{} }

type memory struct{}

func (memory) Close() {}

func (memory) Start(_ context.Context, path string) Pending {
	i := slices.IndexFunc(stored, func(s documents.Service) bool { return s.Path == path })
	return at(i)
}

type at int

func (i at) Wait() (status int, body []byte, err error) { return http.StatusOK, stored[i].JSON, nil }

func (at) Release() {}

var stored = documents.Services()

// masks keep nearly everything: 69 KB in, 66 KB out.
var masks = map[string]string{
	"users":           `{id,first_name,last_name,tier,avatar_url,preferences{currency},statistics{points}}`,
	"orders":          `{page,total,orders}`,
	"products":        `{items,total}`,
	"recommendations": `{strategy,recommendations}`,
	"reviews":         `{reviews,unread}`,
}

// BenchmarkAggregate is one screen of five calls. cpu-µs is what this process, the
// gateway, uses of a core for it; the services and the clients are another process.
func BenchmarkAggregate(b *testing.B) {
	world := startWorld(b)
	for _, c := range carriers {
		b.Run(c.name, func(b *testing.B) {
			s := open(b, world, c.open)
			b.ReportAllocs()
			b.ResetTimer()
			b.ReportMetric(s.cost(b, b.N), "cpu-µs/op")
		})
	}
}

// BenchmarkSideBySide is the same with all carriers taking turns, a fifth of a second
// at most for each, so that whatever else the machine does hits all of them. The
// figures are medians over the turns, of which there are as many as benchtime says:
// -benchtime 40x.
func BenchmarkSideBySide(b *testing.B) {
	world := startWorld(b)
	screens := make([]*screen, len(carriers))
	for i, c := range carriers {
		screens[i] = open(b, world, c.open)
	}
	costs := make([][]float64, len(carriers))
	for b.Loop() {
		for i, s := range screens {
			costs[i] = append(costs[i], s.cost(b, 300))
		}
	}
	for i, c := range carriers {
		slices.Sort(costs[i])
		b.ReportMetric(costs[i][len(costs[i])/2], c.name+"-µs")
	}
}

// A screen is a gateway with one way to call its services.
type screen struct {
	world  *world
	url    string
	length int
}

func open(b *testing.B, w *world, carry func(address string) Carrier) *screen {
	handler := &Screen{}
	for _, s := range documents.Services() {
		mask, err := projection.Compile(masks[s.Name])
		if err != nil {
			b.Fatal(err)
		}
		carrier := carry(w.where[s.Name])
		b.Cleanup(carrier.Close)
		handler.Parts = append(handler.Parts, Part{s.Name, carrier, s.Path, mask})
	}
	server := httptest.NewServer(handler)
	b.Cleanup(server.Close)
	s := &screen{world: w, url: server.URL}
	s.length = w.learn(b, server.URL)
	s.cost(b, 500) // connections, pools
	return s
}

// cost is the mean of n requests, in microseconds of this process.
func (s *screen) cost(b *testing.B, n int) float64 {
	before := cpu(b)
	s.world.load(b, s.url, s.length, n)
	return float64((cpu(b) - before).Nanoseconds()) / 1000 / float64(n)
}

// cpu is the time that this process has used.
func cpu(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// pin puts all threads of a process on one core, where the system has a tool for it.
func pin(b *testing.B, pid, core int) {
	if runtime.NumCPU() < 2 {
		return
	}
	if err := exec.Command("taskset", "-acp", strconv.Itoa(core), strconv.Itoa(pid)).Run(); err != nil {
		b.Logf("not pinned: %v", err)
	}
}

// A world is the other process: the five services, and the clients.
type world struct {
	where  map[string]string
	orders io.Writer
	done   *bufio.Reader
}

const worldEnv = "TRIAL_WORLD"

// TestMain is that process where the environment says so.
func TestMain(m *testing.M) {
	log.SetOutput(io.Discard) // net/http tells what the services of the probes do on purpose
	if os.Getenv(worldEnv) == "" {
		os.Exit(m.Run())
	}
	if err := beWorld(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func startWorld(b *testing.B) *world {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), worldEnv+"=1", "GOMAXPROCS=2") // the clients wait in system calls of their own
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	pin(b, cmd.Process.Pid, 0)
	pin(b, os.Getpid(), 1)
	cores := runtime.GOMAXPROCS(1)
	b.Cleanup(func() { runtime.GOMAXPROCS(cores) })
	w := &world{orders: in, done: bufio.NewReader(out)}
	line, err := w.done.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &w.where)
	}
	if err != nil {
		b.Fatal(err)
	}
	return w
}

// learn is how long the screen is.
func (w *world) learn(b *testing.B, url string) int {
	resp, err := http.Get(url)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !json.Valid(body) {
		b.Fatalf("%d, %v, %.100s", resp.StatusCode, err, body)
	}
	return len(body)
}

// load has the clients ask n times.
func (w *world) load(b *testing.B, url string, length, n int) {
	_, port, _ := strings.Cut(strings.TrimPrefix(url, "http://"), ":")
	fmt.Fprintln(w.orders, port, length, n)
	if said, err := w.done.ReadString('\n'); err != nil || said != "done\n" {
		b.Fatalf("%q, %v", said, err)
	}
}

// connections are as many as clients wait for an answer at any time.
const connections = 16

func beWorld() error {
	where := map[string]string{}
	for _, s := range documents.Services() {
		listener, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return err
		}
		where[s.Name] = listener.Addr().String()
		server := &fasthttp.Server{NoDefaultContentType: true, Handler: func(c *fasthttp.RequestCtx) {
			c.Response.Header.SetContentType("application/json")
			c.Response.SetBodyRaw(s.JSON)
		}}
		go func() { _ = server.Serve(listener) }()
	}
	if err := json.NewEncoder(os.Stdout).Encode(where); err != nil {
		return err
	}
	for {
		var port, length, n int
		if _, err := fmt.Fscanln(os.Stdin, &port, &length, &n); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		request := []byte("GET / HTTP/1.1\r\nHost: trial\r\n\r\n")
		l, err := load.Dial(load.Options{Port: port, Connections: connections, Requests: [][]byte{request}, Length: length})
		if err != nil {
			return err
		}
		_, err = l.Run(math.MaxInt64, n)
		l.Close()
		if err != nil {
			return err
		}
		fmt.Println("done")
	}
}
