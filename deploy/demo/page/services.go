package page

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// mostLatency is the slowest that a service can be made.
	mostLatency = time.Minute
	// switching is how long stopping and starting may take together.
	switching = 90 * time.Second
)

// The states of a service.
const (
	up      = "up"
	stopped = "stopped"
)

// A setting is how the knobs stand that make a service slow or broken, as its ops
// listener shows them.
type setting struct {
	Latency string  `json:"latency"`
	Failure string  `json:"failure"`
	Rate    float64 `json:"rate"`
}

var neutral = setting{Latency: "0s", Failure: "none", Rate: 1}

// A service is one behind the gateways, with what is remembered about it while its
// process does not run.
type service struct {
	Service
	ops       *ops
	processes Processes

	turn  sync.Mutex              // held by whoever changes it
	knobs atomic.Pointer[setting] // as last seen or set
}

// A view is a service as the page's script sees it.
type view struct {
	Name     string `json:"name"`
	Protocol string `json:"protocol"`
	State    string `json:"state"`
	Latency  string `json:"latency"`
	Failure  string `json:"failure"`
	counts
}

// counts are what a service has done so far.
type counts struct {
	Requests int64 `json:"requests"`
	Bytes    int64 `json:"bytes"`
}

func (s *service) view(ctx context.Context) view {
	v := view{Name: s.Name, Protocol: s.Protocol, State: stopped}
	k := s.remembered()
	if s.processes.Up(s.Name) {
		v.State = up
		k = s.current(ctx)
		_ = s.ops.ask(ctx, http.MethodGet, s.Ops+"/stats", nil, &v.counts) // nothing is counted by what does not answer
	}
	v.Latency, v.Failure = k.Latency, k.Failure
	return v
}

func (s *service) remembered() setting { return *s.knobs.Load() }

// current is how the knobs stand, whoever has turned them.
func (s *service) current(ctx context.Context) setting {
	var k setting
	if err := s.ops.ask(ctx, http.MethodGet, s.Ops+"/knobs", nil, &k); err != nil {
		return s.remembered()
	}
	return k
}

// A change is what PUT /api/services/{name} takes.
type change struct {
	State   *string `json:"state"`
	Latency *string `json:"latency"`
	Failure *string `json:"failure"`
}

// check refuses what no service can be.
func (c *change) check() error {
	if c.State != nil && *c.State != up && *c.State != stopped {
		return bad("The state is up or stopped, not " + quoted(*c.State) + ".")
	}
	if c.Failure != nil && !slices.Contains([]string{"none", "error", "hang"}, *c.Failure) {
		return bad("The failure is none, error or hang, not " + quoted(*c.Failure) + ".")
	}
	if c.Latency == nil {
		return nil
	}
	latency, err := time.ParseDuration(*c.Latency)
	if err != nil || latency < 0 || latency > mostLatency {
		return bad(fmt.Sprintf("The latency is a duration from 0s to %s, such as 1.5s, not %s.", mostLatency, quoted(*c.Latency)))
	}
	*c.Latency = latency.String()
	return nil
}

func (p *Page) putService(w http.ResponseWriter, r *http.Request) error {
	s, err := p.find(r.PathValue("name"))
	if err != nil {
		return err
	}
	var c change
	if err := read(w, r, &c); err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	ctx, cancel := carriedOut(r.Context())
	defer cancel()
	if err := s.change(ctx, c); err != nil {
		return err
	}
	return answer(w, s.view(ctx))
}

// carriedOut is the context of a change: whole, even if the browser leaves.
func carriedOut(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), switching)
}

func (s *service) change(ctx context.Context, c change) error {
	s.turn.Lock()
	defer s.turn.Unlock()
	k := s.remembered()
	if s.processes.Up(s.Name) {
		k = s.current(ctx)
	}
	if c.Latency != nil {
		k.Latency = *c.Latency
	}
	if c.Failure != nil {
		k.Failure = *c.Failure
	}
	s.knobs.Store(&k)
	if c.State != nil && *c.State == stopped {
		return s.processes.Stop(s.Name)
	}
	if c.State == nil && !s.processes.Up(s.Name) {
		return nil
	}
	return s.run(ctx)
}

// run starts the service if it is stopped, and turns its knobs to what is remembered.
func (s *service) run(ctx context.Context) error {
	if err := s.processes.Start(ctx, s.Name); err != nil {
		return &problem{http.StatusInternalServerError, "not-started", err.Error()}
	}
	k := s.remembered()
	return s.ops.ask(ctx, http.MethodPut, s.Ops+"/knobs", k, &k)
}

// restore makes the service what it was in the beginning.
func (s *service) restore(ctx context.Context) error {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.knobs.Store(&neutral)
	if err := s.run(ctx); err != nil {
		return err
	}
	return s.ops.ask(ctx, http.MethodPost, s.Ops+"/reset", nil, nil)
}

func (p *Page) reset(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := carriedOut(r.Context())
	defer cancel()
	faults := each(p.services, func(s *service) error { return s.restore(ctx) })
	if err := errors.Join(faults...); err != nil {
		return err
	}
	return p.getWorld(w, r)
}

// each does the same with every service, side by side, and keeps their order.
func each[T any](all []*service, do func(*service) T) []T {
	results := make([]T, len(all))
	var wait sync.WaitGroup
	for i, s := range all {
		wait.Go(func() { results[i] = do(s) })
	}
	wait.Wait()
	return results
}

// ops asks the services' listeners for operators.
type ops struct {
	client *http.Client
}

const (
	opsPatience = 2 * time.Second
	mostOps     = 256 << 10 // bytes of an answer
)

func newOps() *ops {
	return &ops{&http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 4, MaxConnsPerHost: 16, IdleConnTimeout: 30 * time.Second},
		Timeout:   opsPatience,
	}}
}

func (o *ops) close() { o.client.CloseIdleConnections() }

// ask sends in as JSON, if there is any, and decodes the answer into out. What
// listens for operators and does not answer is a problem.
func (o *ops) ask(ctx context.Context, method, address string, in, out any) error {
	err := o.try(ctx, method, address, in, out)
	if err != nil {
		return &problem{http.StatusBadGateway, "service-unreachable", err.Error()}
	}
	return nil
}

func (o *ops) try(ctx context.Context, method, address string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header["Idempotency-Key"] = nil // not sent: tells the client to try again where a kept connection is that of a process before
	resp, err := o.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, mostOps))
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, address, resp.Status, bytes.TrimSpace(text))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}

// noted is a service's answer to GET /stats?trace=….
type noted struct {
	counts
	Calls []struct {
		Call   string  `json:"call"`
		Status int     `json:"status"`
		Bytes  int64   `json:"bytes"`
		MS     float64 `json:"ms"`
	} `json:"calls"`
}

func (s *service) trace(ctx context.Context, id string) *noted {
	if !s.processes.Up(s.Name) {
		return nil
	}
	var n noted
	if err := s.ops.ask(ctx, http.MethodGet, s.Ops+"/stats?trace="+url.QueryEscape(id), nil, &n); err != nil {
		return nil
	}
	return &n
}
