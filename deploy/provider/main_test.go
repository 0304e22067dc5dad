package main

import (
	"bufio"
	"context"
	"io"
	"net"
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

// TestRunForOthers: as in a container, where the port is published elsewhere and the
// services beside it have a name for it.
func TestRunForOthers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"--listen", ":" + port, "--allow-remote", "--issuer", "http://127.0.0.1:7000/", "--host", "provider:7000"}, writer)
	}()
	issuer, err := bufio.NewReader(reader).ReadString('\n')
	if err != nil || issuer != "http://127.0.0.1:7000/\n" {
		t.Fatalf("it is %q, %v", issuer, err)
	}
	for host, status := range map[string]int{"127.0.0.1:7000": 200, "provider:7000": 200, address: 421, "rebound.example:7000": 421} {
		req, err := http.NewRequest(http.MethodGet, "http://"+address+"/.well-known/openid-configuration", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != status || status == 200 && !strings.Contains(string(body), `"issuer":"http://127.0.0.1:7000/"`) {
			t.Errorf("asked as %s: %s: %s", host, resp.Status, body)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("run ends with %v", err)
	}
}

func TestOthersNeedAnIssuer(t *testing.T) {
	if err := run(t.Context(), []string{"--listen", ":0", "--allow-remote"}, io.Discard); err == nil || !strings.Contains(err.Error(), "--issuer") {
		t.Errorf("%v, want a refusal that names --issuer", err)
	}
}
