package posters

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/triptych-bff/triptych/deploy/services/chance"
	"github.com/triptych-bff/triptych/deploy/services/films"
)

// A canvas is a poster being drawn. Its shorter side is 100 long, whatever the
// pixels, so that one drawing serves all sizes. The scene is around a focus:
// above the title in an upright format, right of it in a wide one.
type canvas struct {
	strings.Builder
	palette
	*chance.Chance
	film    *films.Film
	w, h    float64
	x, y    float64 // the focus
	pixels  int     // of the shorter side
	upright bool
}

// Draw returns the poster as an SVG document.
func Draw(f *films.Film, width, height int) []byte {
	c := chance.Of("poster", f.ID)
	s := chance.Pick(c, scenesOf(f))
	short := min(width, height)
	p := &canvas{
		palette: paint(f, c, s.day), Chance: c, film: f, pixels: short, upright: height >= width,
		w: 100 * float64(width) / float64(short), h: 100 * float64(height) / float64(short),
	}
	p.x, p.y = p.w/2, p.h*0.36
	if !p.upright {
		p.x, p.y = p.w-min(p.w/2, 56), 48
	}
	p.add(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %s %s" role="img">`, width, height, n(p.w), n(p.h))
	p.add(`<title>%s (%d)</title>`, escape.Replace(f.Title), f.Year)
	p.add(`<linearGradient id="g" x2="0" y2="1"><stop stop-color="%s"/><stop offset="1" stop-color="%s"/></linearGradient>`, p.far, p.ground)
	p.rect(0, 0, p.w, p.h, "url(#g)")
	s.draw(p)
	p.caption()
	p.WriteString(`</svg>`)
	return []byte(p.String())
}

func (p *canvas) add(format string, args ...any) { fmt.Fprintf(p, format, args...) }

func (p *canvas) rect(x, y, w, h float64, fill string) {
	p.add(`<path d="M%s %sh%sv%sh%sz" fill="%s"/>`, n(x), n(y), n(w), n(h), n(-w), fill)
}

func (p *canvas) circle(x, y, r float64, fill string) {
	p.add(`<circle cx="%s" cy="%s" r="%s" fill="%s"/>`, n(x), n(y), n(r), fill)
}

func (p *canvas) ring(x, y, r, width float64, stroke string) {
	p.add(`<circle cx="%s" cy="%s" r="%s" fill="none" stroke="%s" stroke-width="%s"/>`, n(x), n(y), n(r), stroke, n(width))
}

// shape is a path through points, x and y in turn.
func (p *canvas) shape(fill string, points ...float64) {
	p.WriteString(`<path d="M`)
	for i, v := range points {
		if i > 0 {
			p.WriteByte(' ')
		}
		p.WriteString(n(v))
	}
	p.add(`z" fill="%s"/>`, fill)
}

// within returns a number from low to high.
func (p *canvas) within(low, high float64) float64 { return low + (high-low)*p.Float() }

// n writes a number as short as a picture needs it.
func n(v float64) string {
	s := strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
	if s == "-0" {
		return "0"
	}
	return s
}

// escape makes text safe inside an element (XML 1.0, section 2.4).
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
