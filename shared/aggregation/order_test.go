package aggregation

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// TestTheOrderOfArrivalDoesNotMatter: the same answers of the services give the same
// bytes. Of several failures behind one missing part the first to arrive is the one that
// is told, so causes are left out where something is missing.
func TestTheOrderOfArrivalDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawSketch(rt)
		var first []byte
		for i := range 4 {
			turns := rapid.SliceOfN(rapid.IntRange(0, 5), 0, 12).Draw(rt, "turns")
			var a *Answer
			var err error
			if _, stuck := s.play(t, turns, func(p *Plan) { a, err = p.Run(context.Background(), Input{}) }); stuck != nil {
				rt.Fatal(stuck)
			}
			var got []byte
			switch {
			case err != nil:
				got = []byte("none")
			case len(a.Flaws) == 0:
				got = a.Body
			default:
				got, _, _ = bytes.Cut(a.Body, []byte(`"_meta"`))
				got = fmt.Append(got, withoutCauses(a.Flaws), a.Completeness(), a.CacheControl)
			}
			if i == 0 {
				first = bytes.Clone(got)
			} else if !bytes.Equal(first, got) {
				rt.Fatalf("%s\n%s\n%+v", first, got, *s)
			}
		}
	})
}

// TestAFailureAndASkip: what uses one call that fails and another that is skipped fails,
// whichever of the two is known first.
func TestAFailureAndASkip(t *testing.T) {
	s := &sketch{
		calls: []sketchCall{
			{},
			{}, // the first says whether there is a third, and the second fails
			{when: &sketchWhen{value: sketchValue{of: 0, path: "id"}}},
			{uses: []sketchValue{{of: 1, path: "id"}, {of: 2, path: "id"}}},
		},
		parts:   []sketchPart{{name: "a", call: 0, join: -1}, {name: "b", call: 3, join: -1, otherwise: "omit"}},
		answers: map[string]string{"c0": `{}`, "c1": ``, "c2": `{"id":1}`, "c3": `{"id":1}`},
	}
	for _, turns := range [][]int{{0, 0}, {1, 0}} {
		var a *Answer
		var err error
		_, stuck := s.play(t, turns, func(p *Plan) { a, err = p.Run(context.Background(), Input{}) })
		if err != nil || stuck != nil {
			t.Fatal(err, stuck)
		}
		if got := a.Completeness(); got != `partial, missing=("b")` {
			t.Errorf("turns %v: %s", turns, got)
		}
	}
}
