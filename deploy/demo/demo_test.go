package main

import (
	"bufio"
	"bytes"
	"context"
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
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain makes the test's own program the small processes that the tests run.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && strings.HasPrefix(os.Args[1], "as-") {
		os.Exit(actor(os.Args[1], os.Args[2]))
	}
	os.Exit(m.Run())
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

func newRunner(t *testing.T) runner {
	return runner{logs: t.TempDir(), readyWithin: 20 * time.Second, grace: 10 * time.Second}
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
func goodbye(t *testing.T, r runner, name string) string {
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
	seen := map[string]string{}
	for _, p := range append(behind(), gateways()...) {
		for _, address := range p.ports {
			if other := seen[address]; other != "" {
				t.Errorf("%s and %s both want %s", other, p.name, address)
			}
			seen[address] = p.name
		}
	}
}

func TestDescribe(t *testing.T) {
	var all, services bytes.Buffer
	describe(&all, [][]process{behind(), gateways()}, "bin/logs")
	describe(&services, [][]process{behind()}, "bin/logs")
	if n := strings.Count(all.String(), "curl -s --compressed"); n != 3 {
		t.Errorf("%d requests are shown, want 3:\n%s", n, &all)
	}
	if strings.Contains(services.String(), "curl") {
		t.Errorf("requests are shown although no gateway runs:\n%s", &services)
	}
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
