// Services is the film store that the demo's gateways stand in front of: six
// small services, as a company would have them, and the browser app's files, in
// one program. Each runs as a process of its own:
//
//	services users           --listen 127.0.0.1:7001 --ops 127.0.0.1:7101
//	services orders          --listen 127.0.0.1:7002 --ops 127.0.0.1:7102
//	services reviews         --listen 127.0.0.1:7003 --ops 127.0.0.1:7103
//	services catalog         --listen 127.0.0.1:7004 --ops 127.0.0.1:7104 --posters 127.0.0.1:7204
//	services recommendations --listen 127.0.0.1:7005 --ops 127.0.0.1:7105
//	services playback        --listen 127.0.0.1:7007 --ops 127.0.0.1:7107
//	services app             --listen 127.0.0.1:7008 --ops 127.0.0.1:7108 --provider http://127.0.0.1:7000 --frames http://127.0.0.1:8080
//
// Users, orders, reviews and playback speak REST; catalog and recommendations
// gRPC, with reflection and health checks. What is shown are the defaults. On
// SIGTERM or SIGINT a service finishes what it has begun, for at most five
// seconds.
//
// The ops listener of a service answers:
//
//	GET  /healthz               200 {"service":"users","status":"ok"}
//	GET  /stats                 200 {"service":"users","requests":12,"bytes":34567}, so far
//	GET  /stats?trace={32 hex}  200, the same of one trace, with its calls · 400
//	GET  /knobs                 200 how slow and faulty the service is set to be
//	PUT  /knobs                 200 · 400 · 413 · 415; see package knobs, and the flags
//	                            --latency 250ms --failure error --rate 0.5
//	POST /reset                 204, what was changed through the API is forgotten
//
// A call of a trace is there when its answer is:
//
//	{"call":"GET /users/ada","status":200,"bytes":2600,"ms":1.2}
//	{"call":"Catalog/GetFilm","status":0,"bytes":1900,"ms":0.3}
//
// Everything is derived from the film data and the fixed moment [now], and what
// is changed is kept in memory, so an answer is the same today and next year,
// and can be recorded.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/triptych-bff/triptych/deploy/services/app"
	"github.com/triptych-bff/triptych/deploy/services/films"
	"github.com/triptych-bff/triptych/deploy/services/knobs"
	"github.com/triptych-bff/triptych/deploy/services/world"
)

// now is the moment at which the film store stands still.
func now() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	err := run(ctx, os.Args[1:], log)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "services:", err)
		os.Exit(1)
	}
}

// run serves the service that args name until ctx ends.
func run(ctx context.Context, args []string, log *slog.Logger) error {
	c, err := parse(args)
	if err != nil {
		return err
	}
	shelf, err := films.Load()
	if err != nil {
		return err
	}
	s, err := start(c, world.New(shelf, now()))
	if err != nil {
		return fmt.Errorf("%s: %w", c.service, err)
	}
	log.Info("serving", "service", c.service, "listen", s.addr(api), "ops", s.addr(ops))
	select {
	case <-ctx.Done():
	case err = <-s.failed:
	}
	log.Info("stopping", "service", c.service)
	s.stop()
	return err
}

// config is what the command line says.
type config struct {
	service             string
	listen, ops         string
	knobs               *knobs.Knobs
	posters, postersURL string     // of catalog
	app                 app.Config // of app
}

// services lists them in the order of their ports, with the usual addresses and
// the ways in which they can fail.
var services = []struct {
	name, listen, ops string
	failures          []string
}{
	{"users", "127.0.0.1:7001", "127.0.0.1:7101", knobs.HTTP},
	{"orders", "127.0.0.1:7002", "127.0.0.1:7102", knobs.HTTP},
	{"reviews", "127.0.0.1:7003", "127.0.0.1:7103", knobs.HTTP},
	{"catalog", "127.0.0.1:7004", "127.0.0.1:7104", knobs.RPC},
	{"recommendations", "127.0.0.1:7005", "127.0.0.1:7105", knobs.RPC},
	{"playback", "127.0.0.1:7007", "127.0.0.1:7107", knobs.HTTP}, // 7006 is Redis
	{"app", "127.0.0.1:7008", "127.0.0.1:7108", knobs.HTTP},
}

func names() []string {
	var list []string
	for _, s := range services {
		list = append(list, s.name)
	}
	return list
}

func parse(args []string) (config, error) {
	if len(args) == 0 {
		return config{}, fmt.Errorf("which service: one of %q is missing", names())
	}
	i := slices.Index(names(), args[0])
	if i < 0 {
		return config{}, fmt.Errorf("no service %q: there are %q", args[0], names())
	}
	c := config{service: args[0]}
	flags := flag.NewFlagSet(c.service, flag.ContinueOnError)
	flags.StringVar(&c.listen, "listen", services[i].listen, "address of the API")
	flags.StringVar(&c.ops, "ops", services[i].ops, "address for operators")
	set := knobs.Neutral
	flags.DurationVar(&set.Latency, "latency", set.Latency, "added before each answer")
	flags.StringVar(&set.Failure, "failure", set.Failure, "what becomes of answers: "+strings.Join(services[i].failures, ", "))
	flags.Float64Var(&set.Rate, "rate", set.Rate, "share of requests that fail, 0 to 1")
	switch c.service {
	case "catalog":
		flags.StringVar(&c.posters, "posters", "127.0.0.1:7204", "address of the posters")
		flags.StringVar(&c.postersURL, "posters-url", "http://127.0.0.1:7204", "base of the posters' URLs in answers")
	case "app":
		flags.StringVar(&c.app.Provider, "provider", "http://127.0.0.1:7000", "the OpenID provider that signs in")
		flags.StringVar(&c.app.Frames, "frames", "http://127.0.0.1:8080", "`origin` that may show the app in a frame")
		flags.StringVar(&c.app.Pictures, "pictures", "", "`origin` of the films' pictures; anywhere if empty")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return config{}, err
	}
	if flags.NArg() > 0 {
		return config{}, fmt.Errorf("%s: what is %q?", c.service, flags.Args())
	}
	var err error
	if c.knobs, err = knobs.New(services[i].failures, set); err != nil {
		return config{}, fmt.Errorf("%s: %w", c.service, err)
	}
	return c, nil
}
