package meter

import (
	"math"
	"regexp"
	"sync"
	"time"
)

// Trace is what one trace has asked for.
type Trace struct {
	Counts
	Calls []Call `json:"calls"` // the first that ended comes first
}

// Call is one request that has ended.
type Call struct {
	// Call is method and path, or service and method of gRPC.
	Call string `json:"call"`
	// Status is HTTP's, 0 if the caller left before there was an answer; or
	// gRPC's code.
	Status int     `json:"status"`
	Bytes  int64   `json:"bytes"`
	MS     float64 `json:"ms"`
}

// call is a Call on its way.
type call struct {
	Call
	id    string // of its trace; empty: none
	begun time.Time
	trace *trace // since it has ended
}

const (
	mostTraces = 1000
	mostCalls  = 100 // of a trace
)

// traces keeps the last ones by id.
type traces struct {
	mu   sync.Mutex
	byID map[string]*trace
	ids  []string // a ring, the oldest at next
	next int
}

type trace struct {
	Counts
	calls []*call
}

// count adds to the bytes of a call, which may have ended already.
func (t *traces) count(c *call, bytes int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c.Bytes += bytes
	if c.trace != nil {
		c.trace.Bytes += bytes
	}
}

// end notes a call in its trace, once.
func (t *traces) end(c *call) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.id == "" || c.trace != nil {
		return
	}
	c.MS = math.Round(float64(time.Since(c.begun).Microseconds())/10) / 100
	c.trace = t.of(c.id)
	c.trace.Requests++
	c.trace.Bytes += c.Bytes
	if len(c.trace.calls) < mostCalls {
		c.trace.calls = append(c.trace.calls, c)
	}
}

// of returns the trace of that id, a new one in place of the oldest if need be.
func (t *traces) of(id string) *trace {
	if known := t.byID[id]; known != nil {
		return known
	}
	if t.byID == nil {
		t.byID = map[string]*trace{}
	}
	if len(t.ids) < mostTraces {
		t.ids = append(t.ids, id)
	} else {
		delete(t.byID, t.ids[t.next])
		t.ids[t.next] = id
		t.next = (t.next + 1) % mostTraces
	}
	t.byID[id] = &trace{}
	return t.byID[id]
}

func (t *traces) read(id string) Trace {
	t.mu.Lock()
	defer t.mu.Unlock()
	reading := Trace{Calls: []Call{}}
	if known := t.byID[id]; known != nil {
		reading.Counts = known.Counts
		for _, c := range known.calls {
			reading.Calls = append(reading.Calls, c.Call)
		}
	}
	return reading
}

var (
	parent  = regexp.MustCompile(`^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-|$)`)
	traceOf = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

// traceID returns the trace that a traceparent names, or "".
func traceID(traceparent string) string {
	if m := parent.FindStringSubmatch(traceparent); m != nil && m[1] != none {
		return m[1]
	}
	return ""
}

// none is the id that stands for no trace.
const none = "00000000000000000000000000000000"

// IsTrace reports whether id is written as the ids of traces are.
func IsTrace(id string) bool { return traceOf.MatchString(id) }
