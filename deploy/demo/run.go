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

// options are what the command line of demo run says.
type options struct {
	servicesOnly, page bool
	shift              shift
	bin, source, logs  string
	command            []string // after "--"
}

func parseRun(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("demo run", flag.ContinueOnError)
	flags.BoolVar(&o.servicesOnly, "services-only", false, "leave the three gateways out, and the page")
	flags.BoolVar(&o.page, "page", true, "serve the page that shows the three clients")
	number := flags.Int("shift", 0, "add this `number` to every port, so that this demo runs beside another")
	flags.StringVar(&o.bin, "bin", "bin", "`folder` of the programs")
	flags.StringVar(&o.source, "source", ".", "`folder` with the gateways' own, whose configurations --shift copies")
	flags.StringVar(&o.logs, "logs", "", "`folder` for one log file a process; bin/logs if empty, bin/logs-N with --shift N")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.shift = shift(*number)
	if o.shift < 0 || o.shift > highest {
		return o, fmt.Errorf("--shift %d: want a number from 0 to %d", o.shift, highest)
	}
	o.page = o.page && !o.servicesOnly
	switch {
	case o.logs == "" && o.shift == 0:
		o.logs = "bin/logs"
	case o.logs == "":
		o.logs = fmt.Sprintf("bin/logs-%d", o.shift)
	}
	o.command = flags.Args()
	return o, nil
}

// runCommand starts the table, shows it, and stops it when ctx ends, when a process
// dies, or when the command after "--" is done.
func runCommand(ctx context.Context, args []string, out io.Writer) error {
	o, err := parseRun(args)
	if err != nil {
		return err
	}
	stages, err := o.stages()
	if err != nil {
		return err
	}
	r := &runner{logs: o.logs, readyWithin: 60 * time.Second, grace: 10 * time.Second}
	work := func(ctx context.Context) error {
		if len(o.command) > 0 {
			return foreground(ctx, o.command, out)
		}
		describe(out, o.shift, stages, o.logs)
		<-ctx.Done()
		fmt.Fprintln(out, "\nStopping.")
		return nil
	}
	return r.run(ctx, stages, func(ctx context.Context) error {
		if !o.page {
			return work(ctx)
		}
		return withPage(ctx, o, r, work)
	})
}

// stages is what is to run, in this order.
func (o options) stages() ([][]process, error) {
	var stages [][]process
	if o.page {
		stages = append(stages, []process{o.shift.page()})
	}
	stages = append(stages, located(behind(o.shift), o.bin))
	if o.servicesOnly {
		return stages, nil
	}
	if o.shift != 0 {
		if err := o.shift.configure(o.source, o.logs); err != nil {
			return nil, err
		}
	}
	return append(stages, located(gateways(o.shift, o.logs), o.bin)), nil
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
	seen := map[string]bool{"": true}
	for _, stage := range stages {
		for _, p := range stage {
			if !seen[p.bin] {
				seen[p.bin] = true
				if _, err := os.Stat(p.bin); err != nil {
					missing = append(missing, p.bin)
				}
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
