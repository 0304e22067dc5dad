package problem

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEveryKindIsComplete(t *testing.T) {
	codes := map[string]Kind{}
	for k := range kinds {
		i := k.info()
		if i.code == "" || i.title == "" || i.uri == "" || i.status < 400 || i.status > 599 {
			t.Errorf("kind %d: %+v", k, i)
		}
		if other, taken := codes[i.code]; taken {
			t.Errorf("kinds %d and %d share the code %q", k, other, i.code)
		}
		codes[i.code] = k
		if k.Code() != i.code || k.Status() != i.status {
			t.Errorf("kind %d says %s %d", k, k.Code(), k.Status())
		}
	}
	if got := Kind(200).Code(); got != "internal" {
		t.Errorf("a kind that is none is %q", got)
	}
}

func TestFrom(t *testing.T) {
	p := NotFound.New("no such book")
	for _, tt := range []struct {
		err  error
		want Kind
	}{
		{p, NotFound},
		{fmt.Errorf("books: %w", p), NotFound},
		{errors.New("secret"), Internal},
		{context.Canceled, ClientClosed},
		{fmt.Errorf("call: %w", context.DeadlineExceeded), UpstreamTimeout},
		{fmt.Errorf("read: %w", &http.MaxBytesError{Limit: 10}), PayloadTooLarge},
	} {
		got := From(tt.err)
		if got.Kind != tt.want || !errors.Is(got, errors.Unwrap(tt.err)) && errors.Unwrap(tt.err) != nil && got != p {
			t.Errorf("From(%v) = %v, want %s", tt.err, got, tt.want.Code())
		}
	}
	if From(nil) != nil {
		t.Error("From(nil) is not nil")
	}
}

func TestErrorIsForTheLog(t *testing.T) {
	err := BadUpstream.Wrap(errors.New("10.0.0.7: refused"), "no answer")
	if got, want := err.Error(), "bad-upstream: no answer: 10.0.0.7: refused"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWrite(t *testing.T) {
	p := &Problem{
		Kind:       RateLimited,
		Detail:     "wait a little",
		Fields:     []Field{{"?limit", "too high"}},
		Header:     http.Header{"RateLimit": {`"user";r=0`}},
		RetryAfter: 1500 * time.Millisecond,
		Cause:      errors.New("secret"),
	}
	w := httptest.NewRecorder()
	for _, stale := range []string{"Content-Encoding", "Etag", "Last-Modified", "Content-Range", "Content-Length"} {
		w.Header().Set(stale, "of another body")
	}
	p.Write(w, Ref{Instance: "r1", TraceID: "t1"})

	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"type": quotaExceeded, "title": titleQuota, "status": 429.0, "detail": "wait a little", "instance": "r1",
		"code": "rate-limited", "trace_id": "t1", "retryable": true,
		"errors": []any{map[string]any{"pointer": "?limit", "detail": "too high"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	wantHeader := http.Header{
		"Content-Type": {MediaType}, "Content-Length": {fmt.Sprint(w.Body.Len())}, "Cache-Control": {"no-store"},
		"Retry-After": {"2"}, "RateLimit": {`"user";r=0`},
	}
	if diff := cmp.Diff(wantHeader, w.Header()); diff != "" {
		t.Error(diff)
	}
	if w.Code != 429 || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestZeroProblemSaysNothing(t *testing.T) {
	w := httptest.NewRecorder()
	new(Problem).Write(w, Ref{})
	const want = `{"type":"about:blank","title":"Internal Server Error","status":500,"code":"internal","retryable":false}`
	if w.Body.String() != want || w.Code != 500 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w.Header().Get("Retry-After") != "" {
		t.Error("Retry-After without reason")
	}
}
