package telemetry

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"time"
)

// A Line is one line of the log in the making, in the form that [slog.JSONHandler]
// gives: for what is logged with every request, where the way through slog costs
// as much as half of the rest. Names are constants that need no escaping, and
// what they name is no secret: nothing is redacted. A nil Line takes everything
// and writes nothing.
type Line struct {
	out  *lines
	text []byte
}

// lines are what a log's lines begin with, and where they go.
type lines struct {
	to      io.Writer
	program []byte
	free    sync.Pool
}

// Line begins a line with this message, or is nil where the level is not logged.
// It is ended, once.
func (t *Telemetry) Line(level slog.Level, message string) *Line {
	if t.lines == nil || !t.Log.Enabled(context.Background(), level) {
		return nil
	}
	l, ok := t.lines.free.Get().(*Line)
	if !ok {
		l = &Line{out: t.lines, text: make([]byte, 0, 1<<10)}
	}
	l.text = append(l.text[:0], `{"time":"`...)
	l.text = time.Now().AppendFormat(l.text, time.RFC3339Nano)
	l.text = append(append(append(l.text, `","level":"`...), level.String()...), '"')
	l.Text("msg", message)
	l.text = append(l.text, t.lines.program...)
	return l
}

func (l *Line) name(name string) {
	l.text = append(append(append(l.text, `,"`...), name...), `":`...)
}

// Text adds a string.
func (l *Line) Text(name, value string) {
	if l != nil {
		l.name(name)
		l.text = appendText(l.text, value)
	}
}

// Int adds a whole number.
func (l *Line) Int(name string, value int64) {
	if l != nil {
		l.name(name)
		l.text = strconv.AppendInt(l.text, value, 10)
	}
}

// Milliseconds adds a duration, in milliseconds down to a thousandth.
func (l *Line) Milliseconds(name string, d time.Duration) {
	if l != nil {
		l.name(name)
		l.text = strconv.AppendFloat(l.text, float64(d.Microseconds())/1000, 'f', -1, 64)
	}
}

// True adds that something is.
func (l *Line) True(name string) {
	if l != nil {
		l.name(name)
		l.text = append(l.text, "true"...)
	}
}

// End writes the line.
func (l *Line) End() {
	if l == nil {
		return
	}
	l.text = append(l.text, "}\n"...)
	_, _ = l.out.to.Write(l.text) // a log that cannot be written has nobody to tell
	l.out.free.Put(l)
}

// appendText writes a JSON string (RFC 8259 §7).
func appendText(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return appendRare(dst, s)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}

func appendRare(dst []byte, s string) []byte {
	text, _ := json.Marshal(s) // a string always can be; what is no UTF-8 becomes U+FFFD
	return append(dst, text...)
}

// A shared writer takes one line at a time, from whomever.
type sharedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *sharedWriter) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}
