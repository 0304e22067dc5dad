package meter

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// ask sends a request of a trace through the meter.
func ask(m *Meter, trace int, path string) {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Traceparent", fmt.Sprintf("00-%032x-00f067aa0ba902b7-01", trace))
	m.Handler(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
}

func id(trace int) string { return fmt.Sprintf("%032x", trace) }

// early looks at the trace when the answer is about to be sent.
type early struct {
	*httptest.ResponseRecorder
	meter *Meter
	found []int64
}

func (e *early) Write(p []byte) (int, error) {
	e.found = append(e.found, e.meter.Trace(id(1)).Bytes)
	return e.ResponseRecorder.Write(p)
}

// A call is noted before its last bytes are sent, and not before that.
func TestNotedInTime(t *testing.T) {
	m := &Meter{}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Traceparent", "00-"+id(1)+"-00f067aa0ba902b7-01")
	w := &early{ResponseRecorder: httptest.NewRecorder(), meter: m}
	m.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = w.Write([]byte("12345"))
		_, _ = w.Write([]byte("67890"))
	})).ServeHTTP(w, r)
	if want := []int64{0, 10}; !slices.Equal(w.found, want) {
		t.Errorf("before each write the trace had %v bytes; want %v", w.found, want)
	}
}

func TestBounds(t *testing.T) {
	m := &Meter{}
	for range mostCalls + 1 {
		ask(m, 1, "/"+strings.Repeat("x", longest))
	}
	got := m.Trace(id(1))
	if len(got.Calls) != mostCalls || got.Requests != mostCalls+1 || got.Bytes != m.Read().Bytes || len(got.Calls[0].Call) != longest {
		t.Errorf("%d calls, %+v, the first named %s", len(got.Calls), got.Counts, got.Calls[0].Call)
	}
	for i := range mostTraces - 1 {
		ask(m, i+2, "/")
	}
	if m.Trace(id(1)).Requests == 0 {
		t.Error("the first trace is gone too early")
	}
	for i := range 2 * mostTraces {
		ask(m, mostTraces+i, "/")
	}
	if first, last := m.Trace(id(1)), m.Trace(id(3*mostTraces-1)); first.Requests != 0 || last.Requests != 1 || len(m.traces.byID) != mostTraces {
		t.Errorf("the first has %+v, the last %+v; %d traces are kept", first, last, len(m.traces.byID))
	}
}

// A traceparent that is none names no trace.
func TestTraceID(t *testing.T) {
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	for traceparent, want := range map[string]string{
		"00-" + trace + "-00f067aa0ba902b7-01":                    trace,
		"cc-" + trace + "-00f067aa0ba902b7-01-later":              trace,
		"00-" + strings.ToUpper(trace) + "-00f067aa0ba902b7-01":   "",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01": "",
		"00-" + trace + "-00f067aa0ba902b7-01later":               "",
		"00-" + trace + "-00f067aa0ba902b7":                       "",
		" 00-" + trace + "-00f067aa0ba902b7-01":                   "",
		"":                                                        "",
	} {
		if got := traceID(traceparent); got != want {
			t.Errorf("%q names %q; want %q", traceparent, got, want)
		}
	}
}
