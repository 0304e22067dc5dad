package main

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
