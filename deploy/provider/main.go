// The provider command is the demo's OpenID provider: package idp behind one
// loopback address.
//
// In a container the loopback address reaches nobody. There it is told to listen for
// others, by which address tokens name it, and by which names the services beside it
// do; whoever runs it publishes its port on the loopback address only:
//
//	provider --listen :7000 --allow-remote --issuer http://127.0.0.1:7000/ --host provider:7000
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/triptych-bff/triptych/deploy/provider/idp"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The library logs to the process-wide logger; this process has no other use for it.
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "provider:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends. It prints the issuer when it is ready.
func run(ctx context.Context, args []string, out io.Writer) error {
	var c idp.Config
	flags := flag.NewFlagSet("provider", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:7000", "loopback `address` to listen on; port 0 takes a free one")
	remote := flags.Bool("allow-remote", false, "listen on addresses that other machines reach, too: whoever reaches it can be anybody")
	flags.StringVar(&c.Issuer, "issuer", "", "`URL` that tokens and clients name, if not the address that it listens on")
	flags.Func("host", "further `host:port` by which it may be asked (repeatable)", func(host string) error {
		c.Hosts = append(c.Hosts, host)
		return nil
	})
	flags.DurationVar(&c.AccessTTL, "access-ttl", 5*time.Minute, "how long an access token is good")
	flags.DurationVar(&c.DeviceTTL, "device-ttl", 5*time.Minute, "how long a device may wait to be connected")
	flags.DurationVar(&c.PollInterval, "poll-interval", 5*time.Second, "least time between two polls of a device, whole seconds")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if *remote && c.Issuer == "" {
		return errors.New("--allow-remote: the address that it listens on is no name for tokens; say --issuer too")
	}
	open := listenLoopback
	if *remote {
		open = func(address string) (net.Listener, error) { return net.Listen("tcp", address) }
	}
	listener, err := open(*listen)
	if err != nil {
		return err
	}
	if c.Issuer == "" {
		c.Issuer = "http://" + listener.Addr().String() + "/"
	}
	provider, err := idp.New(c)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	fmt.Fprintln(out, c.Issuer)
	return serve(ctx, listener, provider)
}

// listenLoopback refuses every other interface: who reaches the provider can be anybody.
func listenLoopback(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("--listen: %w", err)
	}
	if ip := net.ParseIP(host); !ip.IsLoopback() {
		return nil, fmt.Errorf("--listen %s: this provider asks nobody for a password, so it listens on a loopback address only (127.0.0.1 or [::1])", address)
	}
	return net.Listen("tcp", address)
}

func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return server.Shutdown(ctx)
}
