package aggregation

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/triptych-bff/triptych/shared/projection"
)

// never is a condition's function that nobody calls.
func never([][]byte) bool { return false }

// TestEveryFaultNamesItsPlace: each endpoint has one fault, and the text says where it
// is and what was expected.
func TestEveryFaultNamesItsPlace(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{}`)
	w.json("orders", `{}`)
	w.books(func(string) string { return `{}` })

	user, list := users.Get("/me"), orders.Get("/orders")
	books := shelf.Call("BatchGetBooks", Fields{"ids": []any{"b1"}})
	part := func(p Part) Endpoint { return Endpoint{Parts: []Part{p}} }
	from := func(s Source) Endpoint { return part(Part{Name: "x", From: s}) }
	when := func(c Condition) Endpoint { return from(users.Get("/me").When(c)) }
	header := func(name string, value any) Endpoint { return from(users.Get("/me", Headers{name: value})) }
	metadata := func(name string, value any) Endpoint {
		return from(shelf.Call("BatchGetBooks", Headers{name: value}))
	}
	otherwise := func(e Else) Endpoint { return part(Part{Name: "x", From: users.Get("/me"), Else: e}) }
	limit := func(l Limit) Endpoint { return part(Part{Name: "x", From: users.Get("/me"), Limit: l}) }
	stock := func(it Item) *Call { return users.Get("/stock/{}", it.Value("id")) }
	each := func(list, as string, call func(Item) *Call) *Each {
		return orders.Get("/o").ForEach(list, as, call).Max(5)
	}
	var none *Call

	for name, test := range map[string]struct {
		endpoint Endpoint
		want     string
	}{
		// sources
		"no call":                  {from(none), `part "x": from: expected a call`},
		"a pointer to a join":      {from(&Joined{}), `part "x": from: expected a call`},
		"a join of nothing":        {from(user.Join("items.id", nil, "books.id", "book")), `part "x": join: expected two calls`},
		"a join into nothing":      {from(none.Join("items.id", user, "books.id", "book")), `part "x": join: expected two calls`},
		"for each of nothing":      {from(none.ForEach("items", "stock", stock)), `part "x": for each: expected a call`},
		"for each without a call":  {part(Part{Name: "x", From: each("items", "stock", func(Item) *Call { return nil }), Mask: `{items[]{stock}}`}), `part "x": for each: expected a call`},
		"for each without a func":  {from(each("items", "stock", nil)), `part "x": for each: expected a call`},
		"a service without a name": {from(REST{}.Get("/")), `no upstream is configured for `},

		// names
		"a name with a quote":        {part(Part{Name: `a"b`, From: user}), `part "a\"b": a part has a name of letters, digits, '_' and '-'`},
		"a name with an end of line": {part(Part{Name: "a\nb", From: user}), `a part has a name of letters`},
		"a name with a dot":          {part(Part{Name: "a.b", From: user}), `a part has a name of letters`},
		"a joined name with a dot":   {from(list.Join("items.id", user, "items.id", "a.b")), `part "x": join: the member that is joined needs a name of letters`},
		"an element without a name":  {from(each("items", "", stock)), `part "x": join: the member that is joined needs a name of letters`},
		"a merge without an earlier": {part(Part{Name: "x", From: user, Merge: Deep}), `part "x": merge: there is no earlier part of this name`},

		// paths
		"a name in braces":    {from(users.Get("/users/{id}")), `call users GET /users/{id}: expected an escaped path, with {} where a value stands`},
		"a space":             {from(users.Get("/a b")), `call users GET /a b: expected an escaped path`},
		"a letter beyond":     {from(users.Get("/é")), `expected an escaped path`},
		"an end of line":      {from(users.Get("/a\r\nHost: x")), `expected an escaped path`},
		"more values":         {from(users.Get("/a", Claim("sub"))), `call users GET /a: 0 placeholders, but 1 values`},
		"a list in a path":    {from(users.Get("/a/{}", list.Each("id").Max(2))), `call users GET /a/{}: a path takes one value, not a list`},
		"the path of a claim": {from(users.Get("/a/{}", Claim("org..id"))), `call users GET /a/{}: claim: `},
		"a path of an answer": {from(users.Get("/a/{}", list.Value("items[x]"))), `call users GET /a/{}: value of call orders GET /orders: `},

		// values
		"a value of no call":         {from(users.Get("/a/{}", none.Value("id"))), `call users GET /a/{}: the value "id" of no call`},
		"a list of no call":          {from(users.Get("/a", Query{"ids": none.Each("id").Max(3)})), `call users GET /a: the value "id" of no call`},
		"a value of no element":      {from(users.Get("/a/{}", Item{}.Value("id"))), `call users GET /a/{}: the value "id" of no element`},
		"a bound of what is no list": {from(users.Get("/a/{}", Claim("sub").Max(3))), `call users GET /a/{}: claim sub: Max is for lists`},
		"a bound below zero":         {from(users.Get("/a", Query{"ids": list.Each("id").Max(-1)})), `the list "id" of call orders GET /orders needs a bound`},
		"or a list":                  {from(users.Get("/a/{}", Claim("sub").Or([]string{"a"}))), `call users GET /a/{}: claim sub: or: expected a string, a number, a bool or nil, not ["a"]`},
		"or an object":               {from(users.Get("/a/{}", Claim("sub").Or(Fields{}))), `or: expected a string`},
		"or what has no JSON":        {from(users.Get("/a/{}", Claim("sub").Or(math.NaN()))), `or: expected a string`},
		"or a function":              {from(users.Get("/a/{}", Claim("sub").Or(never))), `or: expected a string`},
		"a list in a condition":      {when(Has(list.Each("id"))), `call users GET /me: the list "id" of call orders GET /orders needs a bound`},
		"a field in a condition":     {when(Has(books.Value("books.edition"))), `call users GET /me: protojson: `},
		"no value in a condition":    {when(Has(Value{})), `call users GET /me: an empty aggregation.Value`},
		"no call in a condition":     {when(Has(none.Value("id"))), `call users GET /me: the value "id" of no call`},
		"a parameter in a condition": {when(Has(PathParam("id"))), `call users GET /me: path parameter "id": the route has none of this name`},
		"a captured field":           {from(users.Get("/a", Query{"ids": books.Each("books.isbn").Max(3)})), `"isbn" is not in library.v1.Book`},
		"a body of a GET":            {from(users.Get("/a/{}", BodyValue("id"))), `body value "id": a GET has no body`},
		"an element outside":         {leaked(), `call users GET /stock/{}: uses an element of a list outside of its ForEach`},
		"an element's condition":     {leakedCondition(), `call users GET /me: uses an element of a list outside of its ForEach`},
		"an element's field":         {part(Part{Name: "x", From: books.ForEach("books", "stock", func(it Item) *Call { return users.Get("/stock/{}", it.Value("isbn")) }).Max(3)}), `"isbn" is not in library.v1.Book`},
		"an answer of many":          {ofMany(), `call users GET /stock/{} is made for each element, and has no one answer`},
		"a value without a call":     {from(users.Get("/a/{}", Value{})), `an empty aggregation.Value`},
		"a whole body in a query":    {Endpoint{Route: "POST /x", Parts: []Part{{Name: "x", From: users.Get("/a", Query{"q": Body()})}}}, `call users GET /a: query "q": the whole body is no text`},
		"a whole body in a header":   {Endpoint{Route: "POST /x", Parts: []Part{{Name: "x", From: users.Get("/a", Headers{"X-A": Body()})}}}, `call users GET /a: header "X-A": the whole body is no text`},

		// conditions without content
		"an empty condition":     {when(Condition{}), `call users GET /me: when: an empty condition`},
		"an empty one within":    {when(All(Has(user.Value("id")), Not(Condition{}))), `when: an empty condition`},
		"nothing to compare to":  {when(In[string](Claim("sub"))), `call users GET /me: when: claim sub is none of no values`},
		"all of nothing":         {when(All()), `call users GET /me: when: an empty All or Any`},
		"any of nothing":         {when(Not(Any())), `call users GET /me: when: an empty All or Any`},
		"a test without content": {when(Test(nil, Claim("sub"))), `call users GET /me: when: a test needs a function and values`},
		"a test of nothing":      {when(Test(never)), `call users GET /me: when: a test needs a function and values`},

		// constants
		"a constant that is no JSON": {from(Constant(`{`)), `call constant: expected JSON, not "{"`},
		"an empty constant":          {from(Constant(``)), `call constant: expected JSON, not ""`},
		"a default that is no JSON":  {otherwise(Default(`{]`)), `part "x": else: expected JSON, not "{]"`},
		"an empty default":           {otherwise(Default(``)), `part "x": else: expected JSON, not ""`},
		"an empty default of one":    {otherwise(LastGood(time.Minute).OrDefault(``)), `part "x": else: expected JSON, not ""`},
		"good for no time":           {otherwise(LastGood(0)), `part "x": else: expected a time, not 0s`},
		"good for less":              {otherwise(LastGood(-time.Second)), `part "x": else: expected a time, not -1s`},
		"good of a POST":             {Endpoint{Route: "POST /x", Parts: []Part{{Name: "x", From: user, Else: LastGood(time.Minute)}}}, `part "x": else: what was good last is for a GET`},
		"a field that is no JSON":    {from(users.Post("/a", Fields{"x": math.Inf(1)})), `call users POST /a: field "x": json: `},
		"a call as a field":          {from(users.Post("/a", Fields{"x": user})), `call users POST /a: field "x": expected a string`},
		"a map as a field":           {from(users.Post("/a", Fields{"x": map[string]any{"y": Claim("sub")}})), `call users POST /a: field "x": expected a string`},
		"a struct in nested fields":  {from(users.Post("/a", Fields{"x": Fields{"y": []any{struct{}{}}}})), `call users POST /a: field "x.y": expected a string`},
		"a query of another type":    {from(users.Get("/a", Query{"x": []string{"a"}})), `query "x": expected a string, an int, a bool or a Value, not []string`},

		// limits
		"fewer bytes than none":    {limit(Limit{Bytes: -1}), `part "x": limit: expected numbers`},
		"fewer elements than none": {limit(Limit{Items: -1}), `part "x": limit: expected numbers`},
		"a depth below zero":       {limit(Limit{Depth: -1}), `part "x": limit: expected numbers`},
		"too much depth":           {limit(Limit{Depth: projection.MaxDepth + 1}), `part "x": limit: expected numbers`},
		"a cookie that is none":    {part(Part{Name: "x", From: user, Cookies: []string{"a=b"}}), `part "x": cookies: "a=b" is no cookie's name`},

		// headers
		"Host":                      {header("host", "evil"), `call users GET /me: header "host": is not a call's to set`},
		"Content-Length":            {header("Content-Length", "1"), `header "Content-Length": is not a call's to set`},
		"Content-Type":              {header("Content-Type", "text/html"), `header "Content-Type": is not a call's to set`},
		"Connection":                {header("connection", "close"), `header "connection": is not a call's to set`},
		"Transfer-Encoding":         {header("Transfer-Encoding", "chunked"), `header "Transfer-Encoding": is not a call's to set`},
		"Upgrade":                   {header("Upgrade", "h2c"), `header "Upgrade": is not a call's to set`},
		"Expect":                    {header("Expect", "100-continue"), `header "Expect": is not a call's to set`},
		"no header's name":          {header("X A", "1"), `header "X A": is not a call's to set`},
		"no name":                   {header("", "1"), `header "": is not a call's to set`},
		"a pseudo-header":           {header(":path", "/"), `header ":path": is not a call's to set`},
		"a header in two writings":  {from(users.Get("/me", Headers{"X-A": "1", "x-a": "2"})), `header "x-a": stands twice`},
		"a value with a line's end": {header("X-A", "1\r\nX-B: 2"), `header "X-A": no header can have the value "1\r\nX-B: 2"`},
		"a number":                  {header("X-A", 1), `header "X-A": expected a string or a Value, not int`},
		"gRPC's own metadata":       {metadata("grpc-timeout", "1S"), `header "grpc-timeout": is not a call's to set`},
		"metadata beyond ASCII":     {metadata("x-a", "é"), `header "x-a": no header can have the value "é"`},

		// bodies and methods
		"a body and fields": {Endpoint{Route: "POST /x", Parts: []Part{{Name: "x", From: users.Post("/a", Fields{}, Body())}}}, `call users POST /a: the body is either`},
		"a body on a GET":   {from(users.Get("/a", Fields{"x": 1})), `call users GET /a: a GET has no body`},
		"on a DELETE":       {Endpoint{Route: "DELETE /x", Parts: []Part{{Name: "x", From: users.Delete("/a", Body())}}}, `call users DELETE /a: a DELETE has no body`},
		"a query of gRPC":   {from(shelf.Call("BatchGetBooks", Query{"a": 1})), `a gRPC call takes aggregation.Fields and aggregation.Headers only`},
		"a path of gRPC":    {from(shelf.Call("BatchGetBooks", Claim("sub"))), `a gRPC call takes aggregation.Fields and aggregation.Headers only`},
		"another service":   {from(RPC("library", "library.v1.Librari").Call("BatchGetBooks")), `has no service "library.v1.Librari"`},
		"a nested field":    {from(shelf.Call("BatchGetBooks", Fields{"ids": Fields{"x": 1}})), `call library library.v1.Library/BatchGetBooks: protojson: `},

		// joins
		"a join into what has none":    {from(books.Join("books.isbn", list, "items.id", "order")), `"isbn" is not in library.v1.Book`},
		"a join key that is not there": {from(list.Join("items.book", books, "books.isbn", "book")), `"isbn" is not in library.v1.Book`},
		"a join at no list":            {from(books.Join("books.title.id", list, "items.id", "order")), `part "x": join at: protojson: `},
		"for each of no list":          {from(books.ForEach("books.title", "stock", stock).Max(3)), `for each: protojson: `},
		"a join that nobody sees":      {part(Part{Name: "x", From: list.Join("items.book", books, "books.id", "book"), Mask: `{items[]{id}}`}), `part "x": mask: shows nothing of "book", so that call library library.v1.Library/BatchGetBooks is made for nothing`},
		"a join that is excluded":      {part(Part{Name: "x", From: list.Join("items.book", books, "books.id", "book"), Mask: `{items[]{-book}}`}), `part "x": mask: shows nothing of "book"`},
		"calls that nobody sees":       {part(Part{Name: "x", From: each("items", "stock", stock), Mask: `{items[]{id}}`}), `part "x": mask: shows nothing of "stock", so that call users GET /stock/{} is made for nothing`},
		"a mask of a joined member":    {part(Part{Name: "x", From: list.Join("items.book", books, "books.id", "book"), Mask: `{items[]{isbn:book.isbn}}`}), `part "x": mask: protojson: field "isbn" is not in library.v1.Book`},

		// for each
		"for each without a bound": {from(orders.Get("/o").ForEach("items", "stock", stock)), `call users GET /stock/{}: for each of "items" of call orders GET /o: needs a bound from 1 to 1000`},
		"for each of too many":     {from(orders.Get("/o").ForEach("items", "stock", stock).Max(1001)), `needs a bound from 1 to 1000`},
		"fewer than none at once":  {from(each("items", "stock", stock).AtOnce(-1)), `at once -1: expected a number`},
		"an ordinary call":         {from(each("items", "stock", func(Item) *Call { return users.Get("/stock") })), `call users GET /stock: for each: uses nothing of the element`},
		"a change for each":        {Endpoint{Route: "POST /x", Parts: []Part{{Name: "x", From: each("items", "stock", func(it Item) *Call { return users.Delete("/stock/{}", it.Value("id")) })}}}, `for each: a call that changes something is made once`},
		"one call of two lists":    {shared(), `part "y": for each: call users GET /stock/{} is made for the elements of another list`},
		"for each within for each": {nested(), `part "x": call users GET /stock/{} is made for each element, and has no one answer`},
		"for each of itself":       {ofItself(), `part "x": for each: call users GET /me is made for the elements of another list`},
		"a join with many":         {joinedWithMany(), `part "y": join: a call that is made for each element has no one answer`},

		// fields
		"fields of what is composed": {Endpoint{Fields: true, Parts: []Part{{Name: "x", From: user}}, Compose: func(dst []byte, _ func(string) []byte) ([]byte, error) { return append(dst, "{}"...), nil }}, `GET /x: fields: can be chosen of a GET`},
		"fields of a POST":           {Endpoint{Route: "POST /x", Fields: true, Parts: []Part{{Name: "x", From: user}}}, `POST /x: fields: can be chosen of a GET`},

		// a call that waits for itself
		"a circle":          {circle(), `waits for its own answer`},
		"a circle of lists": {circleOfLists(), `waits for its own answer`},
	} {
		t.Run(name, func(t *testing.T) {
			e := test.endpoint
			if e.Route == "" {
				e.Route = "GET /x"
			}
			e.Policy, e.Budget = "member", time.Second
			plan, err := Compile(e, env(w.lookup))
			if err == nil || plan != nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

// leaked uses an element of one list in a call that is made once.
func leaked() Endpoint {
	var kept Item
	each := orders.Get("/o").ForEach("items", "stock", func(it Item) *Call {
		kept = it
		return users.Get("/stock/{}", it.Value("id"))
	}).Max(3)
	return Endpoint{Parts: []Part{{Name: "x", From: each}, {Name: "y", From: users.Get("/stock/{}", kept.Value("id"))}}}
}

func leakedCondition() Endpoint {
	var kept Item
	each := orders.Get("/o").ForEach("items", "stock", func(it Item) *Call {
		kept = it
		return users.Get("/stock/{}", it.Value("id"))
	}).Max(3)
	return Endpoint{Parts: []Part{{Name: "x", From: each}, {Name: "y", From: users.Get("/me").When(Has(kept.Value("id")))}}}
}

// ofMany uses the answer of a call that is made many times.
func ofMany() Endpoint {
	var stock *Call
	each := orders.Get("/o").ForEach("items", "stock", func(it Item) *Call {
		stock = users.Get("/stock/{}", it.Value("id"))
		return stock
	}).Max(3)
	return Endpoint{Parts: []Part{{Name: "x", From: each}, {Name: "y", From: users.Get("/more/{}", stock.Value("id"))}}}
}

func shared() Endpoint {
	var stock *Call
	one := orders.Get("/o").ForEach("items", "stock", func(it Item) *Call {
		stock = users.Get("/stock/{}", it.Value("id"))
		return stock
	}).Max(3)
	two := orders.Get("/p").ForEach("items", "stock", func(Item) *Call { return stock }).Max(3)
	return Endpoint{Parts: []Part{{Name: "x", From: one}, {Name: "y", From: two}}}
}

func nested() Endpoint {
	var stock *Call
	one := orders.Get("/o").ForEach("items", "stock", func(it Item) *Call {
		stock = users.Get("/stock/{}", it.Value("id"))
		return stock
	}).Max(3)
	two := stock.ForEach("places", "place", func(it Item) *Call { return users.Get("/places/{}", it.Value("id")) }).Max(3)
	return Endpoint{Parts: []Part{{Name: "y", From: one}, {Name: "x", From: two}}}
}

func ofItself() Endpoint {
	me := users.Get("/me")
	return Endpoint{Parts: []Part{{Name: "x", From: me.ForEach("items", "it", func(Item) *Call { return me }).Max(3)}}}
}

func joinedWithMany() Endpoint {
	var stock *Call
	one := orders.Get("/o").ForEach("items", "stock", func(it Item) *Call {
		stock = users.Get("/stock/{}", it.Value("id"))
		return stock
	}).Max(3)
	return Endpoint{Parts: []Part{{Name: "x", From: one}, {Name: "y", From: users.Get("/me").Join("items.id", stock, "places.id", "place")}}}
}

// circle has a call look at the answer of one that uses its own. The route changes
// something, so that all that looks for what follows the change goes round as well.
func circle() Endpoint {
	a := users.Post("/a", Fields{})
	b := users.Get("/b/{}", a.Value("id"))
	a.When(Has(b.Value("id")))
	return Endpoint{Route: "POST /x", Parts: []Part{{Name: "a", From: a}, {Name: "b", From: b, Else: Omit}}}
}

// circleOfLists has two calls that are made for the elements of each other.
func circleOfLists() Endpoint {
	a, b := users.Get("/a"), users.Get("/b")
	return Endpoint{Parts: []Part{
		{Name: "x", From: a.ForEach("items", "it", func(Item) *Call { return b }).Max(3)},
		{Name: "y", From: b.ForEach("items", "it", func(Item) *Call { return a }).Max(3)},
	}}
}

// TestAllFaultsOfAllParts are told at once, and once.
func TestAllFaultsOfAllParts(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{}`)
	list := users.Get("/list", Query{"x": 1.5}).Within(time.Hour)
	_, err := Compile(Endpoint{
		Route: "GET /x", Policy: "member", Budget: time.Second, Status: 204, Fields: true,
		Compose: func(dst []byte, _ func(string) []byte) ([]byte, error) { return dst, nil },
		Parts: []Part{
			{Name: "_a", From: list, Mask: `{`, Limit: Limit{Depth: -1}},
			{Name: "b"},
			{Name: "c", From: list, Else: Default("nothing")},
			{Name: "d", From: users.Get("/{}/{}", list.Each("id"), PathParam("id")).When(All())},
		},
	}, env(w.lookup))
	want := []string{
		`status 204: expected`, `fields: can be chosen`, `part "b": from`, `query "x"`, `within 1h0m0s`,
		`a path takes one value`, `the list "id" of call users GET /list needs a bound`, `path parameter "id"`, `an empty All`,
		`part "_a": a part has a name`, `part "_a": mask`, `part "_a": limit`, `part "c": else`,
	}
	var all interface{ Unwrap() []error }
	if !errors.As(err, &all) || len(all.Unwrap()) != len(want) {
		t.Fatalf("%d faults are not these: %v", len(want), err)
	}
	for _, w := range want {
		if n := strings.Count(err.Error(), w); n != 1 {
			t.Errorf("%q stands %d times in %v", w, n, err)
		}
	}
}

// TestWhatIsNoFault looks like one.
func TestWhatIsNoFault(t *testing.T) {
	w := newWorld(t)
	w.json("users", `{}`)
	w.books(func(string) string { return `{}` })
	for name, s := range map[string]Source{
		"no arguments":       users.Get("/a", nil, Query(nil), Headers(nil)),
		"an index":           users.Get("/a/{}", users.Get("/b").Value("items[0].id")),
		"a whole answer":     users.Post("/a", Fields{"all": users.Get("/b").Value("")}),
		"typed lists":        shelf.Call("BatchGetBooks", Fields{"ids": []string{"a"}, "edition": int64(3)}),
		"an indexed default": users.Get("/a/{}", Claim("sub").Or("nobody")),
		"escaped":            users.Get("/a%20b;v=1/~x:(y)@"),
		"a list of a list":   users.Get("/b").Join("[].items[].id", users.Get("/c"), "[].id", "it"),
	} {
		e := Endpoint{Route: "POST /x", Policy: "p", Budget: time.Second, Parts: []Part{{Name: "x", From: s}}}
		if _, err := Compile(e, env(w.lookup)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
