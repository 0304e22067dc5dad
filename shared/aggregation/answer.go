package aggregation

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/triptych-bff/triptych/shared/problem"
)

// CompletenessHeader is the response header that says whether all parts are
// there. It is a structured field, a dictionary (RFC 9651 §3.2): "full", or
// "partial" with the list of what is missing:
//
//	BFF-Completeness: partial, missing=("orders" "picks")
const CompletenessHeader = "BFF-Completeness"

// An Answer is a finished response.
type Answer struct {
	Body    []byte // one JSON object; its last member is _meta
	Missing []Missing

	room *[]byte // which Body was made in; nil where Release does nothing
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

// Missing is a part that an answer lacks.
type Missing struct {
	Part   string `json:"part"`
	Source string `json:"source"` // the service that failed
	Code   string `json:"code"`   // a problem's code
	Err    error  `json:"-"`      // why, for the operator: it names the part and the service
}

// Partial reports whether a part is missing. A partial answer is not to be
// stored: what it lacks may be there the next time.
func (a *Answer) Partial() bool { return len(a.Missing) > 0 }

// Completeness is the value of [CompletenessHeader].
func (a *Answer) Completeness() string {
	if !a.Partial() {
		return "full"
	}
	names := make([]string, len(a.Missing))
	for i, m := range a.Missing {
		names[i] = `"` + m.Part + `"`
	}
	return "partial, missing=(" + strings.Join(names, " ") + ")"
}

var errCompose = errors.New("compose: expected one JSON object")

// answer puts the parts together. An answer without any part is none: it is the
// problem of the first.
func (r *run) answer() (*Answer, error) {
	a := &Answer{}
	for i := range r.parts {
		if f := r.parts[i].missing; f != nil {
			name := r.plan.parts[i].name
			a.Missing = append(a.Missing, Missing{name, f.source, f.problem.Kind.Code(), f.cause(name)})
		}
	}
	if len(a.Missing) == len(r.parts) {
		return nil, r.parts[0].missing.fatal(r.plan.parts[0].name)
	}
	a.room = room()
	body, err := r.body(*a.room)
	if err != nil {
		return nil, problem.Internal.Wrap(err, "")
	}
	a.Body = appendMeta(body, a.Missing)
	if r.plan.compose != nil {
		a.room = nil // it may be anybody's
	}
	return a, nil
}

// body is the response's object without its closing brace, appended to dst.
func (r *run) body(dst []byte) ([]byte, error) {
	dst = slices.Grow(dst, len(r.shown)+64*len(r.plan.parts)+64)
	if r.plan.compose != nil {
		dst, err := r.plan.compose(dst, r.named)
		if err != nil {
			return nil, err
		}
		dst = bytes.TrimSpace(dst)
		if len(dst) < 2 || dst[0] != '{' || dst[len(dst)-1] != '}' {
			return nil, errCompose
		}
		return dst[:len(dst)-1], nil
	}
	dst = append(dst, '{')
	for i := range r.plan.parts {
		if raw := r.masked(i); raw != nil {
			if len(dst) > 1 {
				dst = append(dst, ',')
			}
			dst = append(append(dst, r.plan.parts[i].member...), raw...)
		}
	}
	return dst, nil
}

// named is the JSON of the named part, or nil.
func (r *run) named(name string) []byte {
	for i := range r.plan.parts {
		if r.plan.parts[i].name == name {
			return r.masked(i)
		}
	}
	return nil
}

// masked is the JSON of a part, or nil.
func (r *run) masked(i int) []byte {
	if p := &r.parts[i]; p.lacking == 0 && p.missing == nil {
		return r.shown[p.from:p.to:p.to]
	}
	return nil
}

// appendMeta closes the response's object with the member that says what is
// missing, and why.
func appendMeta(dst []byte, missing []Missing) []byte {
	if len(dst) > 1 {
		dst = append(dst, ',')
	}
	if len(missing) == 0 {
		return append(dst, `"_meta":{"completeness":"full"}}`...)
	}
	dst = append(dst, `"_meta":{"completeness":"partial","errors":`...)
	errs, _ := json.Marshal(missing) // strings only
	return append(append(dst, errs...), `}}`...)
}
