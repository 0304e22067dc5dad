package upstream

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/triptych-bff/triptych/shared/http1"
	"github.com/triptych-bff/triptych/shared/protojson"
)

// A grpcCarrier carries calls over gRPC. Its connection is made when the first
// call needs it.
type grpcCarrier struct {
	target  string
	options []grpc.DialOption

	mu         sync.Mutex
	connection *grpc.ClientConn
}

func newGRPC(to target, encrypted *tls.Config) *grpcCarrier {
	secure := insecure.NewCredentials()
	if encrypted != nil {
		secure = credentials.NewTLS(encrypted)
	}
	return &grpcCarrier{
		target: "dns:///" + to.address,
		options: []grpc.DialOption{
			grpc.WithTransportCredentials(secure),
			grpc.WithUserAgent(userAgent),
			grpc.WithNoProxy(),              // services are reached directly, whatever the environment says
			grpc.WithDisableServiceConfig(), // how a service is called is not for its DNS records to say
			grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
			grpc.WithMaxHeaderListSize(maxHead),
			grpc.WithConnectParams(grpc.ConnectParams{
				// A service that has come back is found again within the time
				// that its breaker rests by default.
				Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 3 * time.Second},
				MinConnectTimeout: to.connect,
			}),
			grpc.WithKeepaliveParams(keepalive.ClientParameters{
				// Servers allow a ping every five minutes unless told otherwise.
				// The time-out is also the kernel's for data that nobody
				// acknowledges, and so finds a dead host much sooner.
				Time: 6 * time.Minute, Timeout: 5 * time.Second,
			}),
		},
	}
}

// connect is the connection, which may not be established yet.
func (g *grpcCarrier) connect() (*grpc.ClientConn, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.connection == nil {
		connection, err := grpc.NewClient(g.target, g.options...)
		if err != nil {
			return nil, err
		}
		g.connection = connection
	}
	return g.connection, nil
}

func (g *grpcCarrier) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.connection != nil {
		_ = g.connection.Close() // says only that it was closed before
		g.connection = nil
	}
}

func (g *grpcCarrier) carry(ctx context.Context, c *call) (*Response, error) {
	in, err := input(c.req)
	if err != nil {
		return nil, &Error{Code: BadRequest, Cause: err}
	}
	connection, err := g.connect()
	if err != nil {
		return nil, &Error{Code: Unreachable, Cause: err}
	}
	var header metadata.MD
	out := c.req.RPC.NewOutput()
	err = connection.Invoke(metadata.NewOutgoingContext(ctx, c.metadata()), c.req.RPC.Name(), in, out,
		grpc.Header(&header), grpc.MaxCallRecvMsgSize(int(c.service.config.MaxResponse)))
	if err != nil {
		return refusal(err, header)
	}
	body, err := protojson.Append(nil, out)
	if err != nil {
		return nil, &Error{Code: BadAnswer, Cause: err}
	}
	return &Response{Status: http.StatusOK, Header: httpHeader(header), Body: body}, nil
}

func input(req *Request) (proto.Message, error) {
	switch {
	case req.Message != nil:
		return req.Message, nil
	case len(req.Body) == 0:
		return req.RPC.NewInput(), nil
	default:
		return req.RPC.Decode(req.Body)
	}
}

// metadata is what the header is for HTTP: the caller's, with the service's own
// and the request's names over it.
func (c *call) metadata() metadata.MD {
	md := make(metadata.MD, len(c.req.Header)+len(c.service.static)+3)
	for _, f := range c.req.Header {
		name := strings.ToLower(f.Name)
		md[name] = append(md[name], f.Value)
	}
	for _, f := range c.service.static {
		md[strings.ToLower(f.Name)] = []string{f.Value}
	}
	for _, f := range c.names(make(http1.Fields, 0, 3)) {
		md[strings.ToLower(f.Name)] = []string{f.Value}
	}
	return md
}

// checkMetadata accepts what gRPC can send and has not reserved.
func checkMetadata(h http1.Fields) error {
	for _, f := range h {
		if len(f.Name) >= len("grpc-") && strings.EqualFold(f.Name[:len("grpc-")], "grpc-") {
			return fmt.Errorf("header %s is gRPC's own", f.Name)
		}
		if !printable(f.Value) {
			return fmt.Errorf("header %s has a value that gRPC cannot send", f.Name)
		}
	}
	return nil
}

func httpHeader(md metadata.MD) http1.Fields {
	var h http1.Fields
	for name, values := range md {
		for _, value := range values {
			h = append(h, http1.Field{Name: name, Value: value})
		}
	}
	return h
}

// refusal is a status other than OK: an answer, unless it says that there was none.
func refusal(err error, header metadata.MD) (*Response, error) {
	s := status.Convert(err)
	switch {
	case s.Code() == codes.Unavailable:
		return nil, &Error{Code: Unreachable, Cause: err}
	case s.Code() == codes.DeadlineExceeded:
		return nil, &Error{Code: Timeout, Cause: err}
	case s.Code() == codes.Canceled: // by the service: where it was by us, the context says so
		return nil, &Error{Code: BadAnswer, Cause: err}
	case s.Code() == codes.ResourceExhausted && strings.HasPrefix(s.Message(), "grpc: received message"):
		return nil, &Error{Code: TooLarge, Cause: err} // grpc-go's own words: the status alone is also what services say of a quota
	case s.Code() == codes.Internal && strings.HasPrefix(s.Message(), "grpc: failed to unmarshal"):
		return nil, &Error{Code: BadAnswer, Cause: err}
	}
	return &Response{Status: httpStatus(s.Code()), Header: httpHeader(header), Detail: s.Message()}, nil
}

// httpStatus is the mapping that google/rpc/code.proto gives.
func httpStatus(code codes.Code) int {
	switch code {
	case codes.OK:
		return http.StatusOK
	case codes.InvalidArgument, codes.FailedPrecondition, codes.OutOfRange:
		return http.StatusBadRequest
	case codes.Unauthenticated:
		return http.StatusUnauthorized
	case codes.PermissionDenied:
		return http.StatusForbidden
	case codes.NotFound:
		return http.StatusNotFound
	case codes.AlreadyExists, codes.Aborted:
		return http.StatusConflict
	case codes.ResourceExhausted:
		return http.StatusTooManyRequests
	case codes.Canceled:
		return 499
	case codes.Unimplemented:
		return http.StatusNotImplemented
	case codes.Unavailable:
		return http.StatusServiceUnavailable
	case codes.DeadlineExceeded:
		return http.StatusGatewayTimeout
	default:
		return http.StatusInternalServerError
	}
}
