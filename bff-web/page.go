package main

import (
	"encoding/json"

	"github.com/triptych-bff/triptych/shared/aggregation"
)

// head is what a page has before its parts.
type head struct {
	SEO   seo   `json:"seo"`
	Hints hints `json:"_hints"`
}

// seo is what the page says of itself: its title and its meta elements.
type seo struct {
	Title       string `json:"title"`
	Description string `json:"description"`
	Canonical   string `json:"canonical"` // below the origin that serves the app
	Image       string `json:"image,omitempty"`
}

// hints are what the browser had better fetch before it draws.
type hints struct {
	Preload []preload `json:"preload"`
}

// preload is a link element of this relation.
type preload struct {
	Href string `json:"href"`
	As   string `json:"as"`
}

// page puts a head before the parts that are there. The head is made of parts, and
// of less where one is missing.
func page(parts []aggregation.Part, head func(part func(name string) []byte) (head, error)) aggregation.Compose {
	return func(dst []byte, part func(name string) []byte) ([]byte, error) {
		h, err := head(part)
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(h)
		if err != nil {
			return nil, err
		}
		dst = append(dst, text[:len(text)-1]...)
		for _, p := range parts {
			if shown := part(p.Name); shown != nil {
				dst = append(append(dst, `,"`+p.Name+`":`...), shown...)
			}
		}
		return append(dst, '}'), nil
	}
}

// pictures are a film's, of each layout the largest last.
type pictures []struct{ URL, Layout string }

// largest is the address of the largest picture of the layout.
func (p pictures) largest(layout string) string {
	address := ""
	for _, picture := range p {
		if picture.Layout == layout {
			address = picture.URL
		}
	}
	return address
}

// images has pictures fetched early; "" is none.
func images(addresses ...string) hints {
	h := hints{Preload: []preload{}}
	for _, address := range addresses {
		if address != "" {
			h.Preload = append(h.Preload, preload{Href: address, As: "image"})
		}
	}
	return h
}
