package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A runner starts processes stage by stage, watches them, and stops them in the
// opposite order. In between, single ones are stopped and started again on request
// while everything else goes on.
type runner struct {
	logs        string        // folder of the log files
	readyWithin time.Duration // how long one stage may take to become ready
	grace       time.Duration // how long a process may take to stop before it is killed

	ctx    context.Context // of what runs now; ends before anything is stopped for good
	died   context.CancelCauseFunc
	stages [][]*child
}

// A child is a process of the table, whether or not it runs.
type child struct {
	process
	log string

	turn sync.Mutex           // held by whoever stops or starts it
	life atomic.Pointer[life] // nil while it is stopped
}

// A life is one run of a child's program.
type life struct {
	cmd    *exec.Cmd
	wanted atomic.Bool   // somebody has asked for its end, or is to be told of it
	done   chan struct{} // closed when it has ended
}

// run starts the stages and, when all are ready, calls work. Its context ends when
// ctx does and when a process dies early. A process that dies early is an error that
// shows the end of its log.
func (r *runner) run(ctx context.Context, stages [][]process, work func(context.Context) error) error {
	if err := check(stages); err != nil {
		return err
	}
	if err := os.MkdirAll(r.logs, 0o755); err != nil {
		return fmt.Errorf("logs: %w", err)
	}
	outer := ctx
	ctx, died := context.WithCancelCause(ctx)
	r.ctx, r.died, r.stages = ctx, died, r.children(stages)
	defer r.stopAll()
	defer died(nil) // nothing starts any more
	for _, stage := range r.stages {
		for _, c := range stage {
			l, err := c.start()
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			go r.watch(c, l)
		}
		if err := r.await(ctx, stage...); err != nil {
			return cause(outer, ctx, err)
		}
	}
	err := work(ctx)
	if ctx.Err() != nil {
		return cause(outer, ctx, nil)
	}
	return err
}

func (r *runner) children(stages [][]process) [][]*child {
	all := make([][]*child, len(stages))
	for i, stage := range stages {
		for _, p := range stage {
			if p.bin != "" {
				all[i] = append(all[i], &child{process: p, log: filepath.Join(r.logs, p.name+".log")})
			}
		}
	}
	return all
}

// cause tells a wish to stop, which is no error, from a death.
func cause(outer, ctx context.Context, err error) error {
	var death *deathError
	switch {
	case errors.As(context.Cause(ctx), &death):
		return death
	case outer.Err() != nil:
		return nil //nolint:nilerr // somebody wished to stop
	}
	return err
}

// start begins a life, with a new log.
func (c *child) start() (*life, error) {
	file, err := os.Create(c.log)
	if err != nil {
		return nil, err
	}
	defer file.Close() // the child has its own
	l := &life{cmd: exec.Command(c.bin, c.args...), done: make(chan struct{})}
	l.cmd.Stdout, l.cmd.Stderr = file, file
	l.cmd.SysProcAttr = apart()
	if err := l.cmd.Start(); err != nil {
		return nil, err
	}
	c.life.Store(l)
	return l, nil
}

// watch waits for the end of a life. One that nobody asked for ends everything.
func (r *runner) watch(c *child, l *life) {
	err := l.cmd.Wait()
	close(l.done)
	if !l.wanted.Load() {
		r.died(&deathError{name: c.name, err: err, log: c.log})
	}
}

// Up says whether the process of that name runs.
func (r *runner) Up(name string) bool {
	c := r.find(name)
	return c != nil && c.life.Load() != nil
}

// Stop ends the process of that name and returns when it has ended. That is no
// death: everything else goes on. It does nothing to a process that is stopped.
func (r *runner) Stop(name string) error {
	c := r.find(name)
	if c == nil {
		return fmt.Errorf("no process is named %q", name)
	}
	c.turn.Lock()
	defer c.turn.Unlock()
	end(r.grace, c)
	return nil
}

// Start runs the process of that name again and returns when it is ready. It does
// nothing to a process that runs. One that does not become ready is stopped again,
// and the error shows the end of its log.
func (r *runner) Start(ctx context.Context, name string) error {
	c := r.find(name)
	if c == nil {
		return fmt.Errorf("no process is named %q", name)
	}
	c.turn.Lock()
	defer c.turn.Unlock()
	if c.life.Load() != nil {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(r.ctx, func() { cancel(errStopping) })()
	if r.ctx.Err() != nil {
		return errStopping
	}
	l, err := c.start()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	l.wanted.Store(true) // until it is ready, its end is told to the caller
	go r.watch(c, l)
	go func() {
		<-l.done
		cancel(errEnded)
	}()
	if err := r.await(ctx, c); err != nil {
		end(r.grace, c)
		return err
	}
	l.wanted.Store(false)
	select {
	case <-l.done: // in this very moment
		end(r.grace, c)
		return fmt.Errorf("%s: %w. %s", name, errEnded, tail(c.log))
	default:
		return nil
	}
}

var (
	errStopping = errors.New("the demo is being stopped")
	errEnded    = errors.New("it has ended")
	errSlow     = errors.New("it takes too long")
)

func (r *runner) find(name string) *child {
	for _, stage := range r.stages {
		for _, c := range stage {
			if c.name == name {
				return c
			}
		}
	}
	return nil
}

// await waits until all these children are ready.
func (r *runner) await(ctx context.Context, children ...*child) error {
	ctx, cancel := context.WithTimeoutCause(ctx, r.readyWithin, errSlow)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for _, c := range children {
		for {
			err := probe(ctx, c.ready)
			if err == nil {
				break
			}
			select {
			case <-ctx.Done():
				return r.notReady(ctx, c, err)
			case <-ticker.C:
			}
		}
	}
	return nil
}

// notReady says why the waiting for c has ended; last is what the last probe said.
func (r *runner) notReady(ctx context.Context, c *child, last error) error {
	if why := context.Cause(ctx); !errors.Is(why, errSlow) {
		return fmt.Errorf("%s is not ready: %w. %s", c.name, why, tail(c.log))
	}
	return fmt.Errorf("%s is not ready after %s: %w\n%s", c.name, r.readyWithin, last, tail(c.log))
}

// probe asks once.
func probe(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if host, ok := strings.CutPrefix(address, "tcp://"); ok {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", host)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", address, resp.Status)
	}
	return nil
}

// stopAll ends the stages, the last first, so that a gateway never loses the
// services behind it while it finishes its requests.
func (r *runner) stopAll() {
	for _, stage := range slices.Backward(r.stages) {
		for _, c := range stage {
			c.turn.Lock() // whoever is starting it has been told to stop
		}
		end(r.grace, stage...)
		for _, c := range stage {
			c.turn.Unlock()
		}
	}
}

// end ends the children that run, side by side, and returns when they have ended.
func end(grace time.Duration, children ...*child) {
	var lives []*life
	for _, c := range children {
		if l := c.life.Swap(nil); l != nil {
			l.wanted.Store(true)
			_ = l.cmd.Process.Signal(syscall.SIGTERM) // an error means that it has ended
			lives = append(lives, l)
		}
	}
	deadline := time.After(grace)
	for _, l := range lives {
		select {
		case <-l.done:
		case <-deadline:
			deadline = closed() // the others have had their time too
			_ = l.cmd.Process.Kill()
			<-l.done
		}
	}
}

func closed() <-chan time.Time {
	c := make(chan time.Time)
	close(c)
	return c
}

// A deathError says who died, how, and what it said last.
type deathError struct {
	name, log string
	err       error
}

func (e *deathError) Error() string {
	how := "ended by itself"
	if e.err != nil {
		how = e.err.Error()
	}
	return fmt.Sprintf("%s has died (%s); everything else is stopped. %s", e.name, how, tail(e.log))
}

// tail is the end of a log file, for a terminal.
func tail(path string) string {
	const most, lines = 16 << 10, 20
	file, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	if size, err := file.Seek(0, io.SeekEnd); err == nil {
		_, _ = file.Seek(max(0, size-most), io.SeekStart)
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return err.Error()
	}
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return path + " is empty."
	}
	last := strings.Split(string(text), "\n")
	last = last[max(0, len(last)-lines):]
	return "The end of " + path + ":\n  " + strings.Join(last, "\n  ")
}
