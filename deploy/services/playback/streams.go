package playback

import (
	"fmt"

	"github.com/triptych-bff/triptych/deploy/services/catalog"
	"github.com/triptych-bff/triptych/deploy/services/chance"
	"github.com/triptych-bff/triptych/deploy/services/films"
	"github.com/triptych-bff/triptych/deploy/services/world"
)

// Streams are all the forms in which a film can be played.
type Streams struct {
	FilmID     string     `json:"film_id"`
	DurationS  int        `json:"duration_s"`
	Items      []Stream   `json:"items"` // the best first
	Protection []Lock     `json:"protection"`
	Markers    []Marker   `json:"markers"`
	Thumbnails Thumbnails `json:"thumbnails"`
	Revision   string     `json:"revision"`
}

// Stream is one form.
type Stream struct {
	Quality     string   `json:"quality"` // sd, hd, uhd
	Manifest    string   `json:"manifest"`
	Protocol    string   `json:"protocol"`
	Codec       string   `json:"codec"`
	Width       int      `json:"width"`
	Height      int      `json:"height"`
	FrameRate   float64  `json:"frame_rate"`
	BitrateKbps int      `json:"bitrate_kbps"`
	SizeMB      int      `json:"size_mb"`
	HDR         bool     `json:"hdr"`
	Audio       []string `json:"audio"`     // languages
	Subtitles   []string `json:"subtitles"` // languages
	Origins     []string `json:"origins"`   // hosts, the nearest first
}

// Lock is one way in which the streams are protected.
type Lock struct {
	System  string `json:"system"`
	KeyID   string `json:"key_id"`
	License string `json:"license"`
}

// Marker is a span of the film that a player treats in its own way.
type Marker struct {
	Kind  string `json:"kind"` // intro, credits
	FromS int    `json:"from_s"`
	ToS   int    `json:"to_s"`
}

// Thumbnails are the small pictures that a player shows while one seeks.
type Thumbnails struct {
	URL       string `json:"url"`
	IntervalS int    `json:"interval_s"`
	Columns   int    `json:"columns"`
	Rows      int    `json:"rows"`
	Width     int    `json:"width"`
	Height    int    `json:"height"`
}

// forms are the qualities in which every film is there, the best first.
var forms = []Stream{
	{Quality: "uhd", Codec: "hvc1.2.4.L153", Width: 3840, Height: 2160, BitrateKbps: 15800},
	{Quality: "hd", Codec: "avc1.640028", Width: 1920, Height: 1080, BitrateKbps: 5800},
	{Quality: "sd", Codec: "avc1.4d401f", Width: 720, Height: 404, BitrateKbps: 1900},
}

// Manifest is where a player finds the film in one quality, which orders tell
// too.
func Manifest(f *films.Film, quality string) string {
	return "https://play.example.com/m/" + f.ID + "/" + quality + ".mpd"
}

// license is where a player gets the key of the film for one of the systems of
// protection.
func license(f *films.Film, system string) string {
	return "https://license.example.com/" + system + "/" + f.ID
}

func streams(f *films.Film) *Streams {
	c := chance.Of("streams", f.ID)
	seconds := int(world.Duration(f).Seconds())
	s := &Streams{FilmID: f.ID, DurationS: seconds, Revision: c.Hex(16)}
	audio, subtitles := catalog.Languages(f)
	for _, form := range forms {
		form.Manifest, form.Protocol, form.FrameRate = Manifest(f, form.Quality), "dash", 23.976
		form.BitrateKbps += form.BitrateKbps * c.Between(-12, 12) / 100
		form.SizeMB = form.BitrateKbps * seconds / 8 / 1000
		form.HDR = form.Quality == "uhd" && c.Is(0.5)
		form.Audio, form.Subtitles = audio, subtitles
		form.Origins = []string{"edge-1.play.example.com", "edge-2.play.example.com", "origin.play.example.com"}
		s.Items = append(s.Items, form)
	}
	for _, system := range []string{"widevine", "playready", "fairplay"} {
		s.Protection = append(s.Protection, Lock{System: system, KeyID: c.Hex(32), License: license(f, system)})
	}
	intro := c.Between(20, 140)
	s.Markers = []Marker{
		{"intro", intro, intro + c.Between(30, 90)},
		{"credits", seconds - c.Between(150, 480), seconds},
	}
	s.Thumbnails = Thumbnails{
		URL:       fmt.Sprintf("https://play.example.com/t/%s/%s-{n}.webp", f.ID, c.Hex(12)),
		IntervalS: 10, Columns: 10, Rows: 10, Width: 160, Height: 90,
	}
	return s
}
