package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"
)

// ready is how long a peer may take until it answers.
const ready = 20 * time.Second

// check waits until the gateway answers, and makes sure that it does its work:
// the answer is what it should be, and who has no good token is refused. It
// returns the length of the body as it comes over the wire.
func (g *gateway) check(s *scenario) (length int, err error) {
	token := ""
	if len(g.tokens) > 0 {
		token = g.tokens[0]
	}
	ctx, cancel := context.WithTimeout(context.Background(), ready)
	defer cancel()
	for {
		length, err = g.good(ctx, s, token)
		if err == nil {
			break
		}
		select {
		case <-g.done:
			return 0, fmt.Errorf("it has ended: %s", g.said())
		case <-ctx.Done():
			return 0, fmt.Errorf("%w; it said: %s", err, g.said())
		case <-time.After(50 * time.Millisecond):
		}
	}
	if !s.must {
		return length, nil
	}
	for name, bad := range map[string]string{"no token": "", "a forged token": forge(token)} {
		status, _, _, err := g.get(ctx, s, bad)
		if err != nil {
			return 0, fmt.Errorf("with %s: %w", name, err)
		}
		if status != http.StatusUnauthorized && status != http.StatusForbidden {
			return 0, fmt.Errorf("with %s it answers %d", name, status)
		}
	}
	return length, nil
}

// forge changes a token's signature in its middle, where every bit counts.
func forge(token string) string {
	dot := strings.LastIndexByte(token, '.')
	at := (dot + len(token)) / 2
	other := "A"
	if token[at] == 'A' {
		other = "B"
	}
	return token[:at] + other + token[at+1:]
}

// good is the length of an answer that is what it should be.
func (g *gateway) good(ctx context.Context, s *scenario, token string) (length int, err error) {
	status, header, body, err := g.get(ctx, s, token)
	if err != nil {
		return 0, err
	}
	if status != http.StatusOK {
		return 0, fmt.Errorf("status %d: %s", status, body[:min(len(body), 300)])
	}
	length = len(body)
	if header.Get("Content-Encoding") == "gzip" {
		unzip, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return 0, err
		}
		if body, err = io.ReadAll(unzip); err != nil {
			return 0, err
		}
	}
	var got any
	if err := json.Unmarshal(body, &got); err != nil {
		return 0, err
	}
	complete(got)
	if where := differs(got, s.want()); where != "" {
		return 0, fmt.Errorf("the answer is not what it should be: %s", where)
	}
	return length, nil
}

// complete takes away what our gateways, and no others, add to a screen, if that
// says that nothing is missing.
func complete(answer any) {
	if object, ok := answer.(map[string]any); ok && reflect.DeepEqual(object["_meta"], map[string]any{"completeness": "full"}) {
		delete(object, "_meta")
	}
}

// differs names a member in which two decoded JSON objects differ, or is empty.
func differs(got, want any) string {
	if reflect.DeepEqual(got, want) {
		return ""
	}
	g, _ := got.(map[string]any)
	w, _ := want.(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(g)) {
		if !reflect.DeepEqual(g[name], w[name]) {
			return fmt.Sprintf("%s is %.100q", name, fmt.Sprint(g[name]))
		}
	}
	return "something is missing"
}

// get asks once, on a connection of its own, as the load does.
func (g *gateway) get(ctx context.Context, s *scenario, token string) (int, http.Header, []byte, error) {
	scheme := "http"
	if s.tls {
		scheme = "https"
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+g.listen+s.path, http.NoBody)
	if err != nil {
		return 0, nil, nil, err
	}
	if s.gzip {
		r.Header.Set("Accept-Encoding", "gzip")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true, TLSClientConfig: trusting(), ForceAttemptHTTP2: s.http2}
	response, err := transport.RoundTrip(r)
	if err != nil {
		return 0, nil, nil, err
	}
	defer response.Body.Close()
	if s.http2 && response.ProtoMajor != 2 {
		return 0, nil, nil, errors.New("it does not speak HTTP/2")
	}
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header, body, err
}

// trusting takes our own certificate as it is, on 127.0.0.1, over TLS 1.3 only.
func trusting() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}
}
