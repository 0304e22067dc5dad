package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"

	"github.com/triptych-bff/triptych/deploy/demo/page"
)

// members are who can be signed in: those whom the provider knows, with what the
// world has made of them.
func members() []page.User {
	return []page.User{
		{ID: "ada", Name: "Ada Morgenstern", About: "Thrillers, dramas and black comedies"},
		{ID: "ben", Name: "Ben Okonkwo", About: "Action, adventure and comedies"},
		{ID: "cleo", Name: "Cleo Lindqvist", About: "Adventures, comedies and musicals, for children"},
	}
}

// withPage serves the page while work is done. The page ends first.
func withPage(ctx context.Context, o options, r *runner, work func(context.Context) error) error {
	listener, err := net.Listen("tcp", o.shift.addr(pagePort))
	if err != nil {
		return fmt.Errorf("the page: %w", err)
	}
	p := page.New(o.pageConfig(ctx, r))
	defer p.Close()
	server := &http.Server{
		Handler: p.Handler(), BaseContext: func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 2 * time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10,
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			cancel(fmt.Errorf("the page: %w", err))
		}
	}()
	err = work(ctx)
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause // whatever became of work then
	}
	finish, over := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer over()
	if server.Shutdown(finish) != nil {
		_ = server.Close() // somebody waits for a slow screen: not any more
	}
	<-ended
	return err
}

// pageConfig is the table as the page needs it.
func (o options) pageConfig(ctx context.Context, r *runner) page.Config {
	s := o.shift
	gateway := func(name string, port int) page.Gateway {
		return page.Gateway{Name: name, Address: s.addr(port), Build: build(ctx, filepath.Join(o.bin, name))}
	}
	c := page.Config{
		Origin: s.url(pagePort), Posters: s.url(postersPort), Users: members(),
		Phone: gateway("bff-mobile", mobilePort), Web: gateway("bff-web", webPort), TV: gateway("bff-tv", tvPort),
		Processes: r, Now: time.Now,
		Mint: func(ctx context.Context, client, user string) (string, error) {
			return mint(ctx, s.url(providerPort)+"/dev/token", url.Values{"client": {client}, "as": {user}})
		},
	}
	for _, one := range services() {
		c.Services = append(c.Services, page.Service{Name: one.name, Protocol: one.protocol, Ops: s.url(one.ops())})
	}
	return c
}

// versionLine is what a gateway's version command prints.
var versionLine = regexp.MustCompile(`^\S+ (\S+) \(shared ([^,]*), commit ([^,]*),`)

// build asks the gateway's program what it is. What it does not say stays empty.
func build(ctx context.Context, program string) page.Build {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	line, err := exec.CommandContext(ctx, program, "version").Output()
	if err != nil {
		return page.Build{}
	}
	m := versionLine.FindSubmatch(line)
	if m == nil {
		return page.Build{}
	}
	return page.Build{Version: string(m[1]), Shared: string(m[2]), Commit: string(m[3])}
}
