package aggregation

import "time"

// An Endpoint is one answer made of parts. It is plain data: the same table
// serves the engine, the checks and the documentation.
type Endpoint struct {
	Route  string        // method and path pattern, such as "GET /v1/home" or "POST /v1/orders"
	Policy string        // name of the access policy; there is no default
	Limits []string      // names of the rate limits that a request is charged to
	Budget time.Duration // how long the whole answer may take; there is no default
	Parts  []Part        // what the client sees, in this order
	Status int           // of an answer: 200, 201 or 202; zero is 200
	// Compose shapes the parts into the response. When nil, the response is an
	// object with a member for each part.
	Compose Compose
}

// A Part is one named piece of the answer.
type Part struct {
	Name string // the member's name in the response
	From Source // where it comes from: a [Call], or two of them joined
	Mask string // which fields of the source the client sees, see package projection; empty means all, and null stays null
	Else Else   // what to do when it cannot be had; the zero value makes the part required
}

// Else is a part's failure contract. The zero value is required: without the
// part there is no answer.
type Else struct{ omit bool }

// Omit leaves the part out and names it in the response as missing.
var Omit = Else{omit: true}

// A Source is where a part comes from.
type Source interface {
	calls() []*Call
}

// Compose is a pure function from parts to the response: it appends one JSON
// object to dst. The function part gives the JSON of a part by its name, and nil
// for one that is missing. Compose must not keep or change those bytes, nor keep
// dst; it leaves out the member _meta, which is added behind it.
type Compose func(dst []byte, part func(name string) []byte) ([]byte, error)
