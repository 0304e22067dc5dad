package proxy

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/triptych-bff/triptych/shared/internal/managed"
)

// hopByHop are the headers of one connection (RFC 9110 §7.6.1), whether or not
// its Connection header names them.
var hopByHop = set(
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization",
	"Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Http2-Settings",
)

// ownedByUs are further headers of a client that end here: secrets that it
// shares with the gateway, and what the gateway answers for or says itself.
var ownedByUs = set(
	"Cookie", "Cookie2", "X-Api-Key", "Dpop", "Expect", "Traceparent", "Tracestate",
)

// kept are headers of a service that end here.
var kept = set(
	"Set-Cookie", "Set-Cookie2",
	"Server", "Via", "X-Powered-By", "X-Aspnet-Version", "X-Aspnetmvc-Version", "X-Runtime",
	// One service does not speak for the whole origin.
	"Alt-Svc", "Clear-Site-Data", "Strict-Transport-Security", "Nel", "Report-To",
)

// managedNames are set by the gateway alone, towards both sides.
var managedNames = managed.New()

func set(names ...string) map[string]bool {
	s := make(map[string]bool, len(names))
	for _, name := range names {
		s[http.CanonicalHeaderKey(name)] = true
	}
	return s
}

// plain names read the same everywhere.
func plain(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-':
		default:
			return false
		}
	}
	return name != ""
}

// shown tells whether a header of the service reaches the client.
func shown(name string) bool {
	return name != "" && !hopByHop[name] && !kept[name] && !managedNames.Has(name)
}

// screen leaves of the service's headers what the client may see.
func screen(h http.Header) {
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			h.Del(textproto.TrimString(name))
		}
	}
	for name := range h {
		if !shown(name) {
			delete(h, name)
		}
	}
}

// merge puts the service's headers beside those that the gateway has set.
func merge(gateway, service http.Header) {
	for name, values := range service {
		if _, set := gateway[name]; !set {
			gateway[name] = values
		} else if name == "Vary" {
			gateway[name] = slices.Concat(gateway[name], values)
		}
	}
}

// asksForWebSocket is a request that may become a tunnel (RFC 6455 §4.1).
func asksForWebSocket(r *http.Request) bool {
	upgrade := r.Header["Upgrade"]
	return r.Method == http.MethodGet && r.ProtoMajor == 1 && r.ProtoMinor == 1 &&
		len(upgrade) == 1 && strings.EqualFold(upgrade[0], "websocket") &&
		httpguts.HeaderValuesContainsToken(r.Header["Connection"], "Upgrade")
}
