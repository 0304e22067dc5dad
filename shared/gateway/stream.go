package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/triptych-bff/triptych/shared/aggregation"
	"github.com/triptych-bff/triptych/shared/edge"
	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/telemetry"
)

// stream sends an answer in pieces: see the package's comment. Its head and the
// first piece are sent before any service is asked. A client that leaves, or does
// not take a piece in time, ends the calls.
func (s *screen) stream(w http.ResponseWriter, r *http.Request, plan *aggregation.Plan, in aggregation.Input, f form) {
	h := w.Header()
	h.Set("Content-Type", media[f])
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // what proxies that gather answers look for
	h.Add("Vary", "Accept")
	s.coder.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := &pieces{w: w, flush: http.NewResponseController(w).Flush, form: f}
		err := p.shell(plan.Members())
		var answer *aggregation.Answer
		if err == nil {
			answer, err = plan.Stream(r.Context(), in, p.section)
		}
		s.finish(p, r, answer, err)
	})).ServeHTTP(w, r)
}

// What became of a stream, beside an answer's own completeness.
const (
	endFailed = "failed" // a required part could not be had
	endCut    = "cut"    // the client has left, or took nothing any more
)

// finish ends a stream, so that its reader sees how, and says so to the operator. A
// stream that nobody takes is cut.
func (s *screen) finish(p *pieces, r *http.Request, answer *aggregation.Answer, err error) {
	x := telemetry.FromContext(r.Context())
	gone := errors.Is(r.Context().Err(), context.Canceled)
	outcome := endCut
	switch {
	case gone || p.failed != nil:
	case err != nil:
		outcome = endFailed
		p.problem(edge.Document(p.w, r, err))
		p.end([]byte(`{"completeness":"`+endFailed+`"}`), nil)
	default:
		noteFlaws(x, answer)
		outcome = completeness(answer)
		p.end(answer.Meta(), answer.Timing)
	}
	if gone || p.failed != nil {
		s.ends.WithLabelValues(s.plan.Pattern, endCut).Inc()
		x.Code, x.Err = problem.ClientClosed.Code(), errors.Join(err, p.failed)
		panic(http.ErrAbortHandler)
	}
	s.ends.WithLabelValues(s.plan.Pattern, outcome).Inc()
}

// completeness is the answer's in one word.
func completeness(answer *aggregation.Answer) string {
	switch {
	case len(answer.Flaws) == 0:
		return "full"
	case answer.Partial():
		return "partial"
	}
	return "stale"
}

// pieces writes the pieces of one stream, each of which is sent at once.
type pieces struct {
	w      http.ResponseWriter
	flush  func() error
	form   form
	line   []byte // the piece in the making
	failed error  // why nothing can be sent any more
}

// shell tells which members to expect.
func (p *pieces) shell(members []string) error {
	names, _ := json.Marshal(members) // strings only
	p.begin("shell")
	p.add("members", names)
	return p.send()
}

// section is a member, with what is wrong with it.
func (p *pieces) section(s aggregation.Section) error {
	name, _ := json.Marshal(s.Name)
	p.begin("section")
	p.add("name", name)
	if s.Body != nil {
		p.add("body", s.Body)
	}
	if len(s.Flaws) > 0 {
		flaws, err := json.Marshal(s.Flaws)
		if err != nil {
			return err
		}
		p.add("errors", flaws)
	}
	return p.send()
}

// problem is why there is no whole answer.
func (p *pieces) problem(document []byte) {
	p.begin("problem")
	p.add("problem", document)
	_ = p.send() // it is in p.failed
}

// end is the mark without which a stream was cut. Meta is an object whose members
// it has.
func (p *pieces) end(meta []byte, timing []aggregation.Timing) {
	p.begin("end")
	p.line = append(append(p.line, ','), meta[1:len(meta)-1]...)
	if len(timing) > 0 {
		p.add("timing", timingJSON(timing))
	}
	_ = p.send() // it is in p.failed
}

// begin begins a piece, which is an object.
func (p *pieces) begin(kind string) {
	p.line = p.line[:0]
	if p.form == events { // HTML Standard §9.2.5
		p.line = append(append(append(p.line, "event: "...), kind...), "\ndata: "...)
	}
	p.line = append(append(append(p.line, `{"type":"`...), kind...), '"')
}

// add adds a member to the piece. A piece is one line: a line end in JSON stands
// between tokens, where a space does as well.
func (p *pieces) add(name string, value []byte) {
	p.line = append(append(append(p.line, `,"`...), name...), `":`...)
	from := len(p.line)
	p.line = append(p.line, value...)
	for i := range p.line[from:] {
		if c := &p.line[from+i]; *c == '\n' || *c == '\r' {
			*c = ' '
		}
	}
}

// send sends the piece, through whatever encodes it, to the client.
func (p *pieces) send() error {
	if p.failed != nil {
		return p.failed
	}
	p.line = append(p.line, "}\n"...)
	if p.form == events {
		p.line = append(p.line, '\n')
	}
	if _, p.failed = p.w.Write(p.line); p.failed == nil {
		p.failed = p.flush()
	}
	return p.failed
}

// newStreamEnds counts what became of streams.
func newStreamEnds(r prometheus.Registerer) *prometheus.CounterVec {
	ends := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "screen_streams_total", Help: "Streamed answers of screens, by route and what became of them: full, partial, stale, failed or cut.",
	}, []string{"route", "outcome"})
	r.MustRegister(ends)
	return ends
}
