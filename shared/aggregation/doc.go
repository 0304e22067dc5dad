// Package aggregation is the engine that makes one answer out of many: calls, the
// values that they use of each other, parts, failure contracts, one response.
//
// An [Endpoint] is a table. Calls say what is fetched; parts say what the client
// sees, in which shape, and what happens when it cannot be had:
//
//	me := aggregation.Claim("sub")
//	user := users.Get("/users/{}", me)
//	orders := shop.Get("/orders", aggregation.Query{"user": me}).Within(150 * time.Millisecond)
//	books := catalog.Call("BatchGetBooks", aggregation.Fields{"ids": orders.Each("items.book_id").Max(20)})
//
//	aggregation.Endpoint{
//		Route: "GET /v1/home", Policy: "member", Budget: time.Second,
//		Parts: []aggregation.Part{
//			{Name: "user", From: user, Mask: `{id,name}`},
//			{
//				Name: "orders", From: orders.Join("items.book_id", books, "books.id", "book"),
//				Mask: `{items[:3]{id,state,book{title}}}`, Else: aggregation.Omit,
//			},
//		},
//	}
//
// References between calls are Go values, so a misspelt one does not compile.
// [Compile] turns the table into a [Plan] and checks all of it at once: masks,
// methods and fields against descriptors, placeholders, budgets, lists without a
// bound, names that stand twice, calls that are made for nothing. A wrong plan does
// not start. [Plan.Explain] says in words what a right one does.
//
// # How an answer is made
//
// [Plan.Run] starts every call whose inputs are known, and each other call as soon as
// its own inputs are in: there are no levels. A part's bytes go through its mask into
// the response, and what other calls use of the answer is read in the same pass;
// nothing is decoded. The same answers give the same bytes, in whatever order they
// arrive. Nothing waits past the endpoint's budget, whatever a service does, and a
// client that leaves ends every call.
//
// # Where values come from and go to
//
// Values are of the request ([Claim], [PathParam], [QueryParam], [HeaderField],
// [BodyValue], [Body]) or of other calls' raw answers ([Call.Value], [Call.Each]). They
// go into a path, a [Query], [Headers], or [Fields]: those of a JSON body or of a gRPC
// message. Each is escaped for its place, and one that would change which request is
// made is refused. Numbers stay as they were written. Beside services there are typed
// Go functions ([Func]) and constants ([Constant]), which are called in the same way.
//
// # Not always, and once for each
//
// [Call.When] makes a call only where a [Condition] holds; one that is skipped is no
// failure. For the elements of a list there are two forms: one call for all of them
// ([Call.Each] and [Call.Join]), or one for each ([Call.ForEach]), bounded in number and
// at once, equal ones made once.
//
// # When something fails
//
// A part is required unless its [Else] says otherwise: [Omit] leaves it out, [Default]
// shows something else, [LastGood] what it was before. A required part that fails ends
// the request at once with a problem: 404, 401 and 403 of a service stay what they are,
// another status is 502, no answer in time 504, an open breaker 503. Everything else is
// told in the body's member _meta, in the header [CompletenessHeader], and where the
// endpoint is a GET, with a link that fetches only what is missing. A partial answer is
// not to be stored; one with stale parts is as fresh as the least of them.
//
// # What a client may choose
//
// Where the endpoint says so, ?fields=items(id,title),next shows less and makes fewer
// calls ([Plan.Narrow]). Any GET without Compose can be streamed, member by member
// ([Plan.Stream]).
//
// # Changes
//
// An endpoint may have one unsafe call: a Post, Put, Patch or Delete, or one that
// [Call.Changes]. It is what the request is for, so its part is required; it takes values
// of the request's body:
//
//	order := shop.Post("/orders", aggregation.Fields{"user": me, "book": aggregation.BodyValue("book_id")})
//
// It is made at most once and never repeated, and it starts only when the calls
// of all other required parts are in. What uses its answer can only be left out
// (Omit); Compile refuses anything else. So a problem means that nothing was
// changed, and where that cannot be known, because the service was asked and
// gave no usable answer, the problem is [problem.OutcomeUnknown]. A client that
// leaves does not stop a change that has begun; the end of the process does.
package aggregation
