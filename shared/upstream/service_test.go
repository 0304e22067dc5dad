package upstream

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/resilience"
	"github.com/triptych-bff/triptych/shared/telemetry"
)

// three opens after three failures in a row, and stays open for the test.
var three = resilience.BreakerConfig{Failures: 3, MinRequests: 1000, OpenFor: time.Hour}

func TestTheBreakerOpens(t *testing.T) {
	var calls atomic.Int32
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	s := service(t, newPool(t), Config{URL: server.URL, Breaker: three})
	for range 3 {
		if resp, err := get(s, "/"); err != nil || resp.Status != 503 {
			t.Fatalf("%+v, %v", resp, err)
		}
	}
	_, err := get(s, "/")
	if codeOf(t, err) != BreakerOpen || !errors.Is(err, resilience.ErrOpen) {
		t.Errorf("error is %v", err)
	}
	if calls.Load() != 3 {
		t.Errorf("the service was called %d times", calls.Load())
	}
	p := Problem(err)
	if p.Kind != problem.BreakerOpen || p.RetryAfter < time.Minute {
		t.Errorf("problem is %v, retry after %v", p, p.RetryAfter)
	}
}

func TestWhatTheBreakerCounts(t *testing.T) {
	released := make(chan struct{})
	defer close(released)
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/404":
			w.WriteHeader(http.StatusNotFound)
		case "/501":
			w.WriteHeader(http.StatusNotImplemented)
		case "/500":
			w.WriteHeader(http.StatusInternalServerError)
		case "/long":
			_, _ = io.WriteString(w, strings.Repeat("x", 100))
		case "/cut":
			w.Header().Set("Content-Length", "10")
		default:
			select {
			case <-r.Context().Done():
			case <-released:
			}
		}
	})
	call := func(path string) func(*testing.T, *Service) {
		return func(_ *testing.T, s *Service) { _, _ = get(s, path) }
	}
	for _, test := range []struct {
		name string
		call func(*testing.T, *Service)
		open bool
	}{
		{"a refusal", call("/404"), false},
		{"a missing operation", call("/501"), false},
		{"a failure", call("/500"), true},
		{"an answer that is too long", call("/long"), false},
		{"an answer that is cut", call("/cut"), true},
		{"a path that is not sent", call("/../"), false},
		{"a timeout", func(t *testing.T, s *Service) {
			_, err := s.Start(t.Context(), &Request{Path: "/hang", Timeout: 5 * time.Millisecond}).Wait()
			if codeOf(t, err) != Timeout {
				t.Error(err)
			}
		}, true},
		{"a timeout of a caller who had no time left", func(t *testing.T, s *Service) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
			defer cancel()
			_, err := s.Start(ctx, &Request{Path: "/hang"}).Wait()
			if codeOf(t, err) != Timeout {
				t.Error(err)
			}
		}, false},
		{"a caller who cancels", func(t *testing.T, s *Service) {
			s.Start(t.Context(), &Request{Path: "/hang"}).Cancel()
		}, false},
		{"a caller who leaves", func(t *testing.T, s *Service) {
			ctx, cancel := context.WithCancel(t.Context())
			pending := s.Start(ctx, &Request{Path: "/hang"})
			cancel()
			if _, err := pending.Wait(); codeOf(t, err) != Cancelled {
				t.Error(err)
			}
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := service(t, newPool(t), Config{URL: server.URL, Breaker: three, MaxResponse: 50, Timeout: patience})
			for range 3 {
				test.call(t, s)
			}
			quiet(t, s)
			if open := s.guard.State() == resilience.Open; open != test.open {
				t.Errorf("open is %v, want %v", open, test.open)
			}
		})
	}
}

// quiet waits until the goroutines of cancelled calls have ended too.
func quiet(t *testing.T, s *Service) {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		s.link.mu.Lock()
		calls := s.link.calls
		s.link.mu.Unlock()
		if calls == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d calls do not end", calls)
		}
	}
}

func TestCancelReachesTheService(t *testing.T) {
	arrived, left := make(chan struct{}), make(chan struct{})
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
		close(left)
	})
	p := newPool(t)
	pending := service(t, p, Config{URL: server.URL, Timeout: patience}).Start(t.Context(), &Request{Path: "/"})
	receive(t, arrived, "request")
	pending.Cancel()
	if p.Unfinished() != 0 {
		t.Error("the call is unfinished")
	}
	receive(t, left, "disconnect")
}

func TestACallThatIsEndedTwiceIsCountedOnce(t *testing.T) {
	server := serve(t, func(http.ResponseWriter, *http.Request) {})
	p := newPool(t)
	pending := service(t, p, Config{URL: server.URL}).Start(t.Context(), &Request{Path: "/"})
	_, _ = pending.Wait()
	pending.Cancel()
	pending.Cancel()
	if p.Unfinished() != 0 {
		t.Errorf("%d calls are unfinished", p.Unfinished())
	}
}

func TestNoCallOfACallerWhoHasLeft(t *testing.T) {
	server := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("it was called") })
	s := service(t, newPool(t), Config{URL: server.URL})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Start(gone, &Request{Path: "/"}).Wait(); codeOf(t, err) != Cancelled {
		t.Error(err)
	}
	late, cancel := context.WithTimeout(t.Context(), -1)
	defer cancel()
	if _, err := s.Start(late, &Request{Path: "/"}).Wait(); codeOf(t, err) != Timeout {
		t.Error(err)
	}
}

func TestTheEarliestDeadlineHolds(t *testing.T) {
	for _, test := range []struct {
		name                      string
		request, service, context time.Duration
		want                      time.Duration
		fair                      bool
	}{
		{"the service's", 0, 2 * time.Second, 0, 2 * time.Second, true},
		{"the request's", time.Second, 2 * time.Second, 0, time.Second, true},
		{"never more than the service's", 3 * time.Second, 2 * time.Second, 0, 2 * time.Second, true},
		{"the context's", 0, 2 * time.Second, time.Second, time.Second, true},
		{"a context's that comes soon", 0, 2 * time.Second, 499 * time.Millisecond, 499 * time.Millisecond, false},
		{"a short request in a short context", 100 * time.Millisecond, 2 * time.Second, 50 * time.Millisecond, 50 * time.Millisecond, true},
		{"a later context", 0, 2 * time.Second, 3 * time.Second, 2 * time.Second, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if test.context > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.context)
					defer cancel()
				}
				c := &call{
					service: &Service{config: Config{Timeout: test.service}},
					req:     &Request{Timeout: test.request}, begun: time.Now(),
				}
				c.limit(ctx)
				if got := time.Until(c.deadline); got != test.want || c.fair != test.fair {
					t.Errorf("%v, fair %v, want %v, %v", got, c.fair, test.want, test.fair)
				}
			})
		})
	}
}

func TestAPanicIsABadAnswer(t *testing.T) {
	p := newPool(t)
	s := service(t, p, Config{URL: "http://127.0.0.1:1"})
	s.link.client, s.link.carrier = nil, panicking{}
	if _, err := get(s, "/"); codeOf(t, err) != BadAnswer || !strings.Contains(err.Error(), "nil map") {
		t.Error(err)
	}
}

type panicking struct{}

func (panicking) carry(context.Context, *call) (*Response, error) {
	panic("nil map")
}
func (panicking) close() {}

// A failure that nobody waited for may be due to the cancellation itself.
func TestAFailureAfterCancelDoesNotCount(t *testing.T) {
	s := service(t, newPool(t), Config{URL: "http://127.0.0.1:1", Breaker: first})
	s.link.client, s.link.carrier = nil, failingLate{}
	s.Start(t.Context(), &Request{Path: "/"}).Cancel()
	quiet(t, s)
	if s.guard.State() != resilience.Closed {
		t.Error("it counts")
	}
}

type failingLate struct{}

func (failingLate) carry(ctx context.Context, _ *call) (*Response, error) {
	<-ctx.Done()
	return &Response{Status: 503}, nil
}
func (failingLate) close() {}

// Whatever callers do at once, every call ends, and the counts come out even.
func TestManyCallsAtOnce(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch rand.IntN(4) {
		case 0:
			panic(http.ErrAbortHandler)
		case 1:
			<-r.Context().Done()
		default:
			_, _ = io.WriteString(w, "ok")
		}
	})
	p := newPool(t)
	s := service(t, p, Config{URL: server.URL, Timeout: 20 * time.Millisecond, Breaker: resilience.BreakerConfig{OpenFor: time.Millisecond}})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				pending := s.Start(t.Context(), &Request{Path: "/"})
				if rand.IntN(3) == 0 {
					pending.Cancel()
					continue
				}
				resp, err := pending.Wait()
				if (resp == nil) == (err == nil) {
					t.Errorf("%v, %v", resp, err)
				}
			}
		})
	}
	all.Wait()
	if p.Unfinished() != 0 {
		t.Errorf("%d calls are unfinished", p.Unfinished())
	}
	quiet(t, s)
}

func TestMetrics(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/500" {
			w.WriteHeader(500)
		}
	})
	tel := telemetry.Discard()
	p := NewPool(tel)
	defer p.Close()
	s := service(t, p, Config{URL: server.URL, Breaker: resilience.BreakerConfig{Failures: 2, OpenFor: time.Hour}})
	for _, path := range []string{"/200", "/500", "/500", "/500"} {
		_, _ = s.Start(t.Context(), &Request{Operation: "GET /{code}", Path: path}).Wait()
	}
	left := s.Start(t.Context(), &Request{Path: "/"})
	defer left.Cancel()
	want := `
# HELP breaker_state What the service's breaker does: 0 closed, 1 half-open, 2 open.
# TYPE breaker_state gauge
breaker_state{service="users"} 2
# HELP upstream_calls_total Calls of services by how they ended: a class of status, or why there was no answer.
# TYPE upstream_calls_total counter
upstream_calls_total{operation="",outcome="breaker-open",service="users"} 1
upstream_calls_total{operation="GET /{code}",outcome="2xx",service="users"} 1
upstream_calls_total{operation="GET /{code}",outcome="5xx",service="users"} 2
upstream_calls_total{operation="GET /{code}",outcome="breaker-open",service="users"} 1
# HELP upstream_unfinished_calls Calls and streams that were started and neither awaited nor cancelled yet.
# TYPE upstream_unfinished_calls gauge
upstream_unfinished_calls 1
`
	if err := testutil.GatherAndCompare(tel.Metrics, strings.NewReader(want),
		"breaker_state", "upstream_calls_total", "upstream_unfinished_calls"); err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(tel.Metrics, "upstream_call_seconds"); err != nil || n != 1 {
		t.Errorf("%d histograms, %v", n, err)
	}
}

func TestProblem(t *testing.T) {
	known := problem.RateLimited.New("slowly")
	long := &http.MaxBytesError{Limit: 10}
	for _, test := range []struct {
		err  error
		want problem.Kind
	}{
		{&Error{Code: Timeout}, problem.UpstreamTimeout},
		{&Error{Code: Unreachable}, problem.Unreachable},
		{&Error{Code: BreakerOpen}, problem.BreakerOpen},
		{&Error{Code: TooLarge}, problem.BadUpstream},
		{&Error{Code: BadAnswer}, problem.BadUpstream},
		{&Error{Code: Cancelled}, problem.ClientClosed},
		{&Error{Code: BadRequest}, problem.BadRequest},
		{&Error{Code: Cancelled, Cause: long}, problem.PayloadTooLarge},
		{&Error{Code: Cancelled, Cause: known}, problem.RateLimited},
		{context.DeadlineExceeded, problem.UpstreamTimeout},
		{errors.New("x"), problem.Internal},
	} {
		got := Problem(test.err)
		if got.Kind != test.want {
			t.Errorf("%v: %v, want %v", test.err, got.Kind.Code(), test.want.Code())
		}
		if strings.Contains(got.Detail, "users") {
			t.Errorf("%v: the detail names the service: %q", test.err, got.Detail)
		}
	}
	if Problem(nil) != nil {
		t.Error("nil is a problem")
	}
}

func TestCodes(t *testing.T) {
	got := map[Code]string{}
	for c := range BadRequest + 1 {
		got[c] = c.String()
	}
	want := map[Code]string{
		BadAnswer: "bad-answer", Timeout: "timeout", Unreachable: "unreachable", BreakerOpen: "breaker-open",
		TooLarge: "too-large", Cancelled: "cancelled", BadRequest: "bad-request",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func BenchmarkStartWait(b *testing.B) {
	s, _ := benchmarked(b)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Start(ctx, &Request{Operation: "GET /", Path: "/"}).Wait(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBareClient is what Start and Wait are measured against.
func BenchmarkBareClient(b *testing.B) {
	_, url := benchmarked(b)
	transport := &http.Transport{MaxIdleConnsPerHost: 128, DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		req, _ := http.NewRequestWithContext(ctx, "GET", url+"/", nil)
		resp, err := client.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		_, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		cancel()
		if err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarked(b *testing.B) (*Service, string) {
	body := []byte(strings.Repeat(`{"id":"1","name":"Ada"},`, 100))
	server := serve(b, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })
	return service(b, newPool(b), Config{URL: server.URL}), server.URL
}
