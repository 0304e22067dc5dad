package aggregation

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/triptych-bff/triptych/shared/upstream"
)

// BenchmarkRun is the engine without the wire: what a part costs beside its call.
func BenchmarkRun(b *testing.B) {
	body := []byte(`{"items":[` + strings.Repeat(`{"id":"x","title":"a title","more":{"a":1,"b":[1,2,3]}},`, 50) + `{}]}`)
	for _, n := range []int{1, 5} {
		b.Run(fmt.Sprint("parts=", n), func(b *testing.B) {
			services := func(string) (Binding, bool) { return Binding{Caller: ready{body}}, true }
			e := Endpoint{Route: "GET /x", Policy: "p", Budget: 1 << 40}
			for i := range n {
				e.Parts = append(e.Parts, Part{Name: fmt.Sprint("p", i), From: HTTP("s").Get("/x/{}", Claim("sub")), Mask: `{items[:3]{id,title}}`})
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
