package aggregation

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/triptych-bff/triptych/shared/httpcache"
)

// TestWhatIsRefusedIsNotShownAgain: a part that the caller may no longer see, or that is
// gone, is missing, whatever it was last; one whose service is broken is shown again.
func TestWhatIsRefusedIsNotShownAgain(t *testing.T) {
	for status, want := range map[int]string{
		500: `stale=("x")`, 401: `partial, missing=("x")`, 403: `partial, missing=("x")`, 404: `partial, missing=("x")`, 410: `partial, missing=("x")`,
	} {
		w := newWorld(t)
		var now atomic.Int64
		now.Store(http.StatusOK)
		w.http("users", func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(int(now.Load()))
			_, _ = rw.Write([]byte(`{"n":1}`))
		})
		e := env(w.lookup)
		e.Kept = httpcache.NewKept(1 << 20)
		t.Cleanup(e.Kept.Close)
		p, err := Compile(Endpoint{Route: "GET /x", Policy: "p", Budget: 20 * time.Second, Parts: []Part{
			{Name: "x", From: HTTP("users").Get("/x"), Else: LastGood(time.Hour)}, {Name: "one", From: Constant(`1`)},
		}}, e)
		if err != nil {
			t.Fatal(err)
		}
		mustRun(t, p, ada())
		now.Store(int64(status))
		a, err := p.Run(t.Context(), ada())
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Completeness(); got != want {
			t.Errorf("%d: %s; want %s", status, got, want)
		}
	}
}
