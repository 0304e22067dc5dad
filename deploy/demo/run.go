package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"
)

// runCommand starts the table, shows it, and stops it when ctx ends, when a process
// dies, or when the command after "--" is done.
func runCommand(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("demo run", flag.ContinueOnError)
	servicesOnly := flags.Bool("services-only", false, "leave the three gateways out")
	bin := flags.String("bin", "bin", "`folder` of the programs")
	logs := flags.String("logs", "bin/logs", "`folder` for one log file a process")
	if err := flags.Parse(args); err != nil {
		return err
	}
	stages := [][]process{located(behind(), *bin), located(gateways(), *bin)}
	if *servicesOnly {
		stages = stages[:1]
	}
	r := runner{logs: *logs, readyWithin: 60 * time.Second, grace: 10 * time.Second}
	return r.run(ctx, stages, func(ctx context.Context) error {
		if flags.NArg() > 0 {
			return foreground(ctx, flags.Args(), out)
		}
		describe(out, stages, *logs)
		<-ctx.Done()
		fmt.Fprintln(out, "\nStopping.")
		return nil
	})
}

// foreground runs one command to its end.
func foreground(ctx context.Context, args []string, out io.Writer) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	return cmd.Run()
}

// check finds out before anything starts what would fail: all of it at once.
func check(stages [][]process) error {
	var missing, taken []string
	seen := map[string]bool{}
	for _, stage := range stages {
		for _, p := range stage {
			if _, err := os.Stat(p.bin); err != nil && !seen[p.bin] {
				seen[p.bin] = true
				missing = append(missing, p.bin)
			}
			for _, address := range p.ports {
				if !free(address) {
					taken = append(taken, fmt.Sprintf("%s, which %s wants", address, p.name))
				}
			}
		}
	}
	var faults []error
	if len(missing) > 0 {
		faults = append(faults, fmt.Errorf("programs are missing (make build): %s", strings.Join(missing, ", ")))
	}
	if len(taken) > 0 {
		faults = append(faults, fmt.Errorf("addresses are taken, perhaps by another make run:\n  %s", strings.Join(taken, "\n  ")))
	}
	return errors.Join(faults...)
}

func free(address string) bool {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	return l.Close() == nil
}
