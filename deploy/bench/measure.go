package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/triptych-bff/triptych/deploy/bench/load"
)

// The load: in HTTP/1.1 each connection has one request under way, in HTTP/2
// there are fewer connections with several.
const (
	connections      = 64
	http2Connections = 16
	http2Streams     = 8
	warmUp           = time.Second
	maxRequests      = 5_000_000 // of one round
)

// A sample is what one round has measured of one peer.
type sample struct {
	answers     int
	took        time.Duration
	user, total time.Duration // CPU time of the gateway
	busy        float64       // share of its core that the gateway used
	foreign     float64       // share that others used
	p50, p99    time.Duration // 0 where it is not known
	memory      int           // bytes
	length      int           // of a body on the wire
	pace        time.Duration // of the machine, see cores.pace
}

// cpu is microseconds of CPU time for each answer.
func (s *sample) cpu() float64     { return perAnswer(s.total, s.answers) }
func (s *sample) cpuUser() float64 { return perAnswer(s.user, s.answers) }
func (s *sample) rate() float64    { return float64(s.answers) / s.took.Seconds() }

func perAnswer(d time.Duration, answers int) float64 {
	return float64(d) / float64(time.Microsecond) / float64(answers)
}

// A row is all that was measured of one peer in one scenario.
type row struct {
	peer    *peer
	samples []*sample
	failed  error // why there is no result
}

// compare measures all peers in turn, each round beginning with another one.
func (w *world) compare(s *scenario, able []*peer, f *flags) []*row {
	rows := make([]*row, len(able))
	for i, p := range able {
		rows[i] = &row{peer: p}
	}
	for round := range f.rounds {
		for i := range rows {
			r := rows[(i+round)%len(rows)]
			if r.failed != nil {
				continue
			}
			one, err := w.one(s, r.peer, f)
			if err != nil {
				r.failed, r.samples = err, nil
				fmt.Fprintf(os.Stderr, "%s: %s FAILED: %v\n", s.name, r.peer.name, err)
				continue
			}
			r.samples = append(r.samples, one)
			fmt.Fprintf(os.Stderr, "%s: round %d: %s: %.1f µs, %.0f answers/s, busy %.0f %%, others %.0f %%\n",
				s.name, round+1, r.peer.name, one.cpu(), one.rate(), 100*one.busy, 100*one.foreign)
		}
	}
	return rows
}

// one starts a peer, checks it and measures it once.
func (w *world) one(s *scenario, p *peer, f *flags) (result *sample, err error) {
	unlock, err := alone()
	if err != nil {
		return nil, err
	}
	defer unlock()
	err = w.with(s, p, f.profile, func(g *gateway) error {
		result, err = w.load(g, s, f.time)
		return err
	})
	return result, err
}

// check starts each peer and looks at its answers.
func (w *world) check(s *scenario, able []*peer) error {
	for _, p := range able {
		err := w.with(s, p, "", func(g *gateway) error {
			fmt.Fprintf(os.Stderr, "%s: %s answers as it should: %d bytes\n", s.name, p.name, g.length)
			return nil
		})
		if err != nil {
			return fmt.Errorf("%s: %s: %w", s.name, p.name, err)
		}
	}
	return nil
}

// alone waits until nobody else measures on this machine.
func alone() (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(os.TempDir(), "triptych-bench.lock"), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock: %w", err)
	}
	return func() { f.Close() }, nil
}

func (w *world) load(g *gateway, s *scenario, limit time.Duration) (*sample, error) {
	if s.http2 {
		return w.loadHTTP2(g, s, limit)
	}
	address, err := netip.ParseAddrPort(g.listen)
	if err != nil {
		return nil, err
	}
	o := load.Options{
		Port: int(address.Port()), Connections: connections, Length: g.length,
		Requests: s.requests(g.listen, g.tokens),
	}
	if s.tls {
		o.TLS = trusting()
	}
	l, err := load.Dial(o)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	if _, err := l.Run(warmUp, maxRequests); err != nil {
		return nil, err
	}
	return w.measure(g, func() (load.Result, error) { return l.Run(limit, maxRequests) })
}

// measure looks at the gateway's use of the CPU before and after a run.
func (w *world) measure(g *gateway, run func() (load.Result, error)) (*sample, error) {
	pace, err := w.cores.pace()
	if err != nil {
		return nil, err
	}
	before, err := w.cores.usage(g.process)
	if err != nil {
		return nil, err
	}
	result, err := run()
	if err != nil {
		return nil, err
	}
	after, err := w.cores.usage(g.process)
	if err != nil {
		return nil, err
	}
	if result.Answers == 0 {
		return nil, errors.New("no answer")
	}
	wall := after.at.Sub(before.at).Seconds()
	user, system := after.user-before.user, after.system-before.system
	return &sample{
		answers: result.Answers, took: result.Took, user: user, total: user + system,
		busy:    (user + system).Seconds() / wall,
		foreign: max(0, (after.core-before.core-user-system).Seconds()/wall),
		p50:     result.P50, p99: result.P99, memory: g.memory(), pace: pace, length: g.length,
	}, nil
}

// loadHTTP2 uses h2load, since a client in Go would need more of its core than
// the gateways of theirs.
func (w *world) loadHTTP2(g *gateway, s *scenario, limit time.Duration) (*sample, error) {
	path, err := findProgram("h2load")
	if err != nil {
		return nil, err
	}
	run := func(limit time.Duration) (load.Result, error) {
		log := filepath.Join(w.folder, "h2load.log")
		p, err := w.cores.start(exec.Command(path, "-t", "1", "-c", strconv.Itoa(http2Connections), "-m", strconv.Itoa(http2Streams),
			"-D", strconv.Itoa(int(limit.Seconds())), "--warm-up-time", "0", "https://"+g.listen+s.path), log, false)
		if err != nil {
			return load.Result{}, err
		}
		select {
		case <-p.done:
		case <-time.After(limit + time.Minute):
			p.end()
		}
		return parseH2load(p.output(), g.length, limit)
	}
	if _, err := run(warmUp); err != nil {
		return nil, err
	}
	return w.measure(g, func() (load.Result, error) { return run(limit) })
}

var (
	h2loadRequests = regexp.MustCompile(`(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout`)
	h2loadTraffic  = regexp.MustCompile(`\((\d+)\) data`)
)

// parseH2load reads h2load's summary and refuses one with any fault.
func parseH2load(text string, length int, took time.Duration) (load.Result, error) {
	r := load.Result{Took: took}
	requests, traffic := h2loadRequests.FindStringSubmatch(text), h2loadTraffic.FindStringSubmatch(text)
	if requests == nil || traffic == nil {
		return r, fmt.Errorf("h2load: %s", text[max(0, len(text)-300):])
	}
	if strings.Join(requests[2:], "") != "000" {
		return r, fmt.Errorf("h2load: %s", requests[0])
	}
	r.Answers, _ = strconv.Atoi(requests[1])
	if data, _ := strconv.Atoi(traffic[1]); data < r.Answers*length {
		return r, fmt.Errorf("h2load: %d bytes in %d answers, want %d in each", data, r.Answers, length)
	}
	return r, nil
}
