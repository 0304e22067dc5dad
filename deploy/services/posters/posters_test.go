package posters

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

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
		if text := wellFormed(t, svg); !strings.HasPrefix(text, f.Title) || len(svg) > 3000 {
			t.Errorf("%s: %d bytes, %q", f.ID, len(svg), text)
		}
		if !bytes.Equal(svg, Draw(f, 240, 360)) {
			t.Errorf("%s is drawn anew", f.ID)
		}
	}
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
