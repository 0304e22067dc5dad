package aggregation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// A Function is a typed Go function that stands among the services. Make one with
// [Func].
type Function struct {
	name string
	run  func(ctx context.Context, fields []byte) ([]byte, error)
}

// Func is a function that can be called as a service is: from JSON to JSON, by way
// of two Go types. The context ends with the endpoint's budget, or the call's own
// [Call.Within]; who ignores it is not waited for. Its error is the call's failure,
// as a [problem.Problem] or otherwise as an internal one, and so is its panic.
func Func[In, Out any](name string, f func(context.Context, In) (Out, error)) Function {
	return Function{name: name, run: func(ctx context.Context, fields []byte) ([]byte, error) {
		var in In
		if err := json.Unmarshal(fields, &in); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out, err := f(ctx, in)
		if err != nil {
			return nil, err
		}
		return json.Marshal(out)
	}}
}

// Call is a call of the function. The fields are the members of its argument.
func (f Function) Call(fields Fields) *Call {
	if fields == nil {
		fields = Fields{}
	}
	return &Call{service: f.name, target: f.name, local: f, fields: fields}
}

// Start runs the function on a goroutine of its own, so that one that ignores its
// context holds nobody up.
func (f Function) Start(ctx context.Context, req *upstream.Request) upstream.Pending {
	p := &running{ctx: ctx, cancel: func() {}, done: make(chan struct{})}
	if req.Timeout > 0 {
		p.ctx, p.cancel = context.WithTimeout(ctx, req.Timeout)
	}
	go func() {
		defer close(p.done)
		defer func() {
			if fault := recover(); fault != nil {
				p.err = fmt.Errorf("panic: %v\n%s", fault, debug.Stack())
			}
		}()
		p.body, p.err = f.run(p.ctx, req.Body)
	}()
	return p
}

// running is a function under way.
type running struct {
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{}
	body   []byte // it and err are there when done is closed
	err    error
}

// Wait is the function's answer, unless its time is over before.
func (p *running) Wait() (*upstream.Response, error) {
	defer p.cancel()
	select {
	case <-p.done:
	case <-p.ctx.Done():
		if !p.Ready() {
			return nil, problem.From(p.ctx.Err())
		}
	}
	if p.err != nil {
		return nil, p.failure()
	}
	return &upstream.Response{Status: http.StatusOK, Body: p.body}, nil
}

// failure is the function's error. That a context has ended says something of the
// call only where it is the call's: the function may have others.
func (p *running) failure() error {
	var known *problem.Problem
	if errors.As(p.err, &known) || p.ctx.Err() != nil {
		return p.err
	}
	return problem.Internal.Wrap(p.err, "")
}

// Ready is whether the function has returned.
func (p *running) Ready() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Cancel ends the function's context.
func (p *running) Cancel() { p.cancel() }

// Constant is JSON that is always the same, as a call that nobody is asked for.
func Constant(text string) *Call {
	return &Call{service: "constant", target: "constant", local: constant(text), public: true}
}

type constant string

func (c constant) Start(context.Context, *upstream.Request) upstream.Pending { return c }

func (c constant) Wait() (*upstream.Response, error) {
	return &upstream.Response{Status: http.StatusOK, Body: []byte(c)}, nil
}

func (constant) Ready() bool { return true }
func (constant) Cancel()     {}
