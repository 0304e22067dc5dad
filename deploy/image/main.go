// Image assembles a gateway's container image, without a container engine, a base
// image or a network beyond the module proxy:
//
//	image build --bff bff-tv --version v0.2.0   into bin/images/bff-tv-v0.2.0.tar
//	image list FILE                             what is in it
//
// The image is made from the gateway's folder and deploy/modproxy as HEAD has them,
// and of nothing else: package oci says how. The same commit, version and Go release
// give the same bytes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/triptych-bff/triptych/deploy/image/oci"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := command(ctx, os.Args[1:], os.Stdout)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return errors.New("what shall I do: build or list?")
	}
	switch args[0] {
	case "build":
		return build(ctx, args[1:], out)
	case "list":
		if len(args) != 2 {
			return errors.New("list what: want the file of one image, such as bin/images/bff-tv-devel.tar")
		}
		return oci.List(out, args[1])
	}
	return fmt.Errorf("%q is not a command: there are build and list", args[0])
}

func build(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("image build", flag.ContinueOnError)
	bff := flags.String("bff", "", "`folder` of the gateway, for example bff-tv")
	version := flags.String("version", "devel", "`version` that the program and the image carry")
	if err := flags.Parse(args); err != nil {
		return err
	}
	source, err := oci.Open(ctx, ".", *bff)
	if err != nil {
		return err
	}
	defer source.Close()
	image, err := source.Image(ctx, *version)
	if err != nil {
		return err
	}
	file, err := image.Write(filepath.Join("bin", "images"))
	if err != nil {
		return err
	}
	fmt.Fprintln(out, file)
	return oci.List(out, file)
}
