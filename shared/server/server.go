// Package server is the listeners of a gateway: the public one, and one for
// operators.
//
// A [Server] speaks HTTP/1.1 and HTTP/2, with TLS or, where the configuration
// says so, HTTP/2 without it. Its time-outs bound how slowly a client may do
// anything without bounding how long an exchange may take, so that streams live:
//
//   - a head, and the TLS handshake before it, has HeaderTimeout in all;
//   - a body has BodyTimeout and one second more for each KiB that has come;
//   - each piece of an answer has WriteTimeout to be taken by the client;
//   - between requests a connection may be idle for IdleTimeout.
//
// net/http's own ReadTimeout and WriteTimeout bound whole requests and answers,
// however well they progress; they are not used.
//
// When the context of [Server.Serve] ends, the server drains: it says that it is
// not ready, goes on serving for DrainDelay while asking clients to leave, stops
// accepting, waits DrainTimeout for what is under way, connections that were
// taken over (WebSocket) included, and cuts the rest.
//
// Not here yet: HTTP/3, the PROXY protocol, and closing HTTP/2 connections whose
// streams are reset too often, which net/http only bounds by the number of
// handlers at work.
//
// Over HTTP/1, package framing reads along. A request that it refuses comes to
// the handler without method and path, and the handler must answer it with the
// problem that [problem.FromContext] finds.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/triptych-bff/triptych/shared/framing"
	"github.com/triptych-bff/triptych/shared/telemetry"
)

// A Server is a public listener and the operators' one beside it.
type Server struct {
	config Config
	tel    *telemetry.Telemetry
	health *health
	pages  map[string]http.Handler // of the operators' listener, by path

	public, admin *endpoint
}

// New prepares the listeners; nothing is opened yet. conf makes the public one
// speak TLS; without it, it speaks plain HTTP.
func New(c Config, a AdminConfig, h http.Handler, conf *tls.Config, tel *telemetry.Telemetry) (*Server, error) {
	c, a = c.withDefaults(), a.withDefaults()
	if err := a.check(); err != nil {
		return nil, err
	}
	s := &Server{config: c, tel: tel, health: newHealth()}
	s.pages = s.builtIn()
	s.public = newEndpoint("server.listen", c.Listen, c, conf, tel, s.pace(h))
	s.admin = newEndpoint("admin.listen", a.Listen, c, nil, tel, s.pace(s.operators(a)))
	tel.Metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "http_connections_open",
		Help: "Connections of the public listener, idle ones included.",
	}, func() float64 { return float64(s.public.conns.open()) }))
	return s, nil
}

// Page has h answer at this path of the operators' listener, for whatever method.
// It is called before [Server.Listen].
func (s *Server) Page(path string, h http.Handler) { s.pages[path] = h }

// Listen opens both listeners, or none. The error names the configuration key.
func (s *Server) Listen() error {
	if err := s.public.listen(); err != nil {
		return err
	}
	if err := s.admin.listen(); err != nil {
		_ = s.public.conns.Close()
		return err
	}
	return nil
}

// Addr is the public listener's address, once there is one.
func (s *Server) Addr() net.Addr { return s.public.addr() }

// AdminAddr is the address of the operators' listener, once there is one.
func (s *Server) AdminAddr() net.Addr { return s.admin.addr() }

// SetReason notes, under a name, something that an operator should see at /readyz
// although the server is serving; an empty text takes it back.
func (s *Server) SetReason(name, text string) { s.health.setReason(name, text) }

// Draining is closed when the server begins to drain: for whoever holds a stream
// that would otherwise go on.
func (s *Server) Draining() <-chan struct{} { return s.health.draining }

// Serve serves on the listeners that [Server.Listen] has opened until ctx ends,
// and then drains. It returns nil when that was the reason. It is called once.
func (s *Server) Serve(ctx context.Context) error {
	var serving sync.WaitGroup
	failed := make(chan error, 2)
	for _, e := range []*endpoint{s.public, s.admin} {
		serving.Go(func() { failed <- e.serve() })
	}
	s.health.serving()
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	s.drain()
	serving.Wait()
	return err
}

// drain ends the service in the order in which the world notices: the balancer
// asks /readyz and sends no more, clients are told to leave with the answers they
// get, what is under way ends, and the operators' listener, which tells all this,
// closes last.
func (s *Server) drain() {
	s.health.drain()
	s.tel.Log.Info("draining", "delay", s.config.DrainDelay.String(), "timeout", s.config.DrainTimeout.String())
	<-time.After(s.config.DrainDelay)
	if cut := s.public.shutdown(s.config.DrainTimeout); cut > 0 {
		s.tel.Log.Warn("connections were cut at the end of the drain", "connections", cut)
	}
	s.admin.shutdown(time.Second)
}

// An endpoint is one listener with the http.Server on it.
type endpoint struct {
	key     string // of its address in the configuration
	address string
	http    *http.Server
	conns   *listener
	limits  framing.Limits
}

func newEndpoint(key, address string, c Config, conf *tls.Config, tel *telemetry.Telemetry, h http.Handler) *endpoint {
	return &endpoint{
		key: key, address: address,
		conns:  newListener(c.MaxConnections, c.MaxConnectionsPerAddress),
		limits: framing.Limits{Head: int(c.MaxHead), HeadTime: c.HeaderTimeout, H2C: conf == nil && c.H2C},
		http: &http.Server{
			Handler:           h,
			TLSConfig:         withProtocols(conf),
			Protocols:         protocols(conf != nil, c.H2C),
			ReadHeaderTimeout: c.HeaderTimeout,
			IdleTimeout:       c.IdleTimeout,
			MaxHeaderBytes:    int(c.MaxHead),
			HTTP2: &http.HTTP2Config{
				MaxConcurrentStreams: c.MaxStreams,
				WriteByteTimeout:     c.WriteTimeout, // of the connection, beside each stream's
				SendPingTimeout:      c.IdleTimeout,  // a silent peer is asked,
				PingTimeout:          c.WriteTimeout, // and closed when it does not answer
			},
			ConnContext:                  remember,
			ErrorLog:                     errorLog(tel),
			DisableGeneralOptionsHandler: true, // "OPTIONS *" is the handler's as well
		},
	}
}

// withProtocols offers HTTP/2 also where the configuration says nothing of it.
func withProtocols(conf *tls.Config) *tls.Config {
	if conf == nil || len(conf.NextProtos) > 0 {
		return conf
	}
	conf = conf.Clone()
	conf.NextProtos = []string{"h2", "http/1.1"}
	return conf
}

func protocols(encrypted, h2c bool) *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetHTTP2(encrypted)
	p.SetUnencryptedHTTP2(!encrypted && h2c)
	return p
}

func (e *endpoint) listen() error {
	l, err := net.Listen("tcp", e.address)
	if err != nil {
		return listenError(e.key, e.address, err)
	}
	e.conns.Listener = l
	return nil
}

func (e *endpoint) addr() net.Addr {
	if e.conns.Listener == nil {
		return nil
	}
	return e.conns.Addr()
}

// serve returns nil after a shutdown.
func (e *endpoint) serve() (err error) {
	var l net.Listener = watched{e.conns, e.limits}
	if e.http.TLSConfig != nil {
		l = newEncrypted(e.conns, e.http.TLSConfig, e.limits, e.http.ErrorLog)
	}
	err = e.http.Serve(l)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// shutdown waits for what is under way and cuts the connections that are then
// still open. It returns their number.
func (e *endpoint) shutdown(timeout time.Duration) (cut int) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if e.http.Shutdown(ctx) == nil {
		e.conns.wait(ctx) // those that were taken over, of which http.Server knows nothing
	}
	cut = e.conns.open()
	_ = e.http.Close()
	e.conns.cut()
	return cut
}
