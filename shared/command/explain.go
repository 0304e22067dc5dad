package command

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/triptych-bff/triptych/shared/gateway"
	"github.com/triptych-bff/triptych/shared/problem"
)

// request is what the command line says of a request beside its method and target.
type request struct {
	claims string
	header []string
	body   string
}

func explain(app gateway.App, src *gateway.Source) *cobra.Command {
	r := new(request)
	c := &cobra.Command{
		Use:   "explain [ROUTE | REQUEST]",
		Short: "Show what a screen calls, or would for one request",
		Long: `Without an argument, explain lists the screens. With the route of one, such as
"GET /v1/orders/{id}", it shows what is called, after what, and what becomes of the
answers. With a request, such as "GET /v1/orders/7?fields=id", or a route and one
of the flags, it shows what that would call. Nobody is called.`,
		Args: atMostOne,
		RunE: func(c *cobra.Command, args []string) error {
			screens, err := gateway.Screens(app, *src)
			if err == nil && len(args) == 0 {
				_, err = fmt.Fprintln(c.OutOrStdout(), strings.Join(screens, "\n"))
				return err
			}
			if err != nil {
				return err
			}
			q, err := r.question(args[0], screens)
			if err != nil {
				return asked(err)
			}
			e, err := gateway.Explain(app, *src, q)
			if err != nil {
				return asked(err)
			}
			_, err = fmt.Fprint(c.OutOrStdout(), e)
			return err
		},
	}
	c.Flags().StringVar(&r.claims, "claims", "", `claims of the request's caller, such as {"sub":"ada"}`)
	c.Flags().StringArrayVar(&r.header, "header", nil, "line of the request's head, such as Accept-Language:de (repeatable)")
	c.Flags().StringVar(&r.body, "body", "", "JSON body of the request")
	return c
}

func atMostOne(c *cobra.Command, args []string) error {
	if err := cobra.MaximumNArgs(1)(c, args); err != nil {
		return &usageError{err}
	}
	return nil
}

// question is about a screen where its route is given and nothing of a request.
func (r *request) question(argument string, screens []string) (q gateway.Question, err error) {
	if slices.Contains(screens, argument) && r.claims == "" && len(r.header) == 0 && r.body == "" {
		return gateway.Question{Route: argument}, nil
	}
	q = gateway.Question{Request: argument, Claims: r.claims}
	if r.body != "" {
		q.Body = []byte(r.body)
	}
	q.Header, err = gateway.ParseHeader(r.header)
	return q, err
}

// asked is the error of a question that cannot be answered.
func asked(err error) error {
	var p *problem.Problem
	if !errors.As(err, &p) {
		return err
	}
	text := p.Detail
	for _, f := range p.Fields {
		text += " " + f.Pointer + " " + f.Detail
	}
	return &usageError{errors.New(text)}
}
