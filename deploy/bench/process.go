package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// cores says what runs where: the gateway alone on the last core that this
// process may use, everything else on the others.
type cores struct {
	gateway int
	others  unix.CPUSet
}

func findCores() (*cores, error) {
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return nil, fmt.Errorf("cores: %w", err)
	}
	c := &cores{others: all}
	for i := range 1024 {
		if all.IsSet(i) {
			c.gateway = i
		}
	}
	if c.others.Count() > 1 {
		c.others.Clear(c.gateway)
	}
	return c, nil
}

// apart reports whether the gateway has a core of its own.
func (c *cores) apart() bool { return !c.others.IsSet(c.gateway) }

// settle keeps all threads of this process off the gateway's core.
func (c *cores) settle() error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, thread := range threads {
		id, _ := strconv.Atoi(thread.Name())
		if err := unix.SchedSetaffinity(id, &c.others); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("cores: %w", err)
		}
	}
	return nil
}

// A process is one that we have started. It ends at the latest when the thread
// does that has started it, which is the main one.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	log  string        // file of its output
}

// start runs a program, on the gateway's core or on the others. What a process
// starts inherits its core.
func (c *cores) start(cmd *exec.Cmd, log string, onGateway bool) (*process, error) {
	file, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if cmd.Stdout == nil {
		cmd.Stdout = file
	}
	cmd.Stderr = file
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	set, procs := c.others, c.others.Count()
	if onGateway {
		set, procs = unix.CPUSet{}, 1
		set.Set(c.gateway)
	}
	cmd.Env = append(os.Environ(), append([]string{fmt.Sprintf("GOMAXPROCS=%d", procs)}, cmd.Env...)...)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("cores: %w", err)
	}
	err = cmd.Start()
	if err := c.settle(); err != nil {
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	p := &process{cmd, make(chan struct{}), log}
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(p.done)
	}()
	return p, nil
}

// end stops the process and waits for it, and insists after a while.
func (p *process) end() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
		for _, id := range p.tree() {
			_ = syscall.Kill(id, syscall.SIGKILL)
		}
		<-p.done
	}
}

// output is all that the process has said.
func (p *process) output() string {
	data, _ := os.ReadFile(p.log)
	return string(data)
}

// said is the end of that, to be shown with an error.
func (p *process) said() string {
	all := strings.TrimSpace(p.output())
	return all[max(0, len(all)-300):]
}

// tree are the process and its descendants.
func (p *process) tree() []int {
	children := map[int][]int{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		id, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if fields := stat(id); len(fields) > 1 { // else it has just ended
			parent, _ := strconv.Atoi(fields[1])
			children[parent] = append(children[parent], id)
		}
	}
	all := []int{p.cmd.Process.Pid}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// stat is what /proc says of a process, from its state on, which proc(5) counts as
// the third field: the name before it may contain anything.
func stat(id int) []string {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
	return strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
}

// A usage is CPU time.
type usage struct {
	user, system time.Duration // of the process and its descendants
	core         time.Duration // of all on the gateway's core, interrupts included
	at           time.Time
}

// tick is the unit of /proc: USER_HZ, which is 100 on every architecture that Go
// runs on.
const tick = 10 * time.Millisecond

func (c *cores) usage(p *process) (usage, error) {
	u := usage{at: time.Now()}
	for _, id := range p.tree() {
		fields := stat(id)
		if len(fields) < 13 {
			return u, fmt.Errorf("process %d has ended: %s", id, p.said())
		}
		u.user += ticks(fields[11]) // utime, field 14
		u.system += ticks(fields[12])
	}
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) > 8 && fields[0] == fmt.Sprintf("cpu%d", c.gateway) {
			for _, i := range []int{1, 2, 3, 6, 7, 8} { // all but idle and iowait
				u.core += ticks(fields[i])
			}
		}
	}
	return u, nil
}

func ticks(text string) time.Duration {
	n, _ := strconv.ParseInt(text, 10, 64)
	return time.Duration(n) * tick
}

// memory is the proportional set size of the process and its descendants, in
// bytes, or 0 where the kernel does not tell.
func (p *process) memory() int {
	total := 0
	for _, id := range p.tree() {
		data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", id))
		for line := range strings.Lines(string(data)) {
			if after, ok := strings.CutPrefix(line, "Pss:"); ok {
				kilobytes, _ := strconv.Atoi(strings.Fields(after)[0])
				total += kilobytes << 10
			}
		}
	}
	return total
}

// pace is the CPU time that a fixed piece of work takes on the gateway's core:
// hashing, moving memory, and system calls that do nothing. What it takes more at
// one time than at another is due to the machine, and so are such differences
// between gateways.
func (c *cores) pace() (time.Duration, error) {
	var core unix.CPUSet
	core.Set(c.gateway)
	if err := unix.SchedSetaffinity(0, &core); err != nil {
		return 0, fmt.Errorf("cores: %w", err)
	}
	const size = 16 << 20 // more than a core's own caches hold
	from, to := make([]byte, size), make([]byte, size)
	copy(to, from) // so that its pages are there
	before := threadTime()
	for range 4 {
		copy(to, from)
		sha256.Sum256(to[:1<<20])
	}
	for range 5_000 {
		unix.Getppid()
	}
	took := threadTime() - before
	return took, c.settle()
}

func threadTime() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) // exists on every Linux
	return time.Duration(t.Nano())
}
