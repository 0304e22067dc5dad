package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// tokenCommand prints an access token, alone, so that it fits into $(…).
func tokenCommand(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("demo token", flag.ContinueOnError)
	provider := flags.String("provider", "http://127.0.0.1:7000", "`address` of the provider")
	form := url.Values{}
	for name, usage := range map[string]string{
		"client": "which application asks: mobile, web or tv",
		"as":     "who is signed in: ada, ben or cleo",
		"ttl":    "how long the token is good, for example 10m; the provider's default if empty",
		"scope":  "space-separated scopes; all if empty",
	} {
		flags.Func(name, usage, func(value string) error {
			form.Set(name, value)
			return nil
		})
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	token, err := mint(ctx, strings.TrimSuffix(*provider, "/")+"/dev/token", form)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, token)
	return err
}

func mint(ctx context.Context, address string, form url.Values) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("token: nobody answers at %s: is the demo running (make run)? %w", address, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	answer := strings.TrimSpace(string(body))
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("token: %s", answer)
	}
	return answer, nil
}
