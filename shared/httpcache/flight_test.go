package httpcache

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/triptych-bff/triptych/shared/identity"
	"github.com/triptych-bff/triptych/shared/protojson"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// slow answers when it is let, or when nobody waits any more.
func slow(answer <-chan *upstream.Response) func(context.Context, *upstream.Request) (*upstream.Response, error) {
	return func(ctx context.Context, _ *upstream.Request) (*upstream.Response, error) {
		select {
		case resp := <-answer:
			return resp, nil
		case <-ctx.Done():
			code := upstream.Cancelled
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				code = upstream.Timeout
			}
			return nil, &upstream.Error{Service: "users", Code: code, Cause: ctx.Err()}
		}
	}
}

// reads is a call of one caller, and shared a call for everybody: where nothing
// else is said, both fly in the same way.
func reads() *upstream.Request { return &upstream.Request{Path: "/books/1", Query: "a=b", Reads: true} }

var kinds = map[string]func() *upstream.Request{"shared": shared, "reading": reads}

func codeOf(err error) (code upstream.Code, ok bool) {
	var failed *upstream.Error
	if errors.As(err, &failed) {
		return failed.Code, failed.Service == "users"
	}
	return 0, false
}

func TestOneCallForAll(t *testing.T) {
	for name, request := range kinds {
		t.Run(name, func(t *testing.T) {
			within(t, Config{}, func(t *testing.T, cache *Cache) {
				answer := make(chan *upstream.Response)
				o := &origin{answer: slow(answer)}
				c := cache.Wrap(o)
				var all sync.WaitGroup
				for range 10 {
					waiting := c.Start(t.Context(), request())
					all.Go(func() {
						if resp, err := waiting.Wait(); err != nil || string(resp.Body) != "one" {
							t.Errorf("%+v, %v", resp, err)
						}
					})
				}
				answer <- &upstream.Response{Status: 404, Body: []byte("one")} // need not be one that is kept
				all.Wait()
				if o.calls.Load() != 1 || o.ended.Load() != 1 {
					t.Errorf("%d calls, %d ended", o.calls.Load(), o.ended.Load())
				}
			})
		})
	}
}

func TestWhichReadingCallsAreJoined(t *testing.T) {
	ada, ben := &identity.Identity{Subject: "ada"}, &identity.Identity{Subject: "ada"} // two tokens
	as := func(id *identity.Identity) func(context.Context) context.Context {
		return func(ctx context.Context) context.Context { return identity.NewContext(ctx, id) }
	}
	change := func(with func(*upstream.Request)) *upstream.Request {
		r := reads()
		r.Header = fields(http.Header{"Accept-Language": {"de"}})
		with(r)
		return r
	}
	rpc := func(with func(*upstream.Request)) *upstream.Request {
		r := &upstream.Request{RPC: new(protojson.Method), Body: []byte(`{"id":1}`), Reads: true}
		with(r)
		return r
	}
	same := func(*upstream.Request) {}
	for _, test := range []struct {
		name          string
		first, second *upstream.Request
		who           func(context.Context) context.Context // of the second; the first is ada's
		joined        bool
	}{
		{"the same", change(same), change(same), as(ada), true},
		{"GET in words", change(same), change(func(r *upstream.Request) { r.Method = "GET" }), as(ada), true},
		{"another time-out", change(same), change(func(r *upstream.Request) { r.Timeout = time.Hour }), as(ada), true},
		{"another operation's name", change(same), change(func(r *upstream.Request) { r.Operation = "x" }), as(ada), true},
		{"another token", change(same), change(same), as(ben), false},
		{"nobody known", change(same), change(same), as(nil), false},
		{"another path", change(same), change(func(r *upstream.Request) { r.Path = "/books/2" }), as(ada), false},
		{"another query", change(same), change(func(r *upstream.Request) { r.Query = "" }), as(ada), false},
		{"another header", change(same), change(func(r *upstream.Request) { r.Header = fields(http.Header{"Accept-Language": {"en"}}) }), as(ada), false},
		{"no header", change(same), change(func(r *upstream.Request) { r.Header = nil }), as(ada), false},
		{"shared", change(same), change(func(r *upstream.Request) { r.Shared = true }), as(ada), false},
		{"not said to read", change(same), change(func(r *upstream.Request) { r.Reads = false }), as(ada), false},
		{"a body", change(func(r *upstream.Request) { r.Body = []byte("x") }), change(func(r *upstream.Request) { r.Body = []byte("x") }), as(ada), false},
		{"POST", change(func(r *upstream.Request) { r.Method = "POST" }), change(func(r *upstream.Request) { r.Method = "POST" }), as(ada), false},
		{
			"headers that look like others", change(func(r *upstream.Request) { r.Header = fields(http.Header{"A": {"b\x00C\x00d"}}) }),
			change(func(r *upstream.Request) { r.Header = fields(http.Header{"A": {"b"}, "C": {"d"}}) }), as(ada), false,
		},
		{"gRPC", rpc(same), rpc(same), as(ada), true},
		{"gRPC of another", rpc(same), rpc(same), as(ben), false},
		{"gRPC of another, shared", rpc(func(r *upstream.Request) { r.Shared = true }), rpc(func(r *upstream.Request) { r.Shared = true }), as(ben), true},
		{"gRPC with another message", rpc(same), rpc(func(r *upstream.Request) { r.Body = nil }), as(ada), false},
		{
			"credentials of a shared call", change(func(r *upstream.Request) { r.Shared, r.Header = true, fields(http.Header{"Authorization": {"x"}}) }),
			change(func(r *upstream.Request) { r.Shared, r.Header = true, fields(http.Header{"Authorization": {"x"}}) }), as(ben), false,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			within(t, Config{}, func(t *testing.T, cache *Cache) {
				o := &origin{answer: slow(nil)}
				c := cache.Wrap(o)
				first := c.Start(as(ada)(t.Context()), test.first)
				second := cache.Wrap(o).Start(test.who(t.Context()), test.second) // of another screen
				if joined := o.calls.Load() == 1; joined != test.joined {
					t.Errorf("joined is %v, want %v", joined, test.joined)
				}
				first.Cancel()
				second.Cancel()
				synctest.Wait()
			})
		})
	}
}

// A reload may move a service: a call to where it was is not joined.
func TestAnotherSnapshotsCallIsNotJoined(t *testing.T) {
	within(t, Config{}, func(t *testing.T, cache *Cache) {
		old, current := &origin{answer: slow(nil)}, &origin{answer: slow(nil)}
		first, second := cache.Wrap(old).Start(t.Context(), reads()), cache.Wrap(current).Start(t.Context(), reads())
		if current.calls.Load() != 1 {
			t.Error("it was joined")
		}
		first.Cancel()
		second.Cancel()
		synctest.Wait()
	})
}

func TestWhoeverBeganMayLeave(t *testing.T) {
	for name, leave := range map[string]func(cancel context.CancelFunc, first upstream.Pending){
		"by cancelling":               func(_ context.CancelFunc, first upstream.Pending) { first.Cancel() },
		"by cancelling, also later":   func(cancel context.CancelFunc, first upstream.Pending) { first.Cancel(); cancel() },
		"twice":                       func(_ context.CancelFunc, first upstream.Pending) { first.Cancel(); first.Cancel() },
		"with its context":            func(cancel context.CancelFunc, first upstream.Pending) { cancel(); go func() { _, _ = first.Wait() }() },
		"with its context, cancelled": func(cancel context.CancelFunc, first upstream.Pending) { cancel(); synctest.Wait(); first.Cancel() },
	} {
		for kind, request := range kinds {
			t.Run(kind+" "+name, func(t *testing.T) {
				within(t, Config{}, func(t *testing.T, cache *Cache) {
					answer := make(chan *upstream.Response)
					o := &origin{answer: slow(answer)}
					c := cache.Wrap(o)
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					first := c.Start(ctx, request())
					second := c.Start(t.Context(), request())
					leave(cancel, first)
					synctest.Wait()
					third := c.Start(t.Context(), request())
					go func() { answer <- &upstream.Response{Status: 200} }()
					for _, p := range []upstream.Pending{second, third} {
						if resp, err := p.Wait(); err != nil || resp.Status != 200 {
							t.Errorf("%+v, %v", resp, err)
						}
					}
					synctest.Wait()
					if o.calls.Load() != 1 || o.ended.Load() != 1 {
						t.Errorf("%d calls, %d ended", o.calls.Load(), o.ended.Load())
					}
				})
			})
		}
	}
}

// A leader who has left serves its followers no longer than it could have waited
// itself: its deadline is the call's.
func TestTheLeadersDeadlineIsTheCalls(t *testing.T) {
	for name, leave := range map[string]func(cancel context.CancelFunc){
		"who stays":  func(context.CancelFunc) {},
		"who leaves": func(cancel context.CancelFunc) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			within(t, Config{}, func(t *testing.T, cache *Cache) {
				o := &origin{answer: slow(nil)}
				c := cache.Wrap(o)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				ctx, cancel = context.WithCancel(ctx)
				begun := time.Now()
				others, giveUp := context.WithCancel(t.Context())
				first := c.Start(ctx, reads())
				second := c.Start(others, reads())
				var both sync.WaitGroup
				both.Go(func() {
					if _, err := second.Wait(); err == nil {
						t.Error("it has an answer")
					}
				})
				leave(cancel)
				_, err := first.Wait()
				if code, ok := codeOf(err); !ok || code != upstream.Timeout || time.Since(begun) != time.Second {
					t.Errorf("%v after %v", err, time.Since(begun))
				}
				synctest.Wait()
				if o.calls.Load() != 2 { // the follower has more time, and asks itself
					t.Errorf("%d calls", o.calls.Load())
				}
				giveUp()
				both.Wait()
				cancel()
			})
		})
	}
}

func TestTheLastOneOutEndsTheCall(t *testing.T) {
	for name, request := range kinds {
		t.Run(name, func(t *testing.T) {
			within(t, Config{}, func(t *testing.T, cache *Cache) {
				o := &origin{answer: slow(nil)}
				c := cache.Wrap(o)
				first, second := c.Start(t.Context(), request()), c.Start(t.Context(), request())
				first.Cancel()
				synctest.Wait()
				if o.ended.Load() != 0 {
					t.Fatal("the call ended though one waits")
				}
				second.Cancel()
				synctest.Wait()
				if o.ended.Load() != 1 {
					t.Fatal("the call goes on though nobody waits")
				}
				late := c.Start(t.Context(), request()) // must not join what is being cancelled
				if o.calls.Load() != 2 {
					t.Error("it joined an abandoned call")
				}
				late.Cancel()
				synctest.Wait()
			})
		})
	}
}

// Followers who leave before their leader leave it alone; and the leader, alone
// again, ends the call with its own context.
func TestFollowersMayLeave(t *testing.T) {
	within(t, Config{}, func(t *testing.T, cache *Cache) {
		o := &origin{answer: slow(nil)}
		c := cache.Wrap(o)
		ctx, cancel := context.WithCancel(t.Context())
		first, second := c.Start(ctx, reads()), c.Start(t.Context(), reads())
		second.Cancel()
		synctest.Wait()
		if o.ended.Load() != 0 || len(cache.flights) != 1 {
			t.Fatal("the call ended though one waits")
		}
		cancel()
		if _, err := first.Wait(); err == nil {
			t.Error("it has an answer")
		} else if code, _ := codeOf(err); code != upstream.Cancelled {
			t.Error(err)
		}
	})
}

func TestAFollowersDeadlineHolds(t *testing.T) {
	for name, request := range kinds {
		t.Run(name, func(t *testing.T) {
			within(t, Config{}, func(t *testing.T, cache *Cache) {
				o := &origin{answer: slow(nil)}
				c := cache.Wrap(o)
				first := c.Start(t.Context(), request())
				defer synctest.Wait()
				defer first.Cancel()
				hurried := request()
				hurried.Timeout = 100 * time.Millisecond
				begun := time.Now()
				_, err := c.Start(t.Context(), hurried).Wait()
				if code, ok := codeOf(err); !ok || code != upstream.Timeout {
					t.Errorf("error is %v", err)
				}
				if waited := time.Since(begun); waited != 100*time.Millisecond {
					t.Errorf("it waited for %v", waited)
				}
				ctx, cancel := context.WithCancel(t.Context())
				leaving := c.Start(ctx, request())
				cancel()
				if _, err := leaving.Wait(); err == nil {
					t.Error("it has an answer")
				} else if code, ok := codeOf(err); !ok || code != upstream.Cancelled {
					t.Errorf("error is %v", err)
				}
			})
		})
	}
}

// When the leader had less time than its followers, they ask again: one of them
// for all. Whoever has followed two such leaders follows no third.
func TestFollowersOfAHurriedLeaderAskAgain(t *testing.T) {
	within(t, Config{}, func(t *testing.T, cache *Cache) {
		answer := make(chan *upstream.Response)
		o := &origin{answer: slow(answer)}
		c := cache.Wrap(o)
		var all sync.WaitGroup
		start := func(patience time.Duration, want upstream.Code, fine bool) {
			req := reads()
			req.Timeout = patience
			p := c.Start(t.Context(), req)
			all.Go(func() {
				begun := time.Now()
				resp, err := p.Wait()
				code, _ := codeOf(err)
				if (err == nil) != fine || err != nil && code != want {
					t.Errorf("%v: %+v, %v", patience, resp, err)
				}
				if patience > 0 && time.Since(begun) > patience {
					t.Errorf("with %v, it waited for %v", patience, time.Since(begun))
				}
			})
		}
		calls := func(want int32) {
			t.Helper()
			synctest.Wait()
			if n := o.calls.Load(); n != want {
				t.Errorf("%d calls, want %d", n, want)
			}
		}
		start(time.Second, upstream.Timeout, false)
		for range 3 {
			start(2*time.Second, upstream.Timeout, false)
		}
		calls(1)
		time.Sleep(time.Second)
		calls(2)                // one of the three, for all
		start(0, 0, true)       // and for who comes now
		time.Sleep(time.Second) // none of the three has time left
		calls(3)                // but who came
		answer <- &upstream.Response{Status: 200}
		all.Wait()
	})
}

func TestWhoHasFollowedTwiceFollowsNoMore(t *testing.T) {
	for again, calls := range map[bool]int32{false: 2, true: 3} {
		within(t, Config{}, func(t *testing.T, cache *Cache) {
			answer := make(chan *upstream.Response)
			o := &origin{answer: slow(answer)}
			c := cache.Wrap(o)
			hasty := reads()
			hasty.Timeout = time.Second
			first := c.Start(t.Context(), hasty)
			second, _ := cache.join(t.Context(), first.(*flight).key, reads(), false, again)
			time.Sleep(time.Second)
			if _, err := first.Wait(); err == nil {
				t.Error("it has an answer")
			}
			third := c.Start(t.Context(), reads())
			var all sync.WaitGroup
			for _, p := range []upstream.Pending{second, third} {
				all.Go(func() {
					if _, err := p.Wait(); err != nil {
						t.Error(err)
					}
				})
			}
			synctest.Wait()
			if n := o.calls.Load(); n != calls {
				t.Errorf("again %v: %d calls, want %d", again, n, calls)
			}
			for range calls - 1 {
				answer <- &upstream.Response{Status: 200}
			}
			all.Wait()
		})
	}
}

// A plan may call shared what its service calls private: the service is heeded,
// also where nobody is known. A caller who is known may have several answers.
func TestAPrivateAnswerIsNotHandedRound(t *testing.T) {
	ada := identity.NewContext(context.Background(), &identity.Identity{Subject: "ada"})
	for name, header := range map[string]http.Header{
		"private":   {"Cache-Control": {"private"}},
		"no-store":  {"Cache-Control": {"no-store"}},
		"malformed": {"Cache-Control": {"private max-age"}},
		"a cookie":  {"Set-Cookie": {"a=b"}},
	} {
		for who, test := range map[string]struct {
			ctx     context.Context
			request func() *upstream.Request
			calls   int32
		}{
			"shared":         {context.Background(), shared, 2},
			"shared, known":  {ada, shared, 2},
			"reading":        {context.Background(), reads, 2},
			"reading, known": {ada, reads, 1},
		} {
			t.Run(name+" "+who, func(t *testing.T) {
				within(t, Config{}, func(t *testing.T, cache *Cache) {
					o := &origin{answer: func(context.Context, *upstream.Request) (*upstream.Response, error) {
						time.Sleep(time.Second)
						return &upstream.Response{Status: 200, Header: fields(header)}, nil
					}}
					c := cache.Wrap(o)
					first, second := c.Start(test.ctx, test.request()), c.Start(test.ctx, test.request())
					a, _ := first.Wait()
					b, _ := second.Wait()
					if (a == b) != (test.calls == 1) || o.calls.Load() != test.calls || o.ended.Load() != test.calls {
						t.Errorf("%d calls, %d ended", o.calls.Load(), o.ended.Load())
					}
				})
			})
		}
	}
}

// A panicker panics where it is told to.
type panicker struct{ inStart bool }

func (panicker) Name() string { return "users" }

func (p panicker) Start(context.Context, *upstream.Request) upstream.Pending {
	if p.inStart {
		panic("in Start")
	}
	return p
}

func (panicker) Wait() (*upstream.Response, error) { panic("in Wait") }
func (panicker) Ready() bool                       { return true }
func (panicker) Cancel()                           {}

func TestAPanicIsAnAnswerToAll(t *testing.T) {
	for _, p := range []panicker{{inStart: true}, {inStart: false}} {
		within(t, Config{}, func(t *testing.T, cache *Cache) {
			c := cache.Wrap(p)
			both := []upstream.Pending{c.Start(t.Context(), reads()), c.Start(t.Context(), reads())}
			for _, p := range both {
				_, err := p.Wait()
				if code, ok := codeOf(err); !ok || code != upstream.BadAnswer || !strings.Contains(err.Error(), "panic: in ") {
					t.Error(err)
				}
			}
		})
	}
}

func TestReady(t *testing.T) {
	within(t, Config{}, func(t *testing.T, cache *Cache) {
		c := cache.Wrap(panicker{})
		first, second := c.Start(t.Context(), reads()), c.Start(t.Context(), reads())
		if !first.Ready() || second.Ready() {
			t.Error("the leader knows, the follower does not")
		}
		_, _ = first.Wait()
		if !second.Ready() {
			t.Error("the follower knows")
		}
		_, _ = second.Wait()
	})
}

// TestLifetime holds what package context expects of a context of others.
func TestLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leader, cancel := context.WithTimeout(context.WithValue(t.Context(), kindKey{}, "value"), time.Minute)
		defer cancel()
		for name, err := range map[string]error{"cancelled": context.Canceled, "late": context.DeadlineExceeded} {
			l := &lifetime{leader: leader}
			child, stop := context.WithCancel(l)
			defer stop()
			var ran atomic.Int32
			l.AfterFunc(func() { ran.Add(1) })
			context.AfterFunc(l, func() { ran.Add(1) })
			taken := l.AfterFunc(func() { t.Error("what was taken back has run") })
			if !taken() || taken() {
				t.Error("it can be taken back once")
			}
			kept := l.AfterFunc(func() { ran.Add(1) })
			if l.Err() != nil || child.Err() != nil || l.Value(kindKey{}) != "value" {
				t.Errorf("%s: %v, %v", name, l.Err(), child.Err())
			}
			l.end(err)
			l.end(errors.New("later"))
			synctest.Wait()
			<-child.Done()
			<-l.Done()
			if !errors.Is(l.Err(), err) || !errors.Is(child.Err(), err) || !errors.Is(context.Cause(child), err) {
				t.Errorf("%s: %v, %v, %v", name, l.Err(), child.Err(), context.Cause(child))
			}
			if kept() || ran.Load() != 3 {
				t.Errorf("%s: %d have run", name, ran.Load())
			}
			late := make(chan bool)
			if l.AfterFunc(func() { close(late) })() {
				t.Error("what has begun was taken back")
			}
			<-late
			unseen := &lifetime{leader: leader}
			unseen.end(err)
			<-unseen.Done()
		}
		if leader.Err() != nil {
			t.Error("the leader was cancelled")
		}
	})
}

type kindKey struct{}
