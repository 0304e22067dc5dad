package aggregation

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/triptych-bff/triptych/shared/upstream"
)

// TestWhatIsKeptStaysAsItIs keeps requests, answers and the parts that a Compose
// was shown, while others are made in the same memory: none of them changes.
func TestWhatIsKeptStaysAsItIs(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"users", "orders"} {
		w.http(name, func(rw http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(rw, `{"asked":%q,"text":%q}`, r.URL.Path, strings.Repeat(r.URL.Path, 1+len(r.URL.Path)%50))
		})
	}
	kept := &keeper{next: w.by["users"].Caller}
	w.by["users"] = Binding{Caller: kept}
	endpoint := Endpoint{Parts: []Part{
		{Name: "user", From: users.Get("/users/{}", Claim("sub")), Mask: `{asked,text}`},
		{Name: "orders", From: orders.Get("/orders/{}", Claim("sub"))},
	}}
	plain := w.compile(endpoint)
	var shown texts
	endpoint.Compose = func(dst []byte, part func(string) []byte) ([]byte, error) {
		shown.keep(part("user"))
		shown.keep(part("orders"))
		return append(dst, part("user")...), nil
	}
	composed := w.compile(endpoint)

	var answers texts
	var all sync.WaitGroup
	for n := range 4 {
		all.Go(func() {
			for i := range 100 {
				in := ada()
				in.Identity.Claims = fmt.Appendf(nil, `{"sub":"%d-%d-%s"}`, n, i, strings.Repeat("x", i))
				plan := plain
				if i%2 == 0 {
					plan = composed
				}
				a, err := plan.Run(t.Context(), in)
				if err != nil {
					t.Error(err)
					return
				}
				if i%3 == 0 {
					a.Release()
				} else {
					answers.keep(a.Body)
				}
			}
		})
	}
	all.Wait()
	answers.check(t, "answers")
	shown.check(t, "parts")
	kept.check(t)
}

// texts are bytes that were kept, and what they were then.
type texts struct {
	mu   sync.Mutex
	kept [][]byte
	were []string
}

func (k *texts) keep(b []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kept, k.were = append(k.kept, b), append(k.were, string(b))
}

func (k *texts) check(t *testing.T, what string) {
	t.Helper()
	if len(k.kept) == 0 {
		t.Errorf("no %s were kept", what)
	}
	for i, b := range k.kept {
		if string(b) != k.were[i] {
			t.Errorf("of the %s, %q has become %q", what, k.were[i], b)
			return
		}
	}
}

// A keeper keeps the requests that it passes on.
type keeper struct {
	next upstream.Caller
	mu   sync.Mutex
	kept []*upstream.Request
	were []upstream.Request
}

func (k *keeper) Start(ctx context.Context, req *upstream.Request) upstream.Pending {
	was := *req
	was.Path, was.Query, was.Body = strings.Clone(req.Path), strings.Clone(req.Query), slices.Clone(req.Body)
	k.mu.Lock()
	k.kept, k.were = append(k.kept, req), append(k.were, was)
	k.mu.Unlock()
	return k.next.Start(ctx, req)
}

func (k *keeper) check(t *testing.T) {
	t.Helper()
	if len(k.kept) == 0 {
		t.Error("no requests were kept")
	}
	for i, req := range k.kept {
		if was := k.were[i]; req.Path != was.Path || req.Query != was.Query || string(req.Body) != string(was.Body) {
			t.Errorf("a request has become %+v, was %+v", req, was)
			return
		}
	}
}
