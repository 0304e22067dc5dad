package edge

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/triptych-bff/triptych/shared/problem"
)

// methods is what an OPTIONS of the whole server and a refused method are told.
const methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

// hygiene refuses what is too large or has two readings, and drops what only the
// gateway may say.
func (e *edge) hygiene(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := e.inspect(r); err != nil {
			WriteError(w, r, err)
			return
		}
		if r.RequestURI == "*" { // the server as a whole (RFC 9110 §9.3.7)
			w.Header().Set("Allow", methods)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		e.managed.Drop(r.Header)
		r.Trailer = nil                   // trailers would arrive after every check
		r.URL.Scheme, r.URL.Host = "", "" // absolute form (RFC 9112 §3.2.2): net/http has made its host r.Host
		next.ServeHTTP(w, r)
	})
}

// inspect says why the request is refused. Each refusal is an early exit; the
// order is from the cheapest to the dearest.
func (e *edge) inspect(r *http.Request) error {
	if p := problem.FromContext(r.Context()); p != nil { // the listener could not make sense of it
		return p
	}
	switch {
	case r.Method == http.MethodConnect || r.Method == http.MethodTrace:
		p := problem.MethodNotAllowed.New("this method is never served")
		p.Header = http.Header{"Allow": {methods}}
		if r.Method == http.MethodConnect && r.ProtoMajor == 1 {
			p.Header["Connection"] = []string{"close"} // what follows may be meant for a tunnel
		}
		return p
	case r.RequestURI == "*" && r.Method != http.MethodOptions:
		return problem.InvalidPath.New(`only OPTIONS may ask for "*"`)
	case r.ProtoMajor > 1 && r.RequestURI != "*" && !strings.HasPrefix(r.RequestURI, "/"): // RFC 9113 §8.3.1
		return problem.InvalidPath.New("the path must begin with a slash")
	case len(r.RequestURI) > int(e.MaxURL):
		return problem.URITooLong.New(fmt.Sprintf("the URL may be %d bytes long", e.MaxURL))
	case strings.Count(r.URL.RawQuery, "&") >= e.MaxQuery:
		return problem.BadRequest.New(fmt.Sprintf("the URL may have %d query parameters", e.MaxQuery))
	case r.URL.Scheme != "" && r.URL.Scheme != "http" && r.URL.Scheme != "https":
		return problem.BadRequest.New("the URL's scheme is neither http nor https")
	case r.URL.User != nil:
		return problem.BadRequest.New("the URL must not name a user")
	case !validHost(r.Host) && (r.Host != "" || r.ProtoAtLeast(1, 1)):
		return problem.BadRequest.New("the Host header is missing or malformed")
	case len(r.TransferEncoding) > 0 && r.Header["Content-Length"] != nil:
		return problem.BadRequest.New("Content-Length and Transfer-Encoding exclude each other")
	case len(r.Header["Content-Length"]) > 1: // HTTP/2 frames its own bodies, and so does not look
		return problem.BadRequest.New("Content-Length is given twice")
	}
	return e.inspectHeaders(r.Header)
}

func (e *edge) inspectHeaders(h http.Header) error {
	lines := 0
	for name, values := range h {
		lines += len(values)
		for _, value := range values {
			if len(name)+len(value) > int(e.MaxHeader) {
				return problem.HeadersTooLarge.New(fmt.Sprintf("the header %s is longer than %d bytes", clip(name), e.MaxHeader))
			}
		}
	}
	if lines > e.MaxHeaders {
		return problem.HeadersTooLarge.New(fmt.Sprintf("a request may have %d header lines", e.MaxHeaders))
	}
	return nil
}

// validHost takes host and optional port (RFC 9110 §7.2), and only what DNS or an
// address can be: what a Host header may hold beyond that has no use but deceit.
func validHost(s string) bool {
	host := s
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		if port := s[i+1:]; len(port) > 5 || strings.Trim(port, "0123456789") != "" {
			return false
		}
		host = s[:i]
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, closed := strings.CutSuffix(inner, "]")
		a, err := netip.ParseAddr(inner)
		return closed && err == nil && a.Is6() && a.Zone() == ""
	}
	return host != "" && len(host) <= 255 && host[0] != '.' && !strings.Contains(host, "..") && dnsBytes(host)
}

func dnsBytes(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_':
		default:
			return false
		}
	}
	return true
}
