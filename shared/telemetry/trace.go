package telemetry

import (
	"encoding/hex"
	"io"
	"net/http"
	"strings"
)

// A Trace is a request's place in a distributed trace (W3C Trace Context
// level 2, §3). The zero value is no trace.
type Trace struct {
	ID    [16]byte // of the whole trace
	Span  [8]byte  // ours within it
	Flags byte     // as received; 1 says that the caller records
	State string   // tracestate, passed on untouched
}

const (
	traceparent = "Traceparent"
	tracestate  = "Tracestate"
	// maxState is what a vendor must at least pass on (§3.3.1.5); longer ones are dropped.
	maxState = 512
)

// TraceFrom continues the trace that the headers name, with a new span of our
// own; where they name none, a malformed one or several, it begins a new trace
// (§4.2). Randomness is read from random.
func TraceFrom(h http.Header, random io.Reader) (t Trace, err error) {
	ok := false
	if parents := h[traceparent]; len(parents) == 1 {
		t, ok = parseTraceparent(parents[0])
	}
	if ok {
		if state := strings.Join(h[tracestate], ","); len(state) <= maxState { // a list over several lines (§3.3.1.1)
			t.State = state
		}
	} else if _, err := io.ReadFull(random, t.ID[:]); err != nil {
		return Trace{}, err
	}
	_, err = io.ReadFull(random, t.Span[:])
	return t, err
}

// TraceID is the trace's id in hexadecimal.
func (t Trace) TraceID() string { return hex.EncodeToString(t.ID[:]) }

// Inject sets the trace's headers on a request that we make.
func (t Trace) Inject(h http.Header) {
	if t.ID == [16]byte{} {
		return
	}
	h[traceparent] = []string{t.Parent()}
	if t.State != "" {
		h[tracestate] = []string{t.State}
	}
}

// Parent is the traceparent that the services behind us receive (§3.2).
func (t Trace) Parent() string {
	b := make([]byte, 0, 55)
	b = append(b, "00-"...)
	b = hex.AppendEncode(b, t.ID[:])
	b = append(b, '-')
	b = hex.AppendEncode(b, t.Span[:])
	b = append(b, '-')
	return string(hex.AppendEncode(b, []byte{t.Flags}))
}

// parseTraceparent reads version-id-parent-flags. A higher version may be
// longer, after another dash (§4.3); an all-zero id is none.
func parseTraceparent(s string) (t Trace, ok bool) {
	if len(s) < 55 || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return Trace{}, false
	}
	var version, flags [1]byte
	if !lowerHex(version[:], s[:2]) || !lowerHex(t.ID[:], s[3:35]) || !lowerHex(t.Span[:], s[36:52]) || !lowerHex(flags[:], s[53:55]) {
		return Trace{}, false
	}
	wrongLength := version[0] == 0 && len(s) != 55 || len(s) > 55 && s[55] != '-'
	if version[0] == 0xff || wrongLength || t.ID == [16]byte{} || t.Span == [8]byte{} {
		return Trace{}, false
	}
	t.Flags = flags[0] & 1 // only the sampled flag is ours to pass on (§3.2.2.5)
	return t, true
}

// lowerHex decodes hexadecimal digits in lower case, the only case allowed (§3.2).
func lowerHex(dst []byte, s string) bool {
	for i := range s {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	_, err := hex.Decode(dst, []byte(s))
	return err == nil
}
