package ratelimit

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunglas/httpsfv"
	"github.com/google/go-cmp/cmp"
	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/identity"
	"github.com/triptych-bff/triptych/shared/problem"
	"pgregory.net/rapid"
)

type clock struct{ now time.Time }

func (c *clock) Now() time.Time          { return c.now }
func (c *clock) Advance(d time.Duration) { c.now = c.now.Add(d) }

func newTest(capacity int) (*clock, *Limiter) {
	c := &clock{start}
	return c, NewLimiter(c.Now, capacity)
}

func TestAllow(t *testing.T) {
	c, l := newTest(1000)
	p := &Policy{Name: "user", Requests: 600, Per: time.Minute, Burst: 3}
	for i := range 3 {
		if d := l.Allow(p, "ada", 1); !d.Allowed || d.Remaining != 2-i || d.Policy != p {
			t.Fatalf("request %d: %+v", i, d)
		}
	}
	if d := l.Allow(p, "ada", 1); d.Allowed || d.RetryAfter != 100*time.Millisecond {
		t.Errorf("a fourth at once: %+v", d)
	}
	if d := l.Allow(p, "ben", 1); !d.Allowed {
		t.Error("another key has no allowance of its own")
	}
	if d := l.Allow(&Policy{Name: "other", Requests: 1, Per: time.Minute}, "ada", 1); !d.Allowed {
		t.Error("another policy has no allowance of its own")
	}
	c.Advance(100 * time.Millisecond)
	if d := l.Allow(p, "ada", 1); !d.Allowed {
		t.Errorf("after RetryAfter: %+v", d)
	}
	wider := &Policy{Name: "user", Requests: 600, Per: time.Minute, Burst: 10}
	if d := l.Allow(wider, "ada", 1); d.Remaining != 6 {
		t.Errorf("a reloaded policy has %d left, want 6: what was used stays used", d.Remaining)
	}
}

// A hundred goroutines offer far more than the rate: what is admitted is exact.
func TestAllowIsExactUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(time.Now, 1000)
		p := &Policy{Name: "user", Requests: 1000, Per: 10 * time.Second, Burst: 50}
		var admitted atomic.Int64
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				for range 1000 {
					time.Sleep(time.Duration(9+i%3) * time.Millisecond) // of the bubble's clock
					if l.Allow(p, "ada", 1).Allowed {
						admitted.Add(1)
					}
				}
			})
		}
		begin := time.Now()
		wg.Wait()
		want := 50 + time.Since(begin).Seconds()*100
		if got := float64(admitted.Load()); got > want || got < want*0.99 {
			t.Errorf("admitted %v, want %v and no more than 1 %% less", got, want)
		}
	})
}

func TestAllowAllChargesAllOrNone(t *testing.T) {
	c, l := newTest(1000)
	user := &Policy{Name: "user", Requests: 10, Per: time.Minute}
	burst := &Policy{Name: "burst", Requests: 2, Per: time.Second}
	ask := func() ([]Decision, bool) {
		return l.AllowAll(nil, Charge{user, "ada", 1}, Charge{burst, "ada", 1})
	}
	for i := range 2 {
		if d, ok := ask(); !ok || d[0].Remaining != 9-i || d[1].Remaining != 1-i {
			t.Fatalf("request %d: %+v", i, d)
		}
	}
	for range 50 {
		d, ok := ask()
		if ok || !d[0].Allowed || d[1].Allowed || d[0].Remaining != 8 || d[0].Policy != user || d[1].Policy != burst {
			t.Fatalf("refused by one: %+v", d)
		}
	}
	c.Advance(time.Second)
	if d, ok := ask(); !ok || d[0].Remaining != 7 {
		t.Errorf("refusals by one policy drained the other: %+v", d)
	}
}

// Opposite orders of the same shards do not wait for each other.
func TestAllowAllDoesNotDeadlock(t *testing.T) {
	_, l := newTest(100_000)
	p := &Policy{Name: "p", Requests: 1_000_000, Per: time.Minute}
	var charges [16]Charge
	for i := range charges {
		charges[i] = Charge{p, fmt.Sprint(i), 1}
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 2000 {
				a, b := charges[(g+i)%16], charges[(g*5+i*3+1)%16]
				if a == b {
					continue
				}
				if _, ok := l.AllowAll(nil, a, b); !ok {
					t.Error("refused")
				}
			}
		})
	}
	wg.Wait()
}

// The table forgets the idle first, then the least in debt; never does somebody
// who is over the limit go before them.
func TestForgetting(t *testing.T) {
	c, l := newTest(4) // one shard
	p := &Policy{Name: "user", Requests: 60, Per: time.Minute}
	over := func(key string) { l.Allow(p, key, 60) }
	over("a")
	over("b")
	l.Allow(p, "c", 10)
	l.Allow(p, "idle", 1)
	c.Advance(2 * time.Second) // "idle" is whole again
	l.Allow(p, "d", 20)
	if l.Forgotten() != 0 {
		t.Error("an idle caller counts as forgotten")
	}
	for i := range 1000 {
		l.Allow(p, fmt.Sprint("flood ", i), 1)
	}
	if l.Len() != 4 || l.Forgotten() != 1000 {
		t.Errorf("%d callers, %d forgotten", l.Len(), l.Forgotten())
	}
	for key, left := range map[string]int{"a": 2, "b": 2, "c": 52, "d": 40} {
		if d := l.Allow(p, key, 0); d.Remaining != left {
			t.Errorf("%s has %d left, want %d", key, d.Remaining, left)
		}
	}
	over("e") // goes for the least in debt
	if d := l.Allow(p, "c", 0); d.Remaining != 60 {
		t.Errorf("c is remembered with %d left", d.Remaining)
	}
	c.Advance(time.Hour)
	l.Allow(p, "f", 1)
	l.Allow(p, "g", 1)
	l.Allow(p, "h", 1)
	if l.Len() > 3 {
		t.Errorf("%d callers remembered, of which all but 3 are whole again", l.Len())
	}
}

// Whatever happens, the heap is one, and agrees with the map.
func TestTableInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, l := newTest(rapid.IntRange(1, 20).Draw(t, "capacity"))
		p := &Policy{Name: "p", Requests: 100, Per: time.Minute}
		for range rapid.IntRange(0, 100).Draw(t, "requests") {
			c.Advance(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond)
			l.Allow(p, fmt.Sprint(rapid.IntRange(0, 40).Draw(t, "key")), rapid.IntRange(0, 120).Draw(t, "cost"))
			s := &l.shards[0]
			if len(s.heap) != len(s.callers) || len(s.heap) > s.capacity {
				t.Fatalf("%d in the heap, %d in the map, capacity %d", len(s.heap), len(s.callers), s.capacity)
			}
			for i, caller := range s.heap {
				if caller.at != i || s.callers[caller.id] != caller || i > 0 && caller.tat.Before(s.heap[(i-1)/2].tat) {
					t.Fatalf("caller %d is out of place", i)
				}
			}
		}
	})
}

func TestSetHeaders(t *testing.T) {
	_, l := newTest(100)
	user := &Policy{Name: "user", Requests: 600, Per: time.Minute}
	burst := &Policy{Name: "burst", Requests: 1, Per: 5 * time.Second}
	h := http.Header{}
	decisions, _ := l.AllowAll(nil, Charge{user, "ada", 1}, Charge{burst, "ada", 1})
	SetHeaders(h, decisions...)
	want := http.Header{
		"Ratelimit-Policy": {`"user";q=600;w=60, "burst";q=1;w=5`},
		"Ratelimit":        {`"user";r=599;t=60, "burst";r=0;t=5`},
	}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Error(diff)
	}

	h = http.Header{"Ratelimit": {`"address";r=1;t=1`}, "Retry-After": {"30"}}
	decisions, _ = l.AllowAll(nil, Charge{user, "ada", 1}, Charge{burst, "ada", 1})
	SetHeaders(h, decisions...)
	want = http.Header{
		"Ratelimit-Policy": {`"user";q=600;w=60, "burst";q=1;w=5`},
		"Ratelimit":        {`"address";r=1;t=1, "user";r=599;t=60, "burst";r=0;t=5`},
		"Retry-After":      {"30"},
	}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Error(diff)
	}
}

// Every header is a list of structured fields (RFC 9651), and Retry-After is
// never before t has passed.
func TestSetHeadersProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, l := newTest(100)
		p := &Policy{
			Name: rapid.StringMatching(`[a-zA-Z0-9._-]{1,20}`).Draw(t, "name"), Requests: rapid.IntRange(1, 1_000_000).Draw(t, "requests"),
			Per: time.Duration(rapid.IntRange(1, 86400).Draw(t, "per")) * time.Second,
		}
		l.Allow(p, "ada", rapid.IntRange(0, p.Requests).Draw(t, "before"))
		d := l.Allow(p, "ada", rapid.IntRange(1, p.Requests).Draw(t, "cost"))
		h := http.Header{}
		SetHeaders(h, d)
		list, err := httpsfv.UnmarshalList(h.Values("RateLimit"))
		if err != nil || len(list) != 1 {
			t.Fatalf("%v: %v", h, err)
		}
		item := list[0].(httpsfv.Item)
		r, _ := item.Params.Get("r")
		reset, _ := item.Params.Get("t")
		if item.Value != p.Name || r != int64(d.Remaining) || reset.(int64) < 1 {
			t.Fatalf("%v for %+v", h, d)
		}
		after := int64(0)
		_, _ = fmt.Sscan(h.Get("Retry-After"), &after)
		if d.Allowed != (after == 0) || !d.Allowed && after < reset.(int64) {
			t.Fatalf("%v for %+v", h, d)
		}
		if _, err := httpsfv.UnmarshalList(h.Values("RateLimit-Policy")); err != nil {
			t.Fatalf("%v: %v", h, err)
		}
	})
}

func TestProblem(t *testing.T) {
	_, l := newTest(100)
	user := &Policy{Name: "user", Requests: 600, Per: time.Minute}
	burst := &Policy{Name: "burst", Requests: 1, Per: 90 * time.Minute}
	ask := func() []Decision {
		d, _ := l.AllowAll(nil, Charge{user, "ada", 1}, Charge{burst, "ada", 1})
		return d
	}
	if err := Problem(ask()...); err != nil {
		t.Fatal(err)
	}
	p := problem.From(Problem(ask()...))
	if p.Kind != problem.RateLimited || p.Detail != "too many requests for the policy burst: 1 requests per 1h30m" || p.RetryAfter != 90*time.Minute {
		t.Errorf("got %+v", p)
	}
}

func TestKeyOf(t *testing.T) {
	ada := &identity.Identity{Subject: "ada", Client: "app", Issuer: "https://id.example"}
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8:1:2:3:4:5:6")
	for _, c := range []struct {
		key    Key
		id     *identity.Identity
		client netip.Addr
		want   string
	}{
		{User, ada, v4, "user https://id.example ada"},
		{Client, ada, v4, "client https://id.example app"},
		{Address, ada, v4, "address 192.0.2.1"},
		{User, nil, v4, "address 192.0.2.1"},
		{Client, &identity.Identity{Subject: "x"}, v6, "address 2001:db8:1:2::/64"},
		{Address, nil, netip.MustParseAddr("2001:db8:1:2:ffff::1"), "address 2001:db8:1:2::/64"},
		{Address, nil, netip.MustParseAddr("fe80::1%eth0"), "address fe80::/64"},
		{Address, nil, netip.MustParseAddr("::ffff:192.0.2.1"), "address 192.0.2.1"},
		{Address, nil, netip.Addr{}, "address invalid IP"},
	} {
		if got := c.key.Of(c.id, c.client); got != c.want {
			t.Errorf("%s: got %q, want %q", c.key, got, c.want)
		}
	}
}

func TestConfig(t *testing.T) {
	type file struct {
		Limits []Policy `config:"limits"`
	}
	load := func(text string) ([]Policy, error) {
		var f file
		_, err := config.Load(&f, config.Source{Name: "bff.yaml", Data: []byte(text)})
		return f.Limits, err
	}
	got, err := load("limits:\n- {name: member, requests: 600}\n- {name: open, requests: 10, per: 1s, burst: 5, key: address}\n")
	want := []Policy{
		{Name: "member", Requests: 600, Per: time.Minute, Charge: Requests, Key: User},
		{Name: "open", Requests: 10, Per: time.Second, Burst: 5, Charge: Requests, Key: Address},
	}
	if err != nil || !cmp.Equal(want, got) {
		t.Errorf("%v: %s", err, cmp.Diff(want, got))
	}
	if r := got[0].Rate(); r != (Rate{100 * time.Millisecond, 600}) {
		t.Errorf("rate is %+v", r)
	}
	for text, key := range map[string]string{
		`{name: "a b", requests: 1}`:               "name",
		`{requests: 1}`:                            "name",
		`{name: a, requests: 0}`:                   "requests",
		`{name: a, requests: 2000000, per: 1s}`:    "requests",
		`{name: a, requests: 1, per: 1500ms}`:      "per",
		`{name: a, requests: 1, per: 0s}`:          "per",
		`{name: a, requests: 1, per: 10000h}`:      "per",
		`{name: a, requests: 1, burst: 2}`:         "burst",
		`{name: a, requests: 1, burst: -1}`:        "burst",
		`{name: a, requests: 1, key: "device-id"}`: "key",
	} {
		_, err := load("limits: [" + text + "]")
		if err == nil || !strings.Contains(err.Error(), "limits[0]."+key+": ") {
			t.Errorf("%s: got %v, want a fault of %s", text, err, key)
		}
	}
}

// TestCost: the zero value counts requests, and nothing is free.
func TestCost(t *testing.T) {
	for _, test := range []struct {
		charge      Unit
		calls, want int
	}{{"", 5, 1}, {Requests, 5, 1}, {Calls, 5, 5}, {Calls, 0, 1}} {
		if got := (&Policy{Charge: test.charge}).Cost(test.calls); got != test.want {
			t.Errorf("%q, %d calls: %d, want %d", test.charge, test.calls, got, test.want)
		}
	}
}
