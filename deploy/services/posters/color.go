package posters

import (
	"fmt"
	"math"

	"github.com/triptych-bff/triptych/deploy/services/chance"
	"github.com/triptych-bff/triptych/deploy/services/films"
)

// Color returns the main colour of an id, "#a1b2c3": what stands where the
// picture will be.
func Color(id string) string { return hsl(hue(id), 0.45, 0.32) }

func hue(id string) float64 { return chance.Of("hue", id).Float() }

// A palette is the few colours of one poster. Night posters have a dark ground
// and light ink, day posters the opposite.
type palette struct {
	ground, far, mid, near string // from the sky to what is closest
	light, accent, ink     string
}

// paint chooses the palette around the film's own hue. Old films are nearly
// monochrome and warm; the nearer to the eighties, the more colourful.
func paint(f *films.Film, c *chance.Chance, day bool) palette {
	h := perceived(hue(f.ID))
	chroma := map[int]float64{191: 0.35, 192: 0.35, 193: 0.4, 194: 0.5, 195: 0.7, 196: 0.9, 197: 0.9, 198: 1.2, 199: 1.05}[f.Year/10]
	if chroma == 0 {
		chroma = 1
	}
	if chroma < 0.6 {
		h = 55 + (h-180)/6
	}
	if h > 80 && h < 125 && !day { // dark yellow is mud: amber or green
		h = map[bool]float64{true: 66, false: 140}[h < 102]
	}
	shift := chance.Pick(c, []float64{35, -40, 150, 180, 210})
	color := func(l, ch, h float64) string { return oklch(l, ch*chroma, h) }
	if day {
		return palette{
			ground: color(0.91, 0.045, h+20), far: color(0.80, 0.09, h), mid: color(0.62, 0.14, h), near: color(0.33, 0.08, h),
			light: color(0.97, 0.02, h), accent: color(0.64, 0.19, h+shift), ink: color(0.26, 0.06, h),
		}
	}
	return palette{
		ground: color(0.30, 0.075, h), far: color(0.45, 0.11, h), mid: color(0.25, 0.07, h-12), near: color(0.16, 0.045, h-20),
		light: color(0.90, 0.07, h+shift/3), accent: color(0.70, 0.17, h+shift), ink: color(0.96, 0.02, h),
	}
}

// perceived is the angle in OKLCH that looks like a hue from 0 to 1 in HSL.
func perceived(hue float64) float64 {
	angles := []float64{29, 110, 142, 195, 264, 328, 389} // red, yellow, green, cyan, blue, magenta, red
	i := int(hue * 6)
	return angles[i] + (angles[i+1]-angles[i])*(hue*6-float64(i))
}

// oklch returns a colour of lightness 0 to 1, chroma and hue in degrees as
// "#rrggbb" (CSS Color 4, section 9.4): colours that differ in hue alone look
// equally light. What a screen cannot show is brought to the nearest it can.
func oklch(l, chroma, degrees float64) string {
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	a, b := chroma*cos, chroma*sin
	cube := func(x float64) float64 { return x * x * x }
	p := cube(l + 0.3963377774*a + 0.2158037573*b)
	q := cube(l - 0.1055613458*a - 0.0638541728*b)
	r := cube(l - 0.0894841775*a - 1.2914855480*b)
	return rgb(
		gamma(4.0767416621*p-3.3077115913*q+0.2309699292*r),
		gamma(-1.2684380046*p+2.6097574011*q-0.3413193965*r),
		gamma(-0.0041960863*p-0.7034186147*q+1.7076147010*r),
	)
}

// gamma is the transfer function of sRGB.
func gamma(x float64) float64 {
	if x <= 0.0031308 {
		return 12.92 * x
	}
	return 1.055*math.Pow(x, 1/2.4) - 0.055
}

// hsl returns a colour, of hue, saturation and lightness from 0 to 1, as
// "#rrggbb" (CSS Color 4, section 7.1).
func hsl(h, s, l float64) string {
	channel := func(n float64) float64 {
		k := math.Mod(n+h*12, 12)
		return l - s*min(l, 1-l)*max(-1, min(k-3, 9-k, 1))
	}
	return rgb(channel(0), channel(8), channel(4))
}

// rgb writes channels from 0 to 1.
func rgb(r, g, b float64) string {
	byteOf := func(x float64) int { return int(math.Round(255 * max(0, min(1, x)))) }
	return fmt.Sprintf("#%02x%02x%02x", byteOf(r), byteOf(g), byteOf(b))
}
