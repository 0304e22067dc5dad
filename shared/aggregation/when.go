package aggregation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/triptych-bff/triptych/shared/projection"
)

// A Condition decides whether a call is made; see [Call.When]. It is made of the
// predicates [Has], [Eq], [In], [All], [Any], [Not] and [Test].
//
// A condition waits for the calls whose values it looks at. Where such a call was
// skipped, or its answer has no such value, there is none to look at; where it has
// failed, what was to be decided by it fails too, unless the value has an
// [Value.Or].
type Condition struct {
	op     op
	value  Value
	want   []string
	of     []Condition
	test   func(values [][]byte) bool
	values []Value
}

type op uint8

const (
	always op = iota
	has
	in
	all
	anyOf
	not
	test
)

// A Scalar is what a value can be compared with.
type Scalar interface {
	~string | ~bool | ~int | ~int64 | ~uint64
}

// Has holds where there is such a value, and it is not null; a list has to have an
// element.
func Has(v Value) Condition { return Condition{op: has, value: v} }

// Eq holds where the value, or an element of the list, is this one. They are
// compared as texts: the number 7 equals "7", as 64-bit numbers of gRPC are written.
func Eq[T Scalar](v Value, want T) Condition { return In(v, want) }

// In is [Eq] with any of several.
func In[T Scalar](v Value, want ...T) Condition {
	c := Condition{op: in, value: v}
	for _, w := range want {
		c.want = append(c.want, fmt.Sprint(w))
	}
	return c
}

// All holds where all of them do.
func All(of ...Condition) Condition { return Condition{op: all, of: of} }

// Any holds where one of them does.
func Any(of ...Condition) Condition { return Condition{op: anyOf, of: of} }

// Not holds where the other does not.
func Not(c Condition) Condition { return Condition{op: not, of: []Condition{c}} }

// Test holds where the pure function says so. It is given the JSON of the values in
// their order, nil where there is none, which it must neither keep nor change.
func Test(f func(values [][]byte) bool, of ...Value) Condition {
	return Condition{op: test, test: f, values: of}
}

// looksAt is all values that decide, in a fixed order.
func (c *Condition) looksAt(values []Value) []Value {
	switch c.op {
	case has, in:
		values = append(values, c.value)
	case test:
		values = append(values, c.values...)
	default:
		for i := range c.of {
			values = c.of[i].looksAt(values)
		}
	}
	return values
}

// String is how a plan is explained.
func (c *Condition) String() string {
	list := make([]string, len(c.of))
	for i := range c.of {
		list[i] = c.of[i].String()
	}
	switch c.op {
	case has:
		return "has " + c.value.String()
	case in:
		return c.value.String() + " is " + strings.Join(c.want, " or ")
	case not:
		return "not (" + list[0] + ")"
	case anyOf:
		return "any (" + strings.Join(list, ", ") + ")"
	case test:
		return "a test"
	default:
		return "all (" + strings.Join(list, ", ") + ")"
	}
}

// condition is a bound Condition.
type condition struct {
	op    op
	slots []int // of the values
	want  []string
	of    []condition
	test  func([][]byte) bool
	text  string // for explanations

	early   bool // the request alone decides
	perItem bool // an element of a list decides
}

func (c *compiler) condition(to *call, from *Call, when *Condition) condition {
	bound := condition{op: when.op, want: when.want, test: when.test, text: when.String(), early: true}
	for _, v := range when.looksAt(nil) {
		if len(when.of) == 0 {
			bound.slots = append(bound.slots, c.slot(from, v))
		}
		bound.early = bound.early && v.ofRequest()
		bound.perItem = bound.perItem || v.kind == itemValue
	}
	for i := range when.of {
		bound.of = append(bound.of, c.condition(to, from, &when.of[i]))
	}
	c.checkCondition(from, when)
	return bound
}

// allSlots appends those of all values that decide.
func (c *condition) allSlots(slots []int) []int {
	slots = append(slots, c.slots...)
	for i := range c.of {
		slots = c.of[i].allSlots(slots)
	}
	return slots
}

// holds decides; known gives the values of a slot.
func (c *condition) holds(known func(slot int) [][]byte) bool {
	fits := func(each *condition) bool { return (*condition).holds(each, known) }
	switch c.op {
	case has:
		return len(known(c.slots[0])) > 0
	case in:
		return slices.ContainsFunc(known(c.slots[0]), c.wants)
	case not:
		return !c.of[0].holds(known)
	case anyOf:
		for i := range c.of {
			if fits(&c.of[i]) {
				return true
			}
		}
		return false
	case test:
		return c.test(c.first(known))
	default:
		for i := range c.of {
			if !fits(&c.of[i]) {
				return false
			}
		}
		return true
	}
}

func (c *condition) wants(raw []byte) bool {
	text, err := projection.Text(raw)
	return err == nil && slices.Contains(c.want, text)
}

// first is the first of each value.
func (c *condition) first(known func(slot int) [][]byte) [][]byte {
	list := make([][]byte, len(c.slots))
	for i, slot := range c.slots {
		if found := known(slot); len(found) > 0 {
			list[i] = found[0]
		}
	}
	return list
}
