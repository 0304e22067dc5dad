// Services is the film store that the demo's gateways stand in front of: five
// small services, as a company would have them, in one program. Each runs as a
// process of its own:
//
//	services users           --listen 127.0.0.1:7001 --ops 127.0.0.1:7101
//	services orders          --listen 127.0.0.1:7002 --ops 127.0.0.1:7102
//	services reviews         --listen 127.0.0.1:7003 --ops 127.0.0.1:7103
//	services catalog         --listen 127.0.0.1:7004 --ops 127.0.0.1:7104 --posters 127.0.0.1:7204
//	services recommendations --listen 127.0.0.1:7005 --ops 127.0.0.1:7105
//
// Users, orders and reviews speak REST; catalog and recommendations gRPC, with
// reflection and health checks. The addresses shown are the defaults. On SIGTERM
// or SIGINT a service finishes what it has begun, for at most five seconds.
//
// The ops listener answers GET /healthz, and GET /stats with the requests and
// the bytes of answers so far:
//
//	{"service":"users","requests":12,"bytes":34567}
//
// Everything is derived from the film data and the fixed moment [now], so an
// answer is the same today and next year, and can be recorded.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/triptych-bff/triptych/deploy/services/films"
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
	posters, postersURL string // of catalog
}

// names lists the services in the order of their ports.
var names = []string{"users", "orders", "reviews", "catalog", "recommendations"}

func parse(args []string) (config, error) {
	if len(args) == 0 {
		return config{}, fmt.Errorf("which service: one of %q is missing", names)
	}
	c := config{service: args[0]}
	number := 0
	for i, name := range names {
		if name == c.service {
			number = i + 1
		}
	}
	if number == 0 {
		return config{}, fmt.Errorf("no service %q: there are %q", c.service, names)
	}
	flags := flag.NewFlagSet(c.service, flag.ContinueOnError)
	flags.StringVar(&c.listen, "listen", fmt.Sprintf("127.0.0.1:%d", 7000+number), "address of the API")
	flags.StringVar(&c.ops, "ops", fmt.Sprintf("127.0.0.1:%d", 7100+number), "address of /stats and /healthz")
	if c.service == "catalog" {
		flags.StringVar(&c.posters, "posters", "127.0.0.1:7204", "address of the posters")
		flags.StringVar(&c.postersURL, "posters-url", "http://127.0.0.1:7204", "base of the posters' URLs in answers")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return config{}, err
	}
	if flags.NArg() > 0 {
		return config{}, fmt.Errorf("%s: what is %q?", c.service, flags.Args())
	}
	return c, nil
}
