package httpcache

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/http1"
	"github.com/triptych-bff/triptych/shared/protojson"
	"github.com/triptych-bff/triptych/shared/telemetry"
	"github.com/triptych-bff/triptych/shared/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// origin answers with what answer says. It runs under synctest's clock, which
// real connections do not: the seam itself is the boundary here.
type origin struct {
	calls  atomic.Int32
	ended  atomic.Int32 // calls waited for or cancelled
	answer func(ctx context.Context, req *upstream.Request) (*upstream.Response, error)
}

func (o *origin) Name() string { return "users" }

func (o *origin) Start(ctx context.Context, req *upstream.Request) upstream.Pending {
	o.calls.Add(1)
	p := &pending{origin: o, done: make(chan struct{})}
	ctx, p.cancel = context.WithCancel(ctx)
	if req.Timeout > 0 {
		ctx, p.cancel = context.WithTimeout(ctx, req.Timeout)
	}
	go func() {
		defer close(p.done)
		p.response, p.err = o.answer(ctx, req)
	}()
	return p
}

type pending struct {
	origin   *origin
	cancel   context.CancelFunc
	done     chan struct{}
	response *upstream.Response
	err      error
}

func (p *pending) Wait() (*upstream.Response, error) {
	<-p.done
	p.cancel()
	p.origin.ended.Add(1)
	return p.response, p.err
}

func (p *pending) Ready() bool { return false }

func (p *pending) Cancel() { p.cancel(); p.origin.ended.Add(1) }

func ok(header http.Header) func(context.Context, *upstream.Request) (*upstream.Response, error) {
	return func(context.Context, *upstream.Request) (*upstream.Response, error) {
		return &upstream.Response{Status: 200, Header: fields(header), Body: []byte("ok")}, nil
	}
}

var public = http.Header{"Cache-Control": {"public, max-age=60"}}

// fields are header lines in the order of their names.
func fields(h http.Header) (all http1.Fields) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			all = append(all, http1.Field{Name: name, Value: value})
		}
	}
	return all
}

func shared() *upstream.Request {
	return &upstream.Request{Path: "/books/1", Query: "a=b", Shared: true}
}

func ask(t *testing.T, c upstream.Caller, req *upstream.Request) *upstream.Response {
	t.Helper()
	resp, err := c.Start(t.Context(), req).Wait()
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// within runs a test with a cache under the fake clock.
func within(t *testing.T, c Config, test func(t *testing.T, cache *Cache)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cache := New(c, telemetry.Discard())
		defer cache.Close()
		test(t, cache)
		if len(cache.flights) != 0 {
			t.Errorf("%d flights never landed", len(cache.flights))
		}
	})
}

func TestKept(t *testing.T) {
	within(t, Config{}, func(t *testing.T, cache *Cache) {
		o := &origin{answer: ok(http.Header{"Cache-Control": {"public, max-age=60"}, "Age": {"10"}, "X-A": {"b"}})}
		c := cache.Wrap(o)
		first := ask(t, c, shared())
		time.Sleep(20*time.Second + 500*time.Millisecond)
		second := ask(t, c, shared())
		want := &upstream.Response{Status: 200, Body: []byte("ok"), Header: http1.Fields{
			{Name: "Cache-Control", Value: "public, max-age=60"}, {Name: "X-A", Value: "b"}, {Name: "Age", Value: "30"},
		}}
		if diff := cmp.Diff(want, second, cmpopts.IgnoreUnexported(upstream.Response{})); diff != "" {
			t.Error(diff)
		}
		if first.Header.Get("Age") != "10" {
			t.Error("the first answer was changed")
		}
		time.Sleep(29*time.Second + 499*time.Millisecond)
		ask(t, c, shared())
		if o.calls.Load() != 1 {
			t.Errorf("%d calls while it is fresh", o.calls.Load())
		}
		time.Sleep(time.Millisecond)
		ask(t, c, shared())
		if o.calls.Load() != 2 {
			t.Errorf("%d calls when it is stale", o.calls.Load())
		}
	})
}

// The way to here counts as age.
func TestASlowAnswerIsOlder(t *testing.T) {
	within(t, Config{}, func(t *testing.T, cache *Cache) {
		o := &origin{answer: func(ctx context.Context, req *upstream.Request) (*upstream.Response, error) {
			time.Sleep(5 * time.Second)
			return ok(public)(ctx, req)
		}}
		c := cache.Wrap(o)
		ask(t, c, shared())
		if age := ask(t, c, shared()).Header.Get("Age"); age != "5" {
			t.Errorf("age is %s", age)
		}
	})
}

func TestWhatIsKept(t *testing.T) {
	with := func(change http.Header) http.Header {
		h := public.Clone()
		maps.Copy(h, change)
		return h
	}
	for _, test := range []struct {
		name   string
		status int
		header http.Header
		kept   bool
	}{
		{"public and fresh", 200, public, true},
		{"for shared caches only", 200, http.Header{"Cache-Control": {"public, s-maxage=60, max-age=0"}}, true},
		{"in several lines", 200, http.Header{"Cache-Control": {"public", "max-age=60"}}, true},
		{"varying on its coding", 200, with(http.Header{"Vary": {"accept-encoding"}}), true},
		{"must-revalidate", 200, http.Header{"Cache-Control": {"public, max-age=60, must-revalidate"}}, true},
		{"not said to be public", 200, http.Header{"Cache-Control": {"max-age=60"}}, false},
		{"without an age", 200, http.Header{"Cache-Control": {"public"}}, false},
		{"nothing said", 200, nil, false},
		{"not for shared caches", 200, http.Header{"Cache-Control": {"public, s-maxage=0, max-age=60"}}, false},
		{"private", 200, http.Header{"Cache-Control": {"public, private, max-age=60"}}, false},
		{"no-store", 200, http.Header{"Cache-Control": {"public, no-store, max-age=60"}}, false},
		{"no-cache", 200, http.Header{"Cache-Control": {"public, max-age=60", "no-cache"}}, false},
		{"malformed", 200, http.Header{"Cache-Control": {"public, max-age=60x"}}, false},
		{"a cookie", 200, with(http.Header{"Set-Cookie": {"a=b"}}), false},
		{"varying on more", 200, with(http.Header{"Vary": {"Accept-Encoding, Cookie"}}), false},
		{"varying on everything", 200, with(http.Header{"Vary": {"Accept-Encoding", "*"}}), false},
		{"old already", 200, with(http.Header{"Age": {"60"}}), false},
		{"a malformed age", 200, with(http.Header{"Age": {"-1"}}), false},
		{"two ages", 200, with(http.Header{"Age": {"1", "1"}}), false},
		{"404", 404, public, false},
		{"206", 206, public, false},
		{"500", 500, public, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			within(t, Config{}, func(t *testing.T, cache *Cache) {
				o := &origin{answer: func(context.Context, *upstream.Request) (*upstream.Response, error) {
					return &upstream.Response{Status: test.status, Header: fields(test.header)}, nil
				}}
				c := cache.Wrap(o)
				ask(t, c, shared())
				ask(t, c, shared())
				if kept := o.calls.Load() == 1; kept != test.kept {
					t.Errorf("kept is %v, want %v", kept, test.kept)
				}
			})
		})
	}
}

func TestWhichCallsAreTheSame(t *testing.T) {
	change := func(with func(*upstream.Request)) *upstream.Request {
		r := shared()
		with(r)
		return r
	}
	header := func(name string, values ...string) *upstream.Request {
		return change(func(r *upstream.Request) { r.Header = fields(http.Header{name: values}) })
	}
	for _, test := range []struct {
		name string
		req  *upstream.Request
		hit  bool
	}{
		{"the same", shared(), true},
		{"GET in words", change(func(r *upstream.Request) { r.Method = "GET" }), true},
		{"another operation's name", change(func(r *upstream.Request) { r.Operation = "x" }), true},
		{"another path", change(func(r *upstream.Request) { r.Path = "/books/2" }), false},
		{"another query", change(func(r *upstream.Request) { r.Query = "a=c" }), false},
		{"another header", header("Accept-Language", "de"), false},
		{"not shared", change(func(r *upstream.Request) { r.Shared = false }), false},
		{"another method", change(func(r *upstream.Request) { r.Method = "POST" }), false},
		{"HEAD", change(func(r *upstream.Request) { r.Method = "HEAD" }), false},
		{"a body", change(func(r *upstream.Request) { r.Body = []byte("x") }), false},
		{"gRPC", change(func(r *upstream.Request) { r.RPC = &protojson.Method{} }), false},
		{"a query that looks like a header", change(func(r *upstream.Request) { r.Query = "a=b\x00Accept\x00x" }), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			within(t, Config{}, func(t *testing.T, cache *Cache) {
				o := &origin{answer: ok(public)}
				c := cache.Wrap(o)
				ask(t, c, shared())
				ask(t, c, test.req)
				if hit := o.calls.Load() == 1; hit != test.hit {
					t.Errorf("hit is %v, want %v", hit, test.hit)
				}
			})
		})
	}
	for _, name := range []string{"Authorization", "cookie", "Range", "Cache-Control", "Pragma", "If-None-Match"} {
		t.Run(name, func(t *testing.T) {
			within(t, Config{}, func(t *testing.T, cache *Cache) {
				o := &origin{answer: ok(public)}
				c := cache.Wrap(o)
				ask(t, c, header(name, "x"))
				ask(t, c, header(name, "x"))
				if o.calls.Load() != 2 {
					t.Error("it is kept")
				}
			})
		})
	}
}

func TestBounds(t *testing.T) {
	within(t, Config{Size: 64 << 10, MaxEntry: 4 << 10}, func(t *testing.T, cache *Cache) {
		length := 0
		o := &origin{answer: func(context.Context, *upstream.Request) (*upstream.Response, error) {
			return &upstream.Response{Status: 200, Header: fields(public), Body: make([]byte, length)}, nil
		}}
		c := cache.Wrap(o)
		length = 4 << 10
		ask(t, c, shared())
		ask(t, c, shared())
		if o.calls.Load() != 2 {
			t.Error("an answer that is too long is kept")
		}
		length = 2 << 10
		for i := range 1000 {
			ask(t, c, &upstream.Request{Path: fmt.Sprintf("/%d", i), Shared: true})
		}
		synctest.Wait()
		cache.kept.CleanUp()
		if size := cache.kept.WeightedSize(); size > 64<<10 || size < 32<<10 {
			t.Errorf("%d bytes are kept", size)
		}
	})
}

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tel := telemetry.Discard()
		cache := New(Config{}, tel)
		defer cache.Close()
		c := cache.Wrap(&origin{answer: ok(public)})
		both := []upstream.Pending{c.Start(t.Context(), shared()), c.Start(t.Context(), shared())}
		for _, p := range both {
			_, _ = p.Wait()
		}
		for range 3 {
			ask(t, c, shared())
		}
		own := &upstream.Request{Path: "/books/1", Reads: true}
		both = []upstream.Pending{c.Start(t.Context(), own), c.Start(t.Context(), own)}
		for _, p := range both {
			_, _ = p.Wait()
		}
		want := `
# HELP httpcache_joined_total Reading calls other than shared ones that waited for an identical one under way.
# TYPE httpcache_joined_total counter
httpcache_joined_total 1
# HELP httpcache_lookups_total Shared calls by whether a kept answer served (hit), someone else's call (joined) or neither (miss).
# TYPE httpcache_lookups_total counter
httpcache_lookups_total{result="hit"} 3
httpcache_lookups_total{result="joined"} 1
httpcache_lookups_total{result="miss"} 1
`
		if err := testutil.GatherAndCompare(tel.Metrics, strings.NewReader(want), "httpcache_lookups_total", "httpcache_joined_total"); err != nil {
			t.Error(err)
		}
	})
}

func TestConfig(t *testing.T) {
	for yaml, want := range map[string]string{
		"{}":                             "",
		"{size: 1MiB, max_entry: 64KiB}": "",
		"{size: 1KiB}":                   "max_entry",
		"{size: -1}":                     "size",
	} {
		var c Config
		_, err := config.Load(&c, config.Source{Name: "c.yaml", Data: []byte(yaml)})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", yaml, err)
		}
	}
	var loaded Config
	if _, err := config.Load(&loaded, config.Source{Name: "c.yaml"}); err != nil || loaded != (Config{}).withDefaults() {
		t.Errorf("%+v, %v", loaded, err)
	}
}

// TestBeforeAService runs the cache before a real service.
func TestBeforeAService(t *testing.T) {
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.Header().Set("Cache-Control", "public, max-age=600")
		_, _ = w.Write([]byte("ok"))
	}))
	defer server.Close()
	tel := telemetry.Discard()
	pool := upstream.NewPool(tel)
	defer pool.Close()
	service, err := pool.Service("users", upstream.Config{URL: server.URL}, nil)
	if err != nil {
		t.Fatal(err)
	}
	cache := New(Config{}, tel)
	defer cache.Close()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 20 {
				if resp := ask(t, cache.Wrap(service), shared()); string(resp.Body) != "ok" {
					t.Errorf("%+v", resp)
				}
			}
		})
	}
	all.Wait()
	if n := calls.Load(); n > 2 { // one that asks between the landing and the keeping may ask again
		t.Errorf("%d calls", n)
	}
	if pool.Unfinished() != 0 {
		t.Errorf("%d calls are unfinished", pool.Unfinished())
	}
}
