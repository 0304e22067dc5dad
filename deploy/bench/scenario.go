package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/triptych-bff/triptych/deploy/bench/documents"
)

// A scenario is one kind of work.
type scenario struct {
	name  string
	title string // of its table
	path  string // what clients ask for
	// tokens is how many different access tokens the clients show in turn; with
	// none, nobody is asked who is calling.
	tokens int
	must   bool // refuse those without a good token
	apart  bool // every request under way is for a visit of its own, so that no two calls of services are the same
	gzip   bool // clients accept it
	tls    bool
	http2  bool // over TLS
	want   func() any
}

func (s *scenario) named() string { return s.name }

// scenarios are all of them, in the order of the tables.
func scenarios() []*scenario {
	document := func() any { return documents.Decode(documents.Services()[0].JSON) }
	rich := func() any { return documents.Answer(documents.Rich()) }
	small := func() any { return documents.Answer(documents.Small()) }
	return []*scenario{
		{name: "pass", title: "Pass-through of a JSON of 1.5 KB", path: "/users/u1", want: document},
		{name: "identity", title: "The same for the holder of a token (RS256), within a rate limit; one user", path: "/users/u1", tokens: 1, must: true, want: document},
		{name: "identity-many", title: "The same for 2,000 users in turn", path: "/users/u1", tokens: 2000, must: true, want: document},
		{name: "rich", apart: true, title: "Five services in one answer: 69 KB in, 66 KB out", path: "/rich", tokens: 1, want: rich},
		{name: "small", apart: true, title: "Five services in one small answer: 69 KB in, 9 KB out", path: "/small", tokens: 1, want: small},
		{name: "small-gzip", apart: true, title: "The same, compressed by those who can", path: "/small", tokens: 1, gzip: true, want: small},
		{name: "cached", title: "Five services in one answer of 66 KB, when theirs may be cached", path: "/cached/rich", tokens: 1, want: rich},
		{name: "tls", title: "Pass-through of 1.5 KB over TLS 1.3, connections kept", path: "/users/u1", tls: true, want: document},
		{name: "http2", title: "Pass-through of 1.5 KB over HTTP/2 and TLS 1.3", path: "/users/u1", tls: true, http2: true, want: document},
	}
}

// requests are the heads that clients send in turn, for the same peer.
func (s *scenario) requests(listen string, tokens []string) [][]byte {
	var common strings.Builder
	fmt.Fprintf(&common, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAccept: application/json\r\n", s.path, listen)
	if s.gzip {
		common.WriteString("Accept-Encoding: gzip\r\n")
	}
	visits := 1
	if s.apart {
		visits = mostVisits
	}
	all := make([][]byte, 0, visits*max(len(tokens), 1))
	for i := range cap(all) {
		head := common.String()
		if len(tokens) > 0 {
			head += "Authorization: Bearer " + tokens[i%len(tokens)] + "\r\n"
		}
		if s.apart {
			head += "X-Visit: " + strconv.Itoa(1000+i) + "\r\n"
		}
		all = append(all, []byte(head+"\r\n"))
	}
	return all
}

// mostVisits is far more than there are connections.
const mostVisits = 1024
