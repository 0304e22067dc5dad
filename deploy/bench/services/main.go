// Command services is what stands behind the gateways that are measured: five
// services whose answers are made at start, so that they cost next to nothing,
// and an issuer of tokens. It says on its standard output where they are, as one
// JSON object, and ends when its standard input does.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/triptych-bff/triptych/deploy/bench/documents"
)

func main() {
	log.SetFlags(0)
	delay := flag.Duration("delay", 0, "how long each answer is held back")
	flag.Parse()
	if err := run(*delay, os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run serves until stdin ends.
func run(delay time.Duration, stdin io.Reader, stdout io.Writer) error {
	failed := make(chan error, 1)
	where := map[string]string{}
	serve := func(name string, handler fasthttp.RequestHandler) error {
		listener, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return err
		}
		where[name] = listener.Addr().String()
		server := &fasthttp.Server{Handler: handler, Name: name, NoDefaultContentType: true}
		go func() { failed <- server.Serve(listener) }()
		return nil
	}
	for _, s := range documents.Services() {
		if err := serve(s.Name, answer(s.JSON, delay)); err != nil {
			return err
		}
	}
	issuer, err := newIssuer()
	if err != nil {
		return err
	}
	if err := serve("issuer", issuer.serve); err != nil {
		return err
	}
	if err := json.NewEncoder(stdout).Encode(where); err != nil {
		return err
	}
	go func() {
		_, err := io.Copy(io.Discard, stdin)
		failed <- err
	}()
	return <-failed
}

// answer answers everything with one document.
func answer(document []byte, delay time.Duration) fasthttp.RequestHandler {
	return func(c *fasthttp.RequestCtx) {
		if delay > 0 {
			time.Sleep(delay)
		}
		c.Response.Header.SetContentType("application/json")
		if strings.HasPrefix(string(c.Path()), documents.CachedPrefix) {
			c.Response.Header.Set("Cache-Control", "public, max-age=3600")
		}
		c.Response.SetBodyRaw(document)
	}
}

func (i *issuer) serve(c *fasthttp.RequestCtx) {
	var body any
	var err error
	switch string(c.Path()) {
	case "/keys":
		body = i.keys()
	case "/key.pem":
		body, err = i.pem()
	case "/tokens":
		body, err = i.tokens(c.QueryArgs().GetUintOrZero("n"))
	default:
		err = fmt.Errorf("nothing is at %s", c.Path())
	}
	if err != nil {
		c.Error(err.Error(), fasthttp.StatusBadRequest)
		return
	}
	c.Response.Header.SetContentType("application/json")
	_ = json.NewEncoder(c).Encode(body)
}
