// Package edge is what happens to every request before it is routed, over plain
// net/http.
//
// [New] wraps the router with the steps whose order stands, with reasons, in that
// one function. Behind them a request has an id and a trace, a client address
// that the client has not chosen, headers that only the gateway could have set,
// a bounded body, and one canonical path. Around them every request leaves one
// line in the log and one count in the metrics, whatever became of it.
// [WriteError] is the one place where an error becomes an answer.
//
// Not here yet: the Forwarded header (RFC 7239) is dropped from everybody, so a
// trusted proxy is to send X-Forwarded-For; and whoever sends one body byte at a
// time is the listener's concern, in package server.
package edge

import (
	"io"
	"net/http"

	"github.com/triptych-bff/triptych/shared/internal/managed"
	"github.com/triptych-bff/triptych/shared/telemetry"
)

// edge is what the steps share.
type edge struct {
	Config
	metrics *Metrics
	tel     *telemetry.Telemetry
	random  io.Reader
	managed *managed.Names
}

// New is next behind the edge. Metrics outlive configurations, so they are handed
// in. Request and trace ids are read from random.
func New(c Config, m *Metrics, tel *telemetry.Telemetry, random io.Reader, next http.Handler) http.Handler {
	c = c.withDefaults()
	e := &edge{Config: c, metrics: m, tel: tel, random: random, managed: managed.New(c.DropHeaders...)}
	return chain(next,
		e.exchange, // first: whatever happens from here on can be named by the request's id
		e.observe,  // around all others: what they refuse is logged and counted too
		e.recover,  // inside the log, which so sees the 500 that a panic becomes
		e.client,   // before anything is refused: the log says whom
		e.shed,     // before work is spent on the request
		e.hygiene,  // while headers, method and URL are as they came; behind it they are trusted
		e.body,     // before anyone can read it
		e.path,     // last, and on a checked URL: everything behind sees the canonical path only
	)
}

// A step is one thing that is done around the rest.
type step func(next http.Handler) http.Handler

// chain puts the steps around end, the first outermost.
func chain(end http.Handler, steps ...step) http.Handler {
	for i := len(steps) - 1; i >= 0; i-- {
		end = steps[i](end)
	}
	return end
}
