package page

import (
	"fmt"
	"net"
	"net/http"
	"strings"
)

// mostRequests is how many requests are answered at a time.
const mostRequests = 64

// guard lets only the person in front of the machine in, and tells the browser what
// the page does not need, so that nothing else can do it in its name.
func (p *Page) guard(next http.Handler) http.Handler {
	policy := strings.Join([]string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'",
		"img-src 'self' " + p.config.Posters, "frame-src " + p.config.Web.origin(),
		"frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'",
	}, "; ")
	same := http.NewCrossOriginProtection()
	same.SetDenyHandler(handler(func(http.ResponseWriter, *http.Request) error {
		return &problem{http.StatusForbidden, "cross-origin", "Another site's script has sent this request."}
	}))
	slots := make(chan struct{}, mostRequests)
	inner := same.Handler(handler(func(w http.ResponseWriter, r *http.Request) error {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		default:
			return &problem{http.StatusServiceUnavailable, "busy", fmt.Sprintf("%d requests are being answered; try again.", mostRequests)}
		}
		next.ServeHTTP(w, r)
		return nil
	}))
	return handler(func(w http.ResponseWriter, r *http.Request) error {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		if !loopback(r.Host) {
			return &problem{http.StatusMisdirectedRequest, "wrong-host", "The page is at " + p.config.Origin + "/ and under no other machine's name."}
		}
		inner.ServeHTTP(w, r)
		return nil
	})
}

// loopback says whether a Host header names this machine for itself. Any other name
// is one that somebody else decides about, who could have it lead here (DNS
// rebinding) and be the same origin to a browser.
func loopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	return strings.EqualFold(name, "localhost") || net.ParseIP(name).IsLoopback()
}
