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
	stops     []func(context.Context)
	failed    chan error // a listener that ended by itself
}

// start opens the listeners that c names and serves the world on them.
func start(c config, w *world.World) (*serving, error) {
	s := &serving{listeners: map[string]net.Listener{}, failed: make(chan error, 3)}
	if err := s.open(c); err != nil {
		s.stop()
		return nil, err
	}
	requests := &meter.Meter{}
	others := map[string]*meter.Meter{}
	switch c.service {
	case "users":
		s.http(api, requests.Handler(users.Handler(w)))
	case "orders":
		s.http(api, requests.Handler(orders.Handler(w)))
	case "reviews":
		s.http(api, requests.Handler(reviews.Handler(w)))
	case "catalog":
		others[pictures] = &meter.Meter{}
		s.http(pictures, others[pictures].Handler(posters.Handler(w.Shelf)))
		s.grpc(requests, func(g *grpc.Server) {
			catalogpb.RegisterCatalogServer(g, catalog.NewServer(w.Shelf, c.postersURL, w.Now))
		})
	case "recommendations":
		s.grpc(requests, func(g *grpc.Server) {
			recommendationspb.RegisterRecommendationsServer(g, recommendations.NewServer(w))
		})
	case "playback":
		s.http(api, requests.Handler(playback.Handler(w)))
	case "app":
		s.http(api, requests.Handler(app.Handler(c.app)))
	}
	s.http(ops, meter.Ops(c.service, requests, others))
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

// grpc serves what register registers, with health and reflection.
func (s *serving) grpc(m *meter.Meter, register func(*grpc.Server)) {
	server := grpc.NewServer(grpc.StatsHandler(m.RPC("filmstore.")))
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

// stop finishes what has begun and closes everything.
func (s *serving) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	for _, stop := range s.stops {
		stop(ctx)
	}
	for _, l := range s.listeners {
		_ = l.Close() // those that no server took over
	}
}
