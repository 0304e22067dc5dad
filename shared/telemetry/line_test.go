package telemetry

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestALineIsWhatSlogWrites, but for its time.
func TestALineIsWhatSlogWrites(t *testing.T) {
	var out bytes.Buffer
	tel := New(&out, slog.LevelInfo, Build{Program: `gate"way`})
	tel.Log.Error("request", "path", "/a/ü\n\x00\xff<\"\\", "empty", "", "status", 200, "ms", 1.234, "aborted", true)
	l := tel.Line(slog.LevelError, "request")
	l.Text("path", "/a/ü\n\x00\xff<\"\\")
	l.Text("empty", "")
	l.Int("status", 200)
	l.Milliseconds("ms", 1234*time.Microsecond+567)
	l.True("aborted")
	l.End()
	var lines [2]map[string]any
	for i, text := range bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n")) {
		if err := json.Unmarshal(text, &lines[i]); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if _, err := time.Parse(time.RFC3339Nano, lines[i]["time"].(string)); err != nil {
			t.Error(err)
		}
		delete(lines[i], "time")
	}
	if diff := cmp.Diff(lines[0], lines[1]); diff != "" {
		t.Error(diff)
	}
}

func TestALineThatIsNotLogged(t *testing.T) {
	level := new(slog.LevelVar)
	level.Set(slog.LevelError)
	for name, tel := range map[string]*Telemetry{"below its level": New(io.Discard, level, Build{}), "for nobody": Discard()} {
		l := tel.Line(slog.LevelInfo, "request")
		if l != nil {
			t.Errorf("%s: there is a line", name)
		}
		l.Text("a", "b")
		l.Int("a", 1)
		l.Milliseconds("a", 1)
		l.True("a")
		l.End()
	}
}

// TestLinesFromManyAtOnce stay apart, whichever way they come.
func TestLinesFromManyAtOnce(t *testing.T) {
	var out bytes.Buffer
	tel := New(&out, slog.LevelInfo, Build{})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				l := tel.Line(slog.LevelInfo, "request")
				l.Text("a", "b")
				l.End()
				tel.Log.Info("other")
			}
		})
	}
	all.Wait()
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	for _, text := range lines {
		if !json.Valid(text) {
			t.Fatalf("%s", text)
		}
	}
	if len(lines) != 1600 {
		t.Errorf("%d lines", len(lines))
	}
}

func FuzzLineText(f *testing.F) {
	f.Add("a\"b")
	f.Fuzz(func(t *testing.T, s string) {
		var back string
		text := appendText(nil, s)
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var want string
		encoded, _ := json.Marshal(s)
		_ = json.Unmarshal(encoded, &want)
		if back != want {
			t.Errorf("%q became %q", s, back)
		}
	})
}

func BenchmarkLine(b *testing.B) {
	tel := New(io.Discard, slog.LevelInfo, Build{Program: "gateway"})
	b.ReportAllocs()
	for b.Loop() {
		l := tel.Line(slog.LevelInfo, "request")
		for range 10 {
			l.Text("trace_id", "0123456789abcdef0123456789abcdef")
		}
		l.End()
	}
}
