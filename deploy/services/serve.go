package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	catalogpb "github.com/triptych-bff/triptych/deploy/proto/filmstore/catalog/v1"
	recommendationspb "github.com/triptych-bff/triptych/deploy/proto/filmstore/recommendations/v1"
	"github.com/triptych-bff/triptych/deploy/services/app"
	"github.com/triptych-bff/triptych/deploy/services/catalog"
	"github.com/triptych-bff/triptych/deploy/services/knobs"
	"github.com/triptych-bff/triptych/deploy/services/meter"
	"github.com/triptych-bff/triptych/deploy/services/orders"
	"github.com/triptych-bff/triptych/deploy/services/playback"
	"github.com/triptych-bff/triptych/deploy/services/posters"
	"github.com/triptych-bff/triptych/deploy/services/recommendations"
	"github.com/triptych-bff/triptych/deploy/services/reviews"
	"github.com/triptych-bff/triptych/deploy/services/users"
	"github.com/triptych-bff/triptych/deploy/services/world"
)

// grace is how long a service may take to finish what it has begun.
const grace = 5 * time.Second

// The listeners of a service.
const (
	api      = "api"
	ops      = "ops"
	pictures = "posters"
)

// serving is a running service.
type serving struct {
	listeners map[string]net.Listener
	meter     *meter.Meter
	knobs     *knobs.Knobs
	reset     func() // forgets what was changed
	stops     []func(context.Context)
	failed    chan error // a listener that ended by itself
}

// start opens the listeners that c names and serves the world on them.
func start(c config, w *world.World) (*serving, error) {
	s := &serving{
		listeners: map[string]net.Listener{}, failed: make(chan error, 3),
		meter: &meter.Meter{}, knobs: c.knobs, reset: func() {},
	}
	if err := s.open(c); err != nil {
		s.stop()
		return nil, err
	}
	others := map[string]*meter.Meter{}
	switch c.service {
	case "users":
		s.rest(users.New(w))
	case "orders":
		s.rest(orders.New(w))
	case "reviews":
		s.rest(reviews.New(w))
	case "catalog":
		others[pictures] = &meter.Meter{}
		s.http(pictures, others[pictures].Handler(posters.Handler(w.Shelf)))
		s.grpc(func(g *grpc.Server) {
			catalogpb.RegisterCatalogServer(g, catalog.NewServer(w.Shelf, c.postersURL, w.Now))
		})
	case "recommendations":
		s.grpc(func(g *grpc.Server) {
			recommendationspb.RegisterRecommendationsServer(g, recommendations.NewServer(w))
		})
	case "playback":
		s.rest(playback.New(w, time.Now))
	case "app":
		s.rest(app.Handler(c.app))
	}
	s.http(ops, s.operators(c.service, others))
	return s, nil
}

// open listens on every address before anything is served, so that a service
// is either wholly there or not at all.
func (s *serving) open(c config) error {
	for name, address := range map[string]string{api: c.listen, ops: c.ops, pictures: c.posters} {
		if address == "" {
			continue
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		s.listeners[name] = l
	}
	return nil
}

// addr returns the address that the listener really has.
func (s *serving) addr(name string) string { return s.listeners[name].Addr().String() }

// rest serves the API behind meter and knobs. A service that can be changed can
// be reset.
func (s *serving) rest(h http.Handler) {
	if changing, ok := h.(interface{ Reset() }); ok {
		s.reset = changing.Reset
	}
	s.http(api, s.meter.Handler(s.knobs.Handler(h)))
}

func (s *serving) http(listener string, h http.Handler) {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
	}
	s.stops = append(s.stops, func(ctx context.Context) {
		if server.Shutdown(ctx) != nil {
			_ = server.Close()
		}
	})
	go func() {
		if err := server.Serve(s.listeners[listener]); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}()
}

// ours begins the names of the demo's gRPC services.
const ours = "filmstore."

// grpc serves what register registers behind meter and knobs, with health and
// reflection beside them.
func (s *serving) grpc(register func(*grpc.Server)) {
	server := grpc.NewServer(grpc.ChainUnaryInterceptor(s.meter.RPC(ours), s.knobs.RPC(ours)))
	register(server)
	alive := health.NewServer()
	for name := range server.GetServiceInfo() {
		alive.SetServingStatus(name, healthpb.HealthCheckResponse_SERVING)
	}
	healthpb.RegisterHealthServer(server, alive)
	reflection.Register(server)
	s.stops = append(s.stops, func(ctx context.Context) {
		alive.Shutdown()
		defer context.AfterFunc(ctx, server.Stop)()
		server.GracefulStop()
	})
	go func() {
		if err := server.Serve(s.listeners[api]); err != nil {
			s.failed <- err
		}
	}()
}

// stop finishes what has begun, at once what is only held up, and closes
// everything.
func (s *serving) stop() {
	s.knobs.Release()
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	for _, stop := range s.stops {
		stop(ctx)
	}
	for _, l := range s.listeners {
		_ = l.Close() // those that no server took over
	}
}
