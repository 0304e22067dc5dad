package trial

import (
	"bufio"
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
}

// inMemory calls nobody: what a screen costs without any carrier.
func inMemory(string) Carrier { return memory{} }

type memory struct{}

func (memory) Close() {}

func (memory) Start(path string) Pending {
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
// Compare within one run only.
func BenchmarkAggregate(b *testing.B) {
	world := startWorld(b)
	pin(b, os.Getpid(), 1)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, c := range carriers {
		b.Run(c.name, func(b *testing.B) {
			screen := &Screen{}
			for _, s := range documents.Services() {
				mask, err := projection.Compile(masks[s.Name])
				if err != nil {
					b.Fatal(err)
				}
				carrier := c.open(world.where[s.Name])
				defer carrier.Close()
				screen.Parts = append(screen.Parts, Part{s.Name, carrier, s.Path, mask})
			}
			server := httptest.NewServer(screen)
			defer server.Close()
			length := world.learn(b, server.URL)
			world.load(b, server.URL, length, 500) // connections, pools
			b.ReportAllocs()
			b.ResetTimer()
			before := cpu(b)
			world.load(b, server.URL, length, b.N)
			b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
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
	cmd.Env = append(os.Environ(), worldEnv+"=1", "GOMAXPROCS=1")
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
