package upstream

import (
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/triptych-bff/triptych/shared/config"
	"github.com/triptych-bff/triptych/shared/internal/managed"
	"github.com/triptych-bff/triptych/shared/resilience"
)

// Config says where a service is and how it is called. Exactly one of URL and
// GRPC is set. A zero duration or size has the default that its tag names.
type Config struct {
	URL         string `config:"url" doc:"Base URL of an HTTP service: http or https, a host, and perhaps a path that is put before every path."`
	GRPC        string `config:"grpc" doc:"Address of a gRPC service, as host:port."`
	TLS         bool   `config:"tls" doc:"Speak TLS with a gRPC service. An HTTP service says so in its URL."`
	HTTP2       bool   `config:"http2" doc:"Speak HTTP/2 with an HTTP service: as TLS agrees where the url is https, and by prior knowledge where it is http."`
	CA          string `config:"ca" doc:"File of PEM certificates that the service's certificate is checked against, in place of the system's. Implies tls."`
	Descriptors string `config:"descriptors" doc:"File of the gRPC service's descriptor set."`

	Timeout        time.Duration `config:"timeout" default:"2s" doc:"How long one call may take; of a stream, how long its head may take."`
	Connect        time.Duration `config:"connect" default:"1s" doc:"How long connecting may take, and the TLS handshake as long again."`
	Idle           time.Duration `config:"idle" default:"30s" doc:"How long an unused connection is kept. Best shorter than the service keeps it."`
	Stall          time.Duration `config:"stall" default:"5m" doc:"How long a streamed answer may pause."`
	MaxConnections int           `config:"max_connections" default:"512" doc:"How many HTTP/1.1 connections there may be at once. Who finds none waits for one."`
	MaxResponse    config.Size   `config:"max_response" default:"2MiB" doc:"How long an answer may be that is read whole. Streams are not bounded."`

	Headers map[string]string        `config:"headers" doc:"Headers that every request to the service carries."`
	Secrets map[string]config.Secret `config:"secrets" doc:"Headers that every request carries and whose values are secret, such as an API key."`

	DeadlineHeader string `config:"deadline_header" doc:"Header in which every call of an HTTP service says how many milliseconds its answer is still waited for, as a whole number. Empty sends none. What is passed through has none: only its head is waited for. gRPC says it by itself."`

	Breaker resilience.BreakerConfig `config:"breaker" doc:"When the service counts as failing and is not called."`
}

// Validate reports what cannot be called.
func (c Config) Validate(check *config.Check) {
	switch {
	case c.URL == "" && c.GRPC == "":
		check.Fault("", "needs url or grpc")
	case c.URL != "" && c.GRPC != "":
		check.Fault("grpc", "stands beside url; a service has one of them")
	case c.URL != "":
		c.validateURL(check)
	default:
		if c.HTTP2 {
			check.Fault("http2", "is for an url; gRPC always speaks it")
		}
		if c.DeadlineHeader != "" {
			check.Fault("deadline_header", "is for an url; gRPC always says it (grpc-timeout)")
		}
		if err := checkAddress(c.GRPC); err != "" {
			check.Fault("grpc", "%s", err)
		}
	}
	c.validateLimits(check)
	if c.DeadlineHeader != "" {
		c.validateDeadlineHeader(check)
	}
	for name, value := range c.Headers {
		validateHeader(check, "headers."+name, name, value)
	}
	for name, value := range c.Secrets {
		validateHeader(check, "secrets."+name, name, value.Reveal())
	}
}

func (c Config) validateURL(check *config.Check) {
	if _, _, err := splitURL(c.URL); err != "" {
		check.Fault("url", "%s", err)
	}
	if c.TLS {
		check.Fault("tls", "is for grpc; write https in the url")
	}
	if c.CA != "" && !strings.HasPrefix(c.URL, "https:") {
		check.Fault("ca", "needs an https url")
	}
	if c.Descriptors != "" {
		check.Fault("descriptors", "is for grpc")
	}
}

func (c Config) validateLimits(check *config.Check) {
	for _, limit := range []struct {
		key   string
		value int64
	}{
		{"timeout", int64(c.Timeout)},
		{"connect", int64(c.Connect)},
		{"idle", int64(c.Idle)},
		{"stall", int64(c.Stall)},
		{"max_connections", int64(c.MaxConnections)},
		{"max_response", int64(c.MaxResponse)},
	} {
		if limit.value < 0 {
			check.Fault(limit.key, "must not be negative")
		}
	}
}

func validateHeader(check *config.Check, key, name, value string) {
	switch {
	case !httpguts.ValidHeaderFieldName(name):
		check.Fault(key, "is no header name (RFC 9110 §5.1)")
	case reserved(http.CanonicalHeaderKey(name)):
		check.Fault(key, "is set by the gateway itself")
	case !printable(value):
		check.Fault(key, "has a character that no header value may have (RFC 9110 §5.5)")
	}
}

// validateDeadlineHeader keeps the header apart from all that is set otherwise.
func (c Config) validateDeadlineHeader(check *config.Check) {
	const key = "deadline_header"
	name := http.CanonicalHeaderKey(c.DeadlineHeader)
	same := func(other string) bool { return http.CanonicalHeaderKey(other) == name }
	validateHeader(check, key, c.DeadlineHeader, "")
	switch {
	case names(name) || taken(name) || managed.New().Has(name):
		check.Fault(key, "is a header that says something else")
	case slices.ContainsFunc(slices.Collect(maps.Keys(c.Headers)), same):
		check.Fault(key, "stands in headers, too")
	case slices.ContainsFunc(slices.Collect(maps.Keys(c.Secrets)), same):
		check.Fault(key, "stands in secrets, too")
	}
}

// taken are headers that have a meaning of their own on the way to a service.
func taken(canonical string) bool {
	switch canonical {
	case "Accept", "Accept-Encoding", "Authorization", "Content-Encoding", "Content-Type", "Cookie", "Proxy-Authenticate",
		"Proxy-Authorization", "Range", "User-Agent", "Via":
		return true
	default:
		return false
	}
}

// splitURL is the origin and the escaped path prefix, without its last slash;
// or what is wrong.
func splitURL(text string) (origin *url.URL, prefix, wrong string) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, "", "is no URL"
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, "", "must begin with http:// or https://"
	case u.Hostname() == "":
		return nil, "", "names no host"
	case u.User != nil:
		return nil, "", "must not carry credentials; put them into secrets"
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, "", "must not have a query or a fragment"
	}
	prefix = strings.TrimSuffix(u.EscapedPath(), "/")
	if prefix != "" && checkPath(prefix) != nil {
		return nil, "", "has a path that is not canonical"
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, prefix, ""
}

func checkAddress(text string) (wrong string) {
	host, port, err := net.SplitHostPort(text)
	if err != nil || host == "" || port == "" || strings.ContainsAny(text, "/ ") {
		return "must be host:port"
	}
	return ""
}

// withDefaults fills in what a configuration that was not loaded leaves zero.
func (c Config) withDefaults() Config {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&c.Timeout, 2 * time.Second},
		{&c.Connect, time.Second},
		{&c.Idle, 30 * time.Second},
		{&c.Stall, 5 * time.Minute},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if c.MaxConnections <= 0 {
		c.MaxConnections = 512
	}
	if c.MaxResponse <= 0 {
		c.MaxResponse = 2 << 20
	}
	return c
}
