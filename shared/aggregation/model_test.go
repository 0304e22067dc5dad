package aggregation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/triptych-bff/triptych/shared/upstream"
)

// The model is a second implementation of what a table means: slow, sequential, on
// decoded JSON. A table is drawn at random with the answers of its services, and the
// engine must come to the same, in whatever order they arrive.

// A sketch is a random table. Its calls go to services c0, c1, … of their numbers.
type sketch struct {
	calls   []sketchCall
	parts   []sketchPart
	answers map[string]string // by service, or service and query of a call per element: "" fails, "404" is that
}

// sketchCall is a call with a few of the things that a call can have.
type sketchCall struct {
	uses []sketchValue
	when *sketchWhen
	each *sketchEach
}

type sketchValue struct {
	of   int
	path string
	list bool
	or   string // JSON; "" is nothing
}

type sketchWhen struct {
	value sketchValue
	want  string // "" is whether there is one
	not   bool
}

// sketchEach makes a call for each element of items.
type sketchEach struct{ of, most, atOnce int }

type sketchPart struct {
	name      string
	call      int // into which is joined
	join      int // -1 for none
	optional  bool
	mask      string
	otherwise string // "", "omit" or JSON
	merge     string // "", "first" or "last"
	items     int    // limit
}

var (
	sketchPaths = []string{"id", "n.x", "items.k", "no"}
	plainMasks  = []string{"", "{id}", "{items[:2]{k},id}", "{n{x},echo}", "{x:n.x}"}
	joinMasks   = []string{"", "{items[:2]{k,j}}", "{items[]{j{id}},id}", "{items}", "{items[]{-k}}"}
)

// drawSketch draws a table that has no faults.
func drawSketch(t *rapid.T) *sketch {
	s := &sketch{answers: map[string]string{}}
	n := rapid.IntRange(1, 6).Draw(t, "calls")
	for i := range n {
		s.calls = append(s.calls, s.drawCall(t, i))
		s.answers[service(i)] = drawAnswer(t)
		if s.calls[i].each != nil {
			for _, k := range scalars {
				s.answers[service(i)+"?v="+url.QueryEscape(textOfScalar(k))] = drawAnswer(t)
			}
		}
	}
	for i := range n {
		if s.calls[i].each != nil {
			s.parts = append(s.parts, sketchPart{name: fmt.Sprint("each", i), call: s.calls[i].each.of, join: i, mask: rapid.SampledFrom(joinMasks).Draw(t, "mask")})
		}
	}
	for range rapid.IntRange(1, 4).Draw(t, "parts") {
		p := sketchPart{call: s.single(t), join: -1}
		p.mask = rapid.SampledFrom(plainMasks).Draw(t, "mask")
		if rapid.IntRange(0, 2).Draw(t, "joined") == 0 {
			p.join, p.optional = s.single(t), rapid.Bool().Draw(t, "optional")
			p.mask = rapid.SampledFrom(joinMasks).Draw(t, "mask")
		}
		p.name = rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")
		if slices.ContainsFunc(s.parts, func(q sketchPart) bool { return q.name == p.name }) {
			p.merge = rapid.SampledFrom([]string{"first", "last"}).Draw(t, "merge")
		}
		s.parts = append(s.parts, p)
	}
	for i := range s.parts {
		s.parts[i].otherwise = rapid.SampledFrom([]string{"", "omit", "omit", `{"d":1}`}).Draw(t, "else")
		s.parts[i].items = rapid.SampledFrom([]int{0, 0, 0, 2}).Draw(t, "items")
	}
	return s
}

func service(i int) string { return fmt.Sprint("c", i) }

// single draws a call that is made once; the first always is.
func (s *sketch) single(t *rapid.T) int {
	var list []int
	for i := range s.calls {
		if s.calls[i].each == nil {
			list = append(list, i)
		}
	}
	return rapid.SampledFrom(list).Draw(t, "call")
}

func (s *sketch) drawCall(t *rapid.T, i int) (c sketchCall) {
	if i == 0 {
		return c
	}
	for range rapid.IntRange(0, 2).Draw(t, "uses") {
		c.uses = append(c.uses, s.drawValue(t))
	}
	if rapid.IntRange(0, 3).Draw(t, "when") == 0 {
		v := s.drawValue(t)
		c.when = &sketchWhen{value: v, want: rapid.SampledFrom([]string{"", "1", "a"}).Draw(t, "want"), not: rapid.Bool().Draw(t, "not")}
	}
	if rapid.IntRange(0, 3).Draw(t, "each") == 0 {
		c.uses = nil
		c.each = &sketchEach{s.single(t), rapid.IntRange(1, 4).Draw(t, "most"), rapid.IntRange(1, 3).Draw(t, "at once")}
	}
	return c
}

func (s *sketch) drawValue(t *rapid.T) sketchValue {
	return sketchValue{
		of: s.single(t), path: rapid.SampledFrom(sketchPaths).Draw(t, "path"), list: rapid.Bool().Draw(t, "list"),
		or: rapid.SampledFrom([]string{"", "", `"o"`}).Draw(t, "or"),
	}
}

var scalars = []string{`1`, `"1"`, `"a"`, `2.50`, `9007199254740993`, `true`}

// drawAnswer draws an answer that sometimes is none.
func drawAnswer(t *rapid.T) string {
	switch rapid.IntRange(0, 11).Draw(t, "answer") {
	case 0:
		return ""
	case 1:
		return "404"
	case 2:
		return rapid.SampledFrom([]string{`null`, ` null `, `[]`, `1`, `{`, `{"id":1}}`}).Draw(t, "odd")
	}
	some := append([]string{`null`, `{}`}, scalars...)
	value := func(label string) string { return rapid.SampledFrom(some).Draw(t, label) }
	members := []string{}
	if rapid.Bool().Draw(t, "has id") {
		members = append(members, `"id": `+value("id"))
	}
	if rapid.Bool().Draw(t, "has n") {
		members = append(members, `"n":`+rapid.SampledFrom([]string{`{"x":` + value("x") + `}`, `null`, `3`, `{}`}).Draw(t, "n"))
	}
	if rapid.IntRange(0, 4).Draw(t, "has items") > 0 {
		var list []string
		for range rapid.IntRange(0, 4).Draw(t, "elements") {
			list = append(list, rapid.SampledFrom([]string{
				`{"k":` + rapid.SampledFrom(scalars).Draw(t, "k") + `}`, `{ "k" : ` + rapid.SampledFrom(scalars).Draw(t, "k") + ` , "id":` + value("id") + `}`,
				`{ }`, `{"k":null}`, `7`, `{"k":{}}`,
			}).Draw(t, "element"))
		}
		members = append(members, `"items" : [`+strings.Join(list, ",")+`]`)
	}
	return "{" + strings.Join(members, ", ") + "}"
}

// endpoint is the table for the engine.
func (s *sketch) endpoint() Endpoint {
	e := Endpoint{Route: "GET /x", Policy: "p", Budget: time.Hour}
	calls := make([]*Call, len(s.calls))
	lists := make([]*Each, len(s.calls))
	value := func(v sketchValue) Value {
		out := calls[v.of].Value(v.path)
		if v.list {
			out = calls[v.of].Each(v.path).Max(3)
		}
		if v.or != "" {
			out = out.Or("o")
		}
		return out
	}
	for i, c := range s.calls {
		at := HTTP(service(i))
		query := Query{}
		for k, v := range c.uses {
			query[fmt.Sprint("u", k)] = value(v)
		}
		if c.each == nil {
			calls[i] = at.Get("/", query)
		} else {
			lists[i] = calls[c.each.of].ForEach("items", "j", func(it Item) *Call {
				calls[i] = at.Get("/", Query{"v": it.Value("k")})
				return calls[i]
			}).Max(c.each.most).AtOnce(c.each.atOnce)
		}
		if c.when != nil {
			condition := Has(value(c.when.value))
			if c.when.want != "" {
				condition = Eq(value(c.when.value), c.when.want)
			}
			if c.when.not {
				condition = Not(condition)
			}
			calls[i].When(condition)
		}
	}
	for _, p := range s.parts {
		part := Part{Name: p.name, From: calls[p.call], Mask: p.mask, Limit: Limit{Items: p.items}}
		switch {
		case p.join < 0:
		case lists[p.join] != nil:
			part.From = lists[p.join]
		default:
			j := calls[p.call].Join("items.k", calls[p.join], "items.k", "j")
			if p.optional {
				j = j.Optional()
			}
			part.From = j
		}
		switch p.otherwise {
		case "":
		case "omit":
			part.Else = Omit
		default:
			part.Else = Default(p.otherwise)
		}
		part.Merge = map[string]Merge{"first": First, "last": Last}[p.merge]
		e.Parts = append(e.Parts, part)
	}
	return e
}

// model is what became of each call.
type model struct {
	*sketch
	calls []modelCall
	asked map[string]bool // calls that were made, by service and query
}

type modelCall struct {
	failed, skipped bool
	broken          bool // it is no JSON
	doc             any
	items           []modelItem // of a call per element, by element
}

type modelItem struct {
	failed, there bool
	doc           any
}

// A modelFlaw is a Flaw without what may depend on the order of arrival.
type modelFlaw struct {
	Part  string
	State State
	Items []int
}

// run is the answer by the model: its members, and what is wrong. There is none where a
// required part cannot be had, or all cannot.
func (s *sketch) run() (members map[string]any, flaws []modelFlaw, asked map[string]bool, ok bool) {
	m := &model{sketch: s, calls: make([]modelCall, len(s.calls)), asked: map[string]bool{}}
	needed := make([]bool, len(s.calls))
	for _, p := range s.parts {
		m.need(needed, p.call)
		if p.join >= 0 {
			m.need(needed, p.join)
		}
	}
	for i := range s.calls {
		if needed[i] {
			m.calls[i] = m.call(i)
		}
	}
	members, missing := map[string]any{}, 0
	for _, p := range s.parts {
		doc, there, flaw := m.part(p)
		if flaw != nil {
			if flaw.State == Missing {
				missing++
				if p.otherwise == "" {
					return nil, nil, nil, false
				}
			}
			flaws = append(flaws, *flaw)
		}
		if _, have := members[p.name]; there && (!have || p.merge == "last") {
			members[p.name] = doc
		}
	}
	for i := range flaws {
		if _, shown := members[flaws[i].Part]; shown && flaws[i].State == Missing {
			flaws[i].State = Incomplete // of what several parts make
		}
	}
	return members, eachOnce(flaws), m.asked, missing < len(s.parts)
}

func eachOnce(flaws []modelFlaw) (once []modelFlaw) {
	for _, f := range flaws {
		if !slices.ContainsFunc(once, func(have modelFlaw) bool { return reflect.DeepEqual(have, f) }) {
			once = append(once, f)
		}
	}
	return once
}

func (m *model) need(needed []bool, i int) {
	needed[i] = true
	c := m.sketch.calls[i]
	for _, v := range c.uses {
		m.need(needed, v.of)
	}
	if c.when != nil {
		m.need(needed, c.when.value.of)
	}
	if c.each != nil {
		m.need(needed, c.each.of)
	}
}

func (m *model) call(i int) (out modelCall) {
	c := m.sketch.calls[i]
	for _, v := range c.uses {
		out.failed = out.failed || v.or == "" && m.calls[v.of].failed
		out.skipped = out.skipped || v.or == "" && m.calls[v.of].skipped
	}
	if c.each != nil {
		out.failed = out.failed || m.calls[c.each.of].failed
		out.skipped = out.skipped || m.calls[c.each.of].skipped
	}
	if c.when != nil {
		out.failed = out.failed || c.when.value.or == "" && m.calls[c.when.value.of].failed
		out.skipped = out.skipped || !m.holds(c.when)
	}
	switch {
	case out.failed:
		return modelCall{failed: true}
	case out.skipped:
		return modelCall{skipped: true}
	case c.each != nil:
		return m.each(i, c.each)
	}
	query := ""
	for k, v := range c.uses {
		text, any, fits := m.text(v)
		switch {
		case !any && v.list:
			return modelCall{} // nothing to ask: null
		case !any:
			return modelCall{failed: true}
		}
		if !fits {
			// what comes first in the table decides, and a list of nothing may come later
			for _, later := range c.uses[k+1:] {
				if _, any, _ := m.text(later); !any {
					return modelCall{failed: !later.list}
				}
			}
			return modelCall{failed: true}
		}
		query += fmt.Sprint("&u", k, "=", text)
	}
	return m.ask(service(i), strings.TrimPrefix(query, "&"), m.answers[service(i)])
}

// text is a value as a query has it.
func (m *model) text(v sketchValue) (text string, there, fits bool) {
	list := m.values(v)
	if len(list) == 0 {
		return "", false, true
	}
	texts := make([]string, len(list))
	for i, one := range list {
		switch one.(type) {
		case map[string]any, []any:
			return "", true, false
		}
		texts[i] = url.QueryEscape(textOfAny(one))
	}
	return strings.Join(texts, ","), true, true
}

func (m *model) ask(name, query, answer string) modelCall {
	m.asked[name+"?"+query] = true
	if answer == "" || answer == "404" {
		return modelCall{failed: true}
	}
	doc, err := document(answer)
	if object, ok := doc.(map[string]any); ok {
		object["echo"] = query
	}
	return modelCall{doc: doc, broken: err != nil, failed: err != nil}
}

func (m *model) each(i int, e *sketchEach) (out modelCall) {
	list, _ := at(m.calls[e.of].doc, "items")
	elements, _ := list.([]any)
	for k, element := range elements {
		item := modelItem{}
		object, _ := element.(map[string]any)
		key, has := object["k"]
		_, nested := key.(map[string]any)
		switch {
		case k >= e.most || !has || key == nil:
		case nested:
			item.failed = true // it has no text
		default:
			name, query := service(i), "v="+url.QueryEscape(textOfAny(key))
			answer := m.answers[name+"?"+query]
			a := m.ask(name, query, answer)
			item = modelItem{failed: a.failed && answer != "404", there: !a.failed, doc: a.doc}
		}
		out.items = append(out.items, item)
	}
	return out
}

// values are what is there of a value, by its bound, or what stands for it.
func (m *model) values(v sketchValue) (list []any) {
	most := 1
	if v.list {
		most = 3
	}
	if call := m.calls[v.of]; !call.failed && !call.skipped {
		list = each(call.doc, strings.Split(v.path, "."), most, nil)
	}
	if len(list) == 0 && v.or != "" {
		list = []any{"o"}
	}
	return list
}

// each is the values at a path that are not null, each once.
func each(doc any, path []string, most int, list []any) []any {
	switch d := doc.(type) {
	case []any:
		if len(path) > 0 {
			for _, element := range d {
				list = each(element, path, most, list)
			}
			return list
		}
	case map[string]any:
		if len(path) > 0 {
			if next, ok := d[path[0]]; ok {
				list = each(next, path[1:], most, list)
			}
			return list
		}
	}
	same := func(other any) bool { return reflect.DeepEqual(other, doc) }
	if len(path) > 0 || doc == nil || slices.ContainsFunc(list, same) || len(list) == most {
		return list
	}
	return append(list, doc)
}

func (m *model) holds(w *sketchWhen) bool {
	list := m.values(w.value)
	holds := len(list) > 0
	if w.want != "" {
		holds = slices.ContainsFunc(list, func(v any) bool { return textOfAny(v) == w.want })
	}
	return holds != w.not
}

// part is a part, whether something is shown, and what is wrong with it.
func (m *model) part(p sketchPart) (doc any, there bool, flaw *modelFlaw) {
	instead := func() (any, bool, *modelFlaw) {
		if doc, err := document(p.otherwise); err == nil {
			return doc, true, &modelFlaw{Part: p.name, State: Defaulted}
		}
		return nil, false, &modelFlaw{Part: p.name}
	}
	of := m.calls[p.call]
	if of.failed || p.join >= 0 && m.calls[p.join].failed && !p.optional {
		return instead()
	}
	if of.skipped {
		return nil, false, nil
	}
	doc = clone(of.doc)
	if p.join >= 0 {
		var ok bool
		if flaw, ok = m.joined(p, doc); !ok {
			return instead()
		}
	}
	if p.items > 0 && longestList(doc) > p.items {
		return instead()
	}
	doc, ok := masked(p.mask, doc)
	if !ok {
		return instead()
	}
	return doc, true, flaw
}

// joined puts into the elements what belongs to them.
func (m *model) joined(p sketchPart, doc any) (flaw *modelFlaw, ok bool) {
	list, _ := at(doc, "items")
	elements, _ := list.([]any)
	from := m.calls[p.join]
	if m.sketch.calls[p.join].each != nil {
		for i, element := range elements {
			if i >= len(from.items) {
				break
			}
			item := from.items[i]
			if item.failed {
				if flaw == nil {
					flaw = &modelFlaw{Part: p.name, State: Incomplete}
				}
				flaw.Items = append(flaw.Items, i)
			}
			if object, is := element.(map[string]any); is && item.there {
				object["j"] = item.doc
			}
		}
		return flaw, true
	}
	if from.failed {
		return &modelFlaw{Part: p.name, State: Incomplete}, true
	}
	found := map[string]any{}
	other, _ := at(clone(from.doc), "items")
	others, _ := other.([]any)
	if len(elements) == 0 || from.skipped {
		return nil, true
	}
	for _, element := range others {
		key, has, fits := keyOf(element)
		switch {
		case !fits && p.optional:
			return &modelFlaw{Part: p.name, State: Incomplete}, true
		case !fits:
			return nil, false
		case has:
			found[key] = clone(element)
		}
	}
	for _, element := range elements {
		key, has, fits := keyOf(element)
		if !fits {
			return nil, false
		}
		if match, known := found[key]; has && known {
			element.(map[string]any)["j"] = match
		}
	}
	return nil, true
}

func keyOf(element any) (key string, has, fits bool) {
	object, _ := element.(map[string]any)
	switch k := object["k"].(type) {
	case nil:
		return "", false, true
	case map[string]any, []any:
		return "", false, false
	default:
		return textOfAny(k), true, true
	}
}

// masked is one of the masks above, by hand.
func masked(mask string, doc any) (any, bool) {
	if mask == "" || doc == nil {
		return doc, true
	}
	object, ok := doc.(map[string]any)
	if !ok {
		return nil, false
	}
	out := map[string]any{}
	pick := func(names ...string) {
		for _, name := range names {
			if v, has := object[name]; has {
				out[name] = v
			}
		}
	}
	items := func(most int, element func(map[string]any) map[string]any) {
		v, has := object["items"]
		if !has {
			return
		}
		list, is := v.([]any)
		if !is {
			out["items"] = nil
			return
		}
		shown := []any{}
		for _, e := range list[:min(most, len(list))] {
			if o, is := e.(map[string]any); is {
				shown = append(shown, element(o))
			} else {
				shown = append(shown, nil)
			}
		}
		out["items"] = shown
	}
	only := func(names ...string) func(map[string]any) map[string]any {
		return func(o map[string]any) map[string]any {
			o = maps.Clone(o)
			maps.DeleteFunc(o, func(name string, _ any) bool { return !slices.Contains(names, name) })
			return o
		}
	}
	switch mask {
	case "{id}":
		pick("id")
	case "{items[:2]{k},id}":
		pick("id")
		items(2, only("k"))
	case "{n{x},echo}":
		pick("echo")
		if n, has := object["n"]; has {
			out["n"] = nil
			if o, is := n.(map[string]any); is {
				out["n"] = only("x")(o)
			}
		}
	case "{x:n.x}":
		if x, has := at(object["n"], "x"); has {
			out["x"] = x
		}
	case "{items[:2]{k,j}}":
		items(2, only("k", "j"))
	case "{items[]{j{id}},id}":
		pick("id")
		items(99, func(o map[string]any) map[string]any {
			o = only("j")(o)
			if j, has := o["j"]; has {
				o["j"] = nil
				if inner, is := j.(map[string]any); is {
					o["j"] = only("id")(inner)
				}
			}
			return o
		})
	case "{items}":
		pick("items")
	case "{items[]{-k}}":
		items(99, func(o map[string]any) map[string]any {
			o = maps.Clone(o)
			delete(o, "k")
			return o
		})
	default:
		panic(mask)
	}
	return out, true
}

func longestList(doc any) (n int) {
	switch d := doc.(type) {
	case []any:
		n = len(d)
		for _, e := range d {
			n = max(n, longestList(e))
		}
	case map[string]any:
		for _, e := range d {
			n = max(n, longestList(e))
		}
	}
	return n
}

func at(doc any, name string) (any, bool) {
	object, _ := doc.(map[string]any)
	v, ok := object[name]
	return v, ok
}

func clone(doc any) any {
	switch d := doc.(type) {
	case []any:
		out := make([]any, len(d))
		for i := range d {
			out[i] = clone(d[i])
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k, v := range d {
			out[k] = clone(v)
		}
		return out
	}
	return doc
}

func document(text string) (doc any, err error) {
	if !json.Valid([]byte(text)) {
		return nil, errors.New("no JSON")
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	return doc, d.Decode(&doc)
}

func textOfAny(v any) string { return fmt.Sprint(v) }

func textOfScalar(raw string) string { return strings.Trim(raw, `"`) }

// A stage is the services of a sketch: each call waits until it is told to answer.
type stage struct {
	*sketch
	mu      sync.Mutex
	waiting []*cue
	asked   map[string]int
}

// cue is a call that waits.
type cue struct {
	ctx  context.Context
	go_  chan struct{}
	resp *upstream.Response
}

// actor is one service.
type actor struct {
	*stage
	name string
}

func (a actor) Start(ctx context.Context, req *upstream.Request) upstream.Pending {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked[a.name+"?"+req.Query]++
	answer, ok := a.answers[a.name+"?"+req.Query]
	if !ok {
		answer = a.answers[a.name]
	}
	c := &cue{ctx: ctx, go_: make(chan struct{}), resp: &upstream.Response{Status: 200}}
	switch {
	case answer == "":
		c.resp.Status = 500
	case answer == "404":
		c.resp.Status = 404
	case strings.HasPrefix(answer, "{") && json.Valid([]byte(answer)):
		echo := fmt.Sprintf(`{"echo":%q`, req.Query)
		if len(answer) > 2 {
			echo += ","
		}
		c.resp.Body = []byte(echo + answer[1:])
	default:
		c.resp.Body = []byte(answer)
	}
	a.waiting = append(a.waiting, c)
	return c
}

// next lets one of those that wait answer, and is false where none does.
func (s *stage) next(turn int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 {
		return false
	}
	at := turn % len(s.waiting)
	close(s.waiting[at].go_)
	s.waiting = slices.Delete(s.waiting, at, at+1)
	return true
}

func (c *cue) Wait() (*upstream.Response, error) {
	select {
	case <-c.go_:
		return c.resp, nil
	case <-c.ctx.Done():
		return nil, c.ctx.Err()
	}
}

func (c *cue) Ready() bool {
	select {
	case <-c.go_:
		return true
	default:
		return false
	}
}

func (c *cue) Cancel() {}

// play runs a table while its services answer in this order.
func (s *sketch) play(t *testing.T, turns []int, run func(*Plan)) (st *stage, err error) {
	st = &stage{sketch: s, asked: map[string]int{}}
	p, err := Compile(s.endpoint(), env(func(name string) (Binding, bool) { return Binding{Caller: actor{st, name}}, true }))
	if err != nil {
		return nil, err
	}
	synctest.Test(t, func(*testing.T) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			run(p)
		}()
		for i := 0; ; i++ {
			synctest.Wait() // until nothing goes on without an answer
			turn := 0
			if i < len(turns) {
				turn = turns[i]
			}
			select {
			case <-done:
				return
			default:
			}
			if !st.next(turn) {
				<-done // when the budget is over
				err = errors.New("nothing is asked, and nothing comes")
				return
			}
		}
	})
	return st, err
}

// TestAgainstTheModel in an order that is drawn.
func TestAgainstTheModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawSketch(rt)
		turns := rapid.SliceOfN(rapid.IntRange(0, 5), 0, 10).Draw(rt, "turns")
		members, flaws, asked, ok := s.run()
		var a *Answer
		var err error
		st, stuck := s.play(t, turns, func(p *Plan) { a, err = p.Run(context.Background(), Input{}) })
		if stuck != nil {
			rt.Fatal(stuck)
		}
		if ok != (err == nil) {
			rt.Fatalf("%v\nwant an answer: %v\n%+v", err, ok, *s)
		}
		for name, n := range st.asked {
			if n > 1 {
				rt.Fatalf("%s was asked %d times", name, n)
			}
			if ok && !asked[name] {
				rt.Fatalf("%s was asked", name)
			}
		}
		if !ok {
			return
		}
		body, err := document(string(a.Body))
		if err != nil {
			rt.Fatalf("%v: %s", err, a.Body)
		}
		got := body.(map[string]any)
		delete(got, "_meta")
		if !reflect.DeepEqual(got, members) {
			want, _ := json.Marshal(members)
			rt.Fatalf("got  %s\nwant %s\n%+v", a.Body, want, *s)
		}
		if got := withoutCauses(a.Flaws); !reflect.DeepEqual(got, flaws) {
			rt.Fatalf("got  %+v\nwant %+v", got, flaws)
		}
	})
}

func withoutCauses(flaws []Flaw) (out []modelFlaw) {
	for _, f := range flaws {
		out = append(out, modelFlaw{f.Part, f.State, f.Items})
	}
	return eachOnce(out)
}

func byPart(flaws []modelFlaw) []modelFlaw {
	flaws = slices.Clone(flaws)
	slices.SortStableFunc(flaws, func(a, b modelFlaw) int { return strings.Compare(a.Part, b.Part) })
	return flaws
}

// TestWhatIsStreamedIsWhatIsSentWhole: each member once, as soon as nothing is missing
// of it, and the same as in the whole answer.
func TestWhatIsStreamedIsWhatIsSentWhole(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawSketch(rt)
		members, flaws, _, ok := s.run()
		turns := rapid.SliceOfN(rapid.IntRange(0, 5), 0, 10).Draw(rt, "turns")
		sent, told := map[string]any{}, map[string]bool{}
		var of []Flaw
		var a *Answer
		var err error
		var odd error // of what is sent
		_, stuck := s.play(t, turns, func(p *Plan) {
			a, err = p.Stream(context.Background(), Input{}, func(section Section) error {
				if told[section.Name] {
					odd = fmt.Errorf("%s is sent twice", section.Name)
				}
				told[section.Name] = true
				if section.Body != nil {
					doc, err := document(string(section.Body))
					odd = errors.Join(odd, err)
					sent[section.Name] = doc
				}
				of = append(of, section.Flaws...)
				return nil
			})
		})
		if odd = errors.Join(odd, stuck); odd != nil {
			rt.Fatal(odd)
		}
		if ok != (err == nil) {
			rt.Fatalf("%v, want an answer: %v", err, ok)
		}
		if !ok {
			return
		}
		if !reflect.DeepEqual(sent, members) || a.Body != nil {
			rt.Fatalf("sent %v, want %v", sent, members)
		}
		if got := withoutCauses(a.Flaws); !reflect.DeepEqual(got, flaws) || !reflect.DeepEqual(byPart(withoutCauses(of)), byPart(flaws)) {
			rt.Fatalf("got  %+v\nwant %+v, with the sections %+v", got, flaws, of)
		}
		if !json.Valid(a.Meta()) {
			rt.Fatalf("%s", a.Meta())
		}
	})
}
