package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
)

type family = *dto.MetricFamily

func TestLogIsRedactedJSON(t *testing.T) {
	var out bytes.Buffer
	tel := New(&out, slog.LevelInfo, Build{Program: "gateway"})
	tel.Log.Debug("unseen")
	tel.Log.Info("seen", "Authorization", "Bearer x", "set-cookie", "s=1", "access_token", "x", "api_key", "k",
		"password_hash", "p", "client_secret", "c", "tokens", 3,
		slog.Group("request", slog.String("Cookie", "inner")))
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v: %s", err, out.Bytes())
	}
	delete(line, "time")
	want := map[string]any{
		"level": "INFO", "msg": "seen", "program": "gateway",
		"Authorization": redacted, "set-cookie": redacted, "access_token": redacted, "api_key": redacted,
		"password_hash": redacted, "client_secret": redacted, "tokens": 3.0,
		"request": map[string]any{"Cookie": redacted},
	}
	if diff := cmp.Diff(want, line); diff != "" {
		t.Error(diff)
	}
}

func TestMetricsNameTheBuild(t *testing.T) {
	tel := New(io.Discard, slog.LevelInfo, Build{Program: "gateway", Version: "v1.2.3", Shared: "v0.1.0", Commit: "abc"})
	families, err := tel.Metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range families {
		if f.GetName() == "build_info" {
			for _, l := range f.GetMetric()[0].GetLabel() {
				got[l.GetName()] = l.GetValue()
			}
		}
	}
	want := map[string]string{"program": "gateway", "version": "v1.2.3", "shared": "v0.1.0", "commit": "abc"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !slices.ContainsFunc(families, func(f family) bool { return f.GetName() == "go_goroutines" }) {
		t.Error("the runtime's metrics are missing")
	}
}

func TestTelemetriesShareNothing(t *testing.T) {
	a, b := Discard(), Discard()
	a.Metrics.MustRegister(buildInfo(Build{}))
	if families, _ := b.Metrics.Gather(); len(families) != 0 {
		t.Error("two telemetries share a registry")
	}
}

func TestExchangeOutsideARequest(t *testing.T) {
	x := FromContext(context.Background())
	x.Route = "written and never read"
	if FromContext(context.Background()).Route != "" {
		t.Error("exchanges outside requests are one")
	}
	y := &Exchange{ID: "1"}
	if FromContext(NewContext(context.Background(), y)) != y {
		t.Error("the exchange does not travel in the context")
	}
}

const (
	traceID = "0af7651916cd43dd8448eb211c80319c"
	valid   = "00-" + traceID + "-b7ad6b7169203331-01"
)

func TestTraceFrom(t *testing.T) {
	random := strings.Repeat("\x11", 24)
	fresh := strings.Repeat("11", 16)
	for _, tt := range []struct {
		name, parent, id string
		flags            byte
	}{
		{"valid", valid, traceID, 1},
		{"not sampled", valid[:53] + "00", traceID, 0},
		{"other flags are not ours", valid[:53] + "ff", traceID, 1},
		{"none", "", fresh, 0},
		{"upper case", strings.ToUpper(valid), fresh, 0},
		{"no hex", "00-" + strings.Repeat("g", 32) + valid[35:], fresh, 0},
		{"zero trace", "00-" + strings.Repeat("0", 32) + valid[35:], fresh, 0},
		{"zero span", valid[:36] + strings.Repeat("0", 16) + valid[52:], fresh, 0},
		{"version ff", "ff" + valid[2:], fresh, 0},
		{"version 00 is 55 long", valid + "-x", fresh, 0},
		{"later version", "01" + valid[2:], traceID, 1},
		{"later version, longer", "cc" + valid[2:] + "-what-the-future-brings", traceID, 1},
		{"later version, no dash", "cc" + valid[2:] + "x", fresh, 0},
		{"short", valid[:54], fresh, 0},
		{"dashes", strings.ReplaceAll(valid, "-", "_"), fresh, 0},
	} {
		got, err := TraceFrom(http.Header{"Traceparent": {tt.parent}}, strings.NewReader(random))
		if err != nil || got.TraceID() != tt.id || got.Flags != tt.flags || got.Span != [8]byte([]byte(random[:8])) {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
	}
}

func TestTraceState(t *testing.T) {
	for _, tt := range []struct{ name, parent, state, want string }{
		{"passed on", valid, "a=1,b=2", "a=1,b=2"},
		{"without a trace it says nothing", "", "a=1", ""},
		{"too long", valid, strings.Repeat("x", maxState+1), ""},
	} {
		h := http.Header{"Traceparent": {tt.parent}, "Tracestate": {tt.state}}
		got, err := TraceFrom(h, strings.NewReader(strings.Repeat("\x11", 24)))
		if err != nil || got.State != tt.want {
			t.Errorf("%s: %q, %v", tt.name, got.State, err)
		}
	}
}

func TestTraceOverSeveralLines(t *testing.T) {
	h := http.Header{"Traceparent": {valid, valid}, "Tracestate": {"a=1"}}
	got, err := TraceFrom(h, strings.NewReader(strings.Repeat("\x11", 24)))
	if err != nil || got.TraceID() == traceID || got.State != "" {
		t.Errorf("two parents: %+v, %v", got, err)
	}
	h = http.Header{"Traceparent": {valid}, "Tracestate": {"a=1", "b=2"}}
	got, err = TraceFrom(h, strings.NewReader(strings.Repeat("\x11", 24)))
	if err != nil || got.State != "a=1,b=2" {
		t.Errorf("two lines of state: %q, %v", got.State, err)
	}
}

func TestTraceNeedsRandomness(t *testing.T) {
	_, err := TraceFrom(http.Header{}, strings.NewReader("short"))
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v", err)
	}
}

func TestInject(t *testing.T) {
	in, err := TraceFrom(http.Header{"Traceparent": {valid}, "Tracestate": {"a=1"}}, strings.NewReader("12345678"))
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{"Traceparent": {"the caller's"}}
	in.Inject(h)
	want := http.Header{"Traceparent": {"00-" + traceID + "-3132333435363738-01"}, "Tracestate": {"a=1"}}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Error(diff)
	}
	h = http.Header{}
	Trace{}.Inject(h)
	if len(h) != 0 {
		t.Errorf("no trace injects %v", h)
	}
}

func FuzzTraceFrom(f *testing.F) {
	f.Add(valid, "a=1")
	f.Add("cc"+valid[2:]+"-more", "")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, parent, state string) {
		random := strings.NewReader(strings.Repeat("\x11", 24))
		in, err := TraceFrom(http.Header{"Traceparent": {parent}, "Tracestate": {state}}, random)
		if err != nil {
			t.Fatal(err)
		}
		// What we send on, the next one reads as the same trace.
		again, ok := parseTraceparent(in.Parent())
		if !ok || again.ID != in.ID || again.Span != in.Span || again.Flags != in.Flags {
			t.Fatalf("%q becomes %q", parent, in.Parent())
		}
	})
}
