// Command bench measures our gateways beside their peers: the same work, on the
// same machine, in turn. README.md says what the figures mean.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Set by the build: -ldflags "-X main.version=… -X main.commit=…".
var version, commit string

// flags are the command line.
type flags struct {
	scenarios []*scenario
	peers     []string
	rounds    int
	time      time.Duration // of each round
	delay     time.Duration // of the services' answers
	check     bool
	profile   string
}

func main() {
	runtime.LockOSThread() // what it starts ends with this thread: see process
	f, err := parse(os.Args[1:])
	if err == nil {
		err = run(f)
	}
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// The most that one run may take.
const (
	maxRounds  = 20
	maxSeconds = 30
)

func parse(args []string) (*flags, error) {
	f := new(flags)
	set := flag.NewFlagSet("bench", flag.ContinueOnError)
	chosen := set.String("scenarios", "all", "what to measure, separated by commas: "+strings.Join(names(scenarios()), ", "))
	against := set.String("peers", "all", "whom to measure, separated by commas: "+strings.Join(names(peers()), ", "))
	set.IntVar(&f.rounds, "rounds", 5, "how often each peer is measured")
	seconds := set.Int("secs", 4, "how long, each time")
	set.DurationVar(&f.delay, "delay", 0, "how long the services hold each answer back")
	set.BoolVar(&f.check, "check", false, "only check that all peers answer as they should")
	set.StringVar(&f.profile, "profile", "", "folder to write CPU profiles of our gateway to")
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	if set.NArg() > 0 {
		return nil, fmt.Errorf("%q is not a flag", set.Arg(0))
	}
	if f.rounds < 1 || f.rounds > maxRounds || *seconds < 1 || *seconds > maxSeconds {
		return nil, fmt.Errorf("from 1 to %d rounds, from 1 to %d seconds", maxRounds, maxSeconds)
	}
	f.time = time.Duration(*seconds) * time.Second
	if f.profile != "" {
		folder, err := filepath.Abs(f.profile) // a gateway runs elsewhere
		if err != nil {
			return nil, err
		}
		f.profile = folder
	}
	list, err := choose(*chosen, names(scenarios()))
	if err != nil {
		return nil, err
	}
	for _, s := range scenarios() {
		if slices.Contains(list, s.name) {
			f.scenarios = append(f.scenarios, s)
		}
	}
	f.peers, err = choose(*against, names(peers()))
	return f, err
}

// choose splits a list and refuses what does not exist.
func choose(list string, all []string) ([]string, error) {
	if list == "all" {
		return all, nil
	}
	chosen := strings.Split(list, ",")
	for _, name := range chosen {
		if !slices.Contains(all, name) {
			return nil, fmt.Errorf("there is no %q; there are %s", name, strings.Join(all, ", "))
		}
	}
	return chosen, nil
}

func names[T interface{ named() string }](all []T) []string {
	list := make([]string, len(all))
	for i, one := range all {
		list[i] = one.named()
	}
	return list
}

// run measures everything that was asked for and prints the tables.
func run(f *flags) error {
	w, err := newWorld(f)
	if err != nil {
		return err
	}
	defer w.close()
	w.closeOnSignal()
	if !w.cores.apart() && !f.check {
		return errors.New("nothing to measure with one core: the gateway needs one of its own")
	}
	r := report{flags: f}
	installed, reasons := find(f.peers)
	for _, reason := range reasons {
		r.leaveOut(reason)
	}
	for _, s := range f.scenarios {
		if _, err := findProgram("h2load"); err != nil && s.http2 && !f.check {
			r.leaveOut(s.name + ": " + err.Error())
			continue
		}
		able := slices.DeleteFunc(slices.Clone(installed), func(p *peer) bool { return !slices.Contains(p.scenarios, s.name) })
		if f.check {
			if err := w.check(s, able); err != nil {
				return err
			}
			continue
		}
		r.add(s, w.compare(s, able, f))
	}
	if f.check {
		return nil
	}
	return r.print(os.Stdout)
}
