package aggregation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/triptych-bff/triptych/shared/http1"
	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// An Explanation is a plan in words: what is fetched, after what, and what the client
// sees of it.
type Explanation struct {
	Route   string          `json:"route"`
	Policy  string          `json:"policy"`
	Limits  []string        `json:"limits,omitempty"`
	Budget  string          `json:"budget"`
	Cost    int             `json:"cost"` // calls of services that a request makes at most
	Fields  bool            `json:"fields"`
	Streams bool            `json:"streams"`
	Calls   []ExplainedCall `json:"calls"`
	Parts   []ExplainedPart `json:"parts"`
}

// ExplainedCall is a call of a plan.
type ExplainedCall struct {
	Name    string   `json:"name"`
	Request string   `json:"request"`         // with the names of values, or the values themselves where they are known
	After   []string `json:"after,omitempty"` // the calls that it waits for
	When    string   `json:"when,omitempty"`
	ForEach string   `json:"for_each,omitempty"`
	Within  string   `json:"within,omitempty"`
	Public  bool     `json:"public,omitempty"`
	Changes bool     `json:"changes,omitempty"`
	Now     string   `json:"now,omitempty"` // of a request: "made", "skipped", "later", or why it fails
}

// ExplainedPart is a part of a plan.
type ExplainedPart struct {
	Name  string   `json:"name"`
	From  []string `json:"from"`
	Mask  string   `json:"mask,omitempty"`
	Else  string   `json:"else"`
	Reads []string `json:"reads,omitempty"` // what the mask reads of the answer
}

// names gives every call a name of its own.
func (c *compiler) names() {
	seen := map[string]int{}
	for i := range c.plan.calls {
		name := strings.TrimPrefix(c.order[i].place(), "call ")
		if seen[name]++; seen[name] > 1 {
			name = fmt.Sprintf("%s #%d", name, seen[name])
		}
		c.plan.calls[i].name = name
	}
}

// Explain is the plan in words.
func (p *Plan) Explain() *Explanation {
	e := &Explanation{
		Route: p.endpoint.Route, Policy: p.endpoint.Policy, Limits: p.endpoint.Limits,
		Budget: p.budget.String(), Cost: p.Cost(), Fields: p.Fields, Streams: p.Streams(),
	}
	for i := range p.calls {
		if p.calls[i].needs >= 0 {
			e.Calls = append(e.Calls, p.explainCall(i))
		}
	}
	for i := range p.parts {
		e.Parts = append(e.Parts, p.explainPart(&p.parts[i]))
	}
	return e
}

// ExplainRequest is what the plan would do with a request, as far as the request
// alone decides it. Nothing is called.
func (p *Plan) ExplainRequest(in Input) *Explanation {
	e := p.Explain()
	r := newRun(nil, p, in) //nolint:staticcheck // nothing is started
	at := 0
	for i := range p.calls {
		if p.calls[i].needs < 0 {
			continue
		}
		r.explain(i, &e.Calls[at])
		at++
	}
	return e
}

// explain says what a request decides of a call.
func (r *run) explain(i int, e *ExplainedCall) {
	c := &r.plan.calls[i]
	wanted, err := true, error(nil)
	if c.needs == 0 || c.when != nil && c.when.early {
		wanted, err = r.wanted(c)
	}
	var req *upstream.Request
	if err == nil && wanted && c.needs == 0 {
		req, err = r.request(c)
	}
	state := &r.calls[i]
	if err != nil {
		state.failure = &failure{c.service, problem.From(err)}
	}
	switch {
	case !wanted && err == nil:
		e.Now, state.skips, state.failure = "skipped", true, nil
	case state.failure != nil:
		e.Now = "fails: " + state.failure.problem.Error()
	case state.skips:
		e.Now = "skipped"
	case c.needs > 0:
		e.Now = "later"
	default:
		e.Now, e.Request = "made", rendered(req)
	}
	r.explainAfter(i)
}

// explainAfter has what comes of a call in what waits for it: of that the request alone
// decides as much.
func (r *run) explainAfter(i int) {
	state := &r.calls[i]
	for _, next := range r.plan.calls[i].dependents {
		to := &r.calls[next.to]
		if next.fails && to.failure == nil {
			to.failure = state.failure
		}
		to.skips = to.skips || next.skips && state.skips && state.failure == nil
	}
}

func rendered(req *upstream.Request) string {
	text := req.Operation
	if req.Path != "" {
		text = req.Method + " " + req.Path
		if req.Query != "" {
			text += "?" + req.Query
		}
	}
	for _, f := range req.Header {
		if !f.Is("Content-Type") {
			text += " " + f.Name + ": " + f.Value
		}
	}
	if len(req.Body) > 0 {
		text += " " + string(req.Body)
	}
	return text
}

func (p *Plan) explainCall(i int) ExplainedCall {
	c := &p.calls[i]
	e := ExplainedCall{Name: c.name, Request: p.template(c), Public: c.public, Changes: c.unsafe}
	for k := range p.calls {
		if slices.ContainsFunc(p.calls[k].dependents, func(d edge) bool { return d.to == i }) {
			e.After = append(e.After, p.calls[k].name)
		}
	}
	if c.when != nil {
		e.When = c.when.text
	}
	if c.perItem != nil {
		e.ForEach = fmt.Sprintf("%s of %s, at most %d, %d at once", p.calls[c.perItem.of].captures[c.perItem.list].text, p.calls[c.perItem.of].name, c.perItem.most, c.perItem.atOnce)
	}
	if c.request.Timeout > 0 {
		e.Within = c.request.Timeout.String()
	}
	return e
}

// template is the request with the names of its values in braces.
func (p *Plan) template(c *call) string {
	names := make(values, len(p.inputs))
	for i := range p.inputs {
		names[i] = [][]byte{[]byte("{" + p.inputs[i].String() + "}")}
	}
	req := c.request
	if len(c.path.pieces) > 0 {
		var b strings.Builder
		for k, piece := range c.path.pieces {
			b.WriteString(piece)
			if k < len(c.path.slots) {
				b.Write(names[c.path.slots[k]][0])
			}
		}
		req.Path, req.Query = b.String(), templateQuery(c.query, names)
	}
	for _, line := range c.header {
		value := line.value
		if line.slot >= 0 {
			value = string(names[line.slot][0])
		}
		req.Header = append(slices.Clip(req.Header), http1.Field{Name: line.name, Value: value})
	}
	switch {
	case c.fields != nil && len(c.fields.members) > 0:
		req.Body = c.fields.appendJSON(nil, names)
	case c.content >= 0:
		req.Body = names[c.content][0]
	}
	return rendered(&req)
}

func templateQuery(params []queryParam, names values) string {
	list := make([]string, len(params))
	for i, q := range params {
		list[i] = q.prefix
		if q.slot >= 0 {
			list[i] += string(names[q.slot][0])
		}
	}
	return strings.Join(list, "&")
}

func (p *Plan) explainPart(part *part) ExplainedPart {
	e := ExplainedPart{Name: part.name, From: []string{p.calls[part.call].name}, Else: part.otherwise.String()}
	if j := part.join; j != nil {
		e.From = append(e.From, fmt.Sprintf("%s as %s.%s", p.calls[j.from].name, j.at, j.as))
	}
	if part.mask != nil {
		e.Mask, e.Reads = part.mask.String(), part.mask.Paths()
	}
	return e
}

// String is the contract in a few words.
func (e Else) String() string {
	text := "required"
	if e.optional {
		text = "left out"
	}
	if e.defaults {
		text = "default " + e.fallback
	}
	if e.keeps {
		text = fmt.Sprintf("last good within %s, then %s", e.lastGood.Round(time.Second), text)
	}
	return text
}

// String names the value where a plan is explained.
func (v Value) String() string {
	switch v.kind {
	case claimValue:
		return "claim " + v.name
	case pathValue:
		return v.name
	case queryValue:
		return "?" + v.name
	case headerValue:
		return "header " + v.name
	case bodyValue:
		return strings.TrimSpace("body " + v.path)
	case itemValue:
		return "element " + v.path
	case answerValue, eachValue:
		if v.call == nil {
			return v.path + " of nothing"
		}
		return strings.TrimSpace(v.path + " of " + strings.TrimPrefix(v.call.place(), "call "))
	}
	return "nothing"
}

// String is the explanation as a table for people.
func (e *Explanation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  policy %s, limits %s, budget %s, at most %d calls\n", e.Route, e.Policy, strings.Join(e.Limits, " "), e.Budget, e.Cost)
	for _, c := range e.Calls {
		fmt.Fprintf(&b, "  call %s\n", c.Name)
		for _, line := range [][2]string{
			{"request", c.Request}, {"after", strings.Join(c.After, ", ")}, {"when", c.When}, {"for each", c.ForEach}, {"within", c.Within}, {"now", c.Now},
		} {
			if line[1] != "" {
				fmt.Fprintf(&b, "       %-8s %s\n", line[0], line[1])
			}
		}
	}
	for _, p := range e.Parts {
		fmt.Fprintf(&b, "  part %s\n       from     %s\n", p.Name, strings.Join(p.From, ", "))
		if p.Mask != "" {
			fmt.Fprintf(&b, "       mask     %s\n", p.Mask)
		}
		fmt.Fprintf(&b, "       else     %s\n", p.Else)
	}
	return b.String()
}
