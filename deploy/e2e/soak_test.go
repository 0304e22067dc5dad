//go:build soak && linux

package e2e

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestAHundredThousandRequestsThatAreLeft leaves no call, no goroutine and no
// descriptor behind: clients go at random moments, some before they have sent the
// whole request, some while they read the answer.
func TestAHundredThousandRequestsThatAreLeft(t *testing.T) {
	const requests, clients = 100_000, 16
	w := open(t)
	w.stop("bff-mobile")
	w.configure("bff-mobile", func(text string) string {
		text = strings.ReplaceAll(text, "requests: 600", "requests: 6000000")
		return strings.ReplaceAll(text, "    timeout: 1s\n", "    timeout: 1s\n    idle: 2s\n")
	})
	w.gateway("bff-mobile")
	w.ready()
	token := w.token("mobile", "ada")
	paths := []string{"/v1/home", "/api/users/ada", "/api/films/f1"}
	for _, path := range paths {
		w.get("bff-mobile", path, token) // its connections to services are there
	}
	descriptors := func() int {
		all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", w.run["bff-mobile"].cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	before := descriptors()
	var all sync.WaitGroup
	for n := range clients {
		all.Go(func() {
			random := rand.New(rand.NewPCG(7, uint64(n)))
			for range requests / clients {
				leave(t, w.addr["bff-mobile"], fmt.Sprintf("GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", paths[random.IntN(len(paths))], token), random)
			}
		})
	}
	all.Wait()
	w.eventually("no call is under way", func() bool {
		metrics := string(w.admin("bff-mobile", "/metrics").body)
		return strings.Contains(metrics, "\nupstream_unfinished_calls 0\n") && strings.Contains(metrics, "\nhttp_requests_in_flight 0\n")
	})
	w.eventually("no descriptor is left over", func() bool { return descriptors() <= before })
	if a := w.get("bff-mobile", "/v1/home", token); a.status != 200 {
		t.Errorf("status %d", a.status)
	}
}

// leave sends a request, or a part of it, and goes.
func leave(t *testing.T, address, request string, random *rand.Rand) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	if random.IntN(4) == 0 {
		request = request[:random.IntN(len(request))]
	}
	if random.IntN(2) == 0 {
		_ = c.(*net.TCPConn).SetLinger(0) // goes with a reset
	}
	_, _ = io.WriteString(c, request)
	switch random.IntN(3) {
	case 0:
		time.Sleep(time.Duration(random.IntN(2000)) * time.Microsecond)
	case 1:
		_ = c.SetReadDeadline(time.Now().Add(time.Duration(random.IntN(3000)) * time.Microsecond))
		_, _ = c.Read(make([]byte, 1+random.IntN(1000)))
	}
}
