package proxy

import (
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/triptych-bff/triptych/shared/http1"
	"github.com/triptych-bff/triptych/shared/internal/managed"
	"github.com/triptych-bff/triptych/shared/telemetry"
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
	"Cookie", "Cookie2", "X-Api-Key", "Dpop", "Expect", "Host", "Content-Length", "Traceparent", "Tracestate",
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

// common are what most requests and answers have, so that it need be judged and
// spelt only once.
var common = set(
	"Accept", "Accept-Encoding", "Accept-Language", "Accept-Ranges", "Access-Control-Allow-Origin", "Age", "Allow",
	"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Length",
	"Content-Location", "Content-Range", "Content-Security-Policy", "Content-Type", "Date", "Etag", "Expires",
	"If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "Last-Modified", "Link", "Location", "Origin",
	"Pragma", "Range", "Referer", "Referrer-Policy", "Retry-After", "User-Agent", "Vary", "Www-Authenticate",
	"X-Content-Type-Options", "X-Frame-Options",
)

func set(names ...string) map[string]bool {
	s := make(map[string]bool, len(names))
	for _, name := range names {
		s[http.CanonicalHeaderKey(name)] = true
	}
	return s
}

// A known header has been judged.
type known struct {
	name   string // in its canonical spelling
	passes bool
}

var (
	fromClient  = judge(reachesService, common, hopByHop, ownedByUs)
	fromService = judge(reachesClient, common, hopByHop, kept)
)

// judge has the verdict on names, also for their spelling in lower case.
func judge(passes func(name string) bool, names ...map[string]bool) map[string]known {
	all := make(map[string]known)
	for _, group := range names {
		for name := range group {
			k := known{name, passes(name)}
			all[name], all[strings.ToLower(name)] = k, k
		}
	}
	return all
}

// look is the verdict on any name, as it was sent.
func look(name string, all map[string]known, passes func(name string) bool) known {
	if k, ok := all[name]; ok {
		return k
	}
	name = http.CanonicalHeaderKey(name)
	return known{name, passes(name)}
}

// reachesService tells whether a client's header passes, but for the token, whose
// case is the configuration's.
func reachesService(name string) bool {
	return plain(name) && !hopByHop[name] && !ownedByUs[name] && !managedNames.Has(name)
}

// reachesClient tells whether a service's header passes.
func reachesClient(name string) bool {
	return name != "" && !hopByHop[name] && !kept[name] && !managedNames.Has(name)
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

// An options is what Connection headers name: further headers of the connection.
type options map[string]bool

// add takes a header's value. Most name nothing that is not dropped anyway, and
// then there is nothing to remember.
func (o *options) add(value string) {
	for name := range strings.SplitSeq(value, ",") {
		name = http.CanonicalHeaderKey(strings.Trim(name, " \t"))
		if name == "" || name == "Close" || hopByHop[name] {
			continue
		}
		if *o == nil {
			*o = make(options)
		}
		(*o)[name] = true
	}
}

// header is the request's header as the service sees it. What the client's
// Connection header names is taken out of the client's, so that nothing that is
// set here can be named by it. [upstream.Service.Open] adds the trace and the
// service's own headers.
func (p *proxy) header(r *http.Request) http1.Fields {
	var named options
	for _, value := range r.Header["Connection"] {
		named.add(value)
	}
	h := make(http1.Fields, 0, len(r.Header)+8)
	for name, values := range r.Header {
		if named[name] || !p.forwards(name) {
			continue
		}
		for _, value := range values {
			h = append(h, http1.Field{Name: name, Value: value})
		}
	}
	return introduce(h, r)
}

func (p *proxy) forwards(name string) bool {
	if name == "Authorization" {
		return p.config.ForwardToken
	}
	return look(name, fromClient, reachesService).passes
}

// introduce tells the service for whom and from where the request comes.
func introduce(h http1.Fields, r *http.Request) http1.Fields {
	x := telemetry.FromContext(r.Context())
	if x.Client.IsValid() {
		h = append(h, http1.Field{Name: "X-Forwarded-For", Value: x.Client.String()})
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	h = append(h, http1.Field{Name: "X-Forwarded-Proto", Value: scheme}, http1.Field{Name: "X-Forwarded-Host", Value: r.Host})
	if x.ID != "" {
		h = append(h, http1.Field{Name: "X-Request-Id", Value: x.ID})
	}
	if httpguts.HeaderValuesContainsToken(r.Header["Te"], "trailers") {
		h = append(h, http1.Field{Name: "Te", Value: "trailers"})
	}
	return append(h, http1.Field{Name: "Via", Value: via(r)}) // RFC 9110 §7.6.3
}

func via(in *http.Request) string {
	switch {
	case in.ProtoMajor == 2:
		return "2.0 triptych"
	case in.ProtoAtLeast(1, 1):
		return "1.1 triptych"
	default:
		return "1.0 triptych"
	}
}

// endToEnd is a service's header without what its Connection header names.
func endToEnd(h http1.Fields) http1.Fields {
	var named options
	for _, f := range h {
		if f.Is("Connection") {
			named.add(f.Value)
		}
	}
	if named == nil {
		return h
	}
	rest := make(http1.Fields, 0, len(h))
	for _, f := range h {
		if !named[http.CanonicalHeaderKey(f.Name)] {
			rest = append(rest, f)
		}
	}
	return rest
}

// merge puts what the client may see of a service's headers beside those that
// the gateway has set, which stay as they are; but Vary is joined.
func merge(gateway http.Header, service http1.Fields) {
	if ours := gateway["Vary"]; len(ours) > 0 {
		gateway["Vary"] = slices.Concat(ours, service.Values("Vary"))
	}
	values := make([]string, 0, len(service)) // of all headers
	for i, f := range service {
		header := look(f.Name, fromService, reachesClient)
		if !header.passes {
			continue
		}
		if _, set := gateway[header.name]; set {
			continue // by the gateway, or here with all its lines
		}
		from := len(values)
		for _, line := range service[i:] {
			if line.Is(f.Name) {
				values = append(values, line.Value)
			}
		}
		gateway[header.name] = values[from:len(values):len(values)]
	}
}

// asksForWebSocket is a request that may become a tunnel (RFC 6455 §4.1): one with
// a body is none, for who could tell the body from what comes behind the switch.
func asksForWebSocket(r *http.Request) bool {
	upgrade := r.Header["Upgrade"]
	return len(upgrade) == 1 && r.ContentLength == 0 && r.Method == http.MethodGet && r.ProtoMajor == 1 && r.ProtoMinor == 1 &&
		strings.EqualFold(upgrade[0], "websocket") &&
		httpguts.HeaderValuesContainsToken(r.Header["Connection"], "Upgrade")
}
