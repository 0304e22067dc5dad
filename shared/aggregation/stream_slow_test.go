package aggregation

import (
	"context"
	"testing"
	"time"

	"github.com/triptych-bff/triptych/shared/upstream"
)

// TestASlowReaderHoldsUpNobody: while a section is being sent, somebody waits for the
// calls that are under way: others may depend on their answers.
func TestASlowReaderHoldsUpNobody(t *testing.T) {
	waited := make(chan struct{})
	w := newWorld(t)
	w.by["fast"] = Binding{Caller: constant(`1`)}
	w.by["slow"] = Binding{Caller: waitedFor{waited}}
	p := w.compile(Endpoint{Parts: []Part{{Name: "a", From: HTTP("fast").Get("/")}, {Name: "b", From: HTTP("slow").Get("/")}}})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err := p.Stream(ctx, ada(), func(s Section) error {
		if s.Name == "a" {
			select {
			case <-waited:
			case <-ctx.Done():
			}
		}
		return ctx.Err()
	})
	if err != nil {
		t.Error(err)
	}
}

// waitedFor is a service that says when its answer is waited for.
type waitedFor struct{ waited chan struct{} }

func (s waitedFor) Start(context.Context, *upstream.Request) upstream.Pending { return s }

func (s waitedFor) Wait() (*upstream.Response, error) {
	close(s.waited)
	return &upstream.Response{Status: 200, Body: []byte(`2`)}, nil
}

func (waitedFor) Ready() bool { return false }
func (waitedFor) Cancel()     {}
