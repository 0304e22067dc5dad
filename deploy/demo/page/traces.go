package page

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"
)

// traced is what a trace has cost the services.
type traced struct {
	Calls int64 `json:"calls"`
	Bytes int64 `json:"bytes"`
	By    []by  `json:"by"`
}

// by is one service's share.
type by struct {
	Name   string  `json:"name"`
	Calls  int64   `json:"calls"`
	Bytes  int64   `json:"bytes"`
	MS     float64 `json:"ms"`     // of the slowest call
	Status int     `json:"status"` // the highest
}

// trace asks every service at once, and only once: the gateway has answered, so a
// call that is not noted by now is one that it did not wait for.
func (p *Page) trace(ctx context.Context, id string) traced {
	sum := traced{By: []by{}}
	for i, n := range each(p.services, func(s *service) *noted { return s.trace(ctx, id) }) {
		if n == nil || n.Requests == 0 {
			continue
		}
		one := by{Name: p.services[i].Name, Calls: n.Requests, Bytes: n.Bytes}
		for _, c := range n.Calls {
			one.MS, one.Status = max(one.MS, c.MS), max(one.Status, c.Status)
		}
		sum.Calls += one.Calls
		sum.Bytes += one.Bytes
		sum.By = append(sum.By, one)
	}
	return sum
}

func (p *Page) getTrace(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("trace")
	if len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" || strings.Trim(id, "0") == "" {
		return bad("A trace has 32 hexadecimal digits in lower case, not all of them 0.")
	}
	return answer(w, p.trace(r.Context(), id))
}

// newTrace is a trace's id and the traceparent that begins it (W3C Trace Context).
func newTrace() (id, parent string) {
	var b [24]byte
	_, _ = rand.Read(b[:]) // never fails
	id = hex.EncodeToString(b[:16])
	return id, "00-" + id + "-" + hex.EncodeToString(b[16:]) + "-01"
}
