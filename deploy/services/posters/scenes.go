package posters

import (
	"fmt"
	"math"

	"github.com/triptych-bff/triptych/deploy/services/chance"
	"github.com/triptych-bff/triptych/deploy/services/films"
)

// A scene is what a poster shows behind its title.
type scene struct {
	draw func(*canvas)
	day  bool
}

// scenes by genre; a film has one of its genre's.
var scenes = map[string][]scene{
	"Drama":               {{horizon, false}, {doors, false}, {doors, true}, {couple, true}, {ridges, false}},
	"Comedy":              {{tiles, true}, {balloons, true}, {rays, true}, {tiles, true}},
	"Black Comedy":        {{tiles, false}, {spiral, true}},
	"Romantic Comedy":     {{couple, true}, {balloons, true}, {couple, false}},
	"Action":              {{rays, false}, {speed, false}, {shards, false}},
	"Adventure":           {{ridges, true}, {ridges, false}, {planet, false}},
	"Thriller/Suspense":   {{vertigo, false}, {blinds, false}, {spiral, false}, {shards, false}},
	"Horror":              {{forest, false}, {vertigo, false}, {eye, false}},
	"Musical":             {{sound, true}, {sound, false}},
	"Concert/Performance": {{sound, false}},
	"Documentary":         {{globe, true}, {globe, false}},
	"Western":             {{mesa, true}, {mesa, false}},
	"":                    {{tiles, true}, {horizon, false}, {spiral, false}, {doors, false}, {globe, true}, {ridges, false}},
}

func scenesOf(f *films.Film) []scene {
	if f.CreativeType == "Science Fiction" {
		return []scene{{planet, false}, {grid, false}, {speed, false}, {planet, false}, {grid, false}}
	}
	return scenes[f.Genre]
}

// floor lays the ground on which the title stands.
func (p *canvas) floor(fill string) {
	p.add(`<linearGradient id="f" x2="0" y2="1"><stop offset=".4" stop-color="%s" stop-opacity="0"/><stop offset=".8" stop-color="%[1]s"/></linearGradient>`, fill)
	p.rect(0, 0, p.w, p.h, "url(#f)")
}

// horizon: a low sun over water.
func horizon(p *canvas) {
	r := p.within(24, 32)
	line := p.y + r*0.35
	p.add(`<clipPath id="c"><path d="M0 0h%sv%sh-%[1]sz"/></clipPath><g clip-path="url(#c)">`, n(p.w), n(line))
	p.circle(p.x, p.y, r, p.accent)
	p.WriteString(`</g>`)
	p.rect(0, line, p.w, p.h-line, p.mid)
	for i := range 7 {
		width := r * 1.8 * (1 - float64(i)*0.12) * p.within(0.7, 1)
		p.rect(p.x-width/2+p.within(-3, 3), line+2+float64(i)*4.2, width, 1.9-float64(i)*0.18, p.accent)
	}
	p.floor(p.near)
}

// doors: one inside the other, and somebody before them.
func doors(p *canvas) {
	fills := []string{p.mid, p.far, p.accent, p.light, p.near}
	base := p.y + 44
	for i, fill := range fills {
		r := 36 - float64(i)*7.2
		p.add(`<path d="M%s %sV%sa%s %[4]s 0 0 1 %s 0V%[2]sz" fill="%[6]s"/>`, n(p.x-r), n(base), n(p.y), n(r), n(2*r), fill)
	}
	p.rect(0, base, p.w, p.h-base, p.ground)
	p.shape(p.near, p.x-7.2, base, p.x+7.2, base, p.x+30, p.h, p.x-2, p.h)
	p.floor(p.ground)
}

// couple: two discs and what they share.
func couple(p *canvas) {
	r, d := p.within(25, 29), p.within(13, 19)
	tilt := p.within(-10, 10)
	p.circle(p.x-d, p.y-tilt, r, p.accent)
	p.circle(p.x+d, p.y+tilt, r, p.mid)
	p.add(`<clipPath id="c"><circle cx="%s" cy="%s" r="%s"/></clipPath><g clip-path="url(#c)">`, n(p.x-d), n(p.y-tilt), n(r))
	p.circle(p.x+d, p.y+tilt, r, p.light)
	p.WriteString(`</g>`)
}

// ridges: mountains, one behind the other, and what rises above them.
func ridges(p *canvas) {
	p.circle(p.x+p.within(-14, 14), p.y-p.within(2, 12), p.within(13, 22), p.accent)
	for i, fill := range []string{p.far, p.mid, p.near} {
		top := p.y + 8 + float64(i)*17
		points := []float64{0, p.h, 0, top + p.within(-6, 8)}
		for x := p.within(8, 18); x < p.w; x += p.within(11, 24) {
			points = append(points, x, top+p.within(-15, 9))
		}
		p.shape(fill, append(points, p.w, top, p.w, p.h)...)
	}
	p.floor(p.near)
	p.ink = p.light
}

// mesa: tables of rock before a setting sun in stripes.
func mesa(p *canvas) {
	r := p.within(27, 34)
	p.circle(p.x, p.y, r, p.accent)
	for i := range 4 {
		p.rect(p.x-r, p.y+r*0.1+float64(i)*r*0.24, 2*r, 1+float64(i)*0.9, p.ground)
	}
	base := p.y + r*0.8
	p.rect(0, base, p.w, p.h-base, p.mid)
	for x := -p.within(0, 10); x < p.w; {
		wide, tall := p.within(9, 26), p.within(8, 30)
		p.shape(p.near, x-3, base+3, x+1, base-tall, x+wide-1, base-tall, x+wide+3, base+3)
		x += wide + p.within(12, 34)
	}
	p.rect(0, base+2, p.w, p.h-base, p.near)
	p.ink = p.light
}

// tiles: a wall of quarters, halves and dots.
func tiles(p *canvas) {
	const side = 25
	left, top := p.w-100, 0.0
	fills := []string{p.accent, p.mid, p.near, p.far, p.light}
	if p.upright {
		top = -side / 2.0 // what is left below is for the title
	}
	for i := range 16 {
		x, y := left+float64(i%4*side), top+float64(i/4*side)
		under := p.IntN(len(fills))
		over := fills[(under+p.Between(1, len(fills)-1))%len(fills)]
		p.rect(x, y, side, side, fills[under])
		switch turn := p.IntN(4); p.IntN(5) {
		case 0, 1:
			p.add(`<path d="M0 0h25a25 25 0 0 1-25 25z" transform="translate(%s %s)rotate(%d 12.5 12.5)" fill="%s"/>`, n(x), n(y), turn*90, over)
		case 2:
			p.add(`<path d="M0 0h25a12.5 12.5 0 0 1-25 0z" transform="translate(%s %s)rotate(%d 12.5 12.5)" fill="%s"/>`, n(x), n(y), turn*90, over)
		case 3:
			p.circle(x+side/2, y+side/2, p.within(5, 10), over)
		case 4:
			p.add(`<path d="M0 0h25L0 25z" transform="translate(%s %s)rotate(%d 12.5 12.5)" fill="%s"/>`, n(x), n(y), turn*90, over)
		}
	}
	p.rect(0, top+4*side, p.w, p.h, p.ground)
	p.rect(0, 0, left, p.h, p.ground)
}

// balloons: discs that rise.
func balloons(p *canvas) {
	fills := []string{p.accent, p.mid, p.far, p.light, p.accent, p.near}
	for i := range 6 {
		angle := float64(i)*2.4 + p.within(0, 0.8)
		d := 8 + float64(i)*5
		x, y, r := p.x+d*math.Cos(angle), p.y+d*0.85*math.Sin(angle), p.within(7, 17)
		p.add(`<path d="M%s %sV%s" stroke="%s" stroke-width=".4"/>`, n(x), n(y), n(p.h), p.near)
		p.circle(x, y, r, fills[i])
	}
	p.floor(p.ground)
}

// rays: everything comes from one point.
func rays(p *canvas) {
	count := p.Between(9, 15)
	turn, reach := p.Float(), p.w+p.h
	for i := range count {
		sin, cos := math.Sincos(2 * math.Pi * (float64(i) + turn) / float64(count))
		sin2, cos2 := math.Sincos(2 * math.Pi * (float64(i) + turn + 0.5) / float64(count))
		p.shape(p.mid, p.x, p.y, p.x+reach*cos, p.y+reach*sin, p.x+reach*cos2, p.y+reach*sin2)
	}
	r := p.within(17, 24)
	p.circle(p.x, p.y, r*1.25, p.light)
	p.circle(p.x, p.y, r, p.accent)
	p.floor(p.ground)
}

// speed: stripes that something has left behind.
func speed(p *canvas) {
	p.add(`<g transform="rotate(%s %s %s)">`, n(-p.within(18, 34)), n(p.x), n(p.y))
	fills := []string{p.accent, p.far, p.light, p.mid, p.accent, p.near, p.far}
	for i, fill := range fills {
		y := p.y - 28 + float64(i)*8.4
		end := p.x + p.within(-4, 34)
		p.add(`<path d="M%s %sH%s" stroke="%s" stroke-width="%s" stroke-linecap="round"/>`, n(-p.w), n(y), n(end), fill, n(p.within(2.5, 8)))
	}
	p.WriteString(`</g>`)
	p.floor(p.near)
}

// shards: broken glass.
func shards(p *canvas) {
	fills := []string{p.far, p.accent, p.mid, p.light, p.near, p.accent, p.far, p.mid}
	turn := p.within(0, 6)
	for i, fill := range fills {
		a, b := turn+float64(i)*0.785, turn+float64(i)*0.785+p.within(0.45, 0.8)
		inner, outer := p.within(3, 10), p.within(28, 58)
		p.shape(fill,
			p.x+inner*math.Cos(a), p.y+inner*math.Sin(a),
			p.x+outer*math.Cos(a), p.y+outer*math.Sin(a),
			p.x+outer*0.8*math.Cos(b), p.y+outer*0.8*math.Sin(b))
	}
	p.floor(p.near)
}

// vertigo: a tunnel that draws in.
func vertigo(p *canvas) {
	drift := p.within(-1.4, 1.4)
	for i := range 8 {
		fill := p.near
		if i%2 == 1 {
			fill = p.accent
		}
		p.circle(p.x+drift*float64(i), p.y+1.1*float64(i), 46-float64(i)*5.6, fill)
	}
	p.circle(p.x+drift*8, p.y+9, 3, p.light)
	p.floor(p.near)
}

// blinds: somebody's lamp behind them.
func blinds(p *canvas) {
	p.rect(0, 0, p.w, p.h, p.near)
	p.circle(p.x+p.within(-9, 9), p.y, p.within(28, 35), p.accent)
	p.circle(p.x+p.within(-6, 6), p.y+6, 9, p.near)
	p.add(`<ellipse cx="%s" cy="%s" rx="17" ry="20" fill="%s"/>`, n(p.x), n(p.y+34), p.near)
	p.add(`<path d="M0 3H%s" stroke="%s" stroke-width="%s"/>`, n(p.w), p.near, n(3))
	for y := 6.0; y < p.y+44; y += 8 {
		p.rect(0, y, p.w, 2.6, p.near)
	}
	p.floor(p.near)
}

// spiral: a stairwell from above, and light at the bottom of it.
func spiral(p *canvas) {
	fills := []string{p.accent, p.mid, p.far, p.near}
	p.rect(0, 0, p.w, p.h, p.near)
	turn := chance.Pick(p.Chance, []float64{-1, 1}) * p.within(9, 14)
	side := 80.0
	for i := range 10 {
		p.add(`<path d="M%s %sh%sv%[3]sh-%[3]sz" transform="rotate(%s %s %s)" fill="%s"/>`,
			n(p.x-side/2), n(p.y-side/2), n(side), n(turn*float64(i)), n(p.x), n(p.y), fills[i%len(fills)])
		side *= 0.8
	}
	p.circle(p.x, p.y, 3.4, p.light)
	p.floor(p.near)
	p.ink = p.light
}

// forest: a moon and trunks.
func forest(p *canvas) {
	p.circle(p.x+p.within(-12, 12), p.y, p.within(20, 29), p.light)
	for x := -2.0; x < p.w; x += p.within(7, 15) {
		wide, lean := p.within(1.5, 5.5), p.within(-4, 4)
		p.shape(p.near, x, p.h, x+lean+wide*0.3, 0, x+lean+wide*0.7, 0, x+wide, p.h)
		y := p.within(10, p.y+20)
		p.shape(p.near, x+wide/2, y+6, x+wide/2+p.within(-12, 12), y-7, x+wide/2, y+8)
	}
	p.floor(p.near)
}

// eye: it sees you.
func eye(p *canvas) {
	p.rect(0, 0, p.w, p.h, p.near)
	for i, fill := range []string{p.mid, p.far, p.light} {
		r := 46 - float64(i)*6
		p.add(`<path d="M%s %sQ%s %s %s %[2]sQ%[3]s %[6]s %[1]s %[2]sz" fill="%[7]s"/>`, n(p.x-r), n(p.y), n(p.x), n(p.y-r*1.05), n(p.x+r), n(p.y+r*1.05), fill)
	}
	p.circle(p.x, p.y, 15.5, p.accent)
	p.circle(p.x, p.y, p.within(6, 10), p.near)
	p.circle(p.x+4.5, p.y-4.5, 2.2, p.light)
	p.floor(p.near)
}

// sound: it spreads from below.
func sound(p *canvas) {
	x, y := p.x+p.within(-8, 8), p.y+26
	for i, stroke := range []string{p.accent, p.mid, p.light, p.far, p.accent, p.near} {
		p.ring(x, y, 60-float64(i)*9, 6.4, stroke)
	}
	p.circle(x, y, 7, p.accent)
	p.rect(0, y, p.w, p.h-y, p.ground)
}

// globe: meridians and parallels.
func globe(p *canvas) {
	r := p.within(31, 37)
	p.circle(p.x, p.y, r, p.mid)
	p.add(`<g fill="none" stroke="%s" stroke-width=".7">`, p.light)
	for i := range 4 {
		p.add(`<ellipse cx="%s" cy="%s" rx="%s" ry="%s"/>`, n(p.x), n(p.y), n(r*(0.12+0.28*float64(i))), n(r))
	}
	for i := -2; i <= 2; i++ {
		y := r * 0.33 * float64(i)
		half := math.Sqrt(r*r - y*y)
		p.add(`<path d="M%s %sh%s"/>`, n(p.x-half), n(p.y+y), n(2*half))
	}
	p.WriteString(`</g>`)
	p.circle(p.x+p.within(-r, r)*0.7, p.y+p.within(-r, r)*0.6, p.within(4, 8), p.accent)
}

// planet: with a ring, moons and stars.
func planet(p *canvas) {
	for range 16 {
		p.circle(p.within(0, p.w), p.within(0, p.h*0.7), p.within(0.2, 0.7), p.light)
	}
	r := p.within(20, 28)
	p.circle(p.x, p.y, r, p.accent)
	p.add(`<clipPath id="c"><circle cx="%s" cy="%s" r="%s"/></clipPath><g clip-path="url(#c)">`, n(p.x), n(p.y), n(r))
	p.circle(p.x+r*0.45, p.y+r*0.3, r*1.05, p.far)
	p.WriteString(`</g>`)
	p.add(`<g transform="rotate(%s %s %s)" fill="none" stroke="%s" stroke-width="1.6">`, n(p.within(-35, 35)), n(p.x), n(p.y), p.light)
	ring := fmt.Sprintf(`<path d="M%s %sa%s %s 0 0 0 %s 0"/>`, n(p.x-r*1.6), n(p.y), n(r*1.6), n(r*0.42), n(r*3.2))
	p.WriteString(ring + `</g>`)
	p.circle(p.x+p.within(24, 36), p.y-p.within(18, 30), p.within(2, 5), p.light)
	p.floor(p.near)
}

// grid: a plain of light that ends at a sun.
func grid(p *canvas) {
	r := p.within(22, 28)
	line := p.y + r*0.6
	p.circle(p.x, p.y, r, p.accent)
	p.rect(0, line, p.w, p.h-line, p.near)
	p.add(`<g stroke="%s" stroke-width=".5">`, p.accent)
	for i := -6; i <= 6; i++ {
		p.add(`<path d="M%s %sL%s %s"/>`, n(p.x+float64(i)*9), n(line), n(p.x+float64(i)*44), n(p.h))
	}
	for i := range 7 {
		p.add(`<path d="M0 %sh%s"/>`, n(line+1.6*float64(i*i)), n(p.w))
	}
	p.WriteString(`</g>`)
	p.floor(p.near)
}
