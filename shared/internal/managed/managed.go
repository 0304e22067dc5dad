// Package managed knows the headers by which proxies and gateways tell services
// who is calling, from where, or what is really meant. No client may send them,
// and no service may answer with them: only the gateway itself sets them.
package managed

import (
	"net/http"
	"strings"
)

// builtIn are their names. A star stands for any rest.
var builtIn = []string{
	// Where from. X-Forwarded-For of a trusted proxy has been read before.
	"forwarded", "forwarded-for", "x-forwarded", "x-forwarded-*", "x-original-*", "x-envoy-*",
	"x-real-*", "x-client-ip", "client-ip", "x-cluster-*", "x-originating-*", "x-remote-*",
	"true-client-ip", "cf-connecting-*", "fastly-client-ip",
	// Who.
	"x-user", "x-user-*", "x-internal-*", "x-authenticated-*", "x-auth-request-*", "x-consumer-*",
	"x-credential-*", "x-identity-*", "x-subject", "x-subject-*", "remote-user", "txn-token",
	"x-client-cert", "x-client-cert-*", "x-ssl-*", "ssl-client-*", "client-cert", "client-cert-chain", // RFC 9440
	// What is meant: another method, another URL, another proxy.
	"x-http-method", "x-http-method-override", "x-method-override", "x-rewrite-*", "proxy",
	// The gateway sends its own.
	"x-request-id",
}

// Names are a set of header names. Servers behind CGI-like interfaces cannot tell
// "-", "_" and "." apart, so neither does the set.
type Names struct {
	exact    map[string]bool
	prefixes []string
	first    [256]bool // bytes that some name begins with: most headers are told apart by it
}

// maxName is longer than any managed name: a longer one can only match by prefix.
const maxName = 64

// New is the set of the built-in names and of more; a star stands for any rest.
func New(more ...string) *Names {
	n := &Names{exact: map[string]bool{}}
	for _, list := range [][]string{builtIn, more} {
		for _, name := range list {
			prefix, isPrefix := strings.CutSuffix(name, "*")
			folded := string(fold(make([]byte, 0, len(name)), prefix))
			if isPrefix {
				n.prefixes = append(n.prefixes, folded)
			} else {
				n.exact[folded] = true
			}
			n.first[folded[0]] = true
		}
	}
	return n
}

// Drop removes the headers with these names, however they are spelt.
func (n *Names) Drop(h http.Header) {
	for name := range h {
		if n.Has(name) {
			delete(h, name)
		}
	}
}

// Has reports whether the name is in the set, however it is spelt.
func (n *Names) Has(name string) bool {
	if name == "" || !n.first[foldByte(name[0])] {
		return false
	}
	var room [maxName]byte
	folded := fold(room[:0], name[:min(len(name), maxName)])
	if len(name) <= maxName && n.exact[string(folded)] {
		return true
	}
	for _, p := range n.prefixes {
		if len(folded) >= len(p) && string(folded[:len(p)]) == p {
			return true
		}
	}
	return false
}

func fold(dst []byte, name string) []byte {
	for i := range len(name) {
		dst = append(dst, foldByte(name[i]))
	}
	return dst
}

func foldByte(c byte) byte {
	switch {
	case 'A' <= c && c <= 'Z':
		return c + 'a' - 'A'
	case c == '_', c == '.':
		return '-'
	}
	return c
}
