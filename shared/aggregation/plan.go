package aggregation

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/triptych-bff/triptych/shared/httpcache"
	"github.com/triptych-bff/triptych/shared/projection"
	"github.com/triptych-bff/triptych/shared/protojson"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// A Plan is an endpoint that has been checked and bound to its services. It is
// immutable and serves any number of requests at once.
type Plan struct {
	Method  string // of the route
	Pattern string // of the route, such as "/v1/books/{id}"
	Status  int    // of an answer
	Body    bool   // whether values of the request's body are used
	Fields  bool   // whether the client may choose fields

	endpoint Endpoint
	env      Env
	budget   time.Duration
	inputs   []input // every value that calls use, once; where it stands is its slot
	calls    []call  // a call comes after those whose values it uses
	parts    []part
	members  []member // of the response, in order
	compose  Compose
	varies   []string // the request's headers that the calls are made of
	room     int      // how many results can be under way
	scope    string   // what of the endpoint it shows; empty for all

	variants *variants // by what the client chose
}

// call is a bound Call.
type call struct {
	name       string // of the call in explanations: unique
	service    string
	caller     upstream.Caller
	request    upstream.Request // what does not change from request to request
	path       template
	query      []queryParam
	header     []headerLine
	fields     *fields    // of the gRPC request, or of the body
	content    int        // slot of the whole body; -1 for none
	when       *condition // nil for always
	unsafe     bool
	given      bool // values of it are the client's to choose
	public     bool
	perItem    *perItem // not nil where the call is made for each element
	inputs     []int    // slots of the values that have to be there
	needs      int      // how many distinct calls it waits for; negative where nobody needs it
	dependents []edge
	captures   []capture        // what is read from this one's answer
	note       *projection.Pass // reads it
	parts      []int            // those that wait for this call
	direct     []int            // those that show its answer as it is
}

// edge leads to a call that waits for another one.
type edge struct {
	to    int
	fails bool // when that fails
	skips bool // is skipped when that is
}

// input is a value that calls use.
type input struct {
	Value
	at *projection.Path // where in the claims, the body or the element
}

// capture is a value or a list of them that is read from an answer, or where the
// elements and keys of a join are.
type capture struct {
	path *projection.Path // nil for the whole answer
	text string
	slot int // of the values; -1 for a join
	most int // how many
}

// perItem is what a call that is made for each element has beside.
type perItem struct {
	of     int // the call in whose answer the list is
	list   int // which capture of it
	most   int
	atOnce int
	values []int // slots of the element's values
	inputs []int // those of them that have to be there
}

// part is a bound Part.
type part struct {
	name      string
	call      int // whose answer is shown
	join      *join
	waits     int              // for how many calls
	mask      *projection.Mask // nil shows all
	show      *projection.Pass // shows the answer
	read      *projection.Pass // the same, and reads its call's captures
	limit     Limit
	otherwise Else
	merge     bound
	cookies   []string
	good      *good // nil where nothing is kept
}

// member is a member of the response: a part, or several of one name.
type member struct {
	name  string
	key   []byte // the encoded name and a colon
	parts []int
}

// A Binding is a configured service, as a plan sees it.
type Binding struct {
	Caller upstream.Caller
	Files  *protojson.Files // its descriptors; nil for a service that speaks HTTP
}

// Lookup finds a configured service by its name.
type Lookup func(service string) (Binding, bool)

// Env is what plans are bound to.
type Env struct {
	Services Lookup
	Kept     *httpcache.Kept  // where parts are kept for [LastGood]; nil keeps nothing
	Now      func() time.Time // nil is time.Now
}

// Cost is how many calls of services a request makes at most.
func (p *Plan) Cost() int {
	cost := 0
	for i := range p.calls {
		switch c := &p.calls[i]; {
		case c.needs < 0 || isLocal(c.caller):
		case c.perItem != nil:
			cost += c.perItem.most
		default:
			cost++
		}
	}
	return cost
}

func isLocal(c upstream.Caller) bool {
	switch c.(type) {
	case Function, constant:
		return true
	}
	return false
}

// Members are the names of the response's members, in order.
func (p *Plan) Members() []string {
	names := make([]string, len(p.members))
	for i := range p.members {
		names[i] = p.members[i].name
	}
	return names
}

// wire connects the parts with their calls. The parts and the calls are complete by
// now; those of another plan that it was made from are not touched.
func (p *Plan) wire() {
	p.members = nil
	for i := range p.calls {
		p.calls[i].parts, p.calls[i].direct = nil, nil
		p.calls[i].note = note(nil, &p.calls[i], Limit{})
	}
	for i := range p.parts {
		p.connect(i)
	}
	p.varies = p.headersUsed()
	p.room = len(p.calls)
	for i := range p.calls {
		if each := p.calls[i].perItem; each != nil {
			p.room += each.most
		}
	}
}

// headersUsed are the request's headers that the calls and their conditions look at, in
// canonical form.
func (p *Plan) headersUsed() (names []string) {
	for i := range p.calls {
		c := &p.calls[i]
		slots := c.inputs
		if c.when != nil {
			slots = c.when.allSlots(slices.Clip(slots))
		}
		for _, slot := range slots {
			name := http.CanonicalHeaderKey(p.inputs[slot].name)
			if c.needs >= 0 && p.inputs[slot].kind == headerValue && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

func (p *Plan) connect(i int) {
	to := &p.parts[i]
	from := &p.calls[to.call]
	from.parts = append(from.parts, i)
	to.waits = 1
	mask := to.mask
	if mask == nil {
		mask = projection.Whole()
	}
	to.show = projection.NewPass(mask, nil, to.limit.bounds())
	if to.join == nil {
		from.direct = append(from.direct, i)
		to.read = note(mask, from, to.limit)
	} else if to.join.from != to.call {
		other := &p.calls[to.join.from]
		other.parts = append(other.parts, i)
		to.waits = 2
	}
	at := slices.IndexFunc(p.members, func(m member) bool { return m.name == to.name })
	if at < 0 {
		p.members = append(p.members, member{name: to.name, key: memberKey(to.name)})
		at = len(p.members) - 1
	}
	p.members[at].parts = append(p.members[at].parts, i)
}

// note is the pass that reads a call's captures.
func note(mask *projection.Mask, c *call, limit Limit) *projection.Pass {
	paths := make([]*projection.Path, 0, len(c.captures))
	for _, capture := range c.captures {
		if capture.path != nil {
			paths = append(paths, capture.path)
		}
	}
	return projection.NewPass(mask, paths, limit.bounds())
}

func (l Limit) bounds() projection.Limits {
	return projection.Limits{Depth: l.Depth, Items: l.Items}
}

// variants are plans of parts of an endpoint, by what was asked for.
type variants struct {
	mu   sync.Mutex
	made map[string]*Plan
}
