package gateway

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/triptych-bff/triptych/shared/aggregation"
	"github.com/triptych-bff/triptych/shared/telemetry"
)

var errStalled = errors.New("stalled")

// stalled takes nothing any more.
type stalled struct{ *httptest.ResponseRecorder }

func (stalled) Write([]byte) (int, error) { return 0, errStalled }

// TestAStreamThatNobodyTakesIsCut: it fails at its first piece, for good, and gets no
// end that could be taken for one.
func TestAStreamThatNobodyTakesIsCut(t *testing.T) {
	x := new(telemetry.Exchange)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r = r.WithContext(telemetry.NewContext(r.Context(), x))
	p := &pieces{w: stalled{httptest.NewRecorder()}, flush: func() error { t.Error("flushed"); return nil }}
	if err := p.shell([]string{"a"}); !errors.Is(err, errStalled) {
		t.Errorf("the shell: %v", err)
	}
	p.w = httptest.NewRecorder()
	if err := p.section(aggregation.Section{Name: "a"}); !errors.Is(err, errStalled) {
		t.Errorf("a section after it: %v", err)
	}
	s := &screen{plan: &aggregation.Plan{Pattern: "/"}, ends: newStreamEnds(prometheus.NewRegistry())}
	defer func() {
		if fault := recover(); fault != http.ErrAbortHandler {
			t.Errorf("it goes on: %v", fault)
		}
		if x.Code != "client-closed" || !errors.Is(x.Err, errStalled) || testutil.ToFloat64(s.ends.WithLabelValues("/", endCut)) != 1 {
			t.Errorf("noted %q, %v", x.Code, x.Err)
		}
	}()
	s.finish(p, r, nil, errStalled)
}

// TestAPieceIsOneLine, whatever stands between the tokens of a body.
func TestAPieceIsOneLine(t *testing.T) {
	w := httptest.NewRecorder()
	p := &pieces{w: w, flush: func() error { return nil }, form: events}
	if err := p.section(aggregation.Section{Name: "a", Body: []byte("[1,\r\n\"\\n\"]")}); err != nil {
		t.Fatal(err)
	}
	if got := w.Body.String(); got != "event: section\ndata: {\"type\":\"section\",\"name\":\"a\",\"body\":[1,  \"\\n\"]}\n\n" {
		t.Errorf("%q", got)
	}
}
