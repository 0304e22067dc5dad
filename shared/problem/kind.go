package problem

import "net/http"

// A Kind is the class of a problem: it decides the status, the stable code and
// whether the same request may succeed later. The zero value is [Internal].
type Kind uint8

// The kinds. Their codes are a promise to clients: they are added, never changed.
const (
	Internal Kind = iota
	BadRequest
	InvalidPath
	Unauthenticated
	InvalidToken
	InsufficientScope
	Forbidden
	NoRoute
	NotFound
	MethodNotAllowed
	NotAcceptable
	RequestTimeout
	Conflict
	PayloadTooLarge
	URITooLong
	UnsupportedMediaType
	ExpectationFailed
	RateLimited
	HeadersTooLarge
	ClientClosed
	NotSupported
	BadUpstream
	Unreachable
	BreakerOpen
	Overloaded
	UpstreamTimeout
	PaymentRequired
	OutcomeUnknown // a change was begun, and nobody knows whether it was made
	kinds          // how many there are
)

type info struct {
	code      string
	status    int
	title     string
	uri       string
	retryable bool
}

// StatusClientClosed is what the log shows when the client left before its
// answer. No client ever receives it; the number is nginx's.
const StatusClientClosed = 499

const (
	// blank says that the status tells all there is to the type (RFC 9457 §4.2.1).
	blank = "about:blank"
	// The two registered types that draft-ietf-httpapi-ratelimit-headers defines.
	quotaExceeded    = "https://iana.org/assignments/http-problem-types#quota-exceeded"
	reducedCapacity  = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"
	titleQuota       = "Request cannot be satisfied as assigned quota has been exceeded"
	titleCapacity    = "Request cannot be satisfied due to temporary server capacity constraints"
	titleClientClose = "Client Closed Request"
)

var table = [kinds]info{
	Internal:             {code: "internal", status: http.StatusInternalServerError},
	BadRequest:           {code: "bad-request", status: http.StatusBadRequest},
	InvalidPath:          {code: "invalid-path", status: http.StatusBadRequest},
	Unauthenticated:      {code: "unauthenticated", status: http.StatusUnauthorized},
	InvalidToken:         {code: "invalid-token", status: http.StatusUnauthorized},
	InsufficientScope:    {code: "insufficient-scope", status: http.StatusForbidden},
	Forbidden:            {code: "forbidden", status: http.StatusForbidden},
	NoRoute:              {code: "no-route", status: http.StatusNotFound},
	NotFound:             {code: "not-found", status: http.StatusNotFound},
	MethodNotAllowed:     {code: "method-not-allowed", status: http.StatusMethodNotAllowed},
	NotAcceptable:        {code: "not-acceptable", status: http.StatusNotAcceptable},
	RequestTimeout:       {code: "request-timeout", status: http.StatusRequestTimeout, retryable: true},
	Conflict:             {code: "conflict", status: http.StatusConflict},
	PayloadTooLarge:      {code: "payload-too-large", status: http.StatusRequestEntityTooLarge},
	URITooLong:           {code: "uri-too-long", status: http.StatusRequestURITooLong},
	UnsupportedMediaType: {code: "unsupported-media-type", status: http.StatusUnsupportedMediaType},
	ExpectationFailed:    {code: "expectation-failed", status: http.StatusExpectationFailed},
	RateLimited:          {code: "rate-limited", status: http.StatusTooManyRequests, title: titleQuota, uri: quotaExceeded, retryable: true},
	HeadersTooLarge:      {code: "headers-too-large", status: http.StatusRequestHeaderFieldsTooLarge},
	ClientClosed:         {code: "client-closed", status: StatusClientClosed, title: titleClientClose},
	NotSupported:         {code: "not-supported", status: http.StatusNotImplemented},
	BadUpstream:          {code: "bad-upstream", status: http.StatusBadGateway, retryable: true},
	Unreachable:          {code: "unreachable", status: http.StatusBadGateway, retryable: true},
	BreakerOpen:          {code: "breaker-open", status: http.StatusServiceUnavailable, retryable: true},
	Overloaded:           {code: "overloaded", status: http.StatusServiceUnavailable, title: titleCapacity, uri: reducedCapacity, retryable: true},
	UpstreamTimeout:      {code: "upstream-timeout", status: http.StatusGatewayTimeout, retryable: true},
	PaymentRequired:      {code: "payment-required", status: http.StatusPaymentRequired},
	OutcomeUnknown:       {code: "outcome-unknown", status: http.StatusBadGateway},
}

func (k Kind) info() info {
	if k >= kinds {
		k = Internal
	}
	i := table[k]
	if i.title == "" {
		i.title = http.StatusText(i.status)
	}
	if i.uri == "" {
		i.uri = blank
	}
	return i
}

// Code is the stable name of the kind, for programs.
func (k Kind) Code() string { return k.info().code }

// Status is the HTTP status of the kind.
func (k Kind) Status() int { return k.info().status }
