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
	"strings"
	"syscall"
	"time"
)

// A runner starts processes stage by stage, watches them, and stops them in the
// opposite order.
type runner struct {
	logs        string        // folder of the log files
	readyWithin time.Duration // how long one stage may take to become ready
	grace       time.Duration // how long a process may take to stop before it is killed
}

// A child is a process that was started.
type child struct {
	process
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it has ended
}

// run starts the stages and, when all are ready, calls work. Its context ends when
// ctx does and when a process dies early. A process that dies early is an error that
// shows the end of its log.
func (r runner) run(ctx context.Context, stages [][]process, work func(context.Context) error) error {
	if err := check(stages); err != nil {
		return err
	}
	if err := os.MkdirAll(r.logs, 0o755); err != nil {
		return fmt.Errorf("logs: %w", err)
	}
	outer := ctx
	ctx, died := context.WithCancelCause(ctx)
	defer died(nil)

	var started [][]*child
	defer func() { r.stop(started) }()
	for _, stage := range stages {
		children, err := r.start(stage, died)
		started = append(started, children)
		if err != nil {
			return err
		}
		if err := r.await(ctx, children); err != nil {
			return cause(outer, ctx, err)
		}
	}
	err := work(ctx)
	if ctx.Err() != nil {
		return cause(outer, ctx, nil)
	}
	return err
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

// start starts one stage. Each death that nobody asked for is told to died.
func (r runner) start(stage []process, died context.CancelCauseFunc) ([]*child, error) {
	var children []*child
	for _, p := range stage {
		c, err := r.startOne(p)
		if err != nil {
			return children, fmt.Errorf("%s: %w", p.name, err)
		}
		children = append(children, c)
		go func() {
			err := c.cmd.Wait()
			died(&deathError{name: c.name, err: err, log: c.log})
			close(c.done)
		}()
	}
	return children, nil
}

func (r runner) startOne(p process) (*child, error) {
	c := &child{process: p, log: filepath.Join(r.logs, p.name+".log"), done: make(chan struct{})}
	file, err := os.Create(c.log)
	if err != nil {
		return nil, err
	}
	defer file.Close() // the child has its own
	c.cmd = exec.Command(p.bin, p.args...)
	c.cmd.Stdout, c.cmd.Stderr = file, file
	c.cmd.SysProcAttr = apart()
	return c, c.cmd.Start()
}

// await waits until every child of a stage is ready.
func (r runner) await(ctx context.Context, children []*child) error {
	ctx, cancel := context.WithTimeout(ctx, r.readyWithin)
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
				return fmt.Errorf("%s is not ready after %s: %w\n%s", c.name, r.readyWithin, err, tail(c.log))
			case <-ticker.C:
			}
		}
	}
	return nil
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

// stop ends the stages, the last first, so that a gateway never loses the services
// behind it while it finishes its requests.
func (r runner) stop(stages [][]*child) {
	for i := len(stages) - 1; i >= 0; i-- {
		for _, c := range stages[i] {
			_ = c.cmd.Process.Signal(syscall.SIGTERM) // an error means that it has ended
		}
		deadline := time.After(r.grace)
		for _, c := range stages[i] {
			select {
			case <-c.done:
			case <-deadline:
				deadline = closed() // the others have had their time too
				_ = c.cmd.Process.Kill()
				<-c.done
			}
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
