package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/triptych-bff/triptych/deploy/demo/page"
	"github.com/triptych-bff/triptych/deploy/services/films"
	"github.com/triptych-bff/triptych/deploy/services/world"
)

// TestMain makes the test's own program the small processes that the tests run.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && strings.HasPrefix(os.Args[1], "as-") {
		os.Exit(actor(os.Args[1], os.Args[2]))
	}
	os.Setenv("GORACE", "atexit_sleep_ms=0") // of the processes: the race detector would keep each a second longer
	goleak.VerifyTestMain(m)
}

// actor plays one process at an address.
func actor(role, address string) int {
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM)
	fmt.Println("I am", role)
	if role == "as-early-death" {
		fmt.Println("the reason is in the last line")
		return 3
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer listener.Close()
	ready := http.StatusOK
	if role == "as-never-ready" {
		ready = http.StatusServiceUnavailable
	}
	die := make(chan struct{})
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/die" {
			close(die)
		}
		w.WriteHeader(ready)
	}))
	for {
		select {
		case <-die:
			fmt.Println("I was asked to die")
			return 4
		case <-terminate:
			if role != "as-stubborn" {
				fmt.Println("goodbye", time.Now().UnixNano())
				return 0
			}
		}
	}
}

// freeAddress is an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func play(t *testing.T, name, role string) process {
	t.Helper()
	address := freeAddress(t)
	return process{
		name: name, bin: os.Args[0], args: []string{"as-" + role, address},
		ports: []string{address}, ready: "http://" + address + "/ready",
	}
}

func newRunner(t *testing.T) *runner {
	return &runner{logs: t.TempDir(), readyWithin: 20 * time.Second, grace: 10 * time.Second}
}

// gone fails if something still listens where the process did.
func gone(t *testing.T, p process) {
	t.Helper()
	if !free(p.ports[0]) {
		t.Errorf("%s still listens on %s", p.name, p.ports[0])
	}
}

func TestRunsAndStopsInOrder(t *testing.T) {
	r := newRunner(t)
	back, front := play(t, "back", "server"), play(t, "front", "server")
	ctx, stop := context.WithCancel(t.Context())
	err := r.run(ctx, [][]process{{back}, {front}}, func(ctx context.Context) error {
		for _, p := range []process{back, front} {
			if err := probe(ctx, p.ready); err != nil {
				t.Errorf("%s is not ready when work begins: %v", p.name, err)
			}
		}
		stop()
		<-ctx.Done()
		return ctx.Err()
	})
	if err != nil {
		t.Errorf("a wish to stop is no error: %v", err)
	}
	gone(t, back)
	gone(t, front)
	if first, second := goodbye(t, r, "front"), goodbye(t, r, "back"); first >= second {
		t.Errorf("back stopped at %s, before front at %s", second, first)
	}
}

// goodbye is the moment at which a process says that it stops.
func goodbye(t *testing.T, r *runner, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.logs, name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	_, moment, ok := strings.Cut(string(text), "goodbye ")
	if !ok {
		t.Fatalf("%s was not asked to stop:\n%s", name, text)
	}
	return moment
}

func TestStubbornProcessIsKilled(t *testing.T) {
	r := newRunner(t)
	r.grace = 50 * time.Millisecond
	stubborn := play(t, "stubborn", "stubborn")
	if err := r.run(t.Context(), [][]process{{stubborn}}, func(context.Context) error { return nil }); err != nil {
		t.Error(err)
	}
	gone(t, stubborn)
}

func TestDeathStopsEverything(t *testing.T) {
	r := newRunner(t)
	good, mortal := play(t, "good", "server"), play(t, "mortal", "server")
	err := r.run(t.Context(), [][]process{{good, mortal}}, func(ctx context.Context) error {
		resp, err := http.Get("http://" + mortal.ports[0] + "/die")
		if err == nil {
			resp.Body.Close()
		}
		<-ctx.Done()
		return nil
	})
	var death *deathError
	if !errors.As(err, &death) || death.name != "mortal" || !strings.Contains(err.Error(), "I was asked to die") || !strings.Contains(err.Error(), "exit status 4") {
		t.Errorf("got %v, want mortal's death with its last words", err)
	}
	gone(t, good)
}

func TestEarlyDeath(t *testing.T) {
	r := newRunner(t)
	good, bad := play(t, "good", "server"), play(t, "bad", "early-death")
	err := r.run(t.Context(), [][]process{{good, bad}}, func(context.Context) error {
		t.Error("work has begun")
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "bad has died (exit status 3)") || !strings.Contains(err.Error(), "the reason is in the last line") {
		t.Errorf("got %v", err)
	}
	gone(t, good)
}

func TestNeverReady(t *testing.T) {
	r := newRunner(t)
	r.readyWithin = 500 * time.Millisecond
	lazy := play(t, "lazy", "never-ready")
	err := r.run(t.Context(), [][]process{{lazy}}, func(context.Context) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "lazy is not ready") {
		t.Errorf("got %v", err)
	}
	gone(t, lazy)
}

func TestChecksEverythingFirst(t *testing.T) {
	one, two := play(t, "one", "server"), play(t, "two", "server")
	for _, p := range []process{one, two} {
		l, err := net.Listen("tcp", p.ports[0])
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
	lost := process{name: "lost", bin: filepath.Join(t.TempDir(), "lost")}
	err := newRunner(t).run(t.Context(), [][]process{{one}, {two, lost}}, func(context.Context) error { return nil })
	if err == nil {
		t.Fatal("nothing is wrong?")
	}
	for _, want := range []string{one.ports[0] + ", which one wants", two.ports[0] + ", which two wants", lost.bin, "make build"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in:\n%v", want, err)
		}
	}
}

func TestTableHasNoAddressTwice(t *testing.T) {
	for _, s := range []shift{0, 2000, highest} {
		seen := map[string]string{}
		for _, p := range append(append(behind(s), gateways(s, "")...), s.page()) {
			for _, address := range p.ports {
				if other := seen[address]; other != "" {
					t.Errorf("%s and %s both want %s", other, p.name, address)
				}
				seen[address] = p.name
				if _, err := net.ResolveTCPAddr("tcp", address); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

func TestDescribe(t *testing.T) {
	var all, services, shifted bytes.Buffer
	describe(&all, 0, [][]process{{shift(0).page()}, behind(0), gateways(0, "")}, "bin/logs")
	describe(&services, 0, [][]process{behind(0)}, "bin/logs")
	describe(&shifted, 2000, [][]process{{shift(2000).page()}, behind(2000), gateways(2000, "")}, "bin/logs")
	if n := strings.Count(all.String(), "curl -s --compressed"); n != 3 {
		t.Errorf("%d requests are shown, want 3:\n%s", n, &all)
	}
	if at := strings.Index(all.String(), "http://"); !strings.HasPrefix(all.String()[at:], "http://127.0.0.1:8080/\n") {
		t.Errorf("the page does not come first:\n%s", &all)
	}
	if strings.Contains(services.String(), "curl") || strings.Contains(services.String(), ":8080") {
		t.Errorf("requests or the page are shown although no gateway runs:\n%s", &services)
	}
	if want := `$(bin/demo token --provider http://127.0.0.1:9000 --client tv --as ada)" http://127.0.0.1:10083/v1/home`; !strings.Contains(shifted.String(), want) {
		t.Errorf("%s is missing in:\n%s", want, &shifted)
	}
}

func TestOptions(t *testing.T) {
	for _, test := range []struct {
		args string
		want options
	}{
		{"", options{page: true, bin: "bin", source: ".", logs: "bin/logs"}},
		{"--services-only", options{servicesOnly: true, bin: "bin", source: ".", logs: "bin/logs"}},
		{"--page=false", options{bin: "bin", source: ".", logs: "bin/logs"}},
		{"--shift 2000", options{page: true, shift: 2000, bin: "bin", source: ".", logs: "bin/logs-2000"}},
		{"--shift 2000 --logs x", options{page: true, shift: 2000, bin: "bin", source: ".", logs: "x"}},
		{"-- echo a", options{page: true, bin: "bin", source: ".", logs: "bin/logs", command: []string{"echo", "a"}}},
	} {
		got, err := parseRun(strings.Fields(test.args))
		if len(got.command) == 0 {
			got.command = nil
		}
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%q: %+v, %v; want %+v", test.args, got, err, test.want)
		}
	}
	for _, args := range []string{"--shift -1", "--shift 60000", "--shift x"} {
		if _, err := parseRun(strings.Fields(args)); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}

// TestShiftedConfigurations: a shifted gateway's configuration is its own with every
// address of the demo moved, and nothing else changed.
func TestShiftedConfigurations(t *testing.T) {
	const by = shift(2000)
	folder := t.TempDir()
	if err := by.configure("../..", folder); err != nil {
		t.Fatal(err)
	}
	for _, g := range gateways(by, folder) {
		text, err := os.ReadFile(configuration(folder, g.name))
		if err != nil {
			t.Fatal(err)
		}
		usual, err := os.ReadFile(filepath.Join("../..", g.name, "config.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, address := range append(g.ports, by.addr(providerPort), by.addr(7001)) {
			if !bytes.Contains(text, []byte(address)) {
				t.Errorf("%s: %s is missing in\n%s", g.name, address, text)
			}
		}
		for _, p := range append(behind(0), gateways(0, "")...) {
			for _, address := range p.ports {
				if bytes.Contains(text, []byte(address)) {
					t.Errorf("%s: %s, of %s, was not moved", g.name, address, p.name)
				}
			}
		}
		if back := (-by).moveFrom(by, text); !bytes.Equal(back, usual) {
			t.Errorf("%s: more than addresses has changed:\n%s", g.name, back)
		}
	}
	if err := by.configure(t.TempDir(), folder); err == nil || !strings.Contains(err.Error(), "--source") {
		t.Errorf("no configurations to copy: %v", err)
	}
}

// moveFrom undoes what the shift from has done to a text.
func (s shift) moveFrom(from shift, text []byte) []byte {
	for _, p := range append(append(behind(from), gateways(from, "")...), from.page()) {
		for _, address := range p.ports {
			_, digits, _ := strings.Cut(address, ":")
			port, _ := strconv.Atoi(digits)
			text = bytes.ReplaceAll(text, []byte(address), []byte(s.addr(port)))
		}
	}
	return text
}

func TestBuildOfAProgram(t *testing.T) {
	m := versionLine.FindStringSubmatch("bff-tv v0.3.0 (shared v0.1.0, commit 1a2b3c4, go1.26.0)\n")
	if want := []string{"v0.3.0", "v0.1.0", "1a2b3c4"}; m == nil || !reflect.DeepEqual(m[1:], want) {
		t.Errorf("%q, want %q", m, want)
	}
	if got := build(t.Context(), filepath.Join(t.TempDir(), "none")); got != (page.Build{}) {
		t.Errorf("a program that does not exist says %+v", got)
	}
}

// TestPage: it is there while work is done, knows the table, and is gone afterwards.
func TestPage(t *testing.T) {
	_, digits, _ := net.SplitHostPort(freeAddress(t))
	port, err := strconv.Atoi(digits)
	if err != nil {
		t.Fatal(err)
	}
	r, o := newRunner(t), options{page: true, shift: shift(port - pagePort), bin: t.TempDir()}
	failure := errors.New("work fails")
	err = withPage(t.Context(), o, r, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.shift.url(pagePort)+"/api/world", http.NoBody)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		var world struct {
			Services []struct{ Name, Protocol, State string }
		}
		if err := json.NewDecoder(resp.Body).Decode(&world); err != nil {
			return err
		}
		for i, one := range services() {
			if got := world.Services[i]; got.Name != one.name || got.Protocol != one.protocol || got.State != "stopped" {
				t.Errorf("%+v, want %+v", got, one)
			}
		}
		taken := withPage(ctx, o, r, func(context.Context) error { return nil })
		if taken == nil || !strings.Contains(taken.Error(), "the page: ") {
			t.Errorf("its address is taken: %v", taken)
		}
		return failure
	})
	if !errors.Is(err, failure) {
		t.Errorf("got %v, want what work says", err)
	}
	if !free(o.shift.addr(pagePort)) {
		t.Error("the page is still there")
	}
}

// TestMembers: the page speaks of those whom the world knows.
func TestMembers(t *testing.T) {
	shelf, err := films.Load()
	if err != nil {
		t.Fatal(err)
	}
	w := world.New(shelf, time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC))
	for _, one := range members() {
		known := w.Member(one.ID)
		if known == nil || known.FirstName+" "+known.LastName != one.Name {
			t.Errorf("%s is %+v in the world", one.ID, known)
		}
	}
}

// stage runs processes and calls work when they are ready. Whatever work does, the
// demo is to end without an error.
func stage(t *testing.T, r *runner, work func(ctx context.Context), table ...process) {
	t.Helper()
	err := r.run(t.Context(), [][]process{table}, func(ctx context.Context) error {
		work(ctx)
		return ctx.Err()
	})
	if err != nil {
		t.Error(err)
	}
	for _, p := range table {
		gone(t, p)
	}
}

func TestStopAndStartOne(t *testing.T) {
	r := newRunner(t)
	one, other := play(t, "one", "server"), play(t, "other", "server")
	stage(t, r, func(ctx context.Context) {
		for range 2 {
			for range 2 { // the second time there is nothing to do
				if err := r.Stop("one"); err != nil {
					t.Error(err)
				}
			}
			if r.Up("one") || !free(one.ports[0]) {
				t.Error("one was stopped, and is there")
			}
			if err := probe(ctx, other.ready); err != nil || !r.Up("other") {
				t.Errorf("one was stopped, and other is not there: %v", err)
			}
			for range 2 {
				if err := r.Start(ctx, "one"); err != nil {
					t.Error(err)
				}
			}
			if err := probe(ctx, one.ready); err != nil || !r.Up("one") {
				t.Errorf("one was started, and is not ready: %v", err)
			}
		}
		if r.Stop("none") == nil || r.Start(ctx, "none") == nil || r.Up("none") {
			t.Error("there is a process of an unknown name")
		}
	}, one, other)
}

// TestStartedAgainItsDeathIsOne: what was started on request is watched as before.
func TestStartedAgainItsDeathIsOne(t *testing.T) {
	r := newRunner(t)
	mortal := play(t, "mortal", "server")
	err := r.run(t.Context(), [][]process{{mortal}}, func(ctx context.Context) error {
		if err := errors.Join(r.Stop("mortal"), r.Start(ctx, "mortal")); err != nil {
			t.Error(err)
		}
		resp, err := http.Get("http://" + mortal.ports[0] + "/die")
		if err == nil {
			resp.Body.Close()
		}
		<-ctx.Done()
		return nil
	})
	var death *deathError
	if !errors.As(err, &death) || !strings.Contains(err.Error(), "I was asked to die") {
		t.Errorf("got %v, want mortal's death", err)
	}
}

// TestStartFails: whoever asked is told, and everything else goes on.
func TestStartFails(t *testing.T) {
	r := newRunner(t)
	one, other := play(t, "one", "server"), play(t, "other", "server")
	stage(t, r, func(ctx context.Context) {
		if err := r.Stop("one"); err != nil {
			t.Error(err)
		}
		l, err := net.Listen("tcp", one.ports[0])
		if err != nil {
			t.Error(err)
			return
		}
		defer l.Close()
		if err := r.Start(ctx, "one"); err == nil || !strings.Contains(err.Error(), "it has ended") || !strings.Contains(err.Error(), "address already in use") {
			t.Errorf("its address is taken: %v", err)
		}
		if r.Up("one") {
			t.Error("it is up")
		}
		l.Close()
		if err := r.Start(ctx, "one"); err != nil {
			t.Errorf("its address is free again: %v", err)
		}
		if err := probe(ctx, other.ready); err != nil {
			t.Error(err)
		}
	}, one, other)
}

// TestStartIsLeft: one that does not become ready, and a caller who does not wait.
func TestStartIsLeft(t *testing.T) {
	r := newRunner(t)
	lazy := play(t, "lazy", "never-ready")
	good := play(t, "good", "server")
	stage(t, r, func(ctx context.Context) {
		r.stages[0] = append(r.stages[0], &child{process: lazy, log: filepath.Join(r.logs, "lazy.log")})
		short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		if err := r.Start(short, "lazy"); err == nil || !strings.Contains(err.Error(), "lazy is not ready") {
			t.Error(err)
		}
		if r.Up("lazy") {
			t.Error("it is up")
		}
	}, good)
	gone(t, lazy)
}

func TestManyStopAndStart(t *testing.T) {
	r := newRunner(t)
	one, other := play(t, "one", "server"), play(t, "other", "server")
	stage(t, r, func(ctx context.Context) {
		var wait sync.WaitGroup
		for i := range 12 {
			name := []string{"one", "other"}[i/2%2]
			wait.Go(func() {
				if i%2 == 0 {
					if err := r.Stop(name); err != nil {
						t.Error(err)
					}
				} else if err := r.Start(ctx, name); err != nil {
					t.Error(err)
				}
				r.Up(name)
			})
		}
		wait.Wait()
		if err := errors.Join(r.Start(ctx, "one"), r.Start(ctx, "other"), probe(ctx, one.ready), probe(ctx, other.ready)); err != nil {
			t.Error(err)
		}
	}, one, other)
}

// TestNothingStartsWhenAllIsStopped: a start that has begun ends, and none begins.
func TestNothingStartsWhenAllIsStopped(t *testing.T) {
	r := newRunner(t)
	one := play(t, "one", "server")
	started := make(chan error, 1)
	stage(t, r, func(ctx context.Context) {
		if err := r.Stop("one"); err != nil {
			t.Error(err)
		}
		go func() {
			for {
				err := r.Start(context.WithoutCancel(ctx), "one")
				if err != nil {
					started <- err
					return
				}
				_ = r.Stop("one")
			}
		}()
	}, one)
	if err := <-started; !errors.Is(err, errStopping) {
		t.Errorf("got %v", err)
	}
	gone(t, one)
}

func TestForegroundFails(t *testing.T) {
	r := newRunner(t)
	p := play(t, "back", "server")
	err := r.run(t.Context(), [][]process{{p}}, func(ctx context.Context) error {
		return foreground(ctx, []string{os.Args[0], "as-early-death", "-"}, t.Output())
	})
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("got %v, want the command's exit status 3", err)
	}
}

func TestToken(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/dev/token" || r.PostFormValue("as") != "ada" {
			http.Error(w, "user is unknown", http.StatusBadRequest)
			return
		}
		fmt.Fprint(w, "a.b."+r.PostFormValue("client"))
	}))
	var out bytes.Buffer
	if err := command(t.Context(), []string{"token", "--provider", server.URL + "/", "--client", "tv", "--as", "ada"}, &out); err != nil || out.String() != "a.b.tv\n" {
		t.Errorf("%q, %v", &out, err)
	}
	err := command(t.Context(), []string{"token", "--provider", server.URL, "--client", "tv", "--as", "eve"}, &out)
	if err == nil || err.Error() != "token: user is unknown" {
		t.Errorf("got %v", err)
	}
	server.Close()
	err = command(t.Context(), []string{"token", "--provider", server.URL, "--client", "tv", "--as", "ada"}, &out)
	if err == nil || !strings.Contains(err.Error(), "is the demo running (make run)?") {
		t.Errorf("got %v", err)
	}
}

func TestRedisExpires(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- redisCommand(ctx, []string{"--listen", "127.0.0.1:0"}, writer) }()
	line, err := bufio.NewReader(reader).ReadString('\n') // it serves when it says where
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", strings.TrimSpace(strings.TrimPrefix(line, "redis ")))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := say(t, conn, "SET k v PX 150"); got != "+OK" {
		t.Fatal(got)
	}
	for say(t, conn, "EXISTS k") == ":1" { // until it has expired; the test's own time limit ends this
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// say sends one command in the Redis protocol and returns the line answered.
func say(t *testing.T, conn net.Conn, line string) string {
	t.Helper()
	words := strings.Fields(line)
	command := fmt.Sprintf("*%d\r\n", len(words))
	for _, word := range words {
		command += fmt.Sprintf("$%d\r\n%s\r\n", len(word), word)
	}
	if _, err := conn.Write([]byte(command)); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 64)
	n, err := conn.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(buffer[:n]))
}
