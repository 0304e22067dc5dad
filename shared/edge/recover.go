package edge

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/triptych-bff/triptych/shared/telemetry"
)

// recover turns a panic into an internal problem, or cuts the answer off where
// one has begun. [http.ErrAbortHandler] is no failure but a wish to do just that.
func (e *edge) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch v := recover(); {
			case v == nil:
			case aborts(v):
				panic(http.ErrAbortHandler)
			default:
				e.tel.Log.ErrorContext(r.Context(), "panic",
					slog.Any("panic", fmt.Sprint(v)), slog.String("stack", string(debug.Stack())),
					slog.String("request_id", telemetry.FromContext(r.Context()).ID))
				WriteError(w, r, fmt.Errorf("panic: %v", v))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func aborts(v any) bool {
	err, ok := v.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}
