package routing

import (
	"fmt"
	"strings"
)

// A host is what a route says about the request's host. The zero value is any.
type host struct {
	name   string // lower case; for a suffix it begins with "."
	suffix bool
}

func parseHost(text string) (host, error) {
	if text == "" {
		return host{}, nil
	}
	name := strings.ToLower(strings.TrimSuffix(text, "."))
	h := host{name: name}
	if rest, ok := strings.CutPrefix(name, "*."); ok {
		h = host{name: "." + rest, suffix: true}
		name = rest
	}
	if CanonicalHost(name) != name { // a port, which never counts
		return host{}, fmt.Errorf("host %q has a port; routes match hosts on every port", text)
	}
	literal := strings.HasPrefix(name, "[") && strings.HasSuffix(name, "]") // an IPv6 address
	if name == "" || name[0] == '.' || strings.Contains(name, "..") || !literal && strings.Trim(name, hostBytes) != "" {
		return host{}, fmt.Errorf(`host %q is neither a name such as "api.example.com" nor "*.example.com"`, text)
	}
	return h, nil
}

const hostBytes = "abcdefghijklmnopqrstuvwxyz0123456789-_."

// matches takes a canonical host.
func (h host) matches(name string) bool {
	switch {
	case h.name == "":
		return true
	case h.suffix:
		return len(name) > len(h.name) && strings.HasSuffix(name, h.name)
	}
	return name == h.name
}

// compare orders hosts by precedence: exact, longest suffix, any.
func (h host) compare(other host) int {
	if a, b := h.rank(), other.rank(); a != b {
		return a - b
	}
	if a, b := len(h.name), len(other.name); a != b {
		return b - a
	}
	return strings.Compare(h.name, other.name)
}

func (h host) rank() int {
	switch {
	case h.name == "":
		return 2
	case h.suffix:
		return 1
	}
	return 0
}

// CanonicalHost is the name of a Host header's value: without port and without
// the root's dot, in lower case. "Api.Example.com.:8080" is "api.example.com",
// "[::1]:8080" is "[::1]". A name that is canonical already costs no allocation.
func CanonicalHost(value string) string {
	if i := strings.LastIndexByte(value, ':'); i >= 0 && strings.Trim(value[i+1:], "0123456789") == "" {
		value = value[:i]
	}
	return strings.ToLower(strings.TrimSuffix(value, "."))
}
