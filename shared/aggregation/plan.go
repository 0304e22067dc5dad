package aggregation

import (
	"time"

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

	budget  time.Duration
	inputs  []input // every value that calls use, once; where it stands is its slot
	calls   []call  // a call comes after those whose values it uses
	parts   []part
	compose Compose
}

// call is a bound Call.
type call struct {
	service    string
	caller     upstream.Caller
	request    upstream.Request // what does not change from request to request
	path       template
	query      []queryParam
	fields     *fields // of the gRPC request, or of the body
	unsafe     bool
	inputs     []int     // slots of the values that it uses
	needs      int       // how many distinct calls it waits for, for their values or for their success
	dependents []int     // calls that wait for this one
	captures   []capture // what others read from this one's answer
	parts      []int     // parts made from this one
}

// input is a value that calls use.
type input struct {
	Value
	at *projection.Path // where in the claims, or in the body
}

// capture is a value, or a list of them, that is read from an answer.
type capture struct {
	slot int
	path *projection.Path
	most int // how many
}

// part is a bound Part.
type part struct {
	name   string
	member []byte // the encoded name and a colon
	call   int    // whose answer is shown
	join   *join
	waits  int              // for how many calls
	mask   *projection.Mask // nil shows all
	omit   bool
}

// join is a bound Joined; the looked-up answer is that of call from.
type join struct {
	from           int
	intoList       *projection.Path // the elements that get a member
	intoKey        *projection.Path // the value to look up, within an element
	fromList       *projection.Path
	fromKey        *projection.Path
	member         []byte // `,"name":`
	listIn, listOf string // for messages
}

// A Binding is a configured service, as a plan sees it.
type Binding struct {
	Caller upstream.Caller
	Files  *protojson.Files // its descriptors; nil for a service that speaks HTTP
}

// Lookup finds a configured service by its name.
type Lookup func(service string) (Binding, bool)
