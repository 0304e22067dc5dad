package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestListensOnLoopbackOnly(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "example.com:0", "localhost:0", "7000"} {
		err := run(t.Context(), []string{"--listen", address}, io.Discard)
		if err == nil || !strings.Contains(err.Error(), "--listen") {
			t.Errorf("%q: %v, want a refusal that names --listen", address, err)
		}
	}
}

func TestRun(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"--listen", "127.0.0.1:0"}, writer) }()
	issuer, err := bufio.NewReader(reader).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(strings.TrimSpace(issuer) + "keys")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("/keys: %s", resp.Status)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("run ends with %v", err)
	}
}
