// Command gateway is a gateway as a client's team would write one, with the two
// screens and the pass-through routes that are measured. Its configuration is
// config.yaml in the current folder.
package main

import (
	"fmt"
	"os"
	"runtime/pprof"

	"github.com/triptych-bff/triptych/shared/command"
	"github.com/triptych-bff/triptych/shared/gateway"
)

func main() {
	stop, err := profile(os.Getenv("CPU_PROFILE"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := command.Main(app(), os.Args[1:])
	stop()
	os.Exit(status)
}

func app() gateway.App {
	return gateway.App{
		Name:     "bff-bench",
		Files:    os.DirFS("."),
		Settings: func() gateway.Settings { return new(Config) },
	}
}

// profile writes a CPU profile of the process until it is stopped, if a file is
// named for it.
func profile(file string) (stop func(), err error) {
	if file == "" {
		return func() {}, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}, pprof.StartCPUProfile(f)
}
