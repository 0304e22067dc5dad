package gateway

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/server"
	"github.com/triptych-bff/triptych/shared/telemetry"
	"github.com/triptych-bff/triptych/shared/tlsconf"
)

// A Gateway serves an App. One that was made is run, once, which also lets go of
// what it holds.
type Gateway struct {
	app     App
	source  Source
	tel     *telemetry.Telemetry
	level   *slog.LevelVar
	runtime *runtime
	certs   *tlsconf.Store // nil without TLS
	server  *server.Server
	listen  func() error // opens the listeners, once
	current atomic.Pointer[snapshot]
	read    digests // of the files that New has read

	mu      sync.Mutex // held while a configuration is loaded
	running *loaded
}

// New loads and checks the configuration and prepares everything to serve it.
// The error is [config.Faults] where the configuration is at fault. The log is
// written as JSON lines.
func New(app App, src Source, log io.Writer) (*Gateway, error) {
	l, err := app.load(src)
	if err != nil {
		return nil, err
	}
	g := &Gateway{app: app, source: src, running: l, level: new(slog.LevelVar)}
	g.read = digestAll(g.files())
	core := l.Core()
	g.level.Set(core.LogLevel)
	g.tel = telemetry.New(log, g.level, app.Build())
	g.runtime = newRuntime(g.tel, core.Cache)
	if err := g.prepare(l); err != nil {
		g.runtime.close()
		return nil, err
	}
	return g, nil
}

// prepare builds the first snapshot and the listeners.
func (g *Gateway) prepare(l *loaded) error {
	first, err := g.runtime.build(l)
	if err != nil {
		return err
	}
	core := l.Core()
	var conf *tls.Config
	if core.TLS.Enabled() {
		if g.certs, err = tlsconf.New(l.tls(), time.Now); err != nil {
			return config.Faults{l.document.Fault("tls", "%v", err)}
		}
		conf = g.certs.Server()
	}
	g.swap(l, first)
	if g.server, err = server.New(core.Server, core.Admin, http.HandlerFunc(g.serve), conf, g.tel); err != nil {
		return err
	}
	g.server.Page("/explain", http.HandlerFunc(g.explain))
	g.listen = sync.OnceValue(g.server.Listen)
	return nil
}

// serve hands a request to the snapshot of its moment, which it keeps until its
// end.
func (g *Gateway) serve(w http.ResponseWriter, r *http.Request) {
	g.current.Load().handler.ServeHTTP(w, r)
}

// swap makes a snapshot the serving one and lets go of what only others used.
func (g *Gateway) swap(l *loaded, s *snapshot) {
	g.running = l
	g.level.Set(l.Core().LogLevel)
	g.current.Store(s)
	g.runtime.retain(s)
	for _, note := range s.notes {
		g.tel.Log.Warn("not served", "reason", note)
	}
	for _, w := range l.warnings(s) {
		g.tel.Log.Warn("configuration", "warning", w.String())
	}
	if g.certs != nil {
		for _, w := range g.certs.Warnings() {
			g.tel.Log.Warn("certificate", "warning", w)
		}
	}
}

// Listen opens the listeners, if they are not open yet. After it, [Gateway.Addr]
// is known. [Gateway.Run] calls it too.
func (g *Gateway) Listen() error { return g.listen() }

// Addr is the public listener's address, and AdminAddr the operators'.
func (g *Gateway) Addr() net.Addr { return g.server.Addr() }

// AdminAddr is the address of the operators' listener.
func (g *Gateway) AdminAddr() net.Addr { return g.server.AdminAddr() }

// Run serves until ctx ends, then drains: it stops being ready, answers what it
// has begun, and closes. It reloads the configuration on SIGHUP and when the
// content of a file that belongs to it has changed: the document, descriptors,
// certificates, secrets. It is called once; where ctx has ended already, it only
// closes.
func (g *Gateway) Run(ctx context.Context) error {
	defer g.runtime.close()
	if err := g.Listen(); err != nil {
		return err
	}
	watching, stop := context.WithCancel(ctx)
	var reloader sync.WaitGroup
	reloader.Go(func() { g.watch(watching) })
	defer reloader.Wait()
	defer stop()
	g.tel.Log.Info("serving", "address", g.Addr().String(), "admin", g.AdminAddr().String(), "routes", len(g.current.Load().routes))
	g.current.Load().verifier.Warm()
	return g.server.Serve(ctx)
}

// Reload reads the configuration again and serves it from the next request on.
// Requests under way end as they began. When the configuration has a fault,
// nothing changes; the log, a metric and /readyz say so until one succeeds.
func (g *Gateway) Reload() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	err := g.reload()
	g.runtime.reloads.record(err)
	if err != nil {
		g.server.SetReason("configuration", "the last reload failed and changed nothing: "+err.Error())
		g.tel.Log.Error("reload failed; the configuration before it goes on serving", "err", err)
		return err
	}
	g.server.SetReason("configuration", "")
	s := g.current.Load()
	s.verifier.Warm()
	g.tel.Log.Info("reloaded", "routes", len(s.routes))
	return nil
}

func (g *Gateway) reload() error {
	next, err := g.app.load(g.source)
	if err != nil {
		return err
	}
	if err := fixed(g.running, next); err != nil {
		return err
	}
	s, err := g.runtime.build(next)
	if err == nil && g.certs != nil {
		if wrong := g.certs.Replace(next.tls()); wrong != nil {
			err = config.Faults{next.document.Fault("tls", "%v", wrong)}
		}
	}
	if err != nil {
		g.runtime.retain(g.current.Load()) // and let go of what only the new snapshot would have used
		return err
	}
	g.swap(next, s)
	return nil
}

// fixed reports changes that need new listeners.
func fixed(old, next *loaded) error {
	var faults config.Faults
	a, b := old.Core(), next.Core()
	const restart = "a change here takes effect only with a restart; nothing was reloaded"
	if !reflect.DeepEqual(a.Server, b.Server) {
		faults = append(faults, next.document.Fault("server", restart))
	}
	if !reflect.DeepEqual(a.Admin, b.Admin) {
		faults = append(faults, next.document.Fault("admin", restart))
	}
	if a.TLS.Enabled() != b.TLS.Enabled() {
		faults = append(faults, next.document.Fault("tls", restart))
	}
	if a.Cache != b.Cache {
		faults = append(faults, next.document.Fault("cache", restart))
	}
	if len(faults) > 0 {
		return faults
	}
	return nil
}

// A Report is what a check of a configuration found beside faults.
type Report struct {
	Routes   []RouteInfo
	Notes    []string      // what is not served, and why
	Warnings config.Faults // what is legal, but likely a slip or unwise
}

// Check loads a configuration and builds everything that it describes, without
// listening or calling anybody. The error is [config.Faults] where the
// configuration is at fault.
func Check(app App, src Source) (*Report, error) {
	l, s, err := app.build(src)
	if err != nil {
		return nil, err
	}
	if l.Core().TLS.Enabled() {
		if _, err := tlsconf.New(l.tls(), time.Now); err != nil {
			return nil, config.Faults{l.document.Fault("tls", "%v", err)}
		}
	}
	return &Report{Routes: s.routes, Notes: s.notes, Warnings: l.warnings(s)}, nil
}

// build is a configuration and its snapshot, which serves nobody.
func (a App) build(src Source) (*loaded, *snapshot, error) {
	l, err := a.load(src)
	if err != nil {
		return nil, nil, err
	}
	rt := newRuntime(telemetry.Discard(), l.Core().Cache)
	defer rt.close()
	s, err := rt.build(l)
	return l, s, err
}
