package aggregation

import "strings"

// An Each is a call for each element of a list in another call's answer, whose
// answers are put into the elements. Make one with [Call.ForEach].
type Each struct {
	of     *Call
	list   string
	as     string
	call   *Call
	most   int
	atOnce int
}

// An Item is an element of a list, while the table is made.
type Item struct{ of *Each }

// Value is the value at path in the element, as the service sent it. An element
// that has none is not asked for, unless there is a [Value.Or]. A condition on it
// decides for each element alone.
func (i Item) Value(path string) Value { return Value{kind: itemValue, item: i.of, path: path} }

// ForEach is c's answer in which each element of the list at this path, which is
// empty for an answer that is a list itself, has the answer
// of a call of its own as the member of this name. The function is called once,
// when the table is made, with an element that stands for all of them:
//
//	picks.ForEach("items", "stock", func(it aggregation.Item) *aggregation.Call {
//		return shop.Get("/stock/{}", it.Value("book_id"))
//	}).Max(20)
//
// Equal calls are made once. An element of which the service knows nothing (404)
// stays as it is; so does one whose call fails, and the response says which. Where
// the service can be asked for many at once, use
// [Call.Each] and [Call.Join] instead: one call.
func (c *Call) ForEach(list, as string, call func(Item) *Call) *Each {
	e := &Each{of: c, list: strings.TrimSuffix(list, "[]"), as: as}
	if call != nil { // or a plan refuses it
		e.call = call(Item{e})
	}
	return e
}

// Max is for how many elements, from the first, there is a call: from 1 to 1000.
// There is no default. Further elements stay as they are.
func (e *Each) Max(n int) *Each {
	e.most = n
	return e
}

// AtOnce is how many of the calls are under way at the same time; zero is 8.
func (e *Each) AtOnce(n int) *Each {
	e.atOnce = n
	return e
}

func (e *Each) calls() []*Call { return []*Call{e.of, e.call} }
