package trial

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestProbe compares what each library did with the kept table.
func TestProbe(t *testing.T) {
	const file = "testdata/probe.txt"
	got := probe(t)
	if os.Getenv("TRIPTYCH_UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("a library behaves differently now; look at the choice again:\n%s", diff)
	}
}

// A row is one probe and what came of it.
type row struct {
	name, rule, want string
	got              []string // by library
}

func probe(t *testing.T) string {
	rows := make([]row, 0, len(lies)+len(calls))
	for _, l := range lies {
		rows = append(rows, row{l.name, l.rule, whole(l.want), make([]string, len(libraries))})
	}
	for _, c := range calls {
		rows = append(rows, row{c.name, c.rule, c.want, make([]string, len(libraries))})
	}
	var wg sync.WaitGroup
	turns := make(chan struct{}, 64)
	for i := range rows {
		for j, lib := range libraries {
			turns <- struct{}{}
			wg.Go(func() {
				defer func() { <-turns }()
				if i < len(lies) {
					rows[i].got[j] = tell(t, lib, lies[i])
				} else {
					rows[i].got[j] = calls[i-len(lies)].run(t, lib)
				}
			})
		}
	}
	wg.Wait()
	return table(rows)
}

// whole is want with what the next request has to get.
func whole(want string) string {
	return strings.ReplaceAll(want, " or ", "; next: its own or ") + "; next: its own"
}

// table marks with "!" what does not meet what is wanted.
func table(rows []row) string {
	var b strings.Builder
	met, asked := make([]int, len(libraries)), make([]int, len(libraries))
	for _, r := range rows {
		fmt.Fprintf(&b, "%s (%s)\n    %-18s%s\n", r.name, r.rule, "wanted", r.want)
		for j, got := range r.got {
			mark := "!"
			if slices.Contains(strings.Split(r.want, " or "), got) {
				mark = " "
				met[j]++
			}
			if got != notWritten {
				asked[j]++
			}
			fmt.Fprintf(&b, "  %s %-18s%s\n", mark, libraries[j].name, got)
		}
	}
	var top strings.Builder
	for j, lib := range libraries {
		fmt.Fprintf(&top, "%-18s meets %d of %d\n", lib.name, met[j], asked[j])
	}
	return top.String() + "\n" + b.String()
}

// tell is what a library makes of a lie, and of the request behind it.
func tell(t *testing.T, lib library, l lie) string {
	text, rest, _ := strings.Cut(l.text, "|")
	if !l.late {
		text, rest = l.text, ""
	}
	conns := make(chan *exchange, 16)
	speak := answer(text, l.endless, l.cut)
	s := serve(t, func(x *exchange) bool {
		select {
		case conns <- x:
		default:
		}
		return speak(x)
	})
	deadline := far
	if l.waits {
		deadline = near
	}
	c := lib.open(s.address, deadline)
	defer c.close()
	method := l.method
	if method == "" {
		method = "GET"
	}
	outcome := describe(c.do(method, "/lie", "", nil)) + times(s.asked.Load())
	if l.late {
		_, _ = io.WriteString((<-conns).Conn, rest)
	}
	next := describe(c.do("GET", "/next", "", nil))
	if l.race && lib.name == netHTTPName {
		return outcome + "; next: its own or what was left over (a race)"
	}
	if next == `200 "its own"` {
		next = "its own"
	}
	return outcome + "; next: " + next
}

func describe(status int, body string, err error) string {
	switch {
	case err == nil && len(body) > 40:
		return fmt.Sprintf("%d with %d bytes", status, len(body))
	case err == nil:
		return fmt.Sprintf("%d %q", status, body)
	case canceled(err):
		return "canceled"
	case timedOut(err):
		return "timed out"
	default:
		return refused
	}
}
