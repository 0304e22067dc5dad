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
	// Fields lets the client choose with ?fields=items(id,title),next what it wants
	// of what the parts offer. Calls that nobody needs then are not made.
	Fields bool
	// Compose shapes the parts into the response. When nil, the response is an
	// object with a member for each part.
	Compose Compose
}

// A Part is one named piece of the answer.
type Part struct {
	Name    string   // the member's name in the response
	From    Source   // where it comes from
	Mask    string   // which fields of the source the client sees, see package projection; empty means all, and null stays null
	Else    Else     // what to do when it cannot be had; the zero value makes the part required
	Merge   Merge    // how it is put into an earlier part of the same name; the zero value refuses two of one name
	Limit   Limit    // how large the source's answer may be
	Cookies []string // names of cookies that the source may set at the client; all others are dropped
}

// A Limit bounds the answer that a part is made from, beyond what its service's
// configuration does. A breach fails the part. Zero fields add no bound.
type Limit struct {
	Bytes int // its length
	Depth int // how many arrays and objects may be open at once
	Items int // the length of any of its arrays
}

// A Source is where a part comes from: a [Call], two of them joined ([Call.Join]),
// or one with a call for each element of a list ([Call.ForEach]).
type Source interface {
	calls() []*Call
}

// Compose is a pure function from parts to the response: it appends one JSON
// object to dst. The function part gives the JSON of a part by its name, and nil
// for one that is missing or was skipped. Compose must not keep or change those
// bytes, nor keep dst; it leaves out the member _meta, which is added behind it.
type Compose func(dst []byte, part func(name string) []byte) ([]byte, error)
