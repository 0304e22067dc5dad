package main

import (
	"time"

	"github.com/triptych-bff/triptych/shared/aggregation"
)

// home is the first screen of the television app: rows that the set draws as
// they come. The first four bring their films along; the others are shells, which
// the set fills one by one as the focus comes near.
func home(up upstreams) aggregation.Endpoint {
	const filled, most = 4, 8
	all := rows(up, most, "")

	var parts []aggregation.Part
	for _, r := range all[:filled] {
		parts = append(parts, r.part())
	}
	return aggregation.Endpoint{
		Route: "GET /v1/home", Policy: "member", Limits: []string{"user"}, Budget: 4 * time.Second,
		Parts:   parts,
		Compose: screen(all[:filled], all[filled:]),
	}
}

// focus is a place on the screen.
type focus struct {
	Row   int `json:"row"`
	Index int `json:"index"`
}

// screen puts rows with films before those without. A row that has none to bring
// is not there: nothing on the screen can take the focus and then do nothing.
func screen(filled, shells []row) aggregation.Compose {
	return func(dst []byte, part func(name string) []byte) ([]byte, error) {
		s := struct {
			FirstFocus *focus `json:"first_focus"` // nil: nothing has films yet
			Rows       []line `json:"rows"`
		}{Rows: []line{}}
		for _, r := range filled {
			films := part(r.id)
			if films == nil {
				continue
			}
			l, err := r.filled(films)
			if err != nil {
				return nil, err
			}
			if len(l.Items) > 0 {
				l.State = "filled"
				s.Rows, s.FirstFocus = append(s.Rows, l), &focus{}
			}
		}
		for _, r := range shells {
			s.Rows = append(s.Rows, r.shell())
		}
		return appendJSON(dst, s, nil)
	}
}
