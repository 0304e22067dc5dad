// Package posters draws a poster for every film: there are no pictures in the
// data, and the demo shall not need the network to look like a film store. A
// poster is a small SVG with colours and shapes that follow from the film's id,
// so it is the same every time and never changes under its URL:
//
//	GET /posters/{id}/{width}x{height}.svg      200 · 400 · 404
//
// Width and height are 60 to 3840 pixels.
package posters

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/triptych-bff/triptych/deploy/services/chance"
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

// Color returns the main colour of an id, "#a1b2c3": what stands where the
// picture will be.
func Color(id string) string { return hsl(hue(id), 0.45, 0.32) }

func hue(id string) float64 { return chance.Of("hue", id).Float() }

// Draw returns the poster as an SVG document: a gradient, three discs of light,
// and title and year at the lower left.
func Draw(f *films.Film, width, height int) []byte {
	c, h := chance.Of("poster", f.ID), hue(f.ID)
	w, short := float64(width), float64(min(width, height))
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img">`, width, height)
	fmt.Fprintf(&b, `<title>%s (%d)</title>`, escape.Replace(f.Title), f.Year)
	fmt.Fprintf(&b, `<defs><linearGradient id="g" gradientTransform="rotate(%d .5 .5)">`, c.Between(20, 80))
	fmt.Fprintf(&b, `<stop offset="0" stop-color="%s"/><stop offset="1" stop-color="%s"/></linearGradient>`,
		hsl(h, 0.55, 0.42), hsl(math.Mod(h+0.12, 1), 0.6, 0.12))
	b.WriteString(`<linearGradient id="s" x2="0" y2="1"><stop offset=".45" stop-opacity="0"/><stop offset="1" stop-opacity=".65"/></linearGradient></defs>`)
	b.WriteString(`<rect width="100%" height="100%" fill="url(#g)"/>`)
	for range 3 {
		fmt.Fprintf(&b, `<circle cx="%.0f" cy="%.0f" r="%.0f" fill="%s" opacity=".%d"/>`,
			w*c.Float(), float64(height)*0.7*c.Float(), short*(0.15+0.3*c.Float()), hsl(math.Mod(h+0.3*c.Float(), 1), 0.7, 0.6), c.Between(15, 35))
	}
	b.WriteString(`<rect width="100%" height="100%" fill="url(#s)"/>`)
	caption(&b, f, w, float64(height))
	b.WriteString(`</svg>`)
	return []byte(b.String())
}

// caption writes title and year from the bottom up, so that a long title grows
// into the picture and not out of it.
func caption(b *strings.Builder, f *films.Film, width, height float64) {
	font := max(min(width, height)/10, 8)
	margin := font * 0.8
	lines := wrap(f.Title, int((width-2*margin)/(font*0.56)))
	fmt.Fprintf(b, `<g font-family="Helvetica,Arial,sans-serif" fill="#fff" font-size="%.1f">`, font)
	y := height - margin - font*1.1
	for i := len(lines) - 1; i >= 0; i-- {
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" font-weight="700">%s</text>`, margin, y-float64(len(lines)-1-i)*font*1.15, escape.Replace(lines[i]))
	}
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" font-size="%.1f" opacity=".8">%d</text></g>`, margin, height-margin, font*0.7, f.Year)
}

// wrap breaks the text into at most five lines of about n letters. A longer
// word has a line of its own; what does not fit becomes "…".
func wrap(text string, n int) []string {
	const most = 5
	var lines []string
	for _, word := range strings.Fields(text) {
		last := len(lines) - 1
		if last >= 0 && len([]rune(lines[last]))+1+len([]rune(word)) <= n {
			lines[last] += " " + word
			continue
		}
		if len(lines) == most {
			lines[last] += " …"
			break
		}
		lines = append(lines, word)
	}
	return lines
}

// escape makes text safe inside an element (XML 1.0, section 2.4).
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// hsl returns a colour, of hue, saturation and lightness from 0 to 1, as
// "#rrggbb" (CSS Color 4, section 7.1).
func hsl(h, s, l float64) string {
	channel := func(n float64) int {
		k := math.Mod(n+h*12, 12)
		return int(math.Round(255 * (l - s*min(l, 1-l)*max(-1, min(k-3, 9-k, 1)))))
	}
	return fmt.Sprintf("#%02x%02x%02x", channel(0), channel(8), channel(4))
}
