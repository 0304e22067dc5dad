package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A report is what a run prints: Markdown that can stand in a README.
type report struct {
	flags   *flags
	skipped []string
	tables  []table
}

type table struct {
	scenario *scenario
	rows     []*row
}

func (r *report) add(s *scenario, rows []*row) {
	if len(rows) > 0 {
		r.tables = append(r.tables, table{s, rows})
	}
}

// leaveOut says that something is not measured, at once and in the report.
func (r *report) leaveOut(reason string) {
	fmt.Fprintln(os.Stderr, "SKIPPED:", reason)
	r.skipped = append(r.skipped, reason)
}

func (r *report) print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s, on %s.\n", time.Now().Format(time.DateOnly), machine())
	fmt.Fprintf(&b, "Triptych %s%s; %s.\n", cmp.Or(version, "devel"), parenthesis(commit), strings.Join(r.releases(), "; "))
	fmt.Fprintf(&b, "Medians of %d rounds of %s. Command: `%s`.\n", r.flags.rounds, r.flags.time, command())
	for _, reason := range r.skipped {
		fmt.Fprintf(&b, "Left out: %s.\n", reason)
	}
	for _, t := range r.tables {
		t.print(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t table) print(b *strings.Builder) {
	fmt.Fprintf(b, "\n%s (`%s`):\n\n", t.scenario.title, t.scenario.name)
	b.WriteString("| gateway | CPU µs a request (least–most) | of it user | × triptych | × bare | requests/s | busy | p50 ms | p99 ms | bytes | MB |\n")
	b.WriteString("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	rows := slices.Clone(t.rows)
	slices.SortStableFunc(rows, func(x, y *row) int { return cmp.Compare(x.rank(), y.rank()) })
	for _, r := range rows {
		if len(r.samples) == 0 {
			fmt.Fprintf(b, "| %s | no result: %s | | | | | | | | | |\n", r.peer.name, oneLine(r.failed))
			continue
		}
		cpu := r.median((*sample).cpu)
		least, most := r.span((*sample).cpu)
		fmt.Fprintf(b, "| %s | %.1f (%.1f–%.1f) | %.1f | %s | %s | %.0f | %.2f | %s | %s | %d | %.0f |\n", r.peer.name,
			cpu, least, most, r.median((*sample).cpuUser), t.ratio(cpu, "triptych"), t.ratio(cpu, "triptych-bare"),
			r.median((*sample).rate), r.median(func(s *sample) float64 { return s.busy }),
			milliseconds(r.median(func(s *sample) float64 { return float64(s.p50) })),
			milliseconds(r.median(func(s *sample) float64 { return float64(s.p99) })),
			r.samples[0].length, r.median(func(s *sample) float64 { return float64(s.memory) / (1 << 20) }))
	}
	var foreign, pace []float64
	for _, r := range rows {
		for _, s := range r.samples {
			foreign, pace = append(foreign, s.foreign), append(pace, s.pace.Seconds())
		}
	}
	if len(foreign) > 0 {
		fmt.Fprintf(b, "\nOthers used %.1f %% of the gateway's core in the median, %.1f %% at worst. A fixed piece of work took from %.1f to %.1f ms there.\n",
			100*median(foreign), 100*slices.Max(foreign), 1000*slices.Min(pace), 1000*slices.Max(pace))
	}
}

// ratio is how many times the CPU time of the named row a row has taken.
func (t table) ratio(cpu float64, name string) string {
	for _, r := range t.rows {
		if r.peer.name == name && len(r.samples) > 0 {
			return fmt.Sprintf("%.2f", cpu/r.median((*sample).cpu))
		}
	}
	return "–"
}

// rank sorts what has no result behind what has.
func (r *row) rank() float64 {
	if len(r.samples) == 0 {
		return 1e12
	}
	return r.median((*sample).cpu)
}

func (r *row) values(of func(*sample) float64) []float64 {
	all := make([]float64, len(r.samples))
	for i, s := range r.samples {
		all[i] = of(s)
	}
	return all
}

func (r *row) median(of func(*sample) float64) float64 { return median(r.values(of)) }

func (r *row) span(of func(*sample) float64) (least, most float64) {
	all := r.values(of)
	return slices.Min(all), slices.Max(all)
}

// median of at least one value.
func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}

func milliseconds(nanoseconds float64) string {
	if nanoseconds == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", nanoseconds/1e6)
}

func oneLine(err error) string {
	text := strings.Join(strings.Fields(strings.ReplaceAll(fmt.Sprint(err), "|", "/")), " ")
	return text[:min(len(text), 120)]
}

func parenthesis(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

// releases are the versions of all peers in the tables.
func (r *report) releases() []string {
	all := []string{runtime.Version()}
	for _, t := range r.tables {
		for _, row := range t.rows {
			if release := row.peer.release(); release != "" && !slices.Contains(all, release) {
				all = append(all, release)
			}
		}
	}
	return all
}

// machine is the processor, how many of its cores there are, and the kernel.
func machine() string {
	model := runtime.GOARCH
	data, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(data)) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	var system unix.Utsname
	_ = unix.Uname(&system)
	return fmt.Sprintf("%s, %d cores, Linux %s, where an empty system call takes %.2f µs",
		model, runtime.NumCPU(), unix.ByteSliceToString(system.Release[:]), emptyCall())
}

// emptyCall is how many microseconds a system call takes that does nothing. It
// differs tenfold between machines, virtual ones above all, and much of a
// gateway's work is system calls.
func emptyCall() float64 {
	const n = 100_000
	begin := time.Now()
	for range n {
		unix.Getppid()
	}
	return float64(time.Since(begin).Microseconds()) / n
}

// command is how to get the same again.
func command() string {
	if len(os.Args) < 2 {
		return "make bench"
	}
	return "make bench BENCH_FLAGS='" + strings.Join(os.Args[1:], " ") + "'"
}
