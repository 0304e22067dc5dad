// Package aggregation is the engine that makes one answer out of many: calls,
// the values that they use of each other, parts, failure contracts, one
// response.
//
// An [Endpoint] is a table. Calls say what is fetched; parts say what the
// client sees, in which shape, and what happens when it cannot be had:
//
//	me := aggregation.Claim("sub")
//	user := users.Get("/users/{}", me)
//	orders := shop.Get("/orders", aggregation.Query{"user": me}).Within(150 * time.Millisecond)
//
//	aggregation.Endpoint{
//		Route: "GET /v1/home", Policy: "member", Budget: time.Second,
//		Parts: []aggregation.Part{
//			{Name: "user", From: user, Mask: `{id,name}`},
//			{Name: "orders", From: orders, Mask: `{items[:3]{id,state}}`, Else: aggregation.Omit},
//		},
//	}
//
// References between calls are Go values, so a misspelt one does not compile
// and a cycle cannot be written. [Compile] turns the table into a [Plan] and
// checks all of it at once: masks, methods and fields against descriptors,
// placeholders, budgets, fan-outs without a bound. A wrong plan does not start.
//
// [Plan.Run] starts every call whose inputs are known, and each other call as
// soon as its own inputs are in. A part's bytes go through its mask into the
// response; nothing is decoded. A required part that fails ends the request
// with a problem; an omitted one is named in the body's _meta and in the
// response's header. Nothing waits past the endpoint's budget.
//
// # Changes
//
// An endpoint may have one unsafe call: a Post, Put, Patch or Delete. It is what
// the request is for, so its part is required; it takes values of the request's
// body with [BodyValue]:
//
//	order := shop.Post("/orders", aggregation.Fields{"user": me, "book": aggregation.BodyValue("book_id")})
//
// It is made at most once and never repeated, and it starts only when the calls
// of all other required parts are in. What uses its answer can only be left out
// (Omit); Compile refuses anything else. So a problem means that nothing was
// changed, and where that cannot be known, because the service was asked and
// gave no usable answer, the problem is [problem.OutcomeUnknown]. A client that
// leaves does not stop a change that has begun; the end of the process does.
//
// This version knows HTTP calls and unary gRPC calls, which count as reading.
// Conditions, calls per item, default and last-good answers and streamed
// endpoints cannot be written yet: there are no names for them.
package aggregation
