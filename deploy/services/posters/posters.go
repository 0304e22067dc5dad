// Package posters draws a poster for every film: there are no pictures in the
// data, and the demo shall not need the network to look like a film store. A
// poster is a small SVG: a scene in the manner of the genre, in colours of the
// decade, with the title set so that it fits. All of it follows from what is
// known of the film, so it is the same every time and never changes under its
// URL:
//
//	GET /posters/{id}/{width}x{height}.svg      200 · 400 · 404
//
// Width and height are 60 to 3840 pixels.
package posters

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/triptych-bff/triptych/deploy/services/films"
	"github.com/triptych-bff/triptych/deploy/services/rest"
)

const (
	smallest = 60
	largest  = 3840
)

// URL returns where the poster of that size lies below base.
func URL(base, id string, width, height int) string {
	return fmt.Sprintf("%s/posters/%s/%dx%d.svg", strings.TrimSuffix(base, "/"), id, width, height)
}

// Handler serves the posters of the shelf's films.
func Handler(shelf *films.Shelf) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /posters/{id}/{file}", func(w http.ResponseWriter, r *http.Request) {
		f := shelf.Film(r.PathValue("id"))
		if f == nil {
			rest.Refuse(w, http.StatusNotFound, fmt.Sprintf("there is no film %q", r.PathValue("id")))
			return
		}
		width, height, err := size(r.PathValue("file"))
		if err != nil {
			rest.Refuse(w, http.StatusBadRequest, err.Error())
			return
		}
		rest.Write(w, http.StatusOK, "image/svg+xml", rest.Forever, Draw(f, width, height))
	})
	return rest.Handler(mux)
}

func size(file string) (width, height int, err error) {
	name, isSVG := strings.CutSuffix(file, ".svg")
	w, h, isPair := strings.Cut(name, "x")
	width, errW := strconv.Atoi(w)
	height, errH := strconv.Atoi(h)
	if !isSVG || !isPair || errW != nil || errH != nil {
		return 0, 0, fmt.Errorf("a poster is named <width>x<height>.svg, not %q", file)
	}
	if min(width, height) < smallest || max(width, height) > largest {
		return 0, 0, fmt.Errorf("width and height must be %d to %d, not %dx%d", smallest, largest, width, height)
	}
	return width, height, nil
}
