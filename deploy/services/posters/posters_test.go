package posters

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/triptych-bff/triptych/deploy/services/chance"
	"github.com/triptych-bff/triptych/deploy/services/films"
)

// wellFormed returns the text of the document, or fails.
func wellFormed(t *testing.T, svg []byte) string {
	t.Helper()
	var text strings.Builder
	for d := xml.NewDecoder(strings.NewReader(string(svg))); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return text.String()
		}
		if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
		if data, ok := token.(xml.CharData); ok {
			text.Write(data)
		}
	}
}

func TestEveryPoster(t *testing.T) {
	shelf, err := films.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range shelf.All() {
		svg := Draw(f, 240, 360)
		if text := wellFormed(t, svg); !strings.HasPrefix(text, f.Title) || len(svg) > 4000 {
			t.Errorf("%s: %d bytes, %q", f.ID, len(svg), text)
		}
		if !bytes.Equal(svg, Draw(f, 240, 360)) {
			t.Errorf("%s is drawn anew", f.ID)
		}
	}
}

// TestTitlesFit: inside the picture, at a size that can be read, and whole.
func TestTitlesFit(t *testing.T) {
	shelf, err := films.Load()
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`<text x="8" y="([\d.]+)" font-size="([\d.]+)" font-weight="\d+" textLength="([\d.]+)"[^>]*>([^<]*)`)
	for _, f := range shelf.All() {
		for _, format := range [][2]int{{120, 180}, {416, 234}, {1920, 1080}, {300, 300}} {
			w := 100 * float64(format[0]) / float64(min(format[0], format[1]))
			var words []string
			for _, m := range line.FindAllStringSubmatch(string(Draw(f, format[0], format[1])), -1) {
				y, size, length := number(t, m[1]), number(t, m[2]), number(t, m[3])
				if y < size || 8+length > w-7.9 || size < 6 || size > 17 {
					t.Errorf("%s %v: %q of size %v and length %v at %v", f.ID, format, m[4], size, length, y)
				}
				words = append([]string{m[4]}, words...) // from the bottom up
			}
			if got := strings.Join(words, " "); !strings.EqualFold(got, escape.Replace(f.Title)) {
				t.Errorf("%s %v: the title reads %q", f.ID, format, got)
			}
		}
	}
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestEveryGenreHasScenes(t *testing.T) {
	shelf, err := films.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range shelf.All() {
		if len(scenesOf(f)) == 0 {
			t.Fatalf("there is no scene for %q", f.Genre)
		}
	}
}

// TestContrast: a title can be read on every ground that scenes lay for it
// (WCAG 2.2, 1.4.3).
func TestContrast(t *testing.T) {
	shelf, err := films.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range shelf.All() {
		c := chance.Of("poster", f.ID)
		day, night := paint(f, c, true), paint(f, c, false)
		for _, pair := range [][2]string{{day.ink, day.ground}, {day.light, day.near}, {night.ink, night.ground}, {night.ink, night.near}, {night.light, night.near}} {
			a, b := luminance(t, pair[0]), luminance(t, pair[1])
			if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < 4.5 {
				t.Errorf("%s: %s on %s is %.1f", f.ID, pair[0], pair[1], ratio)
			}
		}
	}
}

func luminance(t *testing.T, color string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		v, err := strconv.ParseUint(color[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		sum += weight * math.Pow((float64(v)/255+0.055)/1.055, 2.4)
	}
	return sum
}

func TestEscaped(t *testing.T) {
	f := &films.Film{ID: "x", Title: `<script>alert("&")</script> ` + strings.Repeat("long ", 60), Year: 1999}
	if svg := string(Draw(f, 240, 360)); strings.Contains(svg, "<script") || !strings.Contains(svg, "…") {
		t.Error(svg)
	}
}

func TestHandler(t *testing.T) {
	shelf, err := films.Load()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(Handler(shelf))
	defer server.Close()
	for path, status := range map[string]int{
		"/posters/leon-1994/240x360.svg":   200,
		"/posters/leon-1994/1920x1080.svg": 200,
		"/posters/nobody/240x360.svg":      404,
		"/posters/leon-1994/240x360.png":   400,
		"/posters/leon-1994/24x36.svg":     400,
		"/posters/leon-1994/9999x360.svg":  400,
		"/posters/leon-1994/x.svg":         400,
		"/posters/leon-1994":               404,
	} {
		resp, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != status {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, status)
		}
		cached := strings.Contains(resp.Header.Get("Cache-Control"), "immutable")
		if cached != (status == 200) {
			t.Errorf("%s: Cache-Control %q", path, resp.Header.Get("Cache-Control"))
		}
	}
}

func TestColor(t *testing.T) {
	for got, want := range map[string]string{
		hsl(0, 1, 0.5): "#ff0000", hsl(1.0/3, 1, 0.5): "#00ff00", hsl(2.0/3, 1, 0.25): "#000080", hsl(0.4, 0, 1): "#ffffff",
		oklch(1, 0, 0): "#ffffff", oklch(0, 0, 0): "#000000", oklch(0.628, 0.2577, 29.23): "#ff0000", oklch(0.452, 0.3132, 264.05): "#0000ff",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if c := Color("leon-1994"); !regexp.MustCompile(`^#[0-9a-f]{6}$`).MatchString(c) {
		t.Error(c)
	}
}

func FuzzSize(f *testing.F) {
	for _, seed := range []string{"240x360.svg", "x.svg", "-1x2.svg", "99999999999999999999x1.svg", "240x360.svg.svg", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		w, h, err := size(file)
		if err == nil && (w < smallest || h < smallest || w > largest || h > largest) {
			t.Errorf("%q is %dx%d", file, w, h)
		}
	})
}
