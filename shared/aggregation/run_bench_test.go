package aggregation

import (
	"context"
	"fmt"
	"testing"

	"github.com/triptych-bff/triptych/shared/upstream"
)

// BenchmarkRun is the engine without the wire, of answers so short that hardly anything
// is projected: the difference of six parts and one, divided by five, is what a part
// costs. Two of its allocations are of the call that is not made.
func BenchmarkRun(b *testing.B) {
	body := []byte(`{"id":"x","title":"a title"}`)
	for _, n := range []int{1, 6} {
		b.Run(fmt.Sprint("parts=", n), func(b *testing.B) {
			services := func(string) (Binding, bool) { return Binding{Caller: ready{body}}, true }
			e := Endpoint{Route: "GET /x", Policy: "p", Budget: 1 << 40}
			for i := range n {
				e.Parts = append(e.Parts, Part{Name: fmt.Sprint("p", i), From: HTTP("s").Get("/x/{}", Claim("sub")), Mask: `{id}`})
			}
			p, err := Compile(e, env(services))
			if err != nil {
				b.Fatal(err)
			}
			in := ada()
			b.ReportAllocs()
			for b.Loop() {
				a, err := p.Run(context.Background(), in)
				if err != nil {
					b.Fatal(err)
				}
				a.Release()
			}
		})
	}
}

// ready is a service that has already answered.
type ready struct{ body []byte }

// Ready is true.
func (ready) Ready() bool { return true }

func (r ready) Start(context.Context, *upstream.Request) upstream.Pending { return r }

func (r ready) Wait() (*upstream.Response, error) {
	return &upstream.Response{Status: 200, Body: r.body}, nil
}

func (r ready) Cancel() {}
