package projection

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/bytedance/sonic"
	"golang.org/x/sys/unix"

	ours "github.com/triptych-bff/triptych/shared/projection"
)

// BenchmarkProject measures all ways in turn, round for round, in the CPU time of
// the whole process, so that the collection of garbage counts and other processes
// do not. What matters are the ratios: -benchtime 200x makes two hundred rounds.
//
// It shows no minimum. On a virtual machine that clock may lose time: of 3,000 rounds
// of the same work two came out at a twentieth of what is possible, and a minimum
// would be one of those. The tenth percentile and the median do not notice them, and
// no round is left out.
func BenchmarkProject(b *testing.B) {
	all := answers(b)
	dst := make([]byte, 0, 64<<10)
	var rows []row
	for _, w := range ways() {
		rows = append(rows, row{name: w.name, run: func() {
			dst = dst[:0]
			for i := range all {
				var err error
				if dst, err = w.run(dst, &all[i]); err != nil {
					b.Fatal(err)
				}
			}
		}})
	}
	compare(b, all, rows)
}

// BenchmarkValid is validation alone.
func BenchmarkValid(b *testing.B) {
	all := answers(b)
	of := func(valid func([]byte) bool) func() {
		return func() {
			for i := range all {
				if !valid(all[i].src) {
					b.Fatal("not valid")
				}
			}
		}
	}
	compare(b, all, []row{
		{name: "this project", run: of(func(src []byte) bool { return ours.Valid(src) == nil })},
		{name: "sonic", run: of(sonic.Valid)},
		{name: "encoding/json", run: of(json.Valid)},
	})
}

// A row is one way, and what a run of it took in each round.
type row struct {
	name  string
	run   func()
	times []time.Duration
}

// round is how long a way runs at a time, about: short enough for the frequency of
// the processor to stay the same over all of them.
const round = 3 * time.Millisecond

func compare(b *testing.B, all []answer, rows []row) {
	size := 0
	for i := range all {
		size += len(all[i].src)
	}
	reps := make([]int, len(rows))
	for i, r := range rows {
		r.run()
		start := time.Now()
		r.run()
		reps[i] = max(1, int(round/time.Since(start)))
	}
	for b.Loop() {
		for i := range rows {
			rows[i].times = append(rows[i].times, cpuTime(rows[i].run, reps[i]))
		}
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\n%d rounds, %d bytes\t10%%\tmedian\tratio, 10%%\tratio, median\tMB/s, median\tallocs\n", len(rows[0].times), size)
	for i := range rows {
		slices.Sort(rows[i].times)
		r, ours := &rows[i], &rows[0]
		fmt.Fprintf(table, "%s\t%v\t%v\t%.2f\t%.2f\t%.0f\t%.0f\n", r.name, r.at(10), r.at(50),
			float64(r.at(10))/float64(ours.at(10)), float64(r.at(50))/float64(ours.at(50)),
			float64(size)*1e3/float64(r.at(50)), testing.AllocsPerRun(20, r.run))
	}
	table.Flush()
	b.ReportMetric(float64(size)*1e3/float64(rows[0].at(50)), "MB/s")
}

// at returns a percentile of the times, which are sorted.
func (r *row) at(percent int) time.Duration { return r.times[len(r.times)*percent/100] }

// cpuTime returns what a run takes of the CPU, all threads together.
func cpuTime(run func(), reps int) time.Duration {
	start := processTime()
	for range reps {
		run()
	}
	return (processTime() - start) / time.Duration(reps)
}

func processTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}
