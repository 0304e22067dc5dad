package aggregation

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/triptych-bff/triptych/shared/upstream"
)

// starts counts the calls that are begun.
type starts struct{ made *atomic.Int64 }

func (s starts) Start(context.Context, *upstream.Request) upstream.Pending {
	s.made.Add(1)
	return constant(`{"id":1}`)
}

// TestASkippedCallDoesNotStartAnother: what the request alone decides holds also for a
// call that begins because another was skipped.
func TestASkippedCallDoesNotStartAnother(t *testing.T) {
	w := newWorld(t)
	var made atomic.Int64
	w.by["shop"] = Binding{Caller: starts{&made}}
	shop, never := HTTP("shop"), Has(QueryParam("never"))
	first := shop.Get("/first").When(never)
	for name, e := range map[string]Endpoint{
		"a change": {Route: "POST /v1/orders", Parts: []Part{
			{Name: "first", From: first},
			{Name: "order", From: shop.Post("/orders").When(never)},
		}},
		"a call that can do without": {Parts: []Part{
			{Name: "first", From: first},
			{Name: "second", From: shop.Get("/{}", first.Value("id").Or(7)).When(never)},
		}},
	} {
		made.Store(0)
		body := mustRun(t, w.compile(e), ada())
		if n := made.Load(); n != 0 || body != `{"_meta":{"completeness":"full"}}` {
			t.Errorf("%s: %d calls begun, %s", name, n, body)
		}
	}
}
