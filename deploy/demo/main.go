// Demo runs the film store on one machine: the OpenID provider, the services behind,
// a small Redis and the three gateways, each as a process of its own; and it serves
// the page that shows the three clients side by side.
//
//	demo run                     all of it, until Ctrl-C
//	demo run --page=false        all but the page
//	demo run --services-only     what stands behind the gateways
//	demo run --shift 3000        all of it beside another demo: 3000 is added to every port
//	demo run -- command …        all of it, as long as the command runs
//	demo token --client mobile --as ada
//	demo redis --listen 127.0.0.1:7006
//
// What is run, in which order and on which ports, is the table in world.go. A
// process that ends by itself ends everything; one that the page stops and starts
// again does not. Package page says what the page can be asked.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := command(ctx, os.Args[1:], os.Stdout)
	var exit *exec.ExitError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.As(err, &exit):
		os.Exit(exit.ExitCode()) // the command after "--" has said why
	default:
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return errors.New("what shall I do: run, token or redis? See demo run --help")
	}
	switch args[0] {
	case "run":
		return runCommand(ctx, args[1:], out)
	case "token":
		return tokenCommand(ctx, args[1:], out)
	case "redis":
		return redisCommand(ctx, args[1:], out)
	}
	return fmt.Errorf("%q is not a command: there are run, token and redis", args[0])
}
