package posters

import (
	"slices"
	"strings"
	"unicode"
)

// A face is a way to set a title: fonts that most machines have one of, and how
// wide their letters are on average, in ems.
type face struct {
	family       string
	weight       int
	upper        bool
	wide, narrow float64 // letters like M or capitals, and all others
}

var faces = map[string]face{
	"poster":   {"Futura,'Avenir Next','Century Gothic','Segoe UI','Helvetica Neue',Arial,sans-serif", 700, true, 0.70, 0.60},
	"plain":    {"'Helvetica Neue','Segoe UI',Roboto,Arial,sans-serif", 700, false, 0.70, 0.54},
	"book":     {"Didot,'Bodoni MT',Georgia,'Noto Serif','DejaVu Serif',serif", 400, false, 0.72, 0.53},
	"engraved": {"Optima,Georgia,'Noto Serif','DejaVu Serif',serif", 400, true, 0.74, 0.60},
}

// caption sets title, year and director at the lower left. A line is given the
// length that it is planned with, so it fits with whatever font there is.
func (p *canvas) caption() {
	const margin = 8
	f := faces[p.face()]
	title := p.film.Title
	if f.upper {
		title = strings.ToUpper(title)
	}
	width := p.w - 2*margin
	if !p.upright {
		width = max(60, p.w-100-margin)
	}
	lines, size := f.set(title, width, 45)
	p.add(`<g fill="%s" font-family="%s">`, p.ink, f.family)
	y := p.h - margin - 9
	for i := len(lines) - 1; i >= 0; i-- {
		p.add(`<text x="%d" y="%s" font-size="%s" font-weight="%d" textLength="%s" lengthAdjust="spacingAndGlyphs">%s</text>`,
			margin, n(y), n(size), f.weight, n(f.width(lines[i])*size), escape.Replace(lines[i]))
		y -= size * 1.05
	}
	p.credits(margin)
	p.WriteString(`</g>`)
}

// credits are the year and, on a picture large enough to read it, who made the
// film.
func (p *canvas) credits(margin float64) {
	p.add(`<text x="%s" y="%s" font-size="6" opacity=".85">%d</text>`, n(margin), n(p.h-margin), p.film.Year)
	if p.film.Director != "" && p.pixels >= 400 {
		p.add(`<text x="%s" y="%s" font-size="4" letter-spacing=".5" opacity=".85">%s</text>`,
			n(margin+19), n(p.h-margin), escape.Replace(strings.ToUpper(p.film.Director)))
	}
}

// width is how long the text is, in ems.
func (f face) width(text string) float64 {
	sum := 0.0
	for _, r := range text {
		switch {
		case strings.ContainsRune("ijltfrI1.,:;'!|-() ", r):
			sum += f.narrow * 0.55
		case unicode.IsUpper(r) || strings.ContainsRune("mwMW&", r):
			sum += f.wide
		default:
			sum += f.narrow
		}
	}
	return sum
}

// smallestType is where a title stops being legible on a small poster.
const smallestType = 6

// set breaks the title into lines for a box and says how large they can be.
// Words for which there is no room at a legible size become "…".
func (f face) set(title string, width, height float64) (lines []string, size float64) {
	words := strings.Fields(title)
	lines, size = f.fit(words, width, height)
	for size < smallestType && len(words) > 1 {
		words = words[:len(words)-1]
		lines, size = f.fit(append(slices.Clip(words), "…"), width, height)
	}
	return lines, size
}

// fit takes as many lines as let the words be largest, up to five. Another line
// must be worth it.
func (f face) fit(words []string, width, height float64) (lines []string, size float64) {
	const largestType, leading, worth = 17, 1.05, 1.12
	for count := 1; count <= 5; count++ {
		broken := f.balance(words, count)
		longest := 0.0
		for _, line := range broken {
			longest = max(longest, f.width(line))
		}
		if fits := min(largestType, width/longest, height/(leading*float64(len(broken)))); fits > size*worth {
			lines, size = broken, fits
		}
	}
	return lines, size
}

// balance breaks words into at most count lines, the longest as short as it can
// be.
func (f face) balance(words []string, count int) []string {
	for limit := f.width(strings.Join(words, " ")) / float64(count); ; limit *= 1.04 {
		lines := []string{words[0]}
		for _, word := range words[1:] {
			if last := lines[len(lines)-1] + " " + word; f.width(last) <= limit {
				lines[len(lines)-1] = last
				continue
			}
			lines = append(lines, word)
		}
		if len(lines) <= count {
			return lines
		}
	}
}

// face follows from genre and age.
func (p *canvas) face() string {
	switch {
	case p.film.Year < 1965 || p.film.Genre == "Western":
		return "engraved"
	case p.film.Genre == "Drama" || p.film.Genre == "Romantic Comedy" || p.film.Genre == "Musical":
		return "book"
	case strings.HasSuffix(p.film.Genre, "Comedy"):
		return "plain"
	}
	return "poster"
}
