package problem

import "context"

type contextKey struct{}

// NewContext is a context of a request that is refused before it is handled: its
// handler is to answer with p and do nothing else.
func NewContext(ctx context.Context, p *Problem) context.Context {
	return context.WithValue(ctx, contextKey{}, p)
}

// FromContext is the problem that the request is refused with, nil for a request
// that is not.
func FromContext(ctx context.Context) *Problem {
	p, _ := ctx.Value(contextKey{}).(*Problem)
	return p
}
