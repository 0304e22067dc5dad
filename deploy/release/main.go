// Release publishes versions of the module shared into deploy/modproxy, a module
// proxy made of files; moves the gateways from one version to another; and releases
// the gateways, each when its team wants.
//
//	release shared --version v0.2.0                 publish HEAD's shared
//	release upgrade --bff bff-tv --version v0.2.0   pin one gateway to it
//	release bff --bff bff-tv --version v0.5.0       release a gateway under its own version
//	release verify                                  is everything published still what it says?
//
// A version of shared is the module zip of one commit's shared/, and beside it the id
// of that tree in git: so it can be rebuilt and compared, whatever happens to branches
// and tags. A version is never changed; a mistake is retracted in go.mod and released
// anew.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := command(ctx, os.Args[1:], os.Stdout)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return errors.New("what shall I do: shared, upgrade, bff or verify?")
	}
	flags := flag.NewFlagSet("release "+args[0], flag.ContinueOnError)
	version := flags.String("version", "", "`version` of shared, or of the gateway that is released, for example v0.2.0")
	bff := flags.String("bff", "", "`folder` of the gateway to upgrade or release, for example bff-tv")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	r, err := open(ctx, ".", out)
	if err != nil {
		return err
	}
	switch args[0] {
	case "shared":
		return r.release(ctx, *version)
	case "upgrade":
		return r.upgrade(ctx, *bff, *version)
	case "bff":
		return r.ship(ctx, *bff, *version)
	case "verify":
		return r.verify(ctx, os.Getenv("REQUIRE_ALL") == "1")
	}
	return fmt.Errorf("%q is not a command: there are shared, upgrade, bff and verify", args[0])
}
