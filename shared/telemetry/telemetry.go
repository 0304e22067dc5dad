// Package telemetry is what a gateway tells about itself: its log, its metrics
// and the trace of each request, as values that are handed in.
//
// There are no globals. [New] makes the one [Telemetry] of a process; an
// [Exchange] collects what is to be said about one request while it travels,
// and is written once, as the access log's line, when the request ends.
package telemetry

import (
	"io"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Telemetry is where a process writes its log and keeps its metrics.
type Telemetry struct {
	Log     *slog.Logger
	Metrics *prometheus.Registry

	lines *lines // nil where nobody reads the log
}

// Build names what is running.
type Build struct {
	Program string // such as the binary's name
	Version string // of the program
	Shared  string // of the shared module
	Commit  string
}

// New is a telemetry that writes JSON lines to log, from the given level up,
// with secrets redacted, and has the runtime's metrics and build_info.
func New(log io.Writer, level slog.Leveler, build Build) *Telemetry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		buildInfo(build),
	)
	to := &sharedWriter{w: log}
	handler := slog.NewJSONHandler(to, &slog.HandlerOptions{Level: level, ReplaceAttr: redact})
	return &Telemetry{
		Log:     slog.New(handler).With("program", build.Program),
		Metrics: registry,
		lines:   &lines{to: to, program: appendText([]byte(`,"program":`), build.Program)},
	}
}

// Discard is a telemetry that nobody reads: for tests and tools.
func Discard() *Telemetry {
	return &Telemetry{Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry()}
}

func buildInfo(b Build) prometheus.Collector {
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "build_info",
		Help: "What is running; the value is always 1.",
		ConstLabels: prometheus.Labels{
			"program": b.Program, "version": b.Version, "shared": b.Shared, "commit": b.Commit,
		},
	})
	info.Set(1)
	return info
}
