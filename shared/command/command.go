// Package command is the command line that every gateway's binary has:
//
//	bff-x run        serve until interrupted
//	bff-x check      check a configuration, and show what it would serve
//	bff-x explain    show what a screen calls, or would for one request
//	bff-x reference  print the reference of all configuration keys
//	bff-x version    what this is, and which shared module it was built with
//
// Exit statuses: 0 for success, 1 when something failed, 2 when the command
// line or the configuration is at fault.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/gateway"
)

// The exit statuses.
const (
	exitFailed = 1
	exitFault  = 2 // of the command line or the configuration
)

// Main runs the command line of app and returns the exit status of the process.
func Main(app gateway.App, args []string) int {
	return run(app, args, os.Environ(), os.Stdout, os.Stderr)
}

func run(app gateway.App, args, environ []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	c := root(app, environ)
	c.SetArgs(args)
	c.SetOut(stdout)
	c.SetErr(stderr)
	return status(c.ExecuteContext(ctx), stderr)
}

// status prints an error as it is best read, and is the exit status for it.
func status(err error, stderr io.Writer) int {
	var faults config.Faults
	var usage *usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &faults):
		for _, f := range faults {
			fmt.Fprintln(stderr, f)
		}
		fmt.Fprintf(stderr, "%s; nothing was started\n", count(len(faults), "fault"))
		return exitFault
	case errors.As(err, &usage):
		fmt.Fprintln(stderr, err)
		return exitFault
	default:
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
}

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func root(app gateway.App, environ []string) *cobra.Command {
	src := gateway.Source{Environ: environ}
	c := &cobra.Command{
		Use:           app.Name,
		Short:         app.Name + " is a backend-for-frontend gateway",
		SilenceErrors: true, SilenceUsage: true,
		Args:              known,
		RunE:              func(c *cobra.Command, _ []string) error { return c.Help() },
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},

		SuggestionsMinimumDistance: 2, // at most, in letters
	}
	flags := c.PersistentFlags()
	flags.StringVarP(&src.File, "config", "c", "", "configuration file; without it, the built-in one is used")
	flags.StringArrayVar(&src.Set, "set", nil, "set a single key, such as server.listen=127.0.0.1:8080 (repeatable)")
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	c.AddCommand(serve(app, &src), check(app, &src), explain(app, &src), reference(app), version(app))
	return c
}

// known refuses a subcommand that does not exist.
func known(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("%s has no command %q", c.Name(), args[0])
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		text += fmt.Sprintf("; did you mean %q?", near[0])
	}
	return &usageError{errors.New(text)}
}

// noArgs refuses what a subcommand does not take.
func noArgs(c *cobra.Command, args []string) error {
	if err := cobra.NoArgs(c, args); err != nil {
		return &usageError{err}
	}
	return nil
}

func serve(app gateway.App, src *gateway.Source) *cobra.Command {
	return &cobra.Command{
		Use: "run", Short: "Serve until interrupted", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			g, err := gateway.New(app, *src, c.ErrOrStderr())
			if err != nil {
				return err
			}
			return g.Run(c.Context())
		},
	}
}

func check(app gateway.App, src *gateway.Source) *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Check a configuration, and show what it would serve", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			report, err := gateway.Check(app, *src)
			if err != nil {
				return err
			}
			return printReport(c.OutOrStdout(), report)
		},
	}
}

func printReport(w io.Writer, report *gateway.Report) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "METHODS\tPATH\tPOLICY\tTO")
	for _, r := range report.Routes {
		methods := "any"
		if len(r.Methods) > 0 {
			methods = strings.Join(r.Methods, ",")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", methods, r.Pattern, r.Policy, r.Target)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, note := range report.Notes {
		fmt.Fprintln(w, "note:", note)
	}
	for _, warning := range report.Warnings {
		fmt.Fprintln(w, "warning:", warning)
	}
	_, err := fmt.Fprintln(w, "no faults;", count(len(report.Routes), "route"))
	return err
}

func reference(app gateway.App) *cobra.Command {
	return &cobra.Command{
		Use: "reference", Short: "Print the reference of all configuration keys, as Markdown", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(c.OutOrStdout(), config.Markdown(config.Reference(app.Settings())))
			return err
		},
	}
}

func version(app gateway.App) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Say what this is, and which shared module it was built with", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			b := app.Build()
			_, err := fmt.Fprintf(c.OutOrStdout(), "%s %s (shared %s, commit %s, %s)\n",
				b.Program, b.Version, b.Shared, b.Commit, runtime.Version())
			return err
		},
	}
}

func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
