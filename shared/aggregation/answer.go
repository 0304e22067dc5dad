package aggregation

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/triptych-bff/triptych/shared/http1"
	"github.com/triptych-bff/triptych/shared/httpcache"
	"github.com/triptych-bff/triptych/shared/problem"
)

// CompletenessHeader is the response header that says whether all parts are
// there. It is a structured field, a dictionary (RFC 9651 §3.2): "full", "partial",
// or only lists of parts that are as they were before, and of those that are
// missing, have their default, or lack something within:
//
//	BFF-Completeness: partial, missing=("orders" "picks"), stale=("rows")
const CompletenessHeader = "BFF-Completeness"

// An Answer is a finished response.
type Answer struct {
	Body         []byte // one JSON object; its last member is _meta. Nil of a streamed answer
	Flaws        []Flaw // parts that are not what they should be, in their order
	CacheControl string // what the answers that it is made of allow together
	Vary         []string
	Cookies      []string // lines of Set-Cookie that parts may set
	Timing       []Timing // by part, where it was asked for

	room *[]byte // which Body was made in; nil where Release does nothing
}

// Timing is when a part was done.
type Timing struct {
	Part string
	Took time.Duration // since the request began
}

// Release gives Body's memory back, for another answer. Whoever alone has the
// answer may call it, and uses neither Body nor a piece of it afterwards. Nobody
// has to.
func (a *Answer) Release() {
	if a.room != nil {
		*a.room = a.Body
		giveBack(a.room)
		a.room, a.Body = nil, nil
	}
}

// A Flaw is what is wrong with a part of an answer.
type Flaw struct {
	Part       string `json:"part"`
	State      State  `json:"state,omitempty"`
	Source     string `json:"source"`                   // the service that failed
	Code       string `json:"code"`                     // a problem's code
	Items      []int  `json:"items,omitempty"`          // of an incomplete part made by ForEach, the elements that lack their answer
	StaleAge   int    `json:"stale_age_s,omitempty"`    // of a stale part: how long ago it was good
	RetryAfter int64  `json:"retry_after_ms,omitempty"` // when the service may be asked again, where that is known
	Repair     string `json:"repair,omitempty"`         // a link that fetches only this part
	Err        error  `json:"-"`                        // why, for the operator: it names the part and the service
}

// State is what is shown of a part that could not be had.
type State string

// The states.
const (
	Missing    State = ""           // nothing
	Defaulted  State = "default"    // its default
	Stale      State = "stale"      // what was good last
	Incomplete State = "incomplete" // the part, which lacks something within
)

// Partial reports whether a part is missing, a default or incomplete. A partial
// answer is not to be stored: what it lacks may be there the next time.
func (a *Answer) Partial() bool {
	return slices.ContainsFunc(a.Flaws, func(f Flaw) bool { return f.State != Stale })
}

// Completeness is the value of [CompletenessHeader].
func (a *Answer) Completeness() string {
	if len(a.Flaws) == 0 {
		return "full"
	}
	text := ""
	if a.Partial() {
		text = "partial"
	}
	for _, list := range []struct {
		key   string
		state State
	}{{"missing", Missing}, {"default", Defaulted}, {"incomplete", Incomplete}, {"stale", Stale}} {
		names := a.names(list.state)
		if len(names) == 0 {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += list.key + `=("` + strings.Join(names, `" "`) + `")`
	}
	return text
}

// names are the parts in this state, each once.
func (a *Answer) names(s State) (names []string) {
	for _, f := range a.Flaws {
		if f.State == s && !slices.Contains(names, f.Part) {
			names = append(names, f.Part)
		}
	}
	return names
}

var errCompose = errors.New("compose: expected one JSON object")

// answer puts the parts together. An answer without any part is none: it is the
// problem of the first.
func (r *run) answer() (*Answer, error) {
	a := &Answer{}
	if err := r.mergeAll(); err != nil {
		return nil, err
	}
	if err := r.flaws(a); err != nil {
		return nil, err
	}
	r.keepGood()
	r.headers(a)
	if r.send != nil {
		return a, nil
	}
	a.room = room()
	body, err := r.body(*a.room)
	if err != nil {
		giveBack(a.room)
		return nil, err
	}
	a.Body = a.appendMeta(body)
	if r.plan.compose != nil {
		a.room = nil // it may be anybody's
	}
	return a, nil
}

// flaws lists what is wrong. The error is that nothing is left.
func (r *run) flaws(a *Answer) error {
	missing := 0
	for k := range r.parts {
		if r.parts[k].missing == nil {
			continue
		}
		if r.parts[k].instead == nothing {
			missing++
		}
		a.add(r.flaw(k))
	}
	if missing == len(r.parts) {
		return r.parts[0].missing.fatal(r.plan.parts[0].name)
	}
	return nil
}

// add names a flaw, but not twice what is wrong with several parts of one name.
func (a *Answer) add(f Flaw) {
	if !slices.ContainsFunc(a.Flaws, func(have Flaw) bool {
		return have.Part == f.Part && have.State == f.State && have.Source == f.Source && have.Code == f.Code
	}) {
		a.Flaws = append(a.Flaws, f)
	}
}

var states = [...]State{nothing: Missing, fallback: Defaulted, lastGood: Stale, itselfNot: Incomplete}

func (r *run) flaw(k int) Flaw {
	p, name := &r.parts[k], r.plan.parts[k].name
	f := Flaw{
		Part: name, State: states[p.instead], Source: p.missing.source, Code: p.missing.problem.Kind.Code(),
		Items: p.items, RetryAfter: p.missing.problem.RetryAfter.Milliseconds(), Err: p.missing.cause(name),
	}
	if f.State == Missing && r.beside(k) {
		f.State = Incomplete // of the member
	}
	if p.instead == lastGood {
		f.StaleAge = int(r.plan.env.Now().Sub(p.kept) / time.Second)
	}
	if r.in.Repair != nil && r.plan.repairable() {
		f.Repair = r.in.Repair(name)
	}
	return f
}

// beside is whether another part of the same name is shown.
func (r *run) beside(k int) bool {
	for i := range r.parts {
		if i != k && r.plan.parts[i].name == r.plan.parts[k].name && r.parts[i].there {
			return true
		}
	}
	return false
}

// headers are those that depend on the answers of the services.
func (r *run) headers(a *Answer) {
	var mix httpcache.Mix
	made := false
	for i := range r.calls {
		made = r.mix(&mix, i) || made
	}
	for k := range r.parts {
		p, part := &r.parts[k], &r.plan.parts[k]
		if p.instead == lastGood {
			made = true
			mix.Add(r.aged(k))
		}
		if response := r.calls[part.call].response; response != nil && len(part.cookies) > 0 && (p.instead == itself || p.instead == itselfNot) {
			a.Cookies = appendCookies(a.Cookies, response.Header, part.cookies)
		}
		if r.in.Timing {
			a.Timing = append(a.Timing, Timing{part.name, p.took})
		}
	}
	a.Vary = r.plan.vary(mix.Vary())
	switch {
	case a.Partial() || r.plan.Method != http.MethodGet:
		a.CacheControl = "no-store"
	case !made:
		a.CacheControl = "private, no-cache"
	default:
		a.CacheControl = mix.CacheControl()
	}
}

// mix adds what a call's answer allows, and is whether a service was asked for one.
func (r *run) mix(m *httpcache.Mix, i int) bool {
	state := &r.calls[i]
	asked := state.asked() && !isLocal(r.plan.calls[i].caller)
	if asked {
		state.items.mix(m, state.response)
	}
	return asked
}

// aged is what was said of the freshness of what is shown again, with its age.
func (r *run) aged(k int) http1.Fields {
	good, _ := r.plan.env.Kept.Get(r.key(r.plan.parts[k].good))
	age := int(r.plan.env.Now().Sub(r.parts[k].kept) / time.Second)
	return append(http1.Fields{{Name: "Age", Value: strconv.Itoa(age)}}, good.Header...)
}

// vary adds the request's headers that calls are made of. A response that varies with
// everything says nothing else (RFC 9110 §12.5.5).
func (p *Plan) vary(names []string) []string {
	if slices.Contains(names, "*") {
		return names
	}
	for _, name := range p.varies {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// appendCookies appends the lines that set cookies of these names (RFC 6265 §4.1).
func appendCookies(dst []string, h http1.Fields, names []string) []string {
	for _, line := range h.Values("Set-Cookie") {
		if name, _, _ := strings.Cut(line, "="); slices.Contains(names, strings.TrimSpace(name)) {
			dst = append(dst, line)
		}
	}
	return dst
}

// body is the response's object without its closing brace, appended to dst.
func (r *run) body(dst []byte) ([]byte, error) {
	dst = slices.Grow(dst, len(r.shown)+64*len(r.plan.parts)+64)
	if r.plan.compose != nil {
		return r.composed(dst)
	}
	dst = append(dst, '{')
	for i := range r.plan.members {
		if raw := r.member(i); raw != nil {
			if len(dst) > 1 {
				dst = append(dst, ',')
			}
			dst = append(append(dst, r.plan.members[i].key...), raw...)
		}
	}
	return dst, nil
}

// member is the JSON of a member, or nil.
func (r *run) member(i int) []byte {
	if list := r.plan.members[i].parts; len(list) == 1 {
		return r.json(list[0])
	}
	return r.merged[i]
}

// mergeAll merges the members that have several parts, unless they were sent and so
// are merged. What does not fit is known before it is said what is wrong.
func (r *run) mergeAll() error {
	if r.send != nil {
		return nil
	}
	for i := range r.plan.members {
		if err := r.merge(i); err != nil {
			return err
		}
	}
	return nil
}

// merge makes a member of its parts that are there, in their order. A part that does
// not fit is missing; the error is that of one that is required.
func (r *run) merge(i int) error {
	list := r.plan.members[i].parts
	if len(list) == 1 {
		return nil
	}
	if r.merged == nil {
		r.merged = make([][]byte, len(r.plan.members))
	}
	var merged []byte
	for _, k := range list {
		raw := r.json(k)
		switch {
		case raw == nil:
		case merged == nil:
			merged = raw
		default:
			from := len(r.shown)
			out, err := r.plan.parts[k].merge.apply(r.shown, merged, raw)
			if err == nil {
				r.shown, merged = out, out[from:]
			} else if err = r.unfit(k, err); err != nil {
				return err
			}
		}
	}
	r.merged[i] = merged
	return nil
}

// unfit notes that a part cannot be put into the one before. The error is that of a
// part that is required.
func (r *run) unfit(k int, err error) error {
	p, part := &r.parts[k], &r.plan.parts[k]
	c := &r.plan.calls[part.call]
	p.missing, p.instead, p.there = &failure{c.service, c.nonsense(err)}, nothing, false
	if !part.otherwise.optional {
		return p.missing.fatal(part.name)
	}
	return nil
}

// composed is what Compose makes of the parts.
func (r *run) composed(dst []byte) ([]byte, error) {
	dst, err := r.plan.compose(dst, func(name string) []byte {
		for i := range r.plan.members {
			if r.plan.members[i].name == name {
				return r.member(i)
			}
		}
		return nil
	})
	if err == nil {
		dst = bytes.TrimSpace(dst)
		if len(dst) < 2 || dst[0] != '{' || dst[len(dst)-1] != '}' {
			err = errCompose
		}
	}
	if err != nil {
		return nil, problem.Internal.Wrap(err, "")
	}
	return bytes.TrimRight(dst[:len(dst)-1], " \t\r\n"), nil
}

// appendMeta closes the response's object with the member that says what is
// missing, and why.
func (a *Answer) appendMeta(dst []byte) []byte {
	if len(dst) > 1 {
		dst = append(dst, ',')
	}
	dst = append(dst, `"_meta":`...)
	return append(a.meta(dst), '}')
}

// meta is what a body says of itself.
func (a *Answer) meta(dst []byte) []byte {
	switch {
	case len(a.Flaws) == 0:
		return append(dst, `{"completeness":"full"}`...)
	case a.Partial():
		dst = append(dst, `{"completeness":"partial","errors":`...)
	default:
		dst = append(dst, `{"completeness":"stale","errors":`...)
	}
	flaws, _ := json.Marshal(a.Flaws) // strings and numbers only
	return append(append(dst, flaws...), '}')
}
