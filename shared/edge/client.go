package edge

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/triptych-bff/triptych/shared/telemetry"
)

// client finds out the address of whoever sent the request.
func (e *edge) client(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		telemetry.FromContext(r.Context()).Client = e.address(peer(r), r.Header["X-Forwarded-For"])
		next.ServeHTTP(w, r)
	})
}

// peer is the other end of the connection, invalid where there is none.
func peer(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return plain(ap.Addr())
}

// plain makes one spelling of an address: IPv4 in IPv6 form is IPv4, and a zone
// says nothing to anybody else.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

func (e *edge) trusts(a netip.Addr) bool {
	for _, p := range e.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// address is the right-most address that is not a trusted proxy's: each proxy
// appends whom it heard, so everything to the left of the first stranger is what
// the stranger says. Where an entry cannot be read, the client is the proxy that
// passed it on.
func (e *edge) address(peer netip.Addr, forwarded []string) netip.Addr {
	client := peer
	for i := len(forwarded) - 1; i >= 0; i-- {
		for list := forwarded[i]; list != ""; {
			if !e.trusts(client) {
				return client
			}
			entry := list
			if comma := strings.LastIndexByte(list, ','); comma >= 0 {
				list, entry = list[:comma], list[comma+1:]
			} else {
				list = ""
			}
			before, ok := parseHop(strings.Trim(entry, " \t"))
			if !ok {
				return client
			}
			client = before
		}
	}
	return client
}

// parseHop reads an address, with or without port and brackets.
func parseHop(s string) (netip.Addr, bool) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return plain(ap.Addr()), true
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		s = strings.TrimSuffix(inner, "]")
	}
	a, err := netip.ParseAddr(s)
	return plain(a), err == nil
}
