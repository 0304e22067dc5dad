package httpcache

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/triptych-bff/triptych/shared/http1"
	"github.com/triptych-bff/triptych/shared/identity"
	"github.com/triptych-bff/triptych/shared/protojson"
	"github.com/triptych-bff/triptych/shared/resilience"
	"github.com/triptych-bff/triptych/shared/telemetry"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// These run before real services, which the fake clock cannot reach.

// patience is how long a test waits for what must happen. It is never waited for
// where the code is right.
const patience = 10 * time.Second

// before is a cache before a service. When the test ends, no call is unfinished.
func before(t *testing.T, c upstream.Config) (*Cache, *upstream.Service) {
	t.Helper()
	tel := telemetry.Discard()
	pool := upstream.NewPool(tel)
	service, err := pool.Service("users", c, nil)
	if err != nil {
		t.Fatal(err)
	}
	cache := New(Config{}, tel)
	t.Cleanup(func() {
		eventually(t, "end of all calls", func() bool { return pool.Unfinished() == 0 })
		if n := len(cache.flights); n != 0 {
			t.Errorf("%d flights never landed", n)
		}
		cache.Close()
		pool.Close()
	})
	return cache, service
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("no %s", what)
		}
	}
}

// A held service says when it is asked, answers when it is let, and tells when
// whoever asked has left.
type held struct {
	asked, left chan string
	answer      chan struct{}
	calls       atomic.Int32
}

func newHeld() *held {
	return &held{asked: make(chan string, 100), left: make(chan string, 100), answer: make(chan struct{})}
}

func (h *held) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := h.calls.Add(1)
	h.asked <- r.RequestURI
	select {
	case <-h.answer:
		fmt.Fprintf(w, "answer %d to %s", n, r.RequestURI)
	case <-r.Context().Done():
		h.left <- r.RequestURI
	}
}

func (h *held) serve(t *testing.T) (url string) {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func receive[T any](t *testing.T, from <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		t.Fatalf("no %s", what)
	}
	return v
}

func TestManyReadersOfAService(t *testing.T) {
	h := newHeld()
	cache, service := before(t, upstream.Config{URL: h.serve(t), Timeout: patience})
	c := cache.Wrap(service)
	ada := identity.NewContext(t.Context(), &identity.Identity{Subject: "ada"})
	ben := identity.NewContext(t.Context(), &identity.Identity{Subject: "ben"})
	var pending []upstream.Pending
	for _, ctx := range []context.Context{ada, ben} {
		for range 50 {
			pending = append(pending, c.Start(ctx, reads()))
		}
	}
	for range 2 {
		receive(t, h.asked, "call")
	}
	close(h.answer)
	bodies := make([][]byte, len(pending))
	var all sync.WaitGroup
	for i, p := range pending {
		all.Go(func() {
			resp, err := p.Wait()
			if err != nil {
				t.Error(err)
				return
			}
			bodies[i] = resp.Body
			resp.Release() // nothing, where others have it
		})
	}
	all.Wait()
	alone, err := c.Start(ada, &upstream.Request{Path: "/overwrites/what/was/released", Reads: true}).Wait()
	if err != nil {
		t.Fatal(err)
	}
	for i, body := range bodies {
		if first := bodies[i/50*50]; !bytes.Equal(body, first) || !bytes.HasSuffix(body, []byte("to /books/1?a=b")) {
			t.Errorf("%d: %q beside %q", i, body, first)
		}
	}
	if bytes.Equal(bodies[0], bodies[50]) || h.calls.Load() != 3 {
		t.Errorf("%q and %q in %d calls", bodies[0], bodies[50], h.calls.Load())
	}
	if alone.Release(); alone.Body != nil {
		t.Error("an answer that nobody else has was not released")
	}
}

func TestALeaderLeavesAService(t *testing.T) {
	for name, leave := range map[string]func(first upstream.Pending, cancel context.CancelFunc){
		"by cancelling":    func(first upstream.Pending, _ context.CancelFunc) { first.Cancel() },
		"with its context": func(first upstream.Pending, cancel context.CancelFunc) { cancel(); go func() { _, _ = first.Wait() }() },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHeld()
			cache, service := before(t, upstream.Config{URL: h.serve(t), Timeout: patience})
			c := cache.Wrap(service)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			first, second := c.Start(ctx, reads()), c.Start(t.Context(), reads())
			receive(t, h.asked, "call")
			leave(first, cancel)
			eventually(t, "leader who has left", func() bool {
				cache.mu.Lock()
				defer cache.mu.Unlock()
				return first.(*flight).left
			})
			close(h.answer)
			if resp, err := second.Wait(); err != nil || string(resp.Body) != "answer 1 to /books/1?a=b" {
				t.Errorf("%+v, %v", resp, err)
			}
			if len(h.left) > 0 || h.calls.Load() != 1 {
				t.Error("the service was left")
			}
		})
	}
}

func TestAllLeaveAService(t *testing.T) {
	h := newHeld()
	cache, service := before(t, upstream.Config{URL: h.serve(t), Timeout: patience})
	c := cache.Wrap(service)
	ctx, cancel := context.WithCancel(t.Context())
	first, second := c.Start(ctx, reads()), c.Start(ctx, reads())
	receive(t, h.asked, "call")
	cancel()
	for _, p := range []upstream.Pending{second, first} {
		if _, err := p.Wait(); err == nil {
			t.Error("it has an answer")
		}
	}
	receive(t, h.left, "end of the call")
}

func TestAServiceThatFails(t *testing.T) {
	served := make(chan struct{})
	for name, test := range map[string]struct {
		serve   http.HandlerFunc
		timeout time.Duration
		status  int
		code    upstream.Code
	}{
		"refuses":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, patience, 503, 0},
		"breaks":    {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, patience, 0, upstream.Unreachable},
		"hangs":     {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 50 * time.Millisecond, 0, upstream.Timeout},
		"says more": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 100)) }, patience, 0, upstream.TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				<-served
				test.serve(w, r)
			}))
			t.Cleanup(server.Close)
			cache, service := before(t, upstream.Config{URL: server.URL, Timeout: test.timeout, MaxResponse: 10})
			c := cache.Wrap(service)
			var pending []upstream.Pending
			for range 10 {
				pending = append(pending, c.Start(t.Context(), reads()))
			}
			served <- struct{}{}
			var all sync.WaitGroup
			for _, p := range pending {
				all.Go(func() {
					resp, err := p.Wait()
					if code, _ := codeOf(err); code != test.code || (err == nil) != (test.status > 0) || err == nil && resp.Status != test.status {
						t.Errorf("%+v, %v", resp, err)
					}
				})
			}
			all.Wait()
			if calls.Load() != 1 {
				t.Errorf("%d calls", calls.Load())
			}
		})
	}
}

func TestALeaderWithLittleTimeBeforeAService(t *testing.T) {
	h := newHeld()
	cache, service := before(t, upstream.Config{URL: h.serve(t), Timeout: patience})
	c := cache.Wrap(service)
	hasty := reads()
	hasty.Timeout = 20 * time.Millisecond
	first, second := c.Start(t.Context(), hasty), c.Start(t.Context(), reads())
	if _, err := first.Wait(); err == nil {
		t.Error("it has an answer")
	}
	receive(t, h.asked, "call")
	receive(t, h.left, "end of the first call")
	close(h.answer)
	if resp, err := second.Wait(); err != nil || string(resp.Body) != "answer 2 to /books/1?a=b" {
		t.Errorf("%+v, %v", resp, err)
	}
}

// healthy is a gRPC service, and the method that asks it.
func healthy(t *testing.T, check func(context.Context)) (address string, method *protojson.Method) {
	t.Helper()
	set, err := proto.Marshal(&descriptorpb.FileDescriptorSet{
		File: []*descriptorpb.FileDescriptorProto{protodesc.ToFileDescriptorProto(grpc_health_v1.File_grpc_health_v1_health_proto)},
	})
	if err != nil {
		t.Fatal(err)
	}
	files, err := protojson.Load(set)
	if err != nil {
		t.Fatal(err)
	}
	if method, err = files.Method("grpc.health.v1.Health", "Check"); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(server, &checker{check: check})
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Stop(); <-done })
	return listener.Addr().String(), method
}

type checker struct {
	grpc_health_v1.UnimplementedHealthServer
	check func(context.Context)
}

func (c *checker) Check(ctx context.Context, _ *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	c.check(ctx)
	return &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVING}, nil
}

func TestReadersOfAGRPCService(t *testing.T) {
	answer, left := make(chan struct{}), make(chan struct{}, 1)
	var calls atomic.Int32
	address, method := healthy(t, func(ctx context.Context) {
		calls.Add(1)
		select {
		case <-answer:
		case <-ctx.Done():
			left <- struct{}{}
		}
	})
	cache, service := before(t, upstream.Config{GRPC: address, Timeout: patience})
	c := cache.Wrap(service)
	check := func(ctx context.Context, name string) upstream.Pending {
		return c.Start(ctx, &upstream.Request{RPC: method, Body: fmt.Appendf(nil, `{"service":%q}`, name), Reads: true})
	}
	ctx, cancel := context.WithCancel(t.Context())
	given := check(ctx, "given up")
	eventually(t, "call", func() bool { return calls.Load() == 1 })
	cancel()
	if _, err := given.Wait(); err == nil {
		t.Error("it has an answer")
	}
	receive(t, left, "end of a call that nobody wants")

	leader, follower, other := check(t.Context(), "a"), check(t.Context(), "a"), check(t.Context(), "b")
	leader.Cancel()
	close(answer)
	for _, p := range []upstream.Pending{follower, other} {
		if resp, err := p.Wait(); err != nil || string(resp.Body) != `{"status":"SERVING"}` {
			t.Errorf("%+v, %v", resp, err)
		}
	}
	if calls.Load() != 3 {
		t.Errorf("%d calls", calls.Load())
	}
}

// A telling service is told who asks, as a service is whose answers depend on it.
type telling struct{ *upstream.Service }

func (s telling) Start(ctx context.Context, req *upstream.Request) upstream.Pending {
	told := *req
	told.Header = append(http1.Fields{{Name: "X-Who", Value: who(ctx)}}, req.Header...)
	return s.Service.Start(ctx, &told)
}

func who(ctx context.Context) string {
	if id := identity.FromContext(ctx); id != nil {
		return id.Subject
	}
	return "nobody"
}

// TestReadersAtRandom has readers who come, wait, cancel, leave and lose patience
// at random. The model is simple: whoever gets an answer gets the one to its own
// question and for itself, whoever stays gets one, and nothing is left over.
func TestReadersAtRandom(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range rand.IntN(200) {
			runtime.Gosched()
		}
		fmt.Fprintf(w, "%s %s %s", r.Header.Get("X-Who"), r.RequestURI, r.Header.Get("Accept-Language"))
	}))
	defer server.Close()
	cache, service := before(t, upstream.Config{
		URL: server.URL, Timeout: patience, MaxConnections: 64,
		Breaker: resilience.BreakerConfig{Failures: 1 << 20, MinRequests: 1 << 20}, // readers without patience would open it
	})
	callers := []context.Context{t.Context()}
	for _, name := range []string{"ada", "ben"} {
		callers = append(callers, identity.NewContext(t.Context(), &identity.Identity{Subject: name}))
	}
	var answers, departures atomic.Int32
	read := func(dice *rand.Rand) {
		ctx, cancel := context.WithCancel(callers[dice.IntN(len(callers))])
		defer cancel()
		req := &upstream.Request{
			Path: fmt.Sprintf("/%d", dice.IntN(2)), Reads: true,
			Header: http1.Fields{{Name: "Accept-Language", Value: []string{"de", "en"}[dice.IntN(2)]}},
		}
		want := fmt.Sprintf("%s %s %s", who(ctx), req.Path, req.Header[0].Value)
		stays := dice.IntN(3) == 0
		if !stays && dice.IntN(2) == 0 {
			req.Timeout = time.Duration(1 + dice.IntN(int(2*time.Millisecond)))
		}
		p := cache.Wrap(telling{service}).Start(ctx, req)
		after := dice.IntN(300)
		leave := func(end func()) {
			for range after {
				runtime.Gosched()
			}
			end()
		}
		switch {
		case stays:
		case dice.IntN(2) == 0:
			leave(p.Cancel)
			return
		default:
			go leave(cancel)
		}
		resp, err := p.Wait()
		switch {
		case err != nil && stays:
			t.Error(err)
		case err != nil:
			departures.Add(1)
		case resp.Status != 200 || string(resp.Body) != want:
			t.Errorf("%q, want %q", resp.Body, want)
		default:
			answers.Add(1)
			resp.Release()
		}
	}
	var all sync.WaitGroup
	for seed := range uint64(32) {
		all.Go(func() {
			dice := rand.New(rand.NewPCG(seed, 1))
			for range 100 {
				read(dice)
			}
		})
	}
	all.Wait()
	if answers.Load() == 0 || departures.Load() == 0 {
		t.Errorf("%d answers, %d departures", answers.Load(), departures.Load())
	}
}
