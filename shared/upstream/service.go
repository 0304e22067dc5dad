package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/triptych-bff/triptych/shared/http1"
	"github.com/triptych-bff/triptych/shared/protojson"
	"github.com/triptych-bff/triptych/shared/telemetry"
)

// A Service is a service as one snapshot of the configuration describes it. It
// is immutable, and a [Caller].
type Service struct {
	name   string
	config Config
	files  *protojson.Files
	prefix string // put before every path

	static      http1.Fields // on every request
	streamLines http1.Lines  // static, written
	callLines   http1.Lines  // with what every call has beside

	pool    *Pool
	guard   *guard
	link    *link
	metrics *serviceMetrics
}

func newService(p *Pool, name string, c Config, files *protojson.Files) (*Service, error) {
	s := &Service{name: name, config: c, files: files, pool: p, metrics: p.metrics.service(name)}
	if c.URL != "" {
		_, s.prefix, _ = splitURL(c.URL)
	}
	for header, value := range c.Headers {
		s.static = append(s.static, http1.Field{Name: http.CanonicalHeaderKey(header), Value: value})
	}
	for header, value := range c.Secrets {
		s.static = append(s.static, http1.Field{Name: http.CanonicalHeaderKey(header), Value: value.Reveal()})
	}
	slices.SortFunc(s.static, func(a, b http1.Field) int { return strings.Compare(a.Name, b.Name) })
	var err, err2 error
	s.config.DeadlineHeader = http.CanonicalHeaderKey(c.DeadlineHeader)
	s.streamLines, err = http1.Prepare(s.static)
	s.callLines, err2 = http1.Prepare(s.withDefaults())
	return s, errors.Join(err, err2)
}

// withDefaults is static with what every call has that is read whole, unless it
// has something else.
func (s *Service) withDefaults() http1.Fields {
	all := slices.Clone(s.static)
	for _, f := range (http1.Fields{{Name: "User-Agent", Value: userAgent}, {Name: "Accept-Encoding", Value: "identity"}}) {
		if !s.sets(f.Name) {
			all = append(all, f)
		}
	}
	return all
}

// sets is whether the service's own configuration sets a header: what callers and
// clients say in it is left out.
func (s *Service) sets(header string) bool {
	if own := s.config.DeadlineHeader; own != "" && strings.EqualFold(own, header) {
		return true
	}
	return slices.ContainsFunc(s.static, func(f http1.Field) bool { return f.Is(header) })
}

// Name is the service's name in the configuration.
func (s *Service) Name() string { return s.name }

// IsGRPC tells whether the service speaks gRPC, and otherwise HTTP.
func (s *Service) IsGRPC() bool { return s.config.URL == "" }

// Stall is how long a streamed answer may pause, and another protocol be silent.
func (s *Service) Stall() time.Duration { return s.config.Stall }

// Files is what the methods of a gRPC service are described by. It may be nil.
func (s *Service) Files() *protojson.Files { return s.files }

// Start begins a call. It returns at once; see [Caller].
func (s *Service) Start(ctx context.Context, req *Request) Pending {
	s.pool.unfinished.Add(1)
	c := &call{service: s, req: req, begun: time.Now()}
	if err := s.admit(ctx, c); err != nil {
		c.err = err
		s.metrics.count(req.Operation, err.Code.outcome())
		return c
	}
	c.note(telemetry.FromContext(ctx))
	if s.link.client != nil {
		c.start(s.link.client)
		return c
	}
	ctx, c.cancel = context.WithDeadline(ctx, c.deadline)
	c.done = make(chan struct{})
	s.link.acquire()
	go c.run(ctx)
	return c
}

// admit is whether the call may begin. It leaves the call with its deadline and
// its permit.
func (s *Service) admit(ctx context.Context, c *call) *Error {
	if err := s.check(c.req); err != nil {
		return s.refuse(BadRequest, err)
	}
	if err := ctx.Err(); err != nil {
		return s.refuse(ended(err), err)
	}
	permit, err := s.guard.Allow()
	if err != nil {
		return s.refuse(BreakerOpen, err)
	}
	c.permit = permit
	c.limit(ctx)
	return nil
}

// refuse is the error of a call that never began.
func (s *Service) refuse(code Code, cause error) *Error {
	return &Error{Service: s.name, Code: code, Cause: cause, Unsent: true}
}

func (s *Service) check(req *Request) error {
	if (req.RPC != nil) != s.IsGRPC() {
		return errors.New("HTTP and gRPC are confused")
	}
	if err := checkHeader(req.Header); err != nil {
		return err
	}
	if req.RPC != nil {
		return checkMetadata(req.Header)
	}
	if req.Method != "" && !httpguts.ValidHeaderFieldName(req.Method) { // both are tokens (RFC 9110 §9.1)
		return fmt.Errorf("method %q is no token", req.Method)
	}
	if err := checkPath(req.Path); err != nil {
		return err
	}
	return checkQuery(req.Query)
}
