package knobs

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/triptych-bff/triptych/deploy/services/rest"
)

// patience is how long an answer may take to be written once it has been held
// up; the server's own limit is counted from the request.
const patience = 10 * time.Second

// Handler puts the knobs before a service.
func (k *Knobs) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if k.neutral() {
			next.ServeHTTP(w, r)
			return
		}
		failure, err := k.holdHTTP(w, r)
		if err != nil {
			panic(http.ErrAbortHandler) // the caller has left
		}
		switch failure {
		case Error:
			rest.Refuse(w, http.StatusInternalServerError, "this service is set to fail")
		case Garbage:
			rest.Write(w, http.StatusOK, "application/json", rest.NoStore, []byte(`{"items":[{"id":,<html>`))
		case Cut:
			cut(w, r, next)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (k *Knobs) neutral() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.setting.Latency == 0 && k.setting.Failure == None
}

// holdHTTP holds a request that may wait longer than the server lets requests
// take. Its body is read first: only then does the server see the caller leave.
func (k *Knobs) holdHTTP(w http.ResponseWriter, r *http.Request) (string, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, rest.LargestBody))
	if err != nil {
		return "", err
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}
	failure, err := k.hold(r.Context())
	// An error here is that of a connection which is gone.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(patience))
	return failure, err
}

// cut sends the first half of the answer and breaks off.
func cut(w http.ResponseWriter, r *http.Request, next http.Handler) {
	whole := answer{status: http.StatusOK, header: http.Header{}}
	next.ServeHTTP(&whole, r)
	if length := whole.body.Len(); length > 0 {
		maps.Copy(w.Header(), whole.header)
		w.Header().Set("Content-Length", strconv.Itoa(length))
		w.WriteHeader(whole.status)
		_, _ = w.Write(whole.body.Bytes()[:length/2])
		_ = http.NewResponseController(w).Flush()
	}
	panic(http.ErrAbortHandler)
}

// answer is kept instead of sent.
type answer struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }

// RPC returns the interceptor that puts the knobs before services whose full
// name begins with prefix: health checks and reflection go as ever.
func (k *Knobs) RPC(prefix string) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		if !strings.HasPrefix(info.FullMethod, "/"+prefix) {
			return next(ctx, req)
		}
		failure, err := k.hold(ctx)
		switch {
		case err != nil:
			return nil, status.FromContextError(err).Err()
		case failure == Error:
			return nil, status.Error(codes.Internal, "this service is set to fail")
		default:
			return next(ctx, req)
		}
	}
}
